"""Orders placed in batches: each for itself, nothing twice, nothing that isn't there, whoever dies in between."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext

from linli.goods import quota
from linli.kernel import clocks, ledger
from linli.kernel.models import Event, Transfer, WorkRow
from linli.kernel.refusals import Refusal
from linli.trade import accounts, coupons, groups, orders, queries
from linli.trade.models import GroupBuy, Order, OrderDiscount, OrderLine
from linli.trade.orders import Asking, Placed
from linli.trade.placing import batch, reads, writes
from linli.trade.rules import Discount, Wanted
from race.kills import _kill_at
from support.racing import at_once
from support.refusing import refused
from support.shop import REGION, Shop, Till, new_group, pay_for

pytestmark = pytest.mark.django_db(transaction=True)


def told(outcomes: list[Any]) -> list[str]:
    return [one.code if isinstance(one, Refusal) else "placed" if isinstance(one, Placed) else repr(one) for one in outcomes]


def free(group_id: int, sku: str = "cherries") -> tuple[int, int, int]:
    place = groups.place(group_id)
    stock = quota.stocks(REGION, [(sku, place)])[sku, place]
    return stock.free, stock.held, stock.sold


def opened(shop: Shop, **changes: object) -> int:
    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=f"g{sorted(changes.items())}"[:96], **changes))


def a_coupon(member_id: int, key: str = "c") -> int:
    coupons.put_issue(
        region=REGION, code="five", name_zh="券", name_en="c", face_minor=500, minimum_minor=600, valid_days=3, budget_owner="playbook:p"
    )
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=10_000, key="f")
    return coupons.issue(issue_code="five", member_id=member_id, key=key)


def whole() -> bool:
    """Every order has all that belongs to it, and the books agree."""
    placed = Order.objects.count()
    facts = Event.objects.filter(kind="trade.order_placed").count()
    return placed == facts == WorkRow.objects.filter(kind=orders.EXPIRE).count() and ledger.audit().ok


def test_each_is_answered_for_itself(shop: Shop) -> None:
    outcomes = orders.place_many(
        [
            Asking(shop.alice, [(shop.cherries, 2)], "a"),
            Asking(987654, [(shop.cherries, 1)], "b"),
            Asking(shop.bob, [], "c"),
            Asking(shop.bob, [(shop.far_milk, 1)], "d"),
            Asking(shop.bob, [(shop.cherries, 99)], "e"),
            Asking(shop.bob, [(shop.milk, 1)], "f" * 81),
            Asking(shop.charlie, [(shop.far_milk, 1)], "g"),
            Asking(shop.bob, [(shop.milk, 1)], "h", coupon_id=2**70),
        ]
    )
    assert told(outcomes) == [
        "placed",
        "people.no_such_member",
        "trade.empty_basket",
        "trade.no_such_group",
        "trade.sold_out",
        "trade.bad_key",
        "placed",
        "trade.no_such_coupon",
    ]
    assert Order.objects.count() == 2 and whole()


def test_the_same_key_in_one_batch_is_one_order_and_with_other_content_refused(shop: Shop) -> None:
    one, other = Asking(shop.alice, [(shop.cherries, 1)], "k"), Asking(shop.alice, [(shop.cherries, 2)], "k")
    outcomes = orders.place_many([one, *[one] * 20, other])
    assert told(outcomes) == ["placed"] * 21 + ["trade.key_reused"]
    assert len(set(outcomes[:21])) == 1 and [o.again for o in outcomes[:21]] == [False] + [True] * 20  # type: ignore[union-attr]
    assert Order.objects.count() == 1 and free(shop.cherries) == (9, 1, 0) and whole()


def test_the_same_coupon_in_one_batch_is_used_once(shop: Shop) -> None:
    coupon = a_coupon(shop.alice)
    outcomes = orders.place_many([Asking(shop.alice, [(shop.cherries, 2)], f"k{n}", coupon) for n in range(3)])
    assert told(outcomes) == ["placed", "trade.coupon_used", "trade.coupon_used"]
    assert Order.objects.count() == 1 and whole()


def test_a_coupon_whose_order_found_no_goods_is_free_for_the_next(shop: Shop) -> None:
    coupon = a_coupon(shop.alice)
    outcomes = orders.place_many(
        [Asking(shop.alice, [(shop.cherries, 11)], "k1", coupon), Asking(shop.alice, [(shop.milk, 3)], "k2", coupon)]
    )
    assert told(outcomes) == ["trade.sold_out", "placed"]
    assert [c.state for c in queries.coupons_of(shop.alice)] == ["held"] and whole()


def test_nobody_gets_a_fourth_unpaid_order_in_one_batch(shop: Shop) -> None:
    """dujiao-next #105: unpaid orders hoard goods."""
    outcomes = orders.place_many([Asking(shop.alice, [(shop.cherries, 1)], f"k{n}") for n in range(6)])
    assert sorted(told(outcomes)) == ["placed"] * 3 + ["trade.too_many_unpaid"] * 3
    assert free(shop.cherries) == (7, 3, 0) and whole()


