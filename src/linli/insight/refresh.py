"""Knowing everybody anew: features, risk, segments and metrics of a region as of a moment, in one go.

`refresh` knows all members, `touch` the few whose facts just changed; both go through `_knowledge`, so a touched member
is known exactly as the next full refresh (on the same scale) would know them. What changed is written as history and
told as events. Everything is computed before the transaction that writes it: SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from linli.insight import (
    artefacts,
    baskets,
    boards,
    details,
    keeping,
    local_days,
    member_facts,
    metrics,
    movement,
    reasons,
    rules,
    scores,
    segments,
    truth,
    values,
    writing,
)
from linli.insight.events import SegmentChanged
from linli.insight.features import REGISTRY, facts_of, features, zone_of
from linli.insight.models import MemberState, MetricValue, Refresh, SegmentChange, SegmentStay
from linli.kernel import clocks, events, work
from linli.kernel.models import Event, WorkRow
from linli.people import consent
from linli.people import queries as people

if TYPE_CHECKING:
    from linli.insight.facts import Tables
    from linli.science.basket_state import Around

Report = Callable[[int, int, str], None]
BACKFILL_DAYS = 28
BATCH = 2000
TRAINED: dict[str, Callable[[str, datetime], object]] = {"churn": scores.train, "value": values.train, "basket": baskets.train}
"""What is trained of a region as of a moment, by kind; a refresh trains what is due."""


@dataclass(frozen=True)
class Knowledge:
    """What is known of some members as of a moment: rows to be kept, and the scale they were graded on."""

    states: list[MemberState]
    scale: rules.Scale
    risks: dict[int, float]
    around: Around | None = None


def refresh(
    region: str, as_of: datetime, report: Report | None = None, *, count_again: bool = False, learns: Collection[str] = tuple(TRAINED)
) -> Refresh:
    """Know every member of the region as of `as_of`, and tell what changed. Doing it again changes nothing.

    The first refresh of a region first looks back one day, silently, so that there is a yesterday to compare with.
    Members who were not profiled on their own wish have no risk, no segments and no features. `count_again`: facts of past
    days came in late (an import, its withdrawal), so the last BACKFILL_DAYS are counted again. `learns`: which kinds of
    models are trained where they are due.
    """
    tell = report or (lambda done, total, label: None)
    started = clocks.machine_now()
    for kind in due(region, as_of, learns):
        tell(0, 5, "knowing.model")
        TRAINED[kind](region, as_of)
    if not Refresh.objects.filter(region=region).exists():
        before = as_of - timedelta(days=1)
        tell(1, 5, "knowing.yesterday")
        _keep(region, before, _knowledge(region, before, yesterday=as_of), [], started=started, silent=True)
    tell(2, 5, "knowing.members")
    known = _knowledge(region, as_of)
    tell(3, 5, "knowing.metrics")
    counted = _metrics(region, as_of, again=count_again)
    sells = baskets.popular(region, as_of)
    tell(4, 5, "knowing.writing")
    baskets.keep_around(region, known.around)
    writing.popular(region, as_of, sells)
    kept = _keep(region, as_of, known, counted, started=started, silent=False)
    kept.truth = truth.truth(region, as_of, kept.model)
    kept.save(update_fields=["truth"])
    movement.keep_days(region)
    keeping.ask(region, as_of)
    tell(5, 5, "knowing.done")
    return kept


def due(region: str, as_of: datetime, kinds: Iterable[str] = tuple(TRAINED)) -> list[str]:
    """Those kinds of models that are not there, or are too old."""
    return [kind for kind in kinds if artefacts.is_due(kind, region, as_of)]


def learn_due(row: WorkRow) -> None:
    """Work handler of "insight.learn": what a first run left to be learnt is learnt behind it, and everybody is known with it."""
    now = clocks.business_now()
    for region in people.regions():
        if Refresh.objects.filter(region=region.slug).exists() and due(region.slug, now):
            refresh(region.slug, now, lambda done, total, label: work.report(row, done=done, total=total, label=label))


def touch(region: str, member_ids: Sequence[int], as_of: datetime | None = None) -> int:
    """Know these members anew, on the scale of the last refresh. Returns how many; 0 before the first refresh."""
    as_of = as_of or clocks.business_now()
    last = Refresh.objects.filter(region=region).order_by("-as_of").first()
    if last is None or not member_ids:
        return 0
    wanted = sorted(set(member_ids))
    known = _knowledge(region, as_of, wanted, scale=_scale(last.scale), tables=member_facts.tables(region, wanted))
    with transaction.atomic():
        _locked(region)
        newer = set(
            MemberState.objects.filter(region=region, member_id__in=member_ids, as_of__gt=as_of).values_list("member_id", flat=True)
        )
        states = [s for s in known.states if s.member_id not in newer]
        ranks = dict(MemberState.objects.filter(region=region, member_id__in=member_ids).values_list("member_id", "value_rank"))
        for state in states:  # a rank is a place among all: it moves with the next refresh
            state.value_rank = ranks.get(state.member_id)
        _write_changes(region, as_of, states, everybody=False, silent=False)
        writing.states(states)
    return len(states)


# ---- readers and work


def on_purchase(batch: list[Event]) -> None:
    """Reader of paid and refunded orders: their members are due to be known anew."""
    by_region: dict[str, list[Event]] = {}
    for event in batch:
        by_region.setdefault(event.region, []).append(event)
    for region, told in by_region.items():
        payload = {"members": sorted({e.payload["member_id"] for e in told})}
        work.schedule("insight.touch", key=str(told[-1].uid), due_at=clocks.machine_now(), region=region, payload=payload, clock="machine")


def touch_due(row: WorkRow) -> None:
    """Work handler of "insight.touch"."""
    touch(row.region, row.payload["members"])


# ---- computing


def _knowledge(
    region: str,
    as_of: datetime,
    member_ids: list[int] | None = None,
    *,
    scale: rules.Scale | None = None,
    yesterday: datetime | None = None,
    tables: Tables | None = None,
) -> Knowledge:
    """Features, risk and decisions. `yesterday`: the first refresh looks back with the model it has as of then.

    `tables`: where facts are read, the lake unless told.
    """
    zone = zone_of(region)
    rows = features(as_of, member_ids, region=region, zone=zone, tables=tables).to_pyarrow().to_pylist()
    shown = details.details(facts_of(as_of, region, tables), as_of, zone, member_ids)
    agreed = consent.has_many(member_ids, "profiling", region=region)
    scored = scores.score(region, as_of, member_ids, model_as_of=yesterday, tables=tables)
    worth = values.score(region, as_of, member_ids, model_as_of=yesterday, tables=tables)
    # On a scale drawn before, a member is also ranked among the others of then.
    some = sorted(r["member_id"] for r in rows) if scale is not None else None
    wanted, around = baskets.score(region, as_of, some, model_as_of=yesterday, tables=tables)
    rows.sort(key=lambda r: r["member_id"])
    profiled = np.array([r["member_id"] in agreed for r in rows], dtype=bool)
    columns = columns_of(rows, {m: s.risk for m, s in scored.items() if m in agreed})
    drawn = scale or rules.scale_of({name: column[profiled] for name, column in columns.items()})
    decision = rules.decide(columns, drawn)
    ranks = _ranks(columns["spend_365d_minor"], profiled)
    outside = people.external_ids(region, member_ids)
    states = []
    for i, row in enumerate(rows):
        state = MemberState(region=region, member_id=row["member_id"], as_of=as_of, external_id=outside.get(row["member_id"], ""))
        _decided(state, row, decision, i, profiled=bool(profiled[i]))
        state.value_rank = ranks[i] if profiled[i] else None
        detail = shown.get(state.member_id, details.Detail())
        state.weeks, state.favourites = detail.weeks, detail.favourites if profiled[i] else []
        state.order_days = detail.order_days if profiled[i] else []
        if state.profiled and (found := scored.get(state.member_id)):
            _scored(state, found, row)
        if state.profiled:
            _believed(state, worth.get(state.member_id), wanted.get(state.member_id))
        states.append(state)
    return Knowledge(states, drawn, {m: s.risk for m, s in scored.items() if m in agreed}, around)


def columns_of(rows: Sequence[dict[str, Any]], risk: dict[int, float]) -> dict[str, rules.Floats]:
    """Rows of features as the columns that rules read; NaN for what is missing."""

    def column(name: str) -> rules.Floats:
        values = [risk.get(r["member_id"]) if name == "risk" else r[name] for r in rows]
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

    return {name: column(name) for name in rules.NEEDED}


def _ranks(spend: rules.Floats, counted: rules.Bools) -> list[int | None]:
    """1 for the biggest spender of 365 days; equals by the order given (member id). None without spend."""
    order = np.argsort(-np.where(counted, spend, -1), kind="stable")
    ranks: list[int | None] = [None] * len(spend)
    for place, i in enumerate(order, start=1):
        if counted[i] and spend[i] > 0:
            ranks[int(i)] = place
    return ranks


def _decided(state: MemberState, row: dict[str, Any], decision: rules.Decision, i: int, *, profiled: bool) -> None:
    state.community_id = row["community_id"]
    state.lifecycle = rules.LIFECYCLE[decision.lifecycle[i]]
    state.recency_days = row["recency_days"]
    state.orders_30d, state.orders_90d = row["orders_30d"], row["orders_90d"]
    state.spend_30d_minor, state.spend_365d_minor = row["spend_30d_minor"], row["spend_365d_minor"]
    state.profiled = profiled
    if not profiled:
        return
    state.recency_grade = int(decision.recency_grade[i])
    state.orders_grade = int(decision.orders_grade[i])
    state.spend_grade = int(decision.spend_grade[i])
    state.response_level = int(decision.response_level[i])
    state.segments = [name for name in segments.REGISTRY if decision.segments[name][i]]
    state.features = {name: (v.isoformat() if isinstance(v, date) else v) for name, v in row.items() if name in REGISTRY}


def _scored(state: MemberState, found: scores.Scored, row: dict[str, Any]) -> None:
    state.risk = found.risk
    state.expected_loss_minor = round(found.risk * row["spend_365d_minor"])
    state.risk_reasons = [list(reasons.reason(group, points, row)) for group, points in found.pushes]


def _believed(state: MemberState, worth: values.Worth | None, wanted: baskets.Wanted | None) -> None:
    if worth is not None:
        state.value_90d_minor, state.value = worth.expected_minor, worth.to_dict()
    if wanted is not None:
        state.next_basket = wanted.to_dict()


def _metrics(region: str, as_of: datetime, *, again: bool) -> list[MetricValue]:
    """Values of every complete day that has none yet: yesterday's, or the last 28 on the first refresh and when asked `again`."""
    zone = zone_of(region)
    today = local_days.day_number(as_of, zone)
    last = None if again else MetricValue.objects.filter(region=region).order_by("-day").values_list("day", flat=True).first()
    since = max(today - BACKFILL_DAYS, (last - local_days.EPOCH).days + 1 if last else 0)
    days = list(range(since, today))
    if not days:
        return []
    at_work: dict[int, int] = dict.fromkeys(people.leaders(region), 1)
    at_work[0] = len({leader.person_id for leader in people.leaders(region).values()})
    return [
        MetricValue(
            region=region, metric=v.metric, community_id=v.community_id, day=local_days.day_of(v.day), value=v.value, detail=v.detail,
            as_of=local_days.end_of(v.day, zone),
        )
        for v in metrics.compute(region, days, leaders=at_work)
        if v.value is not None
    ]  # fmt: skip


