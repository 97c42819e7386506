"""Signing in through the pages: code, refusals beside the field, no session kept, no open redirect, sandbox only."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from linli.people import groups
from linli.people import signin as codes
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import Shop

ALICE = "+15550000001"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop() -> Shop:
    return built.build()


def _code(phone: str) -> str:
    return codes.sandbox_inbox(limit=1, phone=phone)[0].code


def _come_in(client: Client, phone: str, there: str = "") -> str:
    client.post("/signin/", {"phone": phone, "next": there})
    answer = client.post("/signin/code/", {"phone": phone, "code": _code(phone), "next": there})
    assert answer.status_code == 302
    return str(answer["Location"])


def test_a_member_comes_into_the_shop(shop: Shop) -> None:
    client = Client()
    assert _come_in(client, ALICE) == "/shop/"
    assert SESSION_KEY in client.session


def test_everybody_goes_to_their_own_surface(shop: Shop) -> None:
    groups.appoint(phone="+15550000077", display_name="Op", kind="operator", region=built.REGION)
    assert _come_in(Client(), "+15550000077") == "/console/"
    assert _come_in(Client(), "+15550000008") == "/leader/"


def test_next_leads_back_but_never_away(shop: Shop) -> None:
    assert _come_in(Client(), ALICE, "/shop/orders/") == "/shop/orders/"
    assert _come_in(Client(), ALICE, "https://elsewhere.example/") == "/shop/"
    assert _come_in(Client(), ALICE, "//elsewhere.example/") == "/shop/"


@pytest.mark.parametrize("typed", ["+1 (555) 000-0001", "+1555\u30000000001"])
def test_the_number_is_in_no_address(shop: Shop, typed: str) -> None:
    client = Client()
    answer = client.post("/signin/", {"phone": typed, "next": "/shop/"})
    assert "555" not in answer["Location"]
    page = client.get(answer["Location"]).text
    assert f'name="phone" value="{ALICE}"' in page and 'name="next" value="/shop/"' in page
    client.post("/signin/code/", {"phone": ALICE, "code": _code(ALICE)})
    assert client.get("/signin/code/").status_code == 302  # and forgotten once it has served


def test_a_wrong_code_is_told_and_nobody_is_in(shop: Shop) -> None:
    client = Client()
    client.post("/signin/", {"phone": ALICE})
    answer = client.post("/signin/code/", {"phone": ALICE, "code": "000000" if _code(ALICE) != "000000" else "111111"})
    assert 'id="code-error"' in answer.text
    assert SESSION_KEY not in client.session


def test_a_phone_that_is_none_is_told_beside_the_field(db: None) -> None:
    answer = Client().post("/signin/", {"phone": "what"})
    assert 'id="phone-error"' in answer.text and 'value="what"' in answer.text


def test_an_unknown_phone_looks_like_a_known_one(shop: Shop) -> None:
    known, unknown = (Client().post("/signin/", {"phone": p}) for p in (ALICE, "+15557654321"))
    assert known.status_code == unknown.status_code == 302
    wrong = [Client().post("/signin/code/", {"phone": p, "code": "99999"}).text.count("code-error") for p in (ALICE, "+15557654321")]
    assert wrong[0] == wrong[1] > 0


def test_the_session_of_a_stranger_is_not_kept(shop: Shop) -> None:
    """Session fixation: the cookie that came in is not the one that is signed in."""
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    _come_in(client, ALICE)
    assert client.session.session_key != before and "planted" not in client.session


def test_the_form_token_of_a_stranger_is_not_kept(shop: Shop) -> None:
    """Whoever planted a token before the sign-in can't post forms with it afterwards."""
    client = Client()
    client.get("/signin/")
    before = client.cookies["csrftoken"].value
    _come_in(client, ALICE)
    assert client.cookies["csrftoken"].value != before


def test_signing_out_ends_it(shop: Shop) -> None:
    client = Client()
    _come_in(client, ALICE)
    assert client.get("/signout/").status_code == 405
    client.post("/signout/")
    assert client.get("/shop/").status_code == 302


def test_a_role_taken_away_is_gone_with_the_next_request(shop: Shop) -> None:
    from django.apps import apps

    client = Client()
    _come_in(client, "+15550000008")
    assert client.get("/leader/").status_code == 200
    apps.get_model("people", "Role").objects.filter(person__phone="+15550000008").delete()
    assert client.get("/leader/").status_code == 403


@override_settings(SANDBOX=False)
def test_without_the_sandbox_there_is_no_inbox_and_no_face(shop: Shop) -> None:
    assert Client().get("/sandbox/inbox/").status_code == 404
    assert Client().post("/signin/as/", {"phone": ALICE}).status_code == 404
    assert "进来看看" not in Client().get("/signin/").text


def test_a_face_must_be_one_of_the_demo(shop: Shop) -> None:
    """Alice is no demo face here: knowing her number is not enough."""
    client = Client()
    assert client.post("/signin/as/", {"phone": ALICE}).status_code == 404
    assert SESSION_KEY not in client.session


def test_the_language_is_switched_for_good(db: None) -> None:
    client = Client()
    assert 'lang="zh-CN"' in client.get("/signin/").text
    client.post("/language/", {"language": "en", "next": "/signin/"})
    assert 'lang="en"' in client.get("/signin/").text


def test_guesses_elsewhere_leave_the_owner_s_code_alone(shop: Shop) -> None:
    owner, stranger = Client(REMOTE_ADDR="10.0.0.1"), Client(REMOTE_ADDR="10.9.9.9")
    owner.post("/signin/", {"phone": ALICE})
    code = _code(ALICE)
    stranger.post("/signin/", {"phone": ALICE})
    for _ in range(6):
        stranger.post("/signin/code/", {"phone": ALICE, "code": "0"})
    stranger.post("/signin/code/", {"phone": ALICE, "code": code})
    assert SESSION_KEY not in stranger.session
    owner.post("/signin/code/", {"phone": ALICE, "code": code})
    assert SESSION_KEY in owner.session
