"""Is the demand model worth having? Side by side with what anybody could do, on open data.

The tasks (measures.md): FreshRetailNet, the last 7 and the last 14 days held back whole, judged on
days in stock; Complete Journey, one week ahead for weeks 41 to 52, of the 100 categories and the
500 products that sold most to week 40. The model is fitted once, on what lies before.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from linli.science import demand, demand_data, poisson_floor
from linli.science.demand_model import LEVELS
from linli.science.demand_panel import Floats, panel

Row = dict[str, Any]
FRESH = "freshretailnet_sample.parquet"
OURS = "linli demand"
BUCKETS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, np.inf)
FIRST_WEEK, LAST_WEEK = 41, 52
SMOOTHING = np.linspace(0.05, 0.95, 19)


def run(data_dir: Path | None, *, seed: int = 0) -> list[Row]:
    """The whole comparison; a row per data set and model, one per rate bucket, one per driver, one per level reconciled."""
    rows = []
    path = data_dir / FRESH if data_dir else None
    if path is not None and path.exists():
        sales = demand_data.fresh_retail(pd.read_parquet(path))
        for held in (7, 14):
            rows += fresh(sales, held, seed=seed)
    else:
        rows.append({"data": FRESH, "model": f"not measured: {FRESH} is not in {data_dir or 'LINLI_DATA (unset)'}"})
    for column, number in (("product_category", 100), ("product_id", 500)):
        rows += weekly(demand_data.complete_journey(column, number, FIRST_WEEK - 1), f"Complete Journey, {number} {column}", seed=seed)
    return rows


def fresh(sales: pd.DataFrame, held: int, *, seed: int, max_rows: int = 150_000) -> list[Row]:
    """The last ``held`` days of ``sales``, unseen. Rivals: lag-7, 7-day mean, LightGBM on plain lags."""
    name = f"FreshRetailNet, last {held} days"
    last = sales["day"].max()
    as_of = (last - pd.Timedelta(days=held)).date()
    at = panel(sales, as_of, held)
    model = demand.fit_panel(at, held, max_rows=max_rows, seed=seed)
    coming = demand.predict_panel(model, at)
    judged = coming.merge(sales[["place", "sku", "day", "quantity", "available"]], on=["place", "sku", "day"])
    past = at.quantity
    lag = np.tile(past[:, -7:], (1, held // 7)).T.ravel()
    judged["lag-7"], judged["7-day mean"] = lag, np.tile(past[:, -7:].mean(axis=1), held)
    judged["LightGBM alone"] = plain_lightgbm(sales, as_of, held, max_rows=max_rows, seed=seed)
    judged[OURS] = judged["mean"]
    in_stock = judged["available"] > demand.IN_STOCK
    part = judged[in_stock]
    rate = pd.Series(past[:, -28:].mean(axis=1)).loc[np.tile(np.arange(at.series), held)[in_stock.to_numpy()]].to_numpy()
    rows = [{"data": name, "model": m} | errors(part[m], part["quantity"]) for m in ("lag-7", "7-day mean", "LightGBM alone", OURS)]
    rows[-1] |= coverage(part)
    rows += buckets(name, part, rate, ("7-day mean", "LightGBM alone", OURS), floor=False)
    rows += explained(name, model, at)
    return rows + (summed(name, sales, judged, model.horizon) if held == 7 else [])


def weekly(sales: pd.DataFrame, name: str, *, seed: int) -> list[Row]:
    """One week ahead, weeks 41 to 52, fitted once at week 40. Rivals: mean of four weeks, SES (its constant from weeks to 40)."""
    week = {w: sales.loc[sales["week"] == w, "day"].iloc[0] for w in range(1, LAST_WEEK + 1)}
    model = demand.fit(sales, week[FIRST_WEEK - 1], horizon=1, country="US", weekly=True, seed=seed)
    coming = [demand.predict(model, sales, week[w - 1]).assign(week=w) for w in range(FIRST_WEEK, LAST_WEEK + 1)]
    table = sales.pivot(index="sku", columns="week", values="quantity")
    judged = pd.concat(coming).merge(sales[["sku", "week", "quantity"]], on=["sku", "week"])
    units = table.to_numpy(np.float64)
    four = {w: units[:, w - 5 : w - 1].mean(axis=1) for w in range(FIRST_WEEK, LAST_WEEK + 1)}
    smooth = ses(units, FIRST_WEEK - 1)
    at = table.index.get_indexer(judged["sku"])
    of = judged["week"].to_numpy(np.int64)
    judged["MA4"] = np.array([four[w][i] for w, i in zip(of, at, strict=True)])
    judged["SES"] = smooth[at, of - 1]
    judged[OURS] = judged["q50"]
    rows = [{"data": name, "model": m} | errors(judged[m], judged["quantity"]) for m in ("MA4", "SES", OURS)]
    rows[-1] |= coverage(judged) | {"note": "median"}
    rows.append({"data": name, "model": f"{OURS}, mean"} | errors(judged["mean"], judged["quantity"]))
    return rows + buckets(name, judged, units[at, FIRST_WEEK - 9 : FIRST_WEEK - 1].mean(axis=1), ("MA4", OURS), floor=True)


def ses(units: Floats, until: int) -> Floats:
    """One-step simple exponential smoothing, (series, periods); one constant for all, least absolute error to ``until``."""

    def smooth(alpha: float) -> Floats:
        result, level = np.zeros_like(units), units[:, 0].copy()
        for t in range(1, units.shape[1]):
            result[:, t] = level
            level = alpha * units[:, t] + (1 - alpha) * level
        return result

    def missed(alpha: float) -> float:
        return float(np.abs(smooth(alpha)[:, 4:until] - units[:, 4:until]).sum())

    return smooth(min(SMOOTHING, key=missed))


def plain_lightgbm(sales: pd.DataFrame, as_of: date, held: int, *, max_rows: int, seed: int) -> Floats:
    """LightGBM alone: lags, means, weekday, price, promotion and weather, on days in stock; nothing else of ours.

    Plain pandas and NumPy on purpose: it shares no features with the model under test.
    """
    wide = {
        c: sales.pivot(index=["place", "sku"], columns="day", values=c)
        for c in ("quantity", "available", "price", "promoted", "temperature", "rain")
    }
    days = wide["quantity"].columns
    end = int(np.searchsorted(days.to_numpy(), np.datetime64(as_of))) + 1
    values = {c: t.to_numpy(np.float64) for c, t in wide.items()}
    index = wide["quantity"].index.to_frame()

    def features(cut: int, h: int) -> Floats:
        past = values["quantity"][:, :cut]
        columns = [past[:, -k] for k in range(1, 8)] + [past[:, -k:].mean(axis=1) for k in (7, 14, 28)]
        columns += [values[c][:, cut + h - 1] for c in ("price", "promoted", "temperature", "rain")]
        columns += [
            np.full(len(past), days[cut + h - 1].weekday()),
            np.full(len(past), h),
            index["sku"].to_numpy(),
            index["place"].to_numpy(),
        ]
        return np.column_stack(columns)

    rng = np.random.default_rng(seed)
    cuts = np.unique(np.linspace(28, end - held, 9).round().astype(int))
    pairs = [(int(cut), h) for cut in cuts for h in range(1, held + 1)]
    share = max_rows / (len(pairs) * len(index))
    x, y = [], []
    for cut, h in pairs:
        of = (values["available"][:, cut + h - 1] > demand.IN_STOCK) & (rng.random(len(index)) < share * 1.7)
        x.append(features(cut, h)[of])
        y.append(values["quantity"][of, cut + h - 1])
    params = {
        "objective": "tweedie",
        "num_leaves": 63,
        "learning_rate": 0.05,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "max_bin": 63,
    }
    model = lgb.train(params, lgb.Dataset(np.concatenate(x), np.concatenate(y)), 150)
    return np.concatenate([np.asarray(model.predict(features(end, h), num_threads=1)) for h in range(1, held + 1)])


def errors(forecast: pd.Series, sold: pd.Series) -> Row:
    """n, WAPE = sum |forecast - sold| / sum sold, WPE = sum (forecast - sold) / sum sold."""
    missed, total = forecast.to_numpy() - sold.to_numpy(), float(sold.sum())
    return {"n": len(sold), "wape": float(np.abs(missed).sum() / total), "wpe": float(missed.sum() / total)}


def coverage(judged: pd.DataFrame) -> Row:
    """Share of sales under each quantile, less its level, in points; half of the ties count as under."""
    sold = judged["quantity"].to_numpy()
    gaps = {}
    for tau in LEVELS:
        quantile = judged[f"q{round(100 * tau):02d}"].to_numpy()
        gaps[f"{tau:.1f}"] = 100 * float((sold < quantile).mean() + 0.5 * (sold == quantile).mean() - tau)
    inside = (sold >= judged["q10"]) & (sold <= judged["q90"])
    return {"quantile_gaps": gaps, "worst_gap": max(map(abs, gaps.values())), "inside_80": float(inside.mean())}


def buckets(name: str, judged: pd.DataFrame, rate: Floats, models: Sequence[str], *, floor: bool) -> list[Row]:
    """WAPE by recent rate (units a period, before as-of), beside what a Poisson forecaster could not get under."""
    rows = []
    code = np.searchsorted(BUCKETS, rate, side="right") - 1
    for k in range(len(BUCKETS) - 1):
        part, sold = judged[code == k], float(judged.loc[code == k, "quantity"].sum())
        if len(part) < 30 or not sold:
            continue
        row: Row = {"data": name, "model": "by rate", "from": BUCKETS[k], "to": BUCKETS[k + 1], "n": len(part)}
        row |= {m: errors(part[m], part["quantity"])["wape"] for m in models}
        if floor:
            each = np.maximum(rate[code == k], 0.05)
            row["poisson_floor"] = float((poisson_floor.wape(each) * each).sum() / each.sum())
        rows.append(row)
    return rows


def explained(name: str, model: demand.DemandModel, at: Any, most: int = 2000) -> list[Row]:
    """Mean absolute contribution of each driver, in units and as a share of the mean, over ``most`` series."""
    table, level = demand.table(at, model.horizon)
    of = np.random.default_rng(0).permutation(len(table))[:most]
    why = model.why(table.iloc[of], level[of])
    mean = float(why.sum(axis=1).mean())
    return [
        {"data": name, "model": "driver", "driver": d, "mean_abs": float(why[d].abs().mean()), "share": float(why[d].abs().mean()) / mean}
        for d in demand.DRIVERS
        if (why[d] != 0).any()
    ]


def summed(name: str, sales: pd.DataFrame, judged: pd.DataFrame, horizon: int) -> list[Row]:
    """City x category totals, bottom-up from SKU x store, of the days in stock."""
    keys = sales.drop_duplicates(["place", "sku"]).set_index(["place", "sku"])
    at = pd.MultiIndex.from_frame(judged[["place", "sku"]])
    code = pd.factorize(pd.MultiIndex.from_frame(keys.loc[at, ["city", "category"]]))[0]
    in_stock = (judged["available"] > demand.IN_STOCK).to_numpy()
    group = code * (horizon + 1) + judged["ahead"].to_numpy()
    rows: list[Row] = []
    for m in ("7-day mean", "LightGBM alone", OURS):
        part = judged[in_stock].assign(group=group[in_stock]).groupby("group")[[m, "quantity"]].sum()
        rows.append({"data": f"{name}, city x category", "model": f"{m}, summed"} | errors(part[m], part["quantity"]))
    return rows


def render(rows: Sequence[Row]) -> str:
    """Plain text tables: errors, rate buckets, drivers."""
    lines = [f"{'data':<46} {'model':<24} {'n':>7} {'WAPE':>6} {'WPE':>7} {'worst quantile gap':>19} {'in 80 %':>8}"]
    for row in rows:
        if row["model"] in ("by rate", "driver"):
            continue
        line = f"{row['data']:<46} {row['model']:<24}"
        if "wape" in row:
            line += f" {row['n']:>7} {row['wape']:>6.3f} {100 * row['wpe']:>+6.1f}%"
            line += f" {row['worst_gap']:>14.1f} pts {100 * row['inside_80']:>7.1f}%" if "worst_gap" in row else ""
        lines.append(line)
    writers: tuple[tuple[str, Callable[[Row], str]], ...] = (("by rate", _rate_line), ("driver", _driver_line))
    for kind, write in writers:
        lines += ["", kind, *(f"{row['data']:<46} {write(row)}" for row in rows if row["model"] == kind)]
    return "\n".join(lines)


def _rate_line(row: Row) -> str:
    models = " ".join(f"{m} {v:.3f}" for m, v in row.items() if m not in ("data", "model", "from", "to", "n", "poisson_floor"))
    floor = f" Poisson floor {row['poisson_floor']:.3f}" if "poisson_floor" in row else ""
    return f"{row['from']:>5g}..{row['to']:<5g} n {row['n']:>6} {models}{floor}"


def _driver_line(row: Row) -> str:
    return f"{row['driver']:<12} {row['mean_abs']:.3f} units, {100 * row['share']:.1f} % of the mean"
