"""What happened, as knowledge reads it: purchases, their lines and the members, of history and of the living shop alike.

Every table is a function of a moment and holds nothing recorded after it. All reading of the lake for features,
scores and metrics starts here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import ibis
import ibis.expr.types as ir

from linli.insight import lake
from linli.insight.categories import shop_category

type Tables = Callable[[str], ir.Table]
"""Table name -> table: the lake's, or those of a few members."""


def recorded(kind: str, as_of: datetime, tables: Tables = lake.table) -> ir.Table:
    """The table of a kind, without what was recorded after `as_of` (aware)."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must be aware")
    found = tables(kind)
    return found.filter(found["recorded_at"] <= ibis.literal(as_of))


def purchases(as_of: datetime, tables: Tables = lake.table) -> ir.Table:
    """One row a basket that was paid and not wholly refunded by `as_of`.

    member_id, community_id, region, basket_id (text: the history's number or the order's id), at, recorded_at (aware),
    amount_minor (what the shop got, coupons included, refunds taken off), discount_minor (off the shelf price),
    coupon_discount_minor (part of the amount that a coupon paid), source ("history", "import:<number>" or "live").
    """
    return ibis.union(_history(as_of, tables), _imported_purchases(as_of, tables), _live(as_of, tables))


def lines(as_of: datetime, tables: Tables = lake.table) -> ir.Table:
    """One row a line of those baskets.

    member_id, community_id, region, basket_id, at, recorded_at, product_type (the history's word, an import's name of the
    goods), category (the shop's: fruit, vegetable, meat_seafood, dairy_egg, grain_oil, bakery, other), sku (the catalogue's code; of
    imported goods that it lacks their name, of history ""), quantity, amount_minor.
    """
    return ibis.union(_history_lines(as_of, tables), _imported_lines(as_of, tables), _live_lines(as_of, tables))


def members(as_of: datetime, tables: Tables = lake.table) -> ir.Table:
    """One row a member who had joined by `as_of`: member_id, community_id, region, joined_at, recorded_at, external_id, channel."""
    t = recorded("people.member_joined", as_of, tables)
    return t.select("member_id", "community_id", "region", "recorded_at", "external_id", "channel", joined_at=t["happened_at"])


def _history(as_of: datetime, tables: Tables) -> ir.Table:
    t = recorded("history.purchase", as_of, tables)
    return t.select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["basket_id"].cast("string").name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        t["amount_minor"],
        t["discount_minor"],
        t["coupon_discount_minor"],
        t["source"],
    )


def imported(kind: str, key: str, as_of: datetime, tables: Tables = lake.table) -> ir.Table:
    """Facts of imports as they stand: of each `key` the highest revision whose import was not withdrawn."""
    gone = recorded("history.import_withdrawn", as_of, tables).select("region", "import_id")
    t = recorded(kind, as_of, tables).anti_join(gone, ["region", "import_id"])
    newest = t.group_by("region", key).agg(revision=t["revision"].max())
    return t.semi_join(newest, ["region", key, "revision"])


def _imported(as_of: datetime, tables: Tables) -> ir.Table:
    found = imported("history.order_imported", "order_id", as_of, tables)
    return found.filter(found["pieces"] > 0)


def _imported_purchases(as_of: datetime, tables: Tables) -> ir.Table:
    t = _imported(as_of, tables)
    return t.select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["order_id"].name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        t["amount_minor"],
        ibis.literal(0, "int64").name("discount_minor"),
        ibis.literal(0, "int64").name("coupon_discount_minor"),
        t["source"],
    )


def _imported_lines(as_of: datetime, tables: Tables) -> ir.Table:
    t = recorded("history.order_imported__lines", as_of, tables).semi_join(_imported(as_of, tables), ["region", "uid"])
    return t.select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["order_id"].name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        t["product_name"].name("product_type"),
        t["category"],
        ibis.coalesce(t["sku"].nullif(""), t["product_name"]).name("sku"),
        t["quantity"],
        t["amount_minor"],
    )


def _live(as_of: datetime, tables: Tables) -> ir.Table:
    """Paid orders less what was refunded of them by then; an order of which nothing is left is no purchase."""
    paid, back = recorded("trade.order_paid", as_of, tables), recorded("trade.order_refunded", as_of, tables)
    back = back.group_by("order_id").agg(money_back=back["refunded_minor"].sum(), coupon_back=back["discount_back_minor"].sum())
    t = paid.left_join(back, "order_id")
    coupon = (t["discount_minor"] - t["coupon_back"].fill_null(0)).cast("int64")
    left = (t["paid_minor"] - t["money_back"].fill_null(0)).cast("int64") + coupon
    return t.filter(left > 0).select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["order_id"].name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        left.name("amount_minor"),
        ibis.literal(0, "int64").name("discount_minor"),
        coupon.name("coupon_discount_minor"),
        t["source"],
    )


def _history_lines(as_of: datetime, tables: Tables) -> ir.Table:
    t = recorded("history.purchase__lines", as_of, tables)
    return t.select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["basket_id"].cast("string").name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        t["product_type"],
        shop_category(t["department"], t["category"]).name("category"),
        ibis.literal("").name("sku"),
        t["quantity"],
        t["amount_minor"],
    )


def _live_lines(as_of: datetime, tables: Tables) -> ir.Table:
    paid, back = recorded("trade.order_paid__lines", as_of, tables), recorded("trade.order_refunded__lines", as_of, tables)
    back = back.group_by("order_id", "sku", "group_id").agg(
        pieces_back=back["quantity"].sum(), value_back=(back["amount_minor"] + back["discount_minor"]).sum()
    )
    t = paid.left_join(back, ["order_id", "sku", "group_id"])
    pieces = (t["quantity"] - t["pieces_back"].fill_null(0)).cast("int64")
    return t.filter(pieces > 0).select(
        t["member_id"],
        t["community_id"],
        t["region"],
        t["order_id"].name("basket_id"),
        t["happened_at"].name("at"),
        t["recorded_at"],
        t["product_type"],
        t["category"],
        t["sku"],
        pieces.name("quantity"),
        (t["amount_minor"] + t["discount_minor"] - t["value_back"].fill_null(0)).cast("int64").name("amount_minor"),
    )
