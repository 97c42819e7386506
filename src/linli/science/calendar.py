"""What kind of day it is: weekends, public holidays with their make-up working days, solar terms.

China's come from ``lunar-python`` (MIT): solar terms and lunar festivals are computed, the State
Council's holidays and working weekends are a table that ends with the library's release. The
United States' federal holidays are pandas'.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
from lunar_python import Solar
from lunar_python.util import HolidayUtil
from pandas.tseries.holiday import USFederalHolidayCalendar

FAR = 15
COLUMNS = ("weekday", "off", "kind", "holiday", "to_holiday", "since_holiday", "term", "since_term")
WORKING, OFF, LAST_OFF, EVE = 0, 1, 2, 3


def days(of: Iterable[date], country: str = "CN") -> pd.DataFrame:
    """One row per day, indexed by it.

    ``weekday`` 0..6 (Monday = 0), or 7 on a public holiday and 8 on a working weekend; ``off``;
    ``kind`` working, off, last day off, eve of days off (0..3); ``holiday``; ``to_holiday``,
    ``since_holiday`` days, at most 15; ``term`` solar term 0..23 (winter solstice = 0) and
    ``since_term`` days, nan outside China.

    Raises:
        ValueError: a country other than CN and US.
    """
    if country not in ("CN", "US"):
        raise ValueError(f"no calendar of {country!r}: CN or US")
    rows = [_day(d, country) for d in of]
    return pd.DataFrame(rows, columns=list(COLUMNS), index=pd.DatetimeIndex(list(of)), dtype=np.float64)


@lru_cache(maxsize=4096)
def _day(day: date, country: str) -> tuple[float, ...]:
    day = date(day.year, day.month, day.day)
    off, (name, working) = _off(day, country), _public(day, country)
    off_next = _off(day + timedelta(days=1), country)
    kind = (OFF if off_next else LAST_OFF) if off else (EVE if off_next else WORKING)
    holiday = name and not working
    weekday = 7 if holiday else 8 if working else day.weekday()
    ahead = next((n for n in range(FAR) if _is_holiday(day + timedelta(days=n), country)), FAR)
    behind = next((n for n in range(FAR) if _is_holiday(day - timedelta(days=n), country)), FAR)
    return (weekday, off, kind, holiday, ahead, behind, *_term(day, country))


def _is_holiday(day: date, country: str) -> bool:
    name, working = _public(day, country)
    return name and not working


def _off(day: date, country: str) -> bool:
    name, working = _public(day, country)
    return (day.weekday() >= 5 or name) and not working


@lru_cache(maxsize=8192)
def _public(day: date, country: str) -> tuple[bool, bool]:
    """(is named by the table of public holidays, is a weekend worked instead)."""
    if country == "US":
        return day in _federal(day.year), False
    found = HolidayUtil.getHoliday(day.year, day.month, day.day)
    return found is not None, found is not None and found.isWork()


@lru_cache(maxsize=32)
def _federal(year: int) -> frozenset[date]:
    return frozenset(stamp.date() for stamp in USFederalHolidayCalendar().holidays(f"{year}-01-01", f"{year}-12-31"))


def _term(day: date, country: str) -> tuple[float, float]:
    if country != "CN":
        return np.nan, np.nan
    term = Solar.fromYmd(day.year, day.month, day.day).getLunar().getPrevJieQi(True)
    at = term.getSolar()
    since = (day - date(at.getYear(), at.getMonth(), at.getDay())).days
    # The sun's longitude moves evenly enough for its number: 24 terms in a year, the first at the winter solstice.
    solstice = date(at.getYear() - (1 if (at.getMonth(), at.getDay()) < (12, 20) else 0), 12, 21)
    number = round((date(at.getYear(), at.getMonth(), at.getDay()) - solstice).days / (365.2422 / 24)) % 24
    return float(number), float(max(since, 0))
