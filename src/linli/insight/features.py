"""Features of members as of a moment: one registry, one code path for one member and for all.

`features(as_of)` reads nothing recorded after `as_of`. A day is a local calendar day of the region; "the last 30 days"
are today and the 29 before. Sums and counts are integers, so the result does not depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import pi
from typing import TYPE_CHECKING

from linli.insight.local_days import SECONDS_A_DAY, day_number, local_seconds

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from linli.insight.facts import Tables

FRESH = ("fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery")
"""The shop's fresh categories; taste is judged within them, everything else is "other"."""
RHYTHM_DAYS = 365
TASTE_DAYS = 180
SCALE = 1_000_000
"""Sines are summed as millionths, integers, so that the sum is the same in any order."""

PURCHASED = ("history.purchase", "history.order_imported", "trade.order_paid", "trade.order_refunded")
JOINED = ("people.member_joined",)


@dataclass(frozen=True)
class Facts:
    """The three tables of facts, all recorded up to one moment (columns as in insight.facts; purchases' amount is what was paid)."""

    purchases: ir.Table
    lines: ir.Table
    members: ir.Table


@dataclass(frozen=True)
class Feature:
    """One feature. `grain` names the table its `expression` is aggregated over, or "row": computed from other features."""

    name: str
    type: str  # int, float, text, date, list
    unit: str  # days, orders, minor, share, ratio, hour, weekday, date, text, list, count, id
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    grain: str
    expression: Callable[[ir.Table], ir.Value]
    sources: tuple[str, ...] = PURCHASED
    waits_for: str = ""
    choices: tuple[str, ...] = ()


def _orders(name: str, first: int, last: int, zh: str, en: str, definition_zh: str, definition_en: str) -> Feature:
    return Feature(
        name, "int", "orders", zh, en, definition_zh, definition_en, "purchases",
        lambda t: t.back.between(first, last).sum().cast("int64"),
    )  # fmt: skip


def _orders_of(days: int) -> Feature:
    return _orders(
        f"orders_{days}d", 0, days - 1, f"近 {days} 天订单", f"Orders, {days} days",
        f"近 {days} 个自然日（含今天）付款的订单数，退完的不算",
        f"Paid orders in the last {days} local days, today included; fully refunded ones do not count",
    )  # fmt: skip


def _spend_of(days: int) -> Feature:
    return Feature(
        f"spend_{days}d_minor", "int", "minor", f"近 {days} 天消费", f"Spent, {days} days",
        f"近 {days} 个自然日（含今天）实付金额，扣除退款", f"What was paid in the last {days} local days, today included, less refunds",
        "purchases", lambda t: t.amount_minor.sum(where=t.back < days).fill_null(0).cast("int64"),
    )  # fmt: skip


def _share_of(category: str, zh: str, en: str) -> Feature:
    return Feature(
        f"share_{category}", "float", "share", f"{zh}占比", f"Share of {en}",
        f"近 {TASTE_DAYS} 天消费中{zh}所占的比例", f"Share of {en} in what was spent in the last {TASTE_DAYS} days",
        "categories", lambda t: t.amount.sum(where=t.category == category).fill_null(0) / t.amount.sum().nullif(0),
    )  # fmt: skip


