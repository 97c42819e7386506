"""The sandbox's own small API: signed JSON over HMAC-SHA256, for a shop that only wants to see a payment happen."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from linli.sandbox_gateway.book import Book, Conflict, Payment, Refund
from linli.sandbox_gateway.mischief import Mischief
from linli.sandbox_gateway.wire import Answer, Request

FRESH_S = 300
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHORT = re.compile(r"[0-9]{1,12}")
"""A number in a header. Wider texts pass str.isdigit ("²") and break int(), or are numbers too large for a clock."""


def sign(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, nonce and body, 64 hex characters."""
    return hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


class Desk:
    """Everything under /v1/, which must be signed by the shop."""

    channel = "sandbox"

    def __init__(self, book: Book, secret: str, *, url: Callable[[], str], mischief: Callable[[], Mischief]) -> None:
        self.book, self.secret, self.url, self.mischief = book, secret, url, mischief

    def owns(self, path: str) -> bool:
        """Whether a path is this desk's."""
        return path.startswith("/v1/")

    def handle(self, request: Request) -> Answer:
        """Answer a signed request."""
        path = urlsplit(request.path).path
        if not self._signed(request, path):
            return _json(401, {"error": "signature"})
        try:
            asked = json.loads(request.body) if request.body else {}
            if not isinstance(asked, dict):
                raise ValueError("an object was expected")
            return self._answer(request.method, path.removeprefix("/v1/").split("/"), asked)
        except Conflict as conflict:
            return _json(409, {"error": str(conflict)})
        except KeyError:
            return _json(404, {"error": "not found"})
        except (ValueError, TypeError) as error:
            return _json(400, {"error": str(error)[:100]})

    def _signed(self, request: Request, path: str) -> bool:
        timestamp, nonce = request.headers.get("linli-timestamp", ""), request.headers.get("linli-nonce", "")
        right = sign(self.secret, timestamp, nonce, f"{request.method} {path}\n".encode() + request.body)
        given = request.headers.get("linli-signature", "")
        fresh = bool(_SHORT.fullmatch(timestamp)) and abs(self.book.clock() - int(timestamp)) <= FRESH_S
        return fresh and hmac.compare_digest(right.encode(), given.encode())

    def _answer(self, method: str, parts: list[str], asked: dict[str, Any]) -> Answer:
        book = self.book
        match method, parts:
            case "POST", ["pay"]:
                payment = book.open(self._asked(asked))
                return _json(200, _told(payment) | {"pay_url": f"{self.url()}/cashier/{payment.token}"})
            case "GET", ["pay", number]:
                return _payment(book.payment(number))
            case "POST", ["pay", number, "close"]:
                return _payment(book.shut(number))
            case "POST", ["refund"]:
                made, ordinal, _ = book.refund(_text(asked, "refund_no"), _text(asked, "out_trade_no"), _amount(asked))
                return _json(200, {"refund_no": made.refund_no, "state": made.state}, never=self.mischief().loses_reply(ordinal))
            case "GET", ["refund", number]:
                found = book.refunded(number)
                return _json(200, {"refund_no": number, "state": found.state}) if found else _json(404, {"error": "not found"})
        return _json(404, {"error": "not found"})

    def _asked(self, asked: dict[str, Any]) -> Payment:
        number = _text(asked, "out_trade_no")
        token = hmac.new(self.secret.encode(), f"cashier/{number}".encode(), hashlib.sha256).hexdigest()[:32]
        notify, back = str(asked["notify_url"]), str(asked["return_url"])
        if urlsplit(notify).scheme not in ("http", "https") or not urlsplit(notify).hostname:
            raise ValueError("notify_url")
        if urlsplit(back).scheme not in ("http", "https"):
            raise ValueError("return_url")
        title, currency = str(asked.get("title", ""))[:80], _text(asked, "currency")
        return Payment(number, _amount(asked), currency, title, back, notify, token)

    def message(self, p: Payment, kind: str, refund: Refund | None = None) -> tuple[bytes, dict[str, str]]:
        """A callback's body and headers, true or spoilt as `kind` says."""
        told = _told(p) | {
            "state": "open" if kind == "opened" else "paid",
            "amount_minor": p.amount_minor + (100 if kind == "wrong_amount" else 0),
            "paid_at": p.paid_at,
        }
        if kind == "elsewhere":
            told["out_trade_no"] = "somebody-elses"
        body = json.dumps(told).encode()
        timestamp, nonce = str(int(self.book.clock()) - (3600 if kind == "stale" else 0)), secrets.token_hex(8)
        signature = sign(self.secret if kind not in ("forged", "probe") else "somebody else's", timestamp, nonce, body)
        if kind == "altered":
            body = json.dumps(told | {"amount_minor": p.amount_minor - 1}).encode()
        headers = {"Linli-Timestamp": timestamp, "Linli-Nonce": nonce, "Linli-Signature": signature, "Content-Type": "application/json"}
        return body, headers

    def heard(self, status: int, body: bytes) -> bool:
        """Whether the shop's answer means that it understood."""
        return 200 <= status < 300


def _json(status: int, told: dict[str, Any], *, never: bool = False) -> Answer:
    return Answer(status, json.dumps(told).encode(), {"Content-Type": "application/json"}, never)


def _payment(payment: Payment | None) -> Answer:
    return _json(200, _told(payment)) if payment else _json(404, {"error": "not found"})


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
