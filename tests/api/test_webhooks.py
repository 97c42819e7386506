"""Webhooks: signed as the specification says, sent until understood, never into the shop's own network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import override_settings

from linli.kernel import clocks, events, work
from linli.kernel.models import WorkRow
from linli.trade import orders
from linli.web.api import work as api_work
from linli.web.api.webhooks import addresses, hooks, sending, signing
from linli.web.models import ApiAnswer, Webhook, WebhookDelivery
from support.calling import Cast
from support.refusing import refused
from support.shop import REGION, Shop

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Receiver:
    """Somebody's server on this machine: what it heard, and what it answers (the last answer again and again)."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(204, b"")])
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, said = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()


def subscribe(receiver: Receiver, *kinds: str) -> hooks.Made:
    return hooks.make(region=REGION, name="erp", url=receiver.url, wanted=kinds or ("trade.order_placed",), by="person:1", key="k")


def relay() -> int:
    """Let the reader read, and the worker send what is due."""
    events.drain(api_work.READERS)
    return work.run_due({sending.SEND: api_work.HANDLERS[sending.SEND]}, limit=100)


def genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it, written from the specification and not with our code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


def place(shop: Shop, key: str = "k") -> orders.Placed:
    return orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key=key)


def test_the_specifications_own_example_is_signed_alike() -> None:
    """The vector of standard-webhooks' libraries."""
    told = signing.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_fact_reaches_who_subscribed_signed(shop: Shop, receiver: Receiver) -> None:
    made = subscribe(receiver)
    placed = place(shop)
    assert relay() == 1
    [(headers, body)] = receiver.heard
    assert genuine(made.secret, headers, body)
    assert not genuine(signing.secret(made.webhook_id, 2), headers, body)
    told = json.loads(body)
    assert told["type"] == "trade.order_placed" and told["data"]["order_id"] == str(placed.order_id)
    assert abs(int(headers["webhook-timestamp"]) - clocks.machine_now().timestamp()) < 60
    row = WebhookDelivery.objects.get()
    assert (row.state, row.tries, row.status, str(row.pk)) == ("delivered", 1, 204, headers["webhook-id"])
    assert relay() == 0 and len(receiver.heard) == 1


def test_only_the_kinds_asked_for_and_only_the_own_region(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver, "trade.order_paid")
    hooks.make(region="elsewhere", name="x", url=receiver.url, wanted=["trade.order_placed"], by="x", key="k")
    place(shop)
    relay()
    assert not receiver.heard


