"""WeChat Pay's desk: APIv3 as it is documented, in public-key mode.

https://pay.weixin.qq.com/doc/v3/merchant/4012062524 (requests, signatures, errors, notifications, bills)
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linli.sandbox_gateway import wire
from linli.sandbox_gateway.book import Book, Conflict, Payment, Refund
from linli.sandbox_gateway.keys import WeChatKeys
from linli.sandbox_gateway.wire import Answer, Request

SCHEME = "WECHATPAY2-SHA256-RSA2048"
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_HEAD = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
FUND_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
_NO_REFUND = ["0", "0", "0.00", "0.00", "", ""]


class Refused(Exception):
    """An error of the documented form: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class Desk:
    """The platform for one merchant. `bills_at_once`: bills of a day that isn't over (a demo cannot wait until ten tomorrow)."""

    channel = "wechat"
    refund_s = 2.0
    """How long money takes to arrive back."""

    def __init__(self, book: Book, keys: WeChatKeys, *, url: Callable[[], str], bills_at_once: bool = False) -> None:
        self.book, self.keys, self.url, self.bills_at_once = book, keys, url, bills_at_once
        self._key, self._merchant = wire.private(keys.platform_key), wire.public(keys.merchant_public)

    def owns(self, path: str) -> bool:
        """Whether a path is this desk's."""
        return path.startswith(("/v3/", "/sns/oauth2/", "/connect/oauth2/"))

    def handle(self, request: Request) -> Answer:
        """Answer a signed request, and sign the answer."""
        path = urlsplit(request.path).path
        if not path.startswith("/v3/"):
            return self._who(request, path)
        try:
            self._admitted(request)
            if path.startswith("/v3/billdownload/"):
                return self._file(request)
            return self._signed(*self._answer(request))
        except Refused as refused:
            return self._signed(refused.status, {"code": refused.code, "message": refused.message})

    def _who(self, request: Request, path: str) -> Answer:
        """The official account's page authorization: there and back with a code, and the openid for the code."""
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(request.path).query or request.body.decode(errors="replace")).items()
        }
        if path == "/connect/oauth2/authorize":
            back = asked.get("redirect_uri", "")
            if asked.get("appid") != self.keys.appid or urlsplit(back).scheme not in ("http", "https"):
                return Answer(400, "redirect_uri 参数错误".encode(), {"Content-Type": "text/plain; charset=utf-8"})
            more = urlencode({"code": secrets.token_hex(16), "state": asked.get("state", "")})
            return Answer(302, b"", {"Location": f"{back}{'&' if '?' in back else '?'}{more}"})
        known = (asked.get("appid"), asked.get("secret")) == (self.keys.appid, self.keys.app_secret) and len(asked.get("code", "")) == 32
        told = (
            {"openid": f"oSandbox{asked['code'][:20]}", "scope": "snsapi_base"} if known else {"errcode": 40029, "errmsg": "invalid code"}
        )
        return Answer(200, json.dumps(told).encode(), {"Content-Type": "text/plain"})

    def _signed(self, status: int, told: dict[str, Any] | None) -> Answer:
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")) if told is not None else ""
        headers = {
            **self._marks(body, int(self.book.clock())),
            "Content-Type": "application/json; charset=utf-8",
            "Request-ID": secrets.token_hex(16),
        }
        return Answer(status, body.encode(), headers)

    def _marks(self, body: str, at: int, *, key: Any = None) -> dict[str, str]:
        nonce = secrets.token_hex(16)
        return {
            "Wechatpay-Timestamp": str(at),
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.keys.public_key_id,
            "Wechatpay-Signature": wire.sign(key or self._key, f"{at}\n{nonce}\n{body}\n"),
            "Wechatpay-Signature-Type": SCHEME,
        }

    def _admitted(self, request: Request) -> None:
        """Judge the Authorization header."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        said = dict(_FIELD.findall(rest))
        at = said.get("timestamp", "")
        message = f"{request.method}\n{request.path}\n{at}\n{said.get('nonce_str', '')}\n{request.body.decode(errors='replace')}\n"
        fresh = at.isascii() and at.isdigit() and len(at) < 12 and abs(self.book.clock() - int(at)) <= 300
        ours = said.get("mchid") == self.keys.mchid and said.get("serial_no") == self.keys.serial
        if scheme != SCHEME or not ours or not fresh or not wire.verify(self._merchant, message, said.get("signature", "")):
            raise Refused(401, "SIGN_ERROR", "签名错误，请检查后再试")

    def _answer(self, request: Request) -> tuple[int, dict[str, Any] | None]:
        parts = urlsplit(request.path)
        asked: dict[str, Any] = {}
        if request.body:
            try:
                asked = json.loads(request.body)
            except ValueError:
                raise Refused(400, "PARAM_ERROR", "请求体不是 JSON") from None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match request.method, parts.path.removeprefix("/v3/").split("/"):
            case "POST", ["pay", "transactions", "jsapi" | "h5" | "native" as method]:
                return 200, self._open(method, asked)
            case "GET", ["pay", "transactions", "out-trade-no", number]:
                return 200, self._told(self._payment(number, query.get("mchid")))
            case "POST", ["pay", "transactions", "out-trade-no", number, "close"]:
                return self._close(self._payment(number, asked.get("mchid")))
            case "POST", ["refund", "domestic", "refunds"]:
                return 200, self._refund(asked)
            case "GET", ["refund", "domestic", "refunds", number]:
                found = self.book.refunded(number)
                if found is None:
                    raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
                return 200, self._told_refund(found)
            case "GET", ["bill", "tradebill" | "fundflowbill" as kind]:
                return 200, self._bill(kind, query)
        raise Refused(404, "RESOURCE_NOT_EXISTS", "没有这个接口")

    def _payment(self, number: str, mchid: Any) -> Payment:
        if mchid != self.keys.mchid:
            raise Refused(400, "MCH_NOT_EXISTS", "商户号不存在")
        found = self.book.payment(number)
        if found is None or found.channel != self.channel:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return found

    def _open(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        number, amount, description = asked.get("out_trade_no"), asked.get("amount"), asked.get("description")
        if (asked.get("appid"), asked.get("mchid")) != (self.keys.appid, self.keys.mchid):
            raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid 与 mchid 不匹配")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            raise Refused(400, "PARAM_ERROR", "out_trade_no")
        if not isinstance(amount, dict) or type(amount.get("total")) is not int or amount["total"] < 1:
            raise Refused(400, "PARAM_ERROR", "amount.total")
        if not isinstance(description, str) or not 0 < len(description.encode()) <= 127:
            raise Refused(400, "PARAM_ERROR", "description")
        notify = urlsplit(str(asked.get("notify_url", "")))
        if notify.scheme not in ("http", "https") or not notify.hostname or notify.query:
            raise Refused(400, "PARAM_ERROR", "notify_url")
        payer = (asked.get("payer") or {}).get("openid", "")
        scene = asked.get("scene_info") or {}
        if method == "jsapi" and not payer:
            raise Refused(400, "PARAM_ERROR", "payer.openid")
        if method == "h5" and not (scene.get("payer_client_ip") and (scene.get("h5_info") or {}).get("type")):
            raise Refused(400, "PARAM_ERROR", "scene_info")
        try:
            expires = int(datetime.fromisoformat(asked["time_expire"]).timestamp()) if asked.get("time_expire") else None
        except (TypeError, ValueError):
            raise Refused(400, "PARAM_ERROR", "time_expire") from None
        made = Payment(
            number, amount["total"], str(amount.get("currency", "CNY")), description, "", asked["notify_url"],
            hashlib.sha256(f"{self.keys.app_secret}/{number}".encode()).hexdigest()[:32],
            channel=self.channel, method=method, payer=payer or "oSandboxMember", expires_at=expires,
        )  # fmt: skip
        try:
            there = self.book.open(made)
        except Conflict:
            raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复") from None
        if there.state == "closed":
            raise Refused(400, "ORDER_CLOSED", "订单已关闭")
        if there.state == "paid":
            raise Refused(400, "INVALID_REQUEST", "该订单已支付")
        if method == "jsapi":
            return {"prepay_id": f"wx{there.token}"}
        if method == "h5":
            return {"h5_url": f"{self.url()}/cashier/{there.token}?prepay_id=wx{there.token[:12]}"}
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={there.token}"}

    def _told(self, p: Payment) -> dict[str, Any]:
        """A payment as query and notification tell it."""
        back = self.book.refunds_of(p.out_trade_no)
        state = {"open": "NOTPAY", "closed": "CLOSED"}.get(p.state) or ("REFUND" if back else "SUCCESS")
        words = {"NOTPAY": "订单未支付", "CLOSED": "订单已关闭", "REFUND": "订单发生过退款，退款详情请查询退款单"}
        told: dict[str, Any] = {
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "out_trade_no": p.out_trade_no,
            "trade_state": state,
            "trade_state_desc": words.get(state, "支付成功"),
            "attach": "",
            "amount": {"total": p.amount_minor, "currency": p.currency},
        }
        if p.state == "paid":
            told |= {
                "transaction_id": p.txn,
                "trade_type": {"h5": "MWEB"}.get(p.method, p.method.upper()),
                "bank_type": "OTHERS",
                "success_time": wire.beijing(p.paid_at or 0).isoformat(),
                "payer": {"openid": p.payer},
            }
            told["amount"] |= {"payer_total": p.amount_minor, "payer_currency": p.currency}
        return told

    def _close(self, p: Payment) -> tuple[int, None]:
        if p.state == "paid":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if p.state == "closed":
            raise Refused(400, "ORDER_CLOSED", "订单已关闭")
        self.book.shut(p.out_trade_no)
        return 204, None

    def _refund(self, asked: dict[str, Any]) -> dict[str, Any]:
        amount = asked.get("amount") or {}
        number, of = asked.get("out_refund_no"), self.book.payment(str(asked.get("out_trade_no", "")))
        if not isinstance(number, str) or not _NUMBER.fullmatch(number) or type(amount.get("refund")) is not int:
            raise Refused(400, "PARAM_ERROR", "out_refund_no")
        if of is None or of.channel != self.channel:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        if (amount.get("total"), amount.get("currency")) != (of.amount_minor, of.currency):
            raise Refused(400, "INVALID_REQUEST", "订单金额或币种与原订单不一致")
        try:
            made, _, new = self.book.refund(number, of.out_trade_no, amount["refund"], state="processing", notify_url=of.notify_url)
        except KeyError:
            raise Refused(400, "INVALID_REQUEST", "订单未支付") from None
        except Conflict:
            raise Refused(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额，或退款单号已用于别的退款") from None
        if new:
            self.book.call_later(of.out_trade_no, "refund", self.book.clock() + self.refund_s, number)
        return self._told_refund(made)

    def _told_refund(self, r: Refund) -> dict[str, Any]:
        p = self.book.payment(r.out_trade_no)
        assert p is not None
        told = {
            "refund_id": r.txn,
            "out_refund_no": r.refund_no,
            "transaction_id": p.txn,
            "out_trade_no": r.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": wire.beijing(r.created_at).isoformat(),
            "status": "SUCCESS" if r.state == "succeeded" else "PROCESSING",
            "amount": {
                "total": p.amount_minor, "refund": r.amount_minor, "payer_total": p.amount_minor, "payer_refund": r.amount_minor,
                "settlement_refund": r.amount_minor, "settlement_total": p.amount_minor, "discount_refund": 0, "currency": p.currency,
            },
        }  # fmt: skip
        return told | ({"success_time": wire.beijing(r.done_at).isoformat()} if r.done_at else {})

    # ---- notifications

    def message(self, p: Payment, kind: str, refund: Refund | None = None) -> tuple[bytes, dict[str, str]]:
        """A notification's body and headers, true or spoilt as `kind` says."""
        now = int(self.book.clock()) - (3600 if kind == "stale" else 0)
        told = self._told(p)
        told["trade_state"] = "SUCCESS"
        if kind == "opened":
            told["trade_state"] = "USERPAYING"
        if kind == "wrong_amount":
            told["amount"] = {**told["amount"], "total": p.amount_minor + 100}
        if kind == "elsewhere":
            told["mchid"] = "1999999999"
        event, original, says = "TRANSACTION.SUCCESS", "transaction", "支付成功"
        if refund is not None:
            told = {k: v for k, v in self._told_refund(refund).items() if k not in ("status", "channel", "create_time")}
            told |= {"mchid": self.keys.mchid, "refund_status": "SUCCESS"}
            event, original, says = "REFUND.SUCCESS", "refund", "退款成功"
        body = json.dumps(
            {
                "id": f"EV-{secrets.token_hex(12)}",
                "create_time": wire.beijing(self.book.clock()).isoformat(),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": says,
                "resource": self._sealed(told, original),
            },
            ensure_ascii=False,
        )
        key = None
        if kind == "forged":
            from cryptography.hazmat.primitives.asymmetric import rsa

            key = rsa.generate_private_key(65537, 2048)
        headers = {**self._marks(body, now, key=key), "Content-Type": "application/json"}
        if kind == "altered":
            body = body.replace(says, says + "。")
        if kind == "probe":  # WeChat sends such signatures to see who looks at them
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + base64.b64encode(secrets.token_bytes(192)).decode()
        return body.encode(), headers

    def _sealed(self, told: dict[str, Any], original: str) -> dict[str, str]:
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.keys.apiv3_key.encode()).encrypt(nonce.encode(), json.dumps(told).encode(), original.encode())
        return {
            "original_type": original,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": original,
            "nonce": nonce,
        }

    def heard(self, status: int, body: bytes) -> bool:
        """Whether the shop's answer means that it understood."""
        return status in (200, 204)

    # ---- bills

    def _bill(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            day = datetime.strptime(query.get("bill_date", ""), "%Y-%m-%d").replace(tzinfo=wire.BEIJING)
        except ValueError:
            raise Refused(400, "PARAM_ERROR", "bill_date") from None
        ready = day + timedelta(days=1, hours=10)
        if not self.bills_at_once and self.book.clock() < ready.timestamp():
            raise Refused(400, "STATEMENT_CREATING", "账单生成中")
        raw = self.trade_bill(day) if kind == "tradebill" else self.fund_bill(day)
        if raw is None:
            raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        token = f"{kind}|{query['bill_date']}|{query.get('tar_type', '')}"
        hidden = base64.urlsafe_b64encode(token.encode()).decode()
        return {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
            "download_url": f"{self.url()}/v3/billdownload/file?token={hidden}",
        }

    def _file(self, request: Request) -> Answer:
        token = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        kind, day, tar = base64.urlsafe_b64decode(token).decode().split("|")
        at = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=wire.BEIJING)
        raw = (self.trade_bill(at) if kind == "tradebill" else self.fund_bill(at)) or b""
        packed = gzip.compress(raw) if tar == "GZIP" else raw
        return Answer(200, packed, {"Content-Type": "application/octet-stream"})

    def _of_day(self, day: datetime) -> tuple[list[Payment], list[tuple[Refund, Payment]]]:
        return self.book.bill(self.channel, day.timestamp(), (day + timedelta(days=1)).timestamp())

    def trade_bill(self, day: datetime) -> bytes | None:
        """The day's trade bill; None when nothing was paid or given back."""
        paid, back = self._of_day(day)
        if not paid and not back:
            return None
        y = wire.yuan
        rows = [
            self._row(p, p.paid_at or 0, "SUCCESS", y(p.amount_minor), _NO_REFUND, p.fee_minor, y(p.amount_minor), "0.00") for p in paid
        ]
        for r, p in back:
            state = "SUCCESS" if r.state == "succeeded" else "PROCESSING"
            refund = [r.txn, r.refund_no, y(r.amount_minor), "0.00", "ORIGINAL", state]
            rows.append(self._row(p, r.created_at, "REFUND", "0.00", refund, -r.fee_minor, "0.00", y(r.amount_minor)))
        total, gone = sum(p.amount_minor for p in paid), sum(r.amount_minor for r, _ in back)
        fees = sum(p.fee_minor for p in paid) - sum(r.fee_minor for r, _ in back)
        sums = [str(len(rows)), y(total), y(gone), "0.00", f"{y(fees)}000", y(total), y(gone)]
        return _csv(TRADE_HEAD, rows, TRADE_SUMS, sums)

    def _row(self, p: Payment, at: int, state: str, settled: str, refund: list[str], fee: int, total: str, back: str) -> list[str]:
        keys, kind = self.keys, {"h5": "MWEB"}.get(p.method, p.method.upper())
        head = [wire.stamp(at), keys.appid, keys.mchid, "0", "", p.txn, p.out_trade_no, p.payer, kind, state, "OTHERS", p.currency]
        title = p.title.replace(",", " ").replace("\n", " ")
        return [*head, settled, "0.00", *refund, title, "", f"{wire.yuan(fee)}000", "0.60%", total, back, ""]

    def fund_bill(self, day: datetime) -> bytes | None:
        """The day's movements of the account, fees as lines of their own; None without any."""
        paid, back = self._of_day(day)
        if not paid and not back:
            return None
        moves = []
        for p in paid:
            moves.append((p.paid_at or 0, p.txn, "交易", "交易", p.amount_minor, p.out_trade_no))
            if p.fee_minor:
                moves.append((p.paid_at or 0, p.txn, "扣除交易手续费", "扣除交易手续费", -p.fee_minor, p.out_trade_no))
        for r, _ in back:
            moves.append((r.created_at, r.txn, "退款", "退款", r.fee_minor - r.amount_minor, r.refund_no))
        rows, balance = [], 0
        for n, (at, txn, name, kind, amount, voucher) in enumerate(sorted(moves, key=lambda m: m[0])):
            balance += amount
            way = "收入" if amount > 0 else "支出"
            rows.append(
                [
                    wire.stamp(at),
                    txn,
                    f"{txn}{n:04d}"[-28:],
                    name,
                    kind,
                    way,
                    wire.yuan(abs(amount)),
                    wire.yuan(balance),
                    "system",
                    "",
                    voucher,
                ]
            )
        came, went = [m[4] for m in moves if m[4] > 0], [-m[4] for m in moves if m[4] < 0]
        return _csv(
            FUND_HEAD, rows, FUND_SUMS, [str(len(rows)), str(len(came)), wire.yuan(sum(came)), str(len(went)), wire.yuan(sum(went))]
        )


def _csv(head: str, rows: list[list[str]], sums_head: str, sums: list[str]) -> bytes:
    lines = [head, *(",".join(f"`{cell}" for cell in row) for row in rows), sums_head, ",".join(f"`{cell}" for cell in sums)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()
