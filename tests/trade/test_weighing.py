"""Weighed goods: the most is charged, the scales say what it is, and the difference goes back by itself."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.kernel import clocks, ledger, work
from linli.kernel.models import Event
from linli.trade import accounts, groups, orders, refunds, weighing
from linli.trade import work as handlers
from linli.trade.models import OrderLine, Refund, Weighing
from linli.trade.rules import returns, weights
from support.aftersales import crabs, handed_order
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy

LEADER = "person:8"


@pytest.fixture
def ready(shop: Shop, till: Till) -> uuid.UUID:
    """Two crabs of at most 250 g each at 9.99 are ready to be fetched."""
    placed = buy(till, shop.alice, [(crabs(shop), 2)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    return placed.order_id


def minutes_later() -> None:
    """The worker, once nothing more can be corrected."""
    with clocks.fixed(machine=clocks.machine_now() + timedelta(minutes=11)):
        work.run_due({weighing.SETTLE: handlers.settle_weight})
    refunds.pursue()


def test_the_difference_goes_back_by_itself(ready: uuid.UUID, till: Till) -> None:
    said = weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    assert (said.most_g, said.charged_minor, said.back_minor) == (500, 1718, 280)  # 1998 x 430 / 500 = 1718.28
    assert not till.refunds  # it may still be corrected
    minutes_later()
    assert list(till.refunds.values()) == [280]
    line = OrderLine.objects.get()
    assert (line.weighed_g, line.refunded_minor, line.returned_pieces, line.state) == (430, 280, 0, "ready")
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 1718
    assert Event.objects.get(kind="trade.line_weighed").payload["over_g"] == 0
    minutes_later()
    assert Refund.objects.count() == 1 and ledger.audit().ok


def test_over_the_most_is_the_shops_gift(ready: uuid.UUID, till: Till) -> None:
    said = weighing.weigh(order_id=ready, number=1, grams=560, by=LEADER)
    assert (said.charged_minor, said.back_minor) == (1998, 0)
    minutes_later()
    assert not till.refunds and Event.objects.get(kind="trade.line_weighed").payload["over_g"] == 60


def test_a_slip_of_the_finger_is_corrected_before_it_costs(ready: uuid.UUID, till: Till) -> None:
    weighing.weigh(order_id=ready, number=1, grams=43, by=LEADER)
    weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    minutes_later()
    assert list(till.refunds.values()) == [280]
    assert Event.objects.filter(kind="trade.line_weighed").count() == 2


def test_lighter_after_it_was_settled_gives_back_the_rest_and_heavier_is_refused(ready: uuid.UUID, till: Till) -> None:
    weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    minutes_later()
    with refused("trade.weigh_settled"):
        weighing.weigh(order_id=ready, number=1, grams=431, by=LEADER)
    weighing.weigh(order_id=ready, number=1, grams=400, by=LEADER)
    minutes_later()
    assert sorted(till.refunds.values()) == [120, 280]
    assert OrderLine.objects.get().refunded_minor == 1998 - 1598


def test_another_day_is_too_late(ready: uuid.UUID) -> None:
    weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    with clocks.fixed(business=MONDAY + timedelta(days=1)), refused("trade.weigh_too_late"):
        weighing.weigh(order_id=ready, number=1, grams=420, by=LEADER)


@pytest.mark.parametrize("grams", [0, -5, 1501, True])
def test_what_no_scale_shows_is_refused(ready: uuid.UUID, grams: int) -> None:
    with refused("trade.bad_weight", most_g=1500):
        weighing.weigh(order_id=ready, number=1, grams=grams, by=LEADER)
    assert not Weighing.objects.exists()


def test_only_weighed_goods_that_are_there(shop: Shop, till: Till) -> None:
    done = handed_order(shop, till)
    for number in (1, 2):
        with refused("trade.not_weighed"):
            weighing.weigh(order_id=done, number=number, grams=100, by=LEADER)
    waits = orders.place(member_id=shop.alice, lines=[(crabs(shop), 1)], key="w")
    with refused("trade.not_weighed"):
        weighing.weigh(order_id=waits.order_id, number=1, grams=100, by=LEADER)


def test_what_has_gone_back_meanwhile_does_not_go_back_twice(ready: uuid.UUID, till: Till) -> None:
    weighing.weigh(order_id=ready, number=1, grams=430, by=LEADER)
    refunds.request(order_id=ready, reason="operator", by="person:1", key="all")
    minutes_later()
    assert sum(till.refunds.values()) == 1998 and ledger.audit().ok


@given(
    st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 9), st.integers(1, 2_000), st.integers(1, 6_000)), min_size=1, max_size=40)
)
def test_many_weighed_lines_add_up_to_the_fen(lines: list[tuple[int, int, int, int]]) -> None:
    """OFN #6109, #7108: totals that differ from their lines. Each line is rounded once; the total has no rounding of its own."""
    held = charged = back = 0
    for unit, pieces, piece_g, grams in lines:
        most = unit * pieces
        costs = weights.charged(most, pieces * piece_g, grams)
        part = returns.portion(returns.Charge(1, most, most // 3, pieces), most - costs)
        assert 0 <= costs <= most and abs(costs * pieces * piece_g - most * min(grams, pieces * piece_g)) * 2 <= pieces * piece_g
        held, charged, back = held + most, charged + costs, back + part.refund_minor + part.discount_back_minor
    assert held - back == charged


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**4))
def test_heavier_never_costs_less(most_minor: int, most_g: int, grams: int) -> None:
    assert weights.charged(most_minor, most_g, grams) <= weights.charged(most_minor, most_g, grams + 1) <= most_minor
