"""Who moved from one segment to another between two refreshes, who they are and why: from the history of changes.

A segment's history is +1 when a member comes and -1 when they leave, so the sum over a window is what truly changed in it:
somebody who left and came back has not moved. Segments of a view exclude each other (VIP is within high value), hence at
most one is left and one is entered; each gets a power of three as its weight, and a member's signed sum names the pair.
The database adds and counts: a flow is one number, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When

from linli.insight import rules
from linli.insight.features import zone_of
from linli.insight.local_days import day_number, day_of
from linli.insight.models import Refresh, SegmentChange, SegmentDay
from linli.insight.segments import REGISTRY

VIEWS: dict[str, tuple[str, ...]] = {"lifecycle": rules.LIFECYCLE, "value": ("vip", "high_value")}
"""Segments among which a member has one place at a time. In "value" somebody in neither is `ELSE`."""
ELSE = "rest"
TIERS = ("vip", "high_value", ELSE)
"""Best first: up this list is a promotion."""
USUAL_DAYS = 7
PER_PAGE = 50


@dataclass(frozen=True)
class Flow:
    """Members who were in `source` at the first moment and in `target` at the second; "" is not known (then, or any more)."""

    source: str
    target: str
    members: int


@dataclass(frozen=True)
class Movement:
    """What changed between two refreshes. `before` and `after` are sizes by segment; flows are the largest first."""

    view: str
    since: datetime
    until: datetime
    flows: tuple[Flow, ...]
    before: dict[str, int]
    after: dict[str, int]

    @property
    def moved(self) -> int:
        return sum(f.members for f in self.flows)


@dataclass(frozen=True)
class Net:
    """Members who are newly in a segment, and who no longer are, between two moments."""

    segment: str
    came: int
    left: int
    members: int  # at the second moment
    spend_minor: int


@dataclass(frozen=True)
class Mover:
    """A member of a flow: when they last changed within it, and the facts that say why."""

    member_id: int
    segment: str
    entered: bool
    at: datetime
    reason: dict[str, Any]


@dataclass(frozen=True)
class MoverPage:
    rows: tuple[Mover, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True)
class DaySize:
    """A segment as of one refresh."""

    as_of: datetime
    members: int
    entered: int
    left: int


def moments(region: str) -> list[datetime]:
    """Every refresh, newest first: the moments between which movement can be asked."""
    return list(Refresh.objects.filter(region=region).order_by("-as_of").values_list("as_of", flat=True))


def between(known: list[datetime], region: str, since: date | None, until: date | None) -> tuple[datetime, datetime] | None:
    """The refreshes that stand for two calendar days: the last on or before each. None with fewer than two refreshes.

    Without days: the last refresh, and the one a week before it (or the oldest). Days beyond the history are its ends.
    """
    if len(known) < 2:
        return None
    zone = zone_of(region)
    days = [(day_of(day_number(at, zone)), at) for at in known]

    def on(day: date) -> datetime:
        return next((at for held, at in days if held <= day), known[-1])

    last = on(until) if until else known[0]
    first = on(since) if since else on(day_of(day_number(last, zone)) - timedelta(days=USUAL_DAYS))
    first, last = min(first, last), max(first, last)
    if first == last:  # one day: what that day changed
        older = [at for at in known if at < first]
        return (older[0], last) if older else (first, known[known.index(first) - 1])
    return first, last


# ---- flows


def _changes(region: str, since: datetime, until: datetime, segments: Iterable[str]) -> QuerySet[SegmentChange]:
    return SegmentChange.objects.filter(region=region, as_of__gt=since, as_of__lte=until, segment__in=list(segments))


def _signed(view: str) -> Case:
    """A change's signed weight: 3^place of its segment, negative for leaving."""
    return Case(
        *(
            When(segment=name, entered=came, then=Value(3**place if came else -(3**place)))
            for place, name in enumerate(VIEWS[view])
            for came in (True, False)
        ),
        default=Value(0),
        output_field=IntegerField(),
    )


