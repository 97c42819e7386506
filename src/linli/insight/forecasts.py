"""What others read of demand: expected pieces with their uncertainty, why, what was said before, what happened, and who serves.

Everything comes from `forecast_table`, as it was said; nothing is computed anew, so a page and a purchase of the same night
see the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from linli.insight import demand, demand_facts, forecast_table
from linli.insight.demand_facts import Good
from linli.insight.features import zone_of
from linli.insight.local_days import EPOCH, end_of

QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LATELY_DAYS = 28
SHOWN_DAYS = 56
OFFERED = 0.9
"""A day on which less than this part of the demand could be served is marked as sold out and judges nobody."""


@dataclass(frozen=True)
class Expected:
    """Pieces of one day, or of several as a sum: mean and quantiles by level. Interpolated between what was said."""

    day: date
    mean: float
    quantiles: tuple[float, ...]

    def quantile(self, tau: float) -> float:
        """Pieces that demand stays under with probability `tau`, which is kept within 5 and 95 %."""
        return float(np.interp(tau, QUANTILES, self.quantiles))

    @property
    def low(self) -> float:
        """The lower end of the 80 % range."""
        return self.quantile(0.1)

    @property
    def high(self) -> float:
        """The upper end of the 80 % range."""
        return self.quantile(0.9)


@dataclass(frozen=True)
class Push:
    """What a driver adds to the usual day, in pieces and as a share of the usual."""

    driver: str
    pieces: float
    share: float


@dataclass(frozen=True)
class Accuracy:
    """How far forecasts of the last four weeks were off, said 1 to 14 days before: `wape` of all pieces, beside the `floor`
    that nobody gets under at this rate (Poisson). `really`: days of which the forecast had really been said that night."""

    days: int
    really: int
    wape: float
    wpe: float
    floor: float


@dataclass(frozen=True)
class SkuForecast:
    """One SKU in a list: tomorrow and the next seven days of the region, or of one community."""

    good: Good
    tomorrow: Expected
    week: Expected
    last_week: float
    recent: tuple[float, ...]  # pieces a day of the last four weeks
    accuracy: Accuracy | None


@dataclass(frozen=True)
class Past:
    """A day that has happened: pieces, whether it was sold out for part of it, and what had been said (None: nothing)."""

    day: date
    pieces: float
    sold_out: bool
    said: Expected | None
    really: bool


@dataclass(frozen=True)
class PlaceForecast:
    """The next seven days of one community, its pieces of the last seven, and its part of the SKU's forecast."""

    community_id: int
    week: Expected
    last_week: float
    share: float


@dataclass(frozen=True)
class SkuDetail:
    """Everything about one SKU: two weeks ahead, eight weeks back, why, and where."""

    row: SkuForecast
    days: tuple[Expected, ...]
    why: tuple[tuple[date, float, tuple[Push, ...]], ...]  # day, usual pieces, pushes by size
    past: tuple[Past, ...]
    places: tuple[PlaceForecast, ...]


@dataclass(frozen=True)
class Standing:
    """What the figures are as of: forecasts were said as of the end of `said_on`, by `version`; `serves` by level."""

    said_on: date
    as_of: datetime
    artefact: demand.Artefact
    note: str


def standing(region: str, as_of: datetime | None = None) -> Standing | None:
    """The last night's forecast; None before there is one. `as_of`: the last said by then."""
    if (last := _last(region, as_of)) is None:
        return None
    at = _end(last, zone_of(region))
    artefact = demand.newest(region, at + timedelta(days=1))
    return Standing(last, at, artefact, demand.note_of(artefact, at)) if artefact else None


def _end(last: date, zone: str) -> datetime:
    return end_of((last - EPOCH).days, zone)


def _last(region: str, as_of: datetime | None) -> date | None:
    days = forecast_table.said_days(region)
    if as_of is not None:
        zone = zone_of(region)
        days = [d for d in days if _end(d, zone) <= as_of]
    return days[-1] if days else None


# ---- for plan and whoever else counts on pieces


def expected(region: str, sku: str, *, community_id: int | None = None, as_of: datetime | None = None) -> list[Expected]:
    """Demand of a SKU (at one community, or in the whole region) on each of the coming days, in order; [] where none was said.

    Demand is what would be sold if it were in stock. Communities reach seven days, the region fourteen.
    """
    last = _last(region, as_of)
    level, place = ("sku", None) if community_id is None else ("place", community_id)
    rows = forecast_table.said(region, [last], level=level, sku=sku, place=place) if last else pd.DataFrame()
    return _days(rows[rows["span"] == 1]) if len(rows) else []


