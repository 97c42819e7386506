"""What a member may ask for after the hand-over, and what it comes to."""

from __future__ import annotations

from datetime import datetime, timedelta

from linli.kernel.refusals import Refusal
from linli.trade.rules import returns
from linli.trade.rules.returns import Charge, Part

REASONS = ("damaged", "short", "missing", "quality", "other")
UNITS = ("pieces", "grams", "percent")
MOST_WORDS = 500


def asked(charge: Charge, unit: str, amount: int, *, kept_pieces: int, kept_g: int | None) -> Part:
    """What `amount` of a line comes to: pieces of those kept, grams of what it weighed or should weigh, or a percentage.

    Raises Refusal: trade.bad_aftersale (an amount that the line doesn't have), trade.nothing_to_refund (all is back).
    """
    most = {"pieces": kept_pieces, "grams": kept_g or 0, "percent": 100}.get(unit, 0)
    if type(amount) is not int or not 0 < amount <= most:
        raise Refusal("trade.bad_aftersale", most=most)
    if not charge.left_minor:
        raise Refusal("trade.nothing_to_refund")
    # At least one minor unit: a hair of something that costs anything is something.
    return returns.for_member(charge, max(1, charge.left_minor * amount // most))


def check_in_time(handed_at: datetime | None, now: datetime, hours: int) -> None:
    """Raises Refusal: trade.not_handed_over, trade.aftersale_too_late(hours)."""
    if handed_at is None:
        raise Refusal("trade.not_handed_over")
    if now > handed_at + timedelta(hours=hours):
        raise Refusal("trade.aftersale_too_late", hours=hours)
