"""Segments and labels in the operator's words: what each means, and why this member has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linli.insight import rules
from linli.insight.reasons import plain


@dataclass(frozen=True)
class Segment:
    """One segment. Its rule is in rules.decide; `facts` names the features that say why a member is in it."""

    key: str
    kind: str  # lifecycle, value, potential, silent, risk
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    facts: tuple[str, ...]
    waits_for: str = ""


_S = Segment
REGISTRY: dict[str, Segment] = {
    s.key: s
    for s in (
        _S("vip", "value", "VIP", "VIP", "近 365 天消费最多、占会员 10%–15% 且贡献一半以上销售额的最小一群；到不了一半时取 15%",
           "The smallest group of biggest spenders of 365 days that is 10-15 % of members and makes half the sales; else the top 15 %",
           ("spend_365d_minor", "value_rank")),
        _S("high_value", "value", "高价值", "High value", "近 365 天消费在前五分之一，或至少 3 单且客单价在前五分之一，或 VIP",
           "Spend of 365 days in the top fifth, or average order in the top fifth with 3 orders or more, or VIP",
           ("spend_365d_minor", "average_order_minor")),
        _S("at_risk_valuable", "risk", "高价值且可能流失", "High value at risk", "高价值，且 45 天流失概率不低于 30%",
           "High value, and the risk of no order in 45 days is 30 % or more", ("risk", "recency_days", "gap_median_days",
           "spend_365d_minor")),
        _S("at_risk", "risk", "可能流失", "At risk", "45 天内不再下单的概率不低于 30%（只对近 90 天下过单的会员打分）",
           "The risk of no order in the next 45 days is 30 % or more (scored for members with an order in 90 days)",
           ("risk", "recency_days", "gap_median_days")),
        _S("high_value_silent", "silent", "高价值未回", "High value, not back", "高价值，已 30 到 179 天没有下单",
           "High value, without an order for 30 to 179 days", ("recency_days", "spend_365d_minor", "average_order_minor")),
        _S("silent_30d", "silent", "30 天无交易", "No order in 30 days", "下过单，但近 30 天没有下单",
           "Has ordered, but not in the last 30 days", ("recency_days",)),
        _S("low_frequency", "silent", "低频", "Low frequency", "首单满 30 天，近 30 天有单但不到 2 单",
           "First order 30 days ago or more; fewer than 2 orders in the last 30 days, and at least one", ("orders_30d",)),
        _S("rising", "potential", "频次上升", "Rising", "未到 VIP，近 45 天订单比前 45 天多，且多得不像偶然（95%）",
           "Not yet VIP; more orders in 45 days than in the 45 before, by more than chance (95 %)", ("orders_45d", "orders_before_45d")),
        _S("single_category", "potential", "单一品类", "Single category", "未到 VIP，近 90 天至少 3 单，生鲜消费的 80% 以上在一个品类",
           "Not yet VIP; 3 orders or more in 90 days, 80 % or more of the fresh spend in one category", ("top_category",
           "top_category_share")),
        _S("browsing", "potential", "只看不买", "Browsing", "近 14 天看过商品却没有下单",
           "Looked at goods in the last 14 days without an order", ("views_14d",), "trade.goods_viewed"),
        _S("registered", "lifecycle", "刚入群", "Just joined", "入群不满 7 天，还没下单", "Joined less than 7 days ago, no order yet",
           ("joined_days",)),
        _S("unconverted", "lifecycle", "新人未下单", "Joined, no order", "入群满 7 天还没下单",
           "Joined 7 days ago or more, no order yet", ("joined_days",)),
        _S("new", "lifecycle", "新客", "New", "首单不满 30 天", "First order less than 30 days ago", ("tenure_days", "orders_total")),
        _S("active", "lifecycle", "活跃", "Active", "近 30 天有单，节奏如常", "Ordered in the last 30 days, at their usual rhythm",
           ("orders_30d", "gap_median_days")),
        _S("slowing", "lifecycle", "放缓", "Slowing", "近 30 天有单，但已超过平时间隔的 2 倍，或近 45 天订单不到前 45 天的一半",
           "Ordered in the last 30 days, but twice the usual gap has passed, or orders fell to half of the 45 days before",
           ("recency_days", "gap_median_days", "orders_45d", "orders_before_45d")),
        _S("silent", "lifecycle", "沉默", "Silent", "30 到 89 天没有下单", "No order for 30 to 89 days", ("recency_days",)),
        _S("lapsed", "lifecycle", "流失", "Lapsed", "90 到 179 天没有下单，不再给出流失概率",
           "No order for 90 to 179 days; no longer scored", ("recency_days",)),
        _S("lost", "lifecycle", "久未往来", "Lost", "180 天以上没有下单", "No order for 180 days or more", ("recency_days",)),
    )
}  # fmt: skip
"""Every segment by key, in the order in which pages list them."""


def why(segment: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that put a member into a segment, ready for words."""
    return plain(known, REGISTRY[segment].facts)


TONES = {"slowing": "warn", "silent": "warn", "lapsed": "warn", "lost": "warn", "unconverted": "warn", "active": "brand", "new": "info"}


def labels(known: Mapping[str, Any], segments: tuple[str, ...]) -> list[tuple[str, str, dict[str, Any]]]:
    """[(code, tone, facts)] of one member, most telling first; each with the facts that give it.

    `known` holds the features and the state (lifecycle, risk, value_rank).
    """
    lifecycle = known["lifecycle"]
    found: list[tuple[str, str, dict[str, Any]]] = []
    if "vip" in segments:
        found.append(("vip", "hot", why("vip", known)))
    elif "high_value" in segments:
        found.append(("high_value", "hot", why("high_value", known)))
    if "at_risk" in segments:
        found.append(("at_risk", "warn", why("at_risk", known)))
    found.append((lifecycle, TONES.get(lifecycle, "info"), why(lifecycle, known)))
    found += [(s, "info", why(s, known)) for s in ("rising", "single_category", "low_frequency") if s in segments]
    return found + _habits(known)


def _habits(known: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Labels of taste and rhythm, for those who bought often enough to have any."""
    if (known.get("orders_180d") or 0) < 4:
        return []
    found: list[tuple[str, str, dict[str, Any]]] = []
    gap = known.get("gap_median_days")
    if gap is not None and gap <= 4 and known["lifecycle"] in ("active", "new", "slowing"):
        found.append(("frequent", "info", plain(known, ("gap_median_days",))))
    category, share = known.get("top_category"), known.get("top_category_share")
    if category and share is not None and share >= 0.4:
        found.append((f"likes_{category}", "info", plain(known, ("top_category_share",))))
    if (known.get("coupon_share_90d") or 0) >= 0.3:
        found.append(("coupon_fan", "info", plain(known, ("coupon_share_90d",))))
    hour, focus = known.get("preferred_hour"), known.get("hour_concentration")
    if hour is not None and focus is not None and focus >= 0.8:
        part = "morning" if 5 <= hour < 11 else "noon" if hour < 14 else "afternoon" if hour < 18 else "evening"
        found.append((f"buys_{part}", "info", {"preferred_hour": hour}))
    return found


LABELS = (
    "vip", "high_value", "at_risk", *rules.LIFECYCLE, "rising", "single_category", "low_frequency", "frequent", "likes_fruit",
    "likes_vegetable",
    "likes_meat_seafood", "likes_dairy_egg", "likes_grain_oil", "likes_bakery", "coupon_fan", "buys_morning", "buys_noon", "buys_afternoon",
    "buys_evening",
)  # fmt: skip
"""Every code `labels` can give; each has words."""
