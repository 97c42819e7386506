"""What others may read of goods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, Q, Value, When

from linli.goods import spelling
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
    kind: str = "good"
    subcategory: str = ""
    tags: tuple[str, ...] = ()
    origin_zh: str = ""
    origin_en: str = ""
    partner: str = ""
    weighed: bool = False
    piece_g: int | None = None
    active: bool = True

    @property
    def item(self) -> str:
        """How facts of sales call it: by its type in the history, else by its code."""
        return self.history_type or self.code


def _info(s: Sku) -> SkuInfo:
    return SkuInfo(**{name: getattr(s, name) for name in _NAMES} | {"tags": tuple(s.tags)})


_NAMES = tuple(SkuInfo.__dataclass_fields__)


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


def of_partner(region: str, partner: str) -> list[SkuInfo]:
    """The SKUs of a partner, by code."""
    return [_info(s) for s in Sku.objects.filter(region=region, partner=partner).order_by("code")]


def of_kind(region: str, *kinds: str) -> list[SkuInfo]:
    """The SKUs of these kinds ("kit", "bundle", ...), by code."""
    return [_info(s) for s in Sku.objects.filter(region=region, kind__in=kinds).order_by("code")]


def search(region: str, text: str, *, limit: int = 100) -> list[SkuInfo]:
    """SKUs found by `text`, best first: in their code, Chinese or English name, or as pinyin (whole or first letters).

    A name that begins with it comes before one that holds it, and that before one that only sounds like it.
    """
    asked = text.replace("\0", "").strip()
    named = Q(code__icontains=asked) | Q(name_zh__icontains=asked) | Q(name_en__icontains=asked)
    begins = Q(code__istartswith=asked) | Q(name_zh__istartswith=asked) | Q(name_en__istartswith=asked)
    sound = spelling.asked(asked)
    sounds = Q(pinyin__contains=f" {sound}") if sound else Q(pk__in=[])
    rank = Case(When(begins, then=Value(0)), When(named, then=Value(1)), default=Value(2))
    found = Sku.objects.filter(named | sounds, region=region).annotate(rank=rank)
    return [_info(s) for s in found.order_by("rank", "code")[:limit]]
