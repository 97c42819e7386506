"""The sandbox gateway as a real server, the shop's door as another, and money that is counted once between them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings as django_settings
from django.urls import get_resolver

from linli.kernel import clocks, ledger
from linli.sandbox_gateway.mischief import PLANS, Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import accounts, channels, groups, orders, pay, queries, refunds
from linli.trade.channels import Asked
from linli.trade.channels.sandbox import Sandbox, sign
from linli.trade.models import Refund
from support import shop as built
from support.shop import MONDAY, NOON, REGION, Shop


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    found = Gateway(home=tmp_path, secret=django_settings.GATEWAY_SECRET, mischief=Mischief.none())
    settings.GATEWAY_URL = found.url
    found.start()
    yield found
    found.stop()


@pytest.fixture
def standing_shop(transactional_db: None) -> Shop:
    """The shop for a server of its own threads: the business clock stands by its row, which every thread sees."""
    get_resolver().url_patterns  # noqa: B018  (loaded now: the first callback must not wait for it)
    found = built.build()
    clocks.set_business(MONDAY)
    return found


def open_payment(url: str = "http://127.0.0.1:9/notify") -> str:
    return Sandbox().pay(Asked("n1", 4990, "USD", "<b>cherries</b>", "http://127.0.0.1:9/orders/1?x=1&y=2", url)).target


def until(true, seconds: float = 30) -> None:
    """Wait for what another thread brings about."""
    end, tick = time.monotonic() + seconds, threading.Event()
    while not true():
        assert time.monotonic() < end, "it never came"
        tick.wait(0.02)


def idle(gateway: Gateway) -> None:
    until(lambda: gateway.book.due(float("inf"))[0] == [])


def test_the_schedule_is_the_seeds() -> None:
    again, other = Mischief(7), Mischief(8)
    plans = [Mischief(7).plan(n) for n in range(200)]
    assert plans == [again.plan(n) for n in range(200)] != [other.plan(n) for n in range(200)]
    assert set(plans) == set(PLANS)
    assert any(again.loses_reply(n) for n in range(50)) and not all(again.loses_reply(n) for n in range(50))
    assert {Mischief.none().plan(n) for n in range(50)} == {"plain"}


def test_a_payment_is_opened_once_a_number(gateway: Gateway) -> None:
    assert open_payment() == open_payment()
    with pytest.raises(channels.Declined):
        Sandbox().pay(Asked("n1", 4991, "USD", "other", "http://127.0.0.1:9/", "http://127.0.0.1:9/notify"))
    seen = Sandbox().seen("n1")
    assert seen is not None and (seen.state, seen.amount_minor) == ("open", 4990)
    assert Sandbox().seen("n2") is None


def test_the_cashier_says_how_much_and_brings_the_member_back(gateway: Gateway) -> None:
    url = open_payment()
    page = httpx.get(url, trust_env=False)
    assert "$49.90" in page.text and "付款" in page.text and "<b>cherries" not in page.text and "style=" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert httpx.get(f"{gateway.url}/cashier.css", trust_env=False).headers["content-type"].startswith("text/css")
    back = httpx.post(f"{url}/cancel", trust_env=False)
    assert (back.status_code, back.headers["location"]) == (303, "http://127.0.0.1:9/orders/1?x=1&y=2")
    paid = httpx.post(f"{url}/pay", trust_env=False)
    assert (paid.status_code, paid.headers["location"]) == (303, "http://127.0.0.1:9/orders/1?x=1&y=2")
    assert "已付款" in httpx.get(url, trust_env=False).text
    seen = Sandbox().close("n1")  # too late to close
    assert seen is not None and seen.state == "paid" and seen.channel_txn
    assert httpx.get(f"{gateway.url}/cashier/none", trust_env=False).status_code == 404
    assert httpx.post(f"{gateway.url}/cashier/none/pay", trust_env=False).status_code == 404


def test_a_closed_payment_cannot_be_paid(gateway: Gateway) -> None:
    url = open_payment()
    Sandbox().close("n1")
    assert "已关闭" in httpx.post(f"{url}/pay", trust_env=False, follow_redirects=True).text
    seen = Sandbox().seen("n1")
    assert seen is not None and seen.state == "closed"


def test_the_api_is_the_shops_alone(gateway: Gateway) -> None:
    open_payment()
    body = json.dumps({"refund_no": "r", "out_trade_no": "n1", "amount_minor": 1}).encode()

    def knock(secret: str, at: float, path: str = "/v1/refund") -> int:
        timestamp = str(int(at))
        headers = {
            "Linli-Timestamp": timestamp,
            "Linli-Nonce": "n",
            "Linli-Signature": sign(secret, timestamp, "n", b"POST /v1/refund\n" + body),
        }
        return httpx.post(gateway.url + path, content=body, headers=headers, trust_env=False).status_code

    assert httpx.get(f"{gateway.url}/v1/pay/n1", trust_env=False).status_code == 401
    assert knock("guess", time.time()) == 401
    assert knock(gateway.secret, time.time() - 3600) == 401
    assert knock(gateway.secret, time.time(), "/v1/pay") == 401  # signed for another door
    assert knock(gateway.secret, time.time()) == 404  # nothing was paid, so there is nothing to give back


@pytest.mark.parametrize(
    "header", [{"Linli-Timestamp": "²"}, {"Linli-Timestamp": "9" * 400}, {"Content-Length": "²"}, {"Content-Length": "-1"}]
)
def test_senseless_headers_are_answered(gateway: Gateway, header: dict[str, str]) -> None:
    address = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    connection.putrequest("POST", "/v1/refund")
    for name, value in ({"Content-Length": "0"} | header).items():
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders()
    assert connection.getresponse().status in (401, 413)
    connection.close()


def test_one_address_that_cannot_be_called_silences_nobody(gateway: Gateway) -> None:
    heard = threading.Event()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.set()
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    for number, port in (("n1", 99999999), ("n2", server.server_address[1])):
        cashier = Sandbox().pay(Asked(number, 100, "USD", "milk", "http://127.0.0.1:9/", f"http://127.0.0.1:{port}/notify")).target
        httpx.post(f"{cashier}/pay", trust_env=False)
    assert heard.wait(10)
    server.shutdown()
    server.server_close()


def test_refunds_never_exceed_the_payment_and_count_once(gateway: Gateway) -> None:
    httpx.post(f"{open_payment()}/pay", trust_env=False)
    till = Sandbox()
    assert [till.refund("r1", "n1", 4000), till.refund("r1", "n1", 4000)] == ["succeeded", "succeeded"]
    for number, amount in (("r1", 4001), ("r2", 991), ("r3", 0), ("r4", -5)):
        with pytest.raises(channels.Declined):
            till.refund(number, "n1", amount)
    assert till.refund("r5", "n1", 990) == "succeeded"
    assert (till.refund_state("r5"), till.refund_state("r2")) == ("succeeded", None)


def test_it_remembers_over_a_restart(tmp_path: Path, settings) -> None:
    secret = django_settings.GATEWAY_SECRET
    first = Gateway(home=tmp_path, secret=secret, mischief=Mischief.none())
    settings.GATEWAY_URL = first.url
    first.start()
    httpx.post(f"{open_payment()}/pay", trust_env=False)
    first.stop()
    with pytest.raises(channels.Unreachable):
        Sandbox().seen("n1")
    second = Gateway(home=tmp_path, secret=secret, mischief=Mischief.none())
    settings.GATEWAY_URL = second.url
    second.start()
    seen = Sandbox().seen("n1")
    second.stop()
    assert seen is not None and seen.state == "paid"


@pytest.mark.parametrize("plan", ["plain", "lost", "doubled", "reordered", "forged"])
def test_however_it_calls_back_the_money_counts_once(standing_shop: Shop, gateway: Gateway, live_server, plan: str) -> None:
    shop = standing_shop
    gateway.mischief = Mischief.only(plan, lost_replies=1.0)
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    started = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url=f"{live_server.url}/shop/orders/1")
    assert httpx.post(f"{started.pay_url}/pay", trust_env=False).status_code == 303
    idle(gateway)
    if plan == "lost":
        assert pay.refresh(order_id=placed.order_id, member_id=shop.alice) == "paid"
    order = queries.order(placed.order_id)
    assert order is not None and order.state == "paid"
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 800
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)  # missed: the money goes back, and the answer to that gets lost
    assert refunds.pursue() == 1 and Refund.objects.get().state == "unknown"
    assert refunds.pursue() == 0 and Refund.objects.get().state == "succeeded"
    assert ledger.balance(accounts.channel(REGION, "USD", "sandbox")).balance == 0
    assert ledger.audit().ok