def test_two_lines_on_one_sku_are_judged_together(shop: Shop) -> None:
    """medusa #16502: a bundle's lines were each checked against the same stock."""
    group = opened(shop, quota_pieces=3, threshold=1)
    with refused("trade.sold_out", left=3):
        orders.place(member_id=shop.alice, lines=[(group, 2, True), (group, 2)], key="k")
    assert free(group) == (3, 0, 0) and not Order.objects.exists() and not OrderLine.objects.exists()
    orders.place(member_id=shop.alice, lines=[(group, 2, True), (group, 1)], key="k")
    assert free(group) == (0, 3, 0) and whole()


def test_lines_that_can_be_read_once_are_read_once(shop: Shop) -> None:
    """saleor allocate_stocks: a generator used twice claimed nothing the second time."""
    orders.place(member_id=shop.alice, lines=((g, 1) for g in (shop.cherries, shop.milk)), key="k")
    assert free(shop.cherries) == (9, 1, 0) and free(shop.milk, "milk") == (9, 1, 0)


def test_the_last_pieces_of_a_batch_go_in_the_order_of_arrival(shop: Shop) -> None:
    group = opened(shop, quota_pieces=2, threshold=1)
    who = [shop.alice, shop.bob, shop.alice, shop.bob]
    assert told(orders.place_many([Asking(m, [(group, 1)], f"k{n}") for n, m in enumerate(who)])) == [
        "placed",
        "placed",
        "trade.sold_out",
        "trade.sold_out",
    ]
    assert free(group) == (0, 2, 0) and whole()


def test_a_group_that_was_short_is_no_less_open_to_what_fits(shop: Shop) -> None:
    """That a group was short is a hint of where to look, never a reason to refuse."""
    with refused("trade.sold_out"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 11)], key="k1")
    assert batch._short
    assert (
        told(orders.place_many([Asking(shop.alice, [(shop.cherries, 10)], "k2"), Asking(shop.bob, [(shop.milk, 1)], "k")]))
        == ["placed"] * 2
    )


def test_one_that_breaks_the_statement_takes_nobody_along(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    written: Callable[[Any], Any] = writes._order

    def broken(d: Any) -> Any:
        if d.key == "bad":
            raise DatabaseError("a value that no column takes")
        return written(d)

    monkeypatch.setattr(writes, "_order", broken)
    outcomes = orders.place_many([Asking(m, [(shop.cherries, 1)], k) for m, k in ((shop.alice, "a"), (shop.bob, "bad"), (shop.bob, "b"))])
    assert told(outcomes) == ["placed", "trade.busy", "placed"]
    assert Order.objects.count() == 2 and whole()


def test_a_price_that_changed_this_moment_is_charged_as_it_is(shop: Shop) -> None:
    from linli.trade.models import GroupBuy

    assert orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="a").payable_minor == 400
    GroupBuy.objects.filter(pk=shop.cherries).update(price_minor=390)
    assert orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="b").payable_minor == 390
    GroupBuy.objects.filter(pk=shop.cherries).update(state="missed")
    with refused("trade.group_closed"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="c")


