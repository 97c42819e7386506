"""The gate's log, to be filtered: what was sent, held, dropped and withheld, to whom and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet

from linli.engage import library, models
from linli.engage.shapes import DecisionPage, DecisionRow, Reason
from linli.kernel.models import Effect

ANSWERS = {"delivered": "send", "delivering": "send", "held": "hold", "dropped": "drop", "withheld": "withhold", "unknown": "unknown"}
"""The gate's answer by the state of the effect it became."""
_STATES = {"send": ("delivered", "delivering"), "hold": ("held",), "drop": ("dropped",), "withhold": ("withheld",), "unknown": ("unknown",)}


def decisions(
    region: str,
    *,
    launch_id: int | None = None,
    slug: str | None = None,
    member_id: int | None = None,
    answer: str | None = None,
    reason: str | None = None,
    step: str | None = None,
    channel: str | None = None,
    page: int = 1,
    page_size: int = 50,
) -> DecisionPage:
    """A page of the log, newest first; counts by answer are of everything the other filters find."""
    found = Effect.objects.filter(region=region)
    if launch_id is not None:
        found = found.filter(origin=f"launch:{launch_id}")
    elif slug is not None:
        ids = models.Launch.objects.filter(region=region, slug=slug).values_list("pk", flat=True)
        found = found.filter(origin__in=[f"launch:{i}" for i in ids])
    if member_id is not None:
        found = found.filter(subject=f"member:{member_id}")
    if channel:
        found = found.filter(kind=channel)
    if step:
        found = found.filter(payload__step=step)
    by_state = dict(found.values_list("state").annotate(n=Count("pk")))
    if answer:
        found = found.filter(state__in=_STATES.get(answer, ()))
    by_reason = dict(found.exclude(reason="").values_list("reason").annotate(n=Count("pk")))
    if reason:
        found = found.filter(reason=reason)
    pages = Paginator(found.order_by("-decided_at", "-key"), page_size)
    shown = pages.get_page(page)
    by_answer: Counter[str] = Counter()
    for state, n in by_state.items():
        by_answer[ANSWERS[state]] += n
    return DecisionPage(
        rows=tuple(_rows(region, list(shown.object_list))),
        total_count=pages.count,
        page=shown.number,
        pages=pages.num_pages,
        by_answer=dict(by_answer),
        by_reason=by_reason,
    )


def member_decisions(region: str, member_id: int, limit: int = 50) -> list[DecisionRow]:
    """What was sent to one member, or withheld, and why; newest first."""
    found: QuerySet[Effect] = Effect.objects.filter(region=region, subject=f"member:{member_id}")
    return _rows(region, list(found.order_by("-decided_at", "-key")[:limit]))


def _rows(region: str, effects: Sequence[Effect]) -> list[DecisionRow]:
    ids = {int(e.origin.removeprefix("launch:")) for e in effects if e.origin.startswith("launch:")}
    launches = {x.pk: x for x in models.Launch.objects.select_related("version").filter(region=region, pk__in=ids)}
    keys = [e.key for e in effects]
    outcomes = dict(models.LeaderTask.objects.filter(region=region, effect_key__in=keys).values_list("effect_key", "state"))
    seen = models.InboxMessage.objects.filter(region=region, effect_key__in=keys).values_list("effect_key", "seen_at")
    outcomes |= {key: "seen" if at else "unseen" for key, at in seen}
    return [_row(e, launches, outcomes) for e in effects]


def _row(effect: Effect, launches: dict[int, models.Launch], outcomes: dict[str, str]) -> DecisionRow:
    launch = launches.get(int(effect.origin.removeprefix("launch:"))) if effect.origin.startswith("launch:") else None
    book = library.of(launch) if launch else None
    payload = effect.payload
    return DecisionRow(
        effect_key=effect.key,
        at=effect.decided_at,
        launch_id=launch.pk if launch else 0,
        playbook=launch.slug if launch else effect.origin,
        playbook_name_zh=book.name_zh if book else "",
        playbook_name_en=book.name_en if book else "",
        step=str(payload.get("step", "")),
        channel=effect.kind,
        member_id=int(effect.subject.removeprefix("member:")),
        community_id=int(payload.get("community_id") or 0),
        arm=str(payload.get("arm", "")),
        answer=ANSWERS[effect.state],
        reason=effect.reason,
        hold_until=effect.due_at if effect.state == "held" else None,
        words=str(payload.get("words", "")),
        outcome=outcomes.get(effect.key, ""),
        reasons=tuple(Reason(r["code"], r["facts"]) for r in payload.get("reasons", [])),
    )
