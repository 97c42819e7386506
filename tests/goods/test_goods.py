"""The catalogue and what may be sold of it."""

from __future__ import annotations

import dataclasses

import pytest

from linli.goods import catalog, queries, quota
from linli.kernel import events, ledger
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


def test_what_changed_and_who_did_it_is_kept(shop: Shop) -> None:
    catalog.put_many(region=REGION, skus=[dataclasses.replace(sku("milk", "dairy_egg", 450), name_zh="鲜牛奶")], by="person:3")
    assert catalog.edit(region=REGION, sku="milk", changes={"list_price_minor": 480, "active": False}, by="person:4")
    assert not catalog.edit(region=REGION, sku="milk", changes={"list_price_minor": 480}, by="person:4")
    newest, oldest = catalog.history(REGION, "milk")
    assert (newest.by, newest.fields) == ("person:4", {"list_price_minor": [450, 480], "active": [True, False]})
    assert (oldest.by, oldest.fields) == ("person:3", {"name_zh": ["milk", "鲜牛奶"]})
    told = events.about("sku:milk", region=REGION)
    assert [e.payload["fields"] for e in told] == [["active", "list_price_minor"], ["name_zh"]]


def test_edits_are_all_or_none(shop: Shop) -> None:
    with refused("goods.no_such_sku", sku="none"):
        catalog.edit_many(region=REGION, changes={"milk": {"list_price_minor": 1}, "none": {}}, by="person:3")
    for fields in ({"code": "x"}, {"list_price_minor": "9"}, {"name_zh": ""}, {"name_zh": "牛" * 65}, {"weighed": True}, {"tags": ["", 3]}):
        with refused("goods.bad_sku", sku="milk", fields=next(iter(fields)) if "weighed" not in fields else "piece_g"):
            catalog.edit(region=REGION, sku="milk", changes=fields, by="person:3")
    found = queries.sku(REGION, "milk")
    assert found is not None and found.list_price_minor == 450 and catalog.history(REGION, "milk") == []


@pytest.mark.parametrize("asked", ["鲜牛", "fresh", "niunai", "NN", "niu nai", "xnn", "muchang", "mcxnn", "重庆", "chongqing", "cq"])
def test_goods_are_found_by_name_sound_and_first_letters(shop: Shop, asked: str) -> None:
    named = dataclasses.replace(sku("milk", "dairy_egg", 450), name_zh="牧场鲜牛奶（重庆）", name_en="Fresh milk")
    catalog.put_many(region=REGION, skus=[named])
    assert [s.code for s in queries.search(REGION, asked)] == ["milk"]


def test_a_sound_begins_at_a_syllable_and_names_come_before_sounds(shop: Shop) -> None:
    """ "an" is not looked for inside "chang"; "yu" finds what is called so before what sounds so."""
    named = [dataclasses.replace(sku(c, "other", 450), name_zh=n) for c, n in (("a-taro", "芋头"), ("fish", "yu 鱼"), ("milk", "牧场"))]
    catalog.put_many(region=REGION, skus=named)
    assert [s.code for s in queries.search(REGION, "yu")] == ["fish", "a-taro"]
    assert queries.search(REGION, "ang") == [] and [s.code for s in queries.search(REGION, "chang")] == ["milk"]
    catalog.edit(region=REGION, sku="milk", changes={"name_zh": "芋圆"}, by="person:3")
    assert queries.search(REGION, "chang") == [] and len(queries.search(REGION, "yy")) == 1
