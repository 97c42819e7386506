"""Facts about orders. `by` is who did it: "member:17", "person:3", "system" or "channel:sandbox"."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@dataclass(frozen=True)
class SoldLine:
    """A line of an order; `amount_minor` is what this line was, or was to be, paid with (discount taken off)."""

    sku: str
    category: str
    product_type: str
    group_id: int
    quantity: int
    amount_minor: int
    discount_minor: int


@fact("trade.order_placed")
@dataclass(frozen=True)
class OrderPlaced(Fact):
    """A member ordered; goods and coupon are held until it is paid or ends."""

    order_id: str
    member_id: int
    community_id: int
    payable_minor: int
    discount_minor: int
    coupon_issue: str
    lines: list[SoldLine]
    by: str


@fact("trade.order_paid")
@dataclass(frozen=True)
class OrderPaid(Fact):
    """The money of an order came. `paid_minor` is what the member paid, `discount_minor` what the coupon's budget paid."""

    order_id: str
    member_id: int
    community_id: int
    paid_minor: int
    discount_minor: int
    channel: str
    coupon_issue: str
    lines: list[SoldLine]
    by: str


@fact("trade.order_ready")
@dataclass(frozen=True)
class OrderReady(Fact):
    """At least one line of the order can be picked up from `pickup_from` (ISO time)."""

    order_id: str
    member_id: int
    community_id: int
    group_id: int
    pickup_from: str
    by: str


@fact("trade.order_cancelled")
@dataclass(frozen=True)
class OrderCancelled(Fact):
    """An unpaid order ended: its holds are free. `reason`: member, unpaid, group_missed."""

    order_id: str
    member_id: int
    community_id: int
    payable_minor: int
    reason: str
    by: str


@fact("trade.order_handed_over")
@dataclass(frozen=True)
class OrderHandedOver(Fact):
    """The leader gave these lines to the member."""

    order_id: str
    member_id: int
    community_id: int
    lines: list[SoldLine]
    by: str


@fact("trade.line_short")
@dataclass(frozen=True)
class LineShort(Fact):
    """So many pieces of a line did not arrive: the member gets `refund_minor` back, by the refund of that number."""

    order_id: str
    member_id: int
    community_id: int
    line: int
    sku: str
    pieces: int
    refund_minor: int
    refund_no: str
    by: str
