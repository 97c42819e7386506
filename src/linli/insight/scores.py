"""45-day churn risk: trained at monthly cutoffs, judged on the last 45 days beside its baseline, the better one served.

Everything is as of a moment: a model trained as of T has seen labels that ended by T, and a score at T comes from the
newest model trained by T. The judgement is of a twin that was trained 45 days earlier, so that it never saw what it is
judged on; the model that serves then learns from those days too. Beside it stands the baseline (`science.silence`, BG/NBD
with a prior), judged on the same members and days: it serves where the model does not beat it, and where there is too
little history to train or to judge one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linli.insight import artefacts, engine, scoring
from linli.insight.features import Facts, facts_of, zone_of

if TYPE_CHECKING:
    from linli.insight.facts import Tables
    from linli.science import churn

KIND = "churn"
HORIZON_DAYS = 45
ACTIVE_DAYS = 90
STEP_DAYS = 30
MOST_CUTOFFS = 6
LEAST_CUTOFFS = 2
BANDS = (0.0, 0.05, 0.15, 0.30, 0.50, 1.0)
REASONS_SHOWN = 4
EXPLAINED_FROM = 0.10
"""Reasons cost milliseconds a member; below this risk there is nothing to explain."""
LEAST_POINTS = 0.5


@dataclass(frozen=True)
class Judged:
    """How the twin did on members it scored at `cutoff`, once their 45 days had passed. `bands` of members by risk."""

    cutoff: str
    members: int
    base_rate: float
    roc: float
    average_precision: float
    calibration_error: float
    recency_roc: float
    bands: list[dict[str, float]]
    baseline_roc: float = 0.0
    baseline_average_precision: float = 0.0
    baseline_calibration_error: float = 0.0

    @property
    def beats(self) -> bool:
        """Whether the model ranks better than both of those anybody could have for nothing."""
        return self.roc > max(self.recency_roc, self.baseline_roc)


@dataclass(frozen=True)
class Artefact:
    """What is kept beside a model file. `serves`: "model", "baseline" or "" (nobody bought yet); `baseline` is its numbers.

    `note`: model.good; model.below_baseline, model.unjudged, model.no_history (the baseline serves, and why).
    """

    version: str
    region: str
    trained_as_of: str
    cutoffs: list[str]
    note: str
    judged: Judged | None
    serves: str = ""
    baseline: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def folder() -> Path:
    """Where model files lie."""
    return artefacts.folder(KIND)


def frames(facts: Facts) -> tuple[ir.Table, ir.Table]:
    """(purchases, lines) as linli.science reads them. A line's category is its product type, the finest word we have."""
    sizes = facts.lines.group_by("basket_id").agg(items=facts.lines.count())
    p = facts.purchases.select("member_id", "at", "basket_id", "amount_minor", "discount_minor", coupon_minor="coupon_discount_minor")
    purchases = p.left_join(sizes, "basket_id").drop("basket_id_right")
    lines = facts.lines.filter(facts.lines.product_type.notnull())
    return purchases, lines.select("member_id", "at", "basket_id", category="product_type")


def cutoffs(first: datetime, last: datetime, zone: str) -> list[datetime]:
    """Cutoffs every 30 days back from `last`, at the same wall-clock time, oldest first; each with 90 days of history before it."""
    local = last.astimezone(ZoneInfo(zone))
    found = []
    for n in range(MOST_CUTOFFS):
        at = (local.replace(tzinfo=None) - timedelta(days=STEP_DAYS * n)).replace(tzinfo=local.tzinfo).astimezone(UTC)
        if at - timedelta(days=ACTIVE_DAYS) < first:
            break
        found.append(at)
    return found[::-1]


