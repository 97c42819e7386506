"""What the gateway's desks have in common: an answer, Beijing's time, money in yuan."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BEIJING = ZoneInfo("Asia/Shanghai")
FEE_PPM = 6000
"""Both channels keep 0.6 %."""


@dataclass(frozen=True)
class Answer:
    """What a desk answers. `never`: it has happened, and nobody is told."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    never: bool = False
    late_s: float = 0.0


@dataclass(frozen=True)
class Request:
    """What a desk is asked; `path` with its query, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def sign(key: rsa.RSAPrivateKey, message: str) -> str:
    """SHA256 with RSA, base64."""
    return base64.b64encode(key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def verify(key: rsa.RSAPublicKey, message: str, signature: str) -> bool:
    """Whether the signature is the key's."""
    try:
        key.verify(base64.b64decode(signature), message.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def private(pem: str) -> rsa.RSAPrivateKey:
    """A private key."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public(pem: str) -> rsa.RSAPublicKey:
    """A public key."""
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def fee(amount_minor: int) -> int:
    """What the channel keeps, rounded half up."""
    return (amount_minor * FEE_PPM + 500_000) // 1_000_000


def yuan(amount_minor: int) -> str:
    """1234 as 12.34, -5 as -0.05."""
    sign_, amount = ("-", -amount_minor) if amount_minor < 0 else ("", amount_minor)
    return f"{sign_}{amount // 100}.{amount % 100:02d}"


def beijing(at: float) -> datetime:
    """A moment in Beijing."""
    return datetime.fromtimestamp(int(at), BEIJING)


def stamp(at: float) -> str:
    """A moment as Chinese bills write it."""
    return f"{beijing(at):%Y-%m-%d %H:%M:%S}"


def day_of(at: float) -> str:
    """The business day of a moment."""
    return f"{beijing(at):%Y-%m-%d}"
