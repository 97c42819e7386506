"""Races about vouchers and partners' money: many threads, one outcome, and the control with the claim switched off."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from linli.kernel import clocks, ledger
from linli.kernel.refusals import Refusal
from linli.trade import accounts, capacity, groups, orders, redeeming, refunds, settlements
from linli.trade.models import PartnerEntry, Redemption, Refund, Statement, Voucher
from support.partners import BY, CLEAN, bundle, cleaners, door, jam, jam_group
from support.racing import at_once
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy

pytestmark = pytest.mark.django_db(transaction=True)


def told(results: list[Any]) -> Counter[str]:
    return Counter(r.code if isinstance(r, Refusal) else type(r).__name__ if isinstance(r, Exception) else "done" for r in results)


def bought(shop: Shop, till: Till) -> Voucher:
    cleaners()
    buy(till, shop.alice, [(bundle(shop), 1)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    return Voucher.objects.get()


def test_a_voucher_shown_at_two_desks_at_once_is_redeemed_once(shop: Shop, till: Till) -> None:
    v, at = bought(shop, till), door()
    with clocks.fixed(business=NOON):
        results = at_once(8, lambda n: redeeming.redeem(access_id=at, code=v.code, key=f"t{n}"))
    assert told(results) == {"done": 1, "trade.voucher_used": 7}
    assert Redemption.objects.count() == 1 and ledger.balance(accounts.payable(REGION, "USD", "shine")).balance == 4800


def test_the_same_tap_twice_is_one_redemption_with_one_answer(shop: Shop, till: Till) -> None:
    v, at = bought(shop, till), door()
    with clocks.fixed(business=NOON):
        results = at_once(8, lambda n: redeeming.redeem(access_id=at, code=v.code, key="t"))
    assert told(results) == {"done": 8} and sum(not r.again for r in results) == 1


def test_without_the_claim_a_voucher_is_done_twice(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same race, with nobody asking the voucher's row, must get further than one redemption."""
    v, at = bought(shop, till), door()
    monkeypatch.setattr(redeeming, "_claim", lambda voucher, key: True)
    with clocks.fixed(business=NOON):
        results = at_once(8, lambda n: redeeming.redeem(access_id=at, code=v.code, key=f"t{n}"))
    assert "trade.voucher_used" not in told(results) and (told(results)["IntegrityError"] or Redemption.objects.count() > 1)


def test_done_or_given_back_but_never_both(shop: Shop, till: Till) -> None:
    v, at = bought(shop, till), door()
    with clocks.fixed(business=NOON):
        results = at_once(
            8,
            lambda n: (
                redeeming.redeem(access_id=at, code=v.code, key=f"t{n}")
                if n % 2
                else redeeming.give_back(voucher_id=v.pk, member_id=shop.alice, key="g")
            ),
        )
    done, back = Redemption.objects.count(), Refund.objects.count()
    assert done + back == 1, told(results)
    assert ledger.audit().ok and settlements.difference(REGION, "USD", "shine") == 0


def test_the_partners_last_place_goes_to_one(shop: Shop, till: Till) -> None:
    cleaners(places=1)
    group = bundle(shop)
    who = (shop.alice, shop.bob)
    results = at_once(6, lambda n: orders.place(member_id=who[n % 2], lines=[(group, 1)], key=f"k{n}"))
    assert told(results)["done"] == 1 and set(told(results)) <= {"done", "trade.no_capacity", "trade.too_many_unpaid"}
    assert ledger.balance(capacity.account(REGION, CLEAN, "shine")).free == 0


def test_two_refunds_at_once_after_the_settlement_are_one_debt(shop: Shop, till: Till) -> None:
    jam(shop)
    group = jam_group(shop.maple)
    placed = [buy(till, who, [(group, 1)], key=f"k{who}") for who in (shop.alice, shop.bob)]
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        for p in placed:
            orders.hand_over(order_id=p.order_id, by=BY, key="h")
    with clocks.fixed(business=MONDAY + timedelta(days=1)):
        until = MONDAY.date() + timedelta(days=1)
        drawn = at_once(6, lambda n: settlements.draw_up(region=REGION, partner="oldjar", until=until, by=BY, key=f"w{n}"))
        assert told(drawn) == {"done": 1, "trade.statement_open": 5}
        (number,) = Statement.objects.values_list("pk", flat=True)
        settlements.approve(region=REGION, statement_id=number, by=BY)
        at_once(6, lambda n: settlements.paid(region=REGION, statement_id=number, reference="T", by=BY))
        results = at_once(8, lambda n: refunds.request(order_id=placed[n % 2].order_id, reason="quality", by=BY, key=f"back{n % 2}"))
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, Refusal)], results
    assert ledger.balance(accounts.owing(REGION, "USD", "oldjar")).balance == -560
    assert ledger.balance(accounts.paid_out(REGION, "USD", "oldjar")).balance == 560
    assert PartnerEntry.objects.count() == 4 and settlements.difference(REGION, "USD", "oldjar") == 0 and ledger.audit().ok
