"""Orders: placed once with everything they need held, and nobody else's business."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from linli.goods import quota
from linli.kernel import clocks, events, ledger
from linli.trade import groups, orders, pay, queries, refunds
from linli.trade.events import OrderReady
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, pay_for


def free(shop: Shop, group_id: int, sku: str = "cherries") -> tuple[int, int, int]:
    stock = quota.stocks(REGION, [(sku, groups.place(group_id))])[sku, groups.place(group_id)]
    return stock.free, stock.held, stock.sold


def test_an_order_holds_its_goods_until_paid(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1")
    assert placed.payable_minor == 800
    assert free(shop, shop.cherries) == (8, 2, 0)
    order = queries.order(placed.order_id, shop.alice)
    assert order is not None and (order.state, order.pickup_code) == ("placed", None)


def test_paid_it_gets_a_pickup_code_and_waits_for_its_group(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k1")
    order = queries.order(placed.order_id)
    assert order is not None and order.state == "paid"
    assert order.pickup_code is not None and len(order.pickup_code) == 6 and not set(order.pickup_code) & set("01OIL")
    assert free(shop, shop.cherries) == (8, 0, 2)
    assert ledger.audit().ok


def test_a_double_tap_is_one_order(shop: Shop, till: Till) -> None:
    first = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1")
    assert orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1") == first
    assert free(shop, shop.cherries) == (8, 2, 0)
    assert len(queries.orders_of(shop.alice)) == 1


def test_a_lost_reply_asked_again_after_payment_is_the_same_order(shop: Shop, till: Till) -> None:
    first = buy(till, shop.alice, [(shop.cherries, 2)], key="k1")
    with clocks.fixed(business=NOON + timedelta(days=1)):
        assert orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1") == first


def test_the_same_key_for_something_else_is_refused(shop: Shop, till: Till) -> None:
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1")
    with refused("trade.key_reused"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k1")
    assert orders.place(member_id=shop.bob, lines=[(shop.cherries, 3)], key="k1").payable_minor == 1200  # Bob's keys are his own


def test_the_last_unit_goes_to_one(shop: Shop, till: Till) -> None:
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 9)], key="a")
    with refused("trade.sold_out", sku="cherries", left=1):
        orders.place(member_id=shop.bob, lines=[(shop.cherries, 2)], key="b")
    orders.place(member_id=shop.bob, lines=[(shop.cherries, 1)], key="b")
    with refused("trade.sold_out", left=0):
        orders.place(member_id=shop.alice, lines=[(shop.milk, 1), (shop.cherries, 1)], key="c")
    assert free(shop, shop.milk, "milk") == (10, 0, 0)  # refused whole: no half order keeps anything


def test_nobody_keeps_more_than_three_unpaid_orders(shop: Shop, till: Till) -> None:
    placed = [orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key=f"k{i}") for i in range(3)]
    with refused("trade.too_many_unpaid", most=3):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="k4")
    orders.cancel(order_id=placed[1].order_id, member_id=shop.alice, key="c")
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="k4")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "trade.empty_basket"),
        ([(1, 0)], "trade.bad_quantity"),
        ([(1, -1)], "trade.bad_quantity"),
        ([(1, 100)], "trade.bad_quantity"),
        ([(1, 60), (1, 60)], "trade.bad_quantity"),
        ([(1, 1.5)], "trade.bad_quantity"),
        ([(n, 1) for n in range(1, 22)], "trade.too_many_lines"),
        ([(987654, 1)], "trade.no_such_group"),
        ([(0, 1)], "trade.no_such_group"),
        ([(2**63, 1)], "trade.no_such_group"),
        ([("1", 1)], "trade.no_such_group"),
    ],
)
def test_what_cannot_be_is_refused(shop: Shop, lines: list[tuple[int, int]], code: str) -> None:
    with refused(code):
        orders.place(member_id=shop.alice, lines=lines, key="k")


@pytest.mark.parametrize("key", ["", "k" * 81, "a\0b", "a\nb"])
def test_a_key_must_fit(shop: Shop, key: str) -> None:
    with refused("trade.bad_key"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key=key)


@pytest.mark.parametrize("coupon_id", [0, -1, 2**63, 987654])
def test_a_coupon_that_cannot_be_is_none(shop: Shop, coupon_id: int) -> None:
    with refused("trade.no_such_coupon"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k", coupon_id=coupon_id)


def test_another_communitys_group_is_as_good_as_none(shop: Shop) -> None:
    with refused("trade.no_such_group"):
        orders.place(member_id=shop.alice, lines=[(shop.far_milk, 1)], key="k")


def test_after_the_deadline_nobody_joins(shop: Shop) -> None:
    with clocks.fixed(business=NOON), refused("trade.group_closed"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="k")
    with clocks.fixed(business=MONDAY - timedelta(minutes=1)), refused("trade.group_not_open"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="k")


def test_a_strangers_order_is_like_one_that_is_not_there(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k1")
    for order_id in (placed.order_id, str(placed.order_id), uuid.uuid4(), "not an id"):
        for who in (shop.charlie, shop.bob):
            assert queries.order(order_id, who) is None
            with refused("trade.no_such_order"):
                orders.cancel(order_id=order_id, member_id=who, key="c")
            with refused("trade.no_such_order"):
                pay.start(order_id=order_id, member_id=who, key="p", return_url="http://shop/")
            with refused("trade.no_such_order"):
                pay.refresh(order_id=order_id, member_id=who)
    order = queries.order(placed.order_id, shop.alice)
    assert order is not None and order.state == "paid"


def test_an_unpaid_order_cancelled_frees_everything(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k1")
    assert orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c") == "cancelled"
    assert orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c") == "cancelled"
    assert free(shop, shop.cherries) == (10, 0, 0)
    with refused("trade.order_ended"):
        pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/")


def test_a_paid_order_can_be_taken_back_until_the_cut_off(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k1")
    late = buy(till, shop.bob, [(shop.cherries, 2)], key="k1")
    assert orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c") == "refunding"
    refunds.pursue()
    assert till.refunds and list(till.refunds.values()) == [800]
    order = queries.order(placed.order_id)
    assert order is not None and (order.state, order.refunded_minor) == ("refunded", 800)
    assert free(shop, shop.cherries) == (8, 0, 2)
    with clocks.fixed(business=NOON), refused("trade.too_late"):
        orders.cancel(order_id=late.order_id, member_id=shop.bob, key="c")
    assert orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="again") == "refunded"
    assert ledger.audit().ok


def test_buying_alone_does_not_wait_for_the_group(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1, True), (shop.cherries, 1)], key="k")
    assert placed.payable_minor == 500 + 400
    pay_for(till, placed, shop.alice)
    order = queries.order(placed.order_id)
    assert order is not None and order.state == "ready"
    card = queries.group(shop.cherries)
    assert card is not None and (card.joined_pieces, card.left_pieces, card.missing_pieces) == (1, 8, 2)
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    refunds.pursue()
    order = queries.order(placed.order_id)
    assert order is not None and (order.state, order.refunded_minor) == ("ready", 400)


def test_hand_over_once(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="k")
    with refused("trade.not_ready"):
        orders.hand_over(order_id=placed.order_id, by="person:1", key="h")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        first = orders.hand_over(order_id=placed.order_id, by="person:1", key="h")
        again = orders.hand_over(order_id=placed.order_id, by="person:1", key="h")
        other = orders.hand_over(order_id=placed.order_id, by="person:2", key="h2")
    assert (first.again, again.again, other.again) == (False, True, True)
    assert first.line_numbers == again.line_numbers == other.line_numbers == [1]
    steps = queries.order_history(placed.order_id)
    assert [s.kind for s in steps] == ["trade.order_placed", "trade.order_paid", "trade.order_ready", "trade.order_handed_over"]
    assert [s.by for s in steps] == [f"member:{shop.alice}", "channel:sandbox", "system", "person:1"]


def test_an_old_orders_history_is_whole_however_much_came_after_it(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="k")
    later = events.Told(OrderReady("another", shop.alice, shop.maple, 1, "x", "system"), REGION, f"member:{shop.alice}")
    events.append_many([later] * 1_001)
    assert [s.kind for s in queries.order_history(placed.order_id)] == ["trade.order_placed", "trade.order_paid"]


def test_few_statements_however_long_the_page(shop: Shop, till: Till, django_assert_max_num_queries) -> None:
    for i in range(4):
        buy(till, shop.alice, [(shop.cherries, 1), (shop.milk, 1)], key=f"k{i}")
    with django_assert_max_num_queries(4):
        assert len(queries.orders_of(shop.alice)) == 4
    with django_assert_max_num_queries(6):
        cards = queries.open_groups(shop.maple)
    assert [c.joined_pieces for c in cards] == [4, 4] and cards[0].neighbours[0].surname == "Ai"
    with django_assert_max_num_queries(22):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1), (shop.milk, 1)], key="last")
    assert events.KINDS["trade.order_placed"].kind == "trade.order_placed"
