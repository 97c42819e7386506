"""Both real protocols in tests: the gateway's desks on loopback, the shop's channels set up for them, and people who pay."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from linli.sandbox_gateway.mischief import Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import channels, orders, pay
from linli.trade.channels import Notification, breaker

METHOD = {"wechat": "native", "alipay": "page"}
BOTH = ("wechat", "alipay")


@dataclass
class Clock:
    """Seconds that pass when told."""

    now: float

    def __call__(self) -> float:
        return self.now

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@contextmanager
def open_gateway(home: Path, settings: Any, *, clock: Any = time.time, mischief: Mischief | None = None, **more: Any) -> Iterator[Gateway]:
    """A gateway that behaves, in a home of its own, with the shop pointing at it."""
    breaker.reset()
    settings.HOME, settings.MERCHANTS = home, {}
    found = Gateway(home=home, secret=settings.GATEWAY_SECRET, mischief=mischief or Mischief.none(), clock=clock, **more)
    settings.GATEWAY_URL = found.url
    found.start()
    try:
        yield found
    finally:
        found.stop()
        breaker.reset()


def start(placed: orders.Placed, member_id: int, channel: str, *, key: str = "p", host: str = "http://shop", **more: Any) -> pay.PayStart:
    """Open the order's payment with the channel's usual method."""
    return pay.start(
        order_id=placed.order_id,
        member_id=member_id,
        key=key,
        return_url=f"{host}/o",
        channel=channel,
        **({"method": METHOD.get(channel, "")} | more),
    )


def arrive(gateway: Gateway, started: pay.PayStart) -> None:
    """The member's browser reaches the cashier: at Alipay a payment begins only then."""
    if started.channel == "alipay":
        import httpx

        assert httpx.get(started.pay_url, trust_env=False).status_code == 302


def notice(gateway: Gateway, number: str, kind: str = "true", refund_no: str = "") -> Notification:
    """What the platform would send of a payment or refund, true or spoilt."""
    payment = gateway.book.payment(number)
    assert payment is not None
    body, headers = gateway.message(payment, kind, gateway.book.refunded(refund_no) if refund_no else None)
    marks = [headers.get(f"Wechatpay-{name}", "") for name in ("Timestamp", "Nonce", "Signature", "Serial")]
    return Notification(body, *marks)


def take(gateway: Gateway, started: pay.PayStart) -> str:
    """The member pays at the cashier; nobody calls back (the queue is left to the test). Returns the channel's number."""
    arrive(gateway, started)
    paid = gateway.book.pay(started.attempt_no)
    assert paid is not None
    return paid.txn


def adapter(channel: str) -> Any:
    """The channel itself, without its breaker."""
    return channels.adapter(channel)
