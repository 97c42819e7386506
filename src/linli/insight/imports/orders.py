"""Order lines as orders: rows joined by what makes them one order, who bought, where, what it came to. Nothing is written.

Amounts are what the member paid: of the order where the file says it, else of its lines. What lines came to is the order's
amount parted by their prices (by pieces where there are none), to the last fen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linli.goods.imports import CATEGORY_NAMES
from linli.insight.imports.items import Item, category_of, items, status
from linli.insight.imports.reading import Line, Read, Table, Terms, heading, lines
from linli.kernel import ids
from linli.kernel.sheets import Problem

WHOLE_ORDER = ("paid_at", "order_amount", "refund", "phone", "buyer", "buyer_id", "receiver", "community")
"""What rows of one order say of the whole: they may leave it out after the first, but not say something else."""


@dataclass(frozen=True)
class Who:
    """Somebody as a file knows them: `phone` where it is whole; `mark` tells those apart who have none."""

    phone: str
    mark: str
    name: str
    surname: str


@dataclass(frozen=True)
class Goods:
    """One of the goods of an order. `amount_minor` is its part of what was paid."""

    product_name: str
    sku: str
    category: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True)
class Order:
    """An order of the file. `goods` is empty and `amount_minor` 0 where it was never paid or wholly given back."""

    key: str
    order_no: str
    row: int
    at: datetime
    who: Who
    place: str
    amount_minor: int
    goods: tuple[Goods, ...]

    @property
    def digest(self) -> str:
        """What an order says; another digest under the same key is a correction."""
        told = (self.at.isoformat(), self.who.phone or self.who.mark, self.amount_minor, self.goods)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def read(table: Table, mapping: Mapping[str, str], terms: Terms, skus: Mapping[str, str]) -> Read:
    """The orders of a file. `skus`: code or name -> category, of the shop's own goods.

    Raises Refusal: kernel.sheet_columns.
    """
    found = Read()
    rows = lines(table, "orders", mapping, terms, found)
    broken = {p.row for p in found.problems}
    together: dict[str, list[Line]] = {}
    last = ""
    for row in rows:
        key = _key(row.values, terms)
        if not key and "order_no" in mapping and "product" in row.values and last:
            key = last  # a line of the order above, whose cells were one
        if not key:
            if row.number not in broken:
                column = heading(mapping, "order_no" if "order_no" in mapping else "paid_at")
                found.problems.append(Problem(row.number, column, "kernel.cell_empty", {}))
            last = ""
            continue
        together.setdefault(key, []).append(row)
        last = key
    for key, parts in together.items():
        if not any(part.number in broken for part in parts) and (order := _order(key, parts, mapping, terms, skus, found)):
            found.items.append(order)
    found.counts = {"rows": len(rows), "orders": len(found.items), "lines": sum(len(o.goods) for o in found.items)}
    found.problems.sort(key=lambda p: p.row)
    return found


def _key(values: Mapping[str, Any], terms: Terms) -> str:
    """What makes rows one order: its number; else its number in the group-buy with when and who."""
    if number := values.get("order_no"):
        told = f"no/{number}"
    elif values.get("paid_at") and (who := values.get("buyer_id") or values.get("buyer") or values.get("phone") or values.get("receiver")):
        told = f"group/{values.get('group_no', '')}/{values['paid_at'].isoformat()}/{who}"
    else:
        return ""
    return ids.named_hex(f"import/order/{terms.region}/{terms.origin}/{told}")


def _order(key: str, parts: Sequence[Line], mapping: Mapping[str, str], terms: Terms, skus: Mapping[str, str], found: Read) -> Order | None:
    whole: dict[str, Any] = {}
    wrong: list[Problem] = []
    backs: list[int] = []
    for part in parts:
        for name in WHOLE_ORDER:
            if (value := part.values.get(name)) is None:
                continue
            if name == "refund":  # of each line where the lines differ, of the order where all say the same
                backs.append(value)
            elif whole.setdefault(name, value) != value:
                wrong.append(Problem(part.number, heading(mapping, name), "insight.import_differs", {"first": _shown(whole[name])}))
    whole["refund"] = sum(backs) if len(set(backs)) > 1 else (backs or [0])[0]
    first = parts[0].number
    at, who = whole.get("paid_at"), _who(whole, terms.origin)
    state = _state(parts, found)
    if at is None and state == "bought":
        wrong.append(Problem(first, heading(mapping, "paid_at"), "kernel.cell_empty", {}))
    if at is not None and at > terms.now:
        wrong.append(Problem(first, heading(mapping, "paid_at"), "insight.import_future", {"value": _shown(at)}))
    if who is None:
        wrong.append(Problem(first, heading(mapping, "phone" if "phone" in mapping else "buyer"), "insight.import_nobody", {}))
    place = whole.get("community") or terms.place
    if not place:
        wrong.append(Problem(first, heading(mapping, "community"), "insight.import_no_place", {}))
    bought = _goods(parts, mapping, skus, found, wrong)
    amount = _paid(whole, bought, first, mapping, wrong)
    found.problems += wrong
    if wrong or who is None:
        return None
    order_no = str(parts[0].values.get("order_no", ""))
    if state == "gone" or amount <= 0 < whole["refund"]:
        return Order(key, order_no, first, at or terms.now, who, place, 0, ())
    assert at is not None  # a bought order without its moment was a problem
    return Order(key, order_no, first, at, who, place, amount, _parted(bought, amount))


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)[:40]


def _state(parts: Sequence[Line], found: Read) -> str:
    states = set()
    for part in parts:
        text = str(part.values.get("status", ""))
        state = status(text)
        if state == "unknown":
            found.note("status", text[:40])
        states.add(state)
    # Of an order in parts some may have gone back; what went back in money says how much.
    return "gone" if states == {"gone"} else "bought"


def _who(whole: Mapping[str, Any], origin: str) -> Who | None:
    phone = str(whole.get("phone", ""))
    masked = "*" in phone
    name = str(whole.get("buyer") or whole.get("receiver") or "")
    receiver = str(whole.get("receiver", ""))
    mark = str(whole.get("buyer_id") or whole.get("buyer") or (f"{receiver}/{phone}" if receiver and masked else receiver))
    if phone and not masked:
        return Who(phone, "", name or f"*{phone[-4:]}", receiver[:1])
    # A mark only: an outside identity that tells nobody's name or number to the log.
    return Who("", f"{origin}-{ids.named_hex(f'{origin}/{mark}')[:20]}", name, receiver[:1]) if mark else None


@dataclass(frozen=True)
class _Raw:
    name: str
    sku: str
    category: str
    quantity: int
    weight: int


def _goods(parts: Sequence[Line], mapping: Mapping[str, str], skus: Mapping[str, str], found: Read, wrong: list[Problem]) -> list[_Raw]:
    bought = []
    for part in parts:
        values = part.values
        cell = values.get("product")
        if cell is None:
            wrong.append(Problem(part.number, heading(mapping, "product"), "kernel.cell_empty", {}))
            continue
        told, quantity = items(cell), values.get("quantity")
        if len(told) > 1 and quantity is not None and quantity != sum(i.count or 1 for i in told) and all(i.count for i in told):
            facts = {"told": quantity, "listed": sum(i.count or 1 for i in told)}
            wrong.append(Problem(part.number, heading(mapping, "quantity"), "insight.import_pieces", facts))
            continue
        bought += [_one(one, cell, values, len(told), skus, found) for one in told]
    return bought


def _one(item: Item, cell: str, values: Mapping[str, Any], beside: int, skus: Mapping[str, str], found: Read) -> _Raw:
    quantity, name = item.count or 1, item.name
    if beside == 1 and values.get("quantity") is not None:
        quantity = values["quantity"]
        # "鸡蛋(30枚)" with a quantity of 2 is a name; "鸡蛋*2" with 2 says it twice.
        name = item.name if item.count in (None, quantity) else cell
    spec = str(values.get("spec", "")) if beside == 1 else ""
    sku = str(values.get("sku", "")) if beside == 1 else ""
    category = CATEGORY_NAMES.get(str(values.get("category", "")).strip()) or skus.get(sku) or skus.get(name)
    if category is None:
        category = category_of(name)
        found.note("guessed", category)
    weight = values["line_amount"] if "line_amount" in values else values.get("price", 0) * quantity
    return _Raw(f"{name} {spec}".strip()[:120], sku, category, quantity, weight if beside == 1 else 0)


def _paid(whole: Mapping[str, Any], bought: Sequence[_Raw], row: int, mapping: Mapping[str, str], wrong: list[Problem]) -> int:
    back = int(whole["refund"])
    if "order_amount" in whole:
        paid = int(whole["order_amount"])
    elif bought and all(b.weight for b in bought):
        paid = sum(b.weight for b in bought)
    else:
        name = next((n for n in ("order_amount", "line_amount", "price") if n in mapping), "order_amount")
        if not any(p.row == row for p in wrong):
            wrong.append(Problem(row, heading(mapping, name), "kernel.cell_empty", {}))
        return 0
    if back > paid:
        wrong.append(Problem(row, heading(mapping, "refund"), "insight.import_refund", {"paid_minor": paid, "back_minor": back}))
    return paid - back


def _parted(bought: Sequence[_Raw], amount: int) -> tuple[Goods, ...]:
    """The order's amount over its goods, by their prices (by pieces where one has none): whole fen that add up."""
    weights = [b.weight for b in bought] if all(b.weight for b in bought) else [b.quantity for b in bought]
    total = sum(weights)
    before, parted, passed = 0, [], 0
    for b, weight in zip(bought, weights, strict=True):
        passed += weight
        upto = amount * passed // total
        parted.append(Goods(b.name, b.sku, b.category, b.quantity, upto - before))
        before = upto
    return tuple(parted)
