"""A promotion from the console: its stages are written, group-buys put into them, a share sold ahead, and the board watched."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.trade import promotions
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION

pytestmark = pytest.mark.django_db
DAY = {"name": "国庆", "name_en": "Holiday", "slug": "holiday", "reserve": "20"}
TIMES = {
    "warm_up_from": "2017-10-02T09:00",
    "warm_up_to": "2017-10-02T10:00",
    "burst_from": "2017-10-02T10:00",
    "burst_to": "2017-10-02T12:00",
    "encore_from": "",
    "encore_to": "",
}


@pytest.fixture
def operator(settings: Any, tmp_path: Any) -> Client:
    settings.HOME = tmp_path
    built.build()
    clocks.set_business(MONDAY)
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    client = Client()
    session = client.session
    person = people.person_by_phone("+15550000099")
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def test_a_promotion_is_written_filled_and_watched(operator: Client) -> None:
    assert "新建一个" in operator.get("/console/promotions/").content.decode()
    assert operator.post("/console/promotions/new/", DAY | TIMES)["Location"] == "/console/promotions/holiday/"
    operator.post("/console/promotions/holiday/add/", {"sku": "cherries", "stage": "burst", "price": "3.50"})
    board = promotions.board(REGION, "holiday")
    warm, burst = board.stages
    assert (warm.kind, warm.group_count, warm.reserved) == ("warm_up", 1, 2)  # a fifth of ten pieces
    assert (burst.kind, burst.group_count, burst.stock) == ("burst", 1, 8)
    page = operator.get("/console/promotions/holiday/")
    assert "预热" in page.content.decode() and "进行中" in page.content.decode()
    part = operator.get("/console/promotions/holiday/", HTTP_HX_REQUEST="true").content.decode()
    assert 'id="stages"' in part and "<html" not in part
    assert "国庆" in operator.get("/console/promotions/").content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": "///"},
        {"name": ""},
        {"burst_from": "2017-10-02T09:30"},  # overlaps the warm-up
        {"burst_to": "soon"},
        {"reserve": "120"},
        dict.fromkeys(TIMES, ""),
    ],
)
def test_stages_that_do_not_go_together_are_refused_and_what_was_typed_stays(operator: Client, changes: dict[str, str]) -> None:
    answer = operator.post("/console/promotions/new/", DAY | TIMES | changes)
    assert answer.status_code == 422 and answer.context["error"][0] and promotions.listed(REGION) == []
    assert answer.context["typed"]["name_en"] == "Holiday"


@pytest.mark.parametrize(
    "form", [{"sku": "caviar", "stage": "burst"}, {"sku": "milk", "stage": "never"}, {"sku": "milk", "stage": "burst", "price": "x"}]
)
def test_what_can_not_be_added_is_said(operator: Client, form: dict[str, str]) -> None:
    operator.post("/console/promotions/new/", DAY | TIMES)
    answer = operator.post("/console/promotions/holiday/add/", form, follow=True)
    assert "toast error" in answer.content.decode()


def test_a_strangers_promotion_is_not_there(operator: Client) -> None:
    assert operator.get("/console/promotions/nothing/").status_code == 404
    assert operator.post("/console/promotions/nothing/add/", {"sku": "milk", "stage": "burst"}).status_code == 404
