"""What the console, the leaders' phones and the shop read of engage. Shapes are in shapes.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from linli.engage import delivery, gate, knowledge, library, models, purse, rules, tasks
from linli.engage import outcome as outcomes
from linli.engage import playbook as p
from linli.engage.decisions import ANSWERS, decisions, member_decisions
from linli.engage.shapes import (
    CouponView,
    LaunchCard,
    LaunchPage,
    LeaderLoad,
    MessageCard,
    PlaybookCard,
    PlaybookPage,
    Reason,
    StepCount,
    StepView,
    TaskBoard,
    TaskCard,
    Waiting,
)
from linli.kernel import clocks, ledger
from linli.kernel.models import Effect
from linli.kernel.refusals import Refusal
from linli.people import queries as people

__all__ = [
    "decisions",
    "inbox",
    "launch",
    "launches",
    "member_decisions",
    "playbook",
    "playbooks",
    "task",
    "tasks_today",
    "unread_count",
    "waiting",
]

_ACTIVE = Q(state__in=["moving", "waiting"])


# --- console: playbooks -----------------------------------------------------------------------------------


def playbooks(region: str) -> list[PlaybookCard]:
    """Every shipped playbook, the running ones first. One that can't be read shows its problem."""
    cards = [_playbook_card(region, slug) for slug in library.slugs()]
    return sorted(cards, key=lambda c: (c.running is None, c.slug))


def _playbook_card(region: str, slug: str) -> PlaybookCard:
    own = launches(region, slug)
    running = next((card for card in own if card.state == "running"), None)
    try:
        return _card(library.playbook(slug), _currency(region), running, len(own))
    except Refusal as refusal:
        problems = "; ".join(map(str, refusal.facts.get("problems", []))) or str(refusal)  # type: ignore[call-overload]
        return PlaybookCard(slug, "", slug, slug, "", "", "", "", 0, 0, _currency(region), "", 0, running, len(own), problems)


def _card(book: p.Playbook, currency: str, running: LaunchCard | None, launches_count: int) -> PlaybookCard:
    return PlaybookCard(
        slug=book.slug,
        version=book.version,
        name_zh=book.name_zh,
        name_en=book.name_en,
        hypothesis_zh=book.hypothesis_zh,
        hypothesis_en=book.hypothesis_en,
        audience=book.audience,
        trigger=book.trigger,
        holdout_share=book.holdout_share,
        budget_minor=book.budget_minor.get(currency, 0),
        currency=currency,
        metric=book.metric,
        window_days=book.window_days,
        running=running,
        launches_count=launches_count,
    )


def _currency(region: str) -> str:
    place = people.region(region)
    return place.currency if place else "USD"


def playbook(region: str, slug: str) -> PlaybookPage:
    """One playbook with its steps and launches. Raises Refusal engage.no_playbook, .bad_playbook, .no_amount."""
    book = library.playbook(slug)
    currency = _currency(region)
    own = launches(region, slug)
    running = next((card for card in own if card.state == "running"), None)
    policy = gate.policy(region)
    return PlaybookPage(
        card=_card(book, currency, running, len(own)),
        steps=tuple(_step_view(s, book, currency) for s in book.steps),
        caps=dict(policy.caps) | {"days": policy.cap_days, "leader_tasks_per_day": policy.leader_tasks_per_day},
        guardrails=book.guardrails,
        enter_days=book.enter_days,
        text=book.text,
        launches=tuple(own),
    )


def _step_view(step: p.Step, book: p.Playbook, currency: str) -> StepView:
    match step:
        case p.Effect():
            say = step.words.get("zh")
            views = tuple(
                CouponView(o.name, o.face_minor, o.minimum_minor, o.category, o.valid_days) for o in delivery.offers(step, book, currency)
            )
            words, title = (say.choices[0], say.title) if say else ("", "")
            goes = {"expired": step.failover} if step.failover else {}
            return StepView(step.name, step.channel, words, title, views, days=step.expires_days, goes_to=goes)
        case p.Wait():
            return StepView(step.name, "wait", wait_kind=step.until, days=step.days, goes_to=dict(step.goes))
        case p.Branch():
            goes = dict(step.goes) or {target: f"{share:.0%}" for target, share in step.shares}
            return StepView(step.name, "branch", test=step.test, goes_to=goes)
        case p.Exit():
            return StepView(step.name, "exit", reason=step.reason)


# --- console: launches ------------------------------------------------------------------------------------


