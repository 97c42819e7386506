"""From a run's step to the gate and out: the question, the recorded answer, the delivery inside the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from linli.engage import audience, gate, knowledge, library, models, purse, rules, words
from linli.engage import events as told
from linli.engage import playbook as p
from linli.engage.shapes import Reason
from linli.kernel import clocks, effects, events, work
from linli.kernel.models import Effect
from linli.people import consent
from linli.people import queries as people
from linli.trade import coupons


@dataclass(frozen=True)
class Scene:
    """What steps of one launch need, loaded once for many runs."""

    launch: models.Launch
    book: p.Playbook
    names: audience.Schema
    now: datetime
    zone: str
    policy: rules.Policy
    members: dict[int, people.MemberInfo]
    may_message: set[int]
    may_profile: set[int]
    leaders: set[int]
    why: dict[int, list[Reason]]
    shelf: knowledge.Shelf
    likely: dict[int, tuple[str, ...]]


def scene(launch: models.Launch, runs: Sequence[models.Run], now: datetime, book: p.Playbook | None = None) -> Scene:
    """Load it for these runs. `book`: for a launch that is only thought of (a preview), which says reasons and words of few."""
    ids = [r.member_id for r in runs]
    place = people.region(launch.region)
    return Scene(
        launch=launch,
        book=book or library.of(launch),
        names=knowledge.names(),
        now=now,
        zone=place.time_zone if place else "UTC",
        policy=gate.policy(launch.region),
        members=people.members(ids),
        may_message=consent.has_many(ids, "messages", region=launch.region),
        may_profile=consent.has_many(ids, "profiling", region=launch.region),
        leaders=set(people.leaders(launch.region)),
        why=knowledge.model_reasons(ids) if book is None else {},
        shelf=knowledge.shelf(launch.region),
        likely=knowledge.likely(ids, often=True) if book is None else {},
    )


def seen(member_id: int, community_id: int, here: Scene) -> rules.Seen:
    """What the gate sees of one member."""
    return rules.Seen(
        now=here.now,
        zone=here.zone,
        policy=here.policy,
        exists=member_id in here.members,
        running=here.launch.state == models.Launch.State.RUNNING,
        may_message=member_id in here.may_message,
        may_profile=member_id in here.may_profile,
        has_leader=community_id in here.leaders,
    )


def key_of(run: models.Run, step: str) -> str:
    """The effect's one key, from the run and the step and nothing else: no attempt, no worker, no time."""
    return f"run:{run.pk}/{step}"


def ask_of(run: models.Run, step: p.Effect, here: Scene, channel: str = "") -> rules.Ask:
    """The step's question to the gate."""
    return rules.Ask(
        channel=channel or step.channel,  # type: ignore[arg-type]
        arm=run.arm,
        member_id=run.member_id,
        community_id=run.community_id,
        cost_minor=here.book.cost(step, here.launch.currency),
        asked_at=run.since or here.now,
        hold_days=step.hold_days,
    )


def decide(run: models.Run, step: p.Effect, here: Scene, *, key: str = "", channel: str = "") -> rules.Answer:
    """Ask the gate, record the answer under the effect's key, deliver if it says send. Once answered, always so answered."""
    key = key or key_of(run, step.name)
    before = Effect.objects.select_for_update().filter(region=run.region, key=key).first()
    if before is not None and before.state != Effect.State.HELD:
        return _recorded(before)
    claims = gate.Tables(run.region, purse.budget_ref(here.launch), purse.reserved_ref(here.launch))
    answer = gate.answer(ask_of(run, step, here, channel), seen(run.member_id, run.community_id, here), claims, key)
    effect = _record(run, step, here, key, channel or step.channel, answer, before)
    if answer.kind == "send":
        kind = channel or step.channel
        effects.deliver_here(effect, lambda e: DELIVER[kind](run, step, here, e))
    if before is None or answer.kind != "hold" or before.reason != answer.reason:
        _tell(run, here, effect, step.name, answer)
    return answer


_STATES = {"send": Effect.State.HELD, "hold": Effect.State.HELD, "drop": Effect.State.DROPPED, "withhold": Effect.State.WITHHELD}


def _recorded(effect: Effect) -> rules.Answer:
    kinds = {Effect.State.DROPPED: "drop", Effect.State.WITHHELD: "withhold"}
    return rules.Answer(kinds.get(Effect.State(effect.state), "send"), effect.reason)  # type: ignore[arg-type]


def _record(run: models.Run, step: p.Effect, here: Scene, key: str, channel: str, answer: rules.Answer, before: Effect | None) -> Effect:
    state = _STATES[answer.kind]
    due_at = answer.until if answer.kind == "hold" else None
    if before is not None:
        effects.settle(before.pk, state=state, reason=answer.reason, due_at=due_at)
        return before
    effect, _ = effects.decide(
        key=key,
        kind=channel,
        subject=f"member:{run.member_id}",
        origin=origin(here.launch),
        region=run.region,
        state=state,
        reason=answer.reason,
        due_at=due_at,
        payload={
            "step": step.name,
            "arm": run.arm,
            "community_id": run.community_id,
            "words": drafted(run, step, here)[1] if run.member_id in here.members else "",
            "reasons": [asdict(r) for r in why(run, here)],
        },
    )
    return effect


