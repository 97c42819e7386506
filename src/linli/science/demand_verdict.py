"""The verdict of demand: every forecast asked at past origins for days it had not seen, and what each level is served by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from linli.science import poisson_floor
from linli.science.demand_levels import (
    BASELINES,
    BUCKETS,
    HORIZON,
    LEVELS,
    MONTH,
    OFFERED,
    ORIGINS,
    QUANTILES,
    SHARE_DAYS,
    SPANS,
    STEP,
    Base,
    Sales,
    Spread,
    Verdict,
    base,
    learn,
    means,
    rows,
    served,
    smoothing,
    spread,
)
from linli.science.demand_panel import Floats


def origins_of(days: int) -> list[int]:
    """Days known at each judged origin, oldest first; none with less than six weeks, of which four are history."""
    found = [days - HORIZON - STEP * k for k in range(ORIGINS)]
    return [cut for cut in found[::-1] if cut >= MONTH]


def judge(sales: Sales, *, seed: int = 0) -> Verdict | None:
    """Everybody fitted as of the oldest origin, then asked at each origin of the HORIZON days after it. None: too little history."""
    cuts = origins_of(len(sales.days))
    if not cuts:
        return None
    early = sales.until(cuts[0])
    known = base(early)
    model = learn(early, seed=seed)
    flat = known.leaf.reshape(-1, known.leaf.shape[2])
    alphas = {"sku": smoothing(known.sku), "category": smoothing(known.category), "place": smoothing(flat[:, -SHARE_DAYS:])}
    asked = [means(sales.until(cut), model, alphas) for cut in cuts]
    truth = base(sales)
    actual, counts = [_actual(truth, sales, cut) for cut in cuts], [_counts(truth, sales, cut) for cut in cuts]
    table = {
        level: {
            name: _errors([m.by[level][name] for m in asked], [a[level] for a in actual], [c[level] for c in counts])
            for name in asked[0].by[level]
        }
        for level in LEVELS
    }
    serves = {level: min(rows, key=lambda name: rows[name]["rmse"]) for level, rows in table.items()}
    missed = [
        np.vstack([a["category"] - m.by["category"][serves["category"]], a["sku"] - m.by["sku"][serves["sku"]]]).T
        for m, a in zip(asked, actual, strict=True)
    ]
    given = []
    for k, cut in enumerate(cuts):
        # What reconciles one origin was learnt from the others.
        others = [e for j, e in enumerate(missed) if j != k]
        given.append(served(sales.until(cut), asked[k], serves, np.vstack(others) if others else None))
    for level in LEVELS:
        table[level]["served"] = _errors([g[level] for g in given], [a[level] for a in actual], [c[level] for c in counts])
    buckets = {}
    for level, past in _levels(truth).items():
        best = min(BASELINES, key=lambda b: table[level][b]["rmse"])
        rival = [m.by[level][best] for m in asked]
        buckets[level] = _buckets(past[:, cuts[0] - MONTH : cuts[0]].mean(axis=1), [g[level] for g in given], rival, actual, counts, level)
    spreads, coverage = _spreads(given, actual, counts, [m.noise for m in asked])
    return Verdict(
        serves, table, coverage, buckets, spreads, np.vstack(missed), alphas,
        tuple(sales.days[cut - 1].date() for cut in cuts), _said(sales, cuts, given, spreads, [m.noise for m in asked]),
    )  # fmt: skip


def _levels(of: Base) -> dict[str, Floats]:
    return {"place": of.leaf.reshape(-1, of.leaf.shape[2]), "sku": of.sku, "category": of.category}


def _actual(of: Base, sales: Sales, cut: int) -> dict[str, Floats]:
    return {level: x[:, cut : cut + HORIZON] for level, x in _levels(of).items()}


def _counts(of: Base, sales: Sales, cut: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Which days are judged: those on which nearly all of the demand could be served."""
    code, names = sales.category
    offered = of.offered[:, cut : cut + HORIZON] >= OFFERED
    whole = np.stack([offered[code == k].all(axis=0) for k in range(len(names))])
    leaf = sales.available[..., cut : cut + HORIZON].reshape(-1, offered.shape[1]) >= 1.0
    return {"place": leaf, "sku": offered, "category": whole}


def _errors(forecast: Sequence[Floats], sold: Sequence[Floats], of: Sequence[Any]) -> dict[str, float]:
    """rmse in pieces a day; WAPE and WPE as shares of what was sold. The mean is what least squares ask for (Gneiting 2011):
    below a piece a day the least absolute error belongs to whoever says "nothing"."""
    f = np.concatenate([x[w] for x, w in zip(forecast, of, strict=True)])
    y = np.concatenate([x[w] for x, w in zip(sold, of, strict=True)])
    total = float(y.sum()) or 1.0
    return {
        "n": float(len(y)),
        "rmse": float(np.sqrt(((f - y) ** 2).mean())) if len(y) else 0.0,
        "wape": float(np.abs(f - y).sum() / total),
        "wpe": float((f - y).sum() / total),
    }


