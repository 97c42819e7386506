"""What is known of a series at the end of period c about the period c + h, for every series at once.

Everything is relative to the series' level as of c, so that one model learns from series that sell
one and series that sell a thousand. Columns are named ``driver.what``; the twelve drivers are
``DRIVERS``, and ``peers`` is how goods alike are doing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from linli.science import censored
from linli.science.demand_panel import Codes, Floats, Panel

DRIVERS = (
    "history",
    "weekday",
    "holiday",
    "temperature",
    "rain",
    "price",
    "promotion",
    "members",
    "leader",
    "presold",
    "substitutes",
    "stockout",
    "peers",
)
WEEK, FORTNIGHT, MONTH = 7, 14, 28
NEAR, YEAR = 3, 400
LEAST = 4
"""Periods of history without which nothing is learnt from a cutoff."""


@dataclass(frozen=True)
class Known:
    """State of all series at the end of period ``cut - 1``: what every horizon shares."""

    cut: int
    level: Floats
    weight: Floats
    demand: Floats
    smooth: Floats
    factor: Floats
    base: dict[str, Floats]


def known(panel: Panel, cut: int) -> Known:
    """Read the first ``cut`` periods and nothing later (as-of)."""
    alive = np.arange(cut)[None, :] >= panel.first[:, None]
    sold, share = panel.quantity[:, :cut], panel.available[:, :cut]
    rough = _peer_level(
        panel, censored.level(sold[:, -MONTH:], share[:, -MONTH:] * alive[:, -MONTH:], rounds=4), alive.sum(axis=1).astype(np.float64)
    )
    demand = np.where(alive, censored.recover(sold, share, rough), 0.0)
    weight = np.where(share > 0.3, share, 0.1) * alive
    factor = _season(panel, demand, weight, cut)
    kind = panel.calendar["weekday"].to_numpy(np.int64)
    smooth = demand / factor[panel.region][:, kind[:cut]]
    age = np.arange(cut - 1, -1, -1)
    faded = {n: _mean(smooth, weight * 0.5 ** (age / n)) for n in (3, 10, 40)}
    middle = np.median(smooth[:, -21:], axis=1)
    own = np.where(np.isnan(faded[10]), rough, 0.5 * faded[10] + 0.3 * faded[40] + 0.2 * middle)
    level = np.maximum(_peer_level(panel, own, weight.sum(axis=1)), 1e-3 + 0.02 * np.nanmean(rough))
    base = _history(panel, cut, level, smooth, weight, faded, middle) | _stockouts(panel, cut) | _prices(panel, cut, level, smooth, weight)
    return Known(cut, level, weight, demand, smooth, factor, base | _peers(panel, level, smooth, weight))


def ahead(panel: Panel, state: Known, h: int) -> pd.DataFrame:
    """Features of period ``cut - 1 + h``, one row per series; h >= 1."""
    at, cut, season = state.cut - 1 + h, state.cut, panel.season
    day = panel.calendar.iloc[at]
    kind = panel.calendar["weekday"].to_numpy(np.int64)
    row: dict[str, Floats | float] = {
        "history.ahead": h,
        "weekday.day": day["weekday"],
        "weekday.off": day["off"],
        "weekday.kind": day["kind"],
    }
    row |= _holiday(panel, day, cut)
    usual = state.factor[panel.region][:, kind[at]]
    row["weekday.usual"] = usual
    same = [x for x in range(at - season, -1, -season) if x < cut][:4]
    if same:
        past, weight = state.smooth[:, same] * usual[:, None] / state.level[:, None], state.weight[:, same]
        row["weekday.last"], row["weekday.last_4"] = past[:, 0], _mean(past, weight)
        for name, code in panel.groups.items():
            row[f"weekday.{name}"] = _ratio(state.demand[:, same] * weight, state.level[:, None] * weight, code).mean(axis=1)
    kinds = panel.calendar["kind"].to_numpy()
    alike = [x for x in range(cut - 1, -1, -1) if kinds[x] == kinds[at]][:6]
    if alike:
        row["holiday.alike"] = _mean(state.demand[:, alike] / state.level[:, None], state.weight[:, alike])
    row |= _known_ahead(panel, state, at)
    if panel.presold is not None:
        row |= _presold(panel, state, at, h)
    return pd.DataFrame({k: np.broadcast_to(np.asarray(v, np.float32), panel.series) for k, v in (state.base | row).items()})


def _holiday(panel: Panel, day: pd.Series, cut: int) -> dict[str, float]:
    """Within a year a term or a distance to a holiday names one stretch of days, and a tree would learn those days by heart."""
    row = {"holiday.holiday": float(day["holiday"])}
    row |= {f"holiday.{name}": min(float(day[name]), NEAR) for name in ("to_holiday", "since_holiday")}
    if "term" in day and cut * (7 if panel.season == 1 else 1) >= YEAR:
        row |= {f"holiday.{name}": float(day[name]) for name in ("term", "since_term")}
    return row


def _season(panel: Panel, demand: Floats, weight: Floats, cut: int) -> Floats:
    """(regions, 9): a weekday's demand over the mean day's, of the last six weeks, drawn to 1 where seldom seen."""
    if panel.season == 1:
        return np.ones((int(panel.region.max()) + 1, 9))
    span = slice(max(0, cut - 42), cut)
    total = _sum(demand[:, span] * (weight[:, span] > 0), panel.region)
    kind = panel.calendar["weekday"].to_numpy(np.int64)[span]
    factor = np.ones((len(total), 9))
    mean = np.maximum(total.mean(axis=1), 1e-9)
    for k in range(9):
        seen = kind == k
        if seen.any():
            factor[:, k] = (total[:, seen].mean(axis=1) / mean * seen.sum() + 0.3) / (seen.sum() + 0.3)
    if not (kind == 7).any():
        factor[:, 7] = factor[:, 5:7].mean(axis=1)
    if not (kind == 8).any():
        factor[:, 8] = factor[:, :4].mean(axis=1)
    return np.maximum(factor, 0.1)


def _peer_level(panel: Panel, own: Floats, periods: Floats) -> Floats:
    """Levels drawn to those of the goods alike by two periods' worth: what a new good starts from."""
    like = np.full(len(own), np.nan)
    seen = ~np.isnan(own) & (periods > 0)
    for code in panel.groups.values():
        number = np.bincount(code[seen], minlength=int(code.max()) + 1)
        mean = np.bincount(code[seen], own[seen], minlength=len(number)) / np.maximum(number, 1)
        like = np.where(np.isnan(like) & (number[code] > 0), mean[code], like)
    like = np.where(np.isnan(like), own[seen].mean() if seen.any() else 1.0, like)
    drawn = np.where(periods < MONTH, 2.0, 0.0)
    return np.where(seen, (np.nan_to_num(own) * periods + drawn * like) / np.maximum(periods + drawn, 1e-9), like)


