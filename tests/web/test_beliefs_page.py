"""The member page explains itself: value with its interval, rhythm with the next date, next basket with why, segments with why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from linli.insight import details, local_days, queries
from linli.insight.models import MemberState, Refresh, SegmentStay
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.web.access import SESSION_KEY
from linli.web.console import beliefs
from support import shop as built
from support.clients import fresh_client
from support.shop import MONDAY, Shop

pytestmark = pytest.mark.django_db
TODAY = local_days.day_number(MONDAY, "America/New_York")
WORTH = {"low": 3000, "median": 9000, "high": 20000, "purchases": [1, 4, 8], "expected": 4.2, "amount": 2400, "alive": 0.93}


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


def known(shop: Shop, **changes: object) -> MemberState:
    """Alice as a refresh knows her: every five days an order, the last one eight days ago."""
    told: dict[str, object] = {
        "region": built.REGION, "member_id": shop.alice, "community_id": shop.maple, "as_of": MONDAY, "lifecycle": "active",
        "order_days": [TODAY - 8 - 5 * n for n in range(6)][::-1], "value_90d_minor": 9900, "value": WORTH, "segments": ["silent_30d"],
        "next_basket": {"repeat": [["MILK", 3.0, 6, 8, 5.0]], "explore": [["CHERRIES", 1.0, "beside", "MILK"]]},
        "features": {"recency_days": 8, "preferred_hour": 18, "hour_concentration": 0.5, "coupon_share_90d": 0.25, "spend_90d_minor": 5000},
    }  # fmt: skip
    SegmentStay.objects.create(region=built.REGION, segment="silent_30d", member_id=shop.alice, since=MONDAY - timedelta(days=3))
    Refresh.objects.create(region=built.REGION, as_of=MONDAY, finished_at=MONDAY, seconds=1, members=1)
    return MemberState.objects.create(**(told | changes))


def page(shop: Shop, language: str = "zh-hans") -> str:
    one = people_groups.appoint(phone="+15550000077", display_name="Op", kind="operator", region=built.REGION)
    client = fresh_client(headers={"accept-language": language})
    session = client.session
    session[SESSION_KEY] = one
    session.save()
    text = client.get(f"/console/members/{shop.alice}/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_what_is_believed_and_why_stands_on_the_page(shop: Shop) -> None:
    known(shop)
    detail = queries.member(shop.alice)
    assert detail is not None and detail.rhythm is not None
    last = date(2017, 9, 24)
    assert (detail.rhythm.last, detail.rhythm.due, detail.rhythm.open_days) == (last, last + timedelta(days=5), 8)
    drawn = beliefs.beliefs(detail, built.REGION, shop.maple, "USD")
    assert drawn["rhythm"].late_days == 3 and len(drawn["rhythm"].chart.bars) == 6, "five gaps and the open one"
    value = drawn["value"]
    assert value.low_x < value.paid_x < value.middle_x < value.high_x == beliefs.RIGHT
    assert [(w.name, w.on_sale) for w in drawn["basket"].again] == [("milk", True)]
    assert "milk" in drawn["basket"].new[0].why and drawn["basket"].new[0].name == "cherries"
    (segment,) = drawn["segments"]
    assert "8 天" in segment[1] and segment[2] == MONDAY - timedelta(days=3)
    assert (drawn["hour"].x, drawn["hour"].y) == (31.0, 50.0), "six in the evening points left, half as long as full agreement"


def test_the_page_says_it_in_both_languages(shop: Shop) -> None:
    known(shop)
    text = page(shop)
    for words in (
        "$90.00",
        "五次有四次落在 $30.00 到 $200",
        "已晚 3 天",
        "买过 6 次，平均 5 天一次，距上次 8 天，该买了",
        "可能想试",
        "集中度 50%",
    ):
        assert words in text, words
    english = page(shop, "en")
    for words in ("Four times in five between $30.00 and $200", "3 days late", "Bought 6 times, every 5 days, last 8 days ago: due"):
        assert words in english, words


def test_who_said_no_has_no_beliefs_and_few_orders_no_rhythm(shop: Shop) -> None:
    known(shop, profiled=False)
    detail = queries.member(shop.alice)
    assert detail is not None and (detail.worth, detail.wants) == (None, ())
    assert beliefs.beliefs(detail, built.REGION, shop.maple, "USD") == {}
    assert "下一篮会有什么" not in page(shop)
    assert details.rhythm([TODAY - 9, TODAY - 3], MONDAY, "America/New_York") is None
