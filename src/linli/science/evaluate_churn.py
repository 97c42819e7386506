"""Is the churn model worth having? Side by side with what anybody could do, on open data.

The task (measures.md): members with a purchase in the 90 days up to T; label 1 = no purchase in
the 45 days after T. Learn on cutoffs whose label windows end on or before the test cutoff, judge
on the test cutoff. A cutoff day belongs to the past whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from linli.science import bgnbd, churn
from linli.science.churn_data import DataSet, complete_journey_from_package, online_retail, ta_feng

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

HORIZON_DAYS = 45
REPLICATES = 1000
RFM_BASELINE = ("recency", "frequency", "monetary", "tenure")
OURS, RIVAL = "linli churn", "LightGBM on RFM"
FILES = {"online_retail_2009_2010.parquet": online_retail, "tafeng.parquet": ta_feng}


@dataclass(frozen=True, slots=True)
class Judged:
    """Labels of one test cutoff and the score of every model, in the same order of members."""

    name: str
    label: npt.NDArray[np.int64]
    scores: dict[str, Floats]


def run(data_dir: Path | None, *, fuel_visits: bool = True, seed: int = 0) -> list[Row]:
    """The whole comparison; one row per data set and model, then the pooled differences.

    Args:
        data_dir: folder with the two Parquet files of ``FILES``. A missing file is a row that
            says so.
        fuel_visits: False leaves baskets of nothing but fuel or returns out altogether.
    """
    sets = [complete_journey_from_package(fuel_visits=fuel_visits)]
    missing: list[Row] = []
    for file, load in FILES.items():
        path = data_dir / file if data_dir else None
        if path is not None and path.exists():
            sets.append(load(pd.read_parquet(path)))
        else:
            missing.append({"data": file, "model": f"not measured: {file} is not in {data_dir or 'LINLI_DATA (unset)'}"})
    judged = [judge(data, seed=seed) for data in sets]
    return compare_all(judged, seed=seed) + missing


def judge(data: DataSet, *, seed: int = 0) -> Judged:
    """Fit every model on the training cutoffs of ``data`` and score its test cutoff."""
    test = rfm_table(data.purchases, data.test, data.active_days)
    model = churn.learn(
        data.purchases,
        data.lines,
        [end_of_day(day) for day in data.train_dense],
        horizon_days=HORIZON_DAYS,
        active_days=data.active_days,
        seed=seed,
        traits=data.traits,
    )
    features = model.features(data.purchases, end_of_day(data.test), lines=data.lines, traits=data.traits)
    ours = model.predict(features).reindex(test.index)
    if ours.isna().any():
        raise AssertionError("the features and the task disagree on who is at risk")
    train = pd.concat([rfm_table(data.purchases, day, data.active_days) for day in data.train])
    rival = lgb.LGBMClassifier(n_estimators=100, learning_rate=0.05, num_leaves=7, n_jobs=1, verbose=-1, random_state=seed)
    columns = list(RFM_BASELINE)
    rival.fit(train[columns], train["label"])
    scores = {
        "recency": test["recency"].to_numpy(np.float64),
        "BG/NBD exact": test["silence"].to_numpy(np.float64),
        RIVAL: np.asarray(rival.predict_proba(test[columns]))[:, 1],
        OURS: ours.to_numpy(np.float64),
    }
    return Judged(data.name, test["label"].to_numpy(np.int64), scores)


def rfm_table(purchases: pd.DataFrame, day: datetime, active_days: int | None) -> pd.DataFrame:
    """What the rivals get: R, F, M, tenure and BG/NBD as of the end of ``day``, with the label.

    Plain pandas on purpose: it shares no code with the features under test.
    """
    moment = end_of_day(day)
    past = purchases[purchases["at"] <= moment]
    back = (moment - past["at"]).dt.days
    grouped = past.assign(back=back).groupby("member_id")
    table = pd.DataFrame(
        {
            "recency": grouped["back"].min(),
            "frequency": grouped.size(),
            "monetary": grouped["amount_minor"].sum(),
            "tenure": grouped["back"].max(),
            "days": grouped["back"].nunique(),
        }
    )
    x, t_x, tenure = table["days"] - 1, table["tenure"] - table["recency"], table["tenure"]
    table["silence"] = bgnbd.fit(x, t_x, tenure).p_no_purchase(x, t_x, tenure, HORIZON_DAYS)
    ahead = purchases[(purchases["at"] > moment) & (purchases["at"] <= moment + pd.Timedelta(days=HORIZON_DAYS))]
    table["label"] = (~table.index.isin(ahead["member_id"])).astype(np.int64)
    return table if active_days is None else table[table["recency"] < active_days]


def compare_all(judged: Sequence[Judged], *, seed: int = 0, replicates: int = REPLICATES) -> list[Row]:
    """Rows per data set and model, and the difference ours - rival pooled over the data sets."""
    rows: list[Row] = []
    differences: dict[str, list[Floats]] = {"roc_auc": [], "average_precision": []}
    points: dict[str, list[float]] = {"roc_auc": [], "average_precision": []}
    for one in judged:
        draws = {name: bootstrap(one.label, score, seed=seed, replicates=replicates) for name, score in one.scores.items()}
        for name, score in one.scores.items():
            probabilities = name != "recency"
            row: Row = {"data": one.name, "model": name} | measures(one.label, score, probabilities=probabilities)
            row |= {f"{m}_se": float(draws[name][m].std()) for m in differences}
            if name == OURS:
                for m in differences:
                    change = draws[OURS][m] - draws[RIVAL][m]
                    point = row[m] - measures(one.label, one.scores[RIVAL])[m]
                    row[f"{m}_gain"], row[f"{m}_gain_95"] = point, _interval(change)
                    differences[m].append(change)
                    points[m].append(point)
            rows.append(row)
    if len(judged) > 1:
        pooled: Row = {"data": f"mean of {len(judged)} data sets", "model": f"{OURS} - {RIVAL}"}
        for m in differences:
            pooled[f"{m}_gain"] = float(np.mean(points[m]))
            pooled[f"{m}_gain_95"] = _interval(np.mean(differences[m], axis=0))
        rows.append(pooled)
    return rows


def measures(label: npt.NDArray[np.int64], score: Floats, *, probabilities: bool = True) -> Row:
    """ROC AUC, average precision, precision of the top tenth, expected calibration error."""
    auc, precision = ranking(label, score, np.ones((1, len(label))))
    tenth = np.argsort(-score, kind="stable")[: max(1, round(len(label) / 10))]
    return {
        "n": len(label),
        "base_rate": float(label.mean()),
        "roc_auc": float(auc[0]),
        "average_precision": float(precision[0]),
        "top_10_precision": float(label[tenth].mean()),
        "ece": calibration_error(label, score) if probabilities else None,
    }


def ranking(label: npt.NDArray[np.int64], score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """ROC AUC and average precision under each row of ``weight`` (replicates, n); ties share a step."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    weight = weight[:, order]
    hits = np.cumsum(weight * label[order], axis=1)[:, ends]
    misses = np.cumsum(weight * (1 - label[order]), axis=1)[:, ends]
    steps = np.diff(hits, axis=1, prepend=0.0)
    width = np.diff(misses, axis=1, prepend=0.0)
    area = (width * (hits - steps / 2)).sum(axis=1) / (hits[:, -1] * misses[:, -1])
    flagged = hits + misses
    precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
    return area, (steps * precision).sum(axis=1) / hits[:, -1]


