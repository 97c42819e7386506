"""Giving back in parts: whatever the split, every side ends with exactly what it was charged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from linli.kernel import ledger
from linli.kernel.models import Event
from linli.trade import accounts, coupons, load, orders, queries, refunds
from linli.trade.models import Order, OrderLine, Refund
from linli.trade.posting import Posting
from linli.trade.rules import returns
from linli.trade.rules.returns import Charge, Part
from support.refusing import refused
from support.shop import REGION, Shop, Till, buy, pay_for


def after(charge: Charge, part: Part) -> Charge:
    returns.check([charge], [part])
    return replace(
        charge,
        refunded_minor=charge.refunded_minor + part.refund_minor,
        discount_back_minor=charge.discount_back_minor + part.discount_back_minor,
        returned_pieces=charge.returned_pieces + part.pieces,
    )


@given(
    unit=st.integers(1, 99_999), quantity=st.integers(1, 99), funded=st.floats(0, 1), worths=st.lists(st.integers(1, 10**6), max_size=12)
)
@example(unit=333, quantity=3, funded=0.1, worths=[1, 1, 1, 500])
@example(unit=1, quantity=1, funded=1.0, worths=[1])
def test_any_series_of_parts_gives_back_exactly_what_was_charged(unit: int, quantity: int, funded: float, worths: list[int]) -> None:
    amount = unit * quantity
    charge = start = Charge(1, amount, int(amount * funded), quantity)
    for worth in worths:
        before = charge
        part = returns.portion(charge, worth)
        if charge.left_worth_minor:
            charge = after(charge, part)
        # Nobody is ahead of their share by more than the rounding of one minor unit.
        gone = charge.refunded_minor + charge.discount_back_minor
        assert gone == min(amount, before.refunded_minor + before.discount_back_minor + worth)
        assert charge.discount_back_minor == start.discount_minor * gone // amount
    if not returns.is_over(charge):
        charge = after(charge, returns.whole(charge))
    assert returns.is_over(charge)
    assert charge.refunded_minor == amount - start.discount_minor
    assert charge.discount_back_minor == start.discount_minor


@given(st.integers(1, 9_999), st.lists(st.integers(1, 9), min_size=1, max_size=6), st.floats(0, 1))
def test_piece_by_piece_is_the_whole_line(unit: int, pieces: list[int], funded: float) -> None:
    quantity = sum(pieces)
    charge = Charge(1, unit * quantity, int(unit * quantity * funded), quantity)
    for n in pieces:
        charge = after(charge, returns.per_piece(charge, n))
    assert (charge.left_minor, charge.left_discount_minor, charge.left_pieces) == (0, 0, 0)


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 10_000), min_size=1, max_size=5),
    st.lists(st.integers(1, 9_999), max_size=6),
)
def test_whoever_funded_a_discount_gets_it_back_and_no_more(funded: dict[str, int], backs: list[int]) -> None:
    left = dict(funded)
    for asked in [*backs, sum(funded.values())]:
        total = sum(left.values())
        back = min(asked, total)
        for owner, share in returns.to_funders(back, left).items():
            left[owner] -= share
            assert left[owner] >= 0
        assert sum(left.values()) == total - back
    assert left == dict.fromkeys(funded, 0)


@pytest.mark.parametrize(
    "parts",
    [[], [Part(1, 0, 0, 0)], [Part(2, 1, 0, 0)], [Part(1, 1, 0, 0), Part(1, 1, 0, 0)], [Part(1, -1, 0, 1)]],
    ids=["none", "empty", "another line", "twice", "negative"],
)
def test_parts_that_give_nothing_back(parts: list[Part]) -> None:
    with refused("trade.nothing_to_refund"):
        returns.check([Charge(1, 900, 100, 3)], parts)


@pytest.mark.parametrize("part", [Part(1, 801, 0, 0), Part(1, 0, 101, 0), Part(1, 0, 0, 4)])
def test_more_than_is_left(part: Part) -> None:
    with refused("trade.too_much_back", number=1, left_minor=800):
        returns.check([Charge(1, 900, 100, 3)], [part])


def give(order_id: object, *parts: Part, key: str) -> Refund:
    with transaction.atomic():
        order, lines = load.locked(load.find(str(order_id)).pk)
        posting = Posting()
        refund = refunds.begin(posting, order, parts, reason="quality", by="person:1", key=key, lines=lines)
        posting.commit()
    return refund


def revenue() -> ledger.Balance:
    return ledger.balance(accounts.revenue(REGION, "USD"))


def test_a_line_goes_back_in_parts_each_under_its_own_number(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="k")
    first = give(placed.order_id, Part(1, 150, 0, 0), key="a")
    assert (revenue().balance, revenue().held) == (1200, 150)
    assert refunds.send(first.pk) == "succeeded"
    second = give(placed.order_id, Part(1, 400, 0, 1), key="b")
    refunds.send(second.pk)
    assert till.refunds == {first.refund_no: 150, second.refund_no: 400}
    line = OrderLine.objects.get()
    assert (line.state, line.refunded_minor, line.returned_pieces) == ("open", 550, 1)
    assert Order.objects.get().state == "paid"
    refunds.send(refunds_number(placed, shop))
    line.refresh_from_db()
    assert (line.state, line.refunded_minor, line.returned_pieces) == ("cancelled", 1200, 3)
    assert Order.objects.get().state == "refunded"
    assert sum(till.refunds.values()) == 1200 and revenue().balance == 0
    assert ledger.audit().ok


def refunds_number(placed: orders.Placed, shop: Shop) -> object:
    """The member takes back what is left; the id of that refund."""
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="rest")
    return Refund.objects.get(state="requested").pk


def test_the_facts_carry_what_changed(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="k")
    refunds.send(give(placed.order_id, Part(1, 150, 0, 1), key="a").pk)
    for kind in ("trade.refund_requested", "trade.order_refunded"):
        (line,) = Event.objects.get(kind=kind).payload["lines"]
        assert (line["sku"], line["quantity"], line["amount_minor"], line["discount_minor"]) == ("cherries", 1, 150, 0)
    assert not Event.objects.get(kind="trade.order_refunded").payload["complete"]


def test_a_budget_gets_its_share_of_each_part(shop: Shop, till: Till) -> None:
    coupons.put_issue(
        region=REGION, code="c", name_zh="券", name_en="c", face_minor=100, minimum_minor=300, valid_days=2, budget_owner="playbook:p"
    )
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=500, key="f")
    coupon = coupons.issue(issue_code="c", member_id=shop.alice, key="c")
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="k", coupon_id=coupon)
    assert coupons.budget(REGION, "playbook:p").spent_minor == 100
    line = OrderLine.objects.get()
    part = returns.portion(refunds.charge(line), 500)
    assert (part.refund_minor, part.discount_back_minor) == (459, 41)
    refunds.send(give(placed.order_id, part, key="a").pk)
    assert coupons.budget(REGION, "playbook:p").spent_minor == 59
    refunds.send(refunds_number(placed, shop))
    assert coupons.budget(REGION, "playbook:p").spent_minor == 0
    assert revenue().balance == 0 and sum(till.refunds.values()) == 1100
    assert queries.coupons_of(shop.alice)[0].state == "issued"  # with the last line the coupon itself comes back


def test_the_shipping_fee_goes_back_with_the_last_line(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1), (shop.milk, 1)], key="k")
    Order.objects.update(shipping_minor=50, payable_minor=783)
    pay_for(till, placed, shop.alice)
    refunds.send(give(placed.order_id, Part(1, 400, 0, 1), key="a").pk)
    last = give(placed.order_id, Part(2, 333, 0, 1), key="b")
    assert (last.amount_minor, last.shipping_minor) == (383, 50)
    refunds.send(last.pk)
    assert sum(till.refunds.values()) == 783 and revenue().balance == 0


def test_more_than_a_line_cost_cannot_go_back(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="k")
    give(placed.order_id, Part(1, 399, 0, 0), key="a")
    with refused("trade.too_much_back", number=1, left_minor=1):
        give(placed.order_id, Part(1, 2, 0, 0), key="b")
    assert Refund.objects.count() == 1
    with pytest.raises(IntegrityError):  # what stands behind it
        OrderLine.objects.update(refunded_minor=401)
