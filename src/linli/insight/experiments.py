"""What an action changed: treated against holdout, from the facts recorded up to a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt

from linli.insight.features import facts_of
from linli.science import experiments as science

Floats = npt.NDArray[np.float64]


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


METRICS = ("amount", "orders", "returned")
LEVEL = 0.95
WORTHWHILE_SHARE = 0.10
"""An effect of a tenth of what the holdout does is worth acting on, unless the caller says otherwise."""
_VERDICTS = {"better": "up", "worse": "down", "no effect worth having": "no_effect", "too small to tell": "too_small"}


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
    """Compare the arms' purchases in (start, as_of], adjusted by the same members' purchases in the `before_days` before.

    The members are those assigned, whoever was reached: intention to treat. `worthwhile` is in the metric's unit a member.
    Raises ValueError for an unknown metric or a member in both arms.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
    if set(treated) & set(holdout):
        raise ValueError("a member cannot be in both arms")
    ids = [*treated, *holdout]
    after, before = _outcomes(region, ids, start, as_of, metric, before_days)
    n = len(treated)
    adjusted, reduction = cuped(after[metric], before)
    arm_t, arm_h = _arm(after, metric, slice(0, n)), _arm(after, metric, slice(n, None))
    base: dict[str, Any] = {"metric": metric, "start": start, "as_of": as_of, "treated": arm_t, "holdout": arm_h, "level": LEVEL}
    if as_of - start < timedelta(days=1):
        return Outcome(**base, **_unknown("too_early"))
    effect = science.compare(_sums(adjusted[n:]), _sums(adjusted[:n]), alpha=1 - LEVEL)
    if effect.se != effect.se:
        return Outcome(**base, **_unknown("too_small"))
    usual = arm_h.mean or float(after[metric].mean()) or 1.0
    verdict = science.verdict(effect, smallest_worthwhile=worthwhile or WORTHWHILE_SHARE * abs(usual))
    return Outcome(
        **base,
        effect=effect.estimate,
        low=effect.low,
        high=effect.high,
        p_value=effect.p,
        detectable=effect.minimum_detectable(),
        adjusted=reduction > 0,
        variance_reduction=reduction,
        verdict=_VERDICTS[verdict],
    )


def cuped(after: Floats, before: Floats) -> tuple[Floats, float]:
    """(outcomes less what the time before explains of them, share of variance gone). Deng et al. (2013), WSDM, eq. 4.

    The mean of all members stays as it was; without any variation before, nothing is taken off.
    """
    if len(after) < 3 or before.var() == 0 or after.var() == 0:
        return after, 0.0
    theta = float(np.cov(after, before, bias=True)[0, 1] / before.var())
    adjusted = after - theta * (before - before.mean())
    return adjusted, max(0.0, 1 - float(adjusted.var() / after.var()))


def _outcomes(
    region: str, ids: list[int], start: datetime, as_of: datetime, metric: str, before_days: int
) -> tuple[dict[str, Floats], Floats]:
    """What each member did in the window, by metric, and the chosen metric in the time before; zeros for who did nothing."""
    purchases = facts_of(as_of, region).purchases
    members = ibis.memtable({"member_id": ids or [0]}, schema={"member_id": "int64"})
    since = start - timedelta(days=before_days)
    p = purchases.filter(purchases.at > ibis.literal(since), purchases.at <= ibis.literal(as_of)).semi_join(members, "member_id")
    later = p.at > ibis.literal(start)
    rows = p.group_by("member_id").agg(
        amount=p.amount_minor.sum(where=later).fill_null(0).cast("int64"),
        orders=later.sum().cast("int64"),
        amount_before=p.amount_minor.sum(where=~later).fill_null(0).cast("int64"),
        orders_before=(~later).sum().cast("int64"),
    )
    known = {r["member_id"]: r for r in rows.to_pyarrow().to_pylist()}

    def column(name: str) -> Floats:
        return np.array([known[m][name] if m in known else 0 for m in ids], dtype=np.float64)

    after = {"amount": column("amount"), "orders": column("orders")}
    after["returned"] = (after["orders"] > 0).astype(np.float64)
    before = column("amount_before" if metric == "amount" else "orders_before")
    return after, before


def _arm(after: dict[str, Floats], metric: str, which: slice) -> Arm:
    values = after[metric][which]
    total = float(values.sum())
    return Arm(len(values), total / len(values) if len(values) else 0.0, total, int(after["returned"][which].sum()))


def _sums(values: Floats) -> science.Arm:
    return science.Arm(len(values), float(values.sum()), float((values * values).sum()))


def _unknown(verdict: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("effect", "low", "high", "p_value", "detectable"))
    return {**nothing, "adjusted": False, "variance_reduction": 0.0, "verdict": verdict}
