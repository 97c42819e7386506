"""Pickup: the right code, the right community's leader, once."""

from __future__ import annotations

from datetime import timedelta

from linli.fulfil import pickup
from linli.kernel import clocks, ledger
from linli.trade import groups, orders, queries, refunds, rules
from support.refusing import refused
from support.shop import NOON, REGION, Shop, Till, buy, pay_for


def ready(shop: Shop, till: Till) -> str:
    """Alice's order, ready; its code."""
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    order = queries.order(placed.order_id)
    assert order is not None and order.pickup_code is not None
    return order.pickup_code


def test_the_leader_hands_over_once(shop: Shop, till: Till) -> None:
    code = ready(shop, till)
    assert pickup.lookup(code=f" {code[:3].lower()}-{code[3:]} ", community_id=shop.maple).member_id == shop.alice
    with clocks.fixed(business=NOON + timedelta(days=1)):
        first = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap")
        again = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap")
        later = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap 2")
    assert (first.again, again.again, later.again) == (False, True, True)
    assert first.at == again.at == later.at and [line.sku.code for line in first.lines] == ["cherries"]
    assert queries.handouts(shop.maple) == [] and len(queries.handouts(shop.maple, include_handed=True)) == 1


def test_a_strangers_leader_is_refused_like_a_wrong_code(shop: Shop, till: Till) -> None:
    code = ready(shop, till)
    for community, by in ((shop.maple, shop.other_leader), (shop.oak, shop.other_leader), (shop.oak, shop.leader)):
        with refused("fulfil.no_such_code"):
            pickup.hand_over(code=code, community_id=community, by=by, key="tap")
    for wrong in ("", "AAAAAA", "'; --", code + "2"):
        with refused("fulfil.no_such_code"):
            pickup.lookup(code=wrong, community_id=shop.maple)
    with refused("fulfil.no_such_code"):
        pickup.lookup(code=code, community_id=shop.oak)


def test_nothing_is_handed_over_before_its_group_succeeds(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="k")
    order = queries.order(placed.order_id)
    assert order is not None and order.pickup_code is not None
    with refused("trade.not_ready"):
        pickup.hand_over(code=order.pickup_code, community_id=shop.maple, by=shop.leader, key="tap")


def two_orders(shop: Shop, till: Till) -> str:
    """Alice ordered, and added milk for the same wave; both ready; their one code."""
    first = buy(till, shop.alice, [(shop.cherries, 3)], key="k")
    second = buy(till, shop.alice, [(shop.milk, 2)], key="add-on")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    codes = {line.pickup_code for placed in (first, second) for line in queries.order(placed.order_id).lines}  # type: ignore[union-attr]
    assert len(codes) == 1
    return str(codes.pop())


def test_an_add_on_is_handed_over_with_the_order_it_was_added_to(shop: Shop, till: Till) -> None:
    """OFN #12598: hubs merge orders of a cycle by hand."""
    code = two_orders(shop, till)
    found = pickup.found(code=code, community_id=shop.maple)
    assert [line.sku.code for _, line in found.ready] == ["cherries", "milk"] and found.open
    done = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap")
    again = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap")
    assert [line.sku.code for line in done.lines] == ["cherries", "milk"] and len(done.order_ids) == 2
    assert again.again and sorted(again.order_ids) == sorted(done.order_ids)
    assert [o.state for o in queries.orders_of(shop.alice)] == ["handed_over"] * 2
    assert not pickup.found(code=code, community_id=shop.maple).open


def test_what_is_there_is_handed_over_while_the_rest_is_waited_for(shop: Shop, till: Till) -> None:
    code = two_orders(shop, till)
    _, milk = pickup.found(code=code, community_id=shop.maple).ready
    only = [(milk[0], milk[1].number)]
    first = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="a", only=only)
    assert [line.sku.code for line in first.lines] == ["milk"]
    assert pickup.found(code=code, community_id=shop.maple).open
    rest = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="b")
    assert [line.sku.code for line in rest.lines] == ["cherries"]


def test_what_is_missing_goes_back_as_money(shop: Shop, till: Till) -> None:
    code = two_orders(shop, till)
    cherries, milk = pickup.found(code=code, community_id=shop.maple).ready

    def short(line: tuple, pieces: int | None, key: str, by: int = 0) -> str:
        return pickup.short(
            code=code, community_id=shop.maple, by=by or shop.leader, order_id=line[0], number=line[1].number, pieces=pieces, key=key
        )

    number = short(cherries, 1, "one")
    assert short(cherries, 1, "one") == number
    with refused("trade.bad_quantity", most=2):
        short(cherries, 3, "more")
    with refused("fulfil.no_such_code"):
        short(cherries, 1, "stranger", by=shop.other_leader)
    short(milk, None, "all")
    with refused("trade.not_ready"):
        short(milk, 1, "again")
    refunds.pursue()
    done = pickup.hand_over(code=code, community_id=shop.maple, by=shop.leader, key="tap")
    assert [(line.sku.code, line.quantity - line.returned_pieces) for line in done.lines] == [("cherries", 2)]
    orders_ = {o.lines[0].sku.code: o for o in queries.orders_of(shop.alice)}
    assert (orders_["cherries"].refunded_minor, orders_["cherries"].state) == (400, "handed_over")
    assert (orders_["milk"].refunded_minor, orders_["milk"].state) == (666, "refunded")
    steps = queries.order_history(orders_["cherries"].order_id)
    assert ("trade.line_short", f"person:{shop.leader}") in {(s.kind, s.by) for s in steps}
    assert all(s.by for s in steps), "every change of an order says who made it (OFN #6404, #7725)"
    assert ledger.audit().ok


def test_what_travels_with_a_paid_order_is_brought_for_nothing(shop: Shop, till: Till) -> None:
    terms = orders.Terms(shipping=rules.Shipping(fee_minor=300))
    assert orders.quote(member_id=shop.alice, lines=[(shop.milk, 1)], terms=terms).shipping_minor == 300
    first = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="a", terms=terms)
    assert orders.quote(member_id=shop.alice, lines=[(shop.milk, 1)], terms=terms).shipping_minor == 300  # not paid yet
    pay_for(till, first, shop.alice)
    second = orders.place(member_id=shop.alice, lines=[(shop.milk, 1)], key="b", terms=terms)
    shown = queries.order(second.order_id)
    assert first.payable_minor == 700 and second.payable_minor == 333 and shown is not None
    assert [step[0] for step in shown.steps][-2:] == ["price.shipping", "price.shipping_free"]
    assert orders.quote(member_id=shop.bob, lines=[(shop.milk, 1)], terms=terms).shipping_minor == 300
