"""Is the value model worth having? Side by side with the models of the textbooks, on open data.

The task (measures.md): CDNOW, everybody's first 39 weeks are known, the next 39 are asked: how many days with a purchase,
and what they are worth. Complete Journey asks the same of the coming 90 days, the horizon that is served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from linli.science import gammagamma, long_frame, rfm, value
from linli.science.bgnbd import Floats
from linli.science.churn_data import complete_journey_from_package
from linli.science.churn_model import collect, history
from linli.science.evaluate_churn import end_of_day

Row = dict[str, Any]

OURS, MEDIAN = "Linli, expected", "Linli, median"
RIVALS = ("same rate as so far", "BG/NBD", "Pareto/NBD")
REPLICATES = 1000
KNOWN_TO, ASKED_TO = "1997-09-30", "1998-06-30"
CDNOW_DAYS, SERVED_DAYS = 273, 90


@dataclass(frozen=True, slots=True)
class Judged:
    """What every model said of the same members, and what came: purchases and amounts (major units)."""

    name: str
    members: pd.Index
    happened: Floats
    worth: Floats
    purchases: dict[str, Floats]
    values: dict[str, Floats]
    inside: dict[str, npt.NDArray[np.bool_]]

    def of(self, name: str, which: npt.NDArray[np.bool_]) -> "Judged":
        """The same of some members."""
        purchases = {model: said[which] for model, said in self.purchases.items()}
        values = {model: said[which] for model, said in self.values.items()}
        inside = {what: held[which] for what, held in self.inside.items()}
        return Judged(name, self.members[which], self.happened[which], self.worth[which], purchases, values, inside)


def run(data_dir: Path | None, *, seed: int = 0) -> list[Row]:
    """The whole comparison; one row per data set and model. A missing file is a row that says so."""
    rows: list[Row] = []
    files = [data_dir / name for name in ("cdnow.parquet", "cdnow_sample_ids.parquet")] if data_dir else []
    if files and all(file.exists() for file in files):
        everybody = cdnow(pd.read_parquet(files[0]))
        tenth = pd.Index(pd.read_parquet(files[1])["customer_id"])
        alone = everybody[everybody["member_id"].isin(tenth)]
        moment = end_of_day(pd.Timestamp(KNOWN_TO))
        rows += compare(judge("CDNOW 1/10", alone, moment, CDNOW_DAYS, seed=seed), seed=seed)
        for one in learnt_from_all(everybody, tenth, moment, seed=seed):
            rows += compare(one, seed=seed)
    else:
        rows.append({"data": "CDNOW", "model": f"not measured: cdnow.parquet is not in {data_dir or 'LINLI_DATA (unset)'}"})
    journey = complete_journey_from_package()
    rows += compare(judge("Complete Journey, 90 d", journey.purchases, end_of_day(journey.test), SERVED_DAYS, seed=seed), seed=seed)
    return rows


def cdnow(sheet: pd.DataFrame) -> pd.DataFrame:
    """Baskets of the buyers of CDs of early 1997 (US cents)."""
    table = pd.DataFrame({
        "member_id": sheet["customer_id"],
        "at": pd.to_datetime(sheet["date"]),
        "basket_id": np.arange(len(sheet)),
        "amount_minor": (sheet["dollar_value"] * 100).round().astype("int64"),
        "items": sheet["quantity"].astype("int64"),
    })  # fmt: skip
    return table[table["at"] <= pd.Timestamp(ASKED_TO)]


def learnt_from_all(everybody: pd.DataFrame, tenth: pd.Index, moment: datetime, *, seed: int) -> list[Judged]:
    """Every model learns from all customers, as a shop would; judged are the published tenth and the others apart."""
    whole = judge("all", everybody, moment, CDNOW_DAYS, seed=seed)
    inside = whole.members.isin(tenth)
    return [whole.of("CDNOW 1/10, all learnt", inside), whole.of("CDNOW 9/10, all learnt", ~inside)]


def judge(name: str, purchases: pd.DataFrame, as_of: datetime, days: int, *, seed: int = 0) -> Judged:
    """Fit every model on what was known at ``as_of``; ask for the ``days`` after."""
    known = purchases[purchases["at"] <= as_of]
    frame = collect(rfm.features(known, as_of, active_days=None))
    x, t_x, T = history(frame)
    model = value.learn(known, as_of, horizon_days=days, seed=seed)
    ours = model.score(known, as_of).reindex(frame.index)
    came = long_frame.visits_after(purchases, as_of, as_of + pd.Timedelta(days=days)).reindex(frame.index).fillna(0)
    said = {
        "same rate as so far": x / np.maximum(T, 1) * days,
        # Both as fitted anew on these members: the published parameters come out of this very fit (tests/science).
        "BG/NBD": model.base.bg.expected_purchases(x, t_x, T, days),
        "Pareto/NBD": model.base.pareto.expected_purchases(x, t_x, T, days),
        OURS: ours["purchases"].to_numpy(),
        MEDIAN: ours["purchases_median"].to_numpy(),
    }
    happened, worth = came["visits"].to_numpy(np.float64), came["amount_minor"].to_numpy(np.float64) / 100
    amount = _textbook_amount(purchases[purchases["at"] <= as_of], frame)
    values = {rival: said[rival] * amount for rival in RIVALS} | {
        OURS: ours["value"].to_numpy() / 100,
        MEDIAN: ours["value_median"].to_numpy() / 100,
    }
    low, high = (ours[f"value_{side}"].to_numpy() / 100 for side in ("low", "high"))
    inside = {
        "purchases": ((happened >= ours["purchases_low"]) & (happened <= ours["purchases_high"])).to_numpy(),
        "value": (worth >= low) & (worth <= high),
    }
    return Judged(name, frame.index, happened, worth, said, values, inside)


def _textbook_amount(known: pd.DataFrame, frame: pd.DataFrame) -> Floats:
    """Gamma-gamma on repeat purchases, as the paper has it: what the rivals multiply their counts with."""
    day = known.assign(day=known["at"].dt.normalize()).groupby(["member_id", "day"], as_index=False)["amount_minor"].sum()
    first = day.groupby("member_id")["day"].transform("min")
    repeat = day[day["day"] > first].groupby("member_id")["amount_minor"].agg(["size", "mean"]).reindex(frame.index).fillna(0)
    n, mean = repeat["size"].to_numpy(np.float64), repeat["mean"].to_numpy(np.float64) / 100
    paid = mean > 0
    return gammagamma.fit(n[paid], mean[paid]).expected_amount(np.where(paid, n, 0), mean)


def compare(one: Judged, *, seed: int = 0, replicates: int = REPLICATES) -> list[Row]:
    """A row per model: errors and correlations of counts and money; ours with paired intervals against each rival."""
    rows = []
    weights = np.random.default_rng(seed).multinomial(len(one.happened), np.full(len(one.happened), 1 / len(one.happened)), replicates)
    for name, said in one.purchases.items():
        error = np.abs(said - one.happened)
        row: Row = {"data": one.name, "model": name, "n": len(said), "happened_mean": float(one.happened.mean())}
        row |= {"mae": float(error.mean()), "rmse": float(np.sqrt(((said - one.happened) ** 2).mean()))}
        row |= {"correlation": _correlation(said, one.happened), "total_error": float(said.sum() / one.happened.sum() - 1)}
        if name in one.values:
            row["value_mae"] = float(np.abs(one.values[name] - one.worth).mean())
            row["value_correlation"] = _correlation(one.values[name], one.worth)
        if name in (OURS, MEDIAN):
            for rival in ("BG/NBD", "Pareto/NBD"):
                change = weights @ (error - np.abs(one.purchases[rival] - one.happened)) / len(said)
                row[f"mae_gain_over_{rival}"] = -float((error - np.abs(one.purchases[rival] - one.happened)).mean())
                row[f"mae_gain_over_{rival}_95"] = [float(q) for q in -np.quantile(change, [0.975, 0.025])]
        if name == OURS:
            row |= {f"inside_80_{what}": float(held.mean()) for what, held in one.inside.items()}
        rows.append(row)
    return rows


def _correlation(said: Floats, happened: Floats) -> float:
    return float(np.corrcoef(said, happened)[0, 1])


def render(rows: Sequence[Row]) -> str:
    """A plain text table."""
    head = f"{'data':<24} {'model':<22} {'n':>6} {'MAE':>7} {'RMSE':>7} {'corr':>6} {'total':>7} {'MAE $':>8} {'corr $':>7}"
    lines = [head, "-" * len(head)]
    for row in rows:
        line = f"{row['data']:<24} {row['model']:<22}"
        if "mae" in row:
            line += f" {row['n']:>6} {row['mae']:>7.4f} {row['rmse']:>7.3f} {row['correlation']:>6.3f} {row['total_error']:>+7.1%}"
        if "value_mae" in row:
            line += f" {row['value_mae']:>8.2f} {row['value_correlation']:>7.3f}"
        lines.append(line.rstrip())
        for rival in ("BG/NBD", "Pareto/NBD"):
            if f"mae_gain_over_{rival}" in row:
                low, high = row[f"mae_gain_over_{rival}_95"]
                gain = row[f"mae_gain_over_{rival}"]
                lines.append(f"{'':<25}MAE smaller than {rival}'s by {gain:+.4f} (95 %: {low:+.4f} .. {high:+.4f})")
        if "inside_80_purchases" in row:
            inside = f"{row['inside_80_purchases']:.1%} of purchases, {row['inside_80_value']:.1%} of values"
            lines.append(f"{'':<25}the 80 % interval held {inside}")
    return "\n".join(lines)
