"""Tables in files: CSV and XLSX read whole, every value checked, each problem with its row and column; nothing is written here.

calamine reads the spreadsheets; kernel.tables writes them. A file is judged completely before anybody acts on it.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from linli.kernel import tables
from linli.kernel.money import CURRENCIES
from linli.kernel.refusals import Refusal

MOST_BYTES = 10_000_000
MOST_UNPACKED_BYTES = 200_000_000
"""A spreadsheet is a zip: what it unpacks to is bounded as well."""

MOST_ROWS = 50_000
ENCODINGS = ("utf-8-sig", "gb18030")
"""As spreadsheets save them: UTF-8, and what a Chinese Excel writes when asked for CSV."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file: where (row as the spreadsheet numbers it, column by its heading), a refusal code, facts."""

    row: int
    column: str
    code: str
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Column:
    """A column of an import: its field, the headings it may stand under, and how its text becomes a value.

    `read` raises Refusal for a text it can't take. A column that isn't `required` may be missing, and then changes nothing.
    """

    field: str
    headings: tuple[str, ...]
    read: Callable[[str], Any]
    required: bool = False


@dataclass(frozen=True)
class Row:
    """One row: its number in the file, and the values by field."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """A file's rows that could be read, and everything that is wrong with it. Act only when `problems` is empty."""

    rows: list[Row]
    problems: list[Problem]


def read(content: bytes, filename: str, columns: Sequence[Column]) -> Sheet:
    """Read a table by its headings. An empty cell is left out of the row, and is a problem where the column is required.

    Raises Refusal: kernel.sheet_too_big(most_bytes, most_rows), kernel.sheet_unreadable, kernel.sheet_empty,
    kernel.sheet_columns(missing).
    """
    filled = table(content, filename)
    places = _places(filled[0][1], columns)
    rows, problems = [], []
    for number, cells in filled[1:]:
        row, wrong = _row(number, cells, places)
        rows.append(row)
        problems += wrong
    return Sheet(rows, problems)


@dataclass(frozen=True)
class Limits:
    """The most a file may be. What it unpacks to is bounded apart: MOST_UNPACKED_BYTES."""

    bytes: int = MOST_BYTES
    rows: int = MOST_ROWS

    def refusal(self) -> Refusal:
        return Refusal("kernel.sheet_too_big", most_mb=self.bytes // 1_000_000, most_rows=self.rows)


PLAIN = Limits()


def table(content: bytes, filename: str, limits: Limits = PLAIN) -> list[tuple[int, list[str]]]:
    """The filled rows of a CSV or XLSX, headings first, with their numbers in the file; every cell as text.

    Raises Refusal: kernel.sheet_too_big(most_mb, most_rows), kernel.sheet_unreadable, kernel.sheet_empty.
    """
    if len(content) > limits.bytes:
        raise limits.refusal()
    rows = _spreadsheet(content, limits) if filename.lower().endswith((".xlsx", ".xlsm", ".xls")) else _text(content)
    filled = []
    for number, cells in enumerate(rows, 1):
        if number > limits.rows:
            raise limits.refusal()
        if any(cells):
            filled.append((number, cells))
    if len(filled) < 2:
        raise Refusal("kernel.sheet_empty")
    return filled


def _places(headings: Sequence[str], columns: Sequence[Column]) -> list[tuple[Column, int]]:
    """Which column stands where. Headings no column knows are somebody's notes."""
    known = {_plain(name): column for column in columns for name in (column.field, *column.headings)}
    places = {known[_plain(h)]: place for place, h in reversed(list(enumerate(headings))) if _plain(h) in known}
    if missing := [c.headings[0] for c in columns if c.required and c not in places]:
        raise Refusal("kernel.sheet_columns", missing="、".join(missing))
    return sorted(places.items(), key=lambda at: at[1])


def _plain(heading: str) -> str:
    return re.sub(r"[\s_*（(].*$", "", heading.strip().lower()) or heading.strip().lower()


def _row(number: int, cells: Sequence[str], places: Iterable[tuple[Column, int]]) -> tuple[Row, list[Problem]]:
    values: dict[str, Any] = {}
    problems = []
    for column, place in places:
        text = cells[place].strip() if place < len(cells) else ""
        if not text:
            if column.required:
                problems.append(Problem(number, column.headings[0], "kernel.cell_empty", {}))
            continue
        try:
            values[column.field] = column.read(text)
        except Refusal as refusal:
            problems.append(Problem(number, column.headings[0], refusal.code, {"value": text[:40], **refusal.facts}))
    return Row(number, values), problems


def decoded(content: bytes) -> str:
    """A file's text, UTF-8 (with or without a mark) or GB 18030. Raises Refusal: kernel.sheet_unreadable."""
    for encoding in ENCODINGS:
        try:
            found = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in found:
            return found
        break
    raise Refusal("kernel.sheet_unreadable")


def _text(content: bytes) -> Iterator[list[str]]:
    found = decoded(content)
    first = found.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(found, newline=""), delimiter=delimiter, strict=True)
    except csv.Error:
        raise Refusal("kernel.sheet_unreadable") from None


