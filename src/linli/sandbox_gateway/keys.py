"""Who is who in the sandbox: keys made once, in files that only their owner reads.

`sandbox-wechat.json` and `sandbox-alipay.json` are what a merchant has in hand; the platforms' own secrets stay beside them.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class WeChatKeys:
    """WeChat Pay's side: the platform's key, the merchant's public key and what both share."""

    appid: str
    mchid: str
    serial: str
    merchant_public: str
    apiv3_key: str
    public_key_id: str
    platform_key: str
    app_secret: str


@dataclass(frozen=True)
class AlipayKeys:
    """Alipay's side."""

    appid: str
    seller_id: str
    merchant_public: str
    platform_key: str


def make(home: Path) -> tuple[WeChatKeys, AlipayKeys]:
    """Both platforms' keys; made, with the merchant's half, where they aren't there yet."""
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return WeChatKeys(**_kept(folder, "wechat", _wechat)), AlipayKeys(**_kept(folder, "alipay", _alipay))


def _kept(folder: Path, name: str, fresh: object) -> dict[str, str]:
    platform, merchant = folder / f"sandbox-{name}-platform.json", folder / f"sandbox-{name}.json"
    if not (platform.exists() and merchant.exists()):
        theirs, ours = fresh()  # type: ignore[operator]
        _write(platform, theirs)
        _write(merchant, ours)
    return dict(json.loads(platform.read_text()))


def _write(path: Path, values: dict[str, str]) -> None:
    beside = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        json.dump(values, f)
    beside.replace(path)


def _pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _wechat() -> tuple[dict[str, str], dict[str, str]]:
    (merchant, merchant_public), (platform, platform_public) = _pair(), _pair()
    shared = {
        "appid": "wx" + secrets.token_hex(8),
        "mchid": "1900000001",
        "serial": secrets.token_hex(20).upper(),
        "apiv3_key": secrets.token_hex(16),
        "public_key_id": f"PUB_KEY_ID_{secrets.token_hex(15).upper()}",
        "app_secret": secrets.token_hex(16),
    }
    theirs = asdict(WeChatKeys(merchant_public=merchant_public, platform_key=platform, **shared))
    return theirs, {**shared, "key": merchant, "public_key": platform_public, "gateway": "", "open_gateway": ""}


def _alipay() -> tuple[dict[str, str], dict[str, str]]:
    (merchant, merchant_public), (platform, platform_public) = _pair(), _pair()
    shared = {"appid": "2021000000000001", "seller_id": "2088000000000001"}
    theirs = asdict(AlipayKeys(merchant_public=merchant_public, platform_key=platform, **shared))
    return theirs, {**shared, "key": merchant, "public_key": platform_public, "gateway": ""}