def _history(
    panel: Panel, cut: int, level: Floats, smooth: Floats, weight: Floats, faded: dict[int, Floats], middle: Floats
) -> dict[str, Floats]:
    month = smooth[:, -MONTH:]
    low, high = np.quantile(month, [0.2, 0.8], axis=1)
    row = {"history.level": np.log(level), "history.age": cut - panel.first, "history.median_21": middle / level}
    row |= {f"history.faded_{n}": value / level for n, value in faded.items()}
    row |= {f"history.mean_{n}": _mean(smooth[:, -n:], weight[:, -n:]) / level for n in (WEEK, FORTNIGHT, MONTH)}
    row |= {f"history.back_{n}": smooth[:, -n] / level for n in (1, 2, 3) if n <= cut}
    return row | {"history.spread": month.std(axis=1) / level, "history.low": low / level, "history.high": high / level}


def _stockouts(panel: Panel, cut: int) -> dict[str, Floats]:
    out = 1.0 - panel.available[:, :cut]
    row = {"stockout.back_1": out[:, -1], "stockout.week": out[:, -WEEK:].mean(axis=1), "stockout.month": out[:, -MONTH:].mean(axis=1)}
    row["stockout.days"] = (out[:, -MONTH:] > 0).mean(axis=1)
    for name in ("place_subcategory", "place_category"):
        if name in panel.groups:
            code = panel.groups[name]
            others = np.maximum(np.bincount(code)[code] - 1, 0)
            there = _sum(1.0 - out[:, -WEEK:], code)[code] - (1.0 - out[:, -WEEK:])
            share = np.where(others[:, None] > 0, there / np.maximum(others, 1)[:, None], np.nan)
            row |= {"substitutes.number": others, "substitutes.back_1": share[:, -1], "substitutes.week": share.mean(axis=1)}
            break
    return row


