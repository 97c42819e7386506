"""What a member will buy in the coming weeks, and what it will be worth, with an interval.

Two exact models of buying and leaving, BG/NBD and Pareto/NBD, are averaged (geometrically); small Poisson trees, learnt
on the first part of the very history, say who is over- and who underrated, while the total stays that of the exact models.
Gamma-gamma says what a purchase is worth. Median and interval are those of Pareto/NBD's counts and gamma-gamma's sums, the
rate moved to the corrected expectation and the width to what the past held (``value_interval``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import lightgbm as lgb
import numpy as np
import pandas as pd

from linli.science import bgnbd, gammagamma, long_frame, paretonbd, rfm, value_interval
from linli.science.bgnbd import Floats
from linli.science.churn_model import Frame, collect, history, matrix
from linli.science.purchases import as_table
from linli.science.value_interval import Asked, Spread

TAG = "linli.value/2"
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
    spread: Spread = field(default_factory=Spread)

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
            ``value_low``, ``value_median``, ``value_high`` (80 % interval) in minor units, ``p_alive``.
        """
        return self.score_features(collect(rfm.worths(purchases, as_of)))

    def score_features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same from ``rfm.worths`` that the caller has already."""
        mean = self.expected(frame)
        asked = _asked(frame, mean, self.horizon_days)
        low, middle, high = value_interval.counts(self.base.pareto, asked, self.spread).T
        worth = value_interval.values(self.base.pareto, self.spend, asked, self.spread).T
        amount = self.spend.expected_amount(asked.n, asked.paid)
        columns = {
            "purchases": mean, "purchases_low": low, "purchases_median": middle, "purchases_high": high,
            "amount": amount, "value": mean * amount, "value_low": worth[0], "value_median": worth[1], "value_high": worth[2],
            "p_alive": self.base.pareto.p_alive(asked.x, asked.t_x, asked.T),
        }  # fmt: skip
        return pd.DataFrame(columns, index=frame.index)

    def expected(self, frame: pd.DataFrame) -> Floats:
        """Expected purchases in the horizon, shape (n,)."""
        inputs, start = _inputs(frame, self.base, self.horizon_days)
        if not self.trees or not len(frame):
            return np.asarray(np.exp(start))
        pushes = [tree.predict(matrix(inputs, INPUTS), raw_score=True, num_threads=1) for tree in self.trees]
        return np.asarray(np.exp(start + PUSH * np.mean(pushes, axis=0) - self.level))

    def plain(self) -> "ValueModel":
        """The exact models alone, without the trees: the baseline."""
        return replace(self, trees=(), level=0.0)

    def save(self, path: Path) -> None:
        """Write one JSON file: no code in it."""
        document = {
            "tag": TAG,
            "bg": {n: getattr(self.base.bg, n) for n in ("r", "alpha", "a", "b")},
            "pareto": {n: getattr(self.base.pareto, n) for n in ("r", "alpha", "s", "beta")},
            "spend": {n: getattr(self.spend, n) for n in ("p", "q", "gamma")},
            "trees": [tree.model_to_string() for tree in self.trees],
            "spread": asdict(self.spread),
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
            spread=Spread(**document["spread"]),
            **{n: document[n] for n in ("level", "horizon_days", "trained_to", "members")},
        )


def fit(frame: pd.DataFrame, *, as_of: datetime, horizon_days: int = 90, seed: int = 0) -> ValueModel:
    """Learn from the long frame (``docs/science.md``) up to ``as_of``, nothing later.

    Raises:
        ValueError: a column is missing, or nothing was bought by ``as_of``.
    """
    purchases, _ = long_frame.baskets(frame, as_of)
    return learn(purchases, as_of, horizon_days=horizon_days, seed=seed)


def learn(purchases: Frame, as_of: datetime, *, horizon_days: int = 90, seed: int = 0, prior: bool = False) -> ValueModel:
    """``fit`` from the baskets of ``linli.science.purchases``, as a frame or a table of any engine.

    ``prior``: start from what is usual in grocery, which two weeks of data hardly move and half a year outweighs.
    """
    table = as_table(purchases)
    known = table.filter(table.at <= ibis.literal(as_of))
    frame = collect(rfm.worths(known, as_of))
    if not len(frame):
        raise ValueError(f"nothing was bought by {as_of}")
    paid = frame[frame["monetary"] > 0]
    models = base(frame, seed=seed, prior=prior)
    spend = gammagamma.fit(paid["visits"], paid["monetary"], prior=prior)
    looks = _looks(known, as_of, horizon_days, models, seed, prior) if len(frame) * len(LOOKS) >= LEAST_ROWS else []
    model = ValueModel(
        base=models,
        spend=spend,
        trees=_correction(looks, seed),
        level=0.0,
        horizon_days=horizon_days,
        trained_to=as_of.isoformat(),
        members=len(frame),
        spread=_spread(looks[0], spend, seed) if looks else Spread(),
    )
    # The trees say who buys more than whom; how much all of them buy is left to the exact models, which know the horizon.
    moved, usual = model.expected(frame).sum(), np.exp(_inputs(frame, models, horizon_days)[1]).sum()
    return replace(model, level=float(np.log(moved / usual)))


def base(frame: pd.DataFrame, *, seed: int = 0, near: Base | None = None, prior: bool = False) -> Base:
    """Both models fitted on the histories of ``rfm.worths``, looking ``near`` a later fit of the same shop or from the prior."""
    if len(frame) > MOST_FITTED:
        frame = frame.sample(MOST_FITTED, random_state=seed)
    x, t_x, T = history(frame)
    usual = (bgnbd.GROCERY_PRIOR, paretonbd.GROCERY_PRIOR) if prior else (None, None)
    where = (near.bg, near.pareto) if near else (None, None)
    return Base(bgnbd.fit(x, t_x, T, near=where[0], prior=usual[0]), paretonbd.fit(x, t_x, T, near=where[1], prior=usual[1]))


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


def _asked(frame: pd.DataFrame, mean: Floats, horizon_days: float) -> Asked:
    """What the intervals need of each member of ``rfm.worths``."""
    paid = frame["monetary"].to_numpy(np.float64)
    n = np.where(paid > 0, frame["visits"].to_numpy(np.float64), 0.0)
    return Asked(*history(frame), mean, n, np.maximum(np.nan_to_num(paid), 0.0), horizon_days)


@dataclass(frozen=True)
class _Look:
    """The history as of an earlier cutoff, both models as fitted then, and what the ``days`` after brought each member."""

    frame: pd.DataFrame
    models: Base
    came: pd.DataFrame
    days: int


def _looks(known: ir.Table, as_of: datetime, horizon_days: int, models: Base, seed: int, prior: bool) -> list[_Look]:
    """Cutoffs in the second half of the history, the one farthest back first; none in a history too short to ask."""
    first = pd.Timestamp(known.at.min().to_pandas())
    reach = min(float(horizon_days), (pd.Timestamp(as_of) - first).days / 2)
    if reach < LEAST_REACH_DAYS:
        return []
    found = []
    for share in LOOKS:
        # Whole days back, so that every look ends with a day as ``as_of`` does.
        days = round(reach * share)
        cutoff = as_of - timedelta(days=days)
        frame = collect(rfm.worths(known, cutoff))
        if len(frame):
            # Fitted anew on what was known then; the later fit only says where to look.
            then = base(frame, seed=seed, near=models, prior=prior)
            came = long_frame.visits_after(known, cutoff, as_of).reindex(frame.index).fillna(0)
            found.append(_Look(frame, then, came, days))
    return found


def _spread(look: _Look, spend: gammagamma.GammaGamma, seed: int) -> Spread:
    """How wide the intervals must be to hold what came after that look."""
    asked = _asked(look.frame, np.exp(_inputs(look.frame, look.models, look.days)[1]), look.days)
    happened, worth = (look.came[c].to_numpy(np.float64) for c in ("visits", "amount_minor"))
    return value_interval.learn(look.models.pareto, spend, asked, happened, worth, seed=seed)


def _correction(looks: Sequence[_Look], seed: int) -> tuple[lgb.Booster, ...]:
    """Trees that correct the expectation, learnt at the looks; none if they do not help.

    Whether they help is asked of a third of the members, whom the asked trees have not seen.
    """
    parts, starts, counts = [], [], []
    for look in looks:
        inputs, start = _inputs(look.frame, look.models, look.days)
        parts.append(inputs.reindex(columns=list(INPUTS)))
        starts.append(start)
        counts.append(look.came["visits"].to_numpy(np.float64))
    if sum(map(len, parts)) < LEAST_ROWS:
        return ()
    data, start, count = pd.concat(parts), np.concatenate(starts), np.concatenate(counts)
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
