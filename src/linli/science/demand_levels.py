"""What serves at each level of goods: the model or one of the forecasts anybody could make, on days none of them has seen.

Levels are the SKU at a community, the SKU in the region and the category. A SKU at a community sells less than
a piece a day, of which no model learns more than a share (docs/models/demand.md), so the model learns SKUs and a
community gets its part of the last thirteen weeks. What serves a level is what misses least there; forecasts are
then made to add up (`reconcile`), and their quantiles come from what they missed by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from linli.science import censored, demand
from linli.science.demand_model import PRIOR_SHAPE, DemandModel
from linli.science.demand_panel import Codes, Floats, Panel, panel
from linli.science.reconcile import reconcile, shrunk_covariance, spread_down, summing

HORIZON = 14
LEVELS = ("place", "sku", "category")
BASELINES = ("ma4", "mean7", "ses", "naive")
QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SPANS = (1, 7)
"""Days of which a distribution is kept: one, and the sum of the first seven (quantiles of days don't add up)."""
SHARE_DAYS, MONTH, STEP = 91, 28, 7
ORIGINS = 4
OFFERED = 0.9
"""A day on which at least this part of the demand could be served is judged by and learnt from."""
NOISE_DAYS = 56
YOUNG_DAYS = 14
"""A good sold for fewer days is forecast by its like, whatever serves the others."""
SMOOTHING = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
BUCKETS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, np.inf)
BINS, FEWEST_IN_BIN = 8, 60


@dataclass(frozen=True)
class Sales:
    """Pieces sold by SKU, community and day, (skus, places, days), up to the end of as-of, and what else is known of them.

    ``available``: share of the day's demand that could be served. ``category``: code of each SKU, 0..k-1.
    ``like``: frame of the SKUs' ``category`` and, if any, ``subcategory`` (whom a new good is like).
    ``drivers``: name of a column of ``demand_panel`` -> (days,) or (skus, days), or as far as horizon beyond.
    """

    days: pd.DatetimeIndex
    skus: tuple[str, ...]
    places: tuple[int, ...]
    sold: Floats
    available: Floats
    like: pd.DataFrame
    country: str
    drivers: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def category(self) -> tuple[Codes, list[str]]:
        """(code of each SKU, the categories by code)."""
        code, names = pd.factorize(self.like["category"].to_numpy(), sort=True)
        return np.asarray(code, np.int64), [str(n) for n in names]

    def until(self, cut: int) -> Sales:
        """The same as it stood after the first ``cut`` days; drivers known ahead lose what lies beyond the horizon."""
        kept = {name: x[..., : cut + HORIZON if x.shape[-1] > len(self.days) else cut] for name, x in self.drivers.items()}
        return Sales(
            self.days[:cut], self.skus, self.places, self.sold[..., :cut], self.available[..., :cut], self.like, self.country, kept
        )


@dataclass(frozen=True)
class Base:
    """What is derived from sales once: recovered demand at the community and its sums, and the share that could be served."""

    leaf: Floats  # (skus, places, days)
    sku: Floats  # (skus, days)
    category: Floats  # (categories, days)
    offered: Floats  # (skus, days)


def base(sales: Sales) -> Base:
    """Demand where a stock-out cut sales short is what `censored.recover` expects of it."""
    flat, share = sales.sold.reshape(-1, len(sales.days)), sales.available.reshape(-1, len(sales.days))
    leaf: Floats = flat
    if (short := (share < 1).any(axis=1)).any():
        level = np.nan_to_num(censored.level(flat[short, -SHARE_DAYS:], share[short, -SHARE_DAYS:]), nan=0.0)
        leaf = flat.copy()
        leaf[short] = censored.recover(flat[short], share[short], np.maximum(level, 1e-6))
    code, names = sales.category
    cube: Floats = np.reshape(leaf, sales.sold.shape)
    sku = cube.sum(axis=1)
    weight = cube[..., -SHARE_DAYS:].sum(axis=2) + 1e-9
    weight /= weight.sum(axis=1, keepdims=True)
    return Base(cube, sku, _sums(sku, code, len(names)), np.einsum("spt,sp->st", sales.available, weight))