def origin(launch: models.Launch) -> str:
    """How a launch's effects are named in the log."""
    return f"launch:{launch.pk}"


def why(run: models.Run, here: Scene) -> list[Reason]:
    """The reasons for this member."""
    return knowledge.reasons(run.facts, here.why.get(run.member_id, ()))


def _tell(run: models.Run, here: Scene, effect: Effect, step: str, answer: rules.Answer) -> None:
    fact = told.EffectDecided(
        effect_key=effect.key,
        launch_id=here.launch.pk,
        playbook=here.launch.slug,
        step=step,
        channel=effect.kind,
        member_id=run.member_id,
        community_id=run.community_id,
        arm=run.arm,
        answer=answer.kind,
        reason=answer.reason,
    )
    events.append(fact, region=run.region, subject=f"member:{run.member_id}")


def offers(step: p.Effect, book: p.Playbook, currency: str) -> tuple[words.Offer, ...]:
    """The step's coupons as words may speak of them."""
    found = (book.coupon(name) for name in step.coupons)
    return tuple(words.Offer(c.name, c.face_minor[currency], c.minimum_minor[currency], c.valid_days, c.category) for c in found)


def drafted(run: models.Run, step: p.Effect, here: Scene) -> tuple[str, str]:
    """Title and words in the member's language, filled from facts and coupons; ("", "") for a coupon without words."""
    member = here.members[run.member_id]
    language = "en" if member.language.startswith("en") else "zh"
    if language not in step.words:
        return "", ""
    values = words.values(
        language=language,
        surname=member.surname,
        usual=here.shelf.usual(run.community_id, here.likely.get(run.member_id) or run.facts.get("favourite_products") or [], language),
        recency_days=run.facts.get("recency_days"),
        gap_days=run.facts.get("gap_median_days"),
        coupons=offers(step, here.book, here.launch.currency),
        currency=here.launch.currency,
    )
    say = step.words[language]
    return (words.fill((say.title,), values) if say.title else ""), words.fill(say.choices, values)


# --- deliveries, all inside the database ------------------------------------------------------------------


def _pack(step: p.Effect, here: Scene) -> list[dict[str, Any]]:
    return [asdict(o) | {"issue_code": purse.issue_code(here.launch, o.name)} for o in offers(step, here.book, here.launch.currency)]


def issue(region: str, member_id: int, pack: Sequence[dict[str, Any]], key: str, attempt: int = 0) -> list[str]:
    """Turn the reserve of an effect into coupons in the member's wallet. Returns their ids."""
    if not pack:
        return []
    gate.free_reserve(region, reserve_key(key, attempt))
    return [
        str(
            coupons.issue(
                issue_code=c["issue_code"], member_id=member_id, key=f"{reserve_key(key, attempt)}/{c['name']}", valid_days=c["valid_days"]
            )
        )
        for c in pack
    ]


def reserve_key(key: str, attempt: int) -> str:
    """Undoing and doing again is another reserve, so its key says which."""
    return key if not attempt else f"{key}#{attempt}"


def _to_leader(run: models.Run, step: p.Effect, here: Scene, effect: Effect) -> None:
    expires = here.now + timedelta(days=step.expires_days)
    models.LeaderTask.objects.create(
        region=run.region,
        effect_key=effect.key,
        launch=here.launch,
        run=run,
        step=step.name,
        community_id=run.community_id,
        member_id=run.member_id,
        reasons=[asdict(r) for r in why(run, here)],
        words=drafted(run, step, here)[1],
        coupons=_pack(step, here),
        priority=run.priority,
        created_at=here.now,
        due_at=here.now,
        expires_at=expires,
    )
    work.schedule("engage.expire_task", key=effect.key, due_at=expires, region=run.region, payload={})


def _to_inbox(run: models.Run, step: p.Effect, here: Scene, effect: Effect) -> None:
    title, text = drafted(run, step, here)
    pack = _pack(step, here)
    ids = issue(run.region, run.member_id, pack, effect.key)
    models.InboxMessage.objects.create(
        region=run.region,
        effect_key=effect.key,
        member_id=run.member_id,
        origin=effect.origin,
        title=title,
        words=text,
        coupons=[c | {"coupon_id": i} for c, i in zip(pack, ids, strict=True)],
        sent_at=clocks.business_now(),
    )


def _to_wallet(run: models.Run, step: p.Effect, here: Scene, effect: Effect) -> None:
    issue(run.region, run.member_id, _pack(step, here), effect.key)


DELIVER = {"leader_task": _to_leader, "message": _to_inbox, "coupon": _to_wallet}


def drop_held(run: models.Run, launch: models.Launch, reason: str) -> None:
    """What a run still had on hold won't go out any more."""
    held = Effect.objects.filter(region=run.region, origin=origin(launch), subject=f"member:{run.member_id}", state=Effect.State.HELD)
    for effect in held:
        if effects.settle(effect.pk, state=Effect.State.DROPPED, reason=reason):
            fact = told.EffectDecided(
                effect.key, launch.pk, launch.slug, str(effect.payload.get("step", "")), effect.kind,
                run.member_id, run.community_id, run.arm, "drop", reason,
            )  # fmt: skip
            events.append(fact, region=run.region, subject=f"member:{run.member_id}")