def _coded(view: str, region: str, since: datetime, until: datetime) -> Any:
    """member_id -> code of what they left and entered; without those who are where they were."""
    changes = _changes(region, since, until, VIEWS[view])
    return changes.values("member_id").annotate(code=Sum(_signed(view))).exclude(code=0).order_by()


def code_of(view: str, source: str, target: str) -> int | None:
    """The code of a flow; None when there is no such flow."""
    names = VIEWS[view]
    if view == "value":
        if source == target or {source, target} - {*TIERS, ""}:
            return None
        held = {"vip": 1 + 3, "high_value": 3, ELSE: 0, "": 0}  # whoever is a VIP is of high value as well
        return held[target] - held[source]
    if source == target or {source, target} - {*names, ""}:
        return None
    weight: dict[str, int] = {name: 3**place for place, name in enumerate(names)} | {"": 0}
    return weight[target] - weight[source]


def _pairs(view: str) -> dict[int, tuple[str, str]]:
    """What each code says: (source, target)."""
    ends = TIERS if view == "value" else (*VIEWS[view], "")
    found = {}
    for source in ends:
        for target in ends:
            if (code := code_of(view, source, target)) is not None:
                found[code] = (source, target)
    return found


def movement(region: str, view: str, since: datetime, until: datetime) -> Movement:
    """The flows of a view between two refreshes, with the sizes at both. KeyError for an unknown view."""
    inner = _coded(view, region, since, until)
    statement, parameters = inner.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT code, COUNT(*) FROM ({statement}) moved GROUP BY code", parameters)  # noqa: S608 - the ORM's own statement
        counted = {int(code): n for code, n in cursor.fetchall()}
    pairs = _pairs(view)
    flows = [Flow(*pairs[code], n) for code, n in counted.items() if code in pairs]
    flows.sort(key=lambda f: (-f.members, f.source, f.target))
    after = sizes_at(region, until)
    before = sizes_at(region, since)
    if view == "value":
        before, after = _tiers(before), _tiers(after)
    names = TIERS if view == "value" else VIEWS[view]
    return Movement(view, since, until, tuple(flows), {n: before.get(n, 0) for n in names}, {n: after.get(n, 0) for n in names})


def _tiers(sizes: dict[str, int]) -> dict[str, int]:
    """Sizes of the tiers: high value without its VIPs, and everybody else who has a stage."""
    vip, high = sizes.get("vip", 0), sizes.get("high_value", 0)
    staged = sum(sizes.get(name, 0) for name in rules.LIFECYCLE)
    return {"vip": vip, "high_value": high - vip, ELSE: max(0, staged - high)}


def sizes_at(region: str, at: datetime) -> dict[str, int]:
    """Members of each segment as of a refresh: kept, or (of before they were) today's less what changed since."""
    kept = dict(SegmentDay.objects.filter(region=region, as_of=at).values_list("segment", "members"))
    if kept:
        return kept
    last = Refresh.objects.filter(region=region).order_by("-as_of").first()
    held = (last.counts.get("board") or {}).get("segments", {}) if last else {}
    if last is None:
        return {}
    sizes = {segment: size[0] for segment, size in held.items()}
    for segment, net, n in _nets(region, at, last.as_of, REGISTRY):
        sizes[segment] = sizes.get(segment, 0) - net * n
    return sizes


def _net_of(region: str, since: datetime, until: datetime, segments: Iterable[str]) -> Any:
    came = Case(When(entered=True, then=Value(1)), default=Value(-1), output_field=IntegerField())
    return (
        _changes(region, since, until, segments).values("segment", "member_id").annotate(net=Sum(came)).filter(net__in=(1, -1)).order_by()
    )


