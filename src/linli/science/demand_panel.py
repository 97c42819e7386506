"""The long frame of sales that demand is forecast from, and its shape as series by periods.

===================  =================  ==============================================================
column               type               meaning
===================  =================  ==============================================================
``sku``              any key            what was sold
``place``            any key, optional  where (a community, a store)
``day``              date               the day, or the first day of the week
``quantity``         number >= 0        units sold; nan for days to come
``available``        0..1, optional     share of the day's demand that could be served (1 = never out)
``city``, ``category``, ``subcategory``  keys, optional: whom a new series is like
``price``            ratio, optional    price / usual price, known ahead
``promoted``         0..1, optional     on promotion, known ahead
``displayed``        0..1, optional     shown in a prominent place, known ahead
``temperature``, ``rain``, ``humidity``, ``wind``  numbers, optional: observed, ahead the forecast
``members``          number, optional   active members of the place, known to as-of
``leader``           number, optional   the leader's posts and replies, known to as-of
===================  =================  ==============================================================

A day absent between the first and the last row of a series sold nothing. Pre-orders are a frame of
their own (``sku``, ``place``, ``day`` they are for, ``placed`` day, ``quantity``), since what was
known of a day depends on when one asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from linli.science import calendar

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

REQUIRED = ("sku", "day", "quantity")
KNOWN_AHEAD = ("price", "promoted", "displayed", "temperature", "rain", "humidity", "wind")
KNOWN_TO_DATE = ("members", "leader")
LIKE: tuple[tuple[str, ...], ...] = (
    ("place", "subcategory"),
    ("place", "category"),
    ("city", "sku"),
    ("city", "subcategory"),
    ("sku",),
    ("subcategory",),
    ("category",),
)
"""Whom a series is like, nearest first; those whose columns are there are used."""


@dataclass(frozen=True)
class Panel:
    """``quantity`` and ``available`` are (series, periods) and end at as-of; ``known`` reaches further."""

    keys: pd.DataFrame
    days: pd.DatetimeIndex
    quantity: Floats
    available: Floats
    known: dict[str, Floats]
    calendar: pd.DataFrame
    groups: dict[str, Codes]
    region: Codes
    first: Codes
    presold: Floats | None = None
    season: int = 7
    extra: dict[str, Floats] = field(default_factory=dict)

    @property
    def series(self) -> int:
        """Number of series."""
        return len(self.keys)


def check(frame: pd.DataFrame) -> None:
    """Refuse a frame that can't be read.

    Raises:
        ValueError: a missing column, a negative quantity, two rows of one series and day.
    """
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise ValueError(f"sales lack {', '.join(missing)}")
    if (frame["quantity"] < 0).any():
        raise ValueError("a quantity is below zero")
    key = [name for name in ("place", "sku", "day") if name in frame.columns]
    if frame.duplicated(key).any():
        raise ValueError(f"two rows of one {' x '.join(key)}")


def panel(
    frame: pd.DataFrame,
    as_of: date,
    horizon: int,
    *,
    preorders: pd.DataFrame | None = None,
    country: str = "CN",
    weekly: bool = False,
) -> Panel:
    """Series by periods up to the end of ``as_of``, with what is known of ``horizon`` periods more.

    Quantities, availability and ``KNOWN_TO_DATE`` after ``as_of`` are never read.
    """
    check(frame)
    day = pd.to_datetime(frame["day"])
    step = 7 if weekly else 1
    stop = pd.Timestamp(as_of)
    begin = day.min() if (day <= stop).any() else stop
    past = (stop - begin).days // step + 1
    days = pd.date_range(stop - pd.Timedelta(days=step * (past - 1)), periods=past + horizon, freq=f"{step}D")
    names = [name for name in ("place", "sku") if name in frame.columns]
    static = [name for name in ("place", "sku", "city", "category", "subcategory") if name in frame.columns]
    at = ((day - days[0]).dt.days // step).to_numpy()
    inside = (at >= 0) & (at < len(days))
    rows, at = frame[inside], at[inside]
    code, _ = pd.factorize(pd.MultiIndex.from_frame(rows[names]) if len(names) > 1 else rows[names[0]], sort=True)
    keys = rows.assign(_code=code).drop_duplicates("_code").sort_values("_code")[static].reset_index(drop=True)

    def spread(name: str, until: int, empty: float) -> Floats:
        result = np.full((len(keys), until), empty)
        of = at < until
        result[code[of], at[of]] = rows[name].to_numpy(np.float64)[of]
        return result

    present = np.zeros((len(keys), past), bool)
    present[code[at < past], at[at < past]] = True
    first = np.where(present.any(axis=1), present.argmax(axis=1), past)
    quantity = np.nan_to_num(spread("quantity", past, 0.0))
    alive = np.arange(past)[None, :] >= first[:, None]
    available = (spread("available", past, 1.0) if "available" in rows else np.ones((len(keys), past))) * alive
    known = {name: _filled(spread(name, len(days), np.nan)) for name in KNOWN_AHEAD if name in rows}
    known |= {name: _filled(spread(name, past, np.nan)) for name in KNOWN_TO_DATE if name in rows}
    return Panel(
        keys=keys,
        days=days,
        quantity=quantity,
        available=np.nan_to_num(available, nan=1.0),
        known=known,
        calendar=_calendar(days, step, country),
        groups={"_".join(c): _codes(keys, c) for c in LIKE if set(c) <= set(keys.columns) and len(c) < len(keys.columns)},
        region=_codes(keys, ("city",)) if "city" in keys else np.zeros(len(keys), np.int64),
        first=first.astype(np.int64),
        presold=None if preorders is None else _presold(preorders, keys, names, days, step, horizon),
        season=1 if weekly else 7,
    )


def _filled(values: Floats) -> Floats:
    """The last known value goes on; before the first, the first."""
    return np.asarray(pd.DataFrame(values.T).ffill().bfill().to_numpy(np.float64)).T


def _codes(keys: pd.DataFrame, names: Sequence[str]) -> Codes:
    listed = list(names)
    code, _ = pd.factorize(pd.MultiIndex.from_frame(keys[listed]) if len(listed) > 1 else keys[listed[0]], sort=True)
    return np.asarray(code, np.int64)


def _calendar(days: pd.DatetimeIndex, step: int, country: str) -> pd.DataFrame:
    if step == 1:
        return calendar.days([d.date() for d in days], country)
    every = pd.date_range(days[0], periods=step * len(days), freq="D")
    table = calendar.days([d.date() for d in every], country)
    weeks = table.groupby(np.arange(len(every)) // step).agg({"off": "sum", "holiday": "sum", "to_holiday": "min", "since_holiday": "min"})
    return weeks.assign(weekday=0.0, kind=(weeks["holiday"] > 0).astype(float)).set_axis(days)


def _presold(orders: pd.DataFrame, keys: pd.DataFrame, names: list[str], days: pd.DatetimeIndex, step: int, horizon: int) -> Floats:
    """(horizon + 1, series, periods): what had been ordered for a period at least so many periods ahead of it."""
    place = pd.MultiIndex.from_frame(keys[names]) if len(names) > 1 else pd.Index(keys[names[0]])
    row = place.get_indexer(pd.MultiIndex.from_frame(orders[names]) if len(names) > 1 else pd.Index(orders[names[0]]))
    at = ((pd.to_datetime(orders["day"]) - days[0]).dt.days // step).to_numpy()
    lag = ((pd.to_datetime(orders["day"]) - pd.to_datetime(orders["placed"])).dt.days // step).clip(0, horizon).to_numpy()
    ok = (row >= 0) & (at >= 0) & (at < len(days))
    result = np.zeros((horizon + 1, len(keys), len(days)))
    np.add.at(result, (lag[ok], row[ok], at[ok]), orders["quantity"].to_numpy(np.float64)[ok])
    return np.asarray(result[::-1].cumsum(axis=0)[::-1])