_F = Feature
REGISTRY: dict[str, Feature] = {
    f.name: f
    for f in (
        _F("recency_days", "int", "days", "距上次下单", "Days since last order", "距最近一次下单的自然日数，今天下单为 0",
           "Local days since the last order; 0 if today", "purchases", lambda t: t.back.min()),
        _F("tenure_days", "int", "days", "首单至今", "Days since first order", "距第一次下单的自然日数",
           "Local days since the first order", "purchases", lambda t: t.back.max()),
        _F("joined_days", "int", "days", "入群天数", "Days since joining", "距入群的自然日数",
           "Local days since the member joined", "members", lambda t: t.joined_back.max(), JOINED),
        _F("first_purchase_on", "date", "date", "首单日", "First order on", "第一次下单的日子",
           "The day of the first order", "purchases", lambda t: _date(t.day.min())),
        _F("last_purchase_on", "date", "date", "最近下单日", "Last order on", "最近一次下单的日子",
           "The day of the last order", "purchases", lambda t: _date(t.day.max())),
        _orders("orders_total", 0, 1_000_000, "累计订单", "Orders, ever", "付款的订单总数", "All paid orders"),
        *(_orders_of(days) for days in (30, 45, 90, 180, 365)),
        _orders("orders_before_45d", 45, 89, "前 45 天订单", "Orders, the 45 days before", "45 到 89 天前付款的订单数",
                "Paid orders 45 to 89 days ago"),
        _F("spend_total_minor", "int", "minor", "累计消费", "Spent, ever", "累计实付金额，扣除退款",
           "All that was paid, less refunds", "purchases", lambda t: t.amount_minor.sum().cast("int64")),
        *(_spend_of(days) for days in (30, 90, 180, 365)),
        _F("average_order_minor", "int", "minor", "客单价", "Average order", "近 365 天消费除以订单数，舍去零头",
           "Spent in 365 days divided by the orders, rounded down", "row", lambda t: _whole(t.spend_365d_minor, t.orders_365d)),
        _F("average_order_90d_minor", "int", "minor", "近期客单价", "Average order, 90 days", "近 90 天消费除以订单数，舍去零头",
           "Spent in 90 days divided by the orders, rounded down", "row", lambda t: _whole(t.spend_90d_minor, t.orders_90d)),
        _F("gap_median_days", "float", "days", "平时间隔", "Usual gap", f"近 {RHYTHM_DAYS} 天相邻两个下单日间隔的中位数",
           f"Median days between consecutive days with an order, last {RHYTHM_DAYS} days", "gaps",
           lambda t: t.gap.median().cast("float64")),
        _F("gap_ratio", "float", "ratio", "间隔倍数", "Gap ratio", "距上次下单的天数除以平时间隔",
           "Days since the last order divided by the usual gap", "row", lambda t: t.recency_days / t.gap_median_days.nullif(0)),
        _F("order_trend", "float", "ratio", "下单趋势", "Order trend", "近 45 天订单除以前 45 天订单",
           "Orders of the last 45 days divided by those of the 45 before", "row", lambda t: t.orders_45d / t.orders_before_45d.nullif(0)),
        _F("coupon_share_90d", "float", "share", "用券率", "Orders with coupon", "近 90 天用了券的订单所占比例",
           "Share of the last 90 days' orders that used a coupon", "purchases",
           lambda t: ((t.back < 90) & (t.coupon_discount_minor > 0)).sum() / (t.back < 90).sum().nullif(0)),
        _F("discount_share_90d", "float", "share", "优惠力度", "Discount share", "近 90 天优惠（含券）占原价的比例",
           "Discounts, coupons included, as a share of the full price of the last 90 days", "purchases", lambda t: _discount_share(t)),
        _F("top_category", "text", "text", "最常买的品类", "Top category", f"近 {TASTE_DAYS} 天六个生鲜品类里消费最多的一个",
           f"Of the six fresh categories, the one most was spent on in the last {TASTE_DAYS} days", "fresh",
           lambda t: t.category.max(where=t.place == 0), choices=FRESH),
        _F("top_category_share", "float", "share", "主品类占比", "Top category's share", f"近 {TASTE_DAYS} 天最常买的品类占生鲜消费的比例",
           f"The top category's share of what was spent on fresh goods in the last {TASTE_DAYS} days", "fresh",
           lambda t: t.amount.sum(where=t.place == 0) / t.amount.sum().nullif(0)),
        _F("categories_180d", "int", "count", "买过的品类", "Categories bought", f"近 {TASTE_DAYS} 天买过的品类数（含其他）",
           f"Number of categories bought from in the last {TASTE_DAYS} days", "categories", lambda t: t.category.nunique().cast("int64")),
        _share_of("fruit", "水果", "fruit"),
        _share_of("vegetable", "蔬菜", "vegetables"),
        _share_of("meat_seafood", "肉禽水产", "meat and seafood"),
        _share_of("dairy_egg", "奶蛋", "dairy and eggs"),
        _share_of("grain_oil", "粮油", "grain and oil"),
        _share_of("bakery", "烘焙", "bakery"),
        _share_of("other", "其他", "other goods"),
        _F("favourite_products", "list", "list", "常买", "Favourites", f"近 {TASTE_DAYS} 天买的次数最多的三种生鲜",
           f"The three fresh product types in most baskets of the last {TASTE_DAYS} days", "products",
           lambda t: _favourites(t)),
        _F("preferred_hour", "int", "hour", "常下单时间", "Usual hour", f"近 {TASTE_DAYS} 天下单时刻的圆周平均，0 到 23 点",
           f"Circular mean of the local hour of the last {TASTE_DAYS} days' orders, 0 to 23", "hours", lambda t: _mean_hour(t)),
        _F("hour_concentration", "float", "share", "时间集中度", "Hour concentration", "下单时刻有多集中：1 是总在同一刻，0 是毫无规律",
           "How concentrated the hour is: 1 always the same, 0 no pattern", "hours",
           lambda t: ((t.cosine.sum().cast("float64").pow(2) + t.sine.sum().cast("float64").pow(2)).sqrt() / (t.count() * SCALE))),
        _F("preferred_weekday", "int", "weekday", "常下单星期", "Usual weekday", f"近 {TASTE_DAYS} 天下单最多的星期几，0 是周一",
           f"The weekday with most orders of the last {TASTE_DAYS} days, 0 is Monday", "weekdays",
           lambda t: t.weekday.max(where=t.place == 0)),
        _F("community_id", "int", "id", "小区", "Community", "会员所在的小区", "The member's community", "members",
           lambda t: t.community_id.max(), JOINED),
        _F("views_14d", "int", "count", "近 14 天浏览", "Views, 14 days", "近 14 天看过的商品数",
           "Goods looked at in the last 14 days", "row", lambda t: _unknown(t), (), "trade.goods_viewed"),
    )
}  # fmt: skip
"""Every feature by name. Names are what audience rules, models and pages use."""

