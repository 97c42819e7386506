"""Kits: never more than the components allow, at what they cost, and back again."""

from __future__ import annotations

from typing import Any

import pytest

from linli.goods import catalog, kits, queries, quota
from linli.kernel import ledger
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.trade import groups
from support.racing import at_once
from support.refusing import refused
from support.shop import REGION, Shop, new_group, sku

BY = "person:1"
AT = "station:west"


def kitchen(*, beef: int = 10, leaf: int = 10) -> None:
    """A hot-pot kit of 2 beef and 1 leaf, and what lies at the station."""
    new = [sku("beef", "meat_seafood", 1000), sku("leaf", "vegetable", 300)]
    kit = catalog.NewSku(**vars(sku("hotpot", "other", 3000)) | {"kind": "kit", "shelf_life_days": 3})
    catalog.put_many(region=REGION, skus=[*new, kit])
    kits.put_bill(region=REGION, kit="hotpot", parts={"beef": 2, "leaf": 1})
    for code, pieces in (("beef", beef), ("leaf", leaf)):
        quota.open(region=REGION, sku=code, place=AT, quantity=pieces, key=f"in/{code}")


def make(quantity: int, key: str = "k") -> kits.Assembled:
    return kits.assemble(region=REGION, kit="hotpot", station="west", quantity=quantity, by=BY, key=key)


def free(code: str) -> int:
    return ledger.balance(quota.account(REGION, code, AT)).free


def test_kits_are_made_of_what_is_there_and_no_more(shop: Shop) -> None:
    kitchen()
    assert kits.possible(REGION, "hotpot", "west") == 5
    with refused("goods.short_of", sku="beef", left=10):
        make(6)
    for _ in range(2):
        made = make(3)
        assert (made.quantity, made.unit_cost_minor, str(made.best_before)) == (3, 1150, "2017-10-05")
    assert (free("hotpot"), free("beef"), free("leaf")) == (3, 4, 7) and kits.possible(REGION, "hotpot", "west") == 2
    found = queries.sku(REGION, "hotpot")
    assert found is not None and found.cost_minor == 1150
    with refused("goods.key_reused"):
        make(2)
    kits.disassemble(region=REGION, kit="hotpot", station="west", quantity=1, by=BY, key="back")
    assert (free("hotpot"), free("beef"), free("leaf")) == (2, 6, 8) and ledger.audit().ok
    with refused("goods.short_of", sku="hotpot", left=2):
        kits.disassemble(region=REGION, kit="hotpot", station="west", quantity=3, by=BY, key="back2")


def test_a_group_buy_of_a_kit_is_filled_from_its_station(shop: Shop) -> None:
    kitchen()
    make(5)
    group = new_group(shop.maple, "hotpot", threshold=1, quota_pieces=4, quota_from=AT)
    groups.open(region=REGION, group=group)
    assert free("hotpot") == 1
    with refused("trade.not_enough_left", sku="hotpot", left=1):
        groups.open(region=REGION, group=new_group(shop.oak, "hotpot", threshold=1, quota_pieces=2, quota_from=AT))


def test_losses_are_counted_by_kit_and_station(shop: Shop) -> None:
    kitchen()
    make(4)
    for _ in range(2):
        kits.lose(region=REGION, sku="hotpot", station="west", quantity=1, reason="spoiled", by=BY, key="l1")
    kits.lose(region=REGION, sku="leaf", station="west", quantity=2, reason="damaged", by=BY, key="l2")
    (rate,) = kits.loss_rates(REGION)
    assert (rate.assembled, rate.lost, rate.share) == (4, 1, 0.25) and free("leaf") == 4
    (line,) = kits.stock(REGION, "hotpot")
    assert (line.station, line.free, line.possible) == ("west", 3, 1)
    assert Event.objects.filter(kind="goods.pieces_lost").count() == 2 and ledger.audit().ok
    assert [r.kind for r in kits.runs(REGION, "hotpot")] == ["lost", "assembled"]


def test_a_bill_that_cannot_be_is_refused(shop: Shop) -> None:
    kitchen()
    with refused("goods.no_such_sku", sku="none"):
        kits.put_bill(region=REGION, kit="hotpot", parts={"none": 1})
    with refused("goods.not_a_kit", sku="milk"):
        kits.put_bill(region=REGION, kit="milk", parts={"beef": 1})
    for parts in ({}, {"beef": 0}, {"hotpot": 1}):
        with refused("goods.bad_bill"):
            kits.put_bill(region=REGION, kit="hotpot", parts=parts)
    make(1)
    with refused("goods.kits_left", sku="hotpot"):
        kits.put_bill(region=REGION, kit="hotpot", parts={"beef": 1})
    kits.put_bill(region=REGION, kit="hotpot", parts={"leaf": 1, "beef": 2})  # the same one
    with refused("goods.no_bill", sku="milk"):
        kits.assemble(region=REGION, kit="milk", station="west", quantity=1, by=BY, key="x")
    with refused("goods.bad_station"):
        kits.assemble(region=REGION, kit="hotpot", station="a b", quantity=1, by=BY, key="x")
    with refused("goods.bad_quantity"):
        make(0, "x")
    with refused("goods.bad_loss"):
        kits.lose(region=REGION, sku="leaf", station="west", quantity=1, reason="eaten", by=BY, key="x")


def _race(monkeypatch: pytest.MonkeyPatch | None) -> list[Any]:
    kitchen(beef=6, leaf=20)
    if monkeypatch is not None:
        monkeypatch.setattr(kits, "_taken", lambda *a: [])
    return at_once(8, lambda n: make(1, f"k{n}"))


@pytest.mark.django_db(transaction=True)
def test_many_hands_at_once_make_no_kit_without_its_parts(shop: Shop) -> None:
    results = _race(None)
    assert sum(isinstance(r, Refusal) and r.code == "goods.short_of" for r in results) == 5, results
    assert free("hotpot") == 3 and free("beef") == 0 and ledger.audit().ok


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_there_would_be_more_kits_than_parts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the components not asked for, the same race makes kits out of nothing."""
    _race(monkeypatch)
    assert free("hotpot") == 8
