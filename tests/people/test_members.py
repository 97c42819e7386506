"""Members, groups, roles and consent."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from linli.kernel.models import Event
from linli.people import consent, erasure, groups, members, queries, rules
from linli.people.models import Consent, Group
from support.refusing import refused
from support.shop import MONDAY, REGION, Shop


def newcomer(shop: Shop, n: int, **changes: object) -> members.Newcomer:
    facts: dict[str, object] = {"external_id": f"x{n}"}
    return members.Newcomer(shop.maple, f"+1666{n:07d}", f"New {n}", **(facts | changes))  # type: ignore[arg-type]


def test_joining_again_changes_nothing(shop: Shop) -> None:
    first = members.join_many(region=REGION, newcomers=[newcomer(shop, n) for n in range(5)])
    again = members.join_many(region=REGION, newcomers=[newcomer(shop, n) for n in range(6)])
    assert again[:5] == first and len(set(again)) == 6
    assert Event.objects.filter(kind="people.member_joined").count() == 3 + 6
    same_phone = members.Newcomer(shop.maple, "+1 666 000 0000", "Somebody", external_id="other")
    assert members.join(region=REGION, newcomer=same_phone) == first[0]


def test_a_history_joins_silently_at_its_own_time(shop: Shop) -> None:
    old = MONDAY.replace(year=2016)
    [member] = members.join_many(
        region=REGION, newcomers=[newcomer(shop, 1, joined_at=old)], channel="history", source="history", silent=True
    )
    told = Event.objects.get(subject=f"member:{member}")
    assert (told.happened_at, told.recorded_at, told.silent, told.source) == (old, old, True, "history")


def test_a_thousand_members_take_few_statements(shop: Shop, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(24):
        members.join_many(region=REGION, newcomers=[newcomer(shop, n, consents=("profiling",)) for n in range(1000)])
    mains = [g for g in queries.groups_of(shop.maple) if g.kind == "main"]
    assert [g.member_count for g in mains] == [500, 500, 2]  # a full group opens the next
    assert len(consent.has_many(None, "profiling", region=REGION)) == 1000


@given(count=st.integers(0, 60), taken=st.lists(st.integers(0, 7), max_size=5))
def test_everybody_gets_a_seat_and_no_group_overflows(count: int, taken: list[int]) -> None:
    seats = rules.seat(count, [rules.Room(i, t, 7) for i, t in enumerate(taken)], capacity=7)
    assert sum(n for _, n in seats) == count
    assert all(0 < n <= 7 - (taken[i] if i < len(taken) else 0) for i, n in seats)


def test_a_group_has_its_capacity(shop: Shop) -> None:
    vip = next(g for g in queries.groups_of(shop.maple) if g.kind == "vip")
    Group.objects.filter(pk=vip.group_id).update(capacity=1)
    assert groups.enter(group_id=vip.group_id, member_id=shop.alice)
    assert not groups.enter(group_id=vip.group_id, member_id=shop.alice)
    with refused("people.group_full", capacity=1):
        groups.enter(group_id=vip.group_id, member_id=shop.bob)
    with refused("people.no_such_group"):
        groups.enter(group_id=vip.group_id, member_id=shop.charlie)  # another community's group is none
    assert groups.leave(group_id=vip.group_id, member_id=shop.alice) and not groups.leave(group_id=vip.group_id, member_id=shop.alice)
    assert groups.enter(group_id=vip.group_id, member_id=shop.bob)


def test_a_community_has_one_leader(shop: Shop) -> None:
    assert queries.leads(shop.leader, shop.maple) and not queries.leads(shop.leader, shop.oak)
    again = groups.appoint(phone="+15550000008", display_name="Li", kind="leader", region=REGION, community_id=shop.maple)
    assert again == shop.leader
    with refused("people.leader_taken"):
        groups.appoint(phone="+15550000007", display_name="Xu", kind="leader", region=REGION, community_id=shop.maple)
    with refused("people.no_such_community"):
        groups.appoint(phone="+15550000007", display_name="Xu", kind="leader", region=REGION)
    boss = groups.appoint(phone="+15550000001", display_name="Alice", kind="operator", region=REGION)
    standing = queries.standing(boss)
    assert standing is not None and standing.member is not None and standing.member.member_id == shop.alice
    assert [r.kind for r in standing.roles] == ["operator"]


def test_standing_takes_one_statement(shop: Shop, django_assert_num_queries) -> None:
    person = queries.members([shop.alice])[shop.alice].person_id
    with django_assert_num_queries(1):
        standing = queries.standing(person)
    assert standing is not None and standing.member is not None and standing.member.community_id == shop.maple
    assert queries.standing(987654) is None


def test_consent_is_the_last_word_and_every_word_stays(shop: Shop) -> None:
    assert consent.has(shop.alice, "messages") and not consent.has(shop.bob, "messages")  # silence is no
    assert not consent.give(member_id=shop.alice, scope="messages")  # no news
    assert consent.withdraw(member_id=shop.alice, scope="messages")
    assert consent.give(member_id=shop.bob, scope="messages")
    assert consent.has_many([shop.alice, shop.bob], "messages") == {shop.bob} == consent.has_many(None, "messages", region=REGION)
    assert Consent.objects.filter(member_id=shop.alice, scope="messages").count() == 2
    assert Event.objects.filter(kind="people.consent_changed", payload__granted=False).count() == 1
    with refused("people.no_such_scope"):
        consent.give(member_id=shop.alice, scope="everything")
    with refused("people.no_such_member"):
        consent.give(member_id=987654, scope="messages")


def test_search_finds_by_name_phone_building_and_number(shop: Shop) -> None:
    assert queries.search_ids(REGION, "alic") == [shop.alice]
    assert queries.search_ids(REGION, "0000003") == [shop.charlie]
    assert queries.search_ids(REGION, "h2") == [shop.bob]
    assert queries.search_ids(REGION, "", community_id=shop.maple) == [shop.alice, shop.bob]


def test_search_looks_into_one_index_and_forgets_who_was_erased(shop: Shop) -> None:
    """Given names, flats, the last four digits; no read of the members' own table, however many there are."""
    wei, tall = members.join_many(
        region=REGION,
        newcomers=[
            members.Newcomer(shop.maple, "13912345678", "王小伟", building="3号楼2单元1203", external_id="VIP-00042"),
            members.Newcomer(shop.oak, "+4479123400", "Ann von Tall", building="B"),
        ],
    )
    for text in ("王小", "小伟", "伟", "5678", "12345678", "139", "3号楼", "2单元", " 1203 ", "vip-0", "00042"):
        assert queries.search_ids(REGION, text) == [wei], text
    assert queries.search_ids(REGION, "VON  t") == [tall] and queries.search_ids(REGION, "von", community_id=shop.maple) == []
    for inside in ("678", "345", "IP-0", "0042"):  # the middle of a word or a number
        assert queries.search_ids(REGION, inside) == [wei], inside
    assert queries.search_ids(REGION, "on Ta") == [tall] and queries.search_ids(REGION, "all") == [tall]
    assert queries.search_ids(REGION, "Al") == [shop.alice]  # who begins with it goes before who has it somewhere
    assert queries.search_ids("elsewhere", "伟") == [] and queries.search_ids(REGION, "%") == []
    with CaptureQueriesContext(connection) as asked:
        queries.search_ids(REGION, "王")
    assert len(asked) == 1 and '"people_member"' not in asked[0]["sql"]
    erasure.erase(member_id=wei, by="person:1")
    for gone in ("5678", "1203", "678", "erased", "~"):
        assert queries.search_ids(REGION, gone) == [], gone


@pytest.mark.parametrize("phone", ["", "nobody", "1"])
def test_nobody_joins_without_a_phone(shop: Shop, phone: str) -> None:
    with refused("people.bad_phone"):
        members.join(region=REGION, newcomer=members.Newcomer(shop.maple, phone, "X"))
    with refused("people.no_such_community"):
        members.join(region=REGION, newcomer=members.Newcomer(987654, "+15551231234", "X"))
