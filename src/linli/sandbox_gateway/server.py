"""The gateway's HTTP server: three desks for the shop, the cashier for people, callbacks from a thread of its own."""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from linli.sandbox_gateway import alipay, cashier, keys, own, wechat
from linli.sandbox_gateway.book import Book, Callback, Payment
from linli.sandbox_gateway.mischief import PLANS, RETRIES_S, Mischief
from linli.sandbox_gateway.wire import Answer, Request

log = logging.getLogger(__name__)

MOST_BODY = 64 * 1024
_SHORT = re.compile(r"[0-9]{1,12}")


class Gateway:
    """A gateway that can be started and stopped; port 0 takes any free one (`url` says which).

    `clock` tells the seconds: with another than the machine's, nothing is called back until `tick` is.
    """

    def __init__(
        self,
        *,
        home: Path,
        secret: str,
        mischief: Mischief,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        bills_at_once: bool = False,
    ) -> None:
        self.book = Book(home / "gateway.sqlite3", clock)
        self.secret, self.mischief, self.clock = secret, mischief, clock
        self._wake, self._stopping, self._asked = threading.Event(), False, itertools.count(1)
        self._server = ThreadingHTTPServer((host, port), type("Bound", (Handler,), {"gateway": self}))
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        wechat_keys, alipay_keys = keys.make(home)
        at: Callable[[], str] = lambda: self.url  # noqa: E731
        self.wechat = wechat.Desk(self.book, wechat_keys, url=at, bills_at_once=bills_at_once)
        self.alipay = alipay.Desk(self.book, alipay_keys, url=at, bills_at_once=bills_at_once)
        self.own = own.Desk(self.book, secret, url=at, mischief=lambda: self.mischief)
        self.desks: dict[str, Any] = {desk.channel: desk for desk in (self.wechat, self.alipay, self.own)}
        self.carry = carry
        """How a callback travels; tests put another way in."""
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)]
        if clock is time.time:
            self._threads.append(threading.Thread(target=self._call_back, daemon=True))

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

    def handle(self, request: Request) -> Answer:
        """Ask the desk that a path belongs to; sometimes as badly as real ones answer."""
        desk: Any = next(d for d in self.desks.values() if d.owns(urlsplit(request.path).path))
        if desk is self.own:
            answer: Answer = desk.handle(request)
            return answer
        how = self.mischief.answer(next(self._asked))
        if how == "error":
            told = {"code": "SYSTEM_ERROR", "message": "系统异常，请用相同参数重新调用"}
            return Answer(
                500 if desk is self.wechat else 502, json.dumps(told, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
            )
        answer = desk.handle(request)
        self._wake.set()  # a refund may have queued its notification
        return Answer(answer.status, answer.body, answer.headers, how == "silent", self.mischief.late_s if how == "late" else 0.0)

    def pay(self, out_trade_no: str, *, anyway: bool = False) -> Payment | None:
        """The member pays; None when it isn't possible (any more)."""
        paid = self.book.pay(out_trade_no, anyway=anyway or self.mischief.pays_anyway(out_trade_no))
        if paid is not None:
            now = self.clock()
            for delivery in PLANS[self.mischief.plan(paid.ordinal or 0)]:
                self.book.call_later(paid.out_trade_no, delivery.kind, now + delivery.after_s)
            self._wake.set()
        return paid

    def tick(self) -> int:
        """Send what is due by the clock; returns how many callbacks that were."""
        due, _ = self.book.due(self.clock())
        for callback in due:
            self._deliver(callback)
        return len(due)

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
        answered = payment is not None and self._post(payment, callback)
        # Only the truth is repeated until it is heard.
        retries = RETRIES_S[payment.channel if payment else "sandbox"]
        again = callback.kind in ("true", "refund") and not answered and callback.tries < len(retries)
        self.book.called(callback, self.clock() + retries[callback.tries] if again else None)

    def _post(self, payment: Payment, callback: Callback) -> bool:
        refund = self.book.arrive(callback.refund_no) if callback.refund_no else None
        body, headers = self.message(payment, callback.kind, refund)
        status, told = self.carry((refund.notify_url if refund else "") or payment.notify_url, body, headers)
        return bool(self.desks[payment.channel].heard(status, told))

    def message(self, payment: Payment, kind: str, refund: Any = None) -> tuple[bytes, dict[str, str]]:
        """A callback's body and headers, true or spoilt as `kind` says."""
        made: tuple[bytes, dict[str, str]] = self.desks[payment.channel].message(payment, kind, refund)
        return made


class Handler(BaseHTTPRequestHandler):
    """Routes: the desks' own paths, the cashier, and the phone that scans a code."""

    gateway: Gateway
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "LinliSandbox", ""

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/cashier.css":
            return self._send(200, cashier.CSS.encode(), "text/css; charset=utf-8", {"Cache-Control": "max-age=3600"})
        if path == "/healthz":
            return self._json(200, {"ok": True})
        if path == "/scan":  # what a phone's camera would do with WeChat's code, or WeChat with a prepay id
            code = query.get("code", [""])[0]
            return self._send(303, b"", "text/plain", {"Location": f"/cashier/{_scanned(code)}?{urlsplit(self.path).query}"})
        if path.startswith("/cashier/"):
            payment, back = self.gateway.book.by_token(path.removeprefix("/cashier/")), _back(query.get("redirect_url", [""])[0])
            return self._page(200, cashier.cashier(payment, back), payment, back) if payment else self._page(404, cashier.missing())
        if any(desk.owns(path) for desk in self.gateway.desks.values()):
            return self._desk("GET", b"")
        return self._page(404, cashier.missing())

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if body is None:
            return self._json(413, {"error": "too long"})
        if any(desk.owns(path) for desk in self.gateway.desks.values()):
            return self._desk("POST", body)
        parts = path.split("/")
        payment = self.gateway.book.by_token(parts[2]) if len(parts) == 4 and parts[1] == "cashier" else None
        if payment is None or parts[3] not in ("pay", "cancel"):
            return self._page(404, cashier.missing())
        back = payment.return_url or _back(parse_qs(body.decode(errors="replace")).get("back", [""])[0])
        here = f"/cashier/{payment.token}"
        if parts[3] == "pay" and self.gateway.pay(payment.out_trade_no) is None and payment.state != "paid":
            return self._send(303, b"", "text/plain", {"Location": here})
        return self._send(303, b"", "text/plain", {"Location": back or here})

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length") or "0"
        if not _SHORT.fullmatch(length) or int(length) > MOST_BODY:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _desk(self, method: str, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.gateway.handle(Request(method, self.path, headers, body))
        if answer.late_s:
            time.sleep(answer.late_s)
        if answer.never:
            self.close_connection = True  # it has happened, and nobody says so
            self.connection.close()
            return
        kind = answer.headers.get("Content-Type", "text/plain")
        self._send(answer.status, answer.body, kind, {n: v for n, v in answer.headers.items() if n != "Content-Type"})

    def _page(self, status: int, html: bytes, payment: Payment | None = None, back: str = "") -> None:
        there = urlsplit((payment.return_url if payment else "") or back)
        # Browsers judge the redirect after a form by form-action as well, so the way back has to be named.
        forms = f"'self' {there.scheme}://{there.netloc}" if there.netloc else "'self'"
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
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _scanned(code: str) -> str:
    """The token in a code_url, or in a prepay id."""
    return re.sub(r"[^0-9a-f]", "", code.rpartition("pr=")[2].removeprefix("wx"))[:32]


def _back(address: str) -> str:
    """A shop's address on this machine; nothing else is sent on to."""
    parts = urlsplit(address)
    return address if parts.scheme in ("http", "https") and parts.hostname and re.fullmatch(r"[\w.:\[\]-]+", parts.netloc) else ""


def carry(address: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Post a callback; (status, answer), 0 when nobody answered."""
    parts = urlsplit(address)
    # An address that can't be called or an answer that is no HTTP is not delivered either: the one thread that
    # calls back must outlive it, or nobody hears of a payment again.
    try:
        kind_of = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(kind_of(parts.hostname or "", parts.port, timeout=5)) as connection:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(4096)
    except (OSError, ValueError, http.client.HTTPException) as error:
        log.info("a callback was not delivered: %s", type(error).__name__)
        return 0, b""