def _nets(region: str, since: datetime, until: datetime, segments: Iterable[str]) -> list[tuple[str, int, int]]:
    """[(segment, +1 or -1, members)]."""
    statement, parameters = _net_of(region, since, until, segments).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT segment, net, COUNT(*) FROM ({statement}) moved GROUP BY segment, net",  # noqa: S608 - the ORM's own statement
            parameters,
        )
        return [(segment, int(net), n) for segment, net, n in cursor.fetchall()]


def nets(region: str, since: datetime, until: datetime, segments: Iterable[str]) -> list[Net]:
    """Came and left by segment between two refreshes, for segments that overlap."""
    wanted = list(segments)
    found = {(segment, net): n for segment, net, n in _nets(region, since, until, wanted)}
    spend = dict(SegmentDay.objects.filter(region=region, as_of=until).values_list("segment", "spend_minor"))
    sizes = sizes_at(region, until)
    return [Net(s, found.get((s, 1), 0), found.get((s, -1), 0), sizes.get(s, 0), spend.get(s, 0)) for s in wanted]


# ---- the members behind


def flow_members(region: str, view: str, since: datetime, until: datetime, source: str, target: str, *, page: int = 1) -> MoverPage:
    """Who moved from `source` to `target`, by number, with the reason of their last change. Empty for a flow that can't be."""
    code = code_of(view, source, target)
    if code is None:
        return MoverPage((), 0, 1, 1)
    found = _coded(view, region, since, until).filter(code=code).values_list("member_id", flat=True)
    return _paged(region, since, until, found, VIEWS[view], page)


def net_members(region: str, segment: str, *, came: bool, since: datetime, until: datetime, page: int = 1) -> MoverPage:
    """Who newly is in a segment (`came`), or no longer is."""
    found = _net_of(region, since, until, [segment]).filter(net=1 if came else -1).values_list("member_id", flat=True)
    return _paged(region, since, until, found, [segment], page)


def _paged(region: str, since: datetime, until: datetime, found: Any, segments: Iterable[str], page: int) -> MoverPage:
    total = found.count()
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, page), pages)
    ids = list(found.order_by("member_id")[(page - 1) * PER_PAGE : page * PER_PAGE])
    return MoverPage(tuple(_why(region, since, until, ids, segments)), total, page, pages)


def _why(region: str, since: datetime, until: datetime, ids: list[int], segments: Iterable[str]) -> Iterator[Mover]:
    """Of each member the last change within the window: the one they came by, if it came with one they left by."""
    rows = _changes(region, since, until, segments).filter(member_id__in=ids)
    last: dict[int, tuple[datetime, bool, int, str, dict[str, Any]]] = {}
    for member, segment, entered, at, pk, reason in rows.values_list("member_id", "segment", "entered", "as_of", "pk", "reason"):
        told = (at, entered, pk, segment, reason)
        if member not in last or told[:3] > last[member][:3]:
            last[member] = told
    for member in ids:
        at, entered, _pk, segment, reason = last[member]
        yield Mover(member, segment, entered, at, reason)


def each(ask: Any) -> Iterator[Mover]:
    """Every mover of all pages: `ask(page)` gives a MoverPage. For taking a flow along."""
    number, pages = 1, 1
    while number <= pages:
        found = ask(number)
        pages = found.pages
        yield from found.rows
        number += 1


# ---- history by day


def history(region: str, segment: str, *, days: int = 90) -> list[DaySize]:
    """A segment's size and movement at each refresh of the last `days` days, oldest first."""
    rows = SegmentDay.objects.filter(region=region, segment=segment).order_by("-as_of")[:days]
    return [DaySize(r.as_of, r.members, r.entered, r.left) for r in reversed(rows)]


