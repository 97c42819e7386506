"""What a page shows of a group-buy: its own measure, the next rung, the case being filled, teams with a seat; few statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from linli.goods import quota
from linli.kernel import clocks
from linli.trade import groups, load, orders, queries, refunds
from linli.trade.models import Team
from linli.trade.posting import Posting
from linli.trade.queries import GroupCard
from linli.trade.rules import Wanted
from linli.trade.rules.returns import Part
from support.aftersales import handed_order
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group


def opened(shop: Shop, **changes: object) -> int:
    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=f"g{sorted(changes.items())}"[:96], **changes))


def card(group_id: int) -> GroupCard:
    found = queries.group(group_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("by", "threshold", "progress", "missing"), [("pieces", 9, 5, 4), ("people", 5, 2, 3), ("amount", 3000, 2000, 1000)]
)
def test_progress_is_in_its_own_measure(shop: Shop, till: Till, by: str, threshold: int, progress: int, missing: int) -> None:
    group = opened(shop, threshold_by=by, threshold=threshold)
    buy(till, shop.alice, [(group, 2)], key="a")
    buy(till, shop.alice, [(group, 2)], key="a2")
    buy(till, shop.bob, [(group, 1)], key="b")
    orders.place(member_id=shop.bob, lines=[(group, 1)], key="c")  # not paid: not in
    found = card(group)
    assert (found.progress, found.missing, found.left_pieces) == (progress, missing, 4)


def test_the_next_rung_and_how_many_are_missing_to_it(shop: Shop, till: Till) -> None:
    group = opened(shop, ladder=((4, 350), (8, 300)))
    assert (card(group).price_now_minor, card(group).next_rung) == (400, queries.Rung(4, 350, 4))
    buy(till, shop.alice, [(group, 5)], key="a")
    found = card(group)
    assert (found.price_now_minor, found.next_rung) == (350, queries.Rung(8, 300, 3))
    assert [r.missing_pieces for r in found.rungs] == [0, 0, 3]
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    assert (card(group).final_price_minor, card(group).price_now_minor) == (350, 350)


def test_how_far_the_case_is_filled(shop: Shop, till: Till) -> None:
    group = opened(shop, case_size=5)
    buy(till, shop.alice, [Wanted(group, 3, tolerance_pieces=1)], key="a")
    found = card(group)
    assert (found.joined_pieces, found.tolerance_pieces, found.cases, found.case_missing_pieces) == (2, 1, 0, 2)
    assert not found.sells_alone and found.left_pieces == 7
    buy(till, shop.bob, [(group, 2)], key="b")
    assert (card(group).cases, card(group).case_missing_pieces) == (1, 0)


def test_teams_that_can_be_joined_with_their_seats(shop: Shop, till: Till) -> None:
    group = opened(shop, kind="team", team_size=3, team_hours=2, threshold=3, threshold_by="people")
    buy(till, shop.alice, [Wanted(group, 1, team="new")], key="a")
    orders.place(member_id=shop.bob, lines=[Wanted(group, 1, team="new")], key="b")  # unpaid: nobody is shown an empty team
    [team] = card(group).teams
    assert (team.size, team.seats_left, team.missing_members, [m.surname for m in team.members]) == (3, 2, 2, ["Ai"])
    orders.place(member_id=shop.bob, lines=[Wanted(group, 1, team=team.team_id)], key="c")
    [team] = card(group).teams
    assert (team.seats_left, team.missing_members) == (1, 2)  # held, but not paid
    assert queries.team(team.team_id) == team and queries.team("nonsense") is None and queries.team("0" * 32) is None
    with clocks.fixed(business=MONDAY + timedelta(hours=2)):
        assert card(group).teams == []
    assert Team.objects.count() == 2


def test_what_a_member_may_still_have(shop: Shop, till: Till) -> None:
    group = opened(shop, per_member_pieces=3)
    cards = [card(group), card(shop.cherries)]
    assert queries.shares_left(cards, shop.alice) == {group: 3} and queries.shares_left(cards[1:], shop.alice) == {}
    buy(till, shop.alice, [(group, 1)], key="a")
    orders.place(member_id=shop.alice, lines=[(group, 1)], key="b")
    assert (queries.shares_left(cards, shop.alice), queries.shares_left(cards, shop.bob)) == ({group: 1}, {group: 3})


def test_a_piece_that_was_fetched_is_nobodys_to_sell_again_whatever_money_went_back(shop: Shop, till: Till) -> None:
    order = handed_order(shop, till)
    with transaction.atomic():
        locked, found = load.locked(order)
        posting = Posting()
        refunds.begin(posting, locked, [Part(1, 1200, 0, 0)], reason="quality", by="person:1", key="r", lines=found)
        posting.commit()
    now = card(shop.cherries)
    stock = quota.stocks(REGION, [("cherries", groups.place(shop.cherries))])["cherries", groups.place(shop.cherries)]
    assert (now.left_pieces, now.joined_pieces, now.joined_households) == (7, 3, 1) and now.left_pieces == stock.free


def test_what_opens_later_is_shown_as_such(shop: Shop) -> None:
    at = MONDAY + timedelta(hours=1)
    flash = opened(shop, kind="flash", threshold=1, per_member_pieces=1, opens_at=at)
    assert [c.group_id for c in queries.upcoming(shop.maple)] == [flash]
    assert flash not in {c.group_id for c in queries.open_groups(shop.maple)}
    with clocks.fixed(business=at):
        assert flash in {c.group_id for c in queries.open_groups(shop.maple)} and not queries.upcoming(shop.maple)


@pytest.mark.parametrize("count", [1, 12])
def test_a_page_asks_the_same_few_statements_however_long(
    shop: Shop, till: Till, count: int, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for n in range(count):
        terms = {"kind": "team", "team_size": 3, "team_hours": 2, "threshold": 3, "threshold_by": "people"}
        group = opened(shop, price_minor=400 - n, **terms) if n == 0 else opened(shop, price_minor=400 - n, quota_pieces=10 + n)
        buy(till, shop.alice, [Wanted(group, 1, team="new" if n == 0 else None)], key=f"a{n}")
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        assert len(queries.open_groups(shop.maple)) == count + 2