def expected_of(region: str, *, community_id: int | None = None, as_of: datetime | None = None) -> dict[str, list[Expected]]:
    """`expected` of every SKU, by code: one read."""
    last = _last(region, as_of)
    level, place = ("sku", None) if community_id is None else ("place", community_id)
    rows = forecast_table.said(region, [last], level=level, place=place) if last else pd.DataFrame()
    rows = rows[rows["span"] == 1] if len(rows) else rows
    return {str(sku): _days(mine) for sku, mine in rows.groupby("sku")} if len(rows) else {}


def _days(rows: pd.DataFrame) -> list[Expected]:
    columns = [f"q{round(100 * t):02d}" for t in QUANTILES]
    ordered = rows.sort_values("day", kind="stable")
    values = ordered[columns].to_numpy(np.float64)
    return [Expected(day, float(mean), tuple(map(float, q))) for day, mean, q in zip(ordered["day"], ordered["mean"], values, strict=True)]


# ---- for pages


def listed(region: str, *, search: str = "", category: str = "", community_id: int | None = None) -> list[SkuForecast]:
    """Every forecast SKU by pieces expected in seven days, largest first; filtered by words of its name, category, community."""
    last = _last(region, None)
    if last is None:
        return []
    rows = _rows(region, last, community_id, forecast_table.version())
    goods = demand_facts.names(region, tuple(rows))
    asked = search.strip().lower()
    found = [
        replace(row, good=good)
        for sku, row in rows.items()
        if (good := goods[sku])
        and (not category or good.category == category)
        and asked in f"{good.code} {good.name_zh} {good.name_en}".lower()
    ]
    return sorted(found, key=lambda r: (-r.week.mean, r.good.code))


@lru_cache(maxsize=32)
def _rows(region: str, last: date, community_id: int | None, version: tuple[str, int, int]) -> dict[str, SkuForecast]:
    """The list but for its names, which may change: what one version of the tables says never does."""
    level = "sku" if community_id is None else "place"
    rows = forecast_table.said(region, [last], level=level, place=community_id)
    sold = forecast_table.sold(region, since=last - timedelta(days=LATELY_DAYS - 1), place=community_id or 0)
    accuracy = _accuracies(sold, _before(region, last, "")) if community_id is None else {}
    wide = sold.pivot(index="sku", columns="day", values="pieces")
    wide = wide.reindex(columns=[last - timedelta(days=n) for n in range(LATELY_DAYS - 1, -1, -1)]).fillna(0.0)
    pieces = dict(zip(wide.index, wide.to_numpy(np.float64), strict=True))
    first, week = rows[(rows["span"] == 1) & (rows["ahead"] == 1)], rows[rows["span"] == 7]
    weeks = dict(zip(week["sku"], _days(week), strict=True))
    found = {}
    for sku, tomorrow in zip(first["sku"], _days(first), strict=True):
        recent = tuple(map(float, pieces.get(sku, np.zeros(LATELY_DAYS))))
        found[str(sku)] = SkuForecast(_NAMELESS, tomorrow, weeks[sku], sum(recent[-7:]), recent, accuracy.get(sku))
    return found


_NAMELESS = Good("", "", "", "", "", "", False)


def categories(region: str) -> list[str]:
    """Categories that have a forecast."""
    last = _last(region, None)
    rows = forecast_table.said(region, [last], level="category") if last else pd.DataFrame()
    return sorted(rows["category"].unique()) if len(rows) else []


def _before(region: str, last: date, sku: str) -> pd.DataFrame:
    """What had been said of days up to `last`, of each day the shortest time ahead; nights count before judged forecasts."""
    since = last - timedelta(days=SHOWN_DAYS)
    parts = []
    for source in (forecast_table.NIGHTLY, forecast_table.JUDGED):
        days = [d for d in forecast_table.said_days(region, source) if since <= d < last]
        rows = forecast_table.said(region, days, level="sku", source=source, sku=sku or None)
        if len(rows):
            parts.append(rows[(rows["span"] == 1) & (rows["day"] <= last)])
    if not parts:
        return pd.DataFrame()
    told = pd.concat(parts, ignore_index=True)
    told["later"] = told["source"] != forecast_table.NIGHTLY
    return told.sort_values(["sku", "day", "later", "ahead", "said_on"]).drop_duplicates(["sku", "day"])


