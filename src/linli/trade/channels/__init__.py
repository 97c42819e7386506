"""Payment channels, a folder each. Every one can be asked: answers get lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Unreachable(Exception):
    """No answer: it may or may not have happened. Ask again."""


class Declined(Exception):
    """The channel said no, for good."""


@dataclass(frozen=True)
class Seen:
    """A payment as the channel sees it: open, paid, closed."""

    state: str
    channel_txn: str
    amount_minor: int
    currency: str


class Channel(Protocol):
    """What a channel must be able to do. Everything raises Unreachable; what changes something raises Declined too."""

    name: str

    def pay(self, out_trade_no: str, amount_minor: int, currency: str, title: str, return_url: str, notify_url: str) -> str:
        """Open a payment and return the cashier's address; the same number again gives the same payment."""
        ...

    def seen(self, out_trade_no: str) -> Seen | None:
        """What the channel knows of a payment; None when it has never heard of it."""
        ...

    def close(self, out_trade_no: str) -> Seen | None:
        """Let it not be paid any more, unless it is; returns what it is now."""
        ...

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int) -> str:
        """Pay back; returns succeeded, failed or unknown. The same number again pays nothing twice."""
        ...

    def refund_state(self, refund_no: str) -> str | None:
        """succeeded, failed, or None when the channel has never heard of it."""
        ...

    def genuine(self, body: bytes, timestamp: str, nonce: str, signature: str) -> bool:
        """Whether a notification was signed by the channel."""
        ...


def of(name: str) -> Channel:
    """The channel of that name. Raises KeyError."""
    from linli.trade.channels.sandbox import Sandbox

    return {"sandbox": Sandbox}[name]()
