"""How much of each SKU will be wanted at each place on each of the coming days, as a distribution.

    model = demand.fit(sales, as_of=date(2026, 5, 31))
    coming = demand.predict(model, sales, as_of=date(2026, 5, 31))    # mean and quantiles, 1..7 days ahead
    why = demand.drivers(model, sales, as_of=date(2026, 5, 31))       # units by driver

One LightGBM (Tweedie deviance, an offset of the series' own level) learns every horizon directly
from many past cutoffs. Whole weeks left out in turn correct its bias and calibrate the quantiles
(cross-conformal, by size of forecast: Vovk 2015, Boström et al. 2021): weeks and not rows, because
the goods of one rainy day err together.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from linli.science.demand_features import DRIVERS, LEAST, ahead, known
from linli.science.demand_model import LEVELS, DemandModel, Matrix, calibration, prior
from linli.science.demand_panel import Codes, Floats, Panel, panel

__all__ = ["DRIVERS", "LEVELS", "DemandModel", "drivers", "fit", "predict"]

# Chosen on FreshRetailNet's days before the first test day (docs/models/demand.md).
COMMON: dict[str, Any] = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}
MEAN = COMMON | {"objective": "tweedie", "tweedie_variance_power": 1.3, "num_leaves": 31, "learning_rate": 0.08, "max_bin": 63}
MEAN |= {"min_data_in_leaf": 100, "feature_fraction": 0.5, "bagging_fraction": 0.6, "bagging_freq": 1, "lambda_l2": 5.0}
ROUNDS, SPREAD_ROUNDS = 120, 40
CUTOFFS = 9
FEWEST_ROWS, FEW_ROWS = 400, 20_000
FOLDS = 3
IN_STOCK = 0.999


def fit(
    frame: pd.DataFrame,
    as_of: date,
    *,
    horizon: int = 7,
    preorders: pd.DataFrame | None = None,
    country: str = "CN",
    weekly: bool = False,
    max_rows: int = 150_000,
    seed: int = 0,
) -> DemandModel:
    """Learn from the sales up to the end of ``as_of``; later rows are never read.

    Args:
        frame: the long frame of ``linli.science.demand_panel``.
        as_of: the last period that is known.
        horizon: periods ahead, 1..horizon.
        preorders: ``sku``, ``place``, ``day``, ``placed``, ``quantity``; or None.
        country: whose holidays, "CN" or "US".
        weekly: rows are weeks.
        max_rows: of training, drawn evenly over cutoffs.
        seed: the only source of randomness.

    Returns:
        a model; with too little history for one, the prior (level x weekday, negative binomial),
        whose ``learnt`` is False.
    """
    at = panel(frame, as_of, horizon, preorders=preorders, country=country, weekly=weekly)
    return fit_panel(at, horizon, max_rows=max_rows, seed=seed)


def predict(
    model: DemandModel,
    frame: pd.DataFrame,
    as_of: date,
    *,
    preorders: pd.DataFrame | None = None,
    levels: Sequence[float] = LEVELS,
) -> pd.DataFrame:
    """One row per series and period ahead: the keys, ``day``, ``ahead``, ``mean`` and ``q10`` .. ``q90`` in units.

    Demand, not sales: what would be sold if it were in stock. Quantiles never cross.
    """
    at = panel(frame, as_of, model.horizon, preorders=preorders, country=model.country, weekly=model.weekly)
    return predict_panel(model, at, levels=levels)


def drivers(model: DemandModel, frame: pd.DataFrame, as_of: date, *, preorders: pd.DataFrame | None = None) -> pd.DataFrame:
    """Why: the keys, ``day``, ``ahead``, ``usual`` and one column per driver, in units; they sum to the mean.

    TreeSHAP (Lundberg et al. 2020) is exact for the logarithm of the mean; points of the logarithm
    become units along the straight path from ``usual`` (the series' own level as the model's average
    row would have it) to the mean, so every sign and proportion stays.
    """
    at = panel(frame, as_of, model.horizon, preorders=preorders, country=model.country, weekly=model.weekly)
    return pd.concat([_keys(at, model.horizon), model.why(*table(at, model.horizon))], axis=1)


def fit_panel(at: Panel, horizon: int, *, max_rows: int, seed: int) -> DemandModel:
    """``fit`` of a panel that ends ``horizon`` periods after as-of."""
    weekly = at.season == 1
    country = "US" if "term" in at.calendar and at.calendar["term"].isna().all() else "CN"
    base = prior(horizon=horizon, country=country, weekly=weekly)
    cuts = _cutoffs(at, len(at.days) - 2 * horizon, horizon)
    if len(cuts) < FOLDS:
        return base
    rows, period = _rows(at, cuts, horizon, max_rows, seed)
    if len(rows.y) < FEWEST_ROWS:
        return base
    data = _binned(rows)
    fold = (period // max(horizon, 2 if weekly else 7)) % FOLDS
    mean, spread = np.zeros(len(fold)), np.ones(len(fold))
    for k in range(FOLDS):
        out = fold == k
        if out.all() or not out.any():
            return base
        draft = _train(data, rows, np.flatnonzero(~out), base, seed)
        unseen = Matrix(rows.table[out], rows.level[out], rows.y[out])
        mean[out], spread[out] = draft.expected(unseen.table, unseen.level), draft.spreads(unseen.table, unseen.level)
    trust, bias, edges, scores = calibration(rows.y, rows.level, mean, spread)
    model = _train(data, rows, np.arange(len(rows.y)), base, seed)
    return replace(model, trust=trust, bias=bias, edges=edges, scores=scores)


def predict_panel(model: DemandModel, at: Panel, *, levels: Sequence[float] = LEVELS) -> pd.DataFrame:
    """``predict`` of a panel that ends ``model.horizon`` periods after as-of."""
    mean, quantiles = model.distribution(*table(at, model.horizon), levels)
    out = _keys(at, model.horizon).assign(mean=mean)
    for number, tau in enumerate(levels):
        out[f"q{round(100 * tau):02d}"] = quantiles[:, number]
    return out


def table(at: Panel, horizon: int) -> tuple[pd.DataFrame, Floats]:
    """Features and levels of all series x periods ahead, in the order of ``predict``."""
    return _ahead(at, len(at.days) - horizon, range(1, horizon + 1))


def _keys(at: Panel, horizon: int) -> pd.DataFrame:
    names = [name for name in ("place", "sku") if name in at.keys]
    parts = [at.keys[names].assign(day=at.days[len(at.days) - horizon + h], ahead=h + 1) for h in range(horizon)]
    return pd.concat(parts, ignore_index=True)


def _cutoffs(at: Panel, last: int, horizon: int) -> list[int]:
    """Cutoffs (periods known) whose horizon ends by ``last + horizon``, newest first, evenly back to four weeks of history."""
    least = max(LEAST, min(28, last // 3)) if at.season == 7 else max(LEAST, 8)
    if last < least:
        return []
    number = min(CUTOFFS if horizon > 1 else 4 * CUTOFFS, last - least + 1)
    return sorted({round(x) for x in np.linspace(last, least, number)}, reverse=True)


def _ahead(at: Panel, cut: int, horizons: Sequence[int]) -> tuple[pd.DataFrame, Floats]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a series without a past has no mean of it: nan is the answer
        state = known(at, cut)
        parts = [ahead(at, state, h) for h in horizons]
    return pd.concat(parts, ignore_index=True), np.tile(state.level, len(parts))


def _rows(at: Panel, cuts: Sequence[int], horizon: int, max_rows: int, seed: int) -> tuple[Matrix, Codes]:
    """What the cutoffs have to teach, and each row's period: rows in stock all day, drawn evenly over cutoffs."""
    rng = np.random.default_rng(seed)
    tables, levels, targets, periods = [], [], [], []
    here = {
        cut: np.stack([(at.available[:, cut - 1 + h] > IN_STOCK) & (at.first < cut - 1 + h) for h in range(1, horizon + 1)]) for cut in cuts
    }
    share = min(1.0, max_rows / max(1, sum(int(of.sum()) for of in here.values())))
    for cut in cuts:
        of = (here[cut] & (rng.random(here[cut].shape) < share)).ravel()
        features, level = _ahead(at, cut, range(1, horizon + 1))
        tables.append(features[of])
        levels.append(level[of])
        targets.append(at.quantity[:, cut : cut + horizon].T.ravel()[of])
        periods.append(np.repeat(np.arange(cut, cut + horizon), at.series)[of])
    return Matrix(pd.concat(tables, ignore_index=True), np.concatenate(levels), np.concatenate(targets)), np.concatenate(periods)


