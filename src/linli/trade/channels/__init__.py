"""Payment channels, a folder each. Every one can be asked: answers get lost.

Whoever speaks to a channel gets it from `of`, behind its breaker (`breaker.py`). What an operator has set up is in
`offered`; which of a channel's methods fits a browser is decided in `rules.paying`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from linli.kernel import clocks
from linli.kernel.refusals import Refusal

DAY_ZONE = ZoneInfo("Asia/Shanghai")
"""The channels' business day, whatever the region's time zone: their bills are cut at midnight in Beijing."""

FRESH = timedelta(minutes=5)
"""How old a notification may be: an older one is a replay, and whatever it told can be asked for."""


class Unreachable(Exception):
    """No answer: it may or may not have happened. Ask again."""


class Declined(Exception):
    """The channel said no, for good. `code` is the channel's own."""

    def __init__(self, told: str, code: str = "") -> None:
        super().__init__(told)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """A payment to be opened. `method` is one of the channel's; `payer` is who the channel knows the member as (JSAPI)."""

    out_trade_no: str
    amount_minor: int
    currency: str
    title: str
    return_url: str
    notify_url: str
    method: str = ""
    payer: str = ""
    client_ip: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Way:
    """How the member pays. kind: redirect (to the address `target`), code (a QR code of it), bridge (WeChat's own script)."""

    kind: str
    target: str


@dataclass(frozen=True)
class Seen:
    """A payment as the channel sees it: open, paid, closed. `paid_at` is the channel's time of payment, when it says."""

    state: str
    channel_txn: str
    amount_minor: int
    currency: str
    paid_at: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """What a channel sent: the body as it came, and what it is signed with (empty where the body holds it)."""

    body: bytes
    timestamp: str = ""
    nonce: str = ""
    signature: str = ""
    serial: str = ""


@dataclass(frozen=True)
class News:
    """What a genuine notification tells. about: payment, refund, nothing (a kind nobody needs)."""

    about: str
    out_trade_no: str = ""
    seen: Seen | None = None
    refund_no: str = ""


@dataclass(frozen=True)
class BillLine:
    """A line of a channel's bill. kind: paid, refund; `number` is ours (of the payment or the refund); the fee is what the
    channel keeps (below zero: what it gives back with a refund)."""

    kind: str
    number: str
    out_trade_no: str
    channel_txn: str
    amount_minor: int
    fee_minor: int
    at: datetime
    currency: str = "CNY"
    state: str = ""


@dataclass(frozen=True)
class Bill:
    """A channel's bill of one of its business days. `said` is what its own last line adds up to; `raw` is the file."""

    day: date
    lines: Sequence[BillLine]
    paid_minor: int = 0
    back_minor: int = 0
    fee_minor: int = 0
    raw: bytes = field(default=b"", repr=False)
    exists: bool = True


@dataclass(frozen=True)
class Check:
    """A finding of `linli pay doctor`. state: ok, bad, skipped; `facts` fill the words of `code`."""

    code: str
    state: str
    facts: dict[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """What a channel must be able to do. Everything raises Unreachable; what changes something raises Declined too."""

    name: str

    def pay(self, asked: Asked) -> Way:
        """Open a payment; the same number again gives the same payment."""
        ...

    def seen(self, out_trade_no: str) -> Seen | None:
        """What the channel knows of a payment; None when it has never heard of it."""
        ...

    def close(self, out_trade_no: str) -> Seen | None:
        """Let it not be paid any more, unless it is; returns what it is now."""
        ...

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        """Pay back; returns succeeded, failed or unknown. The same number again pays nothing twice.

        `total_minor` is what the payment was; a channel that needs it asks when it isn't given.
        """
        ...

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        """succeeded, failed, unknown (on its way), or None when the channel has never heard of it."""
        ...

    def hear(self, notification: Notification) -> News:
        """What a notification tells. Raises Refusal: trade.bad_signature, trade.stale_notification, trade.bad_notification."""
        ...

    def bill(self, day: date) -> Bill:
        """The bill of one business day. Raises Unreachable also while it isn't made yet."""
        ...


ORDER = ("wechat", "alipay", "sandbox")
"""All channels there are, in the order in which they are offered."""


def of(name: str) -> Channel:
    """The channel of that name, behind its breaker. Raises KeyError for an unknown one, Unreachable for one not set up."""
    from linli.trade.channels import breaker

    return breaker.Guarded(adapter(name))


def adapter(name: str) -> Channel:
    """The channel of that name itself. Raises as `of`."""
    if name == "sandbox":
        from linli.trade.channels.sandbox import Sandbox

        return Sandbox()
    if name == "wechat":
        from linli.trade.channels import wechat

        return wechat.channel()
    if name == "alipay":
        from linli.trade.channels import alipay

        return alipay.channel()
    raise KeyError(name)


def offered(currency: str) -> list[str]:
    """The channels that take this currency and are set up. The sandbox's own cashier is the demo's last resort."""
    from django.conf import settings

    from linli.trade.channels import alipay, wechat

    takes = settings.SANDBOX or currency == "CNY"
    found = [name for name, room in (("wechat", wechat), ("alipay", alipay)) if takes and room.merchant() is not None]
    return found or (["sandbox"] if settings.SANDBOX else [])


def fresh(sent_at: datetime) -> None:
    """Raises Refusal trade.stale_notification for what was sent long ago, or is yet to be sent."""
    if abs(clocks.machine_now() - sent_at) > FRESH:
        raise Refusal("trade.stale_notification")


def text(told: dict[str, object], name: str, most: int = 64) -> str:
    """A text of a notification. Raises Refusal trade.bad_notification when it isn't one."""
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Refusal("trade.bad_notification")
    return value


def day_of(at: datetime) -> date:
    """The channels' business day of a moment."""
    return at.astimezone(DAY_ZONE).date()
