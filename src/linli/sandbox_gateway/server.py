"""The gateway's HTTP server: signed JSON for the shop, the cashier for people, callbacks from a thread of its own."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import re
import secrets
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from linli.sandbox_gateway import pages
from linli.sandbox_gateway.book import Book, Callback, Conflict, Payment
from linli.sandbox_gateway.mischief import PLANS, RETRIES_S, Mischief

log = logging.getLogger(__name__)

FRESH_S = 300
MOST_BODY = 64 * 1024
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHORT = re.compile(r"[0-9]{1,12}")
"""A number in a header. Wider texts pass str.isdigit ("²") and break int(), or are numbers too large for a clock."""


def sign(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, nonce and body, 64 hex characters."""
    return hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


class Gateway:
    """A gateway that can be started and stopped; port 0 takes any free one (`url` says which)."""

    def __init__(self, *, home: Path, secret: str, mischief: Mischief, host: str = "127.0.0.1", port: int = 0) -> None:
        self.book = Book(home / "gateway.sqlite3")
        self.secret, self.mischief = secret, mischief
        self._wake, self._stopping = threading.Event(), False
        self._server = ThreadingHTTPServer((host, port), type("Bound", (Handler,), {"gateway": self}))
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._call_back, daemon=True),
        ]

    def start(self) -> None:
        """Begin to answer and to call back (what a former process still owed, too)."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop answering; what is queued stays for the next start."""
        self._stopping = True
        self._wake.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(5)
        self.book.close()

    def paid(self, payment: Payment) -> None:
        """Queue what the shop will hear of it."""
        now = time.time()
        for delivery in PLANS[self.mischief.plan(payment.ordinal or 0)]:
            self.book.call_later(payment.out_trade_no, delivery.kind, now + delivery.after_s)
        self._wake.set()

    def _call_back(self) -> None:
        while not self._stopping:
            self._wake.clear()
            due, following = self.book.due(time.time())
            for callback in due:
                if self._stopping:
                    return
                self._deliver(callback)
            if not due:
                self._wake.wait(None if following is None else max(0.01, following - time.time()))

    def _deliver(self, callback: Callback) -> None:
        payment = self.book.payment(callback.out_trade_no)
        answered = payment is not None and self._post(payment, callback.kind)
        # Only the truth is repeated until it is heard.
        again = callback.kind == "true" and not answered and callback.tries < len(RETRIES_S)
        self.book.called(callback, time.time() + RETRIES_S[callback.tries] if again else None)

    def _post(self, payment: Payment, kind: str) -> bool:
        body, headers = self.message(payment, kind)
        address = urlsplit(payment.notify_url)
        kind_of = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        # An address that can't be called or an answer that is no HTTP is not delivered either: the one thread that
        # calls back must outlive it, or nobody hears of a payment again.
        try:
            with closing(kind_of(address.hostname or "", address.port, timeout=5)) as connection:
                connection.request("POST", address.path, body, headers)
                return 200 <= connection.getresponse().status < 300
        except (OSError, ValueError, http.client.HTTPException) as error:
            log.info("callback of %s not delivered: %s", payment.out_trade_no[-6:], type(error).__name__)
            return False

    def message(self, payment: Payment, kind: str) -> tuple[bytes, dict[str, str]]:
        """A callback's body and headers, true or spoilt as `kind` says."""
        told = {
            "out_trade_no": payment.out_trade_no,
            "channel_txn": payment.txn,
            "state": "open" if kind == "opened" else "paid",
            "amount_minor": payment.amount_minor + (100 if kind == "wrong_amount" else 0),
            "currency": payment.currency,
            "paid_at": payment.paid_at,
        }
        body = json.dumps(told).encode()
        timestamp, nonce = str(int(time.time()) - (3600 if kind == "stale" else 0)), secrets.token_hex(8)
        signature = sign(self.secret if kind != "forged" else "somebody else's", timestamp, nonce, body)
        if kind == "altered":
            body = json.dumps(told | {"amount_minor": payment.amount_minor - 1}).encode()
        headers = {"Linli-Timestamp": timestamp, "Linli-Nonce": nonce, "Linli-Signature": signature, "Content-Type": "application/json"}
        return body, headers


