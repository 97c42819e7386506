"""What a product page tells beside the price: teams that still have a seat, and what a kit or bundle holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from linli.trade.queries import GroupCard
from linli.web.phone import shelf


@dataclass(frozen=True)
class Team:
    """A team that is being filled: who is in (surnames of those who agreed), how many seats are left, until when."""

    team_id: str
    faces: list[int]
    names: str
    seats_left: int
    size: int
    left: shelf.Timer
    mine: bool

    @property
    def free(self) -> range:
        """A place to draw for each free seat."""
        return range(min(self.seats_left, 4))


@dataclass(frozen=True)
class Piece:
    """One thing inside a kit or bundle."""

    thing: Any
    quantity: int


def teams(card: GroupCard, member_id: int | None = None) -> list[Team]:
    """Teams that can be joined, the fullest first; none where the group-buy has no teams."""
    return []


def own_team(card: GroupCard, member_id: int) -> Team | None:
    """The team that the member has started or joined and that still waits for others."""
    return None


def inside(card: GroupCard) -> list[Piece]:
    """What a kit or bundle holds; nothing for a plain good."""
    return []