def keep_days(region: str) -> int:
    """Write the sizes and the movement of every refresh that has none yet. Returns how many refreshes it kept."""
    done = SegmentDay.objects.filter(region=region).order_by("-as_of").values_list("as_of", flat=True).first()
    found = Refresh.objects.filter(region=region).order_by("as_of")
    waiting = [r for r in (found.filter(as_of__gt=done) if done else found) if r.counts.get("board")]
    for refresh in waiting:
        before = Refresh.objects.filter(region=region, as_of__lt=refresh.as_of).order_by("-as_of").values_list("as_of", flat=True).first()
        moved: dict[tuple[str, bool], int] = {}
        if before:
            counted = _changes(region, before, refresh.as_of, REGISTRY).values_list("segment", "entered").annotate(n=Count("id"))
            moved = {(segment, entered): n for segment, entered, n in counted}
        sizes = refresh.counts["board"]["segments"]
        SegmentDay.objects.bulk_create(
            [
                SegmentDay(
                    region=region, as_of=refresh.as_of, segment=s, members=sizes.get(s, [0, 0])[0], spend_minor=sizes.get(s, [0, 0])[1],
                    entered=moved.get((s, True), 0), left=moved.get((s, False), 0),
                )
                for s in REGISTRY
            ],
            update_conflicts=True, unique_fields=["region", "as_of", "segment"],
            update_fields=["members", "spend_minor", "entered", "left"],
        )  # fmt: skip
    return len(waiting)


# ---- the month


@dataclass(frozen=True)
class Grading:
    """A month's re-grading: who moved between the tiers, and how concentrated value is.

    `ladder`: (share of members, members, their spend of 365 days, share of sales), biggest spenders first, as of the last
    refresh of the month; empty where a refresh of before it was kept.
    """

    month: date
    since: datetime
    until: datetime
    movement: Movement
    promoted: int
    demoted: int
    vip_share: float | None
    vip_sales_share: float | None
    ladder: tuple[tuple[float, int, int, float], ...]
    kinds: dict[str, tuple[Net, ...]]  # potential, silent


def months(region: str) -> list[date]:
    """The first days of months that have two refreshes to compare (the one before the month counts), newest first."""
    known = moments(region)
    zone = zone_of(region)
    firsts = {day_of(day_number(at, zone)).replace(day=1) for at in known[:-1]}
    return sorted(firsts, reverse=True)


def grading(region: str, month: date) -> Grading | None:
    """The re-grading of a month, up to its last refresh; None without two refreshes."""
    zone = zone_of(region)
    known = moments(region)
    days = {at: day_of(day_number(at, zone)) for at in known}
    inside = [at for at in known if days[at].replace(day=1) == month]
    before = [at for at in known if days[at] < month]
    if not inside or (not before and len(inside) < 2):
        return None
    since, until = (before[0] if before else inside[-1]), inside[0]
    moved = movement(region, "value", since, until)
    up = sum(f.members for f in moved.flows if TIERS.index(f.target) < TIERS.index(f.source))
    last = Refresh.objects.get(region=region, as_of=until)
    board = last.counts.get("board") or {}
    members, spend = board.get("members", 0), board.get("spend", 0)
    vip = board.get("segments", {}).get("vip", [0, 0])
    ladder = tuple((share, n, held, held / spend if spend else 0.0) for share, n, held in board.get("ladder", []))
    kinds = {kind: tuple(nets(region, since, until, _of_kind(kind))) for kind in ("potential", "silent")}
    return Grading(
        month, since, until, moved, up, moved.moved - up,
        vip[0] / members if members else None, vip[1] / spend if spend else None, ladder, kinds,
    )  # fmt: skip


def _of_kind(kind: str) -> list[str]:
    return [s.key for s in REGISTRY.values() if s.kind == kind]


LADDER = (0.01, 0.05, 0.10, 0.125, 0.15, 0.20, 0.50)


def ladder(spends: Iterable[int]) -> list[tuple[float, int, int]]:
    """(share of members, members, what they spent): how much of the sales the biggest spenders make. Shares of LADDER."""
    ranked = sorted(spends, reverse=True)
    found, sums, total = [], [0], 0
    for spend in ranked:
        total += spend
        sums.append(total)
    for share in LADDER:
        n = round(share * len(ranked))
        found.append((share, n, sums[n]))
    return found