# ---- writing


@transaction.atomic
def _keep(region: str, as_of: datetime, known: Knowledge, values: list[MetricValue], *, started: datetime, silent: bool) -> Refresh:
    _locked(region)
    entered, left = _write_changes(region, as_of, known.states, everybody=True, silent=silent)
    writing.states(known.states)
    writing.scores(region, as_of, known.risks)
    MetricValue.objects.bulk_create(
        values, batch_size=BATCH, update_conflicts=True,
        unique_fields=["region", "community_id", "metric", "day"], update_fields=["value", "detail", "as_of"],
    )  # fmt: skip
    board = boards.kept(region, known.states)
    finished = clocks.machine_now()
    artefact = scores.newest(region, as_of)
    kept, _ = Refresh.objects.update_or_create(
        region=region,
        as_of=as_of,
        defaults={
            "finished_at": finished,
            "seconds": (finished - started).total_seconds(),
            "members": len(known.states),
            "counts": {"entered": entered, "left": left, "scored": len(known.risks), "metrics": len(values), "board": board},
            "scale": {name: None if value == _NOBODY else value for name, value in asdict(known.scale).items()},
            "model": {**artefact.to_dict(), "note": scores.note_of(artefact, as_of)} if artefact else {},
        },
    )
    return kept


def _locked(region: str) -> None:
    """One writer a region at a time: the last refresh's row is the lock (SQLite's transaction is one already)."""
    list(Refresh.objects.select_for_update().filter(region=region).order_by("-as_of")[:1])


