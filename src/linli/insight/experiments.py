"""What an action changed: treated against holdout, from the facts recorded up to a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Arm:
    """One arm as counted: `mean` per member in the metric's unit, `total` of the arm."""

    members: int
    mean: float
    total: float
    converted: int  # members with at least one order in the window


@dataclass(frozen=True)
class Outcome:
    """The effect per member (treated - holdout) with its interval.

    `verdict`: too_early (no day has passed), too_small (interval holds zero and the smallest effect that could be seen,
    `detectable`, is larger than `worthwhile`), no_effect (interval holds zero although `worthwhile` could be seen), up, down.
    """

    metric: str  # amount (minor units a member) | orders (a member) | returned (share of members who ordered)
    start: datetime
    as_of: datetime
    treated: Arm
    holdout: Arm
    effect: float | None
    low: float | None
    high: float | None
    level: float
    p_value: float | None
    detectable: float | None  # MDE at 80 % power, same unit as effect
    adjusted: bool  # by the members' own weeks before (CUPED)
    variance_reduction: float
    verdict: str


def outcome(
    *,
    region: str,
    treated: Sequence[int],
    holdout: Sequence[int],
    start: datetime,
    as_of: datetime,
    metric: str = "amount",
    before_days: int = 56,
    worthwhile: float | None = None,
) -> Outcome:
    """Compare the arms' purchases in (start, as_of], adjusted by the same members' purchases in the `before_days` before."""
    raise NotImplementedError
