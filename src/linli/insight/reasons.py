"""Facts for words: what labels, reasons and segment changes say about a member, ready to be put into a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASON_FACTS: Mapping[str, tuple[str, ...]] = {
    "rhythm": ("recency_days", "gap_median_days"),
    "frequency": ("orders_30d", "orders_90d"),
    "trend": ("orders_45d", "orders_before_45d"),
    "spend": ("average_order_90d_minor", "spend_90d_minor"),
    "offers": ("coupon_share_90d", "discount_share_90d"),
    "breadth": ("categories_180d",),
    "tenure": ("tenure_days",),
    "timing": ("preferred_weekday", "preferred_hour"),
    "place": (),
    "other": (),
}
"""Which features the words of a reason mention."""


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
    facts = plain(known, REASON_FACTS[group])
    if group == "rhythm" and "gap_median_days" not in facts:
        group = "recency"  # with a single visit there is no usual gap to speak of
    return f"{group}.{'up' if points > 0 else 'down'}", points, facts


CODES = tuple(f"{g}.{d}" for g in (*REASON_FACTS, "recency") for d in ("up", "down"))
"""Every code `reason` can give; each has words."""
