"""Alipay as a channel.

A payment exists at Alipay only once the member has opened it: until then the query knows nothing of it, it can't be closed,
and its address stays good until `time_expire`. Whoever pays with an address left open is told the truth later: unwanted
money goes back by itself.
"""

from __future__ import annotations

import binascii
import io
import zipfile
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

from linli.kernel.refusals import Refusal
from linli.trade.channels import DAY_ZONE, Asked, Bill, Declined, News, Notification, Seen, Unreachable, Way, fresh, text
from linli.trade.channels.alipay import bills, client
from linli.trade.channels.alipay.merchant import Merchant
from linli.trade.channels.merchants import minor, plain

MISSING = "ACQ.TRADE_NOT_EXIST"
STATES = {"TRADE_SUCCESS": "paid", "TRADE_FINISHED": "paid", "WAIT_BUYER_PAY": "open"}
PRODUCTS = {"wap": "QUICK_WAP_WAY", "page": "FAST_INSTANT_TRADE_PAY"}
MOST_BILL = 200 * 1024 * 1024


class Alipay:
    """Alipay for one merchant."""

    name = "alipay"

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    def pay(self, asked: Asked) -> Way:
        content: dict[str, Any] = {
            "out_trade_no": asked.out_trade_no,
            "total_amount": plain(asked.amount_minor),
            "subject": _clean(asked.title),
        }
        if asked.currency != "CNY":  # the sandbox's own: a domestic account takes CNY alone
            content["trans_currency"] = asked.currency
        if asked.expires_at is not None:
            content["time_expire"] = f"{asked.expires_at.astimezone(DAY_ZONE):%Y-%m-%d %H:%M:%S}"
        ours = client.of(self.merchant)
        if asked.method == "qr":
            told = ours.ask("alipay.trade.precreate", content, notify_url=asked.notify_url)
            code = told.get("qr_code")
            if not isinstance(code, str) or not code:
                raise Unreachable("alipay: an answer without qr_code")
            return Way("code", code)
        method = asked.method or "page"
        content["product_code"] = PRODUCTS[method]
        if method == "wap":
            content["quit_url"] = asked.return_url
        return Way(
            "redirect",
            ours.address(f"alipay.trade.{method}.pay", content, return_url=asked.return_url, notify_url=asked.notify_url),
        )

    def seen(self, out_trade_no: str) -> Seen | None:
        try:
            return _seen(client.of(self.merchant).ask("alipay.trade.query", {"out_trade_no": out_trade_no}))
        except Declined as declined:
            if declined.code == MISSING:
                return None
            raise

    def close(self, out_trade_no: str) -> Seen | None:
        try:
            client.of(self.merchant).ask("alipay.trade.close", {"out_trade_no": out_trade_no})
        except Declined as declined:
            if declined.code == MISSING:
                return None
        seen = self.seen(out_trade_no)
        if seen is not None and seen.state == "open":
            raise Unreachable("alipay: a closed payment still shows open")
        return seen

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        content = {"out_trade_no": out_trade_no, "refund_amount": plain(amount_minor), "out_request_no": refund_no}
        told = client.of(self.merchant).ask("alipay.trade.refund", content)
        if told.get("fund_change") == "Y":
            return "succeeded"
        return self.refund_state(refund_no, out_trade_no) or "unknown"  # N: nothing moved by this request, perhaps by an earlier one

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        content = {"out_trade_no": out_trade_no, "out_request_no": refund_no}
        try:
            told = client.of(self.merchant).ask("alipay.trade.fastpay.refund.query", content)
        except Declined as declined:
            if declined.code == MISSING:
                return None
            raise
        if told.get("refund_status") == "REFUND_SUCCESS":
            return "succeeded"
        # Nothing but the head of an answer means that no such refund was asked for.
        return "unknown" if told.get("refund_amount") or told.get("refund_status") else None

    def hear(self, notification: Notification) -> News:
        told = self._opened(notification)
        if told.get("app_id") != self.merchant.appid or (self.merchant.seller_id and told.get("seller_id") != self.merchant.seller_id):
            raise Refusal("trade.bad_notification")
        number = text(told, "out_trade_no")
        if told.get("refund_fee") or told.get("out_biz_no"):
            return News("refund", number, refund_no=text(told, "out_biz_no"))
        if STATES.get(str(told.get("trade_status"))) != "paid":
            return News("nothing", number)
        text(told, "trade_no")
        try:
            return News("payment", number, _seen(told))
        except Unreachable:
            raise Refusal("trade.bad_notification") from None

    def _opened(self, notification: Notification) -> dict[str, Any]:
        """The notification verified and fresh."""
        try:
            told: dict[str, Any] = dict(parse_qsl(notification.body.decode(), keep_blank_values=True, max_num_fields=100))
            signature = told.pop("sign", "")
            genuine = told.get("sign_type") == "RSA2" and client.of(self.merchant).verify(dict(told), signature)
        except (ValueError, TypeError, binascii.Error):
            raise Refusal("trade.bad_signature") from None
        if not genuine:
            raise Refusal("trade.bad_signature")
        try:
            fresh(_moment(told["notify_time"]))
        except (KeyError, ValueError):
            raise Refusal("trade.bad_notification") from None
        return told

    def bill(self, day: date) -> Bill:
        try:
            return bills.trade(day, self._file(day, "trade"))
        except Declined as declined:
            if "BILL_NOT_EXIST" in declined.code.upper():
                return Bill(day, (), exists=False)
            raise

    def _file(self, day: date, kind: str) -> bytes:
        """The details of a day's bill, unpacked."""
        asked = {"bill_type": kind, "bill_date": f"{day:%Y-%m-%d}"}
        told = client.of(self.merchant).ask("alipay.data.dataservice.bill.downloadurl.query", asked)
        address = str(told.get("bill_download_url") or "")
        try:
            with httpx.Client(timeout=30, trust_env=not address.startswith("http://"), follow_redirects=True) as line:
                answer = line.get(address)
            answer.raise_for_status()
            with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
                for found in packed.infolist():
                    raw = packed.read(found) if found.file_size <= MOST_BILL else b""
                    if bills.is_details(raw):
                        return raw
        except (httpx.HTTPError, httpx.InvalidURL, zipfile.BadZipFile, OSError) as error:
            raise Unreachable(f"alipay: bill download: {type(error).__name__}") from error
        raise Unreachable("alipay: a bill without details")


def _clean(title: str) -> str:
    """Without the characters that a subject may not have."""
    return "".join(" " if c in "/=&{}\"'\\<>" else c for c in title)[:120] or "邻里"


def _moment(told: str) -> datetime:
    return datetime.strptime(told[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=DAY_ZONE)


def _seen(told: dict[str, Any]) -> Seen:
    """A query's answer or a notification. Raises Unreachable for one of another shape."""
    try:
        state = STATES.get(str(told["trade_status"]), "closed")
        paid = told.get("gmt_payment") or told.get("send_pay_date")
        at = _moment(str(paid)) if paid else None
        number = str(told.get("trade_no") or "")
        return Seen(state, number, minor(str(told["total_amount"])), str(told.get("trans_currency") or "CNY"), at)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"alipay: an answer of another shape: {error!r}") from error
