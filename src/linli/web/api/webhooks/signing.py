"""Signatures by the Standard Webhooks specification (github.com/standard-webhooks): HMAC-SHA256 over id, timestamp and body.

A secret is derived from the shop's own and a number, so that a copy of the database signs nothing. Rotating counts the
number up; for a day both secrets sign, and the receiver accepts either.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from datetime import datetime

from django.conf import settings

MARK = "whsec_"


def secret(webhook_id: uuid.UUID, number: int) -> str:
    """The secret as the receiver keeps it: "whsec_" and 32 bytes in base64."""
    key = hmac.new(settings.SECRET_KEY.encode(), f"webhook/{webhook_id}/{number}".encode(), hashlib.sha256).digest()
    return MARK + base64.b64encode(key).decode()


def signature(held: str, message_id: str, timestamp: int, body: bytes) -> str:
    """ "v1," and the signature in base64."""
    key = base64.b64decode(held.removeprefix(MARK))
    told = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()


def headers(secrets: list[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a delivery; several secrets give several signatures."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(held, message_id, timestamp, body) for held in secrets),
    }