def launches(region: str, slug: str | None = None) -> list[LaunchCard]:
    """Launches of a region (or of one playbook), newest first."""
    found = models.Launch.objects.select_related("version").filter(region=region)
    if slug is not None:
        found = found.filter(slug=slug)
    counted = found.annotate(
        entered=Count("runs"),
        treated=Count("runs", filter=Q(runs__arm=rules.TREATED)),
        active=Count("runs", filter=Q(runs__state__in=["moving", "waiting"])),
    )
    return [_launch_card(launch) for launch in counted.order_by("-pk")]


def _launch_card(launch: Any) -> LaunchCard:
    return LaunchCard(
        launch_id=launch.pk,
        slug=launch.slug,
        version=launch.version.version,
        state=launch.state,
        started_at=launch.started_at,
        stopped_at=launch.stopped_at,
        holdout_share=launch.holdout_share,
        entered_count=launch.entered,
        treated_count=launch.treated,
        holdout_count=launch.entered - launch.treated,
        active_count=launch.active,
        budget_minor=launch.budget_minor,
        committed_minor=ledger.balance(purse.budget_ref(launch)).held,
        spent_minor=outcomes.cost_minor(launch),
        currency=launch.currency,
    )


def launch(region: str, launch_id: int) -> LaunchPage:
    """One launch with funnel, answers, tasks, workload and outcome. Raises Refusal engage.no_launch."""
    card = next((c for c in launches(region) if c.launch_id == launch_id), None)
    if card is None:
        raise Refusal("engage.no_launch", launch_id=launch_id)
    row = models.Launch.objects.select_related("version").get(region=region, pk=launch_id)
    book = library.of(row)
    effects = Effect.objects.filter(region=region, origin=delivery.origin(row))
    states = Counter(effects.values_list("state", flat=True))
    runs = models.Run.objects.filter(region=region, launch=row)
    return LaunchPage(
        card=card,
        playbook=_card(book, row.currency, card if card.state == "running" else None, 1),
        funnel=tuple(_funnel(row, book)),
        answers={ANSWERS[s]: n for s, n in states.items()},
        drops=dict(Counter(effects.filter(state="dropped").values_list("reason", flat=True))),
        ends=dict(Counter(runs.filter(state="finished").values_list("reason", flat=True))),
        tasks=dict(Counter(models.LeaderTask.objects.filter(region=region, launch=row).values_list("state", flat=True))),
        workload=tuple(_workload(row)),
        failed_count=runs.filter(state="failed").count(),
        outcome=outcomes.outcome(row),
        due_count=runs.filter(_ACTIVE, due_at__lte=clocks.business_now()).count() if card.state == "running" else 0,
    )


def _funnel(launch: models.Launch, book: p.Playbook) -> Iterable[StepCount]:
    counted: dict[tuple[str, str], dict[str, int]] = {}
    passages = (
        models.Passage.objects.filter(region=launch.region, launch=launch).values_list("step", "arm", "outcome").annotate(n=Count("pk"))
    )
    for step, arm, outcome, n in passages:
        counted.setdefault((step, arm), {})[outcome] = n
    standing = models.Run.objects.filter(_ACTIVE, region=launch.region, launch=launch)
    waiting = dict(standing.values_list("step").annotate(n=Count("pk")))
    for s in book.steps:
        kind = s.channel if isinstance(s, p.Effect) else type(s).__name__.lower()
        treated, holdout = (counted.get((s.name, arm), {}) for arm in (rules.TREATED, rules.HOLDOUT))
        yield StepCount(s.name, kind, treated, holdout, waiting.get(s.name, 0))


def _workload(launch: models.Launch) -> list[LeaderLoad]:
    """Today's and later days' tasks of the leaders whom this launch gives work."""
    zone = tasks.zone_of(launch.region)
    today = rules.local_day(clocks.business_now(), zone)
    communities = models.Run.objects.filter(region=launch.region, launch=launch).values("community_id")
    days = models.LeaderDay.objects.filter(region=launch.region, community_id__in=communities, day__gte=today)
    return [LeaderLoad(d.community_id, d.day, d.taken_count, d.most_count) for d in days.order_by("day", "-taken_count", "community_id")]


def waiting(region: str) -> Waiting:
    """What waits for a person."""
    zone = tasks.zone_of(region)
    today = rules.local_day(clocks.business_now(), zone)
    open_tasks = list(models.LeaderTask.objects.filter(region=region, state="open").values_list("expires_at", flat=True))
    started = set(models.Launch.objects.filter(region=region).values_list("slug", flat=True))
    return Waiting(
        open_tasks_count=len(open_tasks),
        expiring_today_count=sum(rules.local_day(at, zone) <= today for at in open_tasks),
        running_launches_count=models.Launch.objects.filter(region=region, state="running").count(),
        held_count=Effect.objects.filter(region=region, state="held", origin__startswith="launch:").count(),
        failed_runs_count=models.Run.objects.filter(region=region, state="failed", launch__state="running").count(),
        not_started=tuple(s for s in library.slugs() if s not in started),
    )


