"""Forecasts as they were said, in the lake: one commit a night, dated as of the day they were made, never changed after.

Two Delta tables beside those of events: `forecast` (what was said, by region, level and day it was said on) and
`forecast_sold` (the days that have happened, at the region's level and for five weeks at the community's). They are derived:
`linli lake rebuild` writes the tables of events anew and carries these over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake

from linli.insight import lake

SAID, SOLD = "forecast", "forecast_sold"
PLACE_NIGHTS = 35
"""Communities' forecasts are kept this long: fifty times as many rows as SKUs', and asked about for weeks only."""
NIGHTLY, JUDGED = "nightly", "judged"
"""What was really said at night, and what the judged model would have said on the days it was judged by."""

_PARTITIONS = ("region", "source", "level", "said_on")


def say(region: str, said_on: date, source: str, rows: pd.DataFrame) -> None:
    """Keep forecasts said as of the end of `said_on`; saying them again puts these in their place."""
    data = rows.assign(region=region, source=source, said_on=said_on.isoformat())
    data["day"] = pd.to_datetime(data["day"]).dt.date
    where = f"region = '{region}' AND source = '{source}' AND said_on = '{said_on.isoformat()}'"
    _replace(SAID, data, where, _PARTITIONS)


def happened(region: str, rows: pd.DataFrame) -> None:
    """Keep what was sold: sku, place (0 of all), day, pieces, available. The region's rows as they are known now."""
    data = rows.assign(region=region)
    data["day"] = pd.to_datetime(data["day"]).dt.date
    _replace(SOLD, data, f"region = '{region}'", ("region",))


def tidy(region: str, today: date) -> None:
    """Let go of communities' forecasts that nobody asks about any more, and of the files they lay in."""
    for name in (SAID, SOLD):
        if (table := _open(name)) is None:
            continue
        if name == SAID:
            table.delete(f"region = '{region}' AND level = 'place' AND said_on < '{(today - timedelta(days=PLACE_NIGHTS)).isoformat()}'")
        table.vacuum(retention_hours=lake.KEEP_OLD_FILES_HOURS, dry_run=False, enforce_retention_duration=False)


def version() -> tuple[str, int, int]:
    """Where the tables lie and which versions they have: what was read at one version stays true of it."""
    return str(lake.root()), lake.latest(lake.folder(SAID)), lake.latest(lake.folder(SOLD))


def said_days(region: str, source: str = NIGHTLY) -> list[date]:
    """The days as of which forecasts were said, oldest first; a look at names of folders."""
    table = _open(SAID)
    if table is None:
        return []
    parts = [p for p in table.partitions() if p["region"] == region and p["source"] == source and p["level"] == "sku"]
    return sorted({date.fromisoformat(p["said_on"]) for p in parts})


def said(
    region: str, days: Sequence[date], *, level: str, source: str = NIGHTLY, sku: str | None = None, place: int | None = None
) -> pd.DataFrame:
    """Rows of `demand_levels.rows` said as of `days`, with `said_on`; empty when none."""
    table = _open(SAID)
    if table is None or not days:
        return pd.DataFrame()
    parts = [("region", "=", region), ("source", "=", source), ("level", "=", level), ("said_on", "in", [d.isoformat() for d in days])]
    wanted = None if sku is None else ds.field("sku") == sku
    if place is not None:
        wanted = ds.field("place") == place if wanted is None else wanted & (ds.field("place") == place)
    found = table.to_pyarrow_dataset(file_pruning_predicate=parts).to_table(filter=wanted).to_pandas()
    return found.assign(said_on=found["said_on"].map(date.fromisoformat)) if len(found) else pd.DataFrame()


def sold(region: str, *, since: date | None = None, sku: str | None = None, place: int | None = 0) -> pd.DataFrame:
    """sku, place, day, pieces, available; `place` None: the communities'."""
    table = _open(SOLD)
    if table is None:
        return pd.DataFrame(columns=["sku", "place", "day", "pieces", "available"])
    wanted = ds.field("place") != 0 if place is None else ds.field("place") == place
    if since is not None:
        wanted &= ds.field("day") >= pa.scalar(since, pa.date32())
    if sku is not None:
        wanted &= ds.field("sku") == sku
    return table.to_pyarrow_dataset(file_pruning_predicate=[("region", "=", region)]).to_table(filter=wanted).to_pandas()


_opened: dict[Path, DeltaTable] = {}


def _open(name: str) -> DeltaTable | None:
    """The table at its newest version; opening reads its whole log, so an opened one is kept until the next version."""
    path = lake.folder(name)
    newest = lake.latest(path)
    if newest < 0:
        return None
    table = _opened.get(path)
    if table is None or table.version() != newest:
        table = _opened[path] = DeltaTable(path)
    return table


def _replace(name: str, data: pd.DataFrame, where: str, partitions: Sequence[str]) -> None:
    floats = {c: "float32" for c in data.columns if data[c].dtype == "float64"}
    rows = pa.Table.from_pandas(data.astype(floats), preserve_index=False)
    there, parts = _open(name), list(partitions)
    if there is None:
        write_deltalake(lake.folder(name), rows, partition_by=parts)
    else:
        write_deltalake(there, rows, mode="overwrite", predicate=where, partition_by=parts, schema_mode="merge")
