"""Learning who will buy nothing in the next 45 days, from what happened after past cutoffs.

Three LightGBM views of the same features (an additive model of stumps, regularised small trees, a
random forest) are averaged as log odds and calibrated on members none of them has seen. Time is
respected twice: the features of a cutoff read nothing later than it, and the label windows are the
only thing read after it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from linli.science import bgnbd, content, rfm
from linli.science.churn_model import (
    ChurnModel,
    Floats,
    Frame,
    collect,
    history,
    margins,
    matrix,
    with_silence,
)
from linli.science.purchases import as_table

__all__ = ["ChurnModel", "fit", "labels"]

FOLDS = 3
COMMON = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}
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


def fit(
    purchases: Frame,
    lines: Frame | None,
    cutoffs: Sequence[datetime],
    *,
    horizon_days: int = 45,
    active_days: int | None = 90,
    seed: int = 0,
    seen: dict[datetime, pd.DataFrame] | None = None,
) -> ChurnModel:
    """Learn from what happened after each cutoff.

    Args:
        purchases: the long frame of ``linli.science.purchases``.
        lines: basket lines with ``category``, or None.
        cutoffs: as-of moments (ends of days). Facts after the last label window are never read.
        horizon_days: how long a silence counts as churn.
        active_days: who is at risk at a cutoff; None for everybody who ever bought.
        seed: the only source of randomness.
        seen: everybody's features by cutoff, kept between fits on the same facts: a model and the
            twin it is judged by ask for the same ones, and they are the dear part.

    Raises:
        ValueError: no cutoff, a label window that ends after the last purchase (its label would
            be half seen), or a label that is the same for everybody.
    """
    cutoffs = sorted(cutoffs)
    purchases = as_table(purchases)
    lines = None if lines is None else as_table(lines)
    frame, silence = _training_frame(purchases, lines, cutoffs, horizon_days, active_days, {} if seen is None else seen)
    label = frame.pop("label").to_numpy(np.int64)
    if label.min() == label.max():
        raise ValueError("every member has the same label: nothing to learn")
    fold = _folds(frame.index.to_numpy(), seed)
    weights = pd.DataFrame({"category": [], "weight": []})
    if lines is not None:
        bought = _training_pairs(lines, cutoffs, frame)
        weights = content.fit_weights(bought, label)
        frame["category_risk"] = content.cross_scores(bought, label, fold)
    frame = frame.drop(columns=["cutoff", *rfm.CUMULATIVE], errors="ignore")
    names = tuple(str(c) for c in frame.columns if frame[c].notna().any())
    x = matrix(frame, names)
    slope, intercept = _calibrate(x, label, names, fold, seed)
    return ChurnModel(
        feature_names=names,
        boosters=_train(x, label, names, seed),
        slope=slope,
        intercept=intercept,
        silence=silence,
        category_weights=weights,
        horizon_days=horizon_days,
        active_days=active_days,
        trained_to=(cutoffs[-1] + timedelta(days=horizon_days)).isoformat(),
        rows=len(label),
        base_rate=float(label.mean()),
    )


def labels(purchases: Frame, as_of: datetime, horizon_days: int, members: pd.Index) -> npt.NDArray[np.int64]:
    """1 for each of ``members`` without a purchase in (as_of, as_of + horizon], else 0."""
    table = as_table(purchases)
    ahead = table.filter(table.at > as_of, table.at <= as_of + timedelta(days=horizon_days))
    bought = ahead.select("member_id").distinct().to_pandas()["member_id"]
    result: npt.NDArray[np.int64] = (~members.isin(bought)).astype(np.int64)
    return result


def _training_frame(
    purchases: Frame,
    lines: Frame | None,
    cutoffs: Sequence[datetime],
    horizon_days: int,
    active_days: int | None,
    seen: dict[datetime, pd.DataFrame],
) -> tuple[pd.DataFrame, bgnbd.BgNbd]:
    """Features, ``cutoff`` and ``label`` of all cutoffs, one under the other; the last BG/NBD fit.

    At each cutoff BG/NBD is fitted on what was known then; serving uses the last fit.
    """
    if not cutoffs:
        raise ValueError("no cutoffs")
    last = pd.Timestamp(as_table(purchases).at.max().to_pandas())
    end = cutoffs[-1] + timedelta(days=horizon_days)
    if last < end - timedelta(days=1):
        raise ValueError(f"the label window of {cutoffs[-1]} ends {end}, after the last purchase {last}")
    parts = []
    silence = None
    for cutoff in cutoffs:
        if cutoff not in seen:
            seen[cutoff] = collect(rfm.features(purchases, cutoff, lines=lines, active_days=None))
        everybody = seen[cutoff]
        silence = bgnbd.fit(*history(everybody), near=silence)
        part = everybody if active_days is None else everybody[everybody["recency_days"] < active_days]
        part = with_silence(part, silence, horizon_days)
        parts.append(part.assign(cutoff=cutoff, label=labels(purchases, cutoff, horizon_days, part.index)))
    assert silence is not None  # there is a cutoff
    return pd.concat(parts), silence


def _training_pairs(lines: Frame, cutoffs: Sequence[datetime], frame: pd.DataFrame) -> pd.DataFrame:
    """(row of the training frame, category) of all cutoffs."""
    parts = []
    numbers = np.arange(len(frame))
    for cutoff in cutoffs:
        here = (frame["cutoff"] == cutoff).to_numpy()
        row = pd.Series(numbers[here], index=frame.index[here])
        bought = content.pairs(lines, cutoff).order_by("member_id", "category").to_pandas()
        bought = bought[bought["member_id"].isin(row.index)]
        parts.append(pd.DataFrame({"row": row.loc[bought["member_id"]].to_numpy(), "category": bought["category"].to_numpy()}))
    return pd.concat(parts, ignore_index=True)


def _calibrate(
    x: Floats, label: npt.NDArray[np.int64], names: Sequence[str], fold: npt.NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """Platt (1999): a line through the log odds, fitted on members that the scoring model never saw."""
    unseen = np.zeros(len(label))
    for k in range(FOLDS):
        out = fold == k
        if out.any() and not out.all():
            unseen[out] = margins(_train(x[~out], label[~out], names, seed), x[out])
    line = LogisticRegression(C=1e6).fit(unseen[:, None], label)
    # A score worse than chance may be ignored, never turned round.
    return max(float(line.coef_[0, 0]), 1e-6), float(line.intercept_[0])


def _folds(members: npt.NDArray[Any], seed: int) -> npt.NDArray[np.int64]:
    """A fold per member: a member's rows of several cutoffs never face each other."""
    codes, unique = pd.factorize(members, sort=True)
    result: npt.NDArray[np.int64] = np.random.default_rng(seed).integers(0, FOLDS, len(unique))[codes]
    return result


def _train(x: Floats, label: npt.NDArray[np.int64], names: Sequence[str], seed: int) -> tuple[lgb.Booster, ...]:
    boosters = []
    for number, (params, rounds) in enumerate(VIEWS):
        data = lgb.Dataset(x, label, feature_name=list(names), params={"verbosity": -1})
        boosters.append(lgb.train(COMMON | params | {"seed": seed * len(VIEWS) + number + 1}, data, rounds))
    return tuple(boosters)
