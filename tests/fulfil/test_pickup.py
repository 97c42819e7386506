"""Pickup: the right code, the right community's leader, once."""

from __future__ import annotations

from datetime import timedelta

from linli.fulfil import pickup
from linli.kernel import clocks
from linli.trade import groups, queries
from support.refusing import refused
from support.shop import NOON, REGION, Shop, Till, buy


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