def _binned(rows: Matrix) -> lgb.Dataset:
    """The rows with values as bins, once for all fits. Bins know no sales, so folds may share them."""
    x = rows.table.loc[:, rows.table.notna().any()]
    params = {"verbosity": -1, "force_col_wise": True, "feature_pre_filter": False, "max_bin": MEAN["max_bin"]}
    names = [str(name) for name in x.columns]
    return lgb.Dataset(x.to_numpy(np.float32), rows.y, init_score=np.log(rows.level), feature_name=names, params=params).construct()


def _train(data: lgb.Dataset, rows: Matrix, chosen: Codes, base: DemandModel, seed: int) -> DemandModel:
    """Mean, then spread: the same trees on what the mean missed by."""
    params = MEAN | {
        "min_data_in_leaf": max(5, min(100, len(chosen) // 100)),
        "num_leaves": MEAN["num_leaves"] if len(chosen) > FEW_ROWS else 7,
    }
    part = data.subset(chosen.tolist()).construct()
    part.set_init_score(np.log(rows.level[chosen]))
    mean = lgb.train(params | {"seed": seed + 1}, part, ROUNDS)
    model = replace(base, names=tuple(data.get_feature_name()), mean=mean, rows=len(chosen))
    missed = np.abs(rows.y[chosen] - model.expected(rows.table.iloc[chosen], rows.level[chosen]))
    again = data.subset(chosen.tolist()).construct()
    again.set_label(missed)
    again.set_init_score(np.log(rows.level[chosen]))
    return replace(model, spread=lgb.train(params | {"seed": seed + 2}, again, SPREAD_ROUNDS))