def train(region: str, as_of: datetime) -> Artefact:
    """Train, judge and keep the model of a region as of a moment. Deterministic: the same facts give the same file."""
    from linli.science import churn, silence

    purchases, lines, words = _in_memory(facts_of(as_of, region))
    zone = zone_of(region)
    version = artefacts.version(region, as_of)
    horizon = timedelta(days=HORIZON_DAYS)
    first = purchases["at"].min().to_pyarrow().as_py() or as_of
    # A day on which nobody at all bought is one that nobody told of (an export ends before today): no label lies in it.
    last = purchases["at"].max().to_pyarrow().as_py() or as_of
    until = as_of if as_of - last < timedelta(days=1) else last
    moments = cutoffs(first, until - horizon, zone)
    fallback = silence.fit(purchases, until, horizon_days=HORIZON_DAYS, active_days=ACTIVE_DAYS)
    made = Artefact(version, region, as_of.isoformat(), [], "model.no_history", None)
    if fallback is not None:
        made = replace(made, serves="baseline", baseline=fallback.to_dict())
    if len(moments) < LEAST_CUTOFFS:
        return _keep(made)
    earlier = [m for m in moments if m <= until - 2 * horizon]
    seen: dict[datetime, churn.Seen] = {}
    try:
        model = churn.learn(purchases, lines, moments, horizon_days=HORIZON_DAYS, active_days=ACTIVE_DAYS, seen=seen)
    except churn.NothingToLearn:
        return _keep(made)
    made = replace(made, cutoffs=[m.isoformat() for m in moments], note="model.unjudged")
    try:
        judged = _judge(purchases, lines, earlier, moments[-1], seen) if len(earlier) >= LEAST_CUTOFFS else None
    except churn.NothingToLearn:
        judged = None
    if judged is None:  # a model nobody has judged serves nobody
        return _keep(made)
    model = replace(model, category_weights=model.category_weights.assign(category=words[model.category_weights["category"]]))
    artefacts.put(folder() / f"{version}.model.json", model.save)
    if judged.beats:
        return _keep(replace(made, judged=judged, note="model.good", serves="model"))
    return _keep(replace(made, judged=judged, note="model.below_baseline"))


def _in_memory(facts: Facts) -> tuple[ir.Table, ir.Table, np.ndarray]:
    """(purchases, lines, words) read once, since every cutoff reads them again; lines carry numbers of the sorted words.

    A million texts to compare, again and again, is half of the work of reading.
    """
    purchases, lines = frames(facts)
    read = lines.select("member_id", "at", "category").to_pyarrow()
    words = read["category"].unique().sort()
    numbers = pc.index_in(read["category"], words)
    numbered = read.set_column(read.schema.get_field_index("category"), "category", numbers)
    return ibis.memtable(purchases.to_pyarrow()), ibis.memtable(numbered), words.to_numpy(zero_copy_only=False)


def _keep(artefact: Artefact) -> Artefact:
    artefacts.keep(KIND, artefact.to_dict())
    return artefact