class Handler(BaseHTTPRequestHandler):
    """Routes. Everything under /v1/ must be signed by the shop."""

    gateway: Gateway
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "LinliSandbox", ""

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/cashier.css":
            return self._send(200, pages.CSS.encode(), "text/css; charset=utf-8", {"Cache-Control": "max-age=3600"})
        if path == "/healthz":
            return self._json(200, {"ok": True})
        if path.startswith("/cashier/"):
            payment = self.gateway.book.by_token(path.removeprefix("/cashier/"))
            return self._page(200, pages.cashier(payment), payment) if payment else self._page(404, pages.missing())
        if path.startswith("/v1/"):
            return self._api("GET", path, b"")
        return self._page(404, pages.missing())

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if body is None:
            return self._json(413, {"error": "too long"})
        if path.startswith("/v1/"):
            return self._api("POST", path, body)
        parts = path.split("/")
        payment = self.gateway.book.by_token(parts[2]) if len(parts) == 4 and parts[1] == "cashier" else None
        if payment is None or parts[3] not in ("pay", "cancel"):
            return self._page(404, pages.missing())
        if parts[3] == "pay" and (paid := self.gateway.book.pay(payment.out_trade_no)) is not None:
            self.gateway.paid(paid)
        elif parts[3] == "pay" and payment.state == "closed":
            return self._send(303, b"", "text/plain", {"Location": f"/cashier/{payment.token}"})
        return self._send(303, b"", "text/plain", {"Location": payment.return_url})

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length") or "0"
        if not _SHORT.fullmatch(length) or int(length) > MOST_BODY:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _api(self, method: str, path: str, body: bytes) -> None:
        if not self._signed(method, path, body):
            return self._json(401, {"error": "signature"})
        try:
            asked = json.loads(body) if body else {}
            if not isinstance(asked, dict):
                raise ValueError("an object was expected")
            return self._answer(method, path.removeprefix("/v1/").split("/"), asked)
        except Conflict as conflict:
            return self._json(409, {"error": str(conflict)})
        except KeyError:
            return self._json(404, {"error": "not found"})
        except (ValueError, TypeError) as error:
            return self._json(400, {"error": str(error)[:100]})

    def _signed(self, method: str, path: str, body: bytes) -> bool:
        timestamp, nonce = self.headers.get("Linli-Timestamp", ""), self.headers.get("Linli-Nonce", "")
        right = sign(self.gateway.secret, timestamp, nonce, f"{method} {path}\n".encode() + body)
        given = self.headers.get("Linli-Signature", "")
        fresh = bool(_SHORT.fullmatch(timestamp)) and abs(time.time() - int(timestamp)) <= FRESH_S
        return fresh and hmac.compare_digest(right.encode(), given.encode())

    def _answer(self, method: str, parts: list[str], asked: dict[str, Any]) -> None:
        book = self.gateway.book
        match method, parts:
            case "POST", ["pay"]:
                payment = book.open(self._asked(asked))
                return self._json(200, _told(payment) | {"pay_url": f"{self.gateway.url}/cashier/{payment.token}"})
            case "GET", ["pay", number]:
                return self._payment(book.payment(number))
            case "POST", ["pay", number, "close"]:
                return self._payment(book.shut(number))
            case "POST", ["refund"]:
                state, ordinal = book.refund(_text(asked, "refund_no"), _text(asked, "out_trade_no"), _amount(asked))
                if self.gateway.mischief.loses_reply(ordinal):
                    self.close_connection = True  # it has happened, and nobody says so
                    self.connection.close()
                    return None
                return self._json(200, {"refund_no": asked["refund_no"], "state": state})
            case "GET", ["refund", number]:
                found = book.refund_state(number)
                return self._json(200, {"refund_no": number, "state": found}) if found else self._json(404, {"error": "not found"})
        return self._json(404, {"error": "not found"})

    def _asked(self, asked: dict[str, Any]) -> Payment:
        number = _text(asked, "out_trade_no")
        token = hmac.new(self.gateway.secret.encode(), f"cashier/{number}".encode(), hashlib.sha256).hexdigest()[:32]
        notify, back = str(asked["notify_url"]), str(asked["return_url"])
        if urlsplit(notify).scheme not in ("http", "https") or not urlsplit(notify).hostname:
            raise ValueError("notify_url")
        if urlsplit(back).scheme not in ("http", "https"):
            raise ValueError("return_url")
        title, currency = str(asked.get("title", ""))[:80], _text(asked, "currency")
        return Payment(number, _amount(asked), currency, title, back, notify, token, "open", "", None, None)

    def _payment(self, payment: Payment | None) -> None:
        self._json(200, _told(payment)) if payment else self._json(404, {"error": "not found"})

    def _page(self, status: int, html: bytes, payment: Payment | None = None) -> None:
        back = urlsplit(payment.return_url) if payment else None
        # Browsers judge the redirect after a form by form-action as well, so the way back has to be named.
        forms = f"'self' {back.scheme}://{back.netloc}" if back else "'self'"
        policy = f"default-src 'none'; style-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
        self._send(
            status,
            html,
            "text/html; charset=utf-8",
            {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"},
        )

    def _json(self, status: int, told: dict[str, Any]) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "X-Content-Type-Options": "nosniff"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _told(payment: Payment) -> dict[str, Any]:
    return {
        "out_trade_no": payment.out_trade_no,
        "state": payment.state,
        "channel_txn": payment.txn,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ValueError(name)
    return value


def _amount(asked: dict[str, Any]) -> int:
    value = asked.get("amount_minor")
    if type(value) is not int or value < 1:
        raise ValueError("amount_minor")
    return value
