"""The catalogue: SKUs come in and change in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from linli.goods import rules
from linli.goods.models import Sku
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


@transaction.atomic
def put_many(*, region: str, skus: Sequence[NewSku]) -> None:
    """Put SKUs into the catalogue, or change them, in one statement.

    Raises Refusal: goods.bad_sku(sku, fields).
    """
    for s in skus:
        wrong = rules.faults(
            category=s.category,
            layer=s.layer,
            list_price_minor=s.list_price_minor,
            cost_minor=s.cost_minor,
            shelf_life_days=s.shelf_life_days,
        )
        if wrong:
            raise Refusal("goods.bad_sku", sku=s.code, fields=", ".join(wrong))
    fields = [f for f in NewSku.__dataclass_fields__ if f != "code"]
    Sku.objects.bulk_create(
        [Sku(region=region, **vars(s)) for s in skus], update_conflicts=True, unique_fields=["region", "code"], update_fields=fields
    )
