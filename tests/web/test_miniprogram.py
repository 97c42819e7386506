"""The shell inside WeChat: sound files without secrets, and a door that knows whom it let in before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from linli.kernel import clocks
from linli.people import queries as people
from linli.people import wechat
from linli.web.access import SESSION_KEY
from support import shop as built
from support.phone import PHONES, signed_in
from support.refusing import refused
from support.shop import MONDAY, Shop

SHELL = Path(__file__).parents[2] / "miniprogram"


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.mark.parametrize("path", sorted(SHELL.rglob("*.json")), ids=lambda p: str(p.relative_to(SHELL)))
def test_every_json_can_be_read(path: Path) -> None:
    assert isinstance(json.loads(path.read_text()), dict)


def test_every_page_exists_with_all_its_files() -> None:
    app = json.loads((SHELL / "app.json").read_text())
    assert app["pages"]
    for page in app["pages"]:
        for ending in ("js", "json", "wxml"):
            assert (SHELL / f"{page}.{ending}").exists(), f"{page}.{ending}"
    assert (SHELL / app["sitemapLocation"]).exists()


def test_what_is_required_is_there() -> None:
    for path in SHELL.rglob("*.js"):
        for wanted in re.findall(r"""require\(["']([^"']+)["']\)""", path.read_text()):
            assert (path.parent / f"{wanted}.js").exists(), f"{path.name} requires {wanted}"


def test_nothing_in_it_is_a_secret_or_somebodys_address() -> None:
    for path in SHELL.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not re.search(r"(?i)(secret|token|password)\s*[:=]\s*[\"'][^\"']+", text), path.name
            assert not re.search(r"\bwx[0-9a-f]{16}\b", text), f"{path.name} holds an appid"
            assert set(re.findall(r"https://[\w.-]+", text)) <= {"https://shop.example.com", "https://api.weixin.qq.com", "https://"}, (
                path.name
            )


def test_the_phone_is_asked_for_once(shop: Shop) -> None:
    address = "/signin/wechat/?code=alices-wechat&next=/shop/orders/"
    first = Client()
    answer = first.get(address)
    assert answer.headers["Location"] == "/signin/?next=%2Fshop%2Forders%2F"
    assert SESSION_KEY not in first.session
    alice = people.person_by_phone(PHONES["alice"])
    assert alice is not None
    wechat.bind(openid=first.session["mini_openid"], person_id=alice.person_id)
    again = Client()
    assert again.get(address).headers["Location"] == "/shop/orders/"
    assert again.session[SESSION_KEY] == alice.person_id


def test_an_openid_is_one_persons(shop: Shop) -> None:
    alice, bob = (people.person_by_phone(PHONES[name]) for name in ("alice", "bob"))
    assert alice is not None and bob is not None
    assert wechat.bind(openid="openid-1", person_id=alice.person_id)
    assert not wechat.bind(openid="openid-1", person_id=bob.person_id)
    assert wechat.person_of("openid-1") == alice.person_id
    assert wechat.person_of("openid-2") is None


def test_who_is_signed_in_stays_who_they_are(shop: Shop) -> None:
    bob = people.person_by_phone(PHONES["bob"])
    assert bob is not None
    wechat.bind(openid=wechat.exchange("bobs-wechat"), person_id=bob.person_id)
    client = signed_in("alice")
    before = client.session[SESSION_KEY]
    client.get("/signin/wechat/?code=bobs-wechat&next=/shop/")
    assert client.session[SESSION_KEY] == before


@pytest.mark.parametrize("code", ["", "x", "a b c d", "'; drop", "c" * 200])
def test_a_silly_code_leads_to_the_door(shop: Shop, code: str) -> None:
    with refused("people.wechat_unknown"):
        wechat.exchange(code)
    answer = Client().get("/signin/wechat/", {"code": code, "next": "https://elsewhere.example/"})
    assert answer.headers["Location"].startswith("/signin/?next=%2F") and "elsewhere" not in answer.headers["Location"]


def test_wechats_answers(shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MINI_APPID, settings.MINI_SECRET, settings.MINI_GATEWAY = "an-appid", "a-secret", "http://gateway.test"
    asked: list[Any] = []

    def answering(told: Any) -> Any:
        def get(self: httpx.Client, url: str, params: dict[str, str]) -> httpx.Response:
            asked.append((url, params))
            if isinstance(told, Exception):
                raise told
            return httpx.Response(200, json=told)

        return get

    monkeypatch.setattr(httpx.Client, "get", answering({"openid": "oABCDEF123456", "session_key": "k"}))
    assert wechat.exchange("code1") == "oABCDEF123456"
    assert asked[0][0] == "http://gateway.test/sns/jscode2session" and asked[0][1]["js_code"] == "code1"
    for told in ({"errcode": 40029, "errmsg": "invalid code"}, {"openid": 7}, {"openid": "<script>"}, []):
        monkeypatch.setattr(httpx.Client, "get", answering(told))
        with refused("people.wechat_unknown"):
            wechat.exchange("code2")
    monkeypatch.setattr(httpx.Client, "get", answering(httpx.ConnectError("gone")))
    with refused("people.wechat_silent"):
        wechat.exchange("code3")
    settings.MINI_APPID, settings.SANDBOX = "", False
    with refused("people.wechat_unknown"):
        wechat.exchange("code4")
