"""The console's API page: a secret is shown once, and everything on it is the region's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.people import queries as people
from linli.web.access import SESSION_KEY
from linli.web.api.webhooks import hooks, sending
from linli.web.models import ApiToken, Webhook, WebhookDelivery
from support import shop as built
from support.calling import OPERATOR_PHONE, Caller
from support.phone import PHONES
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def browser(shop: Shop) -> Client:
    people_groups.appoint(phone=OPERATOR_PHONE, display_name="Op", kind="operator", region=REGION)
    person = people.person_by_phone(OPERATOR_PHONE)
    assert person is not None
    client = Client(headers={"accept-language": "zh-hans"})
    session = client.session
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def shown(page: str) -> str:
    found = re.search(r"<code tabindex=\"0\">([^<]+)</code>", page)
    return found[1] if found else ""


def test_a_token_is_made_shown_once_used_and_revoked(browser: Client) -> None:
    there = reverse("console:programs")
    assert "还没有令牌" in browser.get(there).content.decode()
    form = {"name": "进销存", "acts_as": "operator", "scope": ["orders:read", "catalog:read"], "days": "90"}
    answer = browser.post(reverse("console:token-make"), form)
    secret = shown(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert Caller(secret).get("/orders").status_code == 200
    assert Caller(secret).get("/members").json()["code"] == "api.scope_needed"
    again = browser.get(there).content.decode()
    assert secret not in again and "进销存" in again and secret.split("_")[1] in again
    row = ApiToken.objects.get()
    assert row.expires_at is not None and row.made_by == f"person:{row.person_id}"
    browser.post(reverse("console:token-revoke", args=[row.prefix]))
    assert Caller(secret).get("/orders").status_code == 401
    assert "已收回" in browser.get(there).content.decode()


def test_a_token_for_a_leader_by_phone(browser: Client) -> None:
    form = {"name": "群助手", "acts_as": "leader", "phone": PHONES["leader"], "scope": ["groups:read"], "days": "0"}
    secret = shown(browser.post(reverse("console:token-make"), form).content.decode())
    assert Caller(secret).get("/groups").status_code == 200
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scope": []}, "一个也没选"),
        ({"name": " "}, "1 到 64 个字"),
        ({"acts_as": "leader", "phone": "+1"}, "没有人有这个身份"),
        ({"acts_as": "x"}, "没有人有这个身份"),
    ],
)
def test_what_can_not_be_is_said_and_nothing_made(changes: dict[str, object], words: str, browser: Client) -> None:
    form = {"name": "x", "acts_as": "operator", "scope": ["orders:read"], "days": "90"} | changes
    assert words in browser.post(reverse("console:token-make"), form).content.decode()
    assert not ApiToken.objects.exists()


def test_a_webhook_from_its_making_to_its_removal(browser: Client) -> None:
    form = {"hook_name": "财务", "url": "http://127.0.0.1:9/x", "kind": ["trade.order_paid", "trade.order_placed"], "key": "a"}
    secret = shown(browser.post(reverse("console:webhook-make"), form).content.decode())
    assert secret.startswith("whsec_")
    browser.post(reverse("console:webhook-make"), form)  # sent twice
    hook = Webhook.objects.get()
    there = reverse("console:webhook", args=[hook.pk])
    assert "还没推过" in browser.get(there).content.decode() and secret not in browser.get(there).content.decode()
    change = reverse("console:webhook-change", args=[hook.pk])
    browser.post(change, {"do": "test"})
    row = WebhookDelivery.objects.get()
    sending._settle(row, hook, 500, "<b>kaputt</b>")
    page = browser.get(there).content.decode()
    assert "&lt;b&gt;kaputt" in page and "linli.test" in page and "再推一次" in page
    browser.post(reverse("console:redeliver", args=[hook.pk, row.pk]))
    row.refresh_from_db()
    assert (row.state, row.tries, row.round) == ("waiting", 0, 2)
    new = shown(browser.post(change, {"do": "rotate", "secret_no": "1"}).content.decode())
    assert new != secret and new.startswith("whsec_")
    for do, state in (("off", "off"), ("on", "on")):
        browser.post(change, {"do": do})
        assert Webhook.objects.get().state == state
    browser.post(change, {"do": "remove"})
    assert browser.get(there).status_code == 404
    assert "还没有推送" in browser.get(reverse("console:programs")).content.decode()


def test_an_address_inside_is_refused_in_words(browser: Client) -> None:
    form = {"hook_name": "x", "url": "https://10.0.0.1/", "kind": ["trade.order_paid"], "key": "a"}
    page = browser.post(reverse("console:webhook-make"), form).content.decode()
    assert "不能推送到这个地址" in page and "https://10.0.0.1/" in page


def test_another_regions_webhook_is_not_there(browser: Client) -> None:
    other = hooks.make(region="elsewhere", name="x", url="http://127.0.0.1:9/", wanted=["trade.order_paid"], by="x", key="k")
    assert browser.get(reverse("console:webhook", args=[other.webhook_id])).status_code == 404
    assert browser.post(reverse("console:webhook-change", args=[other.webhook_id]), {"do": "remove"}).status_code == 404
    assert Webhook.objects.get().removed_at is None