ZERO_WITHOUT_ORDERS = tuple(
    n for n, f in REGISTRY.items() if f.grain == "purchases" and (n.startswith("orders_") or n.startswith("spend_"))
)


def features(
    as_of: datetime,
    member_ids: Sequence[int] | None = None,
    *,
    region: str | None = None,
    zone: str | None = None,
    tables: Tables | None = None,
) -> ir.Table:
    """One row a member known as of `as_of`: `member_id` and every feature of the registry. Unevaluated.

    Args:
        as_of: nothing recorded later is read.
        member_ids: only these members; None for all.
        region: only members of this region; its zone says what a day is.
        zone: the zone of days where no region is given (settings.TIME_ZONE unless told).
        tables: where facts are read, the lake unless told.
    """
    return compute(facts_of(as_of, region, tables), as_of, zone or zone_of(region), member_ids)


def facts_of(as_of: datetime, region: str | None = None, tables: Tables | None = None) -> Facts:
    """The facts knowledge is made of, of one region or all. What counts as spent is what the member paid: a coupon's part is not.

    `tables`: where they are read, the lake unless told (`member_facts.tables`).
    """
    from linli.insight import facts, lake

    source = tables or lake.table
    found = [facts.purchases(as_of, source), facts.lines(as_of, source), facts.members(as_of, source)]
    if region is not None:
        found = [t.filter(t.region == region) for t in found]
    purchases, lines, members = found
    return Facts(purchases.mutate(amount_minor=purchases.amount_minor - purchases.coupon_discount_minor), lines, members)


def zone_of(region: str | None) -> str:
    """The time zone whose calendar days count for a region; the shop's own without one."""
    from django.conf import settings

    from linli.people import queries as people

    found = people.region(region) if region else None
    return found.time_zone if found else str(settings.TIME_ZONE)


def compute(facts: Facts, as_of: datetime, zone: str, member_ids: Sequence[int] | None = None) -> ir.Table:
    """The features over given tables: pure, the single place where they are put together."""
    import ibis

    if member_ids is not None:
        ids = ibis.memtable({"member_id": [int(m) for m in member_ids]}, schema={"member_id": "int64"})
        facts = Facts(*(t.semi_join(ids, "member_id") for t in (facts.purchases, facts.lines, facts.members)))
    grains = _grains(facts, as_of, zone)
    result = grains["members"].select("member_id").distinct()
    for grain, table in grains.items():
        wanted = {f.name: f.expression(table) for f in REGISTRY.values() if f.grain == grain}
        if wanted:
            result = result.left_join(table.group_by("member_id").agg(**wanted), "member_id").drop("member_id_right")
    result = result.mutate(**{name: result[name].fill_null(0) for name in ZERO_WITHOUT_ORDERS})
    result = result.mutate(**{f.name: f.expression(result) for f in REGISTRY.values() if f.grain == "row" and f.name != "gap_ratio"})
    result = result.mutate(gap_ratio=REGISTRY["gap_ratio"].expression(result))
    return result.select("member_id", *REGISTRY)


