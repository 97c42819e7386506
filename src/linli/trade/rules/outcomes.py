"""What becomes of a group at its deadline, and of a line when its money comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def outcome(threshold_pieces: int, joined_pieces: int) -> str:
    """What becomes of a group at its deadline: "succeeded" or "missed". Only paid pieces count."""
    return "succeeded" if joined_pieces >= threshold_pieces else "missed"


def line_once_paid(group_state: str, *, solo: bool) -> str:
    """Where a line stands when its payment arrives: the group may have been decided while the money was on its way."""
    if solo or group_state == "succeeded":
        return "ready"
    return "open" if group_state == "open" else "cancelled"


def order_state(line_states: Iterable[str], *, money_on_its_way: bool) -> str:
    """Where a paid order stands, from its lines: something to pick up, to wait for, handed over, or all given back."""
    states = set(line_states)
    if "ready" in states:
        return "ready"
    if "open" in states:
        return "paid"
    if "handed" in states:
        return "handed_over"
    return "refunding" if money_on_its_way else "refunded"


def may_cancel(line_states: Iterable[str], deadlines: Iterable[datetime], now: datetime) -> bool:
    """A member may take a paid order back while every line still waits for its group."""
    return all(s == "open" for s in line_states) and all(now < d for d in deadlines)