def frame(sales: Sales, of: Base) -> pd.DataFrame:
    """The long frame of `demand`, SKU by day; goods never sold have a row of the first day to come, so that they are known."""
    n, t = of.sku.shape
    offered = of.offered >= OFFERED
    sold = np.where(offered, of.sku, sales.sold.sum(axis=1))
    first = np.where((sold > 0).any(axis=1), (sold > 0).argmax(axis=1), t)
    length = t + (HORIZON if any(x.shape[-1] > t for x in sales.drivers.values()) else 1)
    days = pd.date_range(sales.days[0], periods=length, freq="D")
    row, at = np.nonzero(np.arange(length)[None, :] >= np.minimum(first, t)[:, None])
    known = at < t
    inside = np.minimum(at, t - 1)
    found = pd.DataFrame({"sku": np.asarray(sales.skus, object)[row], "day": days[at]})
    found["quantity"] = np.where(known, sold[row, inside], np.nan)
    found["available"] = np.where(known, np.where(offered, 1.0, of.offered)[row, inside], 1.0)
    for name in sales.like.columns:
        found[name] = sales.like[name].to_numpy()[row]
    for name, values in sales.drivers.items():
        wide = np.broadcast_to(values, (n, values.shape[-1]))
        found[name] = np.where(at < wide.shape[1], wide[row, np.minimum(at, wide.shape[1] - 1)], np.nan)
    return found


def learn(sales: Sales, *, seed: int = 0) -> DemandModel:
    """The model of SKUs as of the end of ``sales``; with too little history, the prior."""
    return demand.fit(frame(sales, base(sales)), _last(sales), horizon=HORIZON, country=sales.country, seed=seed)


# ---- forecasts of one origin


@dataclass(frozen=True)
class Means:
    """Expected pieces by level and by what forecasts them, each (series, HORIZON); ``panel`` is the model's own input."""

    by: dict[str, dict[str, Floats]]
    panel: Panel
    share: Floats  # (skus, places), of a SKU's pieces
    noise: dict[str, Floats]  # by level (series,), see `noise`


def means(sales: Sales, model: DemandModel, alphas: Mapping[str, float]) -> Means:
    """Everybody's forecast of the HORIZON days after ``sales``, of each level."""
    of = base(sales)
    at = panel(frame(sales, of), _last(sales), HORIZON, country=sales.country)
    keyed = demand.predict_panel(model, at)
    wide = keyed.pivot(index="sku", columns="ahead", values="mean").reindex(list(sales.skus))
    ours = wide.to_numpy(np.float64)
    code, names = sales.category
    name = "model" if model.learnt else "prior"
    sku = {name: ours} | {b: baseline(b, of.sku, alphas.get("sku", 0.1)) for b in BASELINES}
    young = (of.sku[:, -MONTH:] > 0).sum(axis=1) == 0
    young |= np.where((of.sku > 0).any(axis=1), of.sku.shape[1] - (of.sku > 0).argmax(axis=1), 0) < YOUNG_DAYS
    sku = {b: np.where(young[:, None], ours, x) for b, x in sku.items()}
    category = {name: _sums(ours, code, len(names))} | {b: baseline(b, of.category, alphas.get("category", 0.1)) for b in BASELINES}
    flat = of.leaf.reshape(-1, of.leaf.shape[2])
    share = shares(of.leaf, code)
    place = {"share": (ours[:, None] * share[..., None]).reshape(-1, HORIZON)}
    place |= {b: baseline(b, flat, alphas.get("place", 0.1)) for b in BASELINES}
    past = {"place": flat, "sku": of.sku, "category": of.category}
    return Means({"place": place, "sku": sku, "category": category}, at, share, {level: noise(x) for level, x in past.items()})


