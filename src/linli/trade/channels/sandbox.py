"""The sandbox gateway over HTTP: JSON bodies, each signed with HMAC-SHA256 over timestamp, nonce and body."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.trade.channels import Asked, Bill, Declined, News, Notification, Seen, Unreachable, Way, fresh, text

PATIENCE_S = 4.0


def sign(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a message, 64 hex characters."""
    return hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n".encode() + body, hashlib.sha256).hexdigest()


class Sandbox:
    """The gateway at settings.GATEWAY_URL, whose secret is settings.GATEWAY_SECRET."""

    name = "sandbox"

    def pay(self, asked: Asked) -> Way:
        told = {
            "out_trade_no": asked.out_trade_no,
            "amount_minor": asked.amount_minor,
            "currency": asked.currency,
            "title": asked.title,
            "return_url": asked.return_url,
            "notify_url": asked.notify_url,
        }
        answer = self._post("/v1/pay", told)
        return _shaped(lambda: Way("redirect", str(answer["pay_url"])))

    def seen(self, out_trade_no: str) -> Seen | None:
        return _seen(self._call("GET", f"/v1/pay/{out_trade_no}"))

    def close(self, out_trade_no: str) -> Seen | None:
        return _seen(self._call("POST", f"/v1/pay/{out_trade_no}/close", {}))

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        asked = {"refund_no": refund_no, "out_trade_no": out_trade_no, "amount_minor": amount_minor}
        answer = self._post("/v1/refund", asked)
        return _shaped(lambda: str(answer["state"]))

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        found = self._call("GET", f"/v1/refund/{refund_no}")
        return None if found is None else _shaped(lambda: str(found["state"]))

    def hear(self, notification: Notification) -> News:
        right = sign(settings.GATEWAY_SECRET, notification.timestamp, notification.nonce, notification.body)
        if not hmac.compare_digest(right.encode(), notification.signature.encode()):
            raise Refusal("trade.bad_signature")
        try:
            sent_at = datetime.fromtimestamp(int(notification.timestamp), UTC)
            told = json.loads(notification.body)
        except (ValueError, OverflowError, OSError):
            raise Refusal("trade.bad_notification") from None
        fresh(sent_at)
        if not isinstance(told, dict):
            raise Refusal("trade.bad_notification")
        if told.get("state") != "paid":
            return News("nothing")
        amount = told.get("amount_minor")
        if type(amount) is not int:
            raise Refusal("trade.bad_notification")
        seen = Seen("paid", text(told, "channel_txn"), amount, text(told, "currency"))
        return News("payment", text(told, "out_trade_no"), seen)

    def bill(self, day: date) -> Bill:
        raise Unreachable("the sandbox's own cashier makes no bills")

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._call("POST", path, body)
        if answer is None:
            raise Declined(f"{path}: not found")
        return answer

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer's JSON; None for 404. Raises Unreachable for silence and 5xx, Declined for other refusals."""
        import httpx

        content = json.dumps(body).encode() if body is not None else b""
        timestamp, nonce = str(int(clocks.machine_now().timestamp())), secrets.token_hex(8)
        headers = {
            "Content-Type": "application/json",
            "Linli-Timestamp": timestamp,
            "Linli-Nonce": nonce,
            "Linli-Signature": sign(settings.GATEWAY_SECRET, timestamp, nonce, f"{method} {path}\n".encode() + content),
        }
        try:
            # No proxy from the environment: the gateway is on this machine.
            with httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
                answer = client.request(method, settings.GATEWAY_URL + path, content=content, headers=headers)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise Unreachable(f"{path}: {answer.status_code}")
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{path}: {type(error).__name__}") from error
        if not isinstance(told, dict):
            raise Unreachable(f"{path}: no object")
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise Declined(str(told.get("error", answer.status_code)))
        return told


def _seen(told: dict[str, Any] | None) -> Seen | None:
    if told is None:
        return None
    return _shaped(lambda: Seen(str(told["state"]), str(told.get("channel_txn") or ""), int(told["amount_minor"]), str(told["currency"])))


def _shaped[T](read: Callable[[], T]) -> T:
    """What `read` finds in an answer. One of another shape (something else listens there) is no answer: Unreachable."""
    try:
        return read()
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"an answer of another shape: {error!r}") from error
