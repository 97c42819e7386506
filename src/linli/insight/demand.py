"""Tomorrow's demand: trained weekly, judged on the operator's own days, and said every night for the two weeks to come.

As with the churn model everything is as of a moment and the artefact is written last. The judgement (`science.demand_levels`)
is of a model that had not seen the days it is judged by, beside what anybody could do; what misses least serves its level, and
the model that serves SKUs then learns from those days too. With less than six weeks of sales nothing can be judged: the prior
(level x weekday, goods alike) serves and says so.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from django.conf import settings

from linli.insight import demand_facts, forecast_table
from linli.insight.features import zone_of
from linli.insight.local_days import day_number, day_of
from linli.people import queries as people

if TYPE_CHECKING:
    from linli.kernel.models import WorkRow
    from linli.science.demand_levels import Sales, Verdict
    from linli.science.demand_model import DemandModel

RETRAIN_AFTER_DAYS = 7
OLD_AFTER_DAYS = 30
PLACE_AHEAD = 7
"""A community's forecast reaches a week: beyond it is the same share of the SKU's."""
PLACE_DAYS = 35
SEED = 0


@dataclass(frozen=True)
class Artefact:
    """What is kept beside a model file. `serves` by level; `verdict` as `_told` wrote it, None where nothing could be judged.

    `note`: demand.good (the model serves SKUs), demand.below_baseline (a baseline does), demand.no_history (the prior),
    demand.no_sales (nobody bought anything yet, nothing is served).
    """

    version: str
    region: str
    trained_as_of: str
    note: str
    days: int
    skus: int
    places: int
    serves: dict[str, str]
    verdict: dict[str, Any] | None = None
    drivers: dict[str, float] | None = None


def folder() -> Path:
    """Where model files lie."""
    return Path(settings.HOME) / "models" / "demand"


def train(region: str, as_of: datetime, *, seed: int = SEED) -> Artefact:
    """Judge, learn and keep the model of a region as of a moment. Deterministic: the same facts give the same file."""
    return _train(region, as_of, demand_facts.sales(region, as_of), seed)


def _train(region: str, as_of: datetime, sales: Sales | None, seed: int = SEED) -> Artefact:
    from linli.science import demand_levels, demand_verdict

    version = f"{region}-{as_of.astimezone(UTC):%Y%m%dT%H%M%S}"
    made = Artefact(version, region, as_of.isoformat(), "demand.no_sales", 0, 0, 0, {})
    if sales is None:
        return _keep(made)
    made = replace(made, note="demand.no_history", days=len(sales.days), skus=len(sales.skus), places=len(sales.places))
    verdict = demand_verdict.judge(sales, seed=seed)
    model = demand_levels.learn(sales, seed=seed)
    folder().mkdir(parents=True, exist_ok=True)
    draft = folder() / f"{version}.model.{os.getpid()}"
    model.save(draft)
    draft.replace(folder() / f"{version}.model.json")
    if verdict is None:
        return _keep(replace(made, serves={"place": "share", "sku": "prior", "category": "prior"}))
    for said_on, rows in verdict.said.groupby("said_on"):
        forecast_table.say(region, pd.Timestamp(said_on).date(), forecast_table.JUDGED, rows.drop(columns="said_on"))
    note = "demand.good" if verdict.serves["sku"] == "model" else "demand.below_baseline"
    return _keep(replace(made, note=note, serves=verdict.serves, verdict=_told(verdict), drivers=demand_levels.weights(sales, model)))


def _told(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON: everything but the judged forecasts, which lie in the lake."""
    told = {name: getattr(verdict, name) for name in ("serves", "table", "coverage", "buckets", "alphas")}
    spreads = {key: asdict(s) for key, s in verdict.spreads.items()}
    return told | {
        "spreads": spreads,
        "errors": [] if verdict.errors is None else verdict.errors.round(4).tolist(),
        "origins": [d.isoformat() for d in verdict.origins],
    }


def _verdict(told: dict[str, Any]) -> Verdict:
    import numpy as np

    from linli.science.demand_levels import Spread, Verdict

    spreads = {k: Spread(tuple(s["edges"]), tuple(tuple(row) for row in s["scores"])) for k, s in told["spreads"].items()}
    return Verdict(
        told["serves"], told["table"], told["coverage"], told["buckets"], spreads, np.asarray(told["errors"]), told["alphas"],
        tuple(date.fromisoformat(d) for d in told["origins"]), pd.DataFrame(),
    )  # fmt: skip


def _keep(artefact: Artefact) -> Artefact:
    """Write the artefact last: a model without it was not finished and is never read."""
    folder().mkdir(parents=True, exist_ok=True)
    draft = folder() / f"{artefact.version}.{os.getpid()}.draft"
    draft.write_text(json.dumps(asdict(artefact)))
    draft.replace(folder() / f"{artefact.version}.json")
    return artefact


