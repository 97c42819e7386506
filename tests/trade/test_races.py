"""Races: many threads, one outcome. What claims is the ledger's floor or a constraint; the suite of each has the control."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from linli.kernel import clocks, ledger
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.trade import accounts, coupons, groups, orders, pay, queries, refunds
from linli.trade.models import GroupBuy, HandOver, Order, Refund
from linli.trade.placing import batch
from support.racing import at_once
from support.shop import NOON, REGION, Shop, Till, buy, new_group, pay_for

pytestmark = pytest.mark.django_db(transaction=True)


def told(results: list[Any]) -> Counter[str]:
    """How often each outcome came: a refusal's code, another error's name, or "done"."""
    return Counter(r.code if isinstance(r, Refusal) else type(r).__name__ if isinstance(r, Exception) else "done" for r in results)


def earned() -> int:
    return ledger.balance(accounts.revenue(REGION, "USD")).balance


def test_the_same_key_at_once_is_one_order(shop: Shop, till: Till) -> None:
    placed = at_once(8, lambda n: orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k"))
    assert len(set(placed)) == 1 and Order.objects.count() == 1
    assert Event.objects.filter(kind="trade.order_placed").count() == 1


def test_the_last_piece_goes_to_one(shop: Shop, till: Till) -> None:
    group = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="last", threshold=1, quota_pieces=1))
    who = (shop.alice, shop.bob)
    results = at_once(6, lambda n: orders.place(member_id=who[n % 2], lines=[(group, 1)], key=f"k{n}"))
    assert told(results) == {"done": 1, "trade.sold_out": 5}
    assert ledger.audit().ok


def test_the_last_piece_without_the_claim_is_sold_twice(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same race, with the ledger not asked, must oversell, or the test above shows nothing."""
    group = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="last", threshold=1, quota_pieces=1))
    monkeypatch.setattr(batch, "_hold", lambda drafts, before: before())
    monkeypatch.setattr(batch, "_judged", lambda drafts: [ledger.Outcome()] * len(drafts))
    who = (shop.alice, shop.bob)
    results = at_once(6, lambda n: orders.place(member_id=who[n % 2], lines=[(group, 1)], key=f"k{n}"))
    assert told(results) == {"done": 6}


def test_nobody_gets_a_fourth_unpaid_order_by_tapping_fast(shop: Shop, till: Till) -> None:
    results = at_once(8, lambda n: orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key=f"k{n}"))
    assert told(results)["done"] == 3 == Order.objects.filter(state="placed").count()
    assert set(told(results)) <= {"done", "trade.too_many_unpaid", "trade.busy"}


def test_200_identical_callbacks_are_one_posting(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    number = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    till.take(number)
    notice = till.notice(number)
    outcomes = Counter(r.outcome for r in at_once(200, lambda n: pay.confirm(notice), threads=12))
    assert outcomes == {"paid": 1, "again": 199}
    assert earned() == 800
    assert Event.objects.filter(kind="trade.order_paid").count() == 1


def test_payment_and_expiry_at_once_agree(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    number = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    till.take(number)
    with clocks.fixed(machine=placed.pay_by):
        fresh = till.notice(number)
        results = at_once(6, lambda n: pay.confirm(fresh) if n % 2 else pay.expire(placed.order_id))
    assert not [r for r in results if isinstance(r, Exception)], results
    assert Order.objects.get().state == "paid" and earned() == 800


def test_payment_and_closing_at_once_agree(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1), (shop.milk, 2)], key="k")
    number = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    till.take(number)
    notice = till.notice(number)
    with clocks.fixed(business=NOON):
        results = at_once(4, lambda n: pay.confirm(notice) if n % 2 else groups.close_due(REGION))
    assert not [r for r in results if isinstance(r, Exception)], results
    refunds.pursue()
    assert sorted(GroupBuy.objects.filter(community_id=shop.maple).values_list("state", flat=True)) == ["missed", "succeeded"]
    found = queries.order(placed.order_id)
    assert found is not None and (found.state, found.refunded_minor, earned()) == ("ready", 400, 666)
    assert ledger.audit().ok


def test_a_coupon_at_once_in_many_orders_is_in_one(shop: Shop, till: Till) -> None:
    coupons.put_issue(
        region=REGION, code="c", name_zh="券", name_en="c", face_minor=100, minimum_minor=300, valid_days=2, budget_owner="playbook:p"
    )
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=100, key="f")
    coupon = coupons.issue(issue_code="c", member_id=shop.alice, key="a")
    results = at_once(6, lambda n: orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key=f"k{n}", coupon_id=coupon))
    assert told(results) == {"done": 1, "trade.coupon_used": 5}


def test_a_budget_is_never_overdrawn_at_once(shop: Shop) -> None:
    coupons.put_issue(
        region=REGION, code="c", name_zh="券", name_en="c", face_minor=100, minimum_minor=300, valid_days=2, budget_owner="playbook:p"
    )
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=399, key="f")
    results = at_once(10, lambda n: coupons.issue(issue_code="c", member_id=shop.alice, key=f"a{n}"))
    assert told(results) == {"done": 3, "trade.budget_spent": 7}
    assert coupons.budget(REGION, "playbook:p").free_minor == 99


def test_cancelling_at_once_refunds_once(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k")
    at_once(6, lambda n: orders.cancel(order_id=placed.order_id, member_id=shop.alice, key=f"c{n}"))
    refund = Refund.objects.get()
    at_once(4, lambda n: refunds.send(refund.pk))
    assert (Refund.objects.get().state, earned()) == ("succeeded", 0)


def test_handing_over_at_once_is_once(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k")
    pay_for(till, placed, shop.alice)
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        results = at_once(6, lambda n: orders.hand_over(order_id=placed.order_id, by="person:1", key=f"h{n}"))
    assert sorted(r.again for r in results) == [False] + [True] * 5
    assert HandOver.objects.count() == 1


def test_starting_to_pay_at_once_is_one_attempt(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    results = at_once(6, lambda n: pay.start(order_id=placed.order_id, member_id=shop.alice, key=f"p{n}", return_url="http://shop/"))
    assert len({r.attempt_no for r in results}) == 1
