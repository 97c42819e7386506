"""The dashboard's metrics, each defined once: what is divided by what, over which days, and how much is wanted.

A metric belongs to a complete local day and is computed from the facts recorded up to the end of that day, so that
yesterday's figure never changes. Every one is a numerator and a denominator counted per day and community; a region's
figure is the sum of both, never an average of averages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linli.insight.features import JOINED, PURCHASED, facts_of, zone_of
from linli.insight.local_days import end_of
from linli.insight.metric_counts import WEEK, count, spoke
from linli.insight.metric_shapes import Value

Counts = Mapping[str, float]
"""What was counted for one day and place, by name: see metric_counts."""


@dataclass(frozen=True)
class Metric:
    """One metric. `numerator` and `denominator` read Counts; the value is their quotient, or the numerator without one.

    direction "up": at least `target` is good, "down": at most. `waits_for`: the event without which there is no value.
    `behind`: what its rows are ("members" or "orders"), which of them count, and among which ("" all): see insight.behind.
    `causal`: the figure is what an action changed, so it exists only where a holdout was kept. `levels`: where it may be
    looked into; a product has members and orders of its own, hence some metrics only.
    """

    key: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    unit: str  # share, minor, per_day, groups, count, days, months, score
    direction: str
    target: float | None
    sources: tuple[str, ...]
    numerator: Callable[[Counts], float] | None = None
    denominator: Callable[[Counts], float] | None = None
    waits_for: str = ""
    behind: tuple[str, str, str] = ("", "", "")
    causal: bool = False
    levels: tuple[str, ...] = ("community", "group", "leader")


def _of(name: str) -> Callable[[Counts], float]:
    return lambda counts: counts.get(name, 0)


PARTS = ("community", "group", "leader", "sku")
DAYS_A_MONTH = 30.4375

_M = Metric
REGISTRY: dict[str, Metric] = {
    m.key: m
    for m in (
        _M("repurchase_next_week", "次周复购率", "Next-week repurchase", "上一周下过单的会员里，接下来 7 天又下单的比例",
           "Of the members who ordered in one week, those who ordered again in the next 7 days", "share", "up", None, PURCHASED,
           _of("again_week"), _of("bought_week_before"), behind=("members", "again_week", "bought_week_before"), levels=PARTS),
        _M("average_order", "客单价", "Average order", "近 7 天实付金额除以订单数；波动是近 28 天每日客单价的标准差除以均值",
           "Paid in 7 days divided by orders; volatility is the standard deviation of the daily average over its mean, 28 days",
           "minor", "up",
           None, PURCHASED, _of("sales_7d"), _of("orders_7d"), behind=("orders", "7", ""), levels=PARTS),
        _M("orders_per_group_day", "单群日均订单", "Orders per group and day", "近 7 天订单数除以 7，再除以主群数",
           "Orders of 7 days, per day and main group", "per_day", "up", 15, (*PURCHASED, *JOINED), _of("orders_7d"),
           lambda c: WEEK * c.get("groups", 0), behind=("orders", "7", "")),
        _M("silent_share", "沉默会员占比", "Silent share", "入群满 7 天没下过单，或下过单但近 30 天没有下单的会员，占全部会员的比例",
           "Members without any order 7 days after joining, or without one in 30 days, of all members", "share", "down", 0.08,
           (*PURCHASED, *JOINED), _of("silent"), _of("known"), behind=("members", "silent", "known")),
        _M("nps", "净推荐值", "NPS", "推荐者比例减去贬损者比例", "Share of promoters less share of detractors", "score", "up", 40,
           ("care.nps_answered",), waits_for="care.nps_answered"),
        _M("leader_capacity", "团长带群", "Groups per leader", "近 28 天有订单的群数除以团长数（按刷新时的团长名单）",
           "Groups with an order in 28 days, per leader (leaders as of the refresh)", "groups", "down", 8, PURCHASED,
           _of("groups_28d"), _of("leaders"), behind=("orders", "28", ""), levels=("community",)),
        _M("active_sku_rate", "动销率", "Active SKU rate", "近 90 天卖过的品种里，近 28 天卖出过的比例",
           "Of the product types sold in 90 days, those sold in the last 28", "share", "up", 0.85, PURCHASED,
           _of("types_28d"), _of("types_90d"), behind=("products", "28", "90"), levels=("community",)),
        _M("stock_turnover_days", "库存周转天数", "Stock turnover", "平均库存除以日均出库", "Average stock over daily issue", "days",
           "down", 7,
           ("goods.lot_received",), waits_for="goods.lot_received"),
        _M("stock_out_rate", "断货率", "Stock-out rate", "有需求而无可售数量的 SKU 日占比", "SKU-days with demand and nothing to sell",
           "share",
           "down", 0.05, ("goods.quota_sold_out",), waits_for="goods.quota_sold_out"),
        _M("loss_rate", "损耗率", "Loss rate", "报损金额占进货金额的比例", "Value written off of value received", "share", "down", 0.012,
           ("goods.lot_written_off",), waits_for="goods.lot_written_off"),
        _M("first_order_conversion", "首单转化率", "First-order conversion",
           "7 到 34 天前入群的新会员里，入群 7 天内下首单的比例；导入的历史会员不算",
           "Of the members who joined 7 to 34 days ago, those who ordered within 7 days; members of imported history do not count", "share",
           "up", 0.31, (*PURCHASED, *JOINED), _of("converted"), _of("joined_cohort"), behind=("members", "converted", "joined_cohort")),
        _M("gross_margin", "毛利率", "Gross margin", "销售额减去成本，占销售额的比例", "Sales less cost, of sales", "share", "up", None,
           ("goods.lot_received",), waits_for="goods.lot_received"),
        _M("sales", "成交额", "Sales", "当日实付金额，扣除退款", "Paid on the day, less refunds", "minor", "up", None, PURCHASED,
           _of("sales"), behind=("orders", "1", ""), levels=PARTS),
        _M("orders", "订单", "Orders", "当日付款的订单数", "Orders paid on the day", "count", "up", None, PURCHASED, _of("orders"),
           behind=("orders", "1", ""), levels=PARTS),
        _M("new_members", "新会员", "New members", "当日入群的会员数；导入的历史会员不算",
           "Members who joined on the day; members of imported history do not count", "count", "up", 200, JOINED, _of("joined"),
           behind=("members", "joined", "")),
        _M("repurchase_30d", "30 天复购率", "30-day repurchase", "30 到 59 天前下过单的会员里，近 30 天又下单的比例",
           "Of the members who ordered 30 to 59 days ago, those who ordered in the last 30", "share", "up", 0.42, PURCHASED,
           _of("again_month"), _of("bought_month_before"), behind=("members", "again_month", "bought_month_before"), levels=PARTS),
        _M("order_value_growth", "客单价比起步", "Order value against the start", "近 28 天的客单价比最初 28 天高多少；开张满 56 天才有",
           "Average order of 28 days against that of the first 28; from the 56th day on", "share", "up", 0.28, PURCHASED,
           lambda c: c.get("sales_28d", 0) * c.get("orders_begun", 0) - c.get("sales_begun", 0) * c.get("orders_28d", 0),
           lambda c: c.get("sales_begun", 0) * c.get("orders_28d", 0), behind=("orders", "28", "")),
        _M("community_lifetime", "社群寿命", "Community lifetime", "小区从第一单到最近一单的月数，各小区平均",
           "Months from a community's first order to its latest, averaged over communities", "months", "up", 18, PURCHASED,
           lambda c: c.get("place_days", 0) / DAYS_A_MONTH, _of("places"), levels=("community",)),
        _M("daily_buyers", "日活（下单）", "Daily active (buying)", "当日下过单的会员数", "Members who ordered on the day", "count",
           "up", None,
           PURCHASED, _of("bought_today"), behind=("members", "bought_today", "")),
        _M("lifetime_spend", "会员已实现价值", "Realised lifetime value", "下过单的会员至今人均实付金额，扣除退款",
           "Paid so far, less refunds, by each member who ever ordered", "minor", "up", None, PURCHASED, _of("spent"), _of("ever"),
           behind=("members", "ever", "ever")),
        _M("coupon_cost_rate", "券成本率", "Coupon cost rate", "近 7 天店里替会员付的券额，占实付与券额之和的比例",
           "What coupons paid in 7 days, of paid and coupons together", "share", "down", None, PURCHASED, _of("coupons_7d"),
           lambda c: c.get("sales_7d", 0) + c.get("coupons_7d", 0), behind=("orders", "7", "")),
        _M("speaking_rate", "发言率", "Speaking rate", "近 7 天在群里发过言的会员，占全部会员的比例",
           "Members who wrote in the groups in 7 days, of all members", "share", "up", None, ("history.messages_counted",),
           _of("spoke"), lambda c: c.get("known", 0) if c.get("spoke") else 0, levels=("community",)),
        _M("leave_rate", "退群率", "Leave rate", "近 30 天退群的会员占比", "Members who left the groups in 30 days", "share", "down", None,
           ("people.member_left",), waits_for="people.member_left"),
        _M("link_click_rate", "链接点击率", "Link click rate", "送达的团购链接被点开的比例", "Links opened, of links delivered", "share",
           "up", None,
           ("engage.link_clicked",), waits_for="engage.link_clicked"),
        _M("order_conversion", "下单转化率", "Order conversion", "看过商品的会员里当天下单的比例",
           "Of those who looked at goods, who ordered that day",
           "share", "up", None, ("trade.goods_viewed",), waits_for="trade.goods_viewed"),
        _M("wake_up_rate", "唤醒率", "Wake-up rate",
           "沉默会员进入活动后 14 天内下单的比例，减去对照组自己回来的比例；进入满 14 天、近 90 天的都算",
           "Silent members who ordered within 14 days of entering a playbook, less the share of its holdout who came back by themselves;"
           " those who entered 14 to 90 days ago", "share", "up", None, ("engage.run_entered",), waits_for="engage.run_entered",
           causal=True),
    )
}  # fmt: skip
"""Every metric by key; the first twelve are the dashboard's."""

