"""Pure decisions about people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

CODE_DIGITS = 6
CODE_TRIES = 5
CODES_AN_HOUR = 5
"""To one phone from one address: a stranger's requests use up the stranger's own."""
PHONE_CODES_AN_HOUR = 30
"""To one phone from everywhere: what a phone must bear, far beyond what its owner asks for."""
ADDRESS_CODES_AN_HOUR = 60
"""From one address to all phones: a mobile network's address is shared by many."""

_PHONE = re.compile(r"\+?[0-9]{6,15}")


def phone(text: str) -> str | None:
    """A phone number as it is stored: digits with an optional plus, or None when `text` isn't one."""
    bare = re.sub(r"[\s().-]", "", text)
    return bare if _PHONE.fullmatch(bare) else None


SEARCH_LETTERS = 24
"""Longer texts are looked up by their beginning."""
LEAST_DIGITS = 4
"""Of a phone number the last four are enough; fewer would be everybody's."""


def search_keys(*, name: str, phone: str, building: str, external_id: str) -> set[str]:
    """What a member is found by: somebody types the beginning of one of these.

    Of name, building and outside id: from every word, number and Chinese character on (a given name, a flat). Of the phone:
    every ending of four digits or more.
    """
    keys = {phone[n:] for n in range(len(phone) - LEAST_DIGITS + 1)} if not phone.startswith(NOBODYS) else set()
    for text in (name, building, external_id):
        low = " ".join(text.lower().split())
        keys |= {low[m.start() :][:SEARCH_LETTERS] for m in _STARTS.finditer(low)}
    return keys


_STARTS = re.compile(r"[0-9]+|[a-z]+|[^\W_]")
NOBODYS = "~"


def nobodys_phone(external_id: str) -> str:
    """What stands where a phone number would, of a person known from elsewhere without one. No sign-in can name it."""
    return NOBODYS + hashlib.sha256(external_id.encode()).hexdigest()[:19]


def shown_phone(kept: str) -> str:
    """The phone number to show: "" where none is known."""
    return "" if kept.startswith(NOBODYS) else kept


@dataclass(frozen=True)
class Sent:
    """A code of the last hour. `here`: asked for from the address that asks now; `mine`: sent to the phone that is asked for."""

    at: datetime
    here: bool
    mine: bool


def free_at(sent: Sequence[Sent]) -> datetime | None:
    """When the first of the full hours began, or None when another code may go out."""
    ours = [s.at for s in sent if s.here and s.mine]
    phone, address = [s.at for s in sent if s.mine], [s.at for s in sent if s.here]
    full = [
        sorted(times)[-most]
        for times, most in ((ours, CODES_AN_HOUR), (phone, PHONE_CODES_AN_HOUR), (address, ADDRESS_CODES_AN_HOUR))
        if len(times) >= most
    ]
    return max(full, default=None)


@dataclass(frozen=True)
class Room:
    """A chat group with its size: `group_id` is None for one that has to be opened."""

    group_id: int | None
    taken: int
    capacity: int


def seat(count: int, rooms: list[Room], *, capacity: int) -> list[tuple[int, int]]:
    """Seat `count` newcomers: the groups in order, each up to its capacity, then new ones of `capacity`.

    Returns (index, how many) where an index beyond `rooms` is a group to open.
    """
    if capacity < 1:
        raise ValueError("a group must hold somebody")
    seats: list[tuple[int, int]] = []
    for i, room in enumerate(rooms):
        if count and (free := min(count, room.capacity - room.taken)) > 0:
            seats.append((i, free))
            count -= free
    index = len(rooms)
    while count:
        seats.append((index, min(count, capacity)))
        count -= seats[-1][1]
        index += 1
    return seats