def baseline(name: str, past: Floats, alpha: float) -> Floats:
    """(series, HORIZON) of a forecast that anybody could make from (series, days).

    ``naive`` the same weekday of last week, ``mean7`` the mean of seven days, ``ma4`` the mean of the last four of that
    weekday (its week is the mean of four weeks), ``ses`` simple exponential smoothing with ``alpha``.
    """
    days = past.shape[1]
    ahead = np.arange(HORIZON)
    if name == "mean7":
        return np.repeat(past[:, -7:].mean(axis=1)[:, None], HORIZON, axis=1)
    if name == "ses":
        weight = (1 - alpha) ** np.arange(days - 1, -1, -1)
        return np.repeat((past * weight).sum(axis=1)[:, None] / weight.sum(), HORIZON, axis=1)
    weeks = 1 if name == "naive" else 4
    back = [days - 7 * w + ahead % 7 for w in range(1, weeks + 1) if days - 7 * w >= 0]
    if not back:
        return np.repeat(past.mean(axis=1)[:, None], HORIZON, axis=1)
    found: Floats = np.mean([past[:, at] for at in back], axis=0)
    return found


def smoothing(past: Floats) -> float:
    """The constant of simple exponential smoothing, one for all series, with the least squared error one day ahead."""

    def missed(alpha: float) -> float:
        level, total = past[:, : min(7, past.shape[1])].mean(axis=1), 0.0
        for t in range(7, past.shape[1]):
            total += float(((past[:, t] - level) ** 2).sum())
            level = alpha * past[:, t] + (1 - alpha) * level
        return total

    return min(SMOOTHING, key=missed)


def shares(leaf: Floats, code: Codes) -> Floats:
    """(skus, places): each community's part of a SKU's last 13 weeks; of a SKU nobody bought, its part of the category's."""
    recent = leaf[..., -SHARE_DAYS:].sum(axis=2)
    kind = np.zeros((int(code.max()) + 1, leaf.shape[1]))
    np.add.at(kind, code, recent)
    everything = recent.sum(axis=0) + 1e-9
    like = kind[code] + everything / everything.sum()
    mine = np.where(recent.sum(axis=1, keepdims=True) > 0, recent, like)
    found: Floats = mine / mine.sum(axis=1, keepdims=True)
    return found


# ---- adding up, and how sure


def served(sales: Sales, found: Means, serves: Mapping[str, str], errors: Floats | None) -> dict[str, Floats]:
    """The chosen forecasts made to add up: categories and SKUs by MinT, then communities to their SKU's total.

    ``errors``: (periods, categories + SKUs) of past base forecasts; None: SKUs decide, categories are their sums.
    """
    code, names = sales.category
    sku = found.by["sku"][serves["sku"]]
    category = found.by["category"][serves["category"]]
    if errors is not None and serves["category"] != serves["sku"]:
        s = summing([code])
        together = reconcile(np.vstack([category, sku]), s, shrunk_covariance(errors))
        sku = np.maximum(together[len(names) :], 0.0)
    of = np.repeat(np.arange(len(sales.skus)), len(sales.places))
    leaf = found.by["place"][serves["place"]]
    if serves["place"] == "share":
        leaf = (sku[:, None] * found.share[..., None]).reshape(-1, HORIZON)
    # A good whose communities are all forecast at nothing has its pieces where its like sells.
    empty = np.zeros_like(sku)
    np.add.at(empty, of, leaf)
    leaf = np.where((empty <= 0)[of], (sku[:, None] * found.share[..., None]).reshape(-1, HORIZON), leaf)
    return {"place": spread_down(leaf, sku, of), "sku": sku, "category": _sums(sku, code, len(names))}


@dataclass(frozen=True)
class Spread:
    """What quantiles add to a mean, in roots of it times the series' own noise, by size of mean: split conformal (Vovk,
    Gammerman & Shafer 2005) with scores normalised by the series (Lei et al. 2018), so that a good which is now and then on
    promotion has a wider band than one that sells as much and never is."""

    edges: tuple[float, ...]
    scores: tuple[tuple[float, ...], ...]

    def quantiles(self, mean: Floats, own: Floats | float = 1.0) -> Floats:
        """(rows, QUANTILES), never below nothing; `own`: the noise of each row's series."""
        score = np.asarray(self.scores)[np.searchsorted(np.asarray(self.edges), mean)]
        found: Floats = np.maximum(mean[:, None] + (_root(mean) * own)[:, None] * score, 0.0)
        return found


