"""Group-buys: decided once at the deadline, and a miss gives everything back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.goods import quota
from linli.kernel import clocks, ledger, work
from linli.kernel.models import Event, WorkRow
from linli.trade import accounts, groups, orders, pay, queries, refunds
from linli.trade.models import PayAttempt
from linli.trade.work import HANDLERS
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, pay_for


def state(placed: orders.Placed) -> str:
    found = queries.order(placed.order_id)
    assert found is not None
    return found.state


def close() -> int:
    with clocks.fixed(business=NOON):
        return groups.close_due(REGION)


def test_a_group_that_reaches_its_threshold_is_ready_for_pickup(shop: Shop, till: Till) -> None:
    first = buy(till, shop.alice, [(shop.cherries, 2)], key="a")
    second = buy(till, shop.bob, [(shop.cherries, 1)], key="b")
    assert groups.close_due(REGION) == 0  # not due yet
    assert close() == 3
    card = queries.group(shop.cherries)
    assert card is not None and (card.state, card.joined_pieces, card.joined_households) == ("succeeded", 3, 2)
    assert [state(first), state(second)] == ["ready", "ready"]
    handouts = queries.handouts(shop.maple)
    assert {h.display_name for h in handouts} == {"Alice", "Bob"} and handouts[0].phone_tail in ("0001", "0002")
    assert close() == 0


def test_a_group_that_misses_gives_all_back(shop: Shop, till: Till) -> None:
    paid = buy(till, shop.alice, [(shop.cherries, 2)], key="a")
    unpaid = orders.place(member_id=shop.bob, lines=[(shop.cherries, 5)], key="b")
    close()
    assert [state(paid), state(unpaid)] == ["refunding", "cancelled"]  # what isn't paid doesn't count
    refunds.pursue()
    assert (state(paid), till.refunds and list(till.refunds.values())) == ("refunded", [800])
    stock = quota.stocks(REGION, [("cherries", groups.place(shop.cherries))])["cherries", groups.place(shop.cherries)]
    assert (stock.free, stock.held, stock.sold) == (10, 0, 0)
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 0
    assert ledger.audit().ok
    missed = Event.objects.get(kind="trade.group_missed", payload__group_id=shop.cherries)
    assert missed.payload["joined_pieces"] == 2 and missed.payload["order_count"] == 1
    assert Event.objects.get(kind="trade.order_refunded").payload["complete"] is True


def test_only_the_missed_lines_of_an_order_go_back(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1), (shop.milk, 2)], key="a")
    close()
    refunds.pursue()
    order = queries.order(placed.order_id)
    assert order is not None
    assert (order.state, order.refunded_minor, [line.state for line in order.lines]) == ("ready", 400, ["cancelled", "ready"])
    assert Event.objects.get(kind="trade.order_refunded").payload["complete"] is False


def test_a_lost_callback_still_counts_for_the_threshold(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="a")
    number = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    till.take(number)
    close()
    assert state(placed) == "ready"


def test_money_that_arrives_after_success_is_ready_at_once(shop: Shop, till: Till) -> None:
    late = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="a")
    buy(till, shop.bob, [(shop.cherries, 3)], key="b")
    close()
    assert state(late) == "placed"  # its pieces are still held for it
    with clocks.fixed(business=NOON):
        pay_for(till, late, shop.alice)
    assert state(late) == "ready"


def test_money_that_arrives_after_a_miss_of_one_line(shop: Shop, till: Till) -> None:
    late = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1), (shop.milk, 1)], key="a")
    number = pay.start(order_id=late.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    buy(till, shop.bob, [(shop.milk, 2)], key="b")
    close()
    assert state(late) == "cancelled"  # unpaid, and one of its groups missed: nothing is kept for it
    till.take(number)
    assert pay.confirm(till.notice(number)).outcome == "unwanted"
    refunds.pursue()
    assert list(till.refunds.values()) == [733]
    assert ledger.audit().ok


def test_a_group_that_cannot_be_decided_keeps_no_other_open(shop: Shop, till: Till, caplog: pytest.LogCaptureFixture) -> None:
    broken = buy(till, shop.alice, [(shop.cherries, 1)], key="a")
    fine = buy(till, shop.bob, [(shop.milk, 2)], key="b")
    PayAttempt.objects.filter(order_id=broken.order_id).update(state="closed")  # no payment to give back from
    with pytest.raises(PayAttempt.DoesNotExist):
        close()
    assert (state(broken), state(fine)) == ("paid", "ready")


def test_the_deadline_is_work_that_comes_due_by_itself(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 3)], key="a")
    mine = {kind: HANDLERS[kind] for kind in HANDLERS}
    assert work.run_due(mine) == 0
    with clocks.fixed(business=NOON):
        assert work.run_due(mine) == 1
        assert work.run_due(mine) == 0
    assert state(placed) == "ready"
    assert set(WorkRow.objects.filter(kind="trade.close_groups").values_list("state", flat=True)) == {"done"}


def test_opening_again_changes_nothing(shop: Shop) -> None:
    again = new_group(shop.maple, "cherries")
    assert groups.open(region=REGION, group=again) == shop.cherries
    assert len(queries.open_groups(shop.maple)) == 2
    with refused("trade.key_reused"):
        groups.open(region=REGION, group=new_group(shop.maple, "cherries", price_minor=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 0},
        {"quota_pieces": 2},
        {"price_minor": 0},
        {"solo_price_minor": 399},
        {"deadline_at": MONDAY},
        {"pickup_from": NOON - timedelta(seconds=1)},
    ],
)
def test_a_group_that_cannot_be_is_refused(shop: Shop, changes: dict[str, object]) -> None:
    with refused("trade.bad_group", fields=next(iter(changes))):
        groups.open(region=REGION, group=new_group(shop.maple, "milk", key="new", **changes))


def test_a_group_needs_its_goods_and_its_community(shop: Shop) -> None:
    with refused("trade.no_such_sku", sku="durian"):
        groups.open(region=REGION, group=new_group(shop.maple, "durian", key="new"))
    with refused("people.no_such_community"):
        groups.open(region=REGION, group=new_group(987654, "milk", key="new"))