def _buckets(
    rate: Floats, ours: Sequence[Floats], rival: Sequence[Floats], sold: Sequence[dict[str, Floats]], of: Sequence[Any], level: str
) -> list[dict[str, float]]:
    """WAPE by pieces a day (of the four weeks before), beside the best baseline and the floor of a Poisson world."""
    code = np.searchsorted(BUCKETS, rate, side="right") - 1
    found = []
    for k in range(len(BUCKETS) - 1):
        mine = code == k
        n = sum(int(w[level][mine].sum()) for w in of)
        if n < 30:
            continue
        mask, y = [w[level][mine] for w in of], [a[level][mine] for a in sold]
        us, them = (_errors([r[mine] for r in rows], y, mask) for rows in (ours, rival))
        each = np.maximum(rate[mine], 0.02)
        floor = float((poisson_floor.wape(each) * each).sum() / each.sum())
        top = BUCKETS[k + 1]
        found.append(
            {
                "low": BUCKETS[k], "high": -1.0 if np.isinf(top) else top, "series": float(mine.sum()), "n": float(n),
                "wape": us["wape"], "baseline": them["wape"], "floor": floor,
            }
        )  # fmt: skip
    return found


def _spreads(
    given: Sequence[dict[str, Floats]], sold: Sequence[dict[str, Floats]], of: Sequence[Any], noises: Sequence[dict[str, Floats]]
) -> Any:
    """(spreads by "level/span", coverage by level): coverage is of origins that the spread had not seen."""
    spreads: dict[str, Spread] = {}
    coverage: dict[str, dict[str, float]] = {}
    for level in LEVELS:
        for span in SPANS:
            rows = [_rows(g[level], a[level], w[level], o[level], span) for g, a, w, o in zip(given, sold, of, noises, strict=True)]
            mean, y, own = (np.concatenate(x) for x in zip(*rows, strict=True))
            if not len(y):
                continue
            spreads[f"{level}/{span}"] = spread(mean, y, own)
            if span == 1 and len(rows) > 1:
                coverage[level] = _coverage(rows)
    return spreads, coverage


def _rows(mean: Floats, sold: Floats, of: Any, own: Floats, span: int) -> tuple[Floats, Floats, Floats]:
    """Forecast, sales and noise of the judged days (or of sums of `span` days that are judged whole)."""
    if span == 1:
        return mean[of], sold[of], np.repeat(own[:, None], of.shape[1], axis=1)[of]
    whole = of[:, :span].all(axis=1)
    return mean[whole, :span].sum(axis=1), sold[whole, :span].sum(axis=1), own[whole]


def _coverage(rows: Sequence[tuple[Floats, Floats, Floats]]) -> dict[str, float]:
    """How far the share of sales under a quantile is from its level, the worst of .1 to .9 in points, and the share within
    10 to 90 %. Where many sell nothing the share jumps at nothing: a level within the jump is met."""
    under, upto, inside, n = np.zeros(len(QUANTILES)), np.zeros(len(QUANTILES)), 0.0, 0
    for k, (mean, y, own) in enumerate(rows):
        others = list(zip(*[r for j, r in enumerate(rows) if j != k], strict=True))
        q = spread(*(np.concatenate(x) for x in others)).quantiles(mean, own)
        under += (y[:, None] < q).sum(axis=0)
        upto += (y[:, None] <= q).sum(axis=0)
        inside += float(((y >= q[:, QUANTILES.index(0.1)]) & (y <= q[:, QUANTILES.index(0.9)])).sum())
        n += len(y)
    tau = np.asarray(QUANTILES)
    gaps = 100 * np.maximum(np.maximum(under / max(n, 1) - tau, tau - upto / max(n, 1)), 0.0)
    return {"inside_80": inside / max(n, 1), "worst_gap": float(gaps[1:-1].max()), "n": float(n)}


def _said(
    sales: Sales, cuts: Sequence[int], given: Sequence[dict[str, Floats]], spreads: dict[str, Spread], noises: Sequence[dict[str, Floats]]
) -> pd.DataFrame:
    """The judged forecasts of SKUs and categories as rows of `forecast`: what would have been said then."""
    names, parts = sales.category[1], []
    for cut, g, own in zip(cuts, given, noises, strict=True):
        days = pd.date_range(sales.days[cut - 1] + pd.Timedelta(days=1), periods=HORIZON, freq="D")
        upper = {level: g[level] for level in ("sku", "category")}
        parts.append(rows(upper, sales, names, days, spreads, own).assign(said_on=sales.days[cut - 1]))
    return pd.concat(parts, ignore_index=True)
