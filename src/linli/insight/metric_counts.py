"""What metrics are made of, counted from facts: one row of counts a day and community, community 0 being all of them.

The day is a column, so that one day and a month of days are the same expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from linli.insight.features import Facts
from linli.insight.local_days import SECONDS_A_DAY, end_of, local_seconds

if TYPE_CHECKING:
    import ibis.expr.types as ir

WEEK, MONTH = 7, 30
STEADY_DAYS = 28
RANGE_DAYS = 90
CONVERSION_DAYS = 7
LEAST_DAYS_OF_VOLATILITY = 7
REGION = 0

Counted = dict[tuple[int, int], dict[str, float]]
"""(day number, community) -> counts by name."""


def count(facts: Facts, days: Sequence[int], zone: str, *, newest: int) -> Counted:
    """Count everything for the given complete local days. `facts` hold nothing recorded after the last of them.

    Product types of communities, which are costly, are counted on the day `newest` alone.
    """
    import ibis

    until = end_of(max(days), zone)
    purchases, members = dated_purchases(facts, until, zone), dated_members(facts, until, zone)
    found: Counted = {}
    _members(members, purchases, days, found)
    _daily(purchases, days, found)
    _lives(purchases, days, found)
    since = end_of(min(days) - RANGE_DAYS - 1, zone)
    lines = facts.lines.filter(facts.lines.at > ibis.literal(since), facts.lines.product_type.notnull())
    _range(_dated(lines.select("community_id", "product_type", "at"), "at", until, zone), days, newest, found)
    return found


def _dated(table: ir.Table, column: str, until: datetime, zone: str) -> ir.Table:
    return table.mutate(day=(local_seconds(table[column], zone, until) // SECONDS_A_DAY).cast("int64"))


def dated_purchases(facts: Facts, until: datetime, zone: str) -> ir.Table:
    """Purchases with their local day number."""
    columns = ("basket_id", "member_id", "community_id", "at", "amount_minor", "coupon_discount_minor")
    return _dated(facts.purchases.select(*columns), "at", until, zone)


def dated_members(facts: Facts, until: datetime, zone: str) -> ir.Table:
    """Members with the local day number of their joining."""
    return _dated(facts.members.select("member_id", "community_id", "joined_at", "channel"), "joined_at", until, zone)


def _ends(days: Sequence[int]) -> ir.Table:
    import ibis

    return ibis.memtable({"end": [int(d) for d in days]}, schema={"end": "int64"})


def _seen(table: ir.Table, days: Sequence[int]) -> ir.Table:
    """Each day's view of the past: `back` = days before it."""
    return table.cross_join(_ends(days)).mutate(back=lambda t: t.end - t.day).filter(lambda t: t.back >= 0)


def member_flags(members: ir.Table, purchases: ir.Table, days: Sequence[int]) -> ir.Table:
    """One row a member and day (`end`): what of the counted they did, by name, true or false. What metrics sum, row by row."""
    p = _seen(purchases.select("member_id", "day").distinct(), days)
    habits = p.group_by("end", "member_id").agg(
        last=p.back.min(),
        first=p.back.max(),
        week=(p.back < WEEK).any(),
        week_before=p.back.between(WEEK, 2 * WEEK - 1).any(),
        month=(p.back < MONTH).any(),
        month_before=p.back.between(MONTH, 2 * MONTH - 1).any(),
    )
    m = _seen(members, days).left_join(habits, ["end", "member_id"])
    live = ~m.channel.isin(("history", "import"))
    cohort = live & m.back.between(CONVERSION_DAYS, CONVERSION_DAYS + STEADY_DAYS - 1)
    counts = {
        "known": m.member_id.notnull(),
        "silent": m["last"].isnull().ifelse(m.back >= CONVERSION_DAYS, m["last"] >= MONTH),
        "bought_week_before": m.week_before,
        "again_week": m.week_before & m.week,
        "bought_month_before": m.month_before,
        "again_month": m.month_before & m.month,
        "joined_cohort": cohort,
        "converted": cohort & (m.back - m["first"] < CONVERSION_DAYS),
        "joined": live & (m.back == 0),
        "bought_today": m["last"] == 0,
        "ever": m["last"].notnull(),
    }
    return m.select(
        "end", "member_id", "community_id", joined_days=m.back, last_order_days=m["last"],
        **{name: which.fill_null(False) for name, which in counts.items()},
    )  # fmt: skip


FLAGS = (
    "known", "silent", "bought_week_before", "again_week", "bought_month_before", "again_month", "joined_cohort", "converted", "joined",
    "bought_today", "ever",
)  # fmt: skip


def _members(members: ir.Table, purchases: ir.Table, days: Sequence[int], found: Counted) -> None:
    """How many members of a community did what, as of each day."""
    m = member_flags(members, purchases, days)
    rows = m.group_by("end", "community_id").agg(**{name: m[name].sum().cast("float64") for name in FLAGS})
    for row in rows.to_pyarrow().to_pylist():
        day, community = row.pop("end"), row.pop("community_id")
        row["groups"] = 1.0
        _add(found, day, community, row)


def _add(found: Counted, day: int, community: int, counts: dict[str, float]) -> None:
    """Counts of a community, and with them the region's."""
    for place in (community, REGION):
        into = found.setdefault((day, place), {})
        for name, value in counts.items():
            into[name] = into.get(name, 0) + value


