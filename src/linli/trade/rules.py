"""Pure decisions of trade: what a basket costs and why, when a group has succeeded, what is given back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from linli.kernel import money
from linli.kernel.refusals import Refusal

MOST_PIECES = 99
"""Pieces in one line."""

MOST_LINES = 20
MOST_UNPAID = 3
"""Unpaid orders of one member at a time: each of them keeps goods from others (dujiao-next #105)."""

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters of a pickup code: none that is taken for another when read aloud or by hand (0 O, 1 I L)."""

CODE_LENGTH = 6


@dataclass(frozen=True, order=True)
class Wanted:
    """So many pieces from a group-buy; `solo` buys alone at the solo price, whatever becomes of the group."""

    group_id: int
    quantity: int
    solo: bool = False


@dataclass(frozen=True)
class Offer:
    """A group-buy as it stands when somebody wants to join."""

    group_id: int
    community_id: int
    sku: str
    category: str
    state: str
    opens_at: datetime
    deadline_at: datetime
    list_price_minor: int
    price_minor: int
    solo_price_minor: int


@dataclass(frozen=True)
class Voucher:
    """A coupon as pricing sees it; `category` "" is good for everything."""

    coupon_id: int
    face_minor: int
    minimum_minor: int
    category: str
    state: str
    expires_on: date


@dataclass(frozen=True)
class QuotedLine:
    """A line with its prices: amount = quantity x unit price, payable = amount - its share of the discount."""

    group_id: int
    sku: str
    category: str
    quantity: int
    solo: bool
    list_price_minor: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int

    @property
    def payable_minor(self) -> int:
        return self.amount_minor - self.discount_minor


@dataclass(frozen=True)
class Step:
    """One line of the explanation: what it is (price.list, price.group, price.solo, price.coupon), and how much it adds."""

    code: str
    amount_minor: int
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Quote:
    """What a basket costs, and why: the steps add up to `payable_minor`."""

    lines: list[QuotedLine]
    steps: list[Step]
    total_minor: int
    discount_minor: int

    @property
    def payable_minor(self) -> int:
        return self.total_minor - self.discount_minor


def basket(lines: Iterable[Wanted | tuple[int, int] | tuple[int, int, bool]]) -> list[Wanted]:
    """The lines in order, the same goods added together.

    Raises Refusal: trade.empty_basket, trade.no_such_group, trade.bad_quantity(most), trade.too_many_lines(most).
    """
    pieces: dict[tuple[int, bool], int] = {}
    for line in lines:
        w = line if isinstance(line, Wanted) else Wanted(*line)
        if not is_id(w.group_id):
            raise Refusal("trade.no_such_group")
        if type(w.quantity) is not int or not 1 <= w.quantity <= MOST_PIECES:
            raise Refusal("trade.bad_quantity", most=MOST_PIECES)
        pieces[w.group_id, bool(w.solo)] = pieces.get((w.group_id, bool(w.solo)), 0) + w.quantity
    if not pieces:
        raise Refusal("trade.empty_basket")
    if len(pieces) > MOST_LINES:
        raise Refusal("trade.too_many_lines", most=MOST_LINES)
    if max(pieces.values()) > MOST_PIECES:
        raise Refusal("trade.bad_quantity", most=MOST_PIECES)
    return sorted(Wanted(group_id, quantity, solo) for (group_id, solo), quantity in pieces.items())


def check_key(key: str) -> None:
    """A key fits where it is stored, and into the keys made of it. Raises Refusal: trade.bad_key."""
    if not 0 < len(key) <= 80 or not key.isprintable():
        raise Refusal("trade.bad_key")


def is_id(number: object) -> bool:
    """Whether a number can be the id of a row at all (64 bits): databases answer anything else with an error."""
    return type(number) is int and 0 < number < 2**63


def digest(wanted: Sequence[Wanted], coupon_id: int | None) -> str:
    """The same for the same request only: a key used again is judged by it."""
    text = f"{[(w.group_id, w.quantity, w.solo) for w in wanted]}/{coupon_id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def quote(
    wanted: Sequence[Wanted], offers: dict[int, Offer], voucher: Voucher | None, *, community_id: int, now: datetime, today: date
) -> Quote:
    """Price a basket for a member of `community_id`.

    Raises Refusal: trade.no_such_group (unknown, or another community's), trade.group_not_open, trade.group_closed,
    trade.coupon_used, trade.coupon_expired, trade.coupon_minimum(minimum_minor, missing_minor), trade.coupon_category.
    """
    for w in wanted:
        offer = offers.get(w.group_id)
        if offer is None or offer.community_id != community_id:
            raise Refusal("trade.no_such_group")
        if now < offer.opens_at:
            raise Refusal("trade.group_not_open", opens_at=offer.opens_at.isoformat())
        if offer.state != "open" or now >= offer.deadline_at:
            raise Refusal("trade.group_closed")
    amounts = [w.quantity * _unit(w, offers[w.group_id]) for w in wanted]
    shares = _coupon_shares(voucher, [offers[w.group_id].category for w in wanted], amounts, today)
    lines = [_line(w, offers[w.group_id], share) for w, share in zip(wanted, shares, strict=True)]
    return Quote(lines, [*_explain(lines), *_explain_coupon(voucher, sum(shares))], sum(amounts), sum(shares))


def _unit(w: Wanted, offer: Offer) -> int:
    return offer.solo_price_minor if w.solo else offer.price_minor


def _line(w: Wanted, offer: Offer, share: int) -> QuotedLine:
    unit = _unit(w, offer)
    return QuotedLine(w.group_id, offer.sku, offer.category, w.quantity, w.solo, offer.list_price_minor, unit, w.quantity * unit, share)


def _coupon_shares(voucher: Voucher | None, categories: list[str], amounts: list[int], today: date) -> list[int]:
    """What the coupon takes off each line: by amount, over the lines it is good for, by largest remainder."""
    if voucher is None:
        return [0] * len(amounts)
    if voucher.state in ("expired", "revoked") or voucher.expires_on < today:
        raise Refusal("trade.coupon_expired")
    if voucher.state != "issued":
        raise Refusal("trade.coupon_used")
    good_for = [a if voucher.category in ("", c) else 0 for a, c in zip(amounts, categories, strict=True)]
    if not sum(good_for):
        raise Refusal("trade.coupon_category", category=voucher.category)
    if sum(good_for) < voucher.minimum_minor:
        raise Refusal("trade.coupon_minimum", minimum_minor=voucher.minimum_minor, missing_minor=voucher.minimum_minor - sum(good_for))
    return money.share(voucher.face_minor, good_for)


def _explain(lines: Iterable[QuotedLine]) -> list[Step]:
    steps = []
    for line in lines:
        facts: dict[str, object] = {"sku": line.sku, "quantity": line.quantity}
        before = line.quantity * line.list_price_minor
        steps.append(Step("price.list", before, facts | {"unit_minor": line.list_price_minor}))
        if line.amount_minor != before:
            code = "price.solo" if line.solo else "price.group"
            steps.append(Step(code, line.amount_minor - before, facts | {"unit_minor": line.unit_price_minor}))
    return steps


def _explain_coupon(voucher: Voucher | None, discount_minor: int) -> list[Step]:
    return [Step("price.coupon", -discount_minor, {"coupon_id": voucher.coupon_id})] if voucher else []


def outcome(threshold_pieces: int, joined_pieces: int) -> str:
    """What becomes of a group at its deadline: "succeeded" or "missed". Only paid pieces count."""
    return "succeeded" if joined_pieces >= threshold_pieces else "missed"


def line_once_paid(group_state: str, *, solo: bool) -> str:
    """Where a line stands when its payment arrives: the group may have been decided while the money was on its way."""
    if solo or group_state == "succeeded":
        return "ready"
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


def may_cancel(line_states: Iterable[str], deadlines: Iterable[datetime], now: datetime) -> bool:
    """A member may take a paid order back while every line still waits for its group."""
    return all(s == "open" for s in line_states) and all(now < d for d in deadlines)


def pickup_code(numbers: Sequence[int]) -> str:
    """A code from CODE_LENGTH random numbers below len(CODE_LETTERS)."""
    return "".join(CODE_LETTERS[n] for n in numbers)
