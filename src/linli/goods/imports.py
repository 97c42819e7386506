"""The catalogue from a file: judged whole, shown as what it would change, and only then written, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction

from linli.goods import catalog, rules
from linli.goods.catalog import NewSku
from linli.goods.models import Sku
from linli.kernel import sheets
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import Column, Problem, Row

CATEGORY_NAMES = {
    "水果": "fruit",
    "蔬菜": "vegetable",
    "肉禽水产": "meat_seafood",
    "乳品蛋类": "dairy_egg",
    "粮油": "grain_oil",
    "烘焙": "bakery",
    "其他": "other",
} | {name: name for name in rules.CATEGORIES}
LAYER_NAMES = {"引流款": "traffic", "利润款": "profit", "爆款": "hit", "体验款": "experience"} | {name: name for name in rules.LAYERS}
KIND_NAMES = {
    "普通商品": "good",
    "净菜包": "kit",
    "组合": "bundle",
    "服务": "service",
    "以旧换新": "trade_in_target",
    "转介": "referral",
} | {name: name for name in rules.KINDS}
NEEDED = ("name_zh", "category", "layer", "unit_zh", "list_price_minor", "cost_minor", "shelf_life_days")
"""What a SKU that is new has to say; of one that is there only what changes."""


def columns(currency: str) -> tuple[Column, ...]:
    """What a catalogue file may hold, in the order of the export. Money is written in whole units with decimals."""
    money, short = sheets.amount(currency), sheets.text(64)
    return (
        Column("code", ("编号", "sku"), sheets.text(48), required=True),
        Column("name_zh", ("名称", "品名"), short),
        Column("name_en", ("英文名", "name"), short),
        Column("kind", ("种类",), sheets.one_of(KIND_NAMES)),
        Column("category", ("品类", "分类"), sheets.one_of(CATEGORY_NAMES)),
        Column("subcategory", ("小类",), sheets.text(32)),
        Column("layer", ("金字塔", "层"), sheets.one_of(LAYER_NAMES)),
        Column("unit_zh", ("规格",), sheets.text(48)),
        Column("unit_en", ("英文规格", "unit"), sheets.text(48)),
        Column("list_price_minor", ("标价", "划线价", "list price"), money),
        Column("cost_minor", ("成本", "进价", "cost"), money),
        Column("shelf_life_days", ("保质期天数", "保质期"), sheets.whole(1, 3650)),
        Column("weighed", ("称重",), sheets.yes_no),
        Column("piece_g", ("单份克重", "克重"), sheets.whole(1, 100_000)),
        Column("fact_zh", ("卖点",), sheets.text(160)),
        Column("fact_en", ("英文卖点", "fact"), sheets.text(160)),
        Column("origin_zh", ("产地",), short),
        Column("origin_en", ("英文产地", "origin"), short),
        Column("partner", ("合作方",), sheets.text(48)),
        Column("picture", ("图",), sheets.text(48)),
        Column("active", ("在售",), sheets.yes_no),
    )


@dataclass(frozen=True)
class Changed:
    """A SKU that the file changes: field -> (before, after)."""

    code: str
    name_zh: str
    fields: dict[str, tuple[object, object]]


@dataclass(frozen=True)
class Plan:
    """What a file would do. With `problems` it does nothing."""

    new: list[NewSku]
    changed: list[Changed]
    unchanged: int
    problems: list[Problem]

    @property
    def writes(self) -> int:
        return len(self.new) + len(self.changed)


def plan(*, region: str, currency: str, content: bytes, filename: str) -> Plan:
    """Judge a file against the catalogue as it stands; nothing is written.

    Raises Refusal when it can't be read at all: those of kernel.sheets.read.
    """
    sheet = sheets.read(content, filename, columns(currency))
    there = {s.code: s for s in Sku.objects.filter(region=region, code__in=[r.values.get("code", "") for r in sheet.rows])}
    found = Plan([], [], 0, list(sheet.problems))
    broken, seen, unchanged = {p.row for p in sheet.problems}, set(), 0
    for row in sheet.rows:
        code = row.values.get("code", "")
        if code in seen:
            found.problems.append(Problem(row.number, "编号", "goods.import_twice", {"value": code}))
        elif row.number not in broken:
            unchanged += _judge(row, there.get(code), found)
        seen.add(code)
    return Plan(found.new, found.changed, unchanged, sorted(found.problems, key=lambda p: p.row))


def _judge(row: Row, sku: Sku | None, found: Plan) -> int:
    """Put a row into the plan; returns 1 when it changes nothing."""
    values = dict(row.values)
    code = values.pop("code")
    whole = _new(values) if sku is None else {name: getattr(sku, name) for name in catalog.FIELDS} | values
    if missing := [name for name in NEEDED if name not in whole]:
        found.problems.extend(Problem(row.number, _heading(name), "kernel.cell_empty", {}) for name in missing)
        return 0
    if wrong := catalog.faults(code, whole):
        found.problems.extend(
            Problem(row.number, _heading(name), "goods.import_value", {"value": str(whole.get(name, code))[:40]}) for name in wrong
        )
        return 0
    if sku is None:
        found.new.append(NewSku(code=code, **whole | {"tags": tuple(whole["tags"])}))
        return 0
    changes = rules.changes({name: getattr(sku, name) for name in catalog.FIELDS}, values)
    if changes:
        found.changed.append(Changed(code, sku.name_zh, {name: (before, after) for name, (before, after) in changes.items()}))
    return 0 if changes else 1


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    """A new SKU's fields: what the row leaves out is what a NewSku leaves out, names and units fall back to the Chinese ones."""
    plain = {f.name: f.default for f in fields(NewSku) if f.name in catalog.FIELDS and f.name not in NEEDED}
    plain |= {"tags": [], "picture": "basket"}
    plain |= {"name_en": values.get("name_zh", ""), "unit_en": values.get("unit_zh", "")}
    return plain | dict(values)


def _heading(field: str) -> str:
    return next((c.headings[0] for c in columns("CNY") if c.field == field), field)


@transaction.atomic
def apply(*, region: str, currency: str, content: bytes, filename: str, by: str) -> Plan:
    """Do what `plan` tells now, all of it or nothing. The same file again changes nothing.

    Raises Refusal: goods.import_problems(count), and those of `plan`.
    """
    found = plan(region=region, currency=currency, content=content, filename=filename)
    if found.problems:
        raise Refusal("goods.import_problems", count=len(found.problems))
    catalog.put_many(region=region, skus=found.new, by=by)
    catalog.edit_many(region=region, changes={c.code: {name: after for name, (_, after) in c.fields.items()} for c in found.changed}, by=by)
    return found


def rows(region: str, currency: str, skus: list[Any]) -> tuple[list[str], list[list[object]]]:
    """The headings and rows of an export: read back, it changes nothing."""
    shown = columns(currency)
    names = {**{v: k for k, v in reversed(CATEGORY_NAMES.items())}, **{v: k for k, v in reversed(LAYER_NAMES.items())}}
    kinds = {v: k for k, v in reversed(KIND_NAMES.items())}
    return [c.headings[0] for c in shown], [[_cell(c.field, getattr(s, c.field), names, kinds, currency) for c in shown] for s in skus]


def _cell(field: str, value: object, names: Mapping[str, str], kinds: Mapping[str, str], currency: str) -> object:
    if field.endswith("_minor") and isinstance(value, int):
        return sheets.written(value, currency)
    if isinstance(value, bool):
        return "是" if value else "否"
    if field in ("category", "layer"):
        return names[str(value)]
    return kinds[str(value)] if field == "kind" else ("" if value is None else value)
