"""The fitted demand model: a mean, a spread, quantiles calibrated on weeks the mean had not seen, and the file of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.stats import nbinom

from linli.science.demand_features import DRIVERS
from linli.science.demand_panel import Floats

TAG = "linli.demand/1"
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
GRID = np.linspace(0.02, 0.98, 49)
"""Levels that the calibration keeps; others are interpolated, so none is nearer the ends than 2 %."""
BINS = 10
FEWEST_IN_BIN = 60
TRUST = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
PRIOR_SHAPE = 3.0
"""Negative binomial shape of a day's demand before anything is known of the operator's own."""


@dataclass(frozen=True)
class Matrix:
    """Features, the series' level then, and what was sold."""

    table: pd.DataFrame
    level: Floats
    y: Floats


@dataclass(frozen=True)
class DemandModel:
    """Everything that ``predict`` needs besides the sales themselves; ``prior`` makes one that has learnt nothing."""

    horizon: int
    country: str
    weekly: bool
    names: tuple[str, ...] = ()
    mean: lgb.Booster | None = None
    spread: lgb.Booster | None = None
    bias: float = 1.0
    trust: float = 1.0
    edges: Floats = field(default_factory=lambda: np.zeros(0))
    scores: Floats = field(default_factory=lambda: np.zeros((0, len(GRID))))
    rows: int = 0

    @property
    def learnt(self) -> bool:
        """False: there was too little to learn from, and the prior answers."""
        return self.mean is not None

    def expected(self, table: pd.DataFrame, level: Floats) -> Floats:
        """Mean demand in units, (rows,)."""
        if self.mean is None:
            usual = table["weekday.usual"].to_numpy(np.float64)
            result: Floats = level * usual
            return result
        margin = np.asarray(self.mean.predict(self._x(table), raw_score=True, num_threads=1))
        return self.bias * level * np.exp(self.trust * margin)

    def distribution(self, table: pd.DataFrame, level: Floats, levels: Sequence[float] = LEVELS) -> tuple[Floats, Floats]:
        """(mean (rows,), quantiles (rows, levels)) in units."""
        mean = self.expected(table, level)
        tau = np.asarray(levels, np.float64)
        if self.spread is None or not len(self.scores):
            p = PRIOR_SHAPE / (PRIOR_SHAPE + np.maximum(mean, 1e-9))
            return mean, np.asarray(nbinom.ppf(tau[None, :], PRIOR_SHAPE, p[:, None]), np.float64)
        score = np.stack([np.interp(tau, GRID, row) for row in self.scores])
        quantiles = mean[:, None] + self.spreads(table, level)[:, None] * score[np.searchsorted(self.edges, mean)]
        return mean, np.maximum(quantiles, 0.0)

    def spreads(self, table: pd.DataFrame, level: Floats) -> Floats:
        """Mean absolute error that the model expects of itself, in units, (rows,)."""
        assert self.spread is not None
        result: Floats = level * np.exp(np.asarray(self.spread.predict(self._x(table), raw_score=True, num_threads=1)))
        return np.maximum(result, 1e-6)

    def why(self, table: pd.DataFrame, level: Floats) -> pd.DataFrame:
        """``usual`` and a column per driver in units, (rows,); they sum to the mean."""
        mean = self.expected(table, level)
        if self.mean is None:
            parts = dict.fromkeys(DRIVERS, np.zeros(len(mean))) | {"weekday": mean - level}
            return pd.DataFrame({"usual": level} | parts)
        shap = np.asarray(self.mean.predict(self._x(table), pred_contrib=True, num_threads=1))
        shap = self.trust * shap
        usual = self.bias * level * np.exp(shap[:, -1])
        total = shap[:, :-1].sum(axis=1)
        slope = np.where(np.abs(total) < 1e-9, usual, (mean - usual) / np.where(np.abs(total) < 1e-9, 1.0, total))
        of = [name.partition(".")[0] for name in self.names]
        parts = {d: slope * shap[:, [i for i, name in enumerate(of) if name == d]].sum(axis=1) for d in DRIVERS}
        return pd.DataFrame({"usual": usual} | parts)

    def save(self, path: Path) -> None:
        """Write one JSON file: no code in it, so that loading a model can run none."""
        boosters = {name: None if one is None else one.model_to_string() for name, one in (("mean", self.mean), ("spread", self.spread))}
        plain = {name: getattr(self, name) for name in ("horizon", "country", "weekly", "bias", "trust", "rows")}
        arrays = {"names": list(self.names), "edges": self.edges.tolist(), "scores": self.scores.tolist()}
        path.write_text(json.dumps({"tag": TAG} | boosters | plain | arrays), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "DemandModel":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file is of another kind or version.
        """
        read = json.loads(path.read_text(encoding="utf-8"))
        if read.pop("tag", None) != TAG:
            raise ValueError(f"{path.name} is no {TAG!r}")
        for name in ("mean", "spread"):
            read[name] = read[name] and lgb.Booster(model_str=read[name])
        scores = np.asarray(read["scores"], np.float64).reshape(-1, len(GRID))
        return cls(**read | {"names": tuple(read["names"]), "edges": np.asarray(read["edges"], np.float64), "scores": scores})

    def _x(self, table: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.asarray(table.reindex(columns=list(self.names)).to_numpy(np.float32))


def prior(*, horizon: int, country: str, weekly: bool) -> DemandModel:
    """Level x weekday with a negative binomial spread: what answers before there are weeks to learn from."""
    return DemandModel(horizon=horizon, country=country, weekly=weekly)


def calibration(sold: Floats, level: Floats, mean: Floats, spread: Floats) -> tuple[float, float, Floats, Floats]:
    """(trust, bias, edges (k,), scores (k + 1, grid)) from forecasts of rows that they had not seen.

    ``trust`` is how far to follow the model away from the series' own level: 1 where there is much
    to learn from, less where there is little. z = (sold - mean) / spread; its empirical quantiles in
    each of up to ten groups of like means are what a quantile adds to the mean, in spreads.
    """

    def drawn(trust: float) -> tuple[float, Floats]:
        way = level * (mean / level) ** trust
        factor = float(sold.sum() / max(way.sum(), 1e-9))
        return factor, factor * way

    trust = min(TRUST, key=lambda t: float(np.abs(sold - drawn(t)[1]).sum()))
    bias, mean = drawn(trust)
    z = (sold - mean) / spread
    number = max(1, min(BINS, len(mean) // FEWEST_IN_BIN))
    edges = np.unique(np.quantile(mean, np.linspace(0, 1, number + 1)[1:-1]))
    of = np.searchsorted(edges, mean)
    scores = np.stack([np.quantile(z[of == k] if (of == k).any() else z, GRID) for k in range(len(edges) + 1)])
    return trust, bias, edges, scores
