"""A breaker a channel: one that doesn't answer isn't waited for by everybody, one after the other.

Kept in the process that asks: what it protects is that process's time. After three silences in a row the channel is left
alone for a while; then one question is let through, and its answer decides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from linli.kernel import clocks
from linli.trade.channels import Asked, Bill, Channel, News, Notification, Seen, Unreachable, Way

SILENCES = 3
REST = (timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=60))
"""How long a channel is left alone after the first, the second and every later row of silences."""


@dataclass
class State:
    """How a channel has answered lately."""

    silences: int = 0
    rests: int = 0
    until: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_states: dict[str, State] = {}
_guard = threading.Lock()


def state(name: str) -> State:
    """The standing of a channel in this process."""
    with _guard:
        return _states.setdefault(name, State())


def reset() -> None:
    """Forget every silence (tests)."""
    with _guard:
        _states.clear()


def resting(name: str) -> bool:
    """Whether a question would be refused at once."""
    until = state(name).until
    return until is not None and clocks.machine_now() < until


def _admitted(found: State) -> bool:
    with found.lock:
        now = clocks.machine_now()
        if found.until is not None and now < found.until:
            return False
        if found.until is not None:
            found.until = now + REST[0]  # this one question goes through; the others wait for what it brings
        return True


def _answered(found: State) -> None:
    with found.lock:
        found.silences, found.rests, found.until = 0, 0, None


def _silent(found: State) -> None:
    with found.lock:
        found.silences += 1
        if found.silences >= SILENCES:
            found.until = clocks.machine_now() + REST[min(found.rests, len(REST) - 1)]
            found.rests += 1


class Guarded:
    """A channel behind its breaker. Notifications need no breaker: they come by themselves."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.name = channel.name

    def _ask[T](self, question: Callable[[], T]) -> T:
        found = state(self.name)
        if not _admitted(found):
            raise Unreachable(f"{self.name}: left alone after {found.silences} silences")
        try:
            answer = question()
        except Unreachable:
            _silent(found)
            raise
        except Exception:
            _answered(found)  # it said no, but it spoke
            raise
        _answered(found)
        return answer

    def pay(self, asked: Asked) -> Way:
        return self._ask(lambda: self._channel.pay(asked))

    def seen(self, out_trade_no: str) -> Seen | None:
        return self._ask(lambda: self._channel.seen(out_trade_no))

    def close(self, out_trade_no: str) -> Seen | None:
        return self._ask(lambda: self._channel.close(out_trade_no))

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        return self._ask(lambda: self._channel.refund(refund_no, out_trade_no, amount_minor, total_minor=total_minor, currency=currency))

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        return self._ask(lambda: self._channel.refund_state(refund_no, out_trade_no))

    def hear(self, notification: Notification) -> News:
        return self._channel.hear(notification)

    def bill(self, day: date) -> Bill:
        return self._channel.bill(day)
