"""What an old appliance brings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CONDITIONS = ("good", "worn", "broken")
"""Works and looks well; works, with marks; doesn't work but is whole."""


@dataclass(frozen=True)
class Worth:
    """A row of the table: holds for appliances of the category up to so many years old, in this condition."""

    category: str
    up_to_years: int
    condition: str
    value_minor: int
    subsidy_minor: int


def worth(table: Iterable[Worth], *, category: str, age_years: int, condition: str) -> Worth | None:
    """The row with the lowest age that still holds; None for what isn't taken."""
    fits = [w for w in table if (w.category, w.condition) == (category, condition) and age_years <= w.up_to_years]
    return min(fits, key=lambda w: w.up_to_years, default=None)


def credit(row: Worth, price_minor: int) -> tuple[int, int]:
    """(value, subsidy) against a price: something is always left to pay, and the subsidy gives way first."""
    value = min(row.value_minor, price_minor - 1)
    return value, min(row.subsidy_minor, price_minor - 1 - value)
