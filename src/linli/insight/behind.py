"""What a figure is made of: the rows that a metric counted on a day, in one place, and the query that finds them.

The same expressions that count the metric (metric_counts) list its rows, as of the end of the day, so the rows of any past
day are those that were counted then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from linli.insight.features import facts_of, zone_of
from linli.insight.local_days import EPOCH, SECONDS_A_DAY, end_of, local_seconds
from linli.insight.metric_counts import dated_members, dated_purchases, member_flags
from linli.insight.metrics import REGISTRY

if TYPE_CHECKING:
    import ibis.expr.types as ir

PER_PAGE = 50


@dataclass(frozen=True)
class Rows:
    """A page of what a figure was counted from. `counted`: how many of the `total` rows are in its numerator."""

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    counted: int
    page: int
    pages: int
    sql: str


def _expression(region: str, key: str, day: date, community_id: int | None) -> ir.Table | None:
    """The rows of a metric's day, with `counted`; None for a metric that has none to list."""
    grain, counts, among = REGISTRY[key].behind
    if not grain:
        return None
    zone, number = zone_of(region), (day - EPOCH).days
    until = end_of(number, zone)
    facts = facts_of(until, region)
    if grain == "members":
        members, purchases = dated_members(facts, until, zone), dated_purchases(facts, until, zone)
        if community_id is not None:
            members = members.filter(members.community_id == community_id)
            purchases = purchases.semi_join(members, "member_id")
        flags = member_flags(members, purchases, [number])
        rows = flags.filter(flags[among]) if among else flags.filter(flags[counts])
        return rows.select("member_id", "community_id", "joined_days", "last_order_days", counted=rows[counts]).order_by("member_id")
    if grain == "products":
        import ibis

        since = until - timedelta(days=int(among) + 1)
        lines = facts.lines.filter(facts.lines.at > ibis.literal(since), facts.lines.product_type.notnull())
        if community_id is not None:
            lines = lines.filter(lines.community_id == community_id)
        dated = lines.mutate(back=number - (local_seconds(lines["at"], zone, until) // SECONDS_A_DAY).cast("int64"))
        dated = dated.filter(dated.back >= 0, dated.back < int(among))
        types = dated.group_by("product_type").agg(last_order_days=dated.back.min(), orders=dated.basket_id.nunique())
        return types.mutate(counted=types.last_order_days < int(counts)).order_by("product_type")
    purchases = dated_purchases(facts, until, zone)
    rows = purchases.filter(purchases.day > number - int(counts), purchases.day <= number)
    if community_id is not None:
        rows = rows.filter(rows.community_id == community_id)
    return rows.select("basket_id", "member_id", "community_id", "at", "amount_minor", "coupon_discount_minor").order_by("at", "basket_id")


def page(region: str, key: str, day: date, community_id: int | None = None, *, number: int = 1) -> Rows | None:
    """One page of the rows behind a metric of `day`; None where there is nothing to list. KeyError for an unknown metric."""
    found = _expression(region, key, day, community_id)
    if found is None:
        return None
    sums = found.aggregate(n=found.count(), counted=found.counted.sum() if "counted" in found.columns else found.count())
    row = sums.to_pyarrow().to_pylist()[0]
    total, counted = int(row["n"]), int(row["counted"] or 0)
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(1, number), pages)
    shown = found.limit(PER_PAGE, offset=(number - 1) * PER_PAGE).to_pyarrow()
    rows = tuple(tuple(r[name] for name in found.columns) for r in shown.to_pylist())
    return Rows(tuple(found.columns), rows, total, counted, number, pages, sql(found))


def each(region: str, key: str, day: date, community_id: int | None = None) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """(columns, all rows) behind a metric of `day`, for taking along."""
    found = _expression(region, key, day, community_id)
    if found is None:
        return (), iter(())

    def rows() -> Iterator[tuple[Any, ...]]:
        for batch in found.to_pyarrow().to_batches(5000):  # columns are compact; Python's rows are made a batch at a time
            for r in batch.to_pylist():
                yield tuple(r[name] for name in found.columns)

    return tuple(found.columns), rows()


def sql(table: ir.Table) -> str:
    """The query as text, with the lake's tables by their own names instead of a snapshot's."""
    import ibis

    return re.sub(r'"lake_([a-z_]+)_\d+"', r'"\1"', str(ibis.to_sql(table, dialect="duckdb")))