DASHBOARD = tuple(REGISTRY)[:12]
FIRST_PAGE = (*DASHBOARD, "sales", "orders", "new_members", "repurchase_30d")
"""What the operator's first page shows; the page of metrics has them all."""


def value_of(metric: Metric, counts: Counts) -> tuple[float | None, dict[str, Any]]:
    """(value, detail) of one metric from what was counted."""
    if metric.numerator is None:
        return None, {}
    top = float(metric.numerator(counts))
    if metric.denominator is None:
        return top, {}
    bottom = float(metric.denominator(counts))
    return (top / bottom if bottom else None), {"numerator": top, "denominator": bottom}


def status(metric: Metric, value: float | None) -> tuple[str, float | None]:
    """("ok" | "missed" | "none", by how much it is missed in the metric's unit)."""
    if value is None or metric.target is None:
        return "none", None
    short = metric.target - value if metric.direction == "up" else value - metric.target
    return ("missed", short) if short > 0 else ("ok", None)


def compute(region: str, days: Sequence[int], *, leaders: Mapping[int, int] | None = None) -> list[Value]:
    """Every metric of the given day numbers, for the region and each community.

    Args:
        days: local day numbers, each complete. Facts recorded after the end of a day do not count for it.
        leaders: community -> number of leaders (0: all of the region), where known for these days.

    Returns only values of communities and days that have facts.
    """
    from linli.insight import facts, wakeups

    zone = zone_of(region)
    as_of = end_of(max(days), zone)
    more = [wakeups.rate(region, day, zone) for day in days]
    spoken = spoke(facts.imported("history.messages_counted", "count_id", as_of), region, days, zone)

    def told(counted: dict[tuple[int, int], dict[str, float]]) -> list[Value]:
        for place, n in spoken.items():
            counted.setdefault(place, {})["spoke"] = n
        return values(counted, leaders or {}) + [v for v in more if v is not None]

    refunds = facts.recorded("trade.order_refunded", as_of)
    if len(days) > 1 and refunds.limit(1).count().to_pyarrow().as_py():
        # A refund changes what an earlier order was worth: each day is then read as it stood at its own end.
        counted: dict[tuple[int, int], dict[str, float]] = {}
        for day in days:
            counted |= count(facts_of(end_of(day, zone), region), [day], zone, newest=max(days))
        return told(counted)
    return told(count(facts_of(as_of, region), days, zone, newest=max(days)))


def values(counted: Mapping[tuple[int, int], Counts], leaders: Mapping[int, int]) -> list[Value]:
    """Metrics from counts by (day, community)."""
    found = []
    for (day, community), counts in sorted(counted.items()):
        told = {**counts, "leaders": float(leaders.get(community, 0))}
        for metric in REGISTRY.values():
            value, detail = value_of(metric, told)
            if metric.key == "average_order":
                detail["volatility"] = counts.get("volatility")
            found.append(Value(metric.key, community, day, value, detail))
    return found