def _accuracies(sold: pd.DataFrame, said: pd.DataFrame) -> dict[str, Accuracy]:
    """By SKU, over the days of `sold` that were not sold out and had been forecast; none with fewer than seven."""
    from linli.science import poisson_floor

    if not len(said) or not len(sold):
        return {}
    both = said.merge(sold.loc[sold["available"] >= OFFERED, ["sku", "day", "pieces"]], on=["sku", "day"])
    both = both.assign(
        missed=both["mean"] - both["pieces"], off=(both["mean"] - both["pieces"]).abs(), really=both["source"] == forecast_table.NIGHTLY
    )
    by = both.groupby("sku").agg(
        days=("pieces", "size"), pieces=("pieces", "sum"), missed=("missed", "sum"), off=("off", "sum"), really=("really", "sum")
    )
    by = by[(by["days"] >= 7) & (by["pieces"] > 0)].astype("float64")
    floor = poisson_floor.wape((by["pieces"] / by["days"]).to_numpy())
    return {
        str(sku): Accuracy(int(r["days"]), int(r["really"]), r["off"] / r["pieces"], r["missed"] / r["pieces"], float(f))
        for (sku, r), f in zip(by.to_dict("index").items(), floor, strict=True)
    }


def detail(region: str, sku: str) -> SkuDetail | None:
    """Everything about one SKU; None where nothing was forecast of it."""
    last = _last(region, None)
    rows = forecast_table.said(region, [last], level="sku", sku=sku) if last else pd.DataFrame()
    if last is None or not len(rows):
        return None
    sold = forecast_table.sold(region, since=last - timedelta(days=SHOWN_DAYS - 1), sku=sku)
    said = _before(region, last, sku)
    good = demand_facts.names(region, (sku,))[sku]
    one = rows[rows["span"] == 1].sort_values("day")
    row = _rows(region, last, None, forecast_table.version())[sku]
    return SkuDetail(
        replace(row, good=good),
        tuple(_days(one)),
        tuple((day, float(row["why_usual"]), _pushes(row)) for day, row in zip(one["day"], one.to_dict("records"), strict=True)),
        _past(sold, said, last),
        _places(region, sku, last),
    )


def _pushes(row: dict[str, Any]) -> tuple[Push, ...]:
    """Drivers that move at least one per cent of the usual day, the largest first."""
    usual = float(row["why_usual"]) or 1.0
    parts = [(name.removeprefix("why_"), float(v)) for name, v in row.items() if name.startswith("why_") and name != "why_usual"]
    told = [Push(name, value, value / usual) for name, value in parts if not np.isnan(value) and abs(value) >= 0.01 * usual]
    return tuple(sorted(told, key=lambda p: -abs(p.pieces)))


def _past(sold: pd.DataFrame, said: pd.DataFrame, last: date) -> tuple[Past, ...]:
    happened = {r["day"]: r for r in sold.to_dict("records")}
    before = {r["day"]: r for r in said.to_dict("records")} if len(said) else {}
    spoken = {e.day: e for e in _days(said)} if len(said) else {}
    found = []
    for n in range(SHOWN_DAYS - 1, -1, -1):
        day = last - timedelta(days=n)
        row = happened.get(day)
        if row is None:
            continue
        really = day in before and before[day]["source"] == forecast_table.NIGHTLY
        found.append(Past(day, float(row["pieces"]), float(row["available"]) < OFFERED, spoken.get(day), really))
    return tuple(found)


def _places(region: str, sku: str, last: date) -> tuple[PlaceForecast, ...]:
    rows = forecast_table.said(region, [last], level="place", sku=sku)
    if not len(rows):
        return ()
    sold = forecast_table.sold(region, since=last - timedelta(days=6), sku=sku, place=None)
    lately = sold.groupby("place")["pieces"].sum()
    week = rows[rows["span"] == 7]
    total = float(week["mean"].sum()) or 1.0
    # Weeks all begin on the same day, so they come back in their order.
    found = [
        PlaceForecast(int(place), e, float(lately.get(place, 0.0)), e.mean / total)
        for place, e in zip(week["place"], _days(week), strict=True)
    ]
    return tuple(sorted(found, key=lambda p: (-p.week.mean, p.community_id)))


def exported(rows: Sequence[SkuForecast]) -> list[list[Any]]:
    """Rows of a list for a table to take along: code, names, category, tomorrow, week with its 80 % range, last week, errors."""
    return [
        [
            r.good.code, r.good.name_zh, r.good.name_en, r.good.category, round(r.tomorrow.mean, 2), round(r.week.mean, 2),
            round(r.week.low, 2), round(r.week.high, 2), round(r.last_week, 2),
            *([round(r.accuracy.wape, 4), round(r.accuracy.floor, 4)] if r.accuracy else [None, None]),
        ]
        for r in rows
    ]  # fmt: skip