def versions(region: str, as_of: datetime) -> list[Artefact]:
    """Every artefact of a region trained by `as_of`, the newest first."""
    found = []
    for path in folder().glob(f"{region}-*.json") if folder().is_dir() else []:
        if path.name.endswith(".model.json"):
            continue
        artefact = Artefact(**json.loads(path.read_text()))
        if artefact.region == region and datetime.fromisoformat(artefact.trained_as_of) <= as_of:
            found.append(artefact)
    return sorted(found, key=lambda a: datetime.fromisoformat(a.trained_as_of), reverse=True)


def newest(region: str, as_of: datetime) -> Artefact | None:
    """The artefact that serves as of a moment; None when there is none."""
    return next(iter(versions(region, as_of)), None)


def is_due(region: str, as_of: datetime) -> bool:
    """Whether to train before forecasting as of `as_of`: a week has passed, or there is now enough to judge by."""
    latest = newest(region, as_of)
    if latest is None or latest.note in ("demand.no_sales", "demand.no_history"):
        return latest is None or as_of - datetime.fromisoformat(latest.trained_as_of) >= timedelta(days=1)
    return as_of - datetime.fromisoformat(latest.trained_as_of) >= timedelta(days=RETRAIN_AFTER_DAYS)


def note_of(artefact: Artefact | None, as_of: datetime) -> str:
    """What must be said of the model: a code of words."""
    if artefact is None:
        return "demand.no_sales"
    old = as_of - datetime.fromisoformat(artefact.trained_as_of) > timedelta(days=OLD_AFTER_DAYS)
    return "demand.old" if old and artefact.note == "demand.good" else artefact.note


# ---- every night


def nightly(region: str, as_of: datetime) -> int:
    """Say the two weeks after the last whole day before `as_of`; trains first where that is due. Returns how many rows.

    Said once a day: again for the same day says nothing new, unless `as_of` brought a new model.
    """
    last = day_of(day_number(as_of, zone_of(region)) - 1)
    due = is_due(region, as_of)
    if not due and last in forecast_table.said_days(region)[-1:]:
        return 0
    sales = demand_facts.sales(region, as_of)
    artefact = _train(region, as_of, sales) if due else newest(region, as_of)
    if sales is None or artefact is None or artefact.note == "demand.no_sales":
        return 0
    return _say(region, last, sales, artefact)


def _say(region: str, last: date, sales: Sales, artefact: Artefact) -> int:
    from linli.science import demand_levels

    verdict = _verdict(artefact.verdict) if artefact.verdict else None
    if verdict is not None and verdict.errors is not None and verdict.errors.shape[1] != len(sales.category[1]) + len(sales.skus):
        verdict = replace(verdict, errors=None)  # goods have come or gone since: SKUs decide until the next training
    rows = demand_levels.forecast(sales, _model(artefact), verdict)
    rows = rows[(rows["level"] != "place") | (rows["ahead"] <= PLACE_AHEAD)]
    forecast_table.say(region, last, forecast_table.NIGHTLY, rows.assign(version=artefact.version))
    forecast_table.happened(region, _happened(sales))
    forecast_table.tidy(region, last)
    return len(rows)


def _model(artefact: Artefact) -> DemandModel:
    from linli.science.demand_model import DemandModel

    return DemandModel.load(folder() / f"{artefact.version}.model.json")


def _happened(sales: Sales) -> pd.DataFrame:
    """What was sold, as rows: of the region every day since the first sale, of communities the last weeks with a sale."""
    import numpy as np

    from linli.science.demand_levels import base

    of = base(sales)
    n, t = of.sku.shape
    all_days = {
        "sku": np.repeat(np.asarray(sales.skus, object), t), "place": 0, "day": np.tile(sales.days, n),
        "pieces": sales.sold.sum(axis=1).ravel(), "available": of.offered.ravel(),
    }  # fmt: skip
    start = max(0, t - PLACE_DAYS)
    i, p, d = np.nonzero((sales.sold[..., start:] > 0) | (sales.available[..., start:] < 1))
    here = {
        "sku": np.asarray(sales.skus, object)[i], "place": np.asarray(sales.places)[p], "day": sales.days[start + d],
        "pieces": sales.sold[i, p, start + d], "available": sales.available[i, p, start + d],
    }  # fmt: skip
    return pd.concat([pd.DataFrame(all_days), pd.DataFrame(here)], ignore_index=True)


def hourly(row: WorkRow) -> None:
    """Work handler of "insight.demand": a day that began without a step, or a first run, has its forecast within the hour."""
    from linli.kernel import clocks

    if not demand_facts.anything_sold():
        return
    for region in people.regions():
        nightly(region.slug, clocks.business_now())
