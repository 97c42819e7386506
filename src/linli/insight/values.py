"""What a member will be worth in the coming 90 days: trained, judged on 90 days it had not seen, the better one served.

As with the risk (`scores`), everything is as of a moment. The model is exact models of buying and leaving with a correction by
trees; the baseline that serves where the correction does not pay, or cannot be judged, are the exact models alone, with a prior
from open grocery data, so that a shop of two weeks has values that make sense. Amounts are the region's minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np

from linli.insight import artefacts
from linli.insight.artefacts import Artefact
from linli.insight.features import Facts, facts_of
from linli.insight.scores import frames

if TYPE_CHECKING:
    from linli.insight.facts import Tables
    from linli.science.value import ValueModel

KIND = "value"
HORIZON_DAYS = 90
LEAST_HISTORY_DAYS = 90
"""History that a twin needs before the 90 days it is judged on."""


LEAST_MEMBERS = 100


@dataclass(frozen=True)
class Worth:
    """One member's coming 90 days. `expected` adds up to the region's total; `low`..`high` hold four of five members.

    `purchases`: (low, median, high) days with an order; `alive`: probability that the member still buys here at all.
    """

    expected_minor: int
    low_minor: int
    median_minor: int
    high_minor: int
    purchases: tuple[int, int, int]
    purchases_expected: float
    amount_minor: int
    alive: float

    def to_dict(self) -> dict[str, Any]:
        """What JSON holds of it beside the expectation."""
        return {
            "low": self.low_minor, "median": self.median_minor, "high": self.high_minor, "purchases": list(self.purchases),
            "expected": round(self.purchases_expected, 2), "amount": self.amount_minor, "alive": round(self.alive, 3),
        }  # fmt: skip


def train(region: str, as_of: datetime) -> Artefact:
    """Train, judge and keep the model of a region as of a moment. The same facts give the same file."""
    from linli.science import value

    purchases = ibis.memtable(frames(facts_of(as_of, region))[0].to_pyarrow())
    made = Artefact(artefacts.version(region, as_of), region, as_of.isoformat(), "value.no_history")
    last = purchases["at"].max().to_pyarrow().as_py()
    first = purchases["at"].min().to_pyarrow().as_py()
    if last is None:
        return _keep(made)
    # A day on which nobody at all bought is one that nobody told of: what "came after" must not reach into it.
    until = as_of if as_of - last < timedelta(days=1) else last
    try:
        model = value.learn(purchases, until, horizon_days=HORIZON_DAYS, prior=True)
    except ValueError:  # nobody paid anything yet
        return _keep(made)
    artefacts.put(_path(made.version), model.save)
    made = Artefact(made.version, region, made.trained_as_of, "value.unjudged", "baseline")
    cutoff = until - timedelta(days=HORIZON_DAYS)
    if cutoff - first < timedelta(days=LEAST_HISTORY_DAYS) or model.members < LEAST_MEMBERS:
        return _keep(made)
    judged = judge(purchases, cutoff, until)
    beats = judged["rmse_minor"] < min(judged["baseline_rmse_minor"], judged["rate_rmse_minor"])
    note, serves = ("value.good", "model") if beats else ("value.below_baseline", "baseline")
    return _keep(Artefact(made.version, region, made.trained_as_of, note, serves, judged))


def _keep(artefact: Artefact) -> Artefact:
    artefacts.keep(KIND, artefact.to_dict())
    return artefact


def _path(version: str) -> Any:
    return artefacts.folder(KIND) / f"{version}.model.json"


def judge(purchases: ir.Table, cutoff: datetime, until: datetime) -> dict[str, Any]:
    """A twin that learnt up to `cutoff` beside its own exact models and "the same rate as so far", on what came by `until`.

    Root mean squared errors of a member's value, minor units (what an expectation is to be judged by: it is least for the
    true one), the mean absolute error of the median, which share of members came out inside the interval, and by which
    share the total was off.
    """
    from linli.science import long_frame, rfm, value
    from linli.science.churn_model import collect, history

    known = purchases.filter(purchases["at"] <= ibis.literal(cutoff))
    twin = value.learn(known, cutoff, horizon_days=HORIZON_DAYS, prior=True)
    frame = collect(rfm.worths(known, cutoff))
    said, plain = twin.score_features(frame), twin.plain().score_features(frame)
    x, _, age = history(frame)
    rate = x / np.maximum(age, 1) * HORIZON_DAYS * np.maximum(frame["monetary"].to_numpy(np.float64), 0)
    came = long_frame.visits_after(purchases, cutoff, until)["amount_minor"].reindex(frame.index).fillna(0).to_numpy(np.float64)

    def error(expected: Any) -> float:
        return float(np.sqrt(np.square(np.asarray(expected) - came).mean()))

    inside = (came >= said["value_low"]) & (came <= said["value_high"])
    return {
        "cutoff": cutoff.isoformat(),
        "members": len(frame),
        "rmse_minor": error(said["value"]),
        "baseline_rmse_minor": error(plain["value"]),
        "rate_rmse_minor": error(rate),
        "median_mae_minor": float(np.abs(said["value_median"] - came).mean()),
        "correlation": _correlation(said["value"].to_numpy(), came),
        "held_share": float(inside.mean()),
        "total_error": float(said["value"].sum() / came.sum() - 1) if came.sum() else 0.0,
    }


def _correlation(said: Any, came: Any) -> float:
    return float(np.corrcoef(said, came)[0, 1]) if len(came) > 1 and np.std(said) > 0 and np.std(came) > 0 else 0.0


def model_of(artefact: Artefact) -> ValueModel:
    """What serves of an artefact."""
    from linli.science.value import ValueModel

    model = ValueModel.load(_path(artefact.version))
    return model if artefact.serves == "model" else model.plain()


def score(
    region: str,
    as_of: datetime,
    member_ids: Sequence[int] | None = None,
    *,
    model_as_of: datetime | None = None,
    tables: Tables | None = None,
) -> dict[int, Worth]:
    """Worth by member, of those who ever bought; empty where nobody has. A member alone is told the same as among all.

    `model_as_of`: use the model as of another moment than the facts' (the first look back, before any model was there).
    `tables`: where facts are read, the lake unless told.
    """
    artefact = artefacts.of(KIND, region, model_as_of or as_of)
    if artefact is None or not artefact.serves:
        return {}
    facts = facts_of(as_of, region, tables)
    if member_ids is not None:
        facts = Facts(*(t.filter(t.member_id.isin([int(m) for m in member_ids])) for t in (facts.purchases, facts.lines, facts.members)))
    found = model_of(artefact).score(frames(facts)[0], as_of)
    whole = found[["value", "value_low", "value_median", "value_high", "amount"]].round().astype("int64")
    counts = found[["purchases_low", "purchases_median", "purchases_high"]].astype("int64")
    told = zip(found.index, whole.to_numpy().tolist(), counts.to_numpy().tolist(), found["purchases"], found["p_alive"], strict=True)
    return {
        int(m): Worth(expected, low, median, high, (few, middle, many), float(mean), amount, float(alive))
        for m, (expected, low, median, high, amount), (few, middle, many), mean, alive in told
    }
