"""What the operator aims at with each metric. The registry's target holds until the operator sets one; nothing is forgotten."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from linli.insight.events import TargetSet
from linli.insight.metrics import REGISTRY, Metric
from linli.insight.models import MetricTarget
from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal

MOST = {"share": 1.0, "score": 100.0}
LEAST = {"score": -100.0}
"""What a target may be, by unit; other units count from 0."""


@dataclass(frozen=True)
class Aim:
    """A target from a moment on; `value` None: none was wanted. `set_by` is a person's number."""

    value: float | None
    set_by: int
    set_at: datetime


@transaction.atomic
def put(*, region: str, metric: str, value: float | None, by: int, key: str) -> Aim:
    """Aim at `value` (in the metric's unit; None: no target) from now on. The same key again is the same answer.

    Raises Refusal: insight.no_such_metric, insight.target_out_of_range(least, most).
    """
    known = REGISTRY.get(metric)
    if known is None:
        raise Refusal("insight.no_such_metric")
    least, most = LEAST.get(known.unit, 0.0), MOST.get(known.unit, 1e12)
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        raise Refusal("insight.target_out_of_range", least=least, most=most)
    wanted = {"metric": metric, "value": value, "set_by": by, "set_at": clocks.business_now()}
    row, new = MetricTarget.objects.get_or_create(region=region, key=key, defaults=wanted)
    if new:
        events.append(TargetSet(metric, value, by), region=region, subject=f"metric:{metric}")
    return Aim(row.value, row.set_by, row.set_at)


def history(region: str, metric: str) -> list[Aim]:
    """Every target the operator set for a metric, newest first."""
    rows = MetricTarget.objects.filter(region=region, metric=metric).order_by("-set_at", "-pk")
    return [Aim(r.value, r.set_by, r.set_at) for r in rows]


def aimed(region: str) -> dict[str, Metric]:
    """The registry with the operator's targets in it."""
    newest = dict(MetricTarget.objects.filter(region=region).order_by("set_at", "pk").values_list("metric", "value"))
    return {key: replace(m, target=newest[key]) if key in newest else m for key, m in REGISTRY.items()}
