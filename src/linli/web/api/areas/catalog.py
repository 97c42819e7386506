"""The catalogue: goods listed, found, put in and changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.goods import catalog as verbs
from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Code, Cursor, Done, Flag, In, Minor, Out, Page, PathCode, Search, Size

area = Area("catalog", "Catalogue")

Category = Literal["fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other"]
Layer = Literal["traffic", "profit", "hit", "experience"]
Kind = Literal["good", "kit", "bundle", "service", "trade_in_target", "referral"]
Days = Annotated[int, Field(strict=True, ge=1, le=3650)]
Grams = Annotated[int, Field(strict=True, ge=1, le=10**6)]


class Sku(Out):
    """A SKU. `cost_minor` is told to operators alone."""

    code: str
    name_zh: str
    name_en: str
    category: str
    layer: str
    kind: str
    unit_zh: str
    unit_en: str
    fact_zh: str
    fact_en: str
    list_price_minor: int
    picture: str
    shelf_life_days: int
    subcategory: str
    tags: list[str]
    origin_zh: str
    origin_en: str
    partner: str
    weighed: bool
    piece_g: int | None
    active: bool
    cost_minor: int | None = None


class SkuFields(In):
    """What can be changed of a SKU; what is left out stays."""

    name_zh: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    name_en: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    category: Category | None = None
    layer: Layer | None = None
    kind: Kind | None = None
    unit_zh: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    unit_en: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    fact_zh: Annotated[str, Field(max_length=64)] | None = None
    fact_en: Annotated[str, Field(max_length=64)] | None = None
    list_price_minor: Minor | None = None
    cost_minor: Minor | None = None
    picture: Annotated[str, Field(max_length=48)] | None = None
    shelf_life_days: Days | None = None
    subcategory: Annotated[str, Field(max_length=48)] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=20)] | None = None
    origin_zh: Annotated[str, Field(max_length=64)] | None = None
    origin_en: Annotated[str, Field(max_length=64)] | None = None
    partner: Annotated[str, Field(max_length=48)] | None = None
    weighed: Flag | None = None
    piece_g: Grams | None = None
    active: Flag | None = None


class NewSku(SkuFields):
    """A SKU to be put into the catalogue; one with this code is changed to it."""

    name_zh: Annotated[str, Field(min_length=1, max_length=64)]
    name_en: Annotated[str, Field(min_length=1, max_length=64)]
    category: Category
    layer: Layer
    unit_zh: Annotated[str, Field(min_length=1, max_length=32)]
    unit_en: Annotated[str, Field(min_length=1, max_length=32)]
    list_price_minor: Minor
    cost_minor: Minor
    shelf_life_days: Days


class Change(Out):
    """Who changed what: field -> [before, after]."""

    at: datetime
    by: str
    fields: dict[str, list[Any]]


def shown(request: Call, sku: SkuInfo) -> dict[str, Any]:
    """A SKU for this caller."""
    told = {name: getattr(sku, name) for name in Sku.model_fields}
    return told if own.is_operator(request) else told | {"cost_minor": None}


@area.get("/skus", who=own.EVERYBODY, response=Page[Sku])
def list_skus(
    request: Call, search: Search = "", category: Category | None = None, kind: Kind | None = None, cursor: Cursor = "", size: Size = 50
) -> Any:
    """The region's goods by code, or what `search` finds (code, Chinese or English name, pinyin), best first."""
    found = goods.search(request.actor.region, search, limit=500) if search else list(goods.skus(request.actor.region).values())
    kept = [s for s in found if (category is None or s.category == category) and (kind is None or s.kind == kind)]
    if not own.is_operator(request):
        kept = [s for s in kept if s.active]
    start = next((n + 1 for n, s in enumerate(kept) if s.code == cursor), 0) if cursor else 0
    part = kept[start : start + size]
    return {"items": [shown(request, s) for s in part], "next": part[-1].code if part and start + size < len(kept) else ""}


@area.get("/skus/{code}", who=own.EVERYBODY, response=Sku)
def get_sku(request: Call, code: PathCode) -> Any:
    """One SKU."""
    found = goods.sku(request.actor.region, code)
    return shown(request, found) if found and (found.active or own.is_operator(request)) else own.missing()


@area.put("/skus/{code}", who=("operator",), response=Sku)
def put_sku(request: Call, code: Code, body: NewSku) -> Any:
    """Put a SKU into the catalogue, or change it to this."""
    fields = body.dict(exclude_none=True)
    fields["tags"] = tuple(fields.get("tags", ()))
    fields.setdefault("picture", code)
    verbs.put_many(region=request.actor.region, skus=[verbs.NewSku(code=code, **fields)], by=request.by)
    return shown(request, goods.skus(request.actor.region, [code])[code])


@area.patch("/skus/{code}", who=("operator",), response=Done)
def edit_sku(request: Call, code: PathCode, body: SkuFields) -> Any:
    """Change fields of a SKU."""
    changes = body.dict(exclude_unset=True)
    if "tags" in changes:
        changes["tags"] = list(changes["tags"] or ())
    return {"changed": verbs.edit(region=request.actor.region, sku=code, changes=changes, by=request.by)}


@area.get("/skus/{code}/history", who=("operator",), response=list[Change])
def sku_history(request: Call, code: PathCode) -> Any:
    """Who changed what of a SKU, newest first."""
    if goods.sku(request.actor.region, code) is None:
        own.missing()
    return verbs.history(request.actor.region, code)
