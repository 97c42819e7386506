"""What metrics are made of, counted from facts: one row of counts a day and community, community 0 being all of them.

The day is a column, so that one day and a month of days are the same expression.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def dated(table: ir.Table, column: str) -> ir.Table:
        return table.mutate(day=(local_seconds(table[column], zone, until) // SECONDS_A_DAY).cast("int64"))

    purchases = dated(facts.purchases.select("member_id", "community_id", "at", "amount_minor"), "at")
    members = dated(facts.members.select("member_id", "community_id", "joined_at", "channel"), "joined_at")
    found: Counted = {}
    _members(members, purchases, days, found)
    _daily(purchases, days, found)
    since = end_of(min(days) - RANGE_DAYS - 1, zone)
    lines = facts.lines.filter(facts.lines.at > ibis.literal(since), facts.lines.product_type.notnull())
    _range(dated(lines.select("community_id", "product_type", "at"), "at"), days, newest, found)
    return found


def _ends(days: Sequence[int]) -> ir.Table:
    import ibis

    return ibis.memtable({"end": [int(d) for d in days]}, schema={"end": "int64"})


def _seen(table: ir.Table, days: Sequence[int]) -> ir.Table:
    """Each day's view of the past: `back` = days before it."""
    return table.cross_join(_ends(days)).mutate(back=lambda t: t.end - t.day).filter(lambda t: t.back >= 0)


def _members(members: ir.Table, purchases: ir.Table, days: Sequence[int], found: Counted) -> None:
    """How many members of a community did what, as of each day."""
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
    }
    rows = m.group_by("end", "community_id").agg(**{name: which.fill_null(False).sum().cast("float64") for name, which in counts.items()})
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
    rows = p.group_by("community_id", "day").agg(orders=p.count(), sales=p.amount_minor.sum().cast("int64")).to_pyarrow().to_pylist()
    of_day: dict[int, dict[int, tuple[int, int]]] = {}
    for row in rows:
        for place in (row["community_id"], REGION):
            orders, sales = of_day.setdefault(place, {}).get(row["day"], (0, 0))
            of_day[place][row["day"]] = (orders + row["orders"], sales + row["sales"])
    for end in days:
        at_work = 0
        for place, known in of_day.items():
            steady = [known[d] for d in range(end - STEADY_DAYS + 1, end + 1) if d in known]
            week = [known[d] for d in range(end - WEEK + 1, end + 1) if d in known]
            orders, sales = known.get(end, (0, 0))
            at_work += bool(steady) and place != REGION
            into = found.setdefault((end, place), {})
            into |= {"orders": orders, "sales": sales, "orders_7d": sum(o for o, _ in week), "sales_7d": sum(s for _, s in week)}
            into["groups_28d"] = float(bool(steady))
            averages = [s / o for o, s in steady]
            if len(averages) >= LEAST_DAYS_OF_VOLATILITY and fmean(averages) > 0:
                into["volatility"] = pstdev(averages) / fmean(averages)
        found.setdefault((end, REGION), {})["groups_28d"] = at_work


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
