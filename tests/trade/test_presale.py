"""Pre-sale, flash sale and allotments: stock is in one place or the other, and goes back by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from linli.goods import quota
from linli.kernel import clocks, ledger, work
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.trade import claims, groups, orders, pay, presale, queries
from linli.trade.models import GroupBuy
from linli.trade.work import HANDLERS
from support.racing import at_once
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, pay_for

EARLY = MONDAY + timedelta(hours=1)


def stock(place: str) -> tuple[int, int, int]:
    found = quota.stocks(REGION, [("cherries", place)])["cherries", place]
    return found.free, found.held, found.sold


def opened(shop: Shop, pieces: int = 2, **changes: object) -> int:
    terms = {"kind": "presale", "reserve_of": shop.cherries, "threshold": 1, "quota_pieces": pieces, "deadline_at": EARLY}
    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="pre", **(terms | changes)))


def close(at: datetime) -> None:
    with clocks.fixed(business=at):
        groups.close_due(REGION)


def test_a_fifth_is_kept_back_and_what_is_not_sold_goes_back(shop: Shop, till: Till) -> None:
    assert presale.reserve_of(shop.cherries) == 2
    pre = opened(shop)
    main, its = groups.place(shop.cherries), groups.place(pre)
    assert (stock(main), stock(its)) == ((8, 0, 0), (2, 0, 0))
    card = queries.group(shop.cherries)
    assert card is not None and card.left_pieces == 8
    buy(till, shop.alice, [(pre, 1)], key="a")
    close(EARLY)
    assert (stock(main), stock(its)) == ((9, 0, 0), (0, 0, 1))
    card = queries.group(shop.cherries)
    assert card is not None and card.left_pieces == 9
    kept = Event.objects.get(kind="trade.stock_reserved").payload
    back = Event.objects.get(kind="trade.stock_released").payload
    assert (kept["pieces"], kept["by"], kept["presale_id"]) == (2, "system", pre)
    assert (back["pieces"], back["group_id"], back["from_group_id"]) == (1, shop.cherries, pre)
    assert ledger.audit().ok


def test_what_unpaid_orders_let_go_of_follows(shop: Shop, till: Till) -> None:
    pre = opened(shop)
    unpaid = orders.place(member_id=shop.alice, lines=[(pre, 1)], key="a")
    buy(till, shop.bob, [(pre, 1)], key="b")
    close(EARLY)
    assert stock(groups.place(shop.cherries)) == (8, 0, 0)
    with clocks.fixed(machine=unpaid.pay_by):
        pay.expire(unpaid.order_id)
    with clocks.fixed(machine=unpaid.pay_by + timedelta(minutes=5)):
        work.run_due({kind: HANDLERS[kind] for kind in HANDLERS})
    assert (stock(groups.place(shop.cherries)), stock(groups.place(pre))) == ((9, 0, 0), (0, 0, 1))
    assert GroupBuy.objects.get(pk=pre).released_pieces == 1


def test_a_missed_presale_gives_back_both_money_and_stock(shop: Shop, till: Till) -> None:
    pre = opened(shop, threshold=2)
    buy(till, shop.alice, [(pre, 1)], key="a")
    close(EARLY)
    assert stock(groups.place(shop.cherries)) == (10, 0, 0)
    assert GroupBuy.objects.get(pk=shop.cherries).quota_pieces == 10


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"quota_pieces": 8}, "quota_pieces"),  # two would be left of a threshold of three
        ({"deadline_at": NOON + timedelta(hours=1)}, "deadline_at"),  # nobody to give the rest back to
        ({"reserve_of": 987654}, None),
    ],
)
def test_a_reserve_leaves_the_group_something_to_be(shop: Shop, changes: dict[str, object], fields: str | None) -> None:
    with refused(*(["trade.bad_group"] if fields else ["trade.no_such_group"]), **({"fields": fields} if fields else {})):
        opened(shop, **changes)


def test_the_same_presale_again_reserves_nothing_more(shop: Shop, till: Till) -> None:
    assert opened(shop) == opened(shop)
    assert stock(groups.place(shop.cherries)) == (8, 0, 0)


def test_community_goods_unsold_go_back_to_their_allotment(shop: Shop, till: Till) -> None:
    quota.open(region=REGION, sku="cherries", place="station:maple", quantity=12, key="a")
    own = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="own", quota_from="station:maple"))
    buy(till, shop.alice, [(own, 4)], key="a")
    close(NOON)
    assert (stock("station:maple"), stock(groups.place(own))) == ((8, 0, 0), (0, 0, 4))
    assert Event.objects.get(kind="trade.stock_released").payload["place"] == "station:maple"
    assert ledger.audit().ok


def flash(shop: Shop, quota_pieces: int = 10) -> int:
    terms = {"kind": "flash", "threshold": 1, "per_member_pieces": 2, "quota_pieces": quota_pieces, "deadline_at": EARLY}
    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="flash", **terms))


def test_a_flash_sale_has_a_window_and_a_share_for_each(shop: Shop, till: Till) -> None:
    group = flash(shop)
    with refused("trade.over_share", most=2, sku="cherries"):
        orders.place(member_id=shop.alice, lines=[(group, 3)], key="a")
    first = buy(till, shop.alice, [(group, 2)], key="b")
    with refused("trade.over_share", most=2, sku="cherries"):  # her orders count together
        orders.place(member_id=shop.alice, lines=[(group, 1)], key="c")
    buy(till, shop.bob, [(group, 1)], key="d")
    assert orders.cancel(order_id=first.order_id, member_id=shop.alice, key="x") == "refunding"
    again = orders.place(member_id=shop.alice, lines=[(group, 2)], key="e")  # what went back is hers to take again
    with clocks.fixed(business=EARLY), refused("trade.group_closed"):
        orders.place(member_id=shop.bob, lines=[(group, 1)], key="f")
    close(EARLY)
    with clocks.fixed(business=EARLY):
        pay_for(till, again, shop.alice)
    found = queries.order(again.order_id)
    assert found is not None and found.state == "ready" and ledger.audit().ok


@pytest.mark.django_db(transaction=True)
def test_a_members_share_is_not_more_by_tapping_fast(shop: Shop, till: Till) -> None:
    group = flash(shop)
    results = at_once(3, lambda n: orders.place(member_id=shop.alice, lines=[(group, 1)], key=f"k{n}"))
    assert sorted(r.code if isinstance(r, Refusal) else type(r).__name__ for r in results) == ["Placed", "Placed", "trade.over_share"]


@pytest.mark.django_db(transaction=True)
def test_a_members_share_without_the_claim_is_no_limit(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the share not asked for, tapping fast gets more, or the test above shows nothing."""
    group = flash(shop)
    monkeypatch.setattr(claims.Claim, "kinds", property(lambda c: []))
    results = at_once(3, lambda n: orders.place(member_id=shop.alice, lines=[(group, 1)], key=f"k{n}"))
    assert [type(r).__name__ for r in results] == ["Placed"] * 3
