"""为你 and 大家都在买 on the front page: goods on sale only, why they are there, and nothing personal for who said no."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from linli.goods import catalog
from linli.insight.models import MemberState, Popular
from linli.kernel import clocks
from linli.people import consent
from linli.trade import groups, queries
from linli.trade.queries import GroupCard
from support import shop as built
from support.phone import signed_in
from support.shop import MONDAY, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        there = built.build()
        more = ("eggs", "rice")
        catalog.put_many(region=built.REGION, skus=[built.sku(code, "dairy_egg", 450) for code in more])
        groups.open_many(region=built.REGION, groups=[built.new_group(there.maple, code) for code in more])
        yield there


def slot(page: str) -> str:
    """The words of the slot; "" without one."""
    found = re.search(r'<section class="wanted".*?</section>', page, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0])) if found else ""


def known(shop: Shop, cards: list[GroupCard], *, personal: bool = True) -> None:
    """Insight has looked: Alice buys the second good often, and a thing that is not on sale; the community buys everything."""
    items = [c.sku.item for c in cards]
    basket = {"repeat": [["SNOWSHOES", 9.0, 9, 3, 4.0], [items[1], 5.0, 7, 5, 4.0]], "explore": [[items[0], 2.0, "near", ""]]}
    place = cards[0].community_id
    MemberState.objects.create(
        region=built.REGION,
        member_id=shop.alice,
        community_id=place,
        as_of=MONDAY,
        lifecycle="active",
        profiled=personal,
        next_basket=basket,
    )
    told = [["SNOWSHOES", 40], *([item, 12 - n] for n, item in enumerate(items))]
    Popular.objects.create(region=built.REGION, community_id=place, as_of=MONDAY, items=told)


def here(shop: Shop) -> list[GroupCard]:
    """What the slot may choose from: on sale, and not the hero of the page."""
    card = queries.group(shop.milk)
    assert card is not None
    page = signed_in("alice").get("/shop/").content.decode()
    hero = re.search(r'class="card hero" href="([^"]*)"', page)
    assert hero
    found = [c for c in queries.open_groups(card.community_id) if reverse("shop:product", args=[c.group_id]) != hero[1]]
    assert len(found) >= 2, "a slot needs two goods beside the hero"
    return found


def test_the_slot_is_mine_until_i_say_no(shop: Shop) -> None:
    cards = here(shop)
    assert slot(signed_in("alice").get("/shop/").content.decode()) == "", "nothing is known yet, nothing is claimed"
    known(shop, cards)
    consent.give(member_id=shop.alice, scope="profiling")
    client = signed_in("alice")
    with CaptureQueriesContext(connection) as seen:
        mine = slot(client.get("/shop/").content.decode())
    assert "为你" in mine and "你常买，平均 4 天一次" in mine and "买得像你的邻居在买" in mine
    assert cards[1].sku.name_zh in mine and "SNOWSHOES" not in mine, "only what is on sale"
    assert len([q for q in seen if "insight_" in q["sql"]]) == 1, "the list costs one indexed row"
    # One word, and the very next page has nothing of hers, before any refresh.
    consent.withdraw(member_id=shop.alice, scope="profiling")
    common = slot(client.get("/shop/").content.decode())
    assert "大家都在买" in common and "你常买" not in common and "同小区 12 户买过" in common and "想看为你挑的" in common
    assert slot(signed_in("bob").get("/shop/").content.decode()) == common, "whoever said no sees what everybody sees"


def test_a_slot_of_one_thing_is_none(shop: Shop) -> None:
    cards = here(shop)
    Popular.objects.create(region=built.REGION, community_id=cards[0].community_id, as_of=MONDAY, items=[[cards[0].sku.item, 9]])
    assert slot(signed_in("alice").get("/shop/").content.decode()) == ""
