"""Sales that a stock-out cut short: what share of a day's demand was servable, and what would have been sold.

A day out of stock from 15:00 on tells of demand until 15:00. Read as a day's demand it teaches the
next order to be too small (Conrad 1976; measured in docs/models/demand.md).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DAY_SHAPE = 2.0
"""Shape of a day's demand about its series' level: a coefficient of variation of .7 between days."""


def hour_profile(hourly: npt.NDArray[np.floating], out: npt.NDArray[np.integer], kind: npt.NDArray[np.int64]) -> Floats:
    """Share of a day's demand that falls in each hour, per kind of goods, from hours in stock alone.

    Args:
        hourly: units sold, (series, days, 24).
        out: 1 where out of stock, the same shape.
        kind: group of each series, 0..k-1, (series,).

    Returns:
        (k, 24), rows sum to 1; a kind never seen in stock has the profile of all goods.
    """
    seen = out == 0
    sold = _by_kind((hourly * seen).sum(axis=1, dtype=np.float64), kind)
    hours = _by_kind(seen.sum(axis=1, dtype=np.float64), kind)
    everywhere = sold.sum(axis=0) / np.maximum(hours.sum(axis=0), 1.0)
    rate = np.where(hours > 0, sold / np.maximum(hours, 1.0), everywhere)
    rate = np.where(rate.sum(axis=1, keepdims=True) > 0, rate, everywhere)
    total = rate.sum(axis=1, keepdims=True)
    result: Floats = np.where(total > 0, rate / np.maximum(total, 1e-12), 1.0 / rate.shape[1])
    return result


def available_share(out: npt.NDArray[np.integer], profile: Floats, kind: npt.NDArray[np.int64]) -> Floats:
    """Share of the day's demand that could be served, (series, days), 0..1: the profile's mass of hours in stock."""
    result: Floats = np.einsum("sth,sh->st", (out == 0).astype(np.float64), profile[kind])
    return np.clip(result, 0.0, 1.0)


def recover(sold: Floats, share: Floats, level: Floats, shape: float = DAY_SHAPE) -> Floats:
    """Expected demand of days, given what was sold while in stock.

    A day's rate is Gamma(shape, shape / level) about the series' level and what is sold in a share s
    of the day is Poisson(rate * s), so the rate given x sold has mean (shape + x) / (shape / level + s)
    and what was missed is (1 - s) times that: the E step of EM for a Gamma-Poisson process.

    Args:
        sold: units sold, (series, days).
        share: of the day's demand that could be served, the same shape; 1 leaves ``sold`` as it is.
        level: units a day, (series,) or the same shape, > 0.

    Returns:
        units, (series, days), never below ``sold``.
    """
    each = np.asarray(level, np.float64)
    each = each[:, None] if each.ndim == 1 else each
    rate = (shape + sold) / (shape / np.maximum(each, 1e-9) + share)
    result: Floats = sold + (1.0 - share) * rate
    return result


def level(sold: Floats, share: Floats, rounds: int = 12, shape: float = DAY_SHAPE) -> Floats:
    """Units a day by EM, (series,): the mean of what ``recover`` expects at that very level.

    A day with nothing servable adds no news and is left out; a series with no such day is nan.
    """
    days = share > 0
    count = days.sum(axis=1)
    served = np.where(days, share, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        now = np.where(count > 0, np.where(days, sold, 0.0).sum(axis=1) / served, np.nan)
        for _ in range(rounds):
            full = recover(sold, share, np.maximum(np.nan_to_num(now), 1e-9), shape)
            now = np.where(count > 0, np.where(days, full, 0.0).sum(axis=1) / count, np.nan)
    return now


def _by_kind(values: Floats, kind: npt.NDArray[np.int64]) -> Floats:
    result = np.zeros((int(kind.max()) + 1, values.shape[1]))
    np.add.at(result, kind, values)
    return result
