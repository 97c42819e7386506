"""What a basket costs and why: one pure function, explained line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from linli.kernel import money
from linli.kernel.refusals import Refusal
from linli.trade.rules.basket import Wanted


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