def _grains(facts: Facts, as_of: datetime, zone: str) -> dict[str, ir.Table]:
    """The tables features are aggregated over; `back` = whole local days before the day of `as_of`."""
    import ibis

    today = day_number(as_of, zone)

    def dated(table: ir.Table, column: str = "at", *, since: datetime | None = None) -> ir.Table:
        seconds = local_seconds(table[column], zone, as_of, since=since)
        day = (seconds // SECONDS_A_DAY).cast("int64")
        return table.mutate(day=day, back=today - day, clock=(seconds % SECONDS_A_DAY).cast("int64")).filter(lambda t: t.back >= 0)

    purchases = dated(facts.purchases)
    # Cut by the instant first: the exact local day of the rest costs only those rows.
    lately = as_of - timedelta(days=TASTE_DAYS + 2)
    lines = dated(facts.lines.filter(facts.lines.at > ibis.literal(lately)), since=lately).filter(lambda t: t.back < TASTE_DAYS)
    recent = purchases.filter(lambda t: t.back < TASTE_DAYS)
    angle = recent.clock * (2 * pi / SECONDS_A_DAY)
    hours = recent.mutate(sine=(angle.sin() * SCALE).round().cast("int64"), cosine=(angle.cos() * SCALE).round().cast("int64"))
    by_category = lines.group_by("member_id", "category").agg(amount=lines.amount_minor.sum())
    by_fresh = by_category.filter(by_category.category != "other")
    fresh = lines.filter(lines.category != "other", lines.product_type.notnull())
    by_product = fresh.group_by("member_id", "product_type").agg(baskets=fresh.basket_id.nunique())
    weekdays = recent.mutate(weekday=(recent.day + 3) % 7)  # 1970-01-01 was a Thursday
    by_weekday = weekdays.group_by("member_id", "weekday").agg(orders=weekdays.count())
    joined = dated(facts.members, "joined_at")
    return {
        "members": joined.mutate(joined_back=joined.back),
        "purchases": purchases,
        "gaps": _gaps(purchases),
        "hours": hours,
        "categories": by_category,
        "fresh": _placed(by_fresh, by_fresh.amount, by_fresh.category),
        "products": _placed(by_product, by_product.baskets, by_product.product_type),
        "weekdays": _placed(by_weekday, by_weekday.orders, by_weekday.weekday),
    }


def _gaps(purchases: ir.Table) -> ir.Table:
    """Days from each day with an order to the next; several orders of a day are one visit."""
    import ibis

    visits = purchases.filter(purchases.back < RHYTHM_DAYS).select("member_id", "back").distinct()
    earlier = visits.back.lead().over(ibis.window(group_by=visits.member_id, order_by=visits.back))
    return visits.mutate(gap=earlier - visits.back).filter(lambda t: t.gap.notnull())


def _placed(table: ir.Table, size: ir.Value, name: ir.Value) -> ir.Table:
    """`place` 0 is the member's largest; equals are told apart by name, so that the answer is one."""
    import ibis

    return table.mutate(place=ibis.row_number().over(ibis.window(group_by=table.member_id, order_by=[size.desc(), name])))


def _whole(amount: ir.Value, by: ir.Value) -> ir.Value:
    """Integer division; nothing where there is nothing to divide by."""
    return (amount // by.nullif(0)).cast("int64")


def _date(day: ir.Value) -> ir.Value:
    """A day number as a date."""
    return (day * SECONDS_A_DAY).as_timestamp("s").date()


def _discount_share(t: ir.Table) -> ir.Value:
    off = (t.discount_minor + t.coupon_discount_minor).sum(where=t.back < 90)
    return off / (off + t.amount_minor.sum(where=t.back < 90)).nullif(0)


def _unknown(t: ir.Table) -> ir.Value:
    """What no fact tells yet."""
    import ibis

    return ibis.null("int64")


def _favourites(t: ir.Table) -> ir.Value:
    """The three first in their order (not every engine collects in an order)."""
    import ibis

    return ibis.array([t.product_type.max(where=t.place == n) for n in range(3)]).filter(lambda name: name.notnull())


def _mean_hour(t: ir.Table) -> ir.Value:
    """The hour at which the mean direction of the day's clock points; noon and midnight cancel to nothing."""
    import ibis

    turn = t.sine.sum().atan2(t.cosine.sum()) / (2 * pi)
    hour = ((turn + 1.0) % 1.0 * 24).floor().cast("int64") % 24
    return ((t.sine.sum() == 0) & (t.cosine.sum() == 0)).ifelse(ibis.null("int64"), hour)