def calibration_error(label: npt.NDArray[np.int64], probability: Floats, bins: int = 10) -> float:
    """Mean absolute gap between promised and seen over equal-count bins (ECE)."""
    parts = np.array_split(np.argsort(probability, kind="stable"), bins)
    gaps = [abs(probability[i].mean() - label[i].mean()) * len(i) for i in parts if len(i)]
    return float(sum(gaps) / len(label))


def bootstrap(label: npt.NDArray[np.int64], score: Floats, *, seed: int, replicates: int = REPLICATES) -> dict[str, Floats]:
    """Replicates of both ranking measures; the same seed draws the same members for every model."""
    rng = np.random.default_rng(seed)
    n = len(label)
    auc, precision = [], []
    for _ in range(replicates):
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        one, two = ranking(label, score, weight[None, :])
        auc.append(one[0])
        precision.append(two[0])
    return {"roc_auc": np.array(auc), "average_precision": np.array(precision)}


def render(rows: Sequence[Row]) -> str:
    """A plain text table."""
    head = f"{'data':<26} {'model':<30} {'n':>6} {'base':>6} {'ROC AUC':>13} {'PR AUC':>13} {'top 10%':>8} {'ECE':>6}"
    lines = [head, "-" * len(head)]
    for row in rows:
        line = f"{row['data']:<26} {row['model']:<30}"
        if "roc_auc" in row:
            ece = "-" if row["ece"] is None else f"{row['ece']:.3f}"
            line += f" {row['n']:>6} {row['base_rate']:>6.3f} {row['roc_auc']:>6.3f} ±{row['roc_auc_se']:.3f}"
            line += f" {row['average_precision']:>6.3f} ±{row['average_precision_se']:.3f} {row['top_10_precision']:>8.3f} {ece:>6}"
        lines.append(line.rstrip())
        for name, words in (("roc_auc", "ROC AUC"), ("average_precision", "PR AUC")):
            if f"{name}_gain" in row:
                low, high = row[f"{name}_gain_95"]
                lines.append(f"{'':<27}{words} {row[f'{name}_gain']:+.3f} against {RIVAL} (95 %: {low:+.3f} .. {high:+.3f})")
    return "\n".join(lines)


def end_of_day(day: datetime) -> pd.Timestamp:
    """The last microsecond of a day: facts of the cutoff day count as known."""
    return pd.Timestamp(day) + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
