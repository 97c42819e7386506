"""The wake-up rate: how many silent members a playbook brought back, beyond those who would have come by themselves.

A causal figure: it is the difference between the arms that the launch drew, so it exists only where a holdout was kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from linli.insight.features import facts_of
from linli.insight.local_days import end_of
from linli.insight.metric_shapes import Value

if TYPE_CHECKING:
    import ibis.expr.types as ir

SILENT_DAYS = 30
WITHIN_DAYS = 14
BACK_DAYS = 90


def arms(entered: ir.Table, purchases: ir.Table) -> dict[str, tuple[int, int]]:
    """arm -> (members who were silent when they entered, those of them who ordered within WITHIN_DAYS after).

    Args:
        entered: launch_id, member_id, arm, happened_at; one row a member and launch.
        purchases: member_id, at.
    """
    import ibis

    e = entered.select("launch_id", "member_id", "arm", "happened_at")
    p = e.left_join(purchases.select("member_id", "at"), "member_id")
    days = ibis.literal(86_400)
    apart = p.at.epoch_seconds() - p.happened_at.epoch_seconds()
    each = p.group_by("launch_id", "member_id", "arm").agg(
        before=((apart <= 0) & (apart > -SILENT_DAYS * days)).fill_null(False).any(),
        ever=(apart <= 0).fill_null(False).any(),
        after=((apart > 0) & (apart <= WITHIN_DAYS * days)).fill_null(False).any(),
    )
    silent = each.filter(each.ever & ~each.before)
    rows = silent.group_by("arm").agg(members=silent.count(), back=silent.after.sum()).to_pyarrow().to_pylist()
    return {row["arm"]: (int(row["members"]), int(row["back"] or 0)) for row in rows}


def rate(region: str, day: int, zone: str) -> Value | None:
    """The figure of a day; None unless both arms had silent members who entered long enough ago."""
    import ibis

    from linli.insight import facts

    as_of = end_of(day, zone)
    entered = facts.recorded("engage.run_entered", as_of)
    oldest, newest = as_of - timedelta(days=BACK_DAYS), as_of - timedelta(days=WITHIN_DAYS)
    e = entered.filter(entered.region == region, entered.happened_at > ibis.literal(oldest), entered.happened_at <= ibis.literal(newest))
    if not e.limit(1).count().to_pyarrow().as_py():
        return None
    found = arms(e, facts_of(as_of, region).purchases)
    treated, holdout = found.get("treated", (0, 0)), found.get("holdout", (0, 0))
    if not treated[0] or not holdout[0]:
        return None
    detail = {"treated": treated[0], "treated_back": treated[1], "holdout": holdout[0], "holdout_back": holdout[1]}
    return Value("wake_up_rate", 0, day, treated[1] / treated[0] - holdout[1] / holdout[0], detail)
