"""What somebody asks for, checked before anything is looked up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linli.kernel.refusals import Refusal

MOST_PIECES = 99
"""Pieces in one line."""

MOST_LINES = 20
MOST_UNPAID = 3
"""Unpaid orders of one member at a time: each of them keeps goods from others (dujiao-next #105)."""

NEW_TEAM = "new"


@dataclass(frozen=True)
class Wanted:
    """So many pieces from a group-buy; `solo` buys alone at the solo price, whatever becomes of the group.

    The last `tolerance_pieces` of `quantity` are only wanted if they fill a case. `team`: "new" starts a team, else the id of one.
    """

    group_id: int
    quantity: int
    solo: bool = False
    tolerance_pieces: int = 0
    team: str | None = None


Line = Wanted | tuple[int, int] | tuple[int, int, bool]


def basket(lines: Iterable[Line]) -> list[Wanted]:
    """The lines in order, the same goods added together.

    Raises Refusal: trade.empty_basket, trade.no_such_group, trade.bad_quantity(most), trade.too_many_lines(most),
    trade.bad_tolerance, trade.no_such_team.
    """
    pieces: dict[tuple[int, bool, str], tuple[int, int]] = {}
    for line in lines:
        w = line if isinstance(line, Wanted) else Wanted(*line)
        _check(w)
        same = w.group_id, bool(w.solo), _team(w.team)
        quantity, tolerance = pieces.get(same, (0, 0))
        pieces[same] = quantity + w.quantity, tolerance + w.tolerance_pieces
    if not pieces:
        raise Refusal("trade.empty_basket")
    if len(pieces) > MOST_LINES:
        raise Refusal("trade.too_many_lines", most=MOST_LINES)
    if max(quantity for quantity, _ in pieces.values()) > MOST_PIECES:
        raise Refusal("trade.bad_quantity", most=MOST_PIECES)
    return [
        Wanted(group_id, quantity, solo, tolerance, team or None)
        for (group_id, solo, team), (quantity, tolerance) in sorted(pieces.items())
    ]


def _check(w: Wanted) -> None:
    if not is_id(w.group_id):
        raise Refusal("trade.no_such_group")
    if type(w.quantity) is not int or not 1 <= w.quantity <= MOST_PIECES:
        raise Refusal("trade.bad_quantity", most=MOST_PIECES)
    if type(w.tolerance_pieces) is not int or not 0 <= w.tolerance_pieces < w.quantity:
        raise Refusal("trade.bad_tolerance")


def _team(team: str | None) -> str:
    """One spelling of a team, "" for none, so that the same request has the same digest."""
    if team is None or team == NEW_TEAM:
        return team or ""
    try:
        return str(uuid.UUID(team))
    except (ValueError, AttributeError, TypeError):
        raise Refusal("trade.no_such_team") from None


def check_key(key: str) -> None:
    """A key fits where it is stored, and into the keys made of it. Raises Refusal: trade.bad_key."""
    if not 0 < len(key) <= 80 or not key.isprintable():
        raise Refusal("trade.bad_key")


def is_id(number: object) -> bool:
    """Whether a number can be the id of a row at all (64 bits): databases answer anything else with an error."""
    return type(number) is int and 0 < number < 2**63


def digest(wanted: Sequence[Wanted], coupon_id: int | None) -> str:
    """The same for the same request only: a key used again is judged by it."""
    text = f"{[(w.group_id, w.quantity, w.solo, w.tolerance_pieces, w.team) for w in wanted]}/{coupon_id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
