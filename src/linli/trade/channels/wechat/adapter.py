"""WeChat Pay through the wechatpayv3 library; what the library leaves open is closed here.

It logs nothing of ours, takes no proxy on loopback, never fetches certificates because a forger named a strange serial,
and a failed signature of an answer means that nothing is known yet: Unreachable, ask again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from wechatpayv3 import SignType, WeChatPay, WeChatPayType

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.trade.channels import DAY_ZONE, Asked, Bill, Declined, News, Notification, Seen, Unreachable, Way, fresh, text
from linli.trade.channels.wechat import bills
from linli.trade.channels.wechat.merchant import Merchant

PATIENCE_S = (2.0, 4.0)
"""For the connection, and for the answer."""

SIGNATURE = "WECHATPAY2-SHA256-RSA2048"
MISSING = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"}
STATES = {"SUCCESS": "paid", "REFUND": "paid", "NOTPAY": "open", "USERPAYING": "open", "PAYERROR": "open", "ACCEPT": "open"}
"""Of a payment; CLOSED and REVOKED are closed. PAYERROR can be tried again by the member, so it is open."""

REFUNDS = {"SUCCESS": "succeeded", "PROCESSING": "unknown", "CLOSED": "failed", "ABNORMAL": "failed"}
KINDS = {"jsapi": WeChatPayType.JSAPI, "h5": WeChatPayType.H5, "native": WeChatPayType.NATIVE}
_OK = range(200, 300)


@lru_cache(maxsize=4)
def client(merchant: Merchant) -> WeChatPay:
    """The library's client; keys are parsed once a merchant. Raises Declined for keys that are none."""
    local = {"http": "", "https": ""} if merchant.gateway.startswith("http://") else None
    try:
        found = WeChatPay(
            WeChatPayType.NATIVE,
            merchant.mchid,
            merchant.key,
            merchant.serial,
            merchant.appid,
            merchant.apiv3_key,
            public_key=merchant.public_key,
            public_key_id=merchant.public_key_id,
            timeout=PATIENCE_S,
            proxy=local,
        )
    except Exception as error:  # the library raises bare ones
        raise Declined(f"wechat: {error}", "CONFIG") from error
    found._core._gate_way = merchant.gateway.rstrip("/")
    return found


