"""Cohorts and places: who came back month after month, and where and when people order. Counted by a refresh, read by pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Sum

from linli.insight.features import facts_of, zone_of
from linli.insight.local_days import SECONDS_A_DAY, day_number, day_of, local_seconds
from linli.insight.models import CohortMonth, PlaceHour

if TYPE_CHECKING:
    import ibis.expr.types as ir

SMALL = 5
"""Fewer members (or orders) than this are not shown: a cell of three is three people."""
PLACE_DAYS = 28


@dataclass(frozen=True)
class Cell:
    """`age` months after their first purchase: how many of the cohort bought. `share` None: too few to show, or not over yet."""

    age: int
    bought: int | None
    share: float | None
    whole: bool


@dataclass(frozen=True)
class Cohort:
    """Members by the month of their first purchase; `cells` from age 0, without gaps."""

    month: date
    members: int | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Hour:
    """Orders of one place in one hour of the day; None: fewer than SMALL, but some."""

    hour: int
    orders: int | None


@dataclass(frozen=True)
class PlaceRow:
    """A community's orders by hour, over PLACE_DAYS days."""

    community_id: int
    hours: tuple[Hour, ...]
    orders: int | None


# ---- counting


def months(purchases: ir.Table, until: datetime, zone: str) -> list[tuple[date, int, int, int, int]]:
    """[(month of the first purchase, age in months, members of the cohort, those who bought, what they paid)].

    `purchases`: member_id, at, amount_minor, nothing after `until`. Calendar months of the zone.
    """
    day = (local_seconds(purchases["at"], zone, until) // SECONDS_A_DAY).cast("int64")
    by_day = purchases.mutate(day=day).group_by("member_id", "day").agg(paid=purchases.amount_minor.sum().cast("int64"))
    # A month is not a number of days: days become months on this side, of which there are few.
    first = by_day.group_by("member_id").agg(first=by_day.day.min())
    seen = by_day.inner_join(first, "member_id")
    days = sorted({r for c in ("day", "first") for r in seen.select(c).distinct().to_pyarrow()[c].to_pylist()})
    if not days:
        return []
    import ibis

    number = {d: day_of(d).year * 12 + day_of(d).month - 1 for d in days}
    calendar = ibis.memtable({"day": days, "month": [number[d] for d in days]}, schema={"day": "int64", "month": "int64"})
    told = seen.inner_join(calendar, "day").select("member_id", "first", "month", "paid")
    starts = calendar.select(first=calendar.day, start=calendar.month)
    told = told.inner_join(starts, "first")
    grown = told.mutate(age=told.month - told.start)
    rows = (
        grown.group_by("start", "age").agg(bought=grown.member_id.nunique(), paid=grown.paid.sum().cast("int64")).to_pyarrow().to_pylist()
    )
    sizes = {r["start"]: r["bought"] for r in rows if r["age"] == 0}
    return [(date(r["start"] // 12, r["start"] % 12 + 1, 1), r["age"], sizes[r["start"]], r["bought"], r["paid"]) for r in rows]


def hours(purchases: ir.Table, until: datetime, zone: str) -> dict[tuple[int, int, int], int]:
    """(community, weekday, hour) -> orders of the PLACE_DAYS whole days before `until`."""
    import ibis

    end = day_number(until, zone)
    recent = purchases.filter(purchases["at"] > ibis.literal(until - timedelta(days=PLACE_DAYS + 2)))
    seconds = local_seconds(recent["at"], zone, until)
    t = recent.mutate(day=(seconds // SECONDS_A_DAY).cast("int64"), hour=(seconds % SECONDS_A_DAY // 3600).cast("int64"))
    t = t.filter(t.day < end, t.day >= end - PLACE_DAYS)
    t = t.mutate(weekday=((t.day + 3) % 7).cast("int64"))  # day 0, 1970-01-01, was a Thursday
    rows = t.group_by("community_id", "weekday", "hour").agg(orders=t.count()).to_pyarrow().to_pylist()
    return {(r["community_id"], r["weekday"], r["hour"]): r["orders"] for r in rows}


def keep(region: str, as_of: datetime) -> None:
    """Count the cohorts and the places as of a moment, in the place of what was kept."""
    zone = zone_of(region)
    purchases = facts_of(as_of, region).purchases
    now = day_of(day_number(as_of, zone))
    of_months, of_hours = months(purchases, as_of, zone), hours(purchases, as_of, zone)
    with transaction.atomic():
        CohortMonth.objects.filter(region=region).delete()
        CohortMonth.objects.bulk_create(
            CohortMonth(
                region=region, cohort=cohort, age=age, members=members, bought=bought, sales_minor=paid, as_of=as_of,
                whole=_month_after(cohort, age + 1) <= now,
            )
            for cohort, age, members, bought, paid in of_months
        )  # fmt: skip
        PlaceHour.objects.filter(region=region).delete()
        PlaceHour.objects.bulk_create(
            [
                PlaceHour(region=region, community_id=community, weekday=weekday, hour=hour, orders=n, as_of=as_of)
                for (community, weekday, hour), n in of_hours.items()
            ],
            batch_size=2000,
        )


def _month_after(month: date, n: int) -> date:
    number = month.year * 12 + month.month - 1 + n
    return date(number // 12, number % 12 + 1, 1)


# ---- reading


def retention(region: str) -> tuple[list[Cohort], datetime | None]:
    """Cohorts, oldest first, each up to the month of the count; and the moment of it. A month nobody bought in is a zero."""
    rows = list(CohortMonth.objects.filter(region=region).order_by("cohort", "age"))
    if not rows:
        return [], None
    as_of = rows[0].as_of
    now = day_of(day_number(as_of, zone_of(region))).replace(day=1)
    by_cohort: dict[date, dict[int, CohortMonth]] = defaultdict(dict)
    for row in rows:
        by_cohort[row.cohort][row.age] = row
    found = []
    for month, held in by_cohort.items():
        members = held[0].members
        last = (now.year - month.year) * 12 + now.month - month.month
        cells = tuple(_cell(held.get(age), age, members, _month_after(month, age) < now) for age in range(last + 1))
        found.append(Cohort(month, members if members >= SMALL else None, cells))
    return found, as_of


def _cell(row: CohortMonth | None, age: int, members: int, whole: bool) -> Cell:
    bought = row.bought if row else 0
    if members < SMALL or 0 < bought < SMALL:
        return Cell(age, None, None, whole)
    return Cell(age, bought, bought / members, whole)


def places(region: str, weekday: int | None = None) -> tuple[list[PlaceRow], datetime | None]:
    """Orders by community and hour, of all weekdays or of one (0 Monday), busiest first; and the moment of the count."""
    rows = PlaceHour.objects.filter(region=region)
    newest: Any = rows.values_list("as_of", flat=True).first()
    if weekday is not None:
        rows = rows.filter(weekday=weekday)
    held: dict[int, dict[int, int]] = defaultdict(dict)
    for community, hour, n in rows.values_list("community_id", "hour").annotate(n=Sum("orders")):
        held[community][hour] = n
    found = []
    for community, by in held.items():
        shown = tuple(Hour(h, None if 0 < (n := by.get(h, 0)) < SMALL else n) for h in range(24))
        total = sum(by.values())
        found.append(PlaceRow(community, shown, total if total >= SMALL else None))
    return sorted(found, key=lambda r: (-(r.orders or 0), r.community_id)), newest