def test_a_members_share_counts_over_all_their_orders(shop: Shop, till: Till) -> None:
    group = opened(shop, per_member_pieces=3)
    placed = orders.place(member_id=shop.alice, lines=[(group, 2)], key="a")
    with refused("trade.over_share", most=3):
        orders.place(member_id=shop.alice, lines=[(group, 2)], key="b")
    orders.place(member_id=shop.bob, lines=[(group, 3)], key="b")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="x")
    paid = orders.place(member_id=shop.alice, lines=[(group, 3)], key="c")
    pay_for(till, paid, shop.alice)
    assert OrderLine.objects.get(order_id=paid.order_id).claims == "cap"
    with refused("trade.over_share"):
        orders.place(member_id=shop.alice, lines=[(group, 1)], key="d")
    orders.cancel(order_id=paid.order_id, member_id=shop.alice, key="y")
    assert orders.place(member_id=shop.alice, lines=[(group, 1)], key="e").payable_minor == 400
    assert ledger.audit().ok


def team_group(shop: Shop) -> int:
    return opened(shop, kind="team", threshold=2, threshold_by="people", team_size=2, team_hours=2)


def test_a_team_has_so_many_seats_and_each_member_one(shop: Shop) -> None:
    group = team_group(shop)
    started = orders.place(member_id=shop.alice, lines=[Wanted(group, 1, team="new")], key="a")
    team = str(OrderLine.objects.get(order_id=started.order_id).team_id)
    join = [Wanted(group, 1, team=team)]
    with refused("trade.in_team"):
        orders.place(member_id=shop.alice, lines=join, key="b")
    second = orders.place(member_id=shop.bob, lines=join, key="b")
    orders.cancel(order_id=second.order_id, member_id=shop.bob, key="x")
    orders.place(member_id=shop.bob, lines=join, key="c")
    with refused("trade.no_such_team"):
        orders.place(member_id=shop.bob, lines=[Wanted(group, 1, team=str(started.order_id))], key="d")
    assert ledger.audit().ok


def test_the_last_seat_goes_to_one(shop: Shop) -> None:
    """yudao: the group-full check was an unlocked read."""
    from linli.people import members

    group = team_group(shop)
    started = orders.place(member_id=shop.alice, lines=[Wanted(group, 1, team="new")], key="a")
    team = str(OrderLine.objects.get(order_id=started.order_id).team_id)
    more = [members.Newcomer(shop.maple, f"+1555001{n:04d}", f"N{n}", "N", "1", external_id=f"n{n}") for n in range(5)]
    who = members.join_many(region=REGION, newcomers=more)
    results = at_once(5, lambda n: orders.place(member_id=who[n], lines=[Wanted(group, 1, team=team)], key="k"))
    assert Counter(told(results)) == {"placed": 1, "trade.team_full": 4}
    assert ledger.audit().ok


def test_a_discount_is_held_in_the_budget_that_answers_for_it(shop: Shop, till: Till) -> None:
    coupons.fund(region=REGION, owner="playbook:p", amount_minor=150, key="f")
    terms = orders.Terms(discounts=[Discount("welcome", 100, "playbook:p", "arm:a")])
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="a", terms=terms)
    assert placed.payable_minor == 300
    budget = accounts.budget(REGION, "USD", "playbook:p")
    assert (ledger.balance(budget).held, OrderDiscount.objects.get().amount_minor) == (100, 100)
    with refused("trade.budget_spent"):
        orders.place(member_id=shop.bob, lines=[(shop.cherries, 1)], key="a", terms=terms)
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="x")
    assert ledger.balance(budget).held == 0
    paid = orders.place(member_id=shop.bob, lines=[(shop.cherries, 1)], key="b", terms=terms)
    pay_for(till, paid, shop.bob)
    assert (ledger.balance(budget).balance, ledger.balance(budget).held) == (50, 0)
    assert ledger.audit().ok


def test_a_checkout_costs_few_statements(shop: Shop) -> None:
    """Three lines and a coupon; saleor took 230, oscar 25."""
    third = opened(shop, threshold=1)
    for n in (1, 2):
        coupon = a_coupon(shop.bob, f"c{n}")
        with CaptureQueriesContext(connection) as caught:
            orders.place(member_id=shop.bob, lines=[(shop.cherries, 1), (shop.milk, 1), (third, 1)], key=f"k{n}", coupon_id=coupon)
    assert len(caught) <= 15, "\n".join(q["sql"][:100] for q in caught)


