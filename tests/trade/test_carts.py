"""Carts: the member's own, on the server, the same however often a tap is repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.kernel import clocks
from linli.trade import carts, groups, orders
from linli.trade.rules import MOST_LINES, Wanted
from linli.trade.rules import carts as rules
from support import shop as built
from support.refusing import refused
from support.shop import MONDAY, NOON, Shop, Till, buy

pytestmark = pytest.mark.django_db


def held(member_id: int) -> list[tuple[int, int, bool]]:
    return [(line.group.group_id, line.quantity, line.solo) for line in carts.of(member_id).lines]


def test_the_cart_holds_what_was_said_last_however_often(shop: Shop) -> None:
    for quantity in (1, 3, 3, 2):
        carts.put(member_id=shop.alice, line=Wanted(shop.cherries, quantity))
    assert held(shop.alice) == [(shop.cherries, 2, False)]
    assert carts.count(shop.alice) == 2
    assert carts.pieces(shop.alice) == {shop.cherries: 2}
    assert held(shop.bob) == []


def test_joined_and_bought_alone_are_two_lines(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 2, solo=True))
    assert held(shop.alice) == [(shop.cherries, 1, False), (shop.cherries, 2, True)]
    assert [line.unit_minor for line in carts.of(shop.alice).lines] == [400, 500]
    carts.switch(member_id=shop.alice, group_id=shop.cherries, solo=True)
    assert held(shop.alice) == [(shop.cherries, 3, True)]
    carts.switch(member_id=shop.alice, group_id=shop.cherries, solo=True)
    assert held(shop.alice) == [(shop.cherries, 3, True)], "again, it changes nothing"


def test_tolerance_is_kept(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 3, tolerance_pieces=1))
    [line] = carts.of(shop.alice).lines
    assert (line.quantity, line.tolerance_pieces, line.wanted_pieces) == (3, 1, 2)
    assert line.wanted == Wanted(shop.cherries, 3, tolerance_pieces=1)


def test_what_cannot_be_put(shop: Shop) -> None:
    with refused("trade.no_such_group"):
        carts.put(member_id=shop.alice, line=Wanted(shop.far_milk, 1))
    with refused("trade.no_such_group"):
        carts.put(member_id=shop.alice, line=Wanted(2**80, 1))
    for quantity in (0, 100, -1):
        with refused("trade.bad_quantity"):
            carts.put(member_id=shop.alice, line=Wanted(shop.cherries, quantity))
    with refused("people.no_such_member"):
        carts.put(member_id=987654, line=Wanted(shop.cherries, 1))
    with clocks.fixed(business=NOON), refused("trade.group_closed"):
        carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))


def test_more_lines_than_an_order_may_have_are_refused(shop: Shop) -> None:
    opened = groups.open_many(region=built.REGION, groups=[built.new_group(shop.maple, "milk", key=f"more/{n}") for n in range(MOST_LINES)])
    for group_id in opened:
        carts.put(member_id=shop.alice, line=Wanted(group_id, 1))
    with refused("trade.too_many_lines", most=MOST_LINES):
        carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    carts.put(member_id=shop.alice, line=Wanted(opened[0], 2))


def test_sold_out_few_and_closed_lines_are_told_apart_and_cleared(shop: Shop, till: Till) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 3))
    carts.put(member_id=shop.alice, line=Wanted(shop.milk, 1))
    buy(till, shop.bob, [(shop.cherries, 8)], key="bob")
    cart = carts.of(shop.alice)
    assert [line.problem for line in cart.lines] == ["few", ""]
    assert len(cart.chosen) == 2, "fewer can still be had"
    buy(till, shop.bob, [(shop.cherries, 2)], key="bob-2")
    cart = carts.of(shop.alice)
    assert [line.problem for line in cart.lost] == ["sold_out"]
    assert [line.group.group_id for line in cart.chosen] == [shop.milk]
    with clocks.fixed(business=NOON):
        assert [line.problem for line in carts.of(shop.alice).lines] == ["closed", "closed"]
        assert carts.count(shop.alice) == 0
        assert carts.clear_lost(member_id=shop.alice) == 2
        assert held(shop.alice) == []


def test_lines_of_the_past_go_by_themselves(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    with clocks.fixed(business=NOON + carts.KEPT + timedelta(hours=1)):
        [late] = groups.open_many(
            region=built.REGION,
            groups=[
                built.new_group(shop.maple, "milk", key="late", deadline_at=NOON + timedelta(days=4), pickup_from=NOON + timedelta(days=5))
            ],
        )
        carts.put(member_id=shop.alice, line=Wanted(late, 1))
        assert held(shop.alice) == [(late, 1, False)]


def test_choosing(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    carts.put(member_id=shop.alice, line=Wanted(shop.milk, 1))
    carts.choose(member_id=shop.alice, group_id=shop.cherries, solo=False, chosen=False)
    assert [line.group.group_id for line in carts.of(shop.alice).chosen] == [shop.milk]
    carts.choose_all(member_id=shop.alice, chosen=True)
    assert len(carts.of(shop.alice).chosen) == 2
    carts.choose(member_id=shop.bob, group_id=shop.cherries, solo=False, chosen=False)
    assert len(carts.of(shop.alice).chosen) == 2, "somebody else's cart is another"


def test_what_was_ordered_leaves_and_what_was_put_in_since_stays(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    carts.put(member_id=shop.alice, line=Wanted(shop.milk, 1))
    lines = [line.wanted for line in carts.of(shop.alice).chosen]
    placed = orders.place(member_id=shop.alice, lines=lines, key="k")
    at = placed.pay_by - orders.TIME_TO_PAY
    carts.ordered(member_id=shop.alice, lines=lines, before=at)
    assert held(shop.alice) == []
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 4))
    carts.ordered(member_id=shop.alice, lines=lines, before=at)
    assert held(shop.alice) == [(shop.cherries, 4, False)], "the same form sent once more takes nothing out"


def test_again_puts_what_can_be_had(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2), (shop.milk, 1)], key="first")
    with clocks.fixed(business=NOON):
        groups.close_due(built.REGION)
        [fresh] = groups.open_many(
            region=built.REGION,
            groups=[
                built.new_group(shop.maple, "milk", key="next", deadline_at=NOON + timedelta(hours=9), pickup_from=NOON + timedelta(days=2))
            ],
        )
        assert carts.again(member_id=shop.alice, order_id=placed.order_id) == (1, 1)
        assert held(shop.alice) == [(fresh, 1, False)]
        with refused("trade.no_such_order"):
            carts.again(member_id=shop.bob, order_id=placed.order_id)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, ""),
        ({"quantity": 5}, rules.FEW),
        ({"left_pieces": 0}, rules.SOLD_OUT),
        ({"state": "missed"}, rules.CLOSED),
        ({"now": NOON}, rules.CLOSED),
        ({"now": MONDAY - timedelta(hours=1)}, rules.WAITS),
    ],
)
def test_standing(facts: dict[str, object], told: str) -> None:
    usual = {"state": "open", "opens_at": MONDAY, "deadline_at": NOON, "left_pieces": 4, "quantity": 2, "now": MONDAY}
    assert rules.standing(**(usual | facts)) == told  # type: ignore[arg-type]
