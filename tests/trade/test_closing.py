"""Closing: every outcome, for goods, money and coupon; what comes too late; and once under race."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta

import pytest

from linli.goods import quota
from linli.kernel import clocks, ledger, work
from linli.kernel.models import Event
from linli.trade import accounts, closing, coupons, groups, orders, pay, queries, refunds
from linli.trade.models import GroupBuy, OrderLine, Pickup, Refund
from linli.trade.rules import Wanted
from linli.trade.work import HANDLERS
from support.racing import at_once
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, pay_for

LADDER = ((4, 350), (6, 300))


def opened(shop: Shop, **changes: object) -> int:
    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=f"g{sorted(changes.items())}"[:96], **changes))


def close(at: datetime = NOON) -> int:
    with clocks.fixed(business=at):
        return groups.close_due(REGION)


def seen(placed: orders.Placed) -> tuple[str, int]:
    """The order's state, and what went back of it."""
    refunds.pursue()
    found = queries.order(placed.order_id)
    assert found is not None and ledger.audit().ok
    return found.state, found.refunded_minor


def stock(group_id: int) -> tuple[int, int, int]:
    found = quota.stocks(REGION, [("cherries", groups.place(group_id))])["cherries", groups.place(group_id)]
    return found.free, found.held, found.sold


def coupon_for(member_id: int) -> int:
    """5.00 off 6.00, from a budget."""
    coupons.put_issue(
        region=REGION, code="c", name_zh="券", name_en="c", face_minor=500, minimum_minor=600, valid_days=2, budget_owner="playbook:p"
    )
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=900, key="f")
    return coupons.issue(issue_code="c", member_id=member_id, key="c")


def test_everybody_pays_the_rung_that_was_reached(shop: Shop, till: Till) -> None:
    group = opened(shop, ladder=LADDER)
    first = buy(till, shop.alice, [(group, 4)], key="a")
    second = buy(till, shop.bob, [(group, 2)], key="b")
    assert (first.payable_minor, second.payable_minor) == (1600, 800)
    close()
    assert (seen(first), seen(second)) == (("ready", 400), ("ready", 200))  # 3.00 a piece for both, whoever came first
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 6 * 300
    assert set(Refund.objects.values_list("reason", flat=True)) == {"ladder"}
    told = Event.objects.get(kind="trade.group_succeeded", payload__group_id=group).payload
    assert (told["outcome"], told["final_price_minor"], told["joined_people"]) == ("reached", 300, 2)


def test_a_coupon_is_worth_the_same_on_every_rung(shop: Shop, till: Till) -> None:
    group = opened(shop, ladder=LADDER)
    placed = buy(till, shop.alice, [(group, 6)], key="a", coupon_id=coupon_for(shop.alice))
    assert placed.payable_minor == 1900
    close()
    assert seen(placed) == ("ready", 600)
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 1800  # 13.00 from Alice, 5.00 from the budget


def test_unpaid_pieces_reach_no_rung_and_a_late_payer_gets_the_difference(shop: Shop, till: Till) -> None:
    group = opened(shop, ladder=LADDER)
    buy(till, shop.bob, [(group, 4)], key="b")
    late = orders.place(member_id=shop.alice, lines=[(group, 2)], key="a")
    close()
    with clocks.fixed(business=NOON):
        pay_for(till, late, shop.alice)
    assert seen(late) == ("ready", 100)  # the rung of four, as for everybody
    assert GroupBuy.objects.get(pk=group).final_price_minor == 350


def test_people_and_amount_count_paid_orders_alone(shop: Shop, till: Till) -> None:
    people = opened(shop, threshold_by="people", threshold=2)
    amount = opened(shop, threshold_by="amount", threshold=1200)
    buy(till, shop.alice, [(people, 1), (amount, 2)], key="a1")
    buy(till, shop.alice, [(people, 3)], key="a2")  # Alice again: still one person
    orders.place(member_id=shop.bob, lines=[(people, 1), (amount, 5)], key="b")
    close()
    assert [GroupBuy.objects.get(pk=g).state for g in (people, amount)] == ["missed", "missed"]
    assert Event.objects.get(kind="trade.group_missed", payload__group_id=people).payload["joined_people"] == 1


