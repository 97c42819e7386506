"""What a basket costs, as a page tells it: every line with how its price came about, the coupons beside it, the refusal if any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linli.kernel.refusals import Refusal
from linli.trade import orders, policies, rules, services
from linli.trade import queries as trade
from linli.trade.queries import GroupCard
from linli.trade.rules import Quote, Step, Wanted
from linli.trade.services import GiftOffer
from linli.web.phone import shelf
from linli.web.phone.asking import told


@dataclass(frozen=True)
class Part:
    """A line of the explanation that belongs to one of the goods: its steps add up to `amount_minor`."""

    card: GroupCard
    quantity: int
    solo: bool
    gift: bool
    unit_minor: int
    amount_minor: int
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Explained:
    """A quote as a page shows it: the goods one by one, then what concerns all of them; everything adds up to the payable."""

    parts: list[Part]
    common: list[Step]
    goods_minor: int
    saved_minor: int
    payable_minor: int


def explain(quote: Quote, cards: dict[int, GroupCard]) -> Explained:
    """Sort the steps to their goods. The steps of a line begin with its list price, in the order of the lines."""
    own: list[list[Step]] = []
    common: list[Step] = []
    for step in quote.steps:
        if step.code == "price.list":
            own.append([step])
        elif "sku" in step.facts and own:
            own[-1].append(step)
        else:
            common.append(step)
    parts = [
        Part(cards[line.group_id], line.quantity, line.solo, line.gift, line.unit_price_minor, line.amount_minor, steps)
        for line, steps in zip(quote.lines, own, strict=True)
        if line.group_id in cards
    ]
    listed = sum(step.amount_minor for step in quote.steps if step.code in ("price.list", "price.shipping"))
    return Explained(parts, common, quote.total_minor, max(0, listed - quote.payable_minor), quote.payable_minor)


def _amounts(cards: dict[int, GroupCard], lines: Sequence[Wanted]) -> dict[str, int]:
    """Category -> what the lines of it come to, before any coupon."""
    found: dict[str, int] = {}
    for line in lines:
        card = cards[line.group_id]
        unit = card.solo_price_minor if line.solo else card.price_minor
        found[card.sku.category] = found.get(card.sku.category, 0) + unit * line.quantity
    return found


def priced(
    *,
    member_id: int,
    region: str,
    community_id: int,
    cards: dict[int, GroupCard],
    lines: Sequence[Wanted],
    coupon_id: int | None,
    chosen: bool,
) -> dict[str, Any]:
    """The page's facts: `explained` or `error`, and the coupons. The best coupon is taken until the member has `chosen`."""
    amounts = _amounts(cards, lines)
    mine = trade.coupons_of(member_id, usable_only=True)
    if not chosen:
        coupon_id = shelf.best_coupon(shelf.coupon_choices(mine, amounts, None))
    page: dict[str, Any] = {"coupon_id": coupon_id, "choices": shelf.coupon_choices(mine, amounts, coupon_id)}
    try:
        quote = orders.quote(member_id=member_id, lines=lines, coupon_id=coupon_id)
    except Refusal as refused:
        return page | {"error": told(refused, region)}
    return page | {"quote": quote, "explained": explain(quote, cards), "extras": extras(quote, region, community_id)}


@dataclass(frozen=True)
class Extras:
    """What a basket brings along beside its price, and what it lacks of more: nothing of it is held before the order is paid."""

    gifts: list[GiftOffer]
    next_gift: GiftOffer | None
    free_shipping_missing_minor: int


def extras(quote: Quote, region: str, community_id: int) -> Extras:
    """The gifts that the basket comes to, the next that it doesn't, and what is missing to free shipping (0: nothing to say)."""
    offered = services.gifts(region, quote.total_minor - quote.discount_minor)
    missing = 0
    if quote.shipping_minor:
        rule = policies.shipping(region, community_id)
        if rule is not None and rule.free_from_minor is not None:
            missing = max(0, rule.free_from_minor - quote.total_minor)
    return Extras([g for g in offered if not g.missing_minor], next((g for g in offered if g.missing_minor), None), missing)


def line_of(text: str) -> Wanted | None:
    """A line as a form carries it, "group:quantity:solo:tolerance:team"; None for anything else."""
    parts = text.split(":")
    if len(parts) != 5 or not all(p.isascii() and p.isdigit() and len(p) < 12 for p in parts[:4]):
        return None
    group_id, quantity, solo, tolerance = map(int, parts[:4])
    return Wanted(group_id, quantity, bool(solo), tolerance, parts[4][:36] or None)


def text_of(line: Wanted) -> str:
    """The line as a form carries it."""
    return f"{line.group_id}:{line.quantity}:{int(line.solo)}:{line.tolerance_pieces}:{line.team or ''}"


def sound(line: Wanted) -> bool:
    """Whether a line could be one at all; what is scarce or closed is told by the verbs."""
    try:
        rules.basket([line])
    except Refusal:
        return False
    return True
