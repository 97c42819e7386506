"""The terms of a group-buy, judged together before it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

FLASH_HOURS = 24
"""How long a flash sale may last."""

MOST_SEATS = 20
MOST_HOURS = 24 * 14

Rungs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class NewGroup:
    """A group-buy to be opened; `key` is its identity in the region. Times are business times, aware.

    `threshold` is in pieces, people or minor units, as `threshold_by` says. `ladder` is ((from pieces, unit price), ...): more pieces,
    lower prices. `reserve_of` is the group whose stock a pre-sale sells; `quota_from` the place whose quota the pieces are taken from
    (a partner's allotment), "" for new supply. `policy_arms` tells which arm gave which term.
    """

    key: str
    community_id: int
    sku: str
    threshold: int
    quota_pieces: int
    price_minor: int
    solo_price_minor: int
    deadline_at: datetime
    pickup_from: datetime
    opens_at: datetime | None = None
    kind: str = "pooled"
    threshold_by: str = "pieces"
    per_member_pieces: int | None = None
    case_size: int = 1
    ladder: Rungs = ()
    team_size: int | None = None
    team_hours: int | None = None
    on_miss: str = "refund"
    extend_hours: int = 0
    reserve_of: int | None = None
    quota_from: str = ""
    policy_arms: Mapping[str, str] = field(default_factory=dict)
    opened_by: str = "system"

    def __post_init__(self) -> None:
        # Lists, as JSON brings them, are the same ladder.
        object.__setattr__(self, "ladder", tuple(tuple(rung) for rung in self.ladder))


def group_faults(g: NewGroup, opens_at: datetime) -> list[str]:
    """The names of the fields that can't be right, judged one with another."""
    if wrong := _not_numbers(g):
        return wrong
    good = {
        "key": 0 < len(g.key) <= 96,
        "kind": g.kind in ("pooled", "team", "flash", "presale"),
        "threshold_by": g.threshold_by in ("pieces", "people", "amount"),
        "threshold": 1 <= g.threshold < 2**53,
        "quota_pieces": 1 <= g.quota_pieces < 2**31,
        "price_minor": 1 <= g.price_minor < 2**53,
        "solo_price_minor": g.price_minor <= g.solo_price_minor < 2**53,
        "deadline_at": g.deadline_at > opens_at,
        "pickup_from": g.pickup_from >= g.deadline_at + timedelta(hours=max(0, min(g.extend_hours, MOST_HOURS))),
        "per_member_pieces": g.per_member_pieces is None or 1 <= g.per_member_pieces <= g.quota_pieces,
        "case_size": g.case_size >= 1 and g.quota_pieces % max(1, g.case_size) == 0,
        "ladder": _is_ladder(g.ladder, g.price_minor, g.quota_pieces),
        "on_miss": g.on_miss in ("refund", "extend", "ship_short", "buy_in"),
        "extend_hours": 1 <= g.extend_hours <= MOST_HOURS if g.on_miss == "extend" else g.extend_hours == 0,
        "opened_by": 0 < len(g.opened_by) <= 32,
        "quota_from": len(g.quota_from) <= 64 and not (g.quota_from and g.reserve_of),
    }
    wrong = [name for name, fine in good.items() if not fine]
    return wrong or [*_unreachable(g), *_unfit(g, opens_at)]


def _not_numbers(g: NewGroup) -> list[str]:
    """Figures that aren't whole numbers: "50,00" read as something else opened a cycle under its minimum (foodsoft #1166, #1054)."""
    must = ("threshold", "quota_pieces", "price_minor", "solo_price_minor", "case_size", "extend_hours")
    may = ("per_member_pieces", "team_size", "team_hours", "reserve_of")
    return [
        *(name for name in must if type(getattr(g, name)) is not int),
        *(name for name in may if getattr(g, name) is not None and type(getattr(g, name)) is not int),
    ]


def _is_ladder(ladder: Rungs, price_minor: int, quota_pieces: int) -> bool:
    """Each rung needs more pieces and costs less than the one before; the last one can be reached."""
    if not all(len(rung) == 2 and all(type(n) is int for n in rung) for rung in ladder):
        return False
    steps = [(0, price_minor), *ladder]
    rises = all(more > few and 1 <= low < high for (few, high), (more, low) in pairwise(steps))
    return rises and (not ladder or ladder[-1][0] <= quota_pieces)


def _unreachable(g: NewGroup) -> list[str]:
    """A threshold that the quota can't come to would make every sale a miss."""
    most = g.quota_pieces * g.price_minor if g.threshold_by == "amount" else g.quota_pieces
    return ["quota_pieces"] if g.threshold > most else []


def _unfit(g: NewGroup, opens_at: datetime) -> list[str]:
    """What a kind needs, and what it can't have."""
    team = (g.team_size is not None) or (g.team_hours is not None)
    if g.kind != "team" and team:
        return ["team_size"]
    if (g.kind == "presale") != (g.reserve_of is not None):
        return ["reserve_of"]
    if g.kind == "team":
        whole = 2 <= (g.team_size or 0) <= MOST_SEATS and 1 <= (g.team_hours or 0) <= MOST_HOURS
        if not whole:
            return ["team_size", "team_hours"]
        plain = {"ladder": not g.ladder, "case_size": g.case_size == 1, "on_miss": g.on_miss == "refund"}
        decided = {"threshold": g.threshold == g.team_size, "threshold_by": g.threshold_by == "people"}
        return [name for name, fine in (plain | decided).items() if not fine]
    if g.kind == "flash":
        short = {
            "deadline_at": g.deadline_at <= opens_at + timedelta(hours=FLASH_HOURS),
            "threshold": g.threshold == 1,
            "per_member_pieces": g.per_member_pieces is not None,
            "on_miss": g.on_miss == "refund",
            "case_size": g.case_size == 1,
        }
        return [name for name, fine in short.items() if not fine]
    return []
