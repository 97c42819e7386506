"""Who belongs where: pure decisions over columns. One member is a column of one.

Grades are relative (fifths of the region's members), so they need a `Scale`, drawn from everybody at a refresh and
kept until the next: an order paid at noon moves its member on last night's scale, and the full refresh redraws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

type Floats = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]
type Ints = npt.NDArray[np.int64]
type Columns = Mapping[str, Floats]
"""Feature name -> column; NaN where a member does not have the value."""

NEW_WITHOUT_ORDER_DAYS = 7
SILENT_DAYS = 30
LAPSED_DAYS = 90
LOST_DAYS = 180
ORDERS_A_MONTH = 2
VIP_SHARE_LOW, VIP_SHARE_HIGH, VIP_SALES_SHARE = 0.10, 0.15, 0.50
GUIDE_RISK, OFFER_RISK, CALL_RISK = 0.15, 0.30, 0.50
SLOW_GAP_RATIO = 2.0
SINGLE_CATEGORY_SHARE = 0.8
RISING_Z = 1.645
"""One-sided 95 %: fewer than 1 in 20 members whose habit did not change would be called rising."""

LIFECYCLE = ("registered", "unconverted", "new", "active", "slowing", "silent", "lapsed", "lost")
NEEDED = (
    "recency_days", "tenure_days", "joined_days", "orders_total", "orders_30d", "orders_45d", "orders_before_45d", "orders_90d",
    "orders_365d", "spend_365d_minor", "average_order_minor", "gap_ratio", "top_category_share", "categories_180d", "views_14d", "risk",
)  # fmt: skip
"""The columns `decide` reads."""


@dataclass(frozen=True)
class Scale:
    """What separates the fifths, and from what spend on a member is a VIP. Empty cuts: nobody to compare with."""

    recency_cuts: tuple[float, ...] = ()
    orders_cuts: tuple[float, ...] = ()
    spend_cuts: tuple[float, ...] = ()
    average_order_cut: float = float("inf")
    vip_floor_minor: float = float("inf")
    vip_members: int = 0
    vip_sales_share: float = 0.0


@dataclass(frozen=True)
class Decision:
    """One entry a member. `lifecycle` indexes LIFECYCLE; grades are 1..5, 0 without an order in 365 days."""

    lifecycle: Ints
    recency_grade: Ints
    orders_grade: Ints
    spend_grade: Ints
    response_level: Ints
    segments: dict[str, Bools]


def scale_of(columns: Columns) -> Scale:
    """Draw the scale from all members of a region."""
    import numpy as np

    counted = columns["orders_365d"] > 0
    if not counted.any():
        return Scale()
    spend = columns["spend_365d_minor"][counted]
    floor, members, share = vip_floor(spend, known=len(counted))
    steady = counted & (columns["orders_365d"] >= 3)
    average = columns["average_order_minor"][steady]
    return Scale(
        recency_cuts=_fifths(columns["recency_days"][counted]),
        orders_cuts=_fifths(columns["orders_365d"][counted]),
        spend_cuts=_fifths(spend),
        average_order_cut=float(np.quantile(average, 0.8, method="lower")) if len(average) else float("inf"),
        vip_floor_minor=floor,
        vip_members=members,
        vip_sales_share=share,
    )


def _fifths(values: Floats) -> tuple[float, ...]:
    import numpy as np

    return tuple(float(q) for q in np.quantile(values, [0.2, 0.4, 0.6, 0.8], method="lower"))


def vip_floor(spend: Floats, *, known: int) -> tuple[float, int, float]:
    """(least spend of a VIP, how many they are, their share of sales).

    The smallest group of biggest spenders that is 10 to 15 % of the `known` members and makes half the sales; where no
    such group reaches half, the largest that is not over 15 %. Equal spenders are in or out together.
    """
    import numpy as np

    total = float(spend.sum())
    if total <= 0:
        return float("inf"), 0, 0.0
    descending = np.sort(spend)[::-1]
    sales = np.cumsum(descending)
    ends = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)  # last index of each group of equals
    size = ends + 1
    fits = (size <= VIP_SHARE_HIGH * known) & (descending[ends] > 0)
    if not fits.any():
        return float("inf"), 0, 0.0
    good = fits & (size >= VIP_SHARE_LOW * known) & (sales[ends] >= VIP_SALES_SHARE * total)
    end = int(ends[good][0] if good.any() else ends[fits][-1])
    return float(descending[end]), end + 1, float(sales[end] / total)


def grade(values: Floats, cuts: tuple[float, ...], *, low_is_good: bool = False) -> Ints:
    """1..5 by the cuts: 5 is the best fifth. 0 where the value or the scale is missing."""
    import numpy as np

    if not cuts:
        return np.zeros(len(values), dtype=np.int64)
    above = (values[:, None] > np.asarray(cuts)[None, :]).sum(axis=1)
    grades = (5 - above) if low_is_good else (above + 1)
    return np.where(np.isnan(values), 0, grades).astype(np.int64)


def lifecycle(columns: Columns) -> Ints:
    """Where each member stands, as an index of LIFECYCLE. The stages exclude each other and leave nobody out."""
    import numpy as np

    c = columns
    bought = c["orders_total"] > 0
    recency = c["recency_days"]
    fewer = (c["orders_before_45d"] >= 4) & (c["orders_45d"] <= 0.5 * c["orders_before_45d"])
    overdue = (c["gap_ratio"] >= SLOW_GAP_RATIO) & (recency >= 7)
    tests = [
        ~bought & ~(c["joined_days"] >= NEW_WITHOUT_ORDER_DAYS),
        ~bought,
        recency >= LOST_DAYS,
        recency >= LAPSED_DAYS,
        recency >= SILENT_DAYS,
        c["tenure_days"] < SILENT_DAYS,
        fewer | overdue,
    ]
    names = ["registered", "unconverted", "lost", "lapsed", "silent", "new", "slowing"]
    return np.select(tests, [LIFECYCLE.index(n) for n in names], LIFECYCLE.index("active")).astype(np.int64)


def rising(now: Floats, before: Floats) -> Bools:
    """More orders than in the 45 days before by more than chance: two Poisson counts of equal time, normal approximation."""
    import numpy as np

    total = np.maximum(now + before, 1)
    return (now >= 4) & ((now - before) / np.sqrt(total) >= RISING_Z)


def response_level(risk: Floats, valuable: Bools) -> Ints:
    """0 none, 1 a guiding message, 2 an offer, 3 a personal call; the valuable are called where others get an offer."""
    import numpy as np

    level = np.select([risk >= CALL_RISK, risk >= OFFER_RISK, risk >= GUIDE_RISK], [3, 2, 1], 0)
    return np.where((level == 2) & valuable, 3, level).astype(np.int64)


def decide(columns: Columns, scale: Scale) -> Decision:
    """Stage, grades and segments of every member."""
    import numpy as np

    c = columns
    counted = c["orders_365d"] > 0
    recency = np.where(counted, c["recency_days"], np.nan)
    stage = lifecycle(c)
    spend_grade = grade(np.where(counted, c["spend_365d_minor"], np.nan), scale.spend_cuts)
    vip = counted & (c["spend_365d_minor"] >= scale.vip_floor_minor)
    costly = (c["orders_365d"] >= 3) & (c["average_order_minor"] > scale.average_order_cut)
    valuable = counted & ((spend_grade == 5) | costly | vip)
    bought = c["orders_total"] > 0
    silent = bought & (c["recency_days"] >= SILENT_DAYS)
    at_risk = c["risk"] >= OFFER_RISK
    segments = {name: stage == i for i, name in enumerate(LIFECYCLE)}
    segments |= {
        "vip": vip,
        "high_value": valuable,
        "rising": ~vip & rising(c["orders_45d"], c["orders_before_45d"]),
        "single_category": ~vip & ~silent & (c["orders_90d"] >= 3) & (c["top_category_share"] >= SINGLE_CATEGORY_SHARE),
        "browsing": (c["views_14d"] > 0) & ~(c["recency_days"] < 14),
        "low_frequency": bought & ~silent & (c["tenure_days"] >= SILENT_DAYS) & (c["orders_30d"] < ORDERS_A_MONTH),
        "high_value_silent": valuable & silent & (c["recency_days"] < LOST_DAYS),
        "silent_30d": silent,
        "at_risk": at_risk,
        "at_risk_valuable": at_risk & valuable,
    }
    return Decision(
        lifecycle=stage,
        recency_grade=grade(recency, scale.recency_cuts, low_is_good=True),
        orders_grade=grade(np.where(counted, c["orders_365d"], np.nan), scale.orders_cuts),
        spend_grade=spend_grade,
        response_level=response_level(c["risk"], valuable),
        segments=segments,
    )
