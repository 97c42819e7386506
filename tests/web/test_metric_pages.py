"""The pages of metrics, cohorts and places: what is not there says why, targets are typed as people type, regions are kept apart."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from linli.insight import targets
from linli.insight.models import CohortMonth, MetricPart, MetricValue, PlaceHour, Refresh
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


@pytest.fixture
def known(shop: Shop) -> None:
    Refresh.objects.create(region=REGION, as_of=MONDAY, finished_at=MONDAY, seconds=1, members=3)
    day: dict[str, Any] = {"region": REGION, "day": MONDAY.date() - timedelta(days=1), "as_of": MONDAY}
    half = {"numerator": 1.0, "denominator": 2.0}
    MetricValue.objects.create(metric="silent_share", value=0.5, detail=half, **day)
    MetricValue.objects.create(metric="silent_share", value=0.5, detail=half, community_id=shop.maple, **day)
    MetricPart.objects.create(region=REGION, level="sku", metric="sales", part="BANANAS", as_of=MONDAY, value=1200)
    MetricValue.objects.create(metric="sales", value=1200, **day)


def test_a_target_is_typed_as_percent_and_kept(operator: Client, known: None) -> None:
    assert operator.post("/console/metrics/silent_share/target/", {"target": "12.5 %", "key": "k"}).status_code == 302
    assert [a.value for a in targets.history(REGION, "silent_share")] == [0.125]
    page = operator.get("/console/metrics/silent_share/").text
    assert 'value="12.5"' in page and "12.5%" in page and "Op" in page
    for wrong in ("viel", "130", "-1", "nan"):
        answer = operator.post("/console/metrics/silent_share/target/", {"target": wrong})
        assert answer.status_code == 422 and "aria-invalid" in answer.text and f'value="{wrong}"' in answer.text
    operator.post("/console/metrics/silent_share/target/", {"target": ""})
    assert targets.history(REGION, "silent_share")[0].value is None
    operator.post("/console/metrics/sales/target/", {"target": "1,500.5"})
    assert targets.history(REGION, "sales")[0].value == 150050
    assert operator.post("/console/metrics/nope/target/", {"target": "1"}).status_code == 404


def test_a_figure_is_looked_into(operator: Client, shop: Shop, known: None) -> None:
    page = operator.get("/console/metrics/silent_share/parts/").text
    assert "50.0%" in page and "未达标" in page and f"community={shop.maple}" in page
    assert "Bananas" in operator.get("/console/metrics/sales/parts/?level=sku").text
    assert "BANANAS" in operator.get("/console/metrics/sales/parts/export.csv?level=sku").getvalue().decode()
    assert "还没有算出来" in operator.get("/console/metrics/sales/parts/?level=group").text
    assert operator.get("/console/metrics/sales/parts/?level=nope&community=x").status_code == 200
    assert operator.get("/console/metrics/nps/parts/").status_code == 404


def test_the_rows_come_after_the_frame_with_their_query(operator: Client, known: None) -> None:
    frame = operator.get("/console/metrics/silent_share/rows/?community=1")
    assert "hx-get=" in frame.text and "SELECT" not in frame.text
    part = operator.get("/console/metrics/silent_share/rows/", headers={"HX-Request": "true"}).text
    assert "SELECT" in part and "<html" not in part
    assert operator.get("/console/metrics/nps/rows/").status_code == 404
    assert (
        operator.get("/console/metrics/silent_share/rows/export.csv?day=nonsense").getvalue().decode("utf-8-sig").startswith("member_id,")
    )


def test_cohorts_hide_the_few(operator: Client, shop: Shop) -> None:
    assert "还没有数出来" in operator.get("/console/cohorts/").text and "还没有数出来" in operator.get("/console/places/").text
    cohort: dict[str, Any] = {"region": REGION, "sales_minor": 1, "whole": True, "as_of": MONDAY}
    CohortMonth.objects.create(cohort=date(2017, 8, 1), age=0, members=40, bought=40, **cohort)
    CohortMonth.objects.create(cohort=date(2017, 8, 1), age=1, members=40, bought=4, **cohort)
    CohortMonth.objects.create(cohort=date(2017, 9, 1), age=0, members=4, bought=4, **cohort)
    PlaceHour.objects.create(region=REGION, community_id=shop.maple, weekday=0, hour=9, orders=12, as_of=MONDAY)
    PlaceHour.objects.create(region=REGION, community_id=shop.maple, weekday=0, hour=10, orders=4, as_of=MONDAY)
    page = operator.get("/console/cohorts/").text
    assert "100%" in page and "10%" not in page.replace("100%", "") and page.count(">少<") >= 3
    rows = operator.get("/console/cohorts/export.csv").getvalue().decode("utf-8-sig").splitlines()
    assert rows[1].startswith("2017-08-01,40,0,40,1.0") and rows[2].startswith("2017-08-01,40,1,,,")
    assert [r for r in rows if r.startswith("2017-09-01,,0,,")]
    places = operator.get("/console/places/?weekday=0&hour=9").text
    assert ">12<" in places and ">少<" in places
    assert operator.get("/console/places/?weekday=5").status_code == 200


def test_another_region_sees_none_of_it(operator: Client, shop: Shop, known: None) -> None:
    CohortMonth.objects.create(
        region=REGION, cohort=date(2017, 8, 1), age=0, members=40, bought=40, sales_minor=1, whole=True, as_of=MONDAY
    )
    operator.post("/console/metrics/silent_share/target/", {"target": "12.5"})
    groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="USD", time_zone="America/New_York")
    far = _as("+15550000098", "elsewhere")
    assert far.get("/console/metrics/silent_share/").status_code == 404  # nothing was counted there yet
    assert far.post("/console/metrics/silent_share/target/", {"target": "1"}).status_code == 404
    assert "2017-08" not in far.get("/console/cohorts/").text
    assert far.get("/console/cohorts/export.csv").getvalue().decode("utf-8-sig").count("\n") == 1
