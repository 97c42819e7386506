"""Learning who will buy nothing in the next 45 days, from what happened after past cutoffs.

Three LightGBM views of the same features (an additive model of stumps, regularised small trees, a
random forest) are averaged as log odds and calibrated on members none of them has seen. Time is
respected twice: the features of a cutoff read nothing later than it, and the label windows are the
only thing read after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from linli.science import bgnbd, content, long_frame, rfm, silence
from linli.science.churn_model import (
    ChurnModel,
    Floats,
    Frame,
    collect,
    history,
    margins,
    matrix,
    with_silence,
    with_traits,
)
from linli.science.purchases import as_table

__all__ = ["Churn", "ChurnModel", "NothingToLearn", "Seen", "features_of", "fit", "labels", "learn"]

FOLDS = 3
STEP_DAYS, MOST_CUTOFFS = 15, 9
"""Where ``fit`` looks: cutoffs half a month apart, as far back as there are 90 days before them."""
COMMON = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}
# Chosen on Complete Journey, cutoffs to 2017-08 only (docs/models/churn.md).
VIEWS: tuple[tuple[dict[str, Any], int], ...] = (
    (
        {"num_leaves": 2, "learning_rate": 0.05, "min_data_in_leaf": 100, "feature_fraction": 0.3, "lambda_l2": 10.0}
        | {"bagging_fraction": 0.7, "bagging_freq": 1},
        400,
    ),
    (
        {"num_leaves": 15, "learning_rate": 0.03, "min_data_in_leaf": 300, "feature_fraction": 0.2, "lambda_l2": 10.0}
        | {"bagging_fraction": 0.7, "bagging_freq": 1, "path_smooth": 50.0},
        150,
    ),
    (
        {"boosting": "rf", "num_leaves": 31, "min_data_in_leaf": 60, "feature_fraction": 0.3}
        | {"bagging_fraction": 0.5, "bagging_freq": 1},
        100,
    ),
)


@dataclass(frozen=True)
class Seen:
    """What one cutoff has to teach: those at risk with features and ``label``, BG/NBD as of then, what they bought lately."""

    frame: pd.DataFrame
    silence: bgnbd.BgNbd
    bought: pd.DataFrame


@dataclass(frozen=True)
class Churn:
    """What ``fit`` gives: the model, or the baseline where it was not beaten, with the verdict's figures.

    ``serves`` is "model" or "baseline"; ``verdict`` holds ``cutoff``, ``members``, ``model_roc`` and ``baseline_roc`` of
    the time split, and is empty where there was too little history to judge.
    """

    model: ChurnModel | None
    baseline: silence.Silence
    serves: str
    verdict: dict[str, Any]

    def predict(self, frame: pd.DataFrame, *, as_of: datetime) -> pd.DataFrame:
        """Of each member of the long frame who bought in the last ``active_days``: ``member``, ``risk`` and ``why``.

        ``risk`` is P(no purchase in the horizon); ``why`` the family of features that moves it most.
        """
        purchases, lines = long_frame.baskets(frame, as_of)
        if self.serves == "model" and self.model is not None:
            features = self.model.features(purchases, as_of, lines=lines, traits=long_frame.traits(frame, as_of))
            risk, told = self.model.predict(features), self.model.reasons(features, k=1)
        else:
            features = collect(rfm.histories(purchases, as_of))
            if (days := self.baseline.active_days) is not None:
                features = features[features["recency_days"] < days]
            risk, told = self.baseline.risk(features), self.baseline.reasons(features)
        why = told[told["rank"] == 1].set_index("member_id")["family"]
        return pd.DataFrame({"risk": risk, "why": why.reindex(risk.index)}).rename_axis("member").reset_index()


def fit(frame: pd.DataFrame, *, as_of: datetime, horizon_days: int = 45, active_days: int | None = 90, seed: int = 0) -> Churn:
    """Learn from the long frame (``docs/science.md``) up to ``as_of``, nothing later, and judge what was learnt.

    The judgement: a twin that knows nothing of the last horizon scores it, beside the baseline. What ranks better serves.

    Raises:
        ValueError: a column is missing, or nothing was bought by ``as_of``.
    """
    purchases, lines = long_frame.baskets(frame, as_of)
    baseline = silence.fit(purchases, as_of, horizon_days=horizon_days, active_days=active_days)
    if baseline is None:  # baskets() refuses an empty past
        raise ValueError(f"nothing was bought by {as_of}")
    horizon, step = timedelta(days=horizon_days), timedelta(days=STEP_DAYS)
    enough = purchases["at"].min() + timedelta(days=active_days or horizon_days)
    moments = [as_of - horizon - n * step for n in range(MOST_CUTOFFS)]
    moments = [moment for moment in moments if moment >= enough][::-1]
    earlier = [moment for moment in moments if moment <= as_of - 2 * horizon]
    if not earlier:
        return Churn(None, baseline, "baseline", {})
    cutoff = moments[-1]
    traits = long_frame.traits(frame, as_of)
    told: dict[str, Any] = {"horizon_days": horizon_days, "active_days": active_days}
    seen: dict[datetime, Seen] = {}
    try:
        model = learn(purchases, lines, moments, **told, seed=seed, seen=seen, traits=traits)
        past = purchases[purchases["at"] <= cutoff]
        twin = learn(past, lines, earlier, **told, seed=seed, seen=seen, traits=traits)
    except NothingToLearn:
        return Churn(None, baseline, "baseline", {})
    asked = features_of(twin, seen[cutoff], traits)
    known = silence.fit(past, cutoff, **told)
    label = seen[cutoff].frame["label"]
    if known is None or label.nunique() < 2:
        return Churn(model, baseline, "baseline", {})
    ours, plain = (float(roc_auc_score(label, score)) for score in (twin.predict(asked), known.risk(asked)))
    verdict = {"cutoff": cutoff.isoformat(), "members": len(label), "model_roc": ours, "baseline_roc": plain}
    return Churn(model, baseline, "model" if ours > plain else "baseline", verdict)


class NothingToLearn(ValueError):
    """Everybody went, or nobody did."""


def learn(
    purchases: Frame,
    lines: Frame | None,
    cutoffs: Sequence[datetime],
    *,
    horizon_days: int = 45,
    active_days: int | None = 90,
    seed: int = 0,
    seen: dict[datetime, Seen] | None = None,
    traits: pd.DataFrame | None = None,
) -> ChurnModel:
    """Learn from what happened after each cutoff.

    Args:
        purchases: the long frame of ``linli.science.purchases``.
        lines: basket lines with ``category``, or None.
        cutoffs: as-of moments (ends of days). Facts after the last label window are never read.
        horizon_days: how long a silence counts as churn.
        active_days: who is at risk at a cutoff; None for everybody who ever bought.
        seed: the only source of randomness.
        seen: what was read by cutoff, kept between fits on the same facts, horizon and active days: a
            model and the twin it is judged by ask for the same cutoffs, and they are the dear part.
        traits: what is known of members besides (``with_traits``), and was when they came.

    Raises:
        ValueError: no cutoff, or a label window that ends after the last purchase (its label would
            be half seen).
        NothingToLearn: a label that is the same for everybody.
    """
    cutoffs = sorted(cutoffs)
    purchases = as_table(purchases)
    lines = None if lines is None else as_table(lines)
    seen = {} if seen is None else seen
    _look(purchases, lines, cutoffs, horizon_days, active_days, seen)
    frame = pd.concat([seen[cutoff].frame for cutoff in cutoffs])
    label = frame.pop("label").to_numpy(np.int64)
    if label.min() == label.max():
        raise NothingToLearn("every member has the same label")
    fold = _folds(frame.index.to_numpy(), seed)
    weights = pd.DataFrame({"category": [], "weight": []})
    if lines is not None:
        bought, categories = _pairs([seen[cutoff] for cutoff in cutoffs])
        weights = content.fit_weights(bought, label)
        weights["category"] = categories[weights["category"].to_numpy(np.int64)]
        frame["category_risk"] = content.cross_scores(bought, label, fold)
    frame = with_traits(frame.drop(columns=list(rfm.CUMULATIVE), errors="ignore"), traits)
    names = tuple(str(c) for c in frame.columns if frame[c].notna().any())
    x = matrix(frame, names)
    data = _binned(x, label, names)
    slope, intercept = _calibrate(x, label, data, fold, seed)
    return ChurnModel(
        feature_names=names,
        boosters=_train(data, seed),
        slope=slope,
        intercept=intercept,
        silence=seen[cutoffs[-1]].silence,
        category_weights=weights,
        horizon_days=horizon_days,
        active_days=active_days,
        trained_to=(cutoffs[-1] + timedelta(days=horizon_days)).isoformat(),
        rows=len(label),
        base_rate=float(label.mean()),
    )


def features_of(model: ChurnModel, seen: Seen, traits: pd.DataFrame | None = None) -> pd.DataFrame:
    """``model.features`` of a cutoff that was looked at for another fit, without reading it again."""
    frame = with_traits(with_silence(seen.frame.drop(columns="label"), model.silence, model.horizon_days), traits)
    if not len(model.category_weights):
        return frame
    kind = model.category_weights["category"].dtype
    bought = ibis.memtable(seen.bought.assign(category=seen.bought["category"].astype(kind)))
    risk = content.scores(bought, model.category_weights).to_pandas().set_index("member_id")
    return frame.join(risk["category_risk"])


def labels(purchases: Frame, as_of: datetime, horizon_days: int, members: pd.Index) -> npt.NDArray[np.int64]:
    """1 for each of ``members`` without a purchase in (as_of, as_of + horizon], else 0."""
    table = as_table(purchases)
    ahead = table.filter(table.at > as_of, table.at <= as_of + timedelta(days=horizon_days))
    bought = ahead.select("member_id").distinct().to_pandas()["member_id"]
    result: npt.NDArray[np.int64] = (~members.isin(bought)).astype(np.int64)
    return result


def _look(
    purchases: Frame,
    lines: Frame | None,
    cutoffs: Sequence[datetime],
    horizon_days: int,
    active_days: int | None,
    seen: dict[datetime, Seen],
) -> None:
    """Add to ``seen`` what it lacks of the cutoffs, oldest first.

    At each cutoff BG/NBD is fitted on what was known then, near the fit before it; serving uses the last one.
    """
    if not cutoffs:
        raise ValueError("no cutoffs")
    last = pd.Timestamp(as_table(purchases).at.max().to_pandas())
    end = cutoffs[-1] + timedelta(days=horizon_days)
    if last < end - timedelta(days=1):
        raise ValueError(f"the label window of {cutoffs[-1]} ends {end}, after the last purchase {last}")
    near: bgnbd.BgNbd | None = None
    for cutoff in cutoffs:
        if cutoff not in seen:
            everybody = collect(rfm.features(purchases, cutoff, lines=lines, active_days=None))
            silence = bgnbd.fit(*history(everybody), near=near)
            part = everybody if active_days is None else everybody[everybody["recency_days"] < active_days]
            part = with_silence(part, silence, horizon_days)
            part = part.assign(label=labels(purchases, cutoff, horizon_days, part.index))
            seen[cutoff] = Seen(part, silence, _bought(lines, cutoff, part.index))
        near = seen[cutoff].silence


def _bought(lines: Frame | None, cutoff: datetime, members: pd.Index) -> pd.DataFrame:
    """(member_id, category) of these members as of the cutoff, in order."""
    if lines is None:
        return pd.DataFrame({"member_id": members[:0], "category": []})
    # Categories by number on the way out of the engine: a hundred thousand texts cost more than what is learnt of them.
    table = content.pairs(lines, cutoff).to_pyarrow()
    category = table["category"].dictionary_encode().to_pandas()
    # Numbered in the order of their names: an engine's order of rows is another one every time, and sums would show it.
    category = category.cat.reorder_categories(sorted(category.cat.categories))
    found = pd.DataFrame({"member_id": table["member_id"].to_pandas(), "category": category})
    return found[found["member_id"].isin(members)].sort_values(["member_id", "category"], ignore_index=True)


def _pairs(parts: Sequence[Seen]) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """(row of the training frame, number of the category) of all cutoffs, and the categories by number, sorted."""
    names = pd.Index(np.unique(np.concatenate([part.bought["category"].cat.categories.to_numpy() for part in parts])))
    found, before = [], 0
    for part in parts:
        row = part.frame.index.get_indexer(part.bought["member_id"]) + before
        number = names.get_indexer(part.bought["category"].cat.categories)[part.bought["category"].cat.codes.to_numpy()]
        found.append(pd.DataFrame({"row": row, "category": number}))
        before += len(part.frame)
    return pd.concat(found, ignore_index=True), names.to_numpy()


def _binned(x: Floats, label: npt.NDArray[np.int64], names: Sequence[str]) -> lgb.Dataset:
    """The training rows with values as bins, once for all views and folds. Bins know no labels, so folds may share them."""
    params = {"verbosity": -1, "force_col_wise": True, "feature_pre_filter": False}
    return lgb.Dataset(x, label, feature_name=list(names), params=params).construct()


def _calibrate(x: Floats, label: npt.NDArray[np.int64], data: lgb.Dataset, fold: npt.NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Platt (1999): a line through the log odds, fitted on members that the scoring model never saw."""
    unseen = np.zeros(len(label))
    for k in range(FOLDS):
        out = fold == k
        if out.any() and not out.all():
            unseen[out] = margins(_train(data.subset(np.flatnonzero(~out).tolist()), seed), x[out])
    line = LogisticRegression(C=1e6).fit(unseen[:, None], label)
    # A score worse than chance may be ignored, never turned round.
    return max(float(line.coef_[0, 0]), 1e-6), float(line.intercept_[0])


def _folds(members: npt.NDArray[Any], seed: int) -> npt.NDArray[np.int64]:
    """A fold per member: a member's rows of several cutoffs never face each other."""
    codes, unique = pd.factorize(members, sort=True)
    result: npt.NDArray[np.int64] = np.random.default_rng(seed).integers(0, FOLDS, len(unique))[codes]
    return result


def _train(data: lgb.Dataset, seed: int) -> tuple[lgb.Booster, ...]:
    boosters = []
    for number, (params, rounds) in enumerate(VIEWS):
        boosters.append(lgb.train(COMMON | params | {"seed": seed * len(VIEWS) + number + 1}, data, rounds))
    return tuple(boosters)