def noise(past: Floats) -> Floats:
    """(series,): how far days were from the four same weekdays before them, root mean square in roots of the mean, of eight
    weeks; drawn to that of all series by four weeks' worth. 1 where there is no past to tell."""
    weeks = 4
    usable = past.shape[1] - 7 * weeks
    if usable < 7 or not past.any():
        return np.ones(len(past))
    last = min(usable, NOISE_DAYS)
    now = past[:, -last:]
    end = past.shape[1]
    before = np.mean([past[:, end - last - 7 * w : end - 7 * w] for w in range(1, weeks + 1)], axis=0)
    square = ((now - before) ** 2 / np.maximum(before.mean(axis=1, keepdims=True), 0.05)).sum(axis=1)
    pooled = square.mean() / last
    found: Floats = np.sqrt((square + MONTH * pooled) / (last + MONTH))
    return np.maximum(found, 1e-3)


def spread(mean: Floats, sold: Floats, own: Floats | float = 1.0) -> Spread:
    """Learn from forecasts (rows,), what was sold, and each row's noise."""
    z = (sold - mean) / (_root(mean) * own)
    number = max(1, min(BINS, len(mean) // FEWEST_IN_BIN))
    edges = np.unique(np.quantile(mean, np.linspace(0, 1, number + 1)[1:-1]))
    of = np.searchsorted(edges, mean)
    rows = [np.quantile(z[of == k] if (of == k).any() else z, QUANTILES) for k in range(len(edges) + 1)]
    return Spread(tuple(map(float, edges)), tuple(tuple(map(float, row)) for row in rows))


def prior_quantiles(mean: Floats) -> Floats:
    """Before anything of the operator's own could be judged: negative binomial about the mean."""
    p = PRIOR_SHAPE / (PRIOR_SHAPE + np.maximum(mean, 1e-9))
    return np.asarray(nbinom.ppf(np.asarray(QUANTILES)[None, :], PRIOR_SHAPE, p[:, None]), np.float64)


def _root(mean: Floats) -> Floats:
    return np.sqrt(np.maximum(mean, 0.05))


# ---- the verdict


@dataclass(frozen=True)
class Verdict:
    """Which forecast serves each level, with what figures; `spreads` by "level/span"; ``said``: forecasts of the judged days.

    ``table``: level -> {forecast -> {rmse, wape, wpe, n}}; "served" is what is served once it adds up. ``errors`` are the
    past errors that `served` reconciles by.
    """

    serves: dict[str, str]
    table: dict[str, dict[str, dict[str, float]]]
    coverage: dict[str, dict[str, float]]
    buckets: dict[str, list[dict[str, float]]]
    spreads: dict[str, Spread]
    errors: Floats | None
    alphas: dict[str, float]
    origins: tuple[date, ...]
    said: pd.DataFrame


# ---- the forecast


def forecast(sales: Sales, model: DemandModel, verdict: Verdict | None) -> pd.DataFrame:
    """One row per level, series, day and span: `rows` of what serves, and of SKUs why (``usual`` and units by driver)."""
    found = means(sales, model, verdict.alphas if verdict else {})
    name = "model" if model.learnt else "prior"
    serves = dict(verdict.serves) if verdict else {"place": "share", "sku": name, "category": name}
    for level in ("sku", "category"):  # the judged model's name stands for the one that serves now, learnt or not
        serves[level] = name if serves[level] in ("model", "prior") else serves[level]
    given = served(sales, found, serves, verdict.errors if verdict else None)
    names = sales.category[1]
    days = pd.date_range(sales.days[-1] + pd.Timedelta(days=1), periods=HORIZON, freq="D")
    told = rows(given, sales, names, days, verdict.spreads if verdict else {}, found.noise)
    return told.merge(_why(sales, model, found, serves, given["sku"]), on=["level", "sku", "ahead", "span"], how="left")


def rows(
    given: Mapping[str, Floats],
    sales: Sales,
    names: Sequence[str],
    days: pd.DatetimeIndex,
    spreads: Mapping[str, Spread],
    noises: Mapping[str, Floats],
) -> pd.DataFrame:
    """Long: level, category, sku ("" of a category), place (0 of all), day, ahead, span, mean, q05 .. q95, in pieces."""
    code, _ = sales.category
    kind = np.asarray(names, object)[code]
    keys = {
        "place": (np.repeat(kind, len(sales.places)), np.repeat(sales.skus, len(sales.places)), np.tile(sales.places, len(sales.skus))),
        "sku": (kind, np.asarray(sales.skus, object), np.zeros(len(sales.skus), np.int64)),
        "category": (np.asarray(names, object), np.full(len(names), "", object), np.zeros(len(names), np.int64)),
    }
    parts = []
    for level, mean in given.items():
        category, sku, place = keys[level]
        for span in SPANS:
            wide = mean if span == 1 else mean[:, :span].sum(axis=1, keepdims=True)
            flat = wide.ravel()
            learnt = spreads.get(f"{level}/{span}")
            n = wide.shape[1]
            q = learnt.quantiles(flat, np.repeat(noises[level], n)) if learnt else prior_quantiles(flat)
            part = {
                "level": level, "category": np.repeat(category, n), "sku": np.repeat(sku, n), "place": np.repeat(place, n),
                "day": np.tile(days[:n], len(wide)), "ahead": np.tile(np.arange(1, n + 1), len(wide)), "span": span, "mean": flat,
            }  # fmt: skip
            parts.append(pd.DataFrame(part | {quantile_name(tau): q[:, i] for i, tau in enumerate(QUANTILES)}))
    return pd.concat(parts, ignore_index=True)


def quantile_name(tau: float) -> str:
    """The column of a quantile: q05, q10, ..."""
    return f"q{round(100 * tau):02d}"


def _why(sales: Sales, model: DemandModel, found: Means, serves: Mapping[str, str], given: Floats) -> pd.DataFrame:
    """Of each SKU and day ``usual`` and units by driver, summing to what is served; a baseline knows the weekday alone."""
    n = len(sales.skus)
    if serves["sku"] in ("model", "prior"):
        why = model.why(*demand.table(found.panel, HORIZON))
        place = pd.Index(found.panel.keys["sku"]).get_indexer(list(sales.skus))
        wide = {c: why[c].to_numpy().reshape(HORIZON, -1)[:, place].T for c in why.columns}
    else:
        served_by = found.by["sku"][serves["sku"]]
        usual = np.repeat(served_by[:, :7].mean(axis=1)[:, None], HORIZON, axis=1)
        wide = {"usual": usual, "weekday": served_by - usual}
    total = sum(wide.values(), np.zeros((n, HORIZON)))
    # What reconciling moved is spread over all parts, so that they still add up to the forecast.
    ratio = np.where(total > 0, given / np.maximum(total, 1e-12), 1.0)
    flat = {f"why_{c}": (x * ratio).ravel() for c, x in wide.items()}
    keys = {
        "level": "sku",
        "sku": np.repeat(np.asarray(sales.skus, object), HORIZON),
        "ahead": np.tile(np.arange(1, HORIZON + 1), n),
        "span": 1,
    }
    return pd.DataFrame(keys | flat)


def _sums(values: Floats, code: Codes, number: int) -> Floats:
    found = np.zeros((number, values.shape[1]))
    np.add.at(found, code, values)
    return found


def _last(sales: Sales) -> date:
    return sales.days[-1].date()  # type: ignore[no-any-return]


def weights(sales: Sales, model: DemandModel) -> dict[str, float]:
    """Mean absolute contribution of each driver to the forecasts of SKUs, as a share of their mean; those that contribute."""
    of = base(sales)
    why = model.why(*demand.table(panel(frame(sales, of), _last(sales), HORIZON, country=sales.country), HORIZON))
    mean = float(why.sum(axis=1).mean()) or 1.0
    found = {d: float(why[d].abs().mean()) / mean for d in demand.DRIVERS if d in why}
    return {d: share for d, share in sorted(found.items(), key=lambda x: -x[1]) if share > 0.0005}
