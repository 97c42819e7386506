"""What a basket costs and why: one pure function, explained line by line.

The order in which a price comes about is fixed, and so is everything that may enter it: the goods' list price, what the
group-buy charges (alone or together), the level's price, discounts in the order in which they are handed in, the coupon,
shipping, gifts. Nothing here knows who asks: two members with the same rights (level, discounts, coupon) get the same price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from linli.kernel import money
from linli.kernel.refusals import Refusal
from linli.trade.rules.basket import Wanted

LEAST = 1
"""What always remains to be paid, in minor units: a payment of nothing isn't one."""


@dataclass(frozen=True)
class Offer:
    """A group-buy as it stands when somebody wants to join. `arms` tells which policy's arm gave which of its terms."""

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
    kind: str = "pooled"
    case_size: int = 1
    per_member_pieces: int | None = None
    arms: Mapping[str, str] = field(default_factory=dict)

    @property
    def sells_alone(self) -> bool:
        """Whether a piece can be bought without the group: what comes in cases would break one."""
        return self.case_size == 1


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
class Level:
    """A level's price as a right: so many thousandths off what the group-buy charges, `budget_owner` none (the shop's own)."""

    code: str
    off_permille: int


@dataclass(frozen=True)
class Discount:
    """Something off the basket that a budget pays for. `group_ids` None: off everything. `arm` when a policy gave it."""

    code: str
    amount_minor: int
    budget_owner: str
    reference: str = ""
    group_ids: frozenset[int] | None = None
    arm: str = ""


@dataclass(frozen=True)
class Shipping:
    """What bringing the order costs; from `free_from_minor` of goods (before discounts) it costs nothing."""

    fee_minor: int = 0
    free_from_minor: int | None = None
    arm: str = ""


@dataclass(frozen=True)
class Gift:
    """Pieces that come along for nothing, out of a group-buy's stock."""

    group_id: int
    quantity: int
    reference: str = ""


@dataclass(frozen=True)
class QuotedLine:
    """A line with its prices: amount = quantity x unit price, payable = amount - its share of the discounts."""

    group_id: int
    sku: str
    category: str
    quantity: int
    solo: bool
    list_price_minor: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    tolerance_pieces: int = 0
    team: str | None = None
    gift: bool = False

    @property
    def payable_minor(self) -> int:
        return self.amount_minor - self.discount_minor

    def less(self, discount_minor: int) -> QuotedLine:
        """The line with its discount (by hand: `replace` took a third of pricing a basket)."""
        return QuotedLine(
            *(self.group_id, self.sku, self.category, self.quantity, self.solo, self.list_price_minor, self.unit_price_minor),
            *(self.amount_minor, discount_minor, self.tolerance_pieces, self.team, self.gift),
        )


@dataclass(frozen=True)
class Step:
    """One line of the explanation: what it is, and how much it adds.

    Codes: price.list, price.group, price.solo, price.level, price.discount, price.coupon, price.shipping, price.shipping_free, price.gift.
    """

    code: str
    amount_minor: int
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Quote:
    """What a basket costs, and why: the steps add up to `payable_minor`.

    `discounts` are those that took something off, with what they took; the coupon's part of `discount_minor` is `coupon_minor`.
    """

    lines: list[QuotedLine]
    steps: list[Step]
    total_minor: int
    discount_minor: int
    shipping_minor: int = 0
    discounts: list[Discount] = field(default_factory=list)

    @property
    def payable_minor(self) -> int:
        return self.total_minor - self.discount_minor + self.shipping_minor

    @property
    def coupon_minor(self) -> int:
        return self.discount_minor - sum(d.amount_minor for d in self.discounts)


def quote(
    wanted: Sequence[Wanted],
    offers: Mapping[int, Offer],
    voucher: Voucher | None,
    *,
    community_id: int,
    now: datetime,
    today: date,
    level: Level | None = None,
    discounts: Sequence[Discount] = (),
    shipping: Shipping | None = None,
    gifts: Sequence[Gift] = (),
) -> Quote:
    """Price a basket for a member of `community_id`.

    Raises Refusal: trade.no_such_group (unknown, or another community's), trade.group_not_open, trade.group_closed,
    trade.over_share(most), trade.no_cases, trade.no_solo, trade.no_teams, trade.team_needed, trade.coupon_used,
    trade.coupon_expired, trade.coupon_minimum(minimum_minor, missing_minor), trade.coupon_category.
    """
    for w in wanted:
        _check_line(w, offers.get(w.group_id), community_id, now)
    _check_shares(wanted, offers)
    priced = [_priced(w, offers[w.group_id], level) for w in wanted]
    amounts = [line.amount_minor for line in priced]
    taken, shares = _take_off(discounts, priced)
    coupon = _coupon_shares(voucher, [line.category for line in priced], [a - s for a, s in zip(amounts, shares, strict=True)], today)
    off = [s + c for s, c in zip(shares, coupon, strict=True)]
    given = [_gift(g, offers) for g in gifts if g.group_id in offers]
    lines = [*(line.less(d) if d else line for line, d in zip(priced, off, strict=True)), *given]
    fee, shipping_steps = _shipping(shipping, sum(amounts))
    steps = [
        *(step for w, line in zip(wanted, priced, strict=True) for step in _explain(line, offers[w.group_id], level)),
        *(Step("price.discount", -d.amount_minor, {"discount": d.code, "reference": d.reference, "arm": d.arm}) for d in taken),
        *([Step("price.coupon", -sum(coupon), {"coupon_id": voucher.coupon_id})] if voucher else []),
        *shipping_steps,
        *(step for line in given for step in _explain_gift(line)),
    ]
    return Quote(lines, steps, sum(amounts), sum(off), fee, taken)


