"""What others may read of goods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from linli.goods.models import Sku


@dataclass(frozen=True)
class SkuInfo:
    """A SKU of the catalogue. `picture` is the slug of its drawing; `history_type` the product type of the history."""

    region: str
    code: str
    name_zh: str
    name_en: str
    category: str
    layer: str
    unit_zh: str
    unit_en: str
    fact_zh: str
    fact_en: str
    list_price_minor: int
    cost_minor: int
    picture: str
    history_type: str
    shelf_life_days: int


def _info(s: Sku) -> SkuInfo:
    return SkuInfo(**{name: getattr(s, name) for name in SkuInfo.__dataclass_fields__})


def sku(region: str, code: str) -> SkuInfo | None:
    """One SKU."""
    found = Sku.objects.filter(region=region, code=code).first()
    return _info(found) if found else None


def skus(region: str, codes: Iterable[str] | None = None) -> dict[str, SkuInfo]:
    """Code -> SKU, of the whole region or of `codes`; one statement, by code."""
    found = Sku.objects.filter(region=region)
    if codes is not None:
        found = found.filter(code__in=list(codes))
    return {s.code: _info(s) for s in found.order_by("code")}


def search(region: str, text: str, *, limit: int = 100) -> list[SkuInfo]:
    """SKUs whose code or name holds `text`, by code."""
    asked = text.replace("\0", "").strip()
    found = Sku.objects.filter(region=region).filter(Q(code__icontains=asked) | Q(name_zh__icontains=asked) | Q(name_en__icontains=asked))
    return [_info(s) for s in found.order_by("code")[:limit]]