def _judge(purchases: ir.Table, lines: ir.Table, moments: Sequence[datetime], cutoff: datetime, seen: dict[datetime, churn.Seen]) -> Judged:
    """Train as of `cutoff` (labels end by it), score there, and compare with the 45 days after, as `seen` tells them."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    from linli.science import churn, silence

    known = purchases.filter(purchases["at"] <= ibis.literal(cutoff))
    model = churn.learn(known, lines, moments, horizon_days=HORIZON_DAYS, active_days=ACTIVE_DAYS, seen=seen)
    features = churn.features_of(model, seen[cutoff])
    risk = model.predict(features)
    gone = seen[cutoff].frame["label"].to_numpy()
    recency = features["recency_days"].to_numpy()
    fallback = silence.fit(known, cutoff, horizon_days=HORIZON_DAYS, active_days=ACTIVE_DAYS)
    plain = fallback.risk(features).to_numpy() if fallback else recency
    both = 0 < gone.sum() < len(gone)
    return Judged(
        cutoff=cutoff.isoformat(),
        members=len(risk),
        base_rate=float(gone.mean()) if len(gone) else 0.0,
        roc=float(roc_auc_score(gone, risk)) if both else 0.0,
        average_precision=float(average_precision_score(gone, risk)) if both else 0.0,
        calibration_error=calibration_error(risk.to_numpy(), gone),
        recency_roc=float(roc_auc_score(gone, recency)) if both else 0.0,
        bands=bands(risk.to_numpy(), gone),
        baseline_roc=float(roc_auc_score(gone, plain)) if both else 0.0,
        baseline_average_precision=float(average_precision_score(gone, plain)) if both else 0.0,
        baseline_calibration_error=calibration_error(plain, gone),
    )


def calibration_error(risk: np.ndarray, gone: np.ndarray, *, groups: int = 10) -> float:
    """Expected calibration error: mean distance of predicted and happened share over ten equally large groups by risk."""
    if not len(risk):
        return 0.0
    order = np.argsort(risk, kind="stable")
    parts = [p for p in np.array_split(order, groups) if len(p)]
    return float(sum(len(p) * abs(risk[p].mean() - gone[p].mean()) for p in parts) / len(risk))


def bands(risk: np.ndarray, happened: np.ndarray) -> list[dict[str, float]]:
    """By band of risk: low, high, members, mean predicted share, share and count of those to whom it happened."""
    found = []
    for low, high in itertools.pairwise(BANDS):
        inside = (risk >= low) & ((risk < high) if high < 1 else (risk <= high))
        n = int(inside.sum())
        found.append({
            "low": low, "high": high, "members": n,
            "predicted_share": float(risk[inside].mean()) if n else 0.0,
            "happened_share": float(happened[inside].mean()) if n else 0.0,
            "happened_count": int(happened[inside].sum()),
        })  # fmt: skip
    return found


def newest(region: str, as_of: datetime) -> Artefact | None:
    """The artefact of the newest model trained by `as_of`; None when there is none."""
    told = artefacts.newest(KIND, region, as_of)
    if told is None:
        return None
    judged = Judged(**told.pop("judged")) if told.get("judged") else told.pop("judged", None)
    # An artefact of before there was a baseline: its model served unless recency beat it.
    told.setdefault("serves", "model" if told["note"] in ("model.good", "model.unjudged") else "")
    return Artefact(**told, judged=judged)


def is_due(region: str, as_of: datetime) -> bool:
    """Whether a model should be trained before scoring as of `as_of`."""
    return artefacts.is_due(KIND, region, as_of)


def note_of(artefact: Artefact | None, as_of: datetime) -> str:
    """What must be said of the model: a code of words."""
    if artefact is None:
        return "model.no_history"
    old = artefacts.is_old(artefact.trained_as_of, as_of)
    return "model.old" if old and artefact.note == "model.good" else artefact.note


@dataclass(frozen=True)
class Scored:
    """Risk and its pushes of one member: [(family of features, percentage points)], largest first; none for a low risk."""

    risk: float
    pushes: list[tuple[str, float]]


def score(
    region: str,
    as_of: datetime,
    member_ids: Sequence[int] | None = None,
    *,
    model_as_of: datetime | None = None,
    tables: Tables | None = None,
) -> dict[int, Scored]:
    """Risk by member, of those with a purchase in the last 90 days, by what serves. Empty where nobody has bought.

    `model_as_of`: use the model as of another moment than the facts' (the first look back, before any model was there).
    `tables`: where facts are read, the lake unless told.
    """
    artefact = newest(region, model_as_of or as_of)
    if artefact is None or not artefact.serves:
        return {}
    facts = facts_of(as_of, region, tables)
    if member_ids is not None:
        facts = Facts(*(t.filter(t.member_id.isin([int(m) for m in member_ids])) for t in (facts.purchases, facts.lines, facts.members)))
    told = (_by_model if artefact.serves == "model" else _by_baseline)(artefact, facts, as_of).to_pydict()
    found: dict[int, Scored] = {}
    for member, risk, family, points in zip(*(told[name] for name in scoring.TOLD.names), strict=True):
        one = found.setdefault(member, Scored(risk, []))
        if family and abs(points) >= LEAST_POINTS:
            one.pushes.append((family, round(points, 1)))
    return found


def _by_model(artefact: Artefact, facts: Facts, as_of: datetime) -> pa.Table:
    """Risk by member and reasons of those at some risk, by the churn model."""
    from linli.science import churn

    model = churn.ChurnModel.load(folder() / f"{artefact.version}.model.json")
    purchases, lines = frames(facts)
    does = partial(scoring.by_model, model=model, explained_from=EXPLAINED_FROM, most=REASONS_SHOWN)
    return engine.shared_out(model.table(purchases, as_of, lines=lines), does, scoring.TOLD)


def _by_baseline(artefact: Artefact, facts: Facts, as_of: datetime) -> pa.Table:
    """The same by the baseline."""
    from linli.science import rfm, silence

    fallback = silence.Silence.from_dict(artefact.baseline or {})
    does = partial(scoring.by_baseline, fallback=fallback, active_days=ACTIVE_DAYS, explained_from=EXPLAINED_FROM)
    return engine.shared_out(rfm.histories(frames(facts)[0], as_of), does, scoring.TOLD)
