"""Money: an integer in the minor unit of its region's currency. There are no floats of money anywhere."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_SUM = 10**18
"""How far from zero a balance of anything may go: far inside 64 bits, beyond which SQLite would go on in floats."""


@dataclass(frozen=True)
class Currency:
    """An ISO 4217 currency: `exponent` is the number of decimals of its minor unit.

    `shelf_zeros` says whether its shelves write them out: $2.50, but ¥2.5.
    """

    code: str
    symbol: str
    exponent: int
    shelf_zeros: bool


CURRENCIES = {c.code: c for c in (Currency("CNY", "¥", 2, False), Currency("USD", "$", 2, True))}


def plain(amount_minor: int, currency: str) -> str:
    """`4990, "CNY"` as "¥49.90": for tables and statements, where columns must line up."""
    unit = CURRENCIES[currency]
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**unit.exponent)
    return f"{sign}{unit.symbol}{whole:,}.{rest:0{unit.exponent}d}"


def price(amount_minor: int, currency: str) -> str:
    """`4990, "CNY"` as "¥49.9" and `250, "USD"` as "$2.50": the price on a shelf, as its country writes it."""
    text = plain(amount_minor, currency)
    if CURRENCIES[currency].shelf_zeros or "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


def share(total_minor: int, weights: list[int]) -> list[int]:
    """Split `total_minor` by `weights` so that the parts add up exactly (largest remainder, ties to the first).

    Raises ValueError when the weights are negative or all zero while there is something to split.
    """
    if any(w < 0 for w in weights) or (total_minor and not sum(weights)):
        raise ValueError("weights must be non-negative and not all zero")
    if not total_minor:
        return [0] * len(weights)
    whole = sum(weights)
    sign = -1 if total_minor < 0 else 1
    quotas = [abs(total_minor) * w for w in weights]
    parts = [q // whole for q in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(quotas[i] % whole), i))
    for i in by_remainder[: abs(total_minor) - sum(parts)]:
        parts[i] += 1
    return [sign * p for p in parts]
