"""Who will buy nothing in the next 45 days: a calibrated probability, and why.

Three LightGBM views of the same features (an additive model of stumps, regularised small trees, a
random forest) are averaged as log odds and calibrated on members none of them has seen. All three
give exact additive contributions, so the average does too, and a reason is part of the prediction
and not a story told beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import ibis.expr.types as ir
import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from linli.science import bgnbd, content, rfm

TAG = "linli.churn/1"
Floats = npt.NDArray[np.float64]
type Frame = pd.DataFrame | ir.Table


@dataclass(frozen=True)
class ChurnModel:
    """A fitted model: everything that ``predict`` needs besides the member's own facts."""

    feature_names: tuple[str, ...]
    boosters: tuple[lgb.Booster, ...]
    slope: float
    intercept: float
    silence: bgnbd.BgNbd
    category_weights: pd.DataFrame
    horizon_days: int
    active_days: int | None
    trained_to: str
    rows: int
    base_rate: float

    def features(
        self, purchases: Frame, as_of: datetime, *, lines: Frame | None = None, traits: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """What ``predict`` wants: one row per active member, indexed by member_id, as of ``as_of``.

        Every row depends on that member's own facts up to ``as_of`` and on the model alone, so a
        few members may be refreshed without reading the others.
        """
        return self.of(self.table(purchases, as_of, lines=lines).to_pyarrow().to_pandas(), traits)

    def table(self, purchases: Frame, as_of: datetime, *, lines: Frame | None = None) -> ir.Table:
        """What an engine computes of ``features``, unevaluated: one row per active member, by ``member_id``."""
        table = rfm.features(purchases, as_of, lines=lines, active_days=self.active_days)
        if lines is not None and len(self.category_weights):
            risk = content.scores(content.pairs(lines, as_of), self.category_weights)
            table = table.left_join(risk, "member_id").drop("member_id_right").order_by("member_id")
        return table

    def of(self, found: pd.DataFrame, traits: pd.DataFrame | None = None) -> pd.DataFrame:
        """``features`` from any of the rows of ``table``: what is known of some members needs no others."""
        frame = found.set_index("member_id").sort_index().astype(np.float64)
        return with_traits(with_silence(frame, self.silence, self.horizon_days), traits)

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """P(no purchase in the horizon after as-of), indexed like ``features``."""
        margin = margins(self.boosters, matrix(features, self.feature_names))
        return pd.Series(expit(self.slope * margin + self.intercept), index=features.index, name="churn")

    @property
    def baseline(self) -> float:
        """The probability that reasons start from: that of the average training member's score."""
        return float(expit(self.slope * self._expected_margin + self.intercept))

    def reasons(self, features: pd.DataFrame, k: int | None = 3) -> pd.DataFrame:
        """Why: per member the ``k`` families of features that move the prediction most.

        Contributions (Lundberg et al. 2020, TreeSHAP) are exact in log odds; they are turned into
        percentage points along the straight path from the baseline to the member's log odds
        (Aumann-Shapley), which keeps every sign and every proportion. So for each member
        ``100 * baseline + sum of points over all families = 100 * predict``.

        Returns:
            One row per member and reason: ``member_id``, ``rank`` (1 = strongest), ``family``,
            ``feature`` (the strongest of the family in the same direction), ``value`` (nan if the
            member has none), ``points`` (percentage points; positive raises the risk of churn).
        """
        names = list(self.feature_names)
        margins = self._contributions(features)
        start = self.slope * self._expected_margin + self.intercept
        end = self.slope * margins.sum(axis=1) + self.intercept
        points = 100 * self.slope * margins[:, :-1] * _mean_slope(start, end)[:, None]
        kinds = [rfm.family(name) for name in names]
        values = matrix(features, self.feature_names)
        parts = []
        for kind in dict.fromkeys(kinds):
            at = np.array([i for i, other in enumerate(kinds) if other == kind])
            total = points[:, at].sum(axis=1)
            aligned = points[:, at] * np.where(total < 0, -1.0, 1.0)[:, None]
            best = at[aligned.argmax(axis=1)]
            value = values[np.arange(len(values)), best]
            columns = {"family": kind, "feature": np.array(names)[best], "value": value, "points": total}
            parts.append(pd.DataFrame({"row": np.arange(len(values))} | columns))
        table = pd.concat(parts, ignore_index=True)
        table["strength"] = -table["points"].abs()
        table = table.sort_values(["row", "strength", "family"], ignore_index=True)
        table["rank"] = table.groupby("row").cumcount() + 1
        table["member_id"] = features.index.to_numpy()[table["row"]]
        if k is not None:
            table = table[table["rank"] <= k]
        return table[["member_id", "rank", "family", "feature", "value", "points"]].reset_index(drop=True)

    def save(self, path: Path) -> None:
        """Write one JSON file: no code in it, so that loading a model can run none."""
        weights = self.category_weights
        document = {
            "tag": TAG,
            "feature_names": list(self.feature_names),
            "boosters": [booster.model_to_string() for booster in self.boosters],
            "calibration": {"slope": self.slope, "intercept": self.intercept},
            "silence": {name: getattr(self.silence, name) for name in ("r", "alpha", "a", "b")},
            "category_weights": [weights["category"].tolist(), weights["weight"].tolist()],
            "horizon_days": self.horizon_days,
            "active_days": self.active_days,
            "trained_to": self.trained_to,
            "rows": self.rows,
            "base_rate": self.base_rate,
        }
        path.write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "ChurnModel":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file is of another kind or version.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("tag") != TAG:
            raise ValueError(f"{path.name} is {document.get('tag')!r}, not {TAG!r}")
        category, weight = document["category_weights"]
        return cls(
            feature_names=tuple(document["feature_names"]),
            boosters=tuple(lgb.Booster(model_str=text) for text in document["boosters"]),
            slope=document["calibration"]["slope"],
            intercept=document["calibration"]["intercept"],
            silence=bgnbd.BgNbd(**document["silence"]),
            category_weights=pd.DataFrame({"category": category, "weight": weight}),
            **{name: document[name] for name in ("horizon_days", "active_days", "trained_to", "rows", "base_rate")},
        )

    @cached_property
    def _expected_margin(self) -> float:
        nothing = pd.DataFrame(np.nan, index=[0], columns=list(self.feature_names))
        return float(self._contributions(nothing)[0, -1])

    def _contributions(self, features: pd.DataFrame) -> Floats:
        return contributions(self.boosters, matrix(features, self.feature_names))


def history(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """(x, t_x, T) of BG/NBD in days; several baskets on a day are one purchase."""
    tenure = frame["tenure_days"].to_numpy()
    return frame["visits"].to_numpy() - 1, tenure - frame["recency_days"].to_numpy(), tenure


def with_silence(frame: pd.DataFrame, silence: bgnbd.BgNbd, horizon_days: int) -> pd.DataFrame:
    """Add the BG/NBD columns. NumPy and not Ibis: log-gamma is not spelled alike by engines."""
    x, t_x, tenure = history(frame)
    return frame.assign(
        bg_none=silence.p_no_purchase(x, t_x, tenure, horizon_days),
        bg_alive=silence.p_alive(x, t_x, tenure),
    )


def with_traits(frame: pd.DataFrame, traits: pd.DataFrame | None) -> pd.DataFrame:
    """Add what is known of members besides their purchases (an age group, a place to live), indexed by member_id.

    Numbers stay one column ``trait_<name>``; anything else becomes a column ``trait_<name>=<level>`` of 0 and 1 per level,
    so that a model file holds names and no code book. A member without the trait has 0 everywhere, or no number.
    """
    if traits is None:
        return frame
    found: dict[str, pd.Series] = {}
    for name in traits.columns:
        column = traits[name].reindex(frame.index)
        if pd.api.types.is_numeric_dtype(column):
            found[f"trait_{quote(str(name))}"] = column.astype(np.float64)
            continue
        for level in sorted(column.dropna().astype(str).unique()):
            # LightGBM allows no punctuation of JSON in a name.
            found[f"trait_{quote(str(name))}={quote(level, safe='')}"] = (column.astype(str) == level).astype(np.float64)
    return frame.assign(**found)


def collect(table: ir.Table) -> pd.DataFrame:
    """Run the expression: float columns indexed by member_id."""
    return table.to_pyarrow().to_pandas().set_index("member_id").astype(np.float64)


def matrix(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Columns in the model's order; one that the caller does not have is missing, not an error."""
    result: Floats = frame.reindex(columns=list(names)).to_numpy(np.float64)
    return result


def margins(boosters: Sequence[lgb.Booster], matrix: Floats) -> Floats:
    """Mean log odds, shape (n,)."""
    total = np.zeros(len(matrix))
    if len(matrix):
        for booster in boosters:
            total += np.asarray(booster.predict(matrix, raw_score=True, num_threads=1)) / _divisor(booster)
    return total / len(boosters)


def contributions(boosters: Sequence[lgb.Booster], matrix: Floats) -> Floats:
    """Mean log-odds contributions, shape (n, features + 1); the last column is the expectation."""
    total = np.zeros((len(matrix), matrix.shape[1] + 1))
    if len(matrix):
        for booster in boosters:
            total += np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1)) / _divisor(booster)
    return total / len(boosters)


def _divisor(booster: lgb.Booster) -> int:
    """LightGBM gives a random forest's log odds as a sum over trees, though it means their mean."""
    return int(booster.num_trees()) if "[boosting: rf]" in booster.model_to_string(num_iteration=1) else 1


def _mean_slope(start: float, end: Floats) -> Floats:
    """Mean slope of the logistic curve between two log odds: rise over run, or the tangent."""
    run = end - start
    here = expit(start)
    near = np.abs(run) < 1e-6
    result: Floats = np.where(near, here * (1 - here), (expit(end) - here) / np.where(near, 1.0, run))
    return result