class WeChat:
    """WeChat Pay for one merchant."""

    name = "wechat"

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    def pay(self, asked: Asked) -> Way:
        amount = {"total": asked.amount_minor, "currency": asked.currency}
        more: dict[str, Any] = {"pay_type": KINDS[asked.method or "native"]}
        if asked.expires_at is not None:
            more["time_expire"] = asked.expires_at.astimezone(DAY_ZONE).isoformat(timespec="seconds")
        if asked.method == "jsapi":
            more["payer"] = {"openid": asked.payer}
        if asked.method == "h5":
            more["scene_info"] = {"payer_client_ip": asked.client_ip or "127.0.0.1", "h5_info": {"type": "Wap"}}
        told = self._told(
            lambda c: c.pay(
                description=_short(asked.title), out_trade_no=asked.out_trade_no, amount=amount, notify_url=asked.notify_url, **more
            )
        )
        if asked.method == "jsapi":
            return Way("bridge", _field(told, "prepay_id"))
        if asked.method == "h5":
            return Way("redirect", _back_to(_field(told, "h5_url"), asked.return_url))
        return Way("code", _field(told, "code_url"))

    def bridge(self, prepay_id: str) -> dict[str, str]:
        """What WeixinJSBridge.getBrandWCPayRequest takes, signed now."""
        at, nonce = (
            str(int(clocks.machine_now().timestamp())),
            hashlib.sha256(f"{prepay_id}{clocks.machine_now()}".encode()).hexdigest()[:32],
        )
        package = f"prepay_id={prepay_id}"
        signed = client(self.merchant).sign([self.merchant.appid, at, nonce, package], SignType.RSA_SHA256)
        return {
            "appId": self.merchant.appid,
            "timeStamp": at,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": str(signed),
        }

    def seen(self, out_trade_no: str) -> Seen | None:
        try:
            return _seen(self._told(lambda c: c.query(out_trade_no=out_trade_no)))
        except Declined as declined:
            if declined.code in MISSING:
                return None
            raise

    def close(self, out_trade_no: str) -> Seen | None:
        with suppress(Declined):  # paid, closed or unknown already: the query says which
            self._told(lambda c: c.close(out_trade_no))
        seen = self.seen(out_trade_no)
        if seen is not None and seen.state == "open":
            raise Unreachable("wechat: a closed payment still shows open")
        return seen

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        if not total_minor:
            paid = self.seen(out_trade_no)
            if paid is None or paid.state != "paid":
                raise Declined("wechat: there is no such payment", "ORDER_NOT_EXIST")
            total_minor, currency = paid.amount_minor, paid.currency
        amount = {"refund": amount_minor, "total": total_minor, "currency": currency}
        told = self._told(lambda c: c.refund(out_refund_no=refund_no, amount=amount, out_trade_no=out_trade_no))
        return _refund(told)

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        try:
            return _refund(self._told(lambda c: c.query_refund(refund_no)))
        except Declined as declined:
            if declined.code in MISSING:
                return None
            raise

    def hear(self, notification: Notification) -> News:
        told = self._opened(notification)
        kind, resource = told.get("event_type"), told["resource"]
        if kind in ("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"):
            self._ours(resource, ("mchid",))
            return News("refund", text(resource, "out_trade_no"), refund_no=text(resource, "out_refund_no"))
        if kind != "TRANSACTION.SUCCESS":
            return News("nothing")
        self._ours(resource, ("mchid", "appid"))
        try:
            seen = _seen(resource)
        except Unreachable:
            raise Refusal("trade.bad_notification") from None
        if seen.state == "paid":
            text(resource, "transaction_id")
        return News("payment", text(resource, "out_trade_no"), seen)

    def _opened(self, notification: Notification) -> dict[str, Any]:
        """The notification verified, fresh and decrypted."""
        if notification.serial != self.merchant.public_key_id:  # a strange serial would make the library fetch certificates
            raise Refusal("trade.bad_signature")
        headers = {
            "Wechatpay-Signature": notification.signature,
            "Wechatpay-Timestamp": notification.timestamp,
            "Wechatpay-Nonce": notification.nonce,
            "Wechatpay-Serial": notification.serial,
            "Wechatpay-Signature-Type": SIGNATURE,
        }
        core = client(self.merchant)._core
        try:
            body = notification.body.decode()
            genuine = core._verify_signature(headers, body)
        except Exception:
            genuine = False
        if not genuine:
            raise Refusal("trade.bad_signature")
        if not re.fullmatch(r"[0-9]{1,12}", notification.timestamp):
            raise Refusal("trade.bad_notification")
        fresh(datetime.fromtimestamp(int(notification.timestamp), UTC))
        try:
            told = client(self.merchant).callback(headers, body)
        except Exception:
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("resource"), dict):
            raise Refusal("trade.bad_notification")
        return told

    def _ours(self, resource: dict[str, Any], names: tuple[str, ...]) -> None:
        """A genuine notice about another merchant's money is none of ours."""
        if any(name in resource and resource[name] != getattr(self.merchant, name) for name in names):
            raise Refusal("trade.bad_notification")

    def bill(self, day: date) -> Bill:
        try:
            told = self._told(lambda c: c.trade_bill(f"{day:%Y-%m-%d}"))
        except Declined as declined:
            if declined.code == "NO_STATEMENT_EXIST":
                return Bill(day, (), exists=False)
            if declined.code == "STATEMENT_CREATING":
                raise Unreachable("wechat: the bill is being made") from None
            raise
        return bills.trade(day, self._file(told))

    def funds(self, day: date) -> bills.Funds:
        """What the account took in and gave out that day, by its own bill. Raises Unreachable, Declined."""
        return bills.funds(self._file(self._told(lambda c: c.fundflow_bill(f"{day:%Y-%m-%d}"))))

    def _file(self, told: dict[str, Any]) -> bytes:
        address = _field(told, "download_url")
        status, content = self._call(lambda c: c.download_bill(address))
        if status not in _OK:
            raise Unreachable(f"wechat: bill download {status}")
        raw = content if isinstance(content, bytes) else str(content).encode()
        if raw[:2] == b"\x1f\x8b":
            try:
                raw = gzip.decompress(raw)
            except (OSError, EOFError) as error:
                raise Unreachable("wechat: a broken bill") from error
        digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        if told.get("hash_type") == "SHA1" and told.get("hash_value") != digest:
            raise Unreachable("wechat: a bill that isn't what was announced")
        return raw

    def _told(self, ask: Callable[[WeChatPay], tuple[int, Any]]) -> dict[str, Any]:
        """The answer's object. Raises Unreachable for silence, 429 and 5xx, Declined for other refusals."""
        status, content = self._call(ask)
        try:
            told = json.loads(content) if content else {}
        except ValueError as error:
            raise Unreachable(f"wechat: {status}, no JSON") from error
        if not isinstance(told, dict):
            raise Unreachable(f"wechat: {status}, no object")
        if status in _OK:
            return told
        code = str(told.get("code", status))
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable(f"wechat: {status} {code}")
        raise Declined(f"wechat: {code} {str(told.get('message', ''))[:120]}", code)

    def _call(self, ask: Callable[[WeChatPay], tuple[int, Any]]) -> tuple[int, Any]:
        try:
            return ask(client(self.merchant))
        except Declined:
            raise
        except Exception as error:  # a broken line, or an answer whose signature is none: either way nothing is known
            raise Unreachable(f"wechat: {type(error).__name__}") from error


def _short(title: str) -> str:
    """At most 127 bytes, which is what the description may have."""
    return title.encode()[:120].decode(errors="ignore") or "邻里"


def _back_to(address: str, return_url: str) -> str:
    from urllib.parse import quote

    return f"{address}{'&' if '?' in address else '?'}redirect_url={quote(return_url, safe='')}"


def _field(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise Unreachable(f"wechat: an answer without {name}")
    return value


def _seen(told: dict[str, Any]) -> Seen:
    try:
        amount = told.get("amount") or {}
        total, state = amount.get("total", 0), STATES.get(str(told["trade_state"]), "closed")
        if type(total) is not int or (state == "paid" and not told.get("transaction_id")):
            raise ValueError("amount")
        at = datetime.fromisoformat(told["success_time"]) if told.get("success_time") else None
        return Seen(state, str(told.get("transaction_id") or ""), total, str(amount.get("currency", "CNY")), at)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreachable(f"wechat: an answer of another shape: {error!r}") from error


def _refund(told: dict[str, Any]) -> str:
    return REFUNDS.get(str(told.get("status")), "unknown")
