"""Pure decisions about people."""

from __future__ import annotations

import re
from dataclasses import dataclass

CODE_DIGITS = 6
CODE_TRIES = 5
CODES_AN_HOUR = 5

_PHONE = re.compile(r"\+?[0-9]{6,15}")


def phone(text: str) -> str | None:
    """A phone number as it is stored: digits with an optional plus, or None when `text` isn't one."""
    bare = re.sub(r"[\s().-]", "", text)
    return bare if _PHONE.fullmatch(bare) else None


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
