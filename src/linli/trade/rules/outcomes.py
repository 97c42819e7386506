"""What becomes of a group at its deadline, and of a line when its money comes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from linli.trade.rules import cases, returns

REACHED, SHORT, BOUGHT_IN, EXTENDED, MISSED = "reached", "short", "bought_in", "extended", "missed"
"""The outcomes: enough; not enough and shipped all the same; the rest bought with the next wave; more time; given back."""

DELIVERS = (REACHED, SHORT, BOUGHT_IN)


@dataclass(frozen=True)
class Terms:
    """What a group is decided by. `threshold` in pieces, people or minor units (at what was charged)."""

    threshold_by: str
    threshold: int
    price_minor: int
    on_miss: str = "refund"
    extended: bool = False
    case_size: int = 1
    ladder: Sequence[Sequence[int]] = ()


@dataclass(frozen=True)
class PaidLine[K: Hashable]:
    """A paid line of the group: `tolerance` of the pieces only if they fill a case."""

    key: K
    member_id: int
    wanted: int
    tolerance: int
    unit_minor: int
    at: datetime


@dataclass(frozen=True)
class Decision[K: Hashable]:
    """The outcome, the pieces of each line that are delivered, how far the group came, and what everybody pays a piece."""

    outcome: str
    pieces: dict[K, int]
    joined_pieces: int
    joined_people: int
    joined_minor: int
    final_price_minor: int
    cases: int
    broken: int


def decide[K: Hashable](terms: Terms, lines: Sequence[PaidLine[K]]) -> Decision[K]:
    """Decide a group whose deadline has passed. Only what is paid counts, and of that only what can be delivered.

    Where pieces come in cases, what no case can hold doesn't help to reach the threshold or a rung: nobody will get it.
    """
    asks = [cases.Ask(line.key, line.wanted, line.tolerance, line.at) for line in lines]
    whole = cases.fill(asks, terms.case_size)
    if reached(terms, lines, whole.pieces):
        # A broken last case is shipped where it would be on a miss: its pieces were promised either way.
        filling = cases.fill(asks, terms.case_size, short=True) if terms.on_miss == "ship_short" else whole
        return _decision(terms, lines, REACHED, filling)
    everything = cases.fill(asks, terms.case_size, short=True)
    if not lines:
        outcome = MISSED
    elif terms.on_miss == "extend" and not terms.extended:
        outcome = EXTENDED
    else:
        outcome = {"ship_short": SHORT, "buy_in": BOUGHT_IN}.get(terms.on_miss, MISSED)
    return _decision(terms, lines, outcome, everything)


def reached[K: Hashable](terms: Terms, lines: Iterable[PaidLine[K]], pieces: dict[K, int]) -> bool:
    """Whether these pieces come to the threshold, in its own measure."""
    return measure(terms.threshold_by, lines, pieces) >= terms.threshold


def measure[K: Hashable](by: str, lines: Iterable[PaidLine[K]], pieces: dict[K, int]) -> int:
    """How far a group is: pieces, people (a member with two orders is one), or minor units at what was charged."""
    got = [(line, pieces[line.key]) for line in lines if pieces[line.key]]
    if by == "people":
        return len({line.member_id for line, _ in got})
    return sum(n * (line.unit_minor if by == "amount" else 1) for line, n in got)


def rung(price_minor: int, ladder: Sequence[Sequence[int]], pieces: int) -> int:
    """What a piece costs when so many are sold: the lowest rung that is reached."""
    return min([price_minor, *(price for needed, price in ladder if pieces >= needed)])


def _decision[K: Hashable](terms: Terms, lines: Sequence[PaidLine[K]], outcome: str, filling: cases.Filling[K]) -> Decision[K]:
    joined = measure("pieces", lines, filling.pieces)
    return Decision(
        outcome,
        filling.pieces if outcome in DELIVERS else dict.fromkeys(filling.pieces, 0),
        joined,
        measure("people", lines, filling.pieces),
        measure("amount", lines, filling.pieces),
        rung(terms.price_minor, terms.ladder, joined),
        filling.cases,
        filling.broken,
    )


def settled_part(charge: returns.Charge, keep: int, final_unit_minor: int, unit_minor: int) -> returns.Part | None:
    """What goes back of a line of which `keep` pieces are delivered at the final price; None when nothing does.

    Pieces that aren't delivered go back as they were charged, coupon and all. The ladder's difference goes to the member
    whole, as far as they paid it: their coupon is worth the same whatever rung the group reaches.
    """
    gone = charge.left_pieces - keep
    part = returns.per_piece(charge, gone) if gone else returns.Part(charge.number, 0, 0, 0)
    if keep > 0:
        less = keep * max(0, unit_minor - final_unit_minor)
        refund = min(less, charge.left_minor - part.refund_minor)
        discount = min(less - refund, charge.left_discount_minor - part.discount_back_minor)
        part = returns.Part(charge.number, part.refund_minor + refund, part.discount_back_minor + discount, gone)
    return part if (part.refund_minor, part.discount_back_minor, part.pieces) != (0, 0, 0) else None


def line_once_paid(group_state: str, *, solo: bool, team_state: str | None = None, in_cases: bool = False) -> str:
    """Where a line stands when its payment arrives: its group or team may have been decided while the money was on its way.

    Cases that are counted (`in_cases`) have no place for it any more.
    """
    if solo:
        return "ready"
    if team_state is not None:
        return {"full": "ready", "open": "open"}.get(team_state, "cancelled")
    if group_state == "succeeded":
        return "cancelled" if in_cases else "ready"
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
