"""The lake: every event as rows of Delta tables, written exactly once, read as atomic snapshots through Ibis.

Each commit carries, as Delta application transactions, how far in the log it reaches. After a crash between the
Delta commit and the reader's cursor the same events come again, and those at or before that point are left out,
table by table: a batch of several kinds is several commits, each idempotent by itself.
"""

from __future__ import annotations

import os
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError
from django.conf import settings

from linli.insight import engine, lake_tables
from linli.kernel import events, work

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from linli.insight.lake_tables import Written
    from linli.kernel.models import WorkRow

_TX, _ID = "linli.log.tx", "linli.log.id"
_NOTHING = (-1, -1)
KEEP_OLD_FILES_HOURS = 2
"""Files that compaction replaced stay this long, for readers that still hold the snapshot before it."""


def root() -> Path:
    """Where the lake lies."""
    return Path(settings.HOME) / "lake"


def folder(name: str, *, base: Path | None = None) -> Path:
    """The folder of one table: dots become underscores."""
    return (base or root()) / name.replace(".", "_")


# ---- writing


def relay(batch: Sequence[Written]) -> None:
    """Reader of the log: write a batch of events, each of them once (handler of a kernel.events.Subscription)."""
    _write(batch, root())


def _write(batch: Sequence[Written], base: Path) -> int:
    by_kind: dict[str, list[Written]] = {}
    for event in batch:
        by_kind.setdefault(event.kind, []).append(event)
    written = 0
    for kind, facts in by_kind.items():
        told = lake_tables.Batch(facts)
        written += sum(_write_shape(form, told, base) for form in lake_tables.shapes(kind))
    return written


def _write_shape(form: lake_tables.Shape, batch: lake_tables.Batch, base: Path) -> int:
    path = folder(form.name, base=base)
    table = _open(path)
    # In the readers' order, so what was written before a crash lies in front.
    if old := bisect_right(batch.facts, _reached(table), key=lambda e: (e.tx, e.id)):
        batch = lake_tables.Batch(batch.facts[old:])
    if not batch.facts or not (data := lake_tables.rows(form, batch)).num_rows:
        return 0
    last = batch.facts[-1]
    _commit(table or path, data, [Transaction(_TX, last.tx), Transaction(_ID, last.id)])
    return int(data.num_rows)


def append_once(name: str, data: pa.Table, *, stamp: str) -> bool:
    """Write rows of one table straight from columns (an importer). False when this stamp was written before.

    The columns are those of `lake_tables.shape(name).schema`.
    """
    schema = lake_tables.shape(name).schema
    path = folder(name)
    table = _open(path)
    if table is not None and table.transaction_version(stamp) is not None:
        return False
    _commit(table or path, data.select(schema.names).cast(schema), [Transaction(stamp, 1)])
    return True


def _commit(target: DeltaTable | Path, data: pa.Table, transactions: list[Transaction]) -> None:
    write_deltalake(
        target,
        data,
        mode="append",
        partition_by=lake_tables.PARTITIONS,
        # A fact that has gained a field widens its table; older rows read as null there.
        schema_mode="merge",
        # Only for new tables: a commit keeps the least and greatest of these columns, and of no other, so that nobody's
        # name or number stays behind in the log of a table whose rows are erased.
        configuration={"delta.dataSkippingStatsColumns": "day,happened_at,recorded_at"},
        commit_properties=CommitProperties(app_transactions=transactions),
    )


def _open(path: Path) -> DeltaTable | None:
    if not (path / "_delta_log").is_dir():
        return None
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        return None


def _reached(table: DeltaTable | None) -> tuple[int, int]:
    """How far in the log this table has been written: (tx, id) of its last event."""
    if table is None:
        return _NOTHING
    tx, event_id = table.transaction_version(_TX), table.transaction_version(_ID)
    return _NOTHING if tx is None or event_id is None else (tx, event_id)


# ---- looking after it


@dataclass(frozen=True)
class TableInfo:
    """One table of the lake, as `linli lake` shows it."""

    kind: str
    rows: int
    files: int
    bytes: int
    version: int
    written_at: datetime | None
    compacted_at: datetime | None


def names() -> list[str]:
    """Every table that has been written."""
    known = {folder(form.name).name: form.name for kind in events.KINDS for form in lake_tables.shapes(kind)}
    there = sorted(p.name for p in root().iterdir() if (p / "_delta_log").is_dir()) if root().is_dir() else []
    return [known[n] for n in there if n in known]


def tables() -> list[TableInfo]:
    """Rows, files, bytes and version of every table, by name."""
    return [_info(name) for name in names()]


_infos: dict[Path, TableInfo] = {}


def _info(name: str) -> TableInfo:
    """What one version of a table is made of never changes, and is read from hundreds of small files: kept until the next one."""
    path = folder(name)
    known = _infos.get(path)
    if known is not None and known.version == latest(path):
        return known
    table = DeltaTable(path)
    adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    history = table.history()  # newest first
    at, merged = history[0].get("timestamp"), next((h.get("timestamp") for h in history if h.get("operation") == "OPTIMIZE"), None)
    _infos[path] = TableInfo(
        name,
        sum(adds["num_records"]),
        len(adds["path"]),
        sum(adds["size_bytes"]),
        table.version(),
        _moment(at),
        _moment(merged),
    )
    return _infos[path]


