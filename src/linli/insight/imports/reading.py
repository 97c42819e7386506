"""A file under a mapping: rows of cells by field, every cell read, every problem with its row and column. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from linli.insight.imports import columns
from linli.kernel import cells, sheets
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import Problem

LIMITS = sheets.Limits(bytes=60_000_000, rows=300_000)
"""A year of lines of a middling shop."""

Table = list[tuple[int, list[str]]]
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Terms:
    """What a file is read under. `place`: the community of rows that name none. `now`: the business moment; later is a mistake."""

    region: str
    currency: str
    zone: ZoneInfo
    now: datetime
    origin: str
    place: str = ""
    profiling: bool = False


@dataclass(frozen=True)
class Line:
    """One row of the file: its number, and what could be read, by field."""

    number: int
    values: Mapping[str, Any]


@dataclass
class Read:
    """What was read of a file. With `problems` nothing of it is written. `counts` and `notes` are what a preview shows."""

    items: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        """Count something worth telling that is no mistake (a status nobody knows)."""
        kept = self.notes.setdefault(kind, {})
        if text in kept or len(kept) < 20:
            kept[text] = kept.get(text, 0) + 1


def readers(kind: str, terms: Terms) -> dict[str, Callable[[str], Any]]:
    """How each field's text becomes a value. A field without a reader is a text of at most 200 characters."""
    amount, moment, number = sheets.amount(terms.currency), cells.moment(terms.zone), cells.identifier(64)

    def money(text: str) -> int:
        return amount(cells.plain(text))  # "￥１２．５０" is what an input method makes of "¥12.50"

    known: dict[str, Callable[[str], Any]] = {
        "order_no": number,
        "group_no": number,
        "buyer_id": number,
        "member_no": number,
        "sku": number,
        "paid_at": moment,
        "joined_at": moment,
        "at": moment,
        "phone": cells.phone,
        "quantity": sheets.whole(1, 100_000),
        "price": money,
        "line_amount": money,
        "order_amount": money,
        # Some systems write what went back as a negative number.
        "refund": lambda text: amount(cells.plain(text).removeprefix("-")),
        "profiling": sheets.yes_no,
        "messages": sheets.yes_no,
        "product": sheets.text(4_000),
        "text": lambda text: text[:20_000],
    }
    # Lines of one order, and days of one shop, say the same over and over: each text is read once.
    return {f.name: lru_cache(maxsize=20_000)(known.get(f.name, sheets.text(200))) for f in columns.fields(kind)}


def heading(mapping: Mapping[str, str], name: str) -> str:
    """The heading a field stands under, to name the column in a problem; the field itself where it has none."""
    return mapping.get(name, name)


def lines(table: Table, kind: str, mapping: Mapping[str, str], terms: Terms, found: Read) -> list[Line]:
    """Every row below the headings, read; problems go into `found`. A row of sums ("合计") at the end is no row.

    Raises Refusal: kernel.sheet_columns(missing).
    """
    heads = table[0][1]
    places = [(f.name, heads.index(mapping[f.name])) for f in columns.fields(kind) if mapping.get(f.name) in heads]
    lacking = columns.missing(kind, {name: mapping[name] for name, _ in places})
    if lacking:
        raise Refusal("kernel.sheet_columns", missing="、".join(columns.field(kind, n).headings[0] for n in lacking))
    take = readers(kind, terms)
    read = []
    for number, row in table[1:]:
        if _is_sum(row):
            continue
        values: dict[str, Any] = {}
        for name, place in places:
            text = row[place].strip() if place < len(row) else ""
            if text in ("", "-", "—", "/"):
                continue
            try:
                values[name] = take[name](text)
            except Refusal as refusal:
                found.problems.append(Problem(number, mapping[name], refusal.code, {"value": text[:40], **refusal.facts}))
        read.append(Line(number, values))
    return read


def _is_sum(row: Sequence[str]) -> bool:
    first = next((cell.strip() for cell in row if cell.strip()), "")
    return first.rstrip(":：") in ("合计", "总计", "汇总", "Total")
