"""Is a merchant's configuration fit for real money? Asked before going live, each finding with what to do."""

from __future__ import annotations

import re
import stat
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from linli.kernel import clocks
from linli.trade import channels
from linli.trade.channels import Check, alipay, merchants, wechat
from linli.trade.channels.alipay import client as alipay_client
from linli.trade.channels.alipay.merchant import NEEDED as ALIPAY_NEEDED
from linli.trade.channels.alipay.merchant import OPTIONAL as ALIPAY_OPTIONAL
from linli.trade.channels.alipay.merchant import loaded as alipay_loaded
from linli.trade.channels.wechat.merchant import NEEDED as WECHAT_NEEDED
from linli.trade.channels.wechat.merchant import OPTIONAL as WECHAT_OPTIONAL
from linli.trade.channels.wechat.merchant import loaded as wechat_loaded

_HEX = re.compile(r"[0-9A-F]{40}")
SKEW_S = 60
_READ: dict[str, tuple[Callable[[], wechat.Merchant | alipay.Merchant | None], tuple[str, ...]]] = {
    "wechat": (wechat_loaded, (*WECHAT_NEEDED, *WECHAT_OPTIONAL, "region")),
    "alipay": (alipay_loaded, (*ALIPAY_NEEDED, *ALIPAY_OPTIONAL, "region")),
}


def examine(channel: str) -> list[Check]:
    """Every check of a channel, in the order in which they are mended. Where one is bad, those that need it are skipped.

    A shop that still runs with the sandbox is never ready, whatever else is right. Raises KeyError for a channel that has
    nothing to set up.
    """
    return [*_examined(channel), _check("sandbox", not settings.SANDBOX)]


def _examined(channel: str) -> list[Check]:
    load, known = _READ[channel]
    try:
        found = load()
        missing = "" if found else f"LINLI_{channel.upper()}_*"
    except merchants.Incomplete as incomplete:
        found, missing = None, str(incomplete)
    checks = [_check("set_up", not missing, missing=missing)]
    names = merchants.unknown(channel, known)
    checks.append(_check("unknown", not names, names=", ".join(names)))
    if found is None:
        return checks
    checks += _on_paper(channel, found)
    if any(check.state == "bad" for check in checks):
        return [*checks, *(Check(code, "skipped") for code in ("query", "answer_signed", "permission"))]
    return [*checks, *_in_touch(channel, found.gateway), *_notify(channel)]


def _check(code: str, fine: bool, **facts: object) -> Check:
    return Check(code, "ok" if fine else "bad", {name: str(value) for name, value in facts.items()})


def _on_paper(channel: str, found: wechat.Merchant | alipay.Merchant) -> Iterator[Check]:
    """What can be seen without asking anybody."""
    right = r"wx[0-9a-f]{16}" if channel == "wechat" else r"[0-9]{16}"
    yield _check("app_id", bool(re.fullmatch(right, found.appid)), found=found.appid)
    private, said = _private(found.key)
    yield _check("key", private is not None and private.key_size >= 2048, found=said)
    public, said = _public(found.public_key)
    ours = private.public_key().public_numbers() if private else None
    theirs = public is not None and public.public_numbers() != ours
    yield _check("public_key", theirs, found=said if public is None else "the merchant's own" if not theirs else said)
    for name in ("KEY_FILE", "APIV3_KEY_FILE"):
        path = settings.MERCHANTS.get(f"LINLI_{channel.upper()}_{name}")
        if path and Path(path).exists():
            yield _check("key_file", not Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path=path)
    if isinstance(found, wechat.Merchant):
        yield _check("apiv3_key", len(found.apiv3_key) == 32 and found.apiv3_key.isascii(), found=len(found.apiv3_key))
        yield _check("serial", bool(_HEX.fullmatch(found.serial.upper())), found=found.serial)
        yield _check("public_key_id", found.public_key_id.startswith("PUB_KEY_ID_"), found=found.public_key_id)
        yield Check("jsapi", "ok" if found.app_secret else "skipped")


def _private(pem: str) -> tuple[rsa.RSAPrivateKey | None, str]:
    text = pem if "-----BEGIN" in pem else f"-----BEGIN RSA PRIVATE KEY-----\n{pem}\n-----END RSA PRIVATE KEY-----"
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError) as error:
        return None, type(error).__name__
    return (key, f"RSA {key.key_size}") if isinstance(key, rsa.RSAPrivateKey) else (None, type(key).__name__)