def _moment(ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


MANY_FILES = 32
"""Files more than its months and regions have: from here on a table is worth merging by itself."""


def compact_due(row: WorkRow) -> None:
    """Work handler of "insight.compact": merge the tables that commits have left in many small files."""
    wanted = [name for name in names() if _small(name) >= MANY_FILES]
    for n, name in enumerate(wanted):
        work.report(row, done=n, total=len(wanted), label="day.lake")
        compact([name])


def _small(name: str) -> int:
    paths = pa.table(DeltaTable(folder(name)).get_add_actions(flatten=True))["path"].to_pylist()
    return len(paths) - len({path.rpartition("/")[0] for path in paths})


def compact(tables: Sequence[str] | None = None) -> int:
    """Merge small files of every table (or of `tables`), and remove what no recent snapshot needs.

    Returns how many files went into bigger ones. Each table is one commit: killed before it, nothing has changed but files
    that nobody names, which the next removal takes.
    """
    merged = 0
    for name in names() if tables is None else tables:
        table = DeltaTable(folder(name))
        merged += int(table.optimize.compact()["numFilesRemoved"])
        table.create_checkpoint()
        table.vacuum(retention_hours=KEEP_OLD_FILES_HOURS, dry_run=False, enforce_retention_duration=False)
    return merged


def erase_member(member_id: int, *, region: str) -> int:
    """Delete one member's rows from every table, old versions included. Returns how many rows went."""
    gone = 0
    for name in names():
        form = lake_tables.shape(name)
        if form.field is not None:
            continue
        all_rows = table(name)
        whose = all_rows["subject"] == f"member:{member_id}"
        if "member_id" in form.schema.names:
            whose |= all_rows["member_id"] == member_id
        mine = all_rows.filter(whose, all_rows["region"] == region)
        uids = mine.select("uid").to_pyarrow()["uid"].to_pylist()
        if not uids:
            continue
        listed = ", ".join(f"'{u}'" for u in uids)
        for part in lake_tables.shapes(name):
            if (delta := _open(folder(part.name))) is None:
                continue
            gone += int(delta.delete(f"region = '{region}' AND uid IN ({listed})")["num_deleted_rows"] or 0)
            delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    return gone


def rebuild(*, chunk: int = 10_000) -> int:
    """Write the whole lake anew from the log, silent history included, and put it in the old one's place.

    The relay may run meanwhile: after the swap its reader is rewound, and what the new lake holds is left out again.
    Returns how many rows were written.
    """
    fresh, old = root().with_name("lake.new"), root().with_name("lake.old")
    shutil.rmtree(fresh, ignore_errors=True)
    written, erased = 0, []
    for batch in events.whole_log(chunk=chunk):
        written += _write(batch, fresh)
        erased += [(e.region, int(e.subject.partition(":")[2])) for e in batch if e.kind == "people.member_erased"]
    fresh.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(old, ignore_errors=True)
    if root().exists():
        _carry_derived(fresh)
        root().rename(old)
    fresh.rename(root())
    shutil.rmtree(old, ignore_errors=True)
    forget()
    for region, member_id in erased:
        written -= erase_member(member_id, region=region)
    return written


def _carry_derived(fresh: Path) -> None:
    """Tables that no event tells (forecasts as they were said) go along as they are: nothing could write them anew."""
    ours = {folder(form.name).name for kind in events.KINDS for form in lake_tables.shapes(kind)}
    for path in root().iterdir():
        if path.is_dir() and path.name not in ours:
            shutil.copytree(path, fresh / path.name)


# ---- reading


def forget() -> None:
    """Let every thread read snapshots anew (the lake was swapped, or a test has its own)."""
    engine.forget()
    _infos.clear()


def table(name: str) -> ir.Table:
    """The table of an event kind ("trade.order_paid") or of its lists ("trade.order_paid__lines"), at the newest snapshot.

    Use the expression in the thread that asked for it. Before anything was written it is empty and typed.
    Raises KeyError for a kind that no room defines.
    """
    form = lake_tables.shape(name)
    path = folder(name)
    version = latest(path)
    if (held := engine.kept(path, version)) is not None:
        return held
    if version < 0:
        return engine.view(path, version, form.schema, [], [])
    snapshot = DeltaTable(path, version=version)
    return engine.view(path, version, form.schema, snapshot.file_uris(), {field.name for field in snapshot.schema().fields})


def latest(path: Path) -> int:
    """The newest version in a table's log, or -1: a look at file names, so that asking costs microseconds."""
    try:
        entries = os.listdir(path / "_delta_log")  # noqa: PTH208 (asked for on every read of a table: no Path objects)
    except FileNotFoundError:
        return -1
    return max((int(n[:20]) for n in entries if n.endswith(".json") and n[:20].isdigit()), default=-1)


def written(name: str) -> Iterator[dict[str, Any]]:
    """Every row of a table in the order of uid and position (for comparisons)."""
    found = table(name)
    keys = ["uid", "position"] if "position" in found.columns else ["uid"]
    yield from found.order_by(keys).to_pyarrow().to_pylist()
