"""Alipay's desk: gateway.do as it is documented, RSA2 both ways.

https://opendocs.alipay.com/open/270/105898 (requests, errors, notifications, bills)
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from linli.sandbox_gateway import wire
from linli.sandbox_gateway.book import Book, Conflict, Payment, Refund
from linli.sandbox_gateway.keys import AlipayKeys
from linli.sandbox_gateway.wire import Answer, Request

HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,"
    "集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_RULE = "#-----------------------------------------业务明细列表{}----------------------------------------"


class Refused(Exception):
    """A business refusal: code 40004 with a sub-code, or one of the request itself."""

    def __init__(self, sub: str, says: str, code: str = "40004", msg: str = "Business Failed") -> None:
        super().__init__(sub)
        self.told = {"code": code, "msg": msg, "sub_code": sub, "sub_msg": says}


def canonical(fields: dict[str, str], *without: str) -> str:
    """What is signed: the fields in order, without the signature."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name not in ("sign", *without) and value != "")


class Desk:
    """The platform for one application. `bills_at_once` as at WeChat's desk."""

    channel = "alipay"

    def __init__(self, book: Book, keys: AlipayKeys, *, url: Callable[[], str], bills_at_once: bool = False) -> None:
        self.book, self.keys, self.url, self.bills_at_once = book, keys, url, bills_at_once
        self._key, self._merchant = wire.private(keys.platform_key), wire.public(keys.merchant_public)

    def owns(self, path: str) -> bool:
        """Whether a path is this desk's."""
        return path in ("/gateway.do", "/bill/alipay")

    def handle(self, request: Request) -> Answer:
        """Answer a request; pages send the browser on to the cashier."""
        parts = urlsplit(request.path)
        if parts.path == "/bill/alipay":
            return self._file(dict(parse_qsl(parts.query)))
        fields = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)) | dict(
            parse_qsl(parts.query, keep_blank_values=True)
        )
        method = fields.get("method", "")
        name = method.replace(".", "_") + "_response"
        try:
            if fields.get("app_id") != self.keys.appid:
                raise Refused("isv.invalid-app-id", "无效的AppID参数", "40002", "Invalid Arguments")
            if fields.get("sign_type") != "RSA2" or not wire.verify(self._merchant, canonical(fields), fields.get("sign", "")):
                raise Refused("isv.invalid-signature", "无效签名", "40002", "Invalid Arguments")
            content = json.loads(fields.get("biz_content", "{}"))
            if not isinstance(content, dict):
                raise ValueError("biz_content")
            if method in ("alipay.trade.wap.pay", "alipay.trade.page.pay"):
                there = self._opened(content, fields, "wap" if "wap" in method else "page")
                return Answer(302, b"", {"Location": f"{self.url()}/cashier/{there.token}"})
            told = {"code": "10000", "msg": "Success", **self._answer(method, content, fields)}
        except Refused as refused:
            told = refused.told
        except ValueError:
            told = Refused("isv.invalid-parameter", "参数无效", "40002", "Invalid Arguments").told
        inner = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        signature = wire.sign(self._key, inner)
        return Answer(200, f'{{"{name}":{inner},"sign":"{signature}"}}'.encode(), {"Content-Type": "text/html;charset=utf-8"})

    def _answer(self, method: str, content: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
        match method:
            case "alipay.trade.precreate":
                return {"out_trade_no": content["out_trade_no"], "qr_code": self._precreated(content, fields)}
            case "alipay.trade.query":
                return self._told(self._payment(content))
            case "alipay.trade.close":
                return self._close(self._payment(content))
            case "alipay.trade.refund":
                return self._refund(content)
            case "alipay.trade.fastpay.refund.query":
                return self._refund_query(content)
            case "alipay.data.dataservice.bill.downloadurl.query":
                return self._bill(content)
        raise Refused("isv.invalid-method", "不存在的方法名", "40002", "Invalid Arguments")

    def _asked(self, content: dict[str, Any], fields: dict[str, str], method: str) -> Payment:
        number, subject = content.get("out_trade_no"), content.get("subject")
        if not isinstance(number, str) or not 0 < len(number) <= 64 or not isinstance(subject, str) or not 0 < len(subject) <= 256:
            raise ValueError("out_trade_no, subject")
        if any(c in subject for c in "/=&"):
            raise Refused("ACQ.INVALID_PARAMETER", "subject 不能有 / = &")
        whole, _, cents = str(content.get("total_amount", "")).partition(".")
        if not whole.isdigit() or not (cents.isdigit() and len(cents) == 2) or int(whole + cents) < 1:
            raise Refused("ACQ.INVALID_PARAMETER", "total_amount")
        expires = None
        if content.get("time_expire"):
            expires = int(datetime.strptime(content["time_expire"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=wire.BEIJING).timestamp())
            if expires < self.book.clock():
                raise Refused("ACQ.TRADE_HAS_CLOSE", "交易已经超时关闭")
        return Payment(
            number, int(whole + cents), str(content.get("trans_currency", "CNY")), subject, fields.get("return_url", ""),
            fields.get("notify_url", ""), self._token(number),
            channel=self.channel, method=method, payer="2088000000000099", expires_at=expires,
        )  # fmt: skip

    def _token(self, number: str) -> str:
        """A cashier's address that nobody guesses from the number."""
        return hashlib.sha256(f"{self.keys.platform_key}/{number}".encode()).hexdigest()[:32]

    def _opened(self, content: dict[str, Any], fields: dict[str, str], method: str) -> Payment:
        """A payment begins when the member's browser arrives; not before."""
        try:
            return self.book.open(self._asked(content, fields, method))
        except Conflict:
            raise Refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改") from None

    def _precreated(self, content: dict[str, Any], fields: dict[str, str]) -> str:
        """The code's address. Alipay would wait for the scan; here the payment begins at once, since nothing else holds it."""
        return f"{self.url()}/cashier/{self._opened(content, fields, 'qr').token}"

    def _payment(self, content: dict[str, Any]) -> Payment:
        found = self.book.payment(str(content.get("out_trade_no", "")))
        if found is None or found.channel != self.channel:
            raise Refused("ACQ.TRADE_NOT_EXIST", "交易不存在")
        return found

    def _told(self, p: Payment) -> dict[str, Any]:
        gone = sum(r.amount_minor for r in self.book.refunds_of(p.out_trade_no))
        state = {"open": "WAIT_BUYER_PAY", "closed": "TRADE_CLOSED"}.get(p.state) or (
            "TRADE_CLOSED" if gone == p.amount_minor else "TRADE_SUCCESS"
        )
        told = {
            "out_trade_no": p.out_trade_no,
            "trade_no": p.txn or f"20261122{p.token[:20]}",
            "trade_status": state,
            "total_amount": wire.yuan(p.amount_minor),
            "buyer_logon_id": "lin***@sandbox.com",
            "buyer_user_id": p.payer,
            "receipt_amount": wire.yuan(p.amount_minor if p.state == "paid" else 0),
            "buyer_pay_amount": wire.yuan(p.amount_minor if p.state == "paid" else 0),
        }
        if p.currency != "CNY":
            told["trans_currency"] = p.currency
        return told | ({"send_pay_date": wire.stamp(p.paid_at)} if p.paid_at else {})

    def _close(self, p: Payment) -> dict[str, Any]:
        if p.state != "open":
            raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        self.book.shut(p.out_trade_no)
        return {"out_trade_no": p.out_trade_no, "trade_no": self._told(p)["trade_no"]}

    def _refund(self, content: dict[str, Any]) -> dict[str, Any]:
        p = self._payment(content)
        number, amount = str(content.get("out_request_no") or p.out_trade_no), str(content.get("refund_amount", "")).replace(".", "")
        if not amount.isdigit():
            raise Refused("ACQ.INVALID_PARAMETER", "refund_amount")
        try:
            made, _, new = self.book.refund(number, p.out_trade_no, int(amount), notify_url=p.notify_url)
        except KeyError:
            raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法") from None
        except Conflict as conflict:
            sub = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL" if "more" in str(conflict) else "ACQ.DISCORDANT_REPEAT_REQUEST"
            raise Refused(sub, str(conflict)) from None
        if new and p.notify_url:
            self.book.call_later(p.out_trade_no, "refund", self.book.clock() + 0.5, number)
        gone = sum(r.amount_minor for r in self.book.refunds_of(p.out_trade_no))
        told = {"out_trade_no": p.out_trade_no, "trade_no": p.txn, "refund_fee": wire.yuan(gone), "fund_change": "Y" if new else "N"}
        return told | {"buyer_logon_id": "lin***@sandbox.com", "gmt_refund_pay": wire.stamp(made.created_at)}

    def _refund_query(self, content: dict[str, Any]) -> dict[str, Any]:
        p = self._payment(content)
        found = self.book.refunded(str(content.get("out_request_no", "")))
        if found is None or found.out_trade_no != p.out_trade_no:
            return {}  # Alipay answers success with nothing in it
        return {
            "trade_no": p.txn,
            "out_trade_no": p.out_trade_no,
            "out_request_no": found.refund_no,
            "total_amount": wire.yuan(p.amount_minor),
            "refund_amount": wire.yuan(found.amount_minor),
            "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": wire.stamp(found.created_at),
        }

    # ---- notifications

    def message(self, p: Payment, kind: str, refund: Refund | None = None) -> tuple[bytes, dict[str, str]]:
        """A notification's body and headers, true or spoilt as `kind` says."""
        now = self.book.clock() - (3600 if kind == "stale" else 0)
        told = {
            **{name: str(value) for name, value in self._told(p).items() if name != "send_pay_date"},
            "notify_time": wire.stamp(now),
            "notify_type": "trade_status_sync",
            "notify_id": hashlib.sha256(f"{p.out_trade_no}{kind}".encode()).hexdigest()[:34],
            "app_id": self.keys.appid if kind != "elsewhere" else "2021999999999999",
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": "RSA2",
            "seller_id": self.keys.seller_id,
            "subject": p.title,
            "gmt_create": wire.stamp(p.created_at),
            "gmt_payment": wire.stamp(p.paid_at or 0),
        }
        if refund is None:
            told["trade_status"] = "WAIT_BUYER_PAY" if kind == "opened" else "TRADE_SUCCESS"
        else:
            told |= {
                "refund_fee": wire.yuan(refund.amount_minor),
                "gmt_refund": wire.stamp(refund.created_at),
                "out_biz_no": refund.refund_no,
            }
        if kind == "wrong_amount":
            told["total_amount"] = wire.yuan(p.amount_minor + 100)
        key = self._key
        if kind in ("forged", "probe"):
            from cryptography.hazmat.primitives.asymmetric import rsa

            key = rsa.generate_private_key(65537, 2048)
        told["sign"] = wire.sign(key, canonical(told, "sign_type"))
        if kind == "altered":
            told["total_amount"] = wire.yuan(p.amount_minor - 1)
        return urlencode(told).encode(), {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

    def heard(self, status: int, body: bytes) -> bool:
        """Whether the shop's answer means that it understood."""
        return status == 200 and body.strip() == b"success"

    # ---- bills

    def _bill(self, content: dict[str, Any]) -> dict[str, Any]:
        day = datetime.strptime(str(content.get("bill_date", "")), "%Y-%m-%d").replace(tzinfo=wire.BEIJING)
        early = not self.bills_at_once and self.book.clock() < (day + timedelta(days=1, hours=9)).timestamp()
        if early or self.details(day) is None:
            raise Refused("isp.bill_not_exist", "账单不存在")
        return {"bill_download_url": f"{self.url()}/bill/alipay?day={day:%Y-%m-%d}&fileType=csv.zip"}

    def _file(self, query: dict[str, str]) -> Answer:
        day = datetime.strptime(query.get("day", "2000-01-01"), "%Y-%m-%d").replace(tzinfo=wire.BEIJING)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as box:
            name = f"{self.keys.seller_id}0156_{day:%Y%m%d}_业务明细"
            box.writestr(f"{name}(汇总).csv", "#支付宝业务汇总查询\r\n".encode("gb18030"))
            box.writestr(f"{name}.csv", self.details(day) or b"")
        return Answer(200, packed.getvalue(), {"Content-Type": "application/zip"})

    def details(self, day: datetime) -> bytes | None:
        """The day's lines; None when nothing was paid or given back."""
        paid, back = self.book.bill(self.channel, day.timestamp(), (day + timedelta(days=1)).timestamp())
        if not paid and not back:
            return None
        y = wire.yuan
        rows = [_row(p, "交易", p.paid_at or 0, p.amount_minor, "", -p.fee_minor) for p in paid]
        rows += [_row(p, "退款", r.created_at, -r.amount_minor, r.refund_no, r.fee_minor) for r, p in back]
        total, gone = sum(p.amount_minor for p in paid), sum(r.amount_minor for r, _ in back)
        last = day + timedelta(days=1)
        lines = [
            "#支付宝业务明细查询",
            f"#账号：[{self.keys.seller_id}0156]",
            f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{last:%Y年%m月%d日} 00:00:00]",
            _RULE.format(""),
            HEAD,
            *rows,
            _RULE.format("结束"),
            f"#交易合计：{len(paid)}笔，商家实收共{y(total)}元，商家优惠共0.00元",
            f"#退款合计：{len(back)}笔，商家实收退款共-{y(gone)}元，商家优惠退款共0.00元",
            f"#导出时间：[{wire.beijing(self.book.clock()):%Y年%m月%d日 %H:%M:%S}]",
        ]
        return ("\r\n".join(lines) + "\r\n").encode("gb18030")


def _row(p: Payment, kind: str, at: int, amount: int, request: str, fee: int) -> str:
    y = wire.yuan
    title = p.title.replace(",", " ").replace("\n", " ")
    return (
        f"{p.txn}\t,{p.out_trade_no}\t,{kind}\t,{title},{wire.stamp(p.created_at)},{wire.stamp(at)},\t,\t,\t,\t,*邻(lin***@sandbox.com)\t,"
        f"{y(amount)},{y(amount)},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,{request}\t,{y(fee)},0.00,"
    )
