"""python-alipay-sdk's signing and verifying, with a transport and a clock of ours.

The library asks by GET with the signature in the address, waits 15 seconds, stamps requests with the machine's local time
(Alipay means Beijing's), and loses count of braces inside texts when it looks for what is signed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import httpx
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError

from linli.kernel import clocks
from linli.trade.channels import DAY_ZONE, Declined, Unreachable
from linli.trade.channels.alipay.merchant import Merchant

PATIENCE = httpx.Timeout(4.0, connect=2.0)
UNSURE = ("SYSTEM_ERROR", "UNKNOW-ERROR", "UNKNOWN-ERROR", "SERVICE-UNAVAILABLE", "SYSTEM-ERROR")
"""Sub-codes after which nothing is known: ask again."""


class Client(AliPay):  # type: ignore[misc]  # the package ships no types
    """The library's client for one merchant."""

    def __init__(self, merchant: Merchant) -> None:
        super().__init__(
            merchant.appid,
            app_private_key_string=_pem(merchant.key, "RSA PRIVATE KEY"),
            alipay_public_key_string=_pem(merchant.public_key, "PUBLIC KEY"),
            sign_type="RSA2",
        )
        self._gateway = merchant.gateway

    def build_body(self, method: str, biz_content: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The request's fields, stamped in Beijing's time."""
        stamp = f"{clocks.machine_now().astimezone(DAY_ZONE):%Y-%m-%d %H:%M:%S}"
        body: dict[str, Any] = super().build_body(method, biz_content, **{k: v for k, v in more.items() if v})
        return body | {"timestamp": stamp}

    def address(self, method: str, content: dict[str, Any], **more: Any) -> str:
        """The signed address of a page at Alipay."""
        return f"{self._gateway}?{self.client_api(method, content, **more)}"

    def ask(self, method: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The verified answer. Raises Unreachable for silence and doubt, Declined (code: Alipay's sub-code) for a refusal."""
        signed = self.client_api(method, content, **more)
        try:
            # No proxy from the environment for a gateway on this machine.
            with httpx.Client(timeout=PATIENCE, trust_env=not self._gateway.startswith("http://")) as line:
                headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
                answer = line.post(self._gateway, content=signed.encode(), headers=headers)
        except httpx.HTTPError as error:
            raise Unreachable(f"alipay: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            raise Unreachable(f"alipay: {answer.status_code}")
        return self._judged(answer.text, method.replace(".", "_") + "_response")

    def _judged(self, raw: str, kind: str) -> dict[str, Any]:
        try:
            told = self._verify_and_return_sync_response(raw, kind)
        except AliPayException:
            told = _unsigned(raw)  # a refusal of the request itself comes without a signature: nothing happened
        except (AliPayValidationError, ValueError, TypeError, AttributeError) as error:
            raise Unreachable(f"alipay: {type(error).__name__}") from error
        if not isinstance(told, dict):
            raise Unreachable("alipay: no object")
        code, sub = str(told.get("code", "")), str(told.get("sub_code", ""))
        if code == "10000":
            return told
        if code in ("20000", "") or any(word in sub.upper() for word in UNSURE):
            raise Unreachable(f"alipay: {code} {sub}")
        raise Declined(f"alipay: {code} {sub} {str(told.get('sub_msg') or told.get('msg') or '')[:120]}", sub or code)

    def _get_string_to_be_signed(self, raw_string: str, response_type: str) -> str:
        """The answer's object as it came, found by reading JSON."""
        start = raw_string.index("{", raw_string.index(f'"{response_type}"'))
        return raw_string[start : json.JSONDecoder().raw_decode(raw_string, start)[1]]


def _unsigned(raw: str) -> Any:
    try:
        told = json.loads(raw)
    except ValueError:
        return None
    if "error_response" in told:
        return told["error_response"]
    found = next((value for name, value in told.items() if name.endswith("_response")), None)
    if isinstance(found, dict) and found.get("code") == "10000":
        raise Unreachable("alipay: good news without a signature")
    return found


def _pem(key: str, kind: str) -> str:
    """A key as PEM: Alipay's tool hands out the bare base64 of it."""
    if "-----BEGIN" in key:
        return key
    return f"-----BEGIN {kind}-----\n{key.strip()}\n-----END {kind}-----"


@lru_cache(maxsize=4)
def of(merchant: Merchant) -> Client:
    """The client of a merchant; keys are parsed once. Raises Declined for keys that are none."""
    try:
        return Client(merchant)
    except (ValueError, IndexError, TypeError) as error:
        raise Declined(f"alipay: {error}", "CONFIG") from error
