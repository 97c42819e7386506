"""Whole cases out of what members want and what they could also take.

The rule, in the order in which it decides:

1. How many cases: as many as the wanted pieces fill. If some wanted pieces are left over and the tolerance of all
   members together fills their case, one case more. Tolerance never opens a case that nobody's wanted piece is in.
2. Who gets them: wanted pieces first, whoever asked first; then, for the last case alone, tolerance pieces, whoever
   asked first. What is in no case goes back. A broken case is only shipped where the terms say so (`short`), and then
   every wanted piece is.

So nobody gets more than they said they would take, nobody loses a wanted piece by offering tolerance (the number of
cases can only rise with it, and tolerance is served after every wanted piece), and nobody else does either.
The pooling of Foodsoft (`OrderArticle#calculate_units_to_order`) decides the number of cases in the same way; there,
what a member gets depends on the moment of each of their changes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Ask[K: Hashable]:
    """A paid line: so many pieces wanted in any case, so many more if they fill a case; `at` when it was asked for."""

    key: K
    wanted: int
    tolerance: int
    at: datetime


@dataclass(frozen=True)
class Filling[K: Hashable]:
    """`pieces` of each line that are delivered, in `cases` full cases and `broken` pieces of one that isn't."""

    pieces: dict[K, int]
    cases: int
    broken: int

    @property
    def total(self) -> int:
        return sum(self.pieces.values())


def cases_of(wanted: int, tolerance: int, case_size: int) -> int:
    """How many full cases so many pieces fill."""
    full, loose = divmod(wanted, case_size)
    return full + (1 if loose and loose + tolerance >= case_size else 0)


def fill[K: Hashable](asks: Sequence[Ask[K]], case_size: int, *, short: bool = False) -> Filling[K]:
    """Who gets how many pieces. `short` ships the last case broken rather than leave a wanted piece behind."""
    wanted = sum(a.wanted for a in asks)
    cases = cases_of(wanted, sum(a.tolerance for a in asks), case_size)
    deliver = max(cases * case_size, wanted) if short else cases * case_size
    left = deliver
    pieces = dict.fromkeys([a.key for a in asks], 0)
    first_come = sorted(asks, key=lambda a: a.at)  # a stable sort: equal times keep the order in which they are given
    for ask in first_come:
        pieces[ask.key] = given = min(ask.wanted, left)
        left -= given
    for ask in first_come:
        more = min(ask.tolerance, left)
        pieces[ask.key] += more
        left -= more
    return Filling(pieces, cases, max(0, deliver - cases * case_size))


def missing_to_case(wanted: int, tolerance: int, case_size: int) -> int:
    """How many pieces more fill the case that wanted pieces are waiting in; 0 when none waits (foodsoft #260)."""
    loose = wanted % case_size
    return max(0, case_size - loose - tolerance) if loose else 0
