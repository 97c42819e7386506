"""The value of a metric, as whatever computes one tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Value:
    """One metric of one day in one place (`community_id` 0: the region). `value` None: nothing to divide by, or it waits."""

    metric: str
    community_id: int
    day: int
    value: float | None
    detail: dict[str, Any]
