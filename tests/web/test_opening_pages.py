"""Opening group-buys from the console, by form and by table; and how a leader watches one and shares it."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.trade import queries, templates
from linli.trade.templates import Template
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db


def signed_in(phone: str) -> Client:
    client = Client()
    session = client.session
    person = people.person_by_phone(phone)
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


@pytest.fixture
def shop(settings: Any, tmp_path: Any) -> Shop:
    settings.HOME = tmp_path
    made = built.build()
    clocks.set_business(MONDAY)
    return made


@pytest.fixture
def operator(shop: Shop) -> Client:
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    return signed_in("+15550000099")


@pytest.fixture
def leader(shop: Shop) -> Client:
    person = people.person(shop.leader)
    assert person is not None
    client = Client()
    session = client.session
    session[SESSION_KEY] = shop.leader
    session.save()
    return client


def form(shop: Shop, **changes: object) -> dict[str, object]:
    terms: dict[str, object] = {
        "key": "form-1",
        "sku": "milk",
        "kind": "pooled",
        "threshold_by": "pieces",
        "threshold": "5",
        "quota_pieces": "20",
        "price_minor": "4.00",
        "ladder": "10:3.80",
        "on_miss": "refund",
        "deadline_at": "2017-10-02T20:00",
        "pickup_from": "2017-10-03T16:00",
        "community": [str(shop.maple), str(shop.oak)],
    }
    return terms | changes


def count(shop: Shop) -> int:
    return len(queries.open_groups(shop.maple)) + len(queries.open_groups(shop.oak))


def test_one_form_opens_in_every_chosen_community_once(operator: Client, shop: Shop) -> None:
    before = count(shop)
    assert operator.post("/console/groups/open/", form(shop)).status_code == 302
    assert operator.post("/console/groups/open/", form(shop)).status_code == 302  # the second tap of the same form
    assert count(shop) == before + 2
    newest = max(queries.open_groups(shop.maple), key=lambda c: c.group_id)
    assert (newest.price_minor, newest.threshold, [tuple(r) for r in newest.ladder]) == (400, 5, [(10, 380)])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sku": "caviar"}, "sku"),
        ({"community": []}, "community"),
        ({"price_minor": "4,00"}, "price_minor"),
        ({"threshold": "50"}, "quota_pieces"),
        ({"deadline_at": "2017-10-01T20:00"}, "deadline_at"),
        ({"ladder": "10:5.00"}, "ladder"),
        ({"kind": "team"}, "team_size"),
        ({"community": ["999999", "x"]}, "community"),
    ],
)
def test_terms_that_do_not_go_together_are_named_and_what_was_typed_stays(
    operator: Client, shop: Shop, changes: dict[str, object], field: str
) -> None:
    before = count(shop)
    answer = operator.post("/console/groups/open/", form(shop, **changes))
    assert answer.status_code == 422 and field in answer.context["wrong"] and count(shop) == before
    assert answer.context["typed"]["deadline_at"] == form(shop, **changes)["deadline_at"]


def test_the_sample_table_opens_as_it_is(operator: Client, shop: Shop) -> None:
    sample = operator.get("/console/groups/table.xlsx").getvalue()
    assert load_workbook(io.BytesIO(sample)).active.max_row == 2
    looked = operator.post("/console/groups/table/", {"file": SimpleUploadedFile("a.xlsx", sample)})
    assert looked.status_code == 200 and len(looked.context["plan"].groups) == 1
    before = count(shop)
    assert operator.post("/console/groups/table/", {"token": looked.context["token"]}).status_code == 302
    assert count(shop) == before + 1
    wrong = operator.post("/console/groups/table/", {"file": SimpleUploadedFile("a.csv", b"x")})
    assert wrong.status_code == 422


def test_a_leader_watches_a_group_and_gets_its_words_and_poster(leader: Client, shop: Shop) -> None:
    page = leader.get(f"/leader/groups/{shop.cherries}/")
    text = page.content.decode()
    assert page.status_code == 200 and "/shop/" in text and "poster.svg" in text
    part = leader.get(f"/leader/groups/{shop.cherries}/", HTTP_HX_REQUEST="true").content.decode()
    assert 'id="live"' in part and "<html" not in part
    poster = leader.get(f"/leader/groups/{shop.cherries}/poster.svg")
    assert poster["Content-Type"].startswith("image/svg+xml")
    drawn = ET.fromstring(poster.content)
    assert "$4.00" in "".join(drawn.itertext())


def test_another_communitys_group_is_not_there(leader: Client, shop: Shop) -> None:
    assert leader.get(f"/leader/groups/{shop.far_milk}/").status_code == 404
    assert leader.get(f"/leader/groups/{shop.far_milk}/poster.svg").status_code == 404
    assert leader.get("/leader/groups/999999/").status_code == 404


@pytest.fixture
def template(shop: Shop) -> str:
    terms = {"threshold": 6, "quota_pieces": 20, "price_minor": 400, "solo_price_minor": 450, "ladder": [[10, 380]]}
    limits = {"quota_pieces": (10, 40), "open_hours": (2, 48)}
    templates.put(region=REGION, template=Template("milk-run", "milk", terms, limits=limits, note_zh="早餐"), by="person:1")
    return "milk-run"


def test_a_leader_opens_from_a_template_with_a_tap(leader: Client, shop: Shop, template: str) -> None:
    assert "早餐" in leader.get("/leader/open/").content.decode()
    page = leader.get("/leader/open/milk-run/")
    until = page.context["until"][-1].value
    form = {"key": "12345678-tap", "community": str(shop.maple), "until": until, "quota": "30"}
    first, second = leader.post("/leader/open/milk-run/", form), leader.post("/leader/open/milk-run/", form)
    assert first.status_code == 302 and first["Location"] == second["Location"]  # a double tap opens one
    card = queries.group(int(first["Location"].rstrip("/").rsplit("/", 1)[1]))
    assert card is not None
    assert (card.community_id, card.threshold, card.left_pieces) == (shop.maple, 6, 30)
    assert card.deadline_at == datetime.fromisoformat(until)
    assert leader.get(first["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"quota": "41"}, 422),
        ({"until": "2017-10-09T20:00:00-04:00"}, 422),
        ({"until": "tomorrow"}, 422),
        ({"until": "2017-10-03T20:00:00"}, 422),
    ],
)
def test_what_the_template_does_not_allow_is_refused(
    leader: Client, shop: Shop, template: str, changes: dict[str, str], status: int
) -> None:
    before = count(shop)
    answer = leader.post("/leader/open/milk-run/", {"key": "12345678-no", "community": str(shop.maple), "quota": "20"} | changes)
    assert answer.status_code == status and answer.context["error"]["says"] and count(shop) == before


def test_a_leader_opens_only_at_home(leader: Client, shop: Shop, template: str) -> None:
    assert leader.post("/leader/open/milk-run/", {"key": "12345678-far", "community": str(shop.oak)}).status_code == 404
    assert leader.get("/leader/open/nothing/").status_code == 404
