"""What a member will buy in the coming weeks, and what it will be worth, with an interval.

Two exact models of buying and leaving, BG/NBD and Pareto/NBD, are averaged (geometrically); small Poisson trees, learnt
on the first part of the very history, say who is over- and who underrated, while the total stays that of the exact models.
Gamma-gamma says what a purchase is worth. The interval is Pareto/NBD's own distribution of counts, its rate moved to the
corrected expectation.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import lightgbm as lgb
import numpy as np
import pandas as pd

from linli.science import bgnbd, gammagamma, long_frame, paretonbd, rfm
from linli.science.bgnbd import Floats
from linli.science.churn_model import Frame, collect, history, matrix
from linli.science.purchases import as_table

TAG = "linli.value/1"
SHARES = (0.1, 0.5, 0.9)
"""The interval holds four of five members."""
INPUTS = ("x", "recency_share", "recency_per_max", "gap_cv", "monetary", "first_amount", "basket_items", "bg_log", "pareto_log")
TREES = {
    "objective": "poisson", "num_leaves": 4, "learning_rate": 0.03, "min_data_in_leaf": 100, "feature_fraction": 0.5,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 10.0, "verbosity": -1, "num_threads": 1, "deterministic": True,
    "force_col_wise": True,
}  # fmt: skip
ROUNDS, BAGS = 200, 3
PUSH = 0.5
"""How much of the trees' correction is believed: they learnt on shorter histories than they are asked about."""
LOOKS = (1.0, 0.85, 0.7)
"""Cutoffs to learn the correction at, as shares of the reach back."""
LEAST_ROWS, LEAST_REACH_DAYS = 500, 14
MOST_FITTED = 10_000
"""The two models are fitted on no more members than this, drawn at random: four numbers need no million."""


@dataclass(frozen=True)
class Base:
    """Both models of buying and leaving, in days, as fitted at one moment."""

    bg: bgnbd.BgNbd
    pareto: paretonbd.ParetoNbd

    def expected(self, frame: pd.DataFrame, horizon_days: float) -> tuple[Floats, Floats]:
        """Expected purchases of each, shape (n,), never quite 0."""
        x, t_x, T = history(frame)
        found = (model.expected_purchases(x, t_x, T, horizon_days) for model in (self.bg, self.pareto))
        first, second = (np.maximum(np.nan_to_num(f, nan=0.0), 1e-9) for f in found)
        return first, second


