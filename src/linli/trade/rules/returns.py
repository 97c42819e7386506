"""What goes back, to whom, when lines or parts of them are given back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Charge:
    """A line as it was charged."""

    number: int
    amount_minor: int
    discount_minor: int


@dataclass(frozen=True)
class GiveBack:
    """What goes back when lines are cancelled: money to the member, the discount to the coupon's budget."""

    refund_minor: dict[int, int]
    discount_minor: int

    @property
    def total_minor(self) -> int:
        return sum(self.refund_minor.values())


def give_back(charges: Iterable[Charge]) -> GiveBack:
    """Each line goes back as it was charged. Its share of the coupon was fixed when it was charged (largest
    remainder), so that any split of an order into refunds adds up to exactly what was paid.
    """
    lines = list(charges)
    return GiveBack({c.number: c.amount_minor - c.discount_minor for c in lines}, sum(c.discount_minor for c in lines))