# --- leader -----------------------------------------------------------------------------------------------


def tasks_today(region: str, community_ids: Sequence[int], *, show: str = "open", limit: int = 100) -> TaskBoard:
    """A leader's tasks: open ones, and what was closed today. `show`: open, contact, done (today) or all."""
    zone, now = tasks.zone_of(region), clocks.business_now()
    today = rules.local_day(now, zone)
    mine = models.LeaderTask.objects.select_related("launch__version").filter(region=region, community_id__in=list(community_ids))
    opened = list(mine.filter(state="open", expires_at__gt=now).order_by("-priority", "pk")[:500])
    start = rules.day_opens(today, zone, rules.Policy(quiet_until=datetime.min.time()))
    closed = list(mine.filter(state__in=["confirmed", "skipped"], closed_at__gte=start).order_by("-closed_at")[:500])
    done = [t for t in closed if t.state == "confirmed"]
    shown = {"open": opened, "contact": [t for t in opened if t.kind == "contact"], "done": closed, "all": opened + closed}
    counts = {
        "open": len(opened),
        "contact": sum(t.kind == "contact" for t in opened),
        "done_today": len(done),
        "skipped_today": len(closed) - len(done),
        "expires_today": sum(rules.local_day(t.expires_at, zone) <= today for t in opened),
    }
    return TaskBoard(tuple(_task_cards(shown.get(show, opened)[:limit], zone, now)), counts, today)


def task(region: str, task_id: int, community_ids: Sequence[int]) -> TaskCard:
    """One task. Raises Refusal engage.no_task for a missing one and for another leader's alike."""
    found = models.LeaderTask.objects.select_related("launch__version").filter(
        region=region, pk=task_id, community_id__in=list(community_ids)
    )
    cards = _task_cards(list(found), tasks.zone_of(region), clocks.business_now())
    if not cards:
        raise Refusal("engage.no_task")
    return cards[0]


def _task_cards(rows: Sequence[models.LeaderTask], zone: str, now: datetime) -> list[TaskCard]:
    known = people.members([t.member_id for t in rows])
    facts = dict(models.Run.objects.filter(pk__in=[t.run_id for t in rows]).values_list("pk", "facts"))
    likely = knowledge.likely([t.member_id for t in rows])
    cards = []
    for t in rows:
        book, member, fact = library.of(t.launch), known.get(t.member_id), facts.get(t.run_id, {})
        cards.append(
            TaskCard(
                task_id=t.pk,
                state=t.state,
                kind=t.kind,
                community_id=t.community_id,
                member_id=t.member_id,
                surname=member.surname if member else "",
                building=member.building if member else "",
                purchases_count=fact.get("orders_365d"),
                badge=knowledge.badge(fact),
                usual_goods=tuple(fact.get("favourite_products") or ())[:3],
                likely_goods=likely.get(t.member_id, ()),
                reasons=_reasons(t.reasons),
                words=t.words,
                said=t.said,
                coupons=_coupons(t.coupons),
                currency=t.launch.currency,
                playbook=t.launch.slug,
                playbook_name_zh=book.name_zh,
                playbook_name_en=book.name_en,
                created_at=t.created_at,
                due_at=t.due_at,
                expires_at=t.expires_at,
                closed_at=t.closed_at,
                skip_reason=t.skip_reason,
                can_undo=tasks.can_undo(t, now, zone),
            )
        )
    return cards


def _reasons(stored: Iterable[dict[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(r["code"], r["facts"]) for r in stored)


def _coupons(stored: Iterable[dict[str, Any]]) -> tuple[CouponView, ...]:
    return tuple(
        CouponView(c["name"], c["face_minor"], c["minimum_minor"], c["category"], c["valid_days"], c.get("issue_code", "")) for c in stored
    )


# --- shop -------------------------------------------------------------------------------------------------


def inbox(region: str, member_id: int, limit: int = 50) -> list[MessageCard]:
    """A member's messages, newest first."""
    currency = _currency(region)
    found = models.InboxMessage.objects.filter(region=region, member_id=member_id).order_by("-sent_at", "-pk")
    return [
        MessageCard(m.pk, m.title, m.words, _coupons(m.coupons), currency, m.sent_at, m.seen_at, m.transactional) for m in found[:limit]
    ]


def unread_count(region: str, member_id: int) -> int:
    """How many messages the member hasn't opened."""
    return models.InboxMessage.objects.filter(region=region, member_id=member_id, seen_at=None).count()
