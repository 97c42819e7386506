"""Trade-in: every leg, and nothing lost at whichever of them the order ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from linli.goods import catalog
from linli.kernel import clocks, ledger
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.trade import accounts, groups, orders, partners, pay, reading, refunds, tradein
from linli.trade.models import Order, TradeIn
from support.partners import BY
from support.racing import at_once
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, new_group, pay_for, sku

PRICE = 200_000


def fridge(shop: Shop, **changes: Any) -> int:
    tradein.load_values(REGION)
    partners.put(region=REGION, partner=partners.NewPartner("green", "绿循环", "Green", kind="recycler"), by=BY)
    new = sku("fridge", "other", PRICE + 10_000)
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(new) | {"kind": "trade_in_target"})])
    figures: dict[str, Any] = {"threshold": 1, "price_minor": PRICE, "solo_price_minor": PRICE} | changes
    return groups.open(region=REGION, group=new_group(shop.maple, "fridge", **figures))


def quoted(shop: Shop, **changes: Any) -> Any:
    asked: dict[str, Any] = {"category": "fridge", "age_years": 5, "condition": "worn", "group_id": fridge(shop, **changes), "key": "q"}
    return tradein.quote(member_id=shop.alice, **asked)


def read() -> None:
    reading.on_orders(list(Event.objects.filter(kind__in=reading.KINDS).order_by("pk")))


def paid(shop: Shop, till: Till) -> Any:
    number = quoted(shop)
    placed = tradein.order(trade_in_id=number, member_id=shop.alice)
    pay_for(till, placed, shop.alice)
    read()
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    return number


def state() -> str:
    return TradeIn.objects.get().state


def balances() -> dict[str, int]:
    t = TradeIn.objects.get()
    found = {
        "value": tradein.value_account(REGION, "USD"),
        "subsidy": tradein.subsidy_account(REGION, "USD"),
        "budget": accounts.budget(REGION, "USD", f"tradein:{t.pk.hex}"),
        "revenue": accounts.revenue(REGION, "USD"),
    }
    assert ledger.audit().ok
    return {name: ledger.balance(ref).balance for name, ref in found.items()}


NOTHING = {"value": 0, "subsidy": 0, "budget": 0, "revenue": 0}


def test_it_is_valued_by_the_table_and_credited_against_the_order(shop: Shop, till: Till) -> None:
    number = quoted(shop)
    t = TradeIn.objects.get()
    assert (t.value_minor, t.subsidy_minor, t.state) == (12_000, 20_000, "quoted")
    placed = tradein.order(trade_in_id=number, member_id=shop.alice)
    assert placed.payable_minor == PRICE - 32_000
    assert tradein.order(trade_in_id=number, member_id=shop.alice).order_id == placed.order_id and Order.objects.count() == 1
    pay_for(till, placed, shop.alice)
    read()
    read()
    assert state() == "paid" and balances() == {"value": -12_000, "subsidy": -20_000, "budget": 0, "revenue": PRICE}


def test_all_legs_to_the_recycler(shop: Shop, till: Till) -> None:
    number = paid(shop, till)
    legs: dict[str, Any] = {"region": REGION, "trade_in_id": number, "by": BY}
    with refused("trade.trade_in_state", state="paid"):
        tradein.inspect(value_minor=12_000, **legs)
    for _ in range(2):
        tradein.pick_up(**legs)
    for _ in range(2):
        assert tradein.inspect(value_minor=15_000, **legs) == "inspected"
    with refused("trade.no_such_partner"):
        tradein.settle(recycler="none", amount_minor=9000, reference="R", **legs)
    with refused("trade.no_reference"):
        tradein.settle(recycler="green", amount_minor=9000, reference="", **legs)
    for _ in range(2):
        tradein.settle(recycler="green", amount_minor=9000, reference="R1", **legs)
    assert state() == "settled" and balances()["value"] == -3000
    t = TradeIn.objects.get()
    assert [s.state for s in t.steps.order_by("pk")] == ["quoted", "ordered", "paid", "picked_up", "inspected", "settled"]


def test_worth_less_the_member_pays_the_difference(shop: Shop, till: Till) -> None:
    number = paid(shop, till)
    legs: dict[str, Any] = {"region": REGION, "trade_in_id": number, "by": BY}
    tradein.pick_up(**legs)
    assert tradein.inspect(value_minor=7000, **legs) == "lowered" and TradeIn.objects.get().due_minor == 5000
    with refused("trade.trade_in_state", state="lowered"):
        tradein.settle(recycler="green", amount_minor=1, reference="R", **legs)
    with refused("trade.no_reference"):
        tradein.pay_difference(reference=" ", **legs)
    for _ in range(2):
        tradein.pay_difference(reference="cash 7", **legs)
    assert state() == "inspected" and balances()["value"] == -7000


def test_worth_less_the_member_takes_it_back_and_gets_the_money(shop: Shop, till: Till) -> None:
    number = paid(shop, till)
    legs: dict[str, Any] = {"region": REGION, "trade_in_id": number, "by": BY}
    tradein.pick_up(**legs)
    tradein.inspect(value_minor=7000, **legs)
    with refused("trade.no_such_trade_in"):
        tradein.take_back(trade_in_id=number, member_id=shop.bob, by="member")
    for _ in range(2):
        tradein.take_back(trade_in_id=number, member_id=shop.alice, by="member:1")
    refunds.pursue()
    read()
    assert state() == "returned" and Order.objects.get().state == "refunded" and balances() == NOTHING


def test_the_new_one_handed_over_only_the_difference_is_left(shop: Shop, till: Till) -> None:
    number = paid(shop, till)
    legs: dict[str, Any] = {"region": REGION, "trade_in_id": number, "by": BY}
    tradein.pick_up(**legs)
    tradein.inspect(value_minor=0, **legs)
    orders.hand_over(order_id=Order.objects.get().pk, by=BY, key="h")
    with refused("trade.trade_in_handed"):
        tradein.take_back(trade_in_id=number, member_id=shop.alice, by="member:1")


def test_an_order_that_ends_unpaid_gives_the_quote_back(shop: Shop, till: Till) -> None:
    number = quoted(shop)
    placed = tradein.order(trade_in_id=number, member_id=shop.alice)
    with clocks.fixed(machine=placed.pay_by):
        pay.expire(placed.order_id)
    read()
    read()
    assert state() == "quoted" and balances() == NOTHING
    second = tradein.order(trade_in_id=number, member_id=shop.alice)
    assert second.order_id != placed.order_id
    orders.cancel(order_id=second.order_id, member_id=shop.alice, key="c")
    third = tradein.order(trade_in_id=number, member_id=shop.alice)  # before the reader has come by
    assert third.order_id != second.order_id
    tradein.drop(trade_in_id=number, member_id=shop.alice)
    assert state() == "cancelled" and balances() == NOTHING
    with refused("trade.trade_in_state", state="cancelled"):
        tradein.order(trade_in_id=number, member_id=shop.alice)


@pytest.mark.parametrize(
    ("stage", "ends", "value"),
    [("paid", "cancelled", 0), ("picked_up", "returned", 0), ("inspected", "returned", 0), ("settled", "cancelled", 9000 - 12_000)],
)
def test_an_order_given_back_at_any_stage_loses_nothing(shop: Shop, till: Till, stage: str, ends: str, value: int) -> None:
    number = paid(shop, till)
    legs: dict[str, Any] = {"region": REGION, "trade_in_id": number, "by": BY}
    if stage != "paid":
        tradein.pick_up(**legs)
    if stage in ("inspected", "settled"):
        tradein.inspect(value_minor=12_000, **legs)
    if stage == "settled":
        tradein.settle(recycler="green", amount_minor=9000, reference="R", **legs)
    refunds.request(order_id=Order.objects.get().pk, reason="quality", by=BY, key="r")
    refunds.pursue()
    read()
    read()
    assert state() == ends
    assert balances() == NOTHING | {"value": value}
    owed = ledger.balance(tradein.owed_account(REGION, "USD", shop.alice)).balance
    assert owed == (12_000 if stage == "settled" else 0)


def test_what_is_not_taken_is_refused(shop: Shop) -> None:
    group = fridge(shop)
    asked: dict[str, Any] = {"member_id": shop.alice, "category": "fridge", "age_years": 5, "condition": "worn", "group_id": group}
    for change, code in (
        ({"age_years": 40}, "trade.not_taken"),
        ({"age_years": -1}, "trade.not_taken"),
        ({"category": "piano"}, "trade.not_taken"),
        ({"group_id": shop.cherries}, "trade.not_for_trade_in"),
        ({"group_id": shop.far_milk}, "trade.no_such_group"),
        ({"member_id": 999_999}, "people.no_such_member"),
    ):
        with refused(code):
            tradein.estimate(**(asked | change))
    with refused("trade.bad_worth", fields="condition"):
        tradein.put_value(region=REGION, category="fridge", up_to_years=3, condition="x", value_minor=1, subsidy_minor=0, by=BY)
    number = tradein.quote(key="q", **asked)
    with clocks.fixed(business=MONDAY + timedelta(days=8)), refused("trade.quote_over"):
        tradein.order(trade_in_id=number, member_id=shop.alice)
    for who, which in ((shop.bob, number), (shop.alice, "nonsense")):
        with refused("trade.no_such_trade_in"):
            tradein.order(trade_in_id=which, member_id=who)
    with refused("trade.no_such_trade_in"):
        tradein.pick_up(region="elsewhere", trade_in_id=number, by=BY)


def test_a_credit_leaves_something_to_pay(shop: Shop) -> None:
    number = quoted(shop, price_minor=15_000, solo_price_minor=15_000)
    assert tradein.order(trade_in_id=number, member_id=shop.alice).payable_minor == 1


@pytest.mark.django_db(transaction=True)
def test_ordered_at_once_the_credit_is_given_once(shop: Shop, till: Till) -> None:
    number = quoted(shop)
    results = at_once(8, lambda n: tradein.order(trade_in_id=number, member_id=shop.alice))
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal)], results
    assert Order.objects.count() == 1 and balances()["value"] == -12_000
