"""A member pays in the browser at hand: by WeChat Pay and by Alipay, through the shop's own pages and the sandbox's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.urls import reverse

from linli.kernel import clocks, ledger
from linli.sandbox_gateway.server import Gateway
from linli.trade import accounts, orders, queries
from linli.trade.models import PayAttempt
from support import shop as built
from support.payers import open_gateway
from support.phone import signed_in
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db

DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Mobile/15E148 Safari/604.1"
IN_WECHAT = PHONE + " MicroMessenger/8.0.60"


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    with open_gateway(tmp_path, settings) as found:
        found.carry = lambda *_: (0, b"")  # callbacks get lost: the page asks for itself
        yield found


def asked(shop: Shop, channel: str, agent: str):
    """Alice's order, and what the pay button answers in this browser."""
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key=uuid.uuid4().hex)
    alice = signed_in("alice")
    told = {"key": uuid.uuid4().hex, "channel": channel}
    headers = {"User-Agent": agent, "HX-Request": "true"}
    return alice, placed, alice.post(reverse("shop:pay", args=[placed.order_id]), told, headers=headers)


def pay_at(page: httpx.Response) -> httpx.Response:
    """Press the cashier's one button."""
    there = re.search(r'action="(/cashier/[0-9a-f]+/pay)"', page.text)
    assert there, page.text[:500]
    hidden = dict(re.findall(r'name="(back)" value="([^"]*)"', page.text))
    return httpx.post(page.url.join(there[1]), data={n: unescape(v) for n, v in hidden.items()}, trust_env=False)


@pytest.mark.parametrize(("channel", "agent", "method"), [("alipay", PHONE, "wap"), ("wechat", PHONE, "h5")])
def test_a_redirect_leads_to_the_cashier_and_back(shop: Shop, gateway: Gateway, channel: str, agent: str, method: str) -> None:
    alice, placed, answer = asked(shop, channel, agent)
    page = httpx.get(answer.headers["HX-Redirect"], trust_env=False, follow_redirects=True)
    assert "$8.00" in page.text and "沙盒" in page.text and 'class="' + channel in page.text
    back = pay_at(page)
    assert (back.status_code, urlsplit(back.headers["location"]).path) == (303, reverse("shop:return", args=[placed.order_id]))
    assert PayAttempt.objects.get().method == method
    alice.get(reverse("shop:return", args=[placed.order_id]))
    found = queries.order(placed.order_id)
    assert found is not None and found.state == "paid"
    assert ledger.balance(accounts.channel(REGION, "USD", channel)).balance == -800


@pytest.mark.parametrize(("channel", "method"), [("wechat", "native"), ("alipay", "qr")])
def test_a_desktop_shows_a_code_and_the_sandbox_can_scan_it(shop: Shop, gateway: Gateway, channel: str, method: str) -> None:
    alice, placed, answer = asked(shop, channel, DESKTOP)
    assert PayAttempt.objects.get().method == method
    page = alice.get(answer.headers["HX-Redirect"], headers={"User-Agent": DESKTOP}).content.decode()
    assert "<svg" in page and "扫码付款" in page
    there = re.search(r'href="(http[^"]+/(?:scan\?|cashier/)[^"]+)"', page)
    assert there
    scanned = httpx.get(unescape(there[1]), trust_env=False, follow_redirects=True)
    done = pay_at(scanned)
    assert "已付款" in httpx.get(scanned.url.join(done.headers["location"]), trust_env=False).text
    gone = alice.get(reverse("shop:waiting", args=[placed.order_id]), headers={"HX-Request": "true"})
    assert gone.headers["HX-Redirect"] == reverse("shop:order", args=[placed.order_id])


def test_inside_wechat_the_member_is_known_first_and_the_bridge_is_signed(shop: Shop, gateway: Gateway) -> None:
    alice, placed, answer = asked(shop, "wechat", IN_WECHAT)
    who = answer.headers["HX-Redirect"]
    assert "/connect/oauth2/authorize" in who and "snsapi_base" in who and who.endswith("#wechat_redirect")
    back = urlsplit(httpx.get(who, trust_env=False).headers["location"])
    strangers = alice.get(f"{back.path}?code={'f' * 32}&state=somebody-elses")
    assert "wechat_openid" not in alice.session and strangers.status_code == 302
    who = alice.post(reverse("shop:pay", args=[placed.order_id]), {"channel": "wechat"}, headers={"User-Agent": IN_WECHAT})["location"]
    back = urlsplit(httpx.get(who, trust_env=False).headers["location"])
    assert parse_qs(back.query)["state"]
    cashier = alice.get(f"{back.path}?{back.query}")["location"]
    page = alice.get(cashier, headers={"User-Agent": IN_WECHAT}).content.decode()
    assert alice.session["wechat_openid"].startswith("oSandbox")
    assert '"paySign"' in page and "prepay_id=wx" in page and "data-bridge" in page
    payment = gateway.book.payment(PayAttempt.objects.get().out_trade_no)
    assert payment is not None and payment.payer == alice.session["wechat_openid"]


def test_inside_wechat_alipay_is_not_offered(shop: Shop, gateway: Gateway) -> None:
    _, _, answer = asked(shop, "alipay", IN_WECHAT)
    assert PayAttempt.objects.filter(channel="alipay").count() == 0
    assert "/connect/oauth2/authorize" in answer.headers["HX-Redirect"]


def test_choosing_the_other_channel_closes_the_first(shop: Shop, gateway: Gateway) -> None:
    alice, placed, answer = asked(shop, "alipay", PHONE)
    page = httpx.get(answer.headers["HX-Redirect"], trust_env=False, follow_redirects=True)
    headers = {"User-Agent": PHONE, "HX-Request": "true"}
    other = alice.post(reverse("shop:pay", args=[placed.order_id]), {"key": "f" * 32, "channel": "wechat"}, headers=headers)
    assert "/cashier/" in other.headers["HX-Redirect"]
    assert "已关闭" in httpx.get(page.url, trust_env=False).text
    assert sorted(PayAttempt.objects.values_list("channel", "state")) == [("alipay", "closed"), ("wechat", "open")]