def _daily(purchases: ir.Table, days: Sequence[int], found: Counted) -> None:
    """Sales and orders of the day and the week, groups at work, and how much the daily average order swings."""
    p = purchases.filter(purchases.day > min(days) - STEADY_DAYS)
    sums = p.group_by("community_id", "day").agg(
        orders=p.count(), sales=p.amount_minor.sum().cast("int64"), coupons=p.coupon_discount_minor.sum().cast("int64")
    )
    of_day: dict[int, dict[int, tuple[int, int, int]]] = {}
    for row in sums.to_pyarrow().to_pylist():
        for place in (row["community_id"], REGION):
            held = of_day.setdefault(place, {}).get(row["day"], (0, 0, 0))
            of_day[place][row["day"]] = (held[0] + row["orders"], held[1] + row["sales"], held[2] + row["coupons"])
    for end in days:
        at_work = 0
        for place, known in of_day.items():
            steady = [known[d] for d in range(end - STEADY_DAYS + 1, end + 1) if d in known]
            week = [known[d] for d in range(end - WEEK + 1, end + 1) if d in known]
            orders, sales, _coupons = known.get(end, (0, 0, 0))
            at_work += bool(steady) and place != REGION
            into = found.setdefault((end, place), {})
            into |= {"orders": orders, "sales": sales}
            into |= {
                "orders_7d": sum(o for o, _, _ in week),
                "sales_7d": sum(s for _, s, _ in week),
                "coupons_7d": sum(c for _, _, c in week),
            }
            into |= {"orders_28d": sum(o for o, _, _ in steady), "sales_28d": sum(s for _, s, _ in steady)}
            into["groups_28d"] = float(bool(steady))
            averages = [s / o for o, s, _ in steady]
            if len(averages) >= LEAST_DAYS_OF_VOLATILITY and fmean(averages) > 0:
                into["volatility"] = pstdev(averages) / fmean(averages)
        found.setdefault((end, REGION), {})["groups_28d"] = at_work


def _lives(purchases: ir.Table, days: Sequence[int], found: Counted) -> None:
    """How long a place has been buying, what was spent in it so far, and its first weeks' average order."""
    sums = purchases.group_by("community_id", "day").agg(orders=purchases.count(), sales=purchases.amount_minor.sum().cast("int64"))
    of_place: dict[int, dict[int, tuple[int, int]]] = {}
    for row in sums.to_pyarrow().to_pylist():
        for place in (row["community_id"], REGION):
            orders, sales = of_place.setdefault(place, {}).get(row["day"], (0, 0))
            of_place[place][row["day"]] = (orders + row["orders"], sales + row["sales"])
    for end in days:
        alive, lived = 0.0, 0.0
        for place, known in of_place.items():
            seen = {day: held for day, held in known.items() if day <= end}
            if not seen:
                continue
            first, last = min(seen), max(seen)
            into = found.setdefault((end, place), {})
            into["spent"] = sum(sales for _, sales in seen.values())
            into |= {"places": 1.0, "place_days": float(last - first + 1)}
            if place != REGION:
                alive, lived = alive + 1, lived + last - first + 1
            if end - first >= 2 * STEADY_DAYS:  # a beginning that the last four weeks are not part of
                begun = [held for day, held in seen.items() if day < first + STEADY_DAYS]
                into |= {"orders_begun": sum(o for o, _ in begun), "sales_begun": sum(s for _, s in begun)}
        if alive:
            found.setdefault((end, REGION), {}).update(places=alive, place_days=lived)


def _range(lines: ir.Table, days: Sequence[int], newest: int, found: Counted) -> None:
    """Product types sold in 90 and in 28 days: of the region on every day, of communities on the newest."""
    import ibis

    region = lines.mutate(community_id=ibis.literal(REGION, type="int64")).select("community_id", "product_type", "day").distinct()
    places = [(lines.select("community_id", "product_type", "day").distinct(), [newest])] if newest in days else []
    for table, which in [(region, list(days)), *places]:
        seen = _seen(table, which).filter(lambda t: t.back < RANGE_DAYS)
        types = seen.group_by("end", "community_id", "product_type").agg(last=seen.back.min())
        rows = types.group_by("end", "community_id").agg(
            types_90d=types.count().cast("float64"), types_28d=(types["last"] < STEADY_DAYS).sum().cast("float64")
        )
        for row in rows.to_pyarrow().to_pylist():
            found.setdefault((row.pop("end"), row.pop("community_id")), {}).update(row)


def spoke(messages: ir.Table, region: str, days: Sequence[int], zone: str) -> dict[tuple[int, int], float]:
    """(day, community) -> members who wrote in the groups in the week up to the day; counts of people nobody knows are left out."""
    m = messages.filter(messages.region == region, messages.member_id.notnull(), messages.messages > 0)
    seen = _seen(_dated(m.select("member_id", "community_id", "happened_at"), "happened_at", end_of(max(days), zone), zone), days)
    week = seen.filter(seen.back < WEEK)
    rows = week.group_by("end", "community_id").agg(spoke=week.member_id.nunique().cast("float64")).to_pyarrow().to_pylist()
    found: dict[tuple[int, int], float] = {}
    for row in rows:
        for place in (row["community_id"], REGION):
            found[row["end"], place] = found.get((row["end"], place), 0) + row["spoke"]
    return found