# Races


def test_batches_at_once_sell_what_there_is(shop: Shop) -> None:
    """django-oscar sold 5 of 1."""
    group = opened(shop, quota_pieces=10, threshold=1)
    who = _town(shop, 40)

    def buy(n: int) -> list[str]:
        return told(orders.place_many([Asking(m, [(group, 1), (shop.milk, 1)] if m % 4 == 0 else [(group, 1)], "k") for m in who[n::8]]))

    results = at_once(8, buy)
    assert Counter(code for r in results for code in r)["placed"] == 10 == Order.objects.count()
    assert free(group) == (0, 10, 0) and whole()


def _town(shop: Shop, count: int) -> list[int]:
    from linli.people import members

    more = [members.Newcomer(shop.maple, f"+1555002{n:04d}", f"N{n}", "N", "1", external_id=f"t{n}") for n in range(count)]
    return members.join_many(region=REGION, newcomers=more)


def test_the_same_keys_in_two_batches_at_once_are_one_order_each(shop: Shop) -> None:
    """OFN #2690: a double click placed two orders. The batches come in opposite order."""
    who = _town(shop, 9)
    asked = [Asking(m, [(shop.cherries, 1)], "k") for m in who]
    one, two, three = at_once(3, lambda n: orders.place_many(asked[:: -1 if n % 2 else 1]))
    assert set(one) == set(two) == set(three) and told(one) == ["placed"] * 9, (told(one), told(two), told(three))
    assert Order.objects.count() == 9 and free(shop.cherries) == (1, 9, 0) and whole()


def test_the_same_keys_with_other_content_at_once_are_one_of_them(shop: Shop) -> None:
    who, group = _town(shop, 8), opened(shop, quota_pieces=50)
    one, two = at_once(2, lambda n: orders.place_many([Asking(m, [(group, 1 + n)], "k") for m in who]))
    pairs = [sorted(told([a, b])) for a, b in zip(one, two, strict=True)]
    assert pairs == [["placed", "trade.key_reused"]] * 8
    assert whole()


def test_killed_at_every_point_and_asked_again_it_is_one_order(shop: Shop) -> None:
    """A server killed between commit and reply: whoever asks again gets the order that is there."""
    coupon = a_coupon(shop.alice)
    deaths = 0
    for point in range(1, 200):
        key = f"k{point}"
        asked = [
            Asking(shop.alice, [(shop.cherries, 1), (shop.milk, 1)], key, coupon),
            Asking(shop.bob, [(shop.cherries, 1)], key),
        ]
        died = _killed_at(point, asked)
        first = orders.place_many(asked)
        assert orders.place_many(asked) == first and told(first) == ["placed"] * 2
        assert Order.objects.filter(key=key).count() == 2 and whole()
        assert (
            free(shop.cherries) == (8, 2, 0)
            and Transfer.objects.filter(kind="pending", resolutions=None, key__contains="hold").count() == 4
        )
        for placed, who in zip(first, (shop.alice, shop.bob), strict=True):
            assert isinstance(placed, Placed)
            orders.cancel(order_id=placed.order_id, member_id=who, key="x")
        if not died:
            break
        deaths += 1
    assert deaths > 15, "a batch has more points than that: is the hook still in place?"


def _killed_at(point: int, asked: list[Asking]) -> bool:
    """Whether a process that places them died at its `point`-th statement or commit."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            connection.ensure_connection()
            _kill_at(point)
            orders.place_many(asked)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.engine("postgres")
def test_what_was_kept_of_a_shop_that_is_gone_breaks_no_order(shop: Shop) -> None:
    """Words of the catalogue that have grown old are read for many group-buys at once: one without its goods is let go."""
    gone = 10**9
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="a")
    kept = reads._kept[shop.cherries]
    reads._kept[gone] = replace(kept, row=GroupBuy(pk=gone, region=REGION, sku_code="gone"))
    with clocks.fixed(machine=kept.until):
        assert orders.place(member_id=shop.bob, lines=[(shop.cherries, 1)], key="b").order_id
    assert gone not in reads._kept and reads._kept[shop.cherries].until > kept.until
