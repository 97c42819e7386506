"""The catalogue: SKUs come in and change in bulk; who changed what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import models, transaction

from linli.goods import rules, spelling
from linli.goods.events import SkuEdited
from linli.goods.models import Sku, SkuChange
from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal


@dataclass(frozen=True)
class NewSku:
    """A SKU as it is put into the catalogue; `code` is its identity in the region."""

    code: str
    name_zh: str
    name_en: str
    category: str
    layer: str
    unit_zh: str
    unit_en: str
    list_price_minor: int
    cost_minor: int
    picture: str
    shelf_life_days: int
    fact_zh: str = ""
    fact_en: str = ""
    history_type: str = ""
    kind: str = "good"
    subcategory: str = ""
    tags: tuple[str, ...] = ()
    origin_zh: str = ""
    origin_en: str = ""
    partner: str = ""
    weighed: bool = False
    piece_g: int | None = None
    active: bool = True


FIELDS = tuple(f for f in NewSku.__dataclass_fields__ if f != "code")
_CHECKED = ("category", "layer", "list_price_minor", "cost_minor", "shelf_life_days", "kind", "weighed", "piece_g")


@dataclass(frozen=True)
class Change:
    """Who changed what of a SKU, and when: field -> [before, after]."""

    at: datetime
    by: str
    fields: dict[str, list[object]]


@transaction.atomic
def put_many(*, region: str, skus: Sequence[NewSku], by: str = "system") -> None:
    """Put SKUs into the catalogue, or change them, in one statement.

    Raises Refusal: goods.bad_sku(sku, fields).
    """
    wanted = {s.code: {**asdict(s), "tags": list(s.tags)} for s in skus}
    for code, fields in wanted.items():
        _check(code, fields)
    there = Sku.objects.select_for_update().filter(region=region, code__in=wanted).order_by("pk")
    changed = {s.code: rules.changes(_fields(s), {f: wanted[s.code][f] for f in FIELDS}) for s in there}
    rows = [Sku(region=region, pinyin=spelling.spelled(str(fields["name_zh"])), **fields) for fields in wanted.values()]
    Sku.objects.bulk_create(rows, update_conflicts=True, unique_fields=["region", "code"], update_fields=[*FIELDS, "pinyin"])
    _remember(region, changed, by)


@transaction.atomic
def edit_many(*, region: str, changes: Mapping[str, Mapping[str, object]], by: str) -> int:
    """Change fields of SKUs (code -> field -> value), all or none; returns how many SKUs changed. Again changes nothing.

    Raises Refusal: goods.no_such_sku(sku), goods.bad_sku(sku, fields).
    """
    found = {s.code: s for s in Sku.objects.select_for_update().filter(region=region, code__in=changes).order_by("pk")}
    changed: dict[str, dict[str, list[object]]] = {}
    for code, fields in changes.items():
        if code not in found:
            raise Refusal("goods.no_such_sku", sku=code)
        if strange := sorted(set(fields) - set(FIELDS)):
            raise Refusal("goods.bad_sku", sku=code, fields=", ".join(strange))
        before = _fields(found[code])
        _check(code, before | dict(fields))
        changed[code] = rules.changes(before, fields)
        for name, value in fields.items():
            setattr(found[code], name, value)
        found[code].pinyin = spelling.spelled(found[code].name_zh)
    Sku.objects.bulk_update([s for s in found.values() if changed[s.code]], [*FIELDS, "pinyin"])
    _remember(region, changed, by)
    return sum(bool(c) for c in changed.values())


def edit(*, region: str, sku: str, changes: Mapping[str, object], by: str) -> bool:
    """Change fields of one SKU; whether anything changed. Raises as `edit_many`."""
    return edit_many(region=region, changes={sku: changes}, by=by) == 1


def history(region: str, code: str, *, limit: int = 50) -> list[Change]:
    """Who changed what of a SKU, newest first."""
    found = SkuChange.objects.filter(region=region, sku_code=code).order_by("-at", "-pk")[:limit]
    return [Change(c.at, c.by, c.fields) for c in found]


def _fields(sku: Sku) -> dict[str, object]:
    return {name: getattr(sku, name) for name in FIELDS}


def faults(code: str, fields: Mapping[str, object]) -> list[str]:
    """The names of the fields of a whole SKU that can't be, by type, length or sense."""
    wrong = [name for name in FIELDS if not _fits(name, fields[name])]
    if not wrong:
        wrong = rules.faults(**{name: fields[name] for name in _CHECKED})  # type: ignore[arg-type]
    return [*wrong, *([] if 0 < len(code) <= 48 else ["code"])]


def _check(code: str, fields: Mapping[str, object]) -> None:
    if wrong := faults(code, fields):
        raise Refusal("goods.bad_sku", sku=code, fields=", ".join(wrong))


def _fits(name: str, value: object) -> bool:
    """Whether a column can hold the value at all: of its type, and no longer than it."""
    field = Sku._meta.get_field(name)
    if isinstance(field, models.BooleanField):
        return isinstance(value, bool)
    if isinstance(field, models.IntegerField):
        return (type(value) is int and abs(value) < 2**31) or (value is None and field.null)
    if isinstance(field, models.JSONField):
        return isinstance(value, list) and all(isinstance(v, str) and 0 < len(v) <= 32 for v in value)
    if not isinstance(field, models.CharField):
        return False
    return isinstance(value, str) and len(value) <= (field.max_length or 0) and (bool(value.strip()) or field.blank) and "\0" not in value


def _remember(region: str, changed: Mapping[str, dict[str, list[object]]], by: str) -> None:
    now = clocks.business_now()
    rows = [SkuChange(region=region, sku_code=code, at=now, by=by, fields=fields) for code, fields in changed.items() if fields]
    SkuChange.objects.bulk_create(rows)
    events.append_many([events.Told(SkuEdited(r.sku_code, sorted(r.fields), by), region, f"sku:{r.sku_code}") for r in rows])
