"""What goes back, to whom, when lines or parts of them are given back.

A line was charged `amount_minor`, of which budgets paid `discount_minor` and the member the rest. Whatever part of
it goes back is split between the two as it was charged, by what has gone back so far and not by the part alone: so
any series of parts that gives the whole line back gives exactly what each of them had paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from linli.kernel import money
from linli.kernel.refusals import Refusal


@dataclass(frozen=True)
class Charge:
    """A line as it was charged, and what has gone back of it so far."""

    number: int
    amount_minor: int
    discount_minor: int
    quantity: int = 1
    refunded_minor: int = 0
    discount_back_minor: int = 0
    returned_pieces: int = 0

    @property
    def left_minor(self) -> int:
        """What the member paid for the line and hasn't got back."""
        return self.amount_minor - self.discount_minor - self.refunded_minor

    @property
    def left_discount_minor(self) -> int:
        """What budgets paid for the line and haven't got back."""
        return self.discount_minor - self.discount_back_minor

    @property
    def left_worth_minor(self) -> int:
        """What the line still costs, whoever paid it."""
        return self.left_minor + self.left_discount_minor

    @property
    def left_pieces(self) -> int:
        return self.quantity - self.returned_pieces


@dataclass(frozen=True)
class Part:
    """What goes back of one line: money to the member, discount to whoever funded it, pieces to what may be sold."""

    number: int
    refund_minor: int
    discount_back_minor: int
    pieces: int


def after(charge: Charge, part: Part) -> Charge:
    """The line when `part` of it has gone back as well."""
    return replace(
        charge,
        refunded_minor=charge.refunded_minor + part.refund_minor,
        discount_back_minor=charge.discount_back_minor + part.discount_back_minor,
        returned_pieces=charge.returned_pieces + part.pieces,
    )


def whole(charge: Charge) -> Part:
    """All that is left of a line."""
    return Part(charge.number, charge.left_minor, charge.left_discount_minor, charge.left_pieces)


def portion(charge: Charge, worth_minor: int, *, pieces: int = 0) -> Part:
    """So much of what a line cost (at most what is left of it), split between member and budgets as it was charged.

    With k of N charged units gone back in all, budgets have got floor(discount * k / N): monotone in k, whole at N.
    """
    worth = min(worth_minor, charge.left_worth_minor)
    if worth <= 0:
        return Part(charge.number, 0, 0, pieces)
    gone = charge.refunded_minor + charge.discount_back_minor + worth
    due = charge.discount_minor * gone // charge.amount_minor - charge.discount_back_minor
    # Parts that were not made here may have left either side with less than its due: the sum is what must hold.
    discount = max(worth - charge.left_minor, min(due, charge.left_discount_minor, worth), 0)
    return Part(charge.number, worth - discount, discount, pieces)


def for_member(charge: Charge, refund_minor: int, *, pieces: int = 0) -> Part:
    """So much money for the member, and with it, in proportion to what each paid, the budgets' share; all at the end."""
    paid = charge.amount_minor - charge.discount_minor
    refund = min(refund_minor, charge.left_minor)
    due = charge.discount_minor * (charge.refunded_minor + refund) // paid - charge.discount_back_minor if paid else 0
    return Part(charge.number, refund, max(0, min(due, charge.left_discount_minor)), pieces)


def per_piece(charge: Charge, pieces: int) -> Part:
    """`pieces` of a line go back, each at what it costs by now (a ladder may have lowered it); with the last all that is left."""
    if pieces >= charge.left_pieces:
        return whole(charge)
    return portion(charge, charge.left_worth_minor * pieces // charge.left_pieces, pieces=pieces)


def check(charges: Iterable[Charge], parts: Sequence[Part]) -> None:
    """Whether the parts fit into what is left of their lines, once each.

    Raises Refusal: trade.nothing_to_refund (no part, or an empty one), trade.too_much_back(number, left_minor).
    """
    lines = {c.number: c for c in charges}
    if not parts or len({p.number for p in parts}) != len(parts) or any(p.number not in lines for p in parts):
        raise Refusal("trade.nothing_to_refund")
    for part in parts:
        line = lines[part.number]
        if min(part.refund_minor, part.discount_back_minor, part.pieces) < 0 or not any(
            (part.refund_minor, part.discount_back_minor, part.pieces)
        ):
            raise Refusal("trade.nothing_to_refund")
        if part.refund_minor > line.left_minor or part.discount_back_minor > line.left_discount_minor or part.pieces > line.left_pieces:
            raise Refusal("trade.too_much_back", number=part.number, left_minor=line.left_minor)


def is_over(charge: Charge) -> bool:
    """Whether nothing of the line is left: all its money is back, or, of what cost nothing, all its pieces."""
    return charge.left_worth_minor == 0 if charge.amount_minor else charge.left_pieces == 0


def to_funders(back_minor: int, left: dict[str, int]) -> dict[str, int]:
    """Who gets how much of a discount that goes back: by what each still has in the order, never more than that."""
    owners = sorted(left)
    shares = money.share(back_minor, [left[owner] for owner in owners])
    return {owner: share for owner, share in zip(owners, shares, strict=True) if share}
