"""What goods came to: pieces, money and households by product type, over some days up to a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Sales:
    """A product type's sales: pieces, minor units (coupons included, refunds off), and the members who bought it."""

    product_type: str
    pieces: int
    amount_minor: int
    households: int


def sales(region: str, as_of: datetime, *, days: int = 7, community_id: int | None = None) -> dict[str, Sales]:
    """Product type -> its sales of the last `days` days before `as_of`, of the region or of one community."""
    import ibis

    from linli.insight import facts

    t = facts.lines(as_of)
    t = t.filter(t["region"] == region, t["at"] > ibis.literal(as_of - timedelta(days=days)), t["product_type"].notnull())
    if community_id is not None:
        t = t.filter(t["community_id"] == community_id)
    sums = t.group_by("product_type").agg(
        pieces=t["quantity"].sum().cast("int64"), amount_minor=t["amount_minor"].sum().cast("int64"), households=t["member_id"].nunique()
    )
    rows = sums.order_by("product_type").to_pyarrow().to_pylist()
    return {row["product_type"]: Sales(**row) for row in rows}