def test_cases_are_filled_from_wanted_and_tolerance_and_the_rest_goes_back(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5)
    first = buy(till, shop.alice, [Wanted(group, 4, tolerance_pieces=2)], key="a")  # wants 2, would take 4
    second = buy(till, shop.bob, [Wanted(group, 2)], key="b")
    assert (first.payable_minor, stock(group)) == (1600, (4, 0, 6))  # the most is held and charged
    close()
    assert (seen(first), seen(second)) == (("ready", 400), ("ready", 0))  # 2 + 2 wanted, one of Alice's two more fills the case
    assert stock(group) == (5, 0, 5)
    line = OrderLine.objects.get(order_id=first.order_id)
    assert (line.returned_pieces, line.refunded_minor) == (1, 400)
    assert Refund.objects.get().reason == "cases"


def test_what_fills_no_case_goes_back_youngest_first(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5)
    first = buy(till, shop.alice, [(group, 3)], key="a")
    with clocks.fixed(business=MONDAY + timedelta(minutes=5)):
        second = buy(till, shop.bob, [(group, 3)], key="b")
        third = buy(till, shop.bob, [(group, 1)], key="c")
    close()
    assert [seen(p) for p in (first, second, third)] == [("ready", 0), ("ready", 400), ("refunded", 400)]
    assert stock(group) == (5, 0, 5)


def test_no_full_case_is_a_miss(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5, threshold=1)
    placed = buy(till, shop.alice, [(group, 4)], key="a")
    close()
    assert seen(placed) == ("refunded", 1600) and stock(group) == (10, 0, 0)


def test_ladder_and_cases_together_are_one_refund(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5, ladder=((5, 350),))
    placed = buy(till, shop.alice, [Wanted(group, 7, tolerance_pieces=1)], key="a")
    close()
    assert seen(placed) == ("ready", 2 * 400 + 5 * 50)
    assert Refund.objects.get().reason == "settled"