def _prices(panel: Panel, cut: int, level: Floats, smooth: Floats, weight: Floats) -> dict[str, Floats]:
    """How this series answered to its price and to promotions so far (ridge slope, shrunk log ratio)."""
    row: dict[str, Floats] = {}
    if "price" in panel.known:
        log = np.log(np.maximum(panel.known["price"][:, :cut], 0.1))
        x, y = log - _mean(log, weight)[:, None], smooth / level[:, None]
        y = y - _mean(y, weight)[:, None]
        row["price.elasticity"] = np.nan_to_num((weight * x * y).sum(axis=1) / ((weight * x * x).sum(axis=1) + 0.1))
        row |= {
            "price.month": panel.known["price"][:, max(0, cut - MONTH) : cut].mean(axis=1),
            "price.back_1": panel.known["price"][:, cut - 1],
        }
    for name in ("promoted", "displayed"):
        if name not in panel.known:
            continue
        on = panel.known[name][:, :cut]
        with_it, without = (((smooth * weight * part).sum(axis=1) + 5 * level) / ((weight * part).sum(axis=1) + 5) for part in (on, 1 - on))
        row[f"promotion.{name}_effect"] = np.log(np.maximum(with_it, 1e-9) / np.maximum(without, 1e-9))
        row |= {f"promotion.{name}_month": on[:, -MONTH:].mean(axis=1), f"promotion.{name}_back_1": on[:, -1]}
    for name, driver in (("members", "members"), ("leader", "leader")):
        if name in panel.known:
            values = panel.known[name][:, :cut]
            usual = np.maximum(values[:, -MONTH:].mean(axis=1), 1e-9)
            row |= {f"{driver}.week": values[:, -WEEK:].mean(axis=1) / usual, f"{driver}.back_1": values[:, -1] / usual}
    return row


def _peers(panel: Panel, level: Floats, smooth: Floats, weight: Floats) -> dict[str, Floats]:
    row: dict[str, Floats] = {}
    for name, code in panel.groups.items():
        up, down = _sum(smooth[:, -WEEK:] * weight[:, -WEEK:], code), _sum(weight[:, -WEEK:] * level[:, None], code)
        for n in (3, WEEK):
            row[f"peers.{name}_{n}"] = (up[:, -n:].sum(axis=1) / np.maximum(down[:, -n:].sum(axis=1), 1e-9))[code]
        number = np.bincount(code)
        row[f"peers.{name}_level"] = np.log(np.bincount(code, level) / number)[code]
    return row


def _known_ahead(panel: Panel, state: Known, at: int) -> dict[str, Floats]:
    cut, have = state.cut, panel.known
    week = slice(max(0, cut - WEEK), cut)
    row: dict[str, Floats] = {}
    if "price" in have:
        log = np.log(np.maximum(have["price"], 0.1))
        usual = _mean(log[:, :cut], state.weight * 0.5 ** (np.arange(cut - 1, -1, -1) / FORTNIGHT))
        change = log[:, at] - np.nan_to_num(usual)
        row |= {"price.then": have["price"][:, at], "price.change": change, "price.answer": state.base["price.elasticity"] * change}
        for name in ("place_category", "place_subcategory"):
            if name in panel.groups:
                code = panel.groups[name]
                row["substitutes.price"] = (np.bincount(code, have["price"][:, at]) / np.bincount(code))[code]
                break
    for name in ("promoted", "displayed"):
        if name in have:
            usual = state.base[f"promotion.{name}_month"]
            change = have[name][:, at] - usual
            row |= {f"promotion.{name}": have[name][:, at], f"promotion.{name}_change": change}
            row[f"promotion.{name}_answer"] = state.base[f"promotion.{name}_effect"] * change
    for name, driver in (("temperature", "temperature"), ("rain", "rain"), ("humidity", "rain"), ("wind", "temperature")):
        if name in have:
            row |= {f"{driver}.{name}": have[name][:, at], f"{driver}.{name}_change": have[name][:, at] - have[name][:, week].mean(axis=1)}
    return row


def _presold(panel: Panel, state: Known, at: int, h: int) -> dict[str, Floats]:
    """The pick-up curve: what is ordered for that period by now, and what it comes to by the share usually in by now."""
    assert panel.presold is not None
    lag = min(h, len(panel.presold) - 1)
    now = panel.presold[lag][:, at]
    past = slice(max(0, state.cut - MONTH), state.cut)
    ordered, final = panel.presold[lag][:, past].sum(axis=1), state.demand[:, past].sum(axis=1)
    usual = (ordered + 0.5 * state.level) / np.maximum(final + state.level, 1e-9)
    return {"presold.now": now / state.level, "presold.usual": usual, "presold.implied": now / np.maximum(usual, 0.05) / state.level}


def _sum(values: Floats, code: Codes) -> Floats:
    result = np.zeros((int(code.max()) + 1, values.shape[1]))
    np.add.at(result, code, values)
    return result


def _ratio(up: Floats, down: Floats, code: Codes) -> Floats:
    result: Floats = (_sum(up, code) / np.maximum(_sum(down, code), 1e-9))[code]
    return result


def _mean(values: Floats, weight: Floats) -> Floats:
    """Weighted mean over periods; nan where nothing weighs."""
    total = weight.sum(axis=1)
    result: Floats = np.where(total > 0, (values * weight).sum(axis=1) / np.maximum(total, 1e-12), np.nan)
    return result
