"""Facts for words: what labels, reasons and segment changes say about a member, ready to be put into a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASON_FACTS: Mapping[str, tuple[str, ...]] = {
    "recency": ("recency_days", "gap_median_days"),
    "rhythm": ("recency_days", "gap_median_days", "gap_ratio"),
    "frequency": ("orders_30d", "orders_90d"),
    "trend": ("orders_45d", "orders_before_45d"),
    "money": ("average_order_90d_minor", "spend_90d_minor"),
    "discounts": ("coupon_share_90d", "discount_share_90d"),
    "basket": ("average_order_90d_minor",),
    "breadth": ("categories_180d",),
    "place": (),
    "day": ("preferred_hour",),
}
"""The model's families of features, and which facts the words of each mention."""
WITHOUT_GAP = {"recency": "recency_only", "rhythm": "recency_only"}
"""A member with a single day of orders has no usual gap to speak of."""


def plain(known: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Features as facts for words: shares as whole percents (`x_share` -> `x_percent`), days without needless decimals."""
    facts: dict[str, Any] = {}
    for name in names:
        value = known.get(name)
        if value is None:
            continue
        if name == "risk" or "share" in name:
            facts["risk_percent" if name == "risk" else name.replace("share", "percent")] = round(100 * value)
        elif isinstance(value, float):
            facts[name] = int(value) if value == int(value) else round(value, 1)
        else:
            facts[name] = value
    return facts


def reason(group: str, points: float, known: Mapping[str, Any]) -> tuple[str, float, dict[str, Any]]:
    """(code of words, percentage points, facts) of one push: "rhythm.up" raises the risk, "rhythm.down" lowers it."""
    facts = plain(known, REASON_FACTS.get(group, ()))
    if "gap_median_days" not in facts:
        group = WITHOUT_GAP.get(group, group)
    code = group if group in REASON_FACTS or group == "recency_only" else "other"
    return f"{code}.{'up' if points > 0 else 'down'}", points, facts


CODES = tuple(f"{g}.{d}" for g in (*REASON_FACTS, "recency_only", "other") for d in ("up", "down"))
"""Every code `reason` can give; each has words."""
