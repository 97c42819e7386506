"""The catalogue and what may be sold of it."""

from __future__ import annotations

import dataclasses

import pytest

from linli.goods import catalog, queries, quota
from linli.kernel import ledger
from support.refusing import refused
from support.shop import REGION, Shop, sku


def test_putting_again_changes_the_words_not_the_number(shop: Shop) -> None:
    catalog.put_many(region=REGION, skus=[dataclasses.replace(sku("milk", "dairy_egg", 450), name_zh="鲜牛奶")])
    found = queries.skus(REGION)
    assert list(found) == ["cherries", "milk"] and found["milk"].name_zh == "鲜牛奶"
    assert [s.code for s in queries.search(REGION, "牛奶")] == ["milk"]
    assert queries.sku(REGION, "none") is None and queries.sku("elsewhere", "milk") is None


@pytest.mark.parametrize(
    "changes", [{"category": "toys"}, {"layer": "x"}, {"list_price_minor": 0}, {"cost_minor": -1}, {"shelf_life_days": 0}]
)
def test_a_sku_that_cannot_be_is_refused(db: None, changes: dict[str, object]) -> None:
    with refused("goods.bad_sku", sku="milk", fields=next(iter(changes))):
        catalog.put_many(region=REGION, skus=[dataclasses.replace(sku("milk", "dairy_egg", 450), **changes)])  # type: ignore[arg-type]


def test_quota_is_opened_once_a_key(shop: Shop) -> None:
    for _ in range(2):
        quota.open(region=REGION, sku="milk", place="wave:x", quantity=5, key="k")
    assert quota.stocks(REGION, [("milk", "wave:x")])["milk", "wave:x"] == quota.Stock(5, 0, 0)
    with refused("ledger.key_reused"):
        quota.open(region=REGION, sku="milk", place="wave:x", quantity=6, key="k")
    with refused("goods.bad_quantity"):
        quota.open(region=REGION, sku="milk", place="wave:x", quantity=0, key="z")
    assert ledger.balance(quota.supply(REGION, "milk")).balance == -(5 + 10 + 10)
