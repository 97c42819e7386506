"""Tables into files: no formula in a spreadsheet, types that hold every row, nothing lost between batches."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from linli.kernel import tables

HEAD = ("name", "amount_minor", "share", "at", "labels")
ROWS = [
    ("=1+1", 1, None, datetime(2026, 1, 1, tzinfo=UTC), ["a", "b"]),
    ("+86", None, 0.5, None, []),
    ("王", -3, 1, datetime(2026, 1, 2, tzinfo=UTC), ["c"]),
]


def test_a_csv_has_no_formula_and_keeps_numbers() -> None:
    lines = "".join(tables.csv_lines(HEAD, ROWS)).splitlines()
    assert lines[0].startswith("\ufeffname,") and lines[1].startswith("'=1+1,1,") and lines[2].startswith("'+86,")
    assert lines[3].split(",")[1] == "-3"


def test_a_spreadsheet_has_no_formula() -> None:
    file = io.BytesIO()
    tables.write_xlsx(file, "t", HEAD, ROWS)
    sheet = load_workbook(file).active
    assert [sheet.cell(2, 1).value, sheet.cell(2, 1).data_type, sheet.cell(4, 2).value] == ["'=1+1", "s", -3]
    assert sheet.cell(2, 4).value == "2026-01-01T00:00:00+00:00" and sheet.cell(2, 5).value == "a;b"


def test_a_full_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_SHEET_ROWS", 2)
    file = io.BytesIO()
    tables.write_xlsx(file, "t", ["n"], [[n] for n in range(5)])
    book = load_workbook(file)
    assert [[c.value for c in sheet["A"]] for sheet in book] == [["n", 0, 1], ["n", 2, 3], ["n", 4]]


def test_parquet_keeps_values_and_types_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "AT_ONCE", 1)  # every row its own batch: types differ from one to the next
    file = io.BytesIO()
    tables.write_parquet(file, HEAD, ROWS)
    table = pq.read_table(file)
    assert [str(f.type) for f in table.schema] == ["string", "int64", "double", "timestamp[us, tz=UTC]", "string"]
    assert table.column("name").to_pylist() == ["=1+1", "+86", "王"] and table.column("share").to_pylist() == [None, 0.5, 1.0]


def test_parquet_of_mixed_and_of_no_rows() -> None:
    for rows, told in (([[1], ["a"], [date(2026, 1, 1)]], ["1", "a", "2026-01-01"]), ([], [])):
        file = io.BytesIO()
        tables.write_parquet(file, ["x"], rows)
        assert pq.read_table(file).column("x").to_pylist() == told
