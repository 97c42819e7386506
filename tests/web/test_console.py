"""The console over a small shop: pages open before anything is known, lists filter and export, objects stay in their region."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.trade import channels
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION, Shop, Till

pytestmark = pytest.mark.django_db
EMPTY = ("", "members/", "playbooks/", "playbooks/decisions/", "communities/", "groups/", "orders/", "metrics/", "system/")


def _as(phone: str) -> Client:
    client = Client()
    session = client.session
    person = people.person_by_phone(phone)
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


@pytest.fixture
def shop() -> Shop:
    return built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    clocks.set_business(MONDAY)
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    return _as("+15550000099")


@pytest.fixture
def paid(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Any:
    till = Till()
    monkeypatch.setattr(channels, "of", lambda name: till)
    with clocks.fixed(business=MONDAY):
        return built.buy(till, shop.alice, [(shop.cherries, 2)], key="k")


@pytest.mark.parametrize("page", EMPTY)
def test_pages_open_before_anything_is_known(page: str, operator: Client) -> None:
    answer = operator.get(f"/console/{page}")
    assert answer.status_code == 200
    assert answer.text.count("<h1>") == 1


def test_a_zero_byte_in_an_address_is_no_error_page(operator: Client) -> None:
    """PostgreSQL stores none and says so with an error: run this there (LINLI_TEST_DB=postgres)."""
    assert operator.get("/console/playbooks/decisions/?slug=%00").status_code == 200
    assert operator.post("/console/system/readers/%00/retry/").status_code == 404


def test_forms_without_a_key_are_not_taken_for_each_other(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def stop(**asked: Any) -> None:
        keys.append(asked["key"])

    monkeypatch.setattr("linli.engage.runs.stop", stop)
    for sent in ({}, {}, {"key": "k\0"}):
        operator.post("/console/playbooks/launches/1/stop/", sent)
    assert "" not in keys and keys[0] != keys[1] and keys[2] == "k"


def test_the_first_page_says_how_to_begin(operator: Client) -> None:
    text = operator.get("/console/").text
    assert "还没有数据" in text and f'class="btn p" href="{reverse("console:imports")}"' in text


def test_a_member_nobody_computed_yet_has_a_page(operator: Client, shop: Shop) -> None:
    text = operator.get(f"/console/members/{shop.alice}/").text
    assert "Alice" in text and "刚认识" in text


def test_what_was_said_to_a_member_stands_on_their_page(operator: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate's answers came as they are stored, and the page of everybody who had one broke."""
    from linli.engage import queries as engage
    from linli.engage.shapes import DecisionRow

    row = DecisionRow("e", MONDAY, 0, "", "", "", "", "message", shop.alice, shop.maple, "treated", "send", "", None, "取货码 ABC", "seen")
    monkeypatch.setattr(engage, "member_decisions", lambda *a, **k: [row])
    text = operator.get(f"/console/members/{shop.alice}/").text
    assert "取货码 ABC" in text and "Alice" in text


def test_orders_are_listed_opened_and_searched(operator: Client, shop: Shop, paid: Any) -> None:
    assert "Alice" in operator.get("/console/orders/").text
    assert "Alice" not in operator.get("/console/orders/?state=cancelled").text
    text = operator.get(f"/console/orders/{paid.order_id}/").text
    assert "$8.00" in text and "付款" in text
    assert str(paid.order_id) in operator.get(f"/console/search/?q={paid.order_id}").text


def test_an_order_of_another_region_is_not_there(shop: Shop, paid: Any) -> None:
    groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="USD", time_zone="America/New_York")
    groups.appoint(phone="+15550000098", display_name="Far", kind="operator", region="elsewhere")
    far = _as("+15550000098")
    assert far.get(f"/console/orders/{paid.order_id}/").status_code == 404
    assert far.get(f"/console/members/{shop.alice}/").status_code == 404
    assert far.get(f"/console/groups/{shop.milk}/").status_code == 404
    assert "Alice" not in far.get("/console/orders/").text
    assert "/console/members/" not in far.get("/console/search/?q=Alice").text


def test_exports_are_csv_and_no_formula(operator: Client, shop: Shop, paid: Any) -> None:
    answer = operator.get("/console/orders/export.csv")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [r["display_name"] for r in rows] == ["Alice"]
    from linli.web.console.frame import csv_file

    assert b"'=1+1" in b"".join(csv_file("x", ["a"], [["=1+1"]]).streaming_content)


@pytest.mark.parametrize("table", ["orders", "groups", "members", "communities", "payments", "refunds", "goods"])
def test_every_table_goes_along_in_every_form(table: str, operator: Client, shop: Shop, paid: Any) -> None:
    groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="USD", time_zone="America/New_York")
    groups.appoint(phone="+15550000098", display_name="Far", kind="operator", region="elsewhere")
    far = _as("+15550000098")
    for form, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("parquet", b"PAR1")):
        assert operator.get(f"/console/{table}/export.{form}").getvalue().startswith(begins)
        assert b"Alice" not in far.get(f"/console/{table}/export.{form}").getvalue()
    assert operator.get(f"/console/{table}/export.exe").status_code == 404
    assert _as("+15550000099").get(f"/console/{table}/").text.count(f"/console/{table}/export.") == 3


def test_nonsense_in_the_address_falls_back(operator: Client) -> None:
    for address in (
        "members/?order=nope&page=-4&segment=%27&community=x",
        "orders/?state=nope&member=abc",
        "groups/?page=99999",
        "system/?work=nope",
    ):
        assert operator.get(f"/console/{address}").status_code == 200


def test_what_is_not_there_is_404(operator: Client) -> None:
    for address in (
        "members/99999/",
        "groups/99999/",
        "metrics/nope/",
        "playbooks/nope/",
        "playbooks/launches/99999/",
        f"orders/{'0' * 8}-0000-0000-0000-{'0' * 12}/",
    ):
        assert operator.get(f"/console/{address}").status_code == 404, address


def test_next_day_is_one_row_however_often_it_is_pressed(operator: Client) -> None:
    from linli.kernel.models import WorkRow

    for _ in range(3):
        operator.post("/console/day/start/", {"back": "/console/orders/"})
    row = WorkRow.objects.get(kind="day.step")
    assert row.payload["until"].startswith("2017-10-03T13:00")
    assert "正在排队" in operator.get("/console/").text


def test_the_way_back_after_a_step_stays_in_the_console(operator: Client) -> None:
    assert operator.post("/console/day/start/", {"back": "https://elsewhere.example/"})["Location"] == "/console/"


def test_progress_ends_with_a_fresh_page(operator: Client) -> None:
    assert operator.get("/console/day/progress/")["HX-Refresh"] == "true"


def test_failed_work_is_shown_and_done_again(operator: Client) -> None:
    from linli.kernel.models import WorkRow

    row = WorkRow.objects.create(region=REGION, kind="trade.close_groups", key="k", due_at=MONDAY, state="failed", error="Boom")
    assert "Boom" in operator.get("/console/system/").text
    operator.post(f"/console/system/work/{row.pk}/again/")
    row.refresh_from_db()
    assert row.state == "due"


def test_the_audit_shows_what_it_found(operator: Client, paid: Any) -> None:
    assert "账是平的" in operator.post("/console/system/audit/").text


def test_a_page_asks_few_questions(operator: Client, django_assert_max_num_queries: Any) -> None:
    operator.get("/console/orders/")
    with django_assert_max_num_queries(20):
        operator.get("/console/orders/")