def test_reading_the_log_again_sends_nothing_again(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    place(shop)
    relay()
    events.rewind("web.webhooks")
    relay()
    assert len(receiver.heard) == 1


def test_it_is_tried_again_on_schedule_with_the_same_id(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    place(shop)
    receiver.answers = [(500, b"down"), (503, b""), (200, b"")]
    now = clocks.machine_now()
    for seconds, heard in ((0, 1), (4, 1), (6, 2), (200, 2), (320, 3), (9999, 3)):
        with clocks.fixed(machine=now + timedelta(seconds=seconds)):
            relay()
        assert len(receiver.heard) == heard, seconds
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len({body for _, body in receiver.heard}) == 1
    assert WebhookDelivery.objects.get().state == "delivered"
    assert Webhook.objects.get().failing_since is None


def test_it_is_given_up_at_last_and_sent_again_by_hand(shop: Shop, receiver: Receiver, callers: Cast) -> None:
    made = subscribe(receiver)
    place(shop)
    receiver.answers = [(500, b"no " * 1000)]
    at = clocks.machine_now()
    for wait in (*sending.LATER, timedelta(), timedelta(hours=1)):
        with clocks.fixed(machine=at):
            relay()
        at += wait
    row = WebhookDelivery.objects.get()
    assert (row.state, row.tries, len(row.said)) == ("given_up", len(sending.LATER) + 1, 300)
    assert len(receiver.heard) == len(sending.LATER) + 1
    receiver.answers = [(200, b"")]
    path = f"/webhooks/{made.webhook_id}/deliveries"
    [told] = callers.operator.get(path).json()["items"]
    assert told["state"] == "given_up" and told["status"] == 500
    assert callers.operator.post(f"{path}/{told['delivery_id']}/again", key="again").status_code == 200
    relay()
    assert WebhookDelivery.objects.get().state == "delivered"
    assert receiver.heard[-1][0]["webhook-id"] == receiver.heard[0][0]["webhook-id"]


def test_an_address_that_fails_for_five_days_is_switched_off_and_says_so(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.answers = [(500, b"")]
    now = clocks.machine_now()
    for day in range(6):
        with clocks.fixed(machine=now + timedelta(days=day, hours=1)):
            if Webhook.objects.get().state == "on":
                place(shop, f"k{day}") if day < 3 else None
            relay()
    hook = Webhook.objects.get()
    assert hook.state == "failed" and hook.failing_since is not None
    assert next(e.kind for e in events.about(f"webhook:{hook.pk}", region=REGION)) == "web.webhook_failed"
    heard = len(receiver.heard)
    with clocks.fixed(machine=now + timedelta(days=30)):
        relay()
    assert len(receiver.heard) == heard


def test_gone_is_taken_at_its_word(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.answers = [(410, b"")]
    place(shop)
    relay()
    assert Webhook.objects.get().state == "failed" and WebhookDelivery.objects.get().state == "given_up"


def test_a_redirect_is_not_followed(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.answers, receiver.headers = [(302, b"")], {"Location": receiver.url}
    place(shop)
    relay()
    assert len(receiver.heard) == 1 and WebhookDelivery.objects.get().state == "waiting"


def test_nobody_listening_is_a_failed_try(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    Webhook.objects.update(url="http://127.0.0.1:1/")
    place(shop)
    relay()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.tries, row.status, row.said) == ("waiting", 1, None, "ConnectError")
    assert WorkRow.objects.filter(kind=sending.SEND, state="failed").count() == 0


def test_for_a_day_both_secrets_sign(shop: Shop, receiver: Receiver) -> None:
    made = subscribe(receiver)
    new = hooks.rotate(region=REGION, webhook_id=made.webhook_id, secret_no=1, by="person:1")
    assert hooks.rotate(region=REGION, webhook_id=made.webhook_id, secret_no=1, by="person:1") == new != made
    with refused("api.other_secret", secret_no=2):
        hooks.rotate(region=REGION, webhook_id=made.webhook_id, secret_no=7, by="person:1")
    place(shop)
    relay()
    headers, body = receiver.heard[-1]
    assert genuine(made.secret, headers, body) and genuine(new.secret, headers, body)
    with clocks.fixed(machine=clocks.machine_now() + timedelta(hours=25)):
        place(shop, "k2")
        relay()
    headers, body = receiver.heard[-1]
    assert not genuine(made.secret, headers, body) and genuine(new.secret, headers, body)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest", "https://100.64.0.1/",
        "https://0.0.0.0/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[fe80::1]/", "https://[fc00::1]/",
        "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://0x0a000001/", "https://167772161/",
        "https://192.0.2.1/", "http://example.com/", "ftp://127.0.0.1/", "https://", "https:///x", "https://u:p@127.0.0.1/", "nonsense",
        "https://127.0.0.1:99999/", "https://127.0.0.1:x/", "https://no-such-host.invalid/", "https://a b/", "https://\u00e4.example/",
        "file:///etc/passwd", "https://127.0.0.1/#x", "https://[::1", "http://10.0.0.1/",
    ],
)  # fmt: skip
def test_nothing_goes_into_the_shops_own_network(url: str, shop: Shop) -> None:
    with refused("api.bad_webhook_address"):
        hooks.make(region=REGION, name="x", url=url, wanted=["trade.order_placed"], by="x", key="k")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://[::ffff:127.0.0.1]/"]
)
def test_this_machine_itself_is_allowed_in_the_sandbox_only(url: str) -> None:
    assert addresses.target(url)
    with override_settings(WEBHOOK_LOOPBACK=False), refused("api.bad_webhook_address"):
        addresses.target(url)


def test_a_name_that_leads_elsewhere_the_second_time_reaches_nobody(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: judged at every try, and the connection goes to what was judged."""

    def lookup(ip: str) -> Any:
        return lambda host, port, *more, **told: [(2, 1, 6, "", (ip if host == "hooks.example" else host, port))]

    port = receiver.url.split(":")[2].split("/")[0]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup("127.0.0.1"))
    receiver.url = f"http://hooks.example:{port}/"
    subscribe(receiver)
    place(shop)
    relay()
    assert receiver.heard[0][0]["host"] == f"hooks.example:{port}"
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup("10.0.0.1"))
    place(shop, "k2")
    relay()
    assert len(receiver.heard) == 1
    assert WebhookDelivery.objects.get(state="waiting").said == "api.bad_webhook_address"


def test_a_name_with_one_bad_address_among_good_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *a, **k: both)
    with refused("api.bad_webhook_address"):
        addresses.target("https://hooks.example/")
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *a, **k: both[:1])
    assert addresses.target("https://hooks.example/a?b").address == "https://93.184.216.34:443/a?b"


def test_over_the_api_its_secret_is_told_and_kept_nowhere(shop: Shop, receiver: Receiver, callers: Cast) -> None:
    asked = {"name": "erp", "url": receiver.url, "kinds": ["trade.order_placed"]}
    first = callers.operator.post("/webhooks", asked, key="k")
    again = callers.operator.post("/webhooks", asked, key="k")
    assert first.status_code == 201 and first.content == again.content
    secret = first.json()["secret"]
    assert not ApiAnswer.objects.exists()
    assert all(secret not in str(row) for row in Webhook.objects.values_list())
    path = f"/webhooks/{first.json()['webhook_id']}"
    assert callers.operator.get(path).json()["state"] == "on"
    assert "secret" not in callers.operator.get(path).json()
    assert callers.operator.post(f"{path}/test", key="t").status_code == 201
    relay()
    assert json.loads(receiver.heard[0][1])["type"] == "linli.test" and genuine(secret, *receiver.heard[0])
    assert callers.operator.call("PUT", f"{path}/state", {"on": False}).status_code == 200
    place(shop)
    relay()
    assert len(receiver.heard) == 1
    assert callers.operator.call("PATCH", path, {"kinds": ["trade.order_paid"], "name": "n"}).status_code == 200
    assert callers.operator.get(path).json()["kinds"] == ["trade.order_paid"]
    assert callers.operator.call("DELETE", path).status_code == 200
    assert callers.operator.get(path).json()["code"] == "api.no_such_webhook"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\0"}, "name"),
        ({"wanted": []}, "kinds"),
        ({"wanted": ["engage.task_made"]}, "kinds"),
        ({"wanted": ["x"]}, "kinds"),
    ],
)
def test_a_webhook_that_can_not_be(changes: dict[str, Any], fields: str, shop: Shop, receiver: Receiver) -> None:
    asked = {"region": REGION, "name": "x", "url": receiver.url, "wanted": ["trade.order_placed"], "by": "x", "key": "k"}
    with refused("api.bad_webhook", fields=fields):
        hooks.make(**(asked | changes))


def test_somebody_elses_are_not_there(shop: Shop, receiver: Receiver, callers: Cast) -> None:
    other = hooks.make(region="elsewhere", name="x", url=receiver.url, wanted=["trade.order_placed"], by="x", key="k")
    assert callers.operator.get(f"/webhooks/{other.webhook_id}").status_code == 404
    assert callers.operator.post(f"/webhooks/{other.webhook_id}/deliveries/{uuid.uuid4()}/again", key="k").status_code == 404
    own = subscribe(receiver)
    answer = callers.operator.post(f"/webhooks/{own.webhook_id}/deliveries/{uuid.uuid4()}/again", key="k2")
    assert answer.json()["code"] == "api.no_such_delivery"


def test_old_deliveries_are_swept(shop: Shop, receiver: Receiver) -> None:
    subscribe(receiver)
    place(shop)
    relay()
    with clocks.fixed(machine=clocks.machine_now() + timedelta(days=29)):
        assert sending.sweep() == 0
    with clocks.fixed(machine=clocks.machine_now() + timedelta(days=31)):
        assert sending.sweep() == 1