@dataclass(frozen=True)
class ValueModel:
    """A fitted model: all that ``predict`` needs besides the member's own facts."""

    base: Base
    spend: gammagamma.GammaGamma
    trees: tuple[lgb.Booster, ...]
    level: float
    horizon_days: int
    trained_to: str
    members: int

    def predict(self, frame: pd.DataFrame, *, as_of: datetime) -> pd.DataFrame:
        """One row per member of the long frame (``docs/science.md``) who bought by ``as_of``: see ``score``.

        Amounts are in the frame's own unit.
        """
        purchases, _ = long_frame.baskets(frame, as_of)
        found = self.score(purchases, as_of)
        money = [c for c in found.columns if c.startswith(("value", "amount"))]
        found[money] = found[money] / 100
        return found.reset_index(names="member")

    def score(self, purchases: Frame, as_of: datetime) -> pd.DataFrame:
        """What the ``horizon_days`` after ``as_of`` will bring, one row per member who ever bought, indexed by member_id.

        Returns:
            ``purchases`` (expected number of days with a purchase), ``purchases_low``, ``purchases_median``,
            ``purchases_high`` (80 % interval), ``amount`` (expected amount of one), ``value`` = purchases x amount,
            ``value_low``, ``value_high`` (the interval of purchases at the expected amount) in minor units, ``p_alive``.
        """
        return self.score_features(collect(rfm.features(purchases, as_of, active_days=None)))

    def score_features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same from ``rfm.features`` that the caller has already."""
        mean = self.expected(frame)
        x, t_x, T = history(frame)
        low, middle, high = self.base.pareto.counts_at(x, t_x, T, self.horizon_days, shares=SHARES, mean=mean).T
        paid = frame["monetary"].to_numpy()
        amount = self.spend.expected_amount(np.where(paid > 0, frame["visits"], 0.0), np.maximum(paid, 0.0))
        columns = {
            "purchases": mean, "purchases_low": low, "purchases_median": middle, "purchases_high": high,
            "amount": amount, "value": mean * amount, "value_low": low * amount, "value_high": high * amount,
            "p_alive": self.base.pareto.p_alive(x, t_x, T),
        }  # fmt: skip
        return pd.DataFrame(columns, index=frame.index)

    def expected(self, frame: pd.DataFrame) -> Floats:
        """Expected purchases in the horizon, shape (n,)."""
        inputs, start = _inputs(frame, self.base, self.horizon_days)
        if not self.trees or not len(frame):
            return np.asarray(np.exp(start))
        pushes = [tree.predict(matrix(inputs, INPUTS), raw_score=True, num_threads=1) for tree in self.trees]
        return np.asarray(np.exp(start + PUSH * np.mean(pushes, axis=0) - self.level))

    def save(self, path: Path) -> None:
        """Write one JSON file: no code in it."""
        document = {
            "tag": TAG,
            "bg": {n: getattr(self.base.bg, n) for n in ("r", "alpha", "a", "b")},
            "pareto": {n: getattr(self.base.pareto, n) for n in ("r", "alpha", "s", "beta")},
            "spend": {n: getattr(self.spend, n) for n in ("p", "q", "gamma")},
            "trees": [tree.model_to_string() for tree in self.trees],
        } | {n: getattr(self, n) for n in ("level", "horizon_days", "trained_to", "members")}
        path.write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "ValueModel":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file is of another kind or version.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("tag") != TAG:
            raise ValueError(f"{path.name} is {document.get('tag')!r}, not {TAG!r}")
        return cls(
            base=Base(bgnbd.BgNbd(**document["bg"]), paretonbd.ParetoNbd(**document["pareto"])),
            spend=gammagamma.GammaGamma(**document["spend"]),
            trees=tuple(lgb.Booster(model_str=text) for text in document["trees"]),
            **{n: document[n] for n in ("level", "horizon_days", "trained_to", "members")},
        )


def fit(frame: pd.DataFrame, *, as_of: datetime, horizon_days: int = 90, seed: int = 0) -> ValueModel:
    """Learn from the long frame (``docs/science.md``) up to ``as_of``, nothing later.

    Raises:
        ValueError: a column is missing, or nothing was bought by ``as_of``.
    """
    purchases, _ = long_frame.baskets(frame, as_of)
    return learn(purchases, as_of, horizon_days=horizon_days, seed=seed)


def learn(purchases: Frame, as_of: datetime, *, horizon_days: int = 90, seed: int = 0) -> ValueModel:
    """``fit`` from the baskets of ``linli.science.purchases``, as a frame or a table of any engine."""
    table = as_table(purchases)
    known = table.filter(table.at <= ibis.literal(as_of))
    frame = collect(rfm.features(known, as_of, active_days=None))
    if not len(frame):
        raise ValueError(f"nothing was bought by {as_of}")
    paid = frame[frame["monetary"] > 0]
    models = base(frame, seed=seed)
    model = ValueModel(
        base=models,
        spend=gammagamma.fit(paid["visits"], paid["monetary"]),
        trees=_correction(known, as_of, horizon_days, models, seed),
        level=0.0,
        horizon_days=horizon_days,
        trained_to=as_of.isoformat(),
        members=len(frame),
    )
    # The trees say who buys more than whom; how much all of them buy is left to the exact models, which know the horizon.
    moved, usual = model.expected(frame).sum(), np.exp(_inputs(frame, models, horizon_days)[1]).sum()
    return replace(model, level=float(np.log(moved / usual)))


def base(frame: pd.DataFrame, *, seed: int = 0, near: Base | None = None) -> Base:
    """Both models fitted on the histories of ``rfm.features``, looking ``near`` an earlier fit of the same shop."""
    if len(frame) > MOST_FITTED:
        frame = frame.sample(MOST_FITTED, random_state=seed)
    x, t_x, T = history(frame)
    if near is None:
        return Base(bgnbd.fit(x, t_x, T), paretonbd.fit(x, t_x, T))
    return Base(bgnbd.fit(x, t_x, T, near=near.bg), paretonbd.fit(x, t_x, T, near=near.pareto))


def _inputs(frame: pd.DataFrame, models: Base, horizon_days: float) -> tuple[pd.DataFrame, Floats]:
    """What the trees see, and the log expectation they start from."""
    first, second = models.expected(frame, horizon_days)
    inputs = frame.assign(
        x=frame["visits"] - 1,
        recency_share=frame["recency_days"] / frame["tenure_days"].clip(lower=1),
        gap_cv=frame["gap_sd"] / frame["gap_mean"],
        bg_log=np.log(first / horizon_days),
        pareto_log=np.log(second / horizon_days),
    )
    return inputs, (np.log(first) + np.log(second)) / 2


def _correction(known: ir.Table, as_of: datetime, horizon_days: int, models: Base, seed: int) -> tuple[lgb.Booster, ...]:
    """Trees that correct the expectation, learnt at cutoffs in the second half of the history; none if they do not help.

    Whether they help is asked of a third of the members, whom the asked trees have not seen.
    """
    first = pd.Timestamp(known.at.min().to_pandas())
    reach = min(float(horizon_days), (pd.Timestamp(as_of) - first).days / 2)
    if reach < LEAST_REACH_DAYS:
        return ()
    parts, starts, counts = [], [], []
    for share in LOOKS:
        # Whole days back, so that every look ends with a day as ``as_of`` does.
        days = round(reach * share)
        cutoff = as_of - timedelta(days=days)
        frame = collect(rfm.features(known, cutoff, active_days=None))
        # Fitted anew on what was known then; the later fit only says where to look.
        inputs, start = _inputs(frame, base(frame, seed=seed, near=models), days)
        parts.append(inputs.reindex(columns=list(INPUTS)))
        starts.append(start)
        counts.append(long_frame.visits_after(known, cutoff, as_of)["visits"].reindex(frame.index).fillna(0).to_numpy(np.float64))
    data, start, count = pd.concat(parts), np.concatenate(starts), np.concatenate(counts)
    if len(data) < LEAST_ROWS:
        return ()
    codes, members = pd.factorize(data.index, sort=True)
    asked = (np.random.default_rng(seed).random(len(members)) < 1 / 3)[codes]
    x = matrix(data, INPUTS)
    tried = _grow(x[~asked], count[~asked], start[~asked], seed)
    moved = start[asked] + np.asarray(tried.predict(x[asked], raw_score=True, num_threads=1))
    if _deviance(count[asked], moved) >= _deviance(count[asked], start[asked]):
        return ()
    return tuple(_grow(x, count, start, seed * BAGS + bag) for bag in range(BAGS))


def _grow(x: Floats, count: Floats, start: Floats, seed: int) -> lgb.Booster:
    data = lgb.Dataset(x, count, init_score=start, feature_name=list(INPUTS), params={"verbosity": -1})
    return lgb.train(TREES | {"seed": seed + 1}, data, ROUNDS)


def _deviance(count: Floats, log_mean: Floats) -> float:
    """Poisson deviance up to what does not depend on the mean."""
    return float(np.mean(np.exp(log_mean) - count * log_mean))
