"""Tables into files: CSV, XLSX and Parquet from rows that come one by one, never held whole in memory.

A text that begins like a formula stays a text when a spreadsheet opens the file; Parquet is read by programs and keeps it as it is.
"""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Any

Rows = Iterable[Sequence[Any]]
FORMULA = "=+-@\t\r"
"""What a spreadsheet takes for the beginning of a formula."""
AT_ONCE = 5000
MOST_SHEET_ROWS = 1_048_575
"""What one sheet of a spreadsheet holds beside its heading; more rows go on in the next sheet."""


def plain(value: Any) -> Any:
    """A value as every file can hold it: lists as text with semicolons, dicts as JSON, anything unknown by its own words."""
    if value is None or isinstance(value, bool | int | float | str | datetime | date):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return ";".join(str(v) for v in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def safe(value: Any) -> Any:
    """A value for a spreadsheet's cell: a text that would be a formula gets a quote in front."""
    told = plain(value)
    return f"'{told}" if isinstance(told, str) and told[:1] and told[0] in FORMULA else told


class _Echo:
    """A file that hands back what is written: rows stream without a buffer."""

    def write(self, text: str) -> str:
        return text


def csv_lines(head: Sequence[str], rows: Rows) -> Iterator[str]:
    """Lines of a CSV, with a byte-order mark so that spreadsheets read Chinese."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow([str(name) for name in head]))
    for row in rows:
        yield str(writer.writerow([safe(value) for value in row]))


def write_xlsx(file: IO[bytes], title: str, head: Sequence[str], rows: Rows) -> None:
    """A spreadsheet with a bold, frozen heading; a new sheet where one is full."""
    from openpyxl import Workbook

    made = Workbook(write_only=True)
    left = iter(rows)
    for number in itertools.count(1):
        sheet = made.create_sheet(title[:28] if number == 1 else f"{title[:28]} {number}")
        sheet.freeze_panes = "A2"
        sheet.append([str(name) for name in head])
        held = 0
        for row in itertools.islice(left, MOST_SHEET_ROWS):
            sheet.append([_cell(value) for value in row])
            held += 1
        if held < MOST_SHEET_ROWS:
            break
    made.save(file)


def _cell(value: Any) -> Any:
    """A spreadsheet's times know no zone: an aware one is told as ISO text."""
    told = safe(value)
    return told.isoformat() if isinstance(told, datetime) and told.tzinfo else told


def write_parquet(file: IO[bytes], head: Sequence[str], rows: Rows) -> None:
    """A Parquet file. Types come from all the rows: the first pass notes them, the second writes; a column of several is text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [str(name) for name in head]
    schema: Any = None
    with tempfile.TemporaryFile() as noted:
        left = iter(rows)
        batches = 0
        while some := list(itertools.islice(left, AT_ONCE)):
            columns = [_array([plain(v) for v in column]) for column in zip(*some, strict=True)]
            batch = pa.record_batch(columns, names=names)
            schema = batch.schema if schema is None else _both(schema, batch.schema)
            with pa.ipc.new_stream(noted, batch.schema) as stream:
                stream.write_batch(batch)
            batches += 1
        empty = pa.schema([(name, pa.string()) for name in names])
        final = pa.schema([(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in schema or empty])
        noted.seek(0)
        with pq.ParquetWriter(file, final) as writer:
            for _ in range(batches):
                table = pa.ipc.open_stream(noted).read_all()
                writer.write_table(pa.table([column.cast(f.type) for column, f in zip(table.columns, final, strict=True)], schema=final))


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers and texts in one column
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _both(one: Any, other: Any) -> Any:
    """The schema that holds both; where none does, the column is text."""
    import pyarrow as pa

    fields = []
    for a, b in zip(one, other, strict=True):
        try:
            fields.append(pa.unify_schemas([pa.schema([a]), pa.schema([b])], promote_options="permissive").field(0))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            fields.append(pa.field(a.name, pa.string()))
    return pa.schema(fields)


WRITERS: dict[str, tuple[str, Callable[[IO[bytes], str, Sequence[str], Rows], None]]] = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
    "parquet": ("application/vnd.apache.parquet", lambda file, title, head, rows: write_parquet(file, head, rows)),
}
"""Forms that are written as a file, with their media types; CSV is told line by line."""

FORMS = ("csv", *WRITERS)
