"""Tables in files: what is read is what was meant, and what can't be is named with its row and column."""

from __future__ import annotations

import io
import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from linli.kernel import sheets
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import Column

COLUMNS = (
    Column("code", ("编号",), sheets.text(8), required=True),
    Column("price", ("标价", "price"), sheets.amount("CNY")),
    Column("count", ("数量",), sheets.whole(1, 99)),
    Column("layer", ("层",), sheets.one_of({"爆款": "hit", "hit": "hit"})),
)


def of(text: str, encoding: str = "utf-8") -> sheets.Sheet:
    return sheets.read(text.encode(encoding), "goods.csv", COLUMNS)


def refused(content: bytes, name: str = "goods.csv") -> str:
    with pytest.raises(Refusal) as no:
        sheets.read(content, name, COLUMNS)
    return no.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_it_reads_what_spreadsheets_save(encoding: str, delimiter: str) -> None:
    text = "编号,标价(元),数量,备注\r\n樱桃,49.90,12,随便\r\n\r\n牛奶,3.5,,\r\n".replace(",", delimiter)
    found = of(text, encoding)
    assert [(r.number, r.values) for r in found.rows] == [
        (2, {"code": "樱桃", "price": 4990, "count": 12}),
        (4, {"code": "牛奶", "price": 350}),
    ]
    assert found.problems == []


def test_every_problem_has_its_row_and_column() -> None:
    found = of("编号,price,数量,层\n,1,1,hit\na,5 0,0,神\nb,2,3,爆款\n")
    assert [(p.row, p.column, p.code) for p in found.problems] == [
        (2, "编号", "kernel.cell_empty"),
        (3, "标价", "kernel.cell_amount"),
        (3, "数量", "kernel.cell_whole"),
        (3, "层", "kernel.cell_choice"),
    ]


@pytest.mark.parametrize(
    ("written", "minor"),
    [("49.90", 4990), ("¥49.9", 4990), ("1,234.50", 123450), ("12元", 1200), ("0.01", 1), ("50", 5000)],
)
def test_money_is_read_exactly(written: str, minor: int) -> None:
    assert sheets.amount("CNY")(written) == minor and sheets.amount("CNY")(sheets.written(minor, "CNY")) == minor


@pytest.mark.parametrize("written", ["€ 50,00", "49,90", "1.234,50", "12.345", "-3", "1e3", "nan", "٣", "", "1,23"])
def test_money_that_could_mean_two_things_is_refused(written: str) -> None:
    with pytest.raises(Refusal, match=r"kernel.cell_amount"):
        sheets.amount("CNY")(written)


def test_a_spreadsheet_comes_back_as_it_was_written() -> None:
    content = sheets.book("商品", ["编号", "标价", "数量"], [["=1+1", "49.90", 12], ["b", 4.9, 3.0]])
    found = sheets.read(content, "goods.XLSX", COLUMNS)
    assert [r.values for r in found.rows] == [{"code": "'=1+1", "price": 4990, "count": 12}, {"code": "b", "price": 490, "count": 3}]
    assert load_workbook(io.BytesIO(content)).active.cell(2, 1).data_type == "s"


def test_what_is_no_table_is_refused() -> None:
    assert refused(b"\x00\x01") == "kernel.sheet_unreadable"
    assert refused(b"PK\x03\x04 broken", "a.xlsx") == "kernel.sheet_unreadable"
    assert refused(b"") == "kernel.sheet_empty"
    assert refused("编号\n".encode()) == "kernel.sheet_empty"
    assert refused(b"price\n1\n") == "kernel.sheet_columns"
    assert refused(b"x" * (sheets.MOST_BYTES + 1)) == "kernel.sheet_too_big"
    assert refused(("编号\n" + "a\n" * sheets.MOST_ROWS).encode()) == "kernel.sheet_too_big"


def test_a_packed_bomb_is_not_unpacked() -> None:
    book, buffer = Workbook(), io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/bomb.bin", b"\0" * (sheets.MOST_UNPACKED_BYTES + 1))
    assert refused(buffer.getvalue(), "a.xlsx") == "kernel.sheet_too_big"
