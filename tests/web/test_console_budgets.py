"""What console pages may ask of the database: a number of statements that does not grow with the shop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from linli.engage import library
from linli.insight import queries as insight
from linli.insight.models import MemberState, MetricValue, Refresh, SegmentStay
from linli.kernel import clocks
from linli.people import groups, members
from linli.people import queries as people
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    clocks.set_business(MONDAY)
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    client = Client()
    session = client.session
    person = people.person_by_phone("+15550000099")
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def known(shop: Shop, count: int) -> None:
    """Two refreshes, and `count` members at risk as of the second."""
    for back in (1, 0):
        Refresh.objects.update_or_create(
            region=REGION, as_of=MONDAY - timedelta(days=back), defaults={"finished_at": MONDAY, "seconds": 1, "members": count}
        )
    MetricValue.objects.get_or_create(region=REGION, metric="sales", day=MONDAY.date() - timedelta(days=1), as_of=MONDAY, value=100)
    before = MemberState.objects.count()
    for n in range(before, before + count):
        member = members.join(region=REGION, newcomer=members.Newcomer(shop.maple, f"+1555001{n:04}", f"M{n}", "M", "1"))
        MemberState.objects.create(
            region=REGION, member_id=member, community_id=shop.maple, external_id=f"x{n}", as_of=MONDAY, lifecycle="active", risk=0.4,
            recency_grade=n % 6, spend_365d_minor=1000 * n, expected_loss_minor=400 * n, segments=["at_risk"], profiled=n % 3 > 0,
            features={"gap_median_days": 7.5, "favourite_products": ["BANANAS"], "orders_90d": n}, risk_reasons=[["recency.up", 3.0, {}]],
        )  # fmt: skip
        SegmentStay.objects.create(region=REGION, member_id=member, segment="at_risk", since=MONDAY)


def asked(client: Client, page: str) -> list[str]:
    client.get(page)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(page).status_code == 200
    return [q["sql"] for q in seen.captured_queries]


def test_today_is_of_one_refresh_read_once(shop: Shop, operator: Client) -> None:
    known(shop, 2)
    few = asked(operator, "/console/")
    of_refreshes = [s for s in few if 'FROM "insight_refresh"' in s]
    assert len(of_refreshes) == 2  # the last one and the one before
    assert len([s for s in few if 'FROM "insight_metricvalue"' in s]) == 2  # the newest day, and all values
    assert len(few) <= 45
    known(shop, 12)
    assert len(asked(operator, "/console/")) == len(few)


@pytest.mark.parametrize("page", ["members/", "playbooks/", "communities/", "metrics/", "system/"])
def test_pages_ask_as_much_of_a_large_shop_as_of_a_small_one(page: str, shop: Shop, operator: Client) -> None:
    known(shop, 2)
    few = len(asked(operator, f"/console/{page}"))
    assert few <= 30
    known(shop, 9)
    assert len(asked(operator, f"/console/{page}")) == few


def test_columns_are_what_single_members_are_known_by(shop: Shop) -> None:
    known(shop, 9)
    with CaptureQueriesContext(connection) as seen:
        told = insight.columns(REGION)
    assert len(seen) == 2
    assert not any("risk_reasons" in q["sql"] or "favourites" in q["sql"] for q in seen.captured_queries)
    assert len(told.member_ids) == 6
    single = insight.features_of(told.member_ids)
    for i, member in enumerate(told.member_ids):
        assert {n: v[i] for n, v in told.values.items()} == {n: single[member].get(n) for n in told.values}


def test_a_playbook_is_read_once_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    slug = library.slugs()[0]
    first = library.playbook(slug)

    def again(*_: Any) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("linli.engage.reading.read", again)
    assert library.playbook(slug) is first