def _check_line(w: Wanted, offer: Offer | None, community_id: int, now: datetime) -> None:
    if offer is None or offer.community_id != community_id:
        raise Refusal("trade.no_such_group")
    if now < offer.opens_at:
        raise Refusal("trade.group_not_open", opens_at=offer.opens_at.isoformat())
    if offer.state != "open" or now >= offer.deadline_at:
        raise Refusal("trade.group_closed")
    if w.tolerance_pieces and (offer.case_size == 1 or w.solo):
        raise Refusal("trade.no_cases", sku=offer.sku)
    if w.solo and not offer.sells_alone:
        raise Refusal("trade.no_solo", sku=offer.sku)
    if w.team is not None and (w.solo or offer.kind != "team"):
        raise Refusal("trade.no_teams", sku=offer.sku)
    if offer.kind == "team" and not w.solo and w.team is None:
        raise Refusal("trade.team_needed", sku=offer.sku)


def _check_shares(wanted: Sequence[Wanted], offers: Mapping[int, Offer]) -> None:
    """A basket that alone asks for more than a member's share is told so early; the ledger judges it with earlier orders."""
    for group_id in {w.group_id for w in wanted}:
        most = offers[group_id].per_member_pieces
        if most is not None and sum(w.quantity for w in wanted if w.group_id == group_id) > most:
            raise Refusal("trade.over_share", most=most, sku=offers[group_id].sku)


def unit_price(offer: Offer, level: Level | None = None, *, solo: bool = False) -> int:
    """What a piece is charged: the group's price or the solo price, less the level's share (rounded in the member's favour)."""
    base = offer.solo_price_minor if solo else offer.price_minor
    if level is None:
        return base
    return max(LEAST, base * (1000 - level.off_permille) // 1000)


def _priced(w: Wanted, offer: Offer, level: Level | None) -> QuotedLine:
    unit = unit_price(offer, level, solo=w.solo)
    return QuotedLine(
        w.group_id,
        offer.sku,
        offer.category,
        w.quantity,
        w.solo,
        offer.list_price_minor,
        unit,
        w.quantity * unit,
        0,
        w.tolerance_pieces,
        w.team,
    )


def _take_off(discounts: Sequence[Discount], lines: Sequence[QuotedLine]) -> tuple[list[Discount], list[int]]:
    """The discounts with what each takes, in order, and every line's share of them. Something is always left to pay."""
    shares = [0] * len(lines)
    taken = []
    for discount in discounts:
        left = [line.amount_minor - s for line, s in zip(lines, shares, strict=True)]
        good_for = [
            rest if discount.group_ids is None or line.group_id in discount.group_ids else 0 for line, rest in zip(lines, left, strict=True)
        ]
        most = min(discount.amount_minor, sum(good_for), sum(left) - LEAST)
        if most < 1:
            continue
        parts = money.share(most, good_for)
        shares = [s + p for s, p in zip(shares, parts, strict=True)]
        taken.append(replace(discount, amount_minor=most))
    return taken, shares


def _coupon_shares(voucher: Voucher | None, categories: list[str], amounts: list[int], today: date) -> list[int]:
    """What the coupon takes off each line: by amount, over the lines it is good for, by largest remainder.

    It costs less than the minimum of what it is good for, so something is always left to pay.
    """
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


def _gift(gift: Gift, offers: Mapping[int, Offer]) -> QuotedLine:
    offer = offers[gift.group_id]
    return QuotedLine(gift.group_id, offer.sku, offer.category, gift.quantity, True, offer.list_price_minor, 0, 0, 0, gift=True)


def _shipping(shipping: Shipping | None, goods_minor: int) -> tuple[int, list[Step]]:
    """The fee, and how it came about."""
    if shipping is None or not shipping.fee_minor:
        return 0, []
    facts: dict[str, object] = {"arm": shipping.arm} if shipping.arm else {}
    fee = Step("price.shipping", shipping.fee_minor, facts)
    if shipping.free_from_minor is None or goods_minor < shipping.free_from_minor:
        return shipping.fee_minor, [fee]
    return 0, [fee, Step("price.shipping_free", -shipping.fee_minor, facts | {"free_from_minor": shipping.free_from_minor})]


def _explain(line: QuotedLine, offer: Offer, level: Level | None) -> list[Step]:
    facts: dict[str, object] = {"sku": line.sku, "quantity": line.quantity}
    if line.tolerance_pieces:
        facts["tolerance_pieces"] = line.tolerance_pieces
    if "ladder" in offer.arms:
        facts["arm"] = offer.arms["ladder"]
    before = line.quantity * line.list_price_minor
    joined = unit_price(offer, solo=line.solo)
    steps = [Step("price.list", before, facts | {"unit_minor": line.list_price_minor})]
    if line.quantity * joined != before:
        code = "price.solo" if line.solo else "price.group"
        steps.append(Step(code, line.quantity * joined - before, facts | {"unit_minor": joined}))
    if level is not None and line.unit_price_minor != joined:
        off = line.quantity * (line.unit_price_minor - joined)
        steps.append(Step("price.level", off, facts | {"unit_minor": line.unit_price_minor, "level": level.code}))
    return steps


def _explain_gift(line: QuotedLine) -> list[Step]:
    facts: dict[str, object] = {"sku": line.sku, "quantity": line.quantity}
    worth = line.quantity * line.list_price_minor
    return [Step("price.list", worth, facts | {"unit_minor": line.list_price_minor}), Step("price.gift", -worth, facts)]