def _spreadsheet(content: bytes, limits: Limits) -> Iterator[list[str]]:
    from python_calamine import CalamineWorkbook

    try:
        if content[:2] == b"PK":  # an .xls of the nineties is no zip
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED_BYTES:
                    raise limits.refusal()
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        if sheet.total_height > limits.rows:
            raise limits.refusal()
        # With the empty area in front, or the rows would not have the numbers that the spreadsheet shows.
        rows = sheet.to_python(skip_empty_area=False)
    except Refusal:
        raise
    except Exception as error:  # whatever a damaged file makes the library stumble over, it is the file that can't be read
        raise Refusal("kernel.sheet_unreadable") from error
    for cells in rows:
        yield [_cell(value) for value in cells]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):  # a spreadsheet has no integers: 12 is kept as 12.0, and 4.9 as the nearest float
        return f"{value:.10f}".rstrip("0").rstrip(".")
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def text(most: int) -> Callable[[str], str]:
    """A reader of texts of up to `most` characters."""

    def take(value: str) -> str:
        if len(value) > most or "\0" in value:
            raise Refusal("kernel.cell_long", most=most)
        return value

    return take


def whole(least: int = 0, most: int = 10**9) -> Callable[[str], int]:
    """A reader of whole numbers between `least` and `most`."""

    def take(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", value.replace(",", "")):
            raise Refusal("kernel.cell_whole", least=least, most=most)
        number = int(value.replace(",", ""))
        if not least <= number <= most:
            raise Refusal("kernel.cell_whole", least=least, most=most)
        return number

    return take


def amount(currency: str) -> Callable[[str], int]:
    """A reader of money into minor units: "49.90", "¥49.9", "1,234.50".

    A comma where decimals should be ("49,90") is refused, never guessed: read as 4990 it once sent an order under its
    minimum (foodsoft #1166).
    """
    unit = CURRENCIES[currency]

    def take(value: str) -> int:
        plain = value.strip().removeprefix(unit.symbol).strip().removesuffix("元").strip()
        if not re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})*(\.[0-9]+)?|[0-9]{1,12}(\.[0-9]+)?", plain):
            raise Refusal("kernel.cell_amount")
        try:
            minor = Decimal(plain.replace(",", "")) * 10**unit.exponent
        except InvalidOperation:
            raise Refusal("kernel.cell_amount") from None
        if minor != int(minor) or minor > 10**12:
            raise Refusal("kernel.cell_amount")
        return int(minor)

    return take


def written(amount_minor: int, currency: str) -> str:
    """Money as `amount` reads it back: 4990 as "49.90"."""
    exponent = CURRENCIES[currency].exponent
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"


def one_of(choices: Mapping[str, str]) -> Callable[[str], str]:
    """A reader of one of the values, each under any of the names that lead to it (text -> value)."""
    known = {name.strip().lower(): value for name, value in choices.items()}

    def take(value: str) -> str:
        if (found := known.get(value.strip().lower())) is None:
            raise Refusal("kernel.cell_choice", choices="、".join(choices))
        return found

    return take


def yes_no(value: str) -> bool:
    """A reader of yes and no in both languages."""
    found = one_of({"是": "1", "否": "", "yes": "1", "no": "", "1": "1", "0": "", "true": "1", "false": ""})(value)
    return bool(found)


def book(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A spreadsheet of one sheet with a bold, frozen heading. Texts stay texts, also those that begin like a formula."""
    buffer = io.BytesIO()
    tables.write_xlsx(buffer, title, head, rows)
    return buffer.getvalue()