def _public(pem: str) -> tuple[rsa.RSAPublicKey | None, str]:
    text = pem if "-----BEGIN" in pem else f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----"
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, TypeError) as error:
        return None, type(error).__name__
    return (key, f"RSA {key.key_size}") if isinstance(key, rsa.RSAPublicKey) else (None, type(key).__name__)


def _in_touch(channel: str, gateway: str) -> Iterator[Check]:
    """What only the channel can say: a signed question about a payment that never was moves no money."""
    yield _clock(gateway)
    nothing = uuid.uuid4().hex
    yield from _asked("query", lambda: channels.adapter(channel).seen(nothing))
    if channel == "wechat":
        # A payment opened and closed at once, for one cent that nobody sees: refusals of the product show here, and the
        # first good answer, whose signature the library looks at (it doesn't at a refusal's).
        yield from _asked("permission", lambda: _open_and_close(channel))
    else:
        yield from _asked("permission", _alipay_bill)


def _alipay_bill() -> object:
    """Alipay tells of products that aren't signed when a page is opened by a browser; bills need the same contract."""
    found = alipay.merchant()
    assert found is not None
    content = {"bill_type": "trade", "bill_date": "2020-01-01"}
    try:
        return alipay_client.of(found).ask("alipay.data.dataservice.bill.downloadurl.query", content)
    except channels.Declined as declined:
        if declined.code.split(".")[0] in ("isv", "40006") and "bill" not in declined.code.lower():
            raise
        return None


def _open_and_close(channel: str) -> None:
    number = f"doctor{uuid.uuid4().hex[:24]}"
    ours = channels.adapter(channel)
    beside = settings.PUBLIC_URL or "https://example.com"
    ours.pay(channels.Asked(number, 1, "CNY", "linli pay doctor", beside, urljoin(beside, f"/api/pay/{channel}/notify"), "native"))
    ours.close(number)


def _asked(code: str, ask: Callable[[], object]) -> Iterator[Check]:
    """The finding, and beside it whether the answer was the channel's own: one whose signature is wrong says nothing."""
    try:
        ask()
    except channels.Declined as declined:
        yield _check(code, False, found=declined)
    except channels.Unreachable as silent:
        signed = not any(word in str(silent) for word in ("Exception", "ValidationError", "ValueError"))
        yield _check(code, False, found=silent) if signed else Check(code, "skipped")
        if not signed:
            yield _check("answer_signed", False, found=silent)
    else:
        yield _check(code, True)
        if code == "permission":
            yield _check("answer_signed", True)


def _clock(gateway: str) -> Check:
    """Signatures carry times: a machine whose clock is off is refused, and refuses."""
    try:
        with httpx.Client(timeout=4.0, trust_env=not gateway.startswith("http://")) as line:
            told = line.get(gateway).headers.get("date", "")
        theirs = parsedate_to_datetime(told).astimezone(UTC)
    except (httpx.HTTPError, ValueError, TypeError):
        return Check("clock", "skipped")
    off = abs((clocks.machine_now() - theirs).total_seconds())
    return _check("clock", off <= SKEW_S, seconds=round(off))


def _notify(channel: str) -> Iterator[Check]:
    """Whether the channel could reach us. A notice without a signature must be refused, which shows who answers there."""
    url = urljoin(settings.PUBLIC_URL, f"/api/pay/{channel}/notify") if settings.PUBLIC_URL else ""
    parts = urlsplit(url)
    local = parts.hostname in (None, "localhost", "127.0.0.1", "::1") or str(parts.hostname).startswith(("10.", "192.168."))
    yield _check("notify_https", parts.scheme == "https" and not local, url=url or "LINLI_PUBLIC_URL")
    if not url:
        yield Check("notify_reachable", "skipped")
        return
    try:
        with httpx.Client(timeout=6.0, trust_env=not local) as line:
            status = line.post(url, content=b"{}", headers={"Content-Type": "application/json"}).status_code
        yield _check("notify_reachable", status == httpx.codes.UNAUTHORIZED, url=url, found=status)
    except httpx.HTTPError as error:
        yield _check("notify_reachable", False, url=url, found=type(error).__name__)


def ready(checks: list[Check]) -> bool:
    """Whether nothing is bad."""
    return all(check.state != "bad" for check in checks)
