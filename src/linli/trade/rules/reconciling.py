"""Matching a channel's bill with the books: every line against what we have, and what we have against the lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

REASONS = ("next_day", "channel_error", "our_error", "paid_outside", "accepted")
"""Why a difference may be laid to rest by hand."""

Key = tuple[str, str]
"""Kind (paid, refund) and our number."""


@dataclass(frozen=True)
class Ours:
    """A payment or refund as we have it. state: settled, waiting (its channel hasn't told the end), none (not paid for all
    we know); `booked_minor` is what the ledger has for it."""

    key: Key
    amount_minor: int
    state: str
    booked_minor: int


@dataclass(frozen=True)
class Theirs:
    """A line of the bill."""

    key: Key
    amount_minor: int
    fee_minor: int
    state: str


@dataclass(frozen=True)
class Found:
    """A difference: missing_here, missing_there, amount, state, books (rows and ledger disagree), fee."""

    code: str
    key: Key
    ours_minor: int | None
    theirs_minor: int | None
    ours_state: str = ""
    theirs_state: str = ""


def fee(amount_minor: int, rate: str) -> int:
    """What a channel keeps of an amount, rounded half up: fee(4990, "0.006") == 30."""
    return int((amount_minor * Decimal(rate)).to_integral_value(ROUND_HALF_UP))


def differences(ours: Mapping[Key, Ours], theirs: Sequence[Theirs], expected: Iterable[Key], rate: str) -> list[Found]:
    """What doesn't agree. `ours` holds what the lines name and what is `expected` on this bill; `rate` is the agreed fee."""
    found: list[Found] = []
    lines = {line.key: line for line in theirs}
    for line in lines.values():
        mine = ours.get(line.key)
        if mine is None:
            found.append(Found("missing_here", line.key, None, line.amount_minor, "", line.state))
            continue
        found += _disagree(mine, line)
        found += _fee(line, rate)
    for key in expected:
        if key not in lines and (left := ours[key]).state == "settled":
            found.append(Found("missing_there", key, left.amount_minor, None, left.state, ""))
    return found


def _disagree(mine: Ours, line: Theirs) -> list[Found]:
    if mine.amount_minor != line.amount_minor:
        return [Found("amount", mine.key, mine.amount_minor, line.amount_minor, mine.state, line.state)]
    on_its_way = line.key[0] == "refund" and line.state != "SUCCESS" and mine.state == "waiting"
    if mine.state != "settled" and not on_its_way:
        return [Found("state", mine.key, mine.amount_minor, line.amount_minor, mine.state, line.state)]
    if mine.state == "settled" and mine.booked_minor != mine.amount_minor:
        return [Found("books", mine.key, mine.booked_minor, line.amount_minor, mine.state, line.state)]
    return []


def _fee(line: Theirs, rate: str) -> list[Found]:
    """A refund gives its share back to the fen or one off (the whole is split), or nothing where that was agreed."""
    right = fee(line.amount_minor, rate)
    if line.key[0] == "paid":
        return [] if line.fee_minor == right else [Found("fee", line.key, right, line.fee_minor, "", line.state)]
    fits = line.fee_minor == 0 or abs(line.fee_minor + right) <= 1
    return [] if fits else [Found("fee", line.key, -right, line.fee_minor, "", line.state)]