def _write_changes(region: str, as_of: datetime, states: list[MemberState], *, everybody: bool, silent: bool) -> tuple[int, int]:
    """Stays, their history and the events, by comparing with what holds. Returns (entered, left)."""
    found = SegmentStay.objects.filter(region=region)
    if not everybody:
        found = found.filter(member_id__in=[s.member_id for s in states])
    held = {(member, segment): pk for pk, member, segment in found.values_list("pk", "member_id", "segment")}
    by_member = {s.member_id: s for s in states}
    wanted = {(s.member_id, segment) for s in states for segment in s.segments}
    entered = sorted(wanted - held.keys())
    left = sorted(held.keys() - wanted)
    writing.stays(region, entered, as_of)
    gone = [held[key] for key in left]
    for start in range(0, len(gone), BATCH):
        SegmentStay.objects.filter(pk__in=gone[start : start + BATCH]).delete()
    if not silent:
        changes = [(m, s, True) for m, s in entered] + [(m, s, False) for m, s in left]
        _tell(region, as_of, changes, by_member)
    return len(entered), len(left)


def _tell(region: str, as_of: datetime, changes: list[tuple[int, str, bool]], states: dict[int, MemberState]) -> None:
    rows, told = [], []
    for member, segment, came in changes:
        state = states.get(member)
        known = {**state.features, "risk": state.risk, "value_rank": state.value_rank} if state else {}
        reason = segments.why(segment, known)
        rows.append(SegmentChange(region=region, member_id=member, segment=segment, entered=came, as_of=as_of, reason=reason))
        fact = SegmentChanged(member, state.community_id if state else 0, segment, came, as_of.isoformat(), reason)
        told.append(events.Told(fact, region, f"member:{member}", happened_at=as_of))
    writing.changes(rows)
    events.append_many(told)


_NOBODY = float("inf")
"""The cut that nobody reaches: a shop too small to have big spenders."""


def _scale(kept: dict[str, Any]) -> rules.Scale:
    """A scale as it was kept (tuples come back from JSON as lists, infinity, which JSON lacks, as None)."""
    told: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else _NOBODY if v is None else v for n, v in kept.items()}
    return rules.Scale(**told)
