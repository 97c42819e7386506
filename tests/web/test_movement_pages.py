"""The pages of movement: flows lead to the members in them and why, dates fall back, another region sees nothing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from linli.insight import movement
from linli.insight.models import Refresh, SegmentChange
from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db


def _as(phone: str, region: str) -> Client:
    groups.appoint(phone=phone, display_name="Op", kind="operator", region=region)
    client = Client()
    session = client.session
    person = people.person_by_phone(phone)
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


@pytest.fixture
def shop() -> Shop:
    clocks.set_business(MONDAY)
    return built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    return _as("+15550000099", REGION)


def moved(shop: Shop) -> None:
    """Alice fell silent between Sunday and Monday, and rose from nothing to VIP."""
    change: dict[str, Any] = {"region": REGION, "member_id": shop.alice, "as_of": MONDAY}
    SegmentChange.objects.bulk_create(
        [
            SegmentChange(segment="active", entered=False, reason={"orders_30d": 0}, **change),
            SegmentChange(segment="silent", entered=True, reason={"recency_days": 31}, **change),
            SegmentChange(segment="vip", entered=True, reason={"spend_365d_minor": 123400}, **change),
            SegmentChange(segment="high_value", entered=True, reason={}, **change),
        ]
    )
    for back, sizes in ((1, {"active": [1, 0]}), (0, {"silent": [1, 0], "vip": [1, 0], "high_value": [1, 0]})):
        at = MONDAY - timedelta(days=back)
        board = {"segments": sizes, "members": 1, "spend": 100, "ladder": movement.ladder([100])}
        Refresh.objects.create(region=REGION, as_of=at, finished_at=at, seconds=1, members=1, counts={"board": board})
    movement.keep_days(REGION)


def test_pages_say_how_to_begin(operator: Client) -> None:
    assert "走一天" in operator.get("/console/movement/").text and "走过两天" in operator.get("/console/movement/grading/").text
    assert operator.get("/console/movement/members/?source=active&target=silent").status_code == 404
    assert operator.get("/console/movement/export.csv").getvalue().decode("utf-8-sig").strip() == "source,target,members"


def test_a_flow_leads_to_its_members_and_why(operator: Client, shop: Shop) -> None:
    moved(shop)
    page = operator.get("/console/movement/?since=nonsense").text
    assert "活跃" in page and "source=active&amp;target=silent" in page
    listed = operator.get("/console/movement/members/?view=lifecycle&source=active&target=silent").text
    assert "Alice" in listed and "距上次下单 31 天" in listed
    file = operator.get("/console/movement/members/export.csv?view=lifecycle&source=active&target=silent").getvalue().decode("utf-8-sig")
    assert "Alice" in file and "距上次下单 31 天" in file
    assert "Alice" in operator.get("/console/movement/members/?segment=vip&way=came").text
    assert "Alice" not in operator.get("/console/movement/members/?segment=vip&way=left").text
    assert operator.get("/console/movement/members/?source=active&target=active").status_code == 404


def test_the_month_says_who_was_promoted(operator: Client, shop: Shop) -> None:
    moved(shop)
    text = operator.get("/console/movement/grading/").text
    assert "升级 1 人，降级 0 人" in text and "100.0%" in text
    assert "升级 1 人" in operator.get("/console/movement/grading/?month=1999-13").text  # falls back to the newest


def test_another_region_sees_nothing_of_it(operator: Client, shop: Shop) -> None:
    moved(shop)
    groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="USD", time_zone="America/New_York")
    far = _as("+15550000098", "elsewhere")
    assert "Alice" not in far.get("/console/movement/").text and "silent" not in far.get("/console/movement/export.csv").getvalue().decode()
    assert far.get("/console/movement/members/?source=active&target=silent").status_code == 404
