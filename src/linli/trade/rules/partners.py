"""What a partner is owed, and what is taken back of it."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BP = 10_000


@dataclass(frozen=True)
class PartnerTerms:
    """How a partner is owed: `share_bp` of the worth sold, or `fixed_minor` a piece; `fee_minor` a piece stays with the shop."""

    mode: str = "share"
    share_bp: int = 0
    fixed_minor: int = 0
    fee_minor: int = 0


def partner_faults(t: PartnerTerms) -> list[str]:
    """The names of the terms that can't be."""
    good = {
        "mode": t.mode in ("share", "fixed"),
        "share_bp": 0 <= t.share_bp <= MOST_BP,
        "fixed_minor": 0 <= t.fixed_minor < 2**53,
        "fee_minor": 0 <= t.fee_minor < 2**53,
    }
    return [name for name, fine in good.items() if not fine]


def owed(terms: PartnerTerms, *, worth_minor: int, pieces: int) -> int:
    """What a sale of `worth_minor` (before discounts: they are the shop's) owes the partner; rounded down, never below 0."""
    due = terms.fixed_minor * pieces if terms.mode == "fixed" else worth_minor * terms.share_bp // MOST_BP
    return max(0, due - terms.fee_minor * pieces)


def clawed(accrued_minor: int, worth_minor: int, *, left_minor: int, clawed_before_minor: int) -> int:
    """What is taken back now that `left_minor` of the `worth_minor` sold is left: the partner keeps its part of what is left.

    Reckoned from what was accrued at first, so that any series of refunds that ends at nothing takes back exactly all.
    """
    keeps = accrued_minor * max(0, min(left_minor, worth_minor)) // worth_minor if worth_minor else 0
    return max(0, accrued_minor - clawed_before_minor - keeps)


def used_share(value_minor: int, uses: int, number: int) -> int:
    """What the use `number` (from 1) of a voucher is worth: the uses add up to its value."""
    return value_minor * number // uses - value_minor * (number - 1) // uses


def unused(value_minor: int, uses: int, left: int) -> int:
    """What a voucher with `left` of its `uses` is still worth."""
    return value_minor - value_minor * (uses - left) // uses


VOUCHER_LENGTH = 16
"""Letters of a voucher's code, of the 31 of pickup codes: 79 bits, so that guessing finds none."""


def voucher_code(typed: str) -> str:
    """A code as it is kept, from what was typed or scanned (a link ends with it)."""
    return "".join(c for c in typed.strip().rsplit("/", 1)[-1].rsplit("code=", 1)[-1].upper() if c.isascii() and c.isalnum())[:64]