def test_whoever_has_not_paid_is_in_no_case(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5)
    late = orders.place(member_id=shop.alice, lines=[(group, 5)], key="a")
    number = pay.start(order_id=late.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no
    buy(till, shop.bob, [(group, 5)], key="b")
    close()
    assert seen(late)[0] == "cancelled" and stock(group) == (5, 0, 5)
    till.take(number)
    assert pay.confirm(till.notice(number)).outcome == "unwanted"


def test_shipped_short_everybody_gets_what_they_wanted(shop: Shop, till: Till) -> None:
    group = opened(shop, threshold=9, on_miss="ship_short", case_size=5)
    placed = buy(till, shop.alice, [Wanted(group, 4, tolerance_pieces=1)], key="a")
    close()
    assert seen(placed) == ("ready", 400)  # three of a broken case; the tolerance fills nothing
    assert GroupBuy.objects.get(pk=group).outcome == "short"


def test_extended_once_by_itself_and_then_decided(shop: Shop, till: Till) -> None:
    group = opened(shop, on_miss="extend", extend_hours=3)
    first = buy(till, shop.alice, [(group, 2)], key="a")
    close()
    assert (seen(first), GroupBuy.objects.get(pk=group).state) == (("paid", 0), "open")
    told = Event.objects.get(kind="trade.group_extended").payload
    later = NOON + timedelta(hours=3)
    assert datetime.fromisoformat(told["deadline_at"]) == later and told["joined_pieces"] == 2
    with clocks.fixed(business=NOON + timedelta(hours=1)):
        second = buy(till, shop.bob, [(group, 1)], key="b")
        assert orders.cancel(order_id=second.order_id, member_id=shop.bob, key="x") == "refunding"  # free to leave until then
    with clocks.fixed(business=later):
        assert work.run_due({kind: HANDLERS[kind] for kind in HANDLERS}) >= 1
    assert (seen(first), GroupBuy.objects.get(pk=group).state) == (("refunded", 800), "missed")
    assert Event.objects.filter(kind="trade.group_extended").count() == 1
    assert Event.objects.get(kind="trade.order_extended").payload["member_id"] == shop.alice  # and whoever is in is told


def test_bought_in_with_the_next_wave_pickup_moves_a_day_and_says_so(shop: Shop, till: Till) -> None:
    group = opened(shop, threshold=9, on_miss="buy_in")
    placed = buy(till, shop.alice, [(group, 2), (shop.milk, 2)], key="a")
    before = GroupBuy.objects.get(pk=group)
    close()
    after = GroupBuy.objects.get(pk=group)
    assert (seen(placed), after.outcome) == (("ready", 0), "bought_in")
    assert (after.pickup_from - before.pickup_from, after.wave_on - before.wave_on) == (timedelta(days=1),) * 2
    lines = OrderLine.objects.filter(order_id=placed.order_id).select_related("pickup").order_by("group_id")
    assert {line.group_id: line.pickup.wave_on for line in lines} == {shop.milk: before.wave_on, group: after.wave_on}
    assert Event.objects.get(kind="trade.group_moved").payload["wave_on"] == after.wave_on.isoformat()


def test_a_pickup_from_which_everything_moved_is_over(shop: Shop, till: Till) -> None:
    group = opened(shop, threshold=9, on_miss="buy_in")
    buy(till, shop.alice, [(group, 2)], key="a")
    close()
    assert sorted(Pickup.objects.values_list("state", flat=True)) == ["done", "open"]


def test_a_refund_of_one_leaves_the_others_and_is_no_longer_shown(shop: Shop, till: Till) -> None:
    """CRMEB #27: a refunded member of a group that succeeded was still counted."""
    group = opened(shop)
    first, second = buy(till, shop.alice, [(group, 2)], key="a"), buy(till, shop.bob, [(group, 2)], key="b")
    close()
    refunds.request(order_id=first.order_id, reason="operator", by="person:1", key="r")
    assert (seen(first)[0], seen(second)) == ("refunded", ("ready", 0))
    card = queries.group(group)
    assert card is not None and (card.joined_pieces, card.joined_households, card.state) == (2, 1, "succeeded")
    assert [n.member_id for n in card.neighbours] == [shop.bob]


def test_a_cap_on_pieces_or_people_stops_the_sale_by_itself(shop: Shop, till: Till) -> None:
    """openfoodnetwork #318: a cycle ends for buyers when what there is has gone."""
    group = opened(shop, quota_pieces=3, threshold=1)
    buy(till, shop.alice, [(group, 3)], key="a")
    with refused("trade.sold_out", left=0):
        orders.place(member_id=shop.bob, lines=[(group, 1)], key="b")
    card = queries.group(group)
    assert card is not None and card.left_pieces == 0


def test_orders_of_one_wave_are_fetched_together(shop: Shop, till: Till) -> None:
    """openfoodnetwork #12598: what was added later was merged by hand, hours a cycle."""
    group = opened(shop)
    first, more = buy(till, shop.alice, [(group, 2)], key="a"), buy(till, shop.alice, [(group, 1), (shop.milk, 2)], key="b")
    close()
    lines = OrderLine.objects.filter(order_id__in=[first.order_id, more.order_id])
    assert {line.state for line in lines} == {"ready"} and len({line.pickup_id for line in lines}) == 1


def test_tolerance_is_only_for_goods_that_come_in_cases(shop: Shop, till: Till) -> None:
    with refused("trade.no_cases", sku="cherries"):
        orders.place(member_id=shop.alice, lines=[Wanted(shop.cherries, 3, tolerance_pieces=1)], key="a")
    group = opened(shop, case_size=5)
    with refused("trade.no_solo", sku="cherries"):
        orders.place(member_id=shop.alice, lines=[(group, 1, True)], key="b")
    with refused("trade.bad_tolerance"):
        orders.place(member_id=shop.alice, lines=[Wanted(group, 3, tolerance_pieces=3)], key="c")


@pytest.mark.django_db(transaction=True)
def test_a_group_closes_exactly_once_however_many_close_it(shop: Shop, till: Till) -> None:
    group = opened(shop, ladder=LADDER)
    buy(till, shop.alice, [(group, 4)], key="a")
    with clocks.fixed(business=NOON):
        results = at_once(8, lambda n: groups.close(group))
    assert sorted(map(str, results)) == ["None"] * 7 + ["succeeded"]
    assert Event.objects.filter(kind="trade.group_succeeded", payload__group_id=group).count() == 1
    assert Refund.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_closing_without_the_claim_is_not_once(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the group as it was before anybody decided it, it is decided again, or the test above shows nothing."""
    group = opened(shop)
    buy(till, shop.alice, [(group, 4)], key="a")
    before = GroupBuy.objects.get(pk=group)
    monkeypatch.setattr(closing, "_locked", lambda group_id: copy(before))
    with clocks.fixed(business=NOON):
        results = at_once(4, lambda n: groups.close(group), threads=1)
    assert results == ["succeeded", "missed", "missed", "missed"]  # the second finds nobody left to count
