"""What the page of one member shows beside features: spending by week, and favourite goods. Set-based, for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from linli.insight.features import TASTE_DAYS, Facts
from linli.insight.local_days import SECONDS_A_DAY, day_number, day_of, local_seconds
from linli.insight.shapes import Rhythm

if TYPE_CHECKING:
    import ibis.expr.types as ir

WEEKS = 26
FAVOURITES = 5
ORDER_DAYS, ORDER_DAYS_WITHIN = 25, 365


@dataclass
class Detail:
    """`weeks`: [first day of the week (day number), orders, spend], those with orders; `favourites`: [product type, baskets].

    `order_days`: the last 25 days with an order within a year (day numbers), oldest first.
    """

    weeks: list[list[int]] = field(default_factory=list)
    favourites: list[list[object]] = field(default_factory=list)
    order_days: list[int] = field(default_factory=list)


def monday_of(day: int) -> int:
    """The day number of the Monday on or before a day number (day 4, 1970-01-05, was a Monday)."""
    return day - (day - 4) % 7


def first_week(as_of: datetime, zone: str) -> int:
    """The Monday on which the oldest of the 26 weeks starts; the newest holds the day of `as_of`."""
    return monday_of(day_number(as_of, zone)) - 7 * (WEEKS - 1)


def details(facts: Facts, as_of: datetime, zone: str, member_ids: Sequence[int] | None = None) -> dict[int, Detail]:
    """Weeks and favourites by member; members without a purchase in the time are missing."""
    import ibis

    purchases, lines = facts.purchases, facts.lines
    if member_ids is not None:
        ids = [int(m) for m in member_ids]
        purchases, lines = purchases.filter(purchases.member_id.isin(ids)), lines.filter(lines.member_id.isin(ids))
    found: dict[int, Detail] = {}
    start = first_week(as_of, zone)
    since = as_of - timedelta(days=7 * WEEKS + 2)
    p = purchases.filter(purchases.at > ibis.literal(since))
    day = (local_seconds(p.at, zone, as_of, since=since) // SECONDS_A_DAY).cast("int64")
    p = p.mutate(week=(day - start) // 7).filter(lambda t: t.week >= 0)
    weeks = p.group_by("member_id", "week").agg(orders=p.count(), spend=p.amount_minor.sum().cast("int64")).order_by("member_id", "week")
    table = weeks.to_pyarrow().to_pydict()
    for member, week, orders, spend in zip(*(table[c] for c in ("member_id", "week", "orders", "spend")), strict=True):
        found.setdefault(member, Detail()).weeks.append([start + 7 * int(week), orders, spend])
    for member, days in _order_days(purchases, as_of, zone).items():
        found.setdefault(member, Detail()).order_days = days
    fresh = lines.filter(
        lines.at > ibis.literal(as_of - timedelta(days=TASTE_DAYS)), lines.category != "other", lines.product_type.notnull()
    )
    counts = fresh.group_by("member_id", "product_type").agg(baskets=fresh.basket_id.nunique())
    place = ibis.row_number().over(ibis.window(group_by=counts.member_id, order_by=[counts.baskets.desc(), counts.product_type]))
    best = counts.mutate(place=place).filter(lambda t: t.place < FAVOURITES).order_by("member_id", "place").to_pyarrow().to_pydict()
    for member, product, baskets in zip(*(best[c] for c in ("member_id", "product_type", "baskets")), strict=True):
        found.setdefault(member, Detail()).favourites.append([product, baskets])
    return found


def _order_days(purchases: ir.Table, as_of: datetime, zone: str) -> dict[int, list[int]]:
    """By member the last local days with an order, oldest first."""
    import ibis

    since = as_of - timedelta(days=ORDER_DAYS_WITHIN)
    p = purchases.filter(purchases.at > ibis.literal(since))
    p = p.mutate(day=(local_seconds(p.at, zone, as_of, since=since) // SECONDS_A_DAY).cast("int64")).select("member_id", "day").distinct()
    place = ibis.row_number().over(ibis.window(group_by=p.member_id, order_by=[p.day.desc()]))
    table = p.mutate(place=place).filter(lambda t: t.place < ORDER_DAYS).order_by("member_id", "day").to_pyarrow().to_pydict()
    found: dict[int, list[int]] = {}
    for member, day in zip(table["member_id"], table["day"], strict=True):
        found.setdefault(member, []).append(int(day))
    return found


def filled(weeks: list[list[int]], as_of: datetime, zone: str) -> list[tuple[date, int, int]]:
    """All 26 weeks, oldest first: (Monday, orders, spend)."""
    known = {start: (orders, spend) for start, orders, spend in weeks}
    start = first_week(as_of, zone)
    return [(day_of(start + 7 * n), *known.get(start + 7 * n, (0, 0))) for n in range(WEEKS)]


LEAST_GAPS = 3
"""Fewer gaps are no rhythm."""


def rhythm(order_days: list[int], as_of: datetime, zone: str) -> Rhythm | None:
    """Gaps between the days with an order and when the next is due by them; None with too few of them."""
    gaps = [(later, later - earlier) for earlier, later in pairwise(order_days)]
    if len(gaps) < LEAST_GAPS:
        return None
    lengths = sorted(days for _, days in gaps)
    last, usual = order_days[-1], float(median(lengths))
    early, late = (lengths[round(share * (len(lengths) - 1))] for share in (0.2, 0.8))
    return Rhythm(
        gaps=tuple((day_of(day), days) for day, days in gaps),
        median_days=usual,
        last=day_of(last),
        open_days=day_number(as_of, zone) - last,
        early=day_of(last + early),
        due=day_of(last + round(usual)),
        late=day_of(last + late),
    )
