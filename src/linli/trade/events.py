"""What trade tells the others. `by` is who did it: "member:17", "person:3", "system" or "channel:sandbox"."""

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


@fact("trade.group_opened")
@dataclass(frozen=True)
class GroupOpened(Fact):
    """A group-buy opened in a community. `deadline_at` is an ISO time."""

    group_id: int
    community_id: int
    sku: str
    threshold_pieces: int
    quota_pieces: int
    price_minor: int
    deadline_at: str


@fact("trade.group_succeeded")
@dataclass(frozen=True)
class GroupSucceeded(Fact):
    """A group-buy reached its threshold by its deadline; `order_count` paid orders can be picked up."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    threshold_pieces: int
    order_count: int


@fact("trade.group_missed")
@dataclass(frozen=True)
class GroupMissed(Fact):
    """A group-buy missed its threshold; `order_count` paid orders get their lines of it back."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    threshold_pieces: int
    order_count: int


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


@fact("trade.refund_requested")
@dataclass(frozen=True)
class RefundRequested(Fact):
    """Lines were given back; the money is on its way. `reason`: member, group_missed, or the operator's code."""

    order_id: str
    member_id: int
    community_id: int
    refund_no: str
    refunded_minor: int
    discount_back_minor: int
    reason: str
    lines: list[SoldLine]
    by: str


@fact("trade.order_refunded")
@dataclass(frozen=True)
class OrderRefunded(Fact):
    """The money of a refund arrived. `complete`: nothing of the order is left."""

    order_id: str
    member_id: int
    community_id: int
    refund_no: str
    refunded_minor: int
    discount_back_minor: int
    reason: str
    complete: bool
    lines: list[SoldLine]
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


@fact("trade.unwanted_payment")
@dataclass(frozen=True)
class UnwantedPayment(Fact):
    """Money came for an order that no longer wanted it; it goes back by itself as refund `refund_no`."""

    order_id: str
    member_id: int
    community_id: int
    amount_minor: int
    refund_no: str
    by: str


@fact("trade.unwanted_returned")
@dataclass(frozen=True)
class UnwantedReturned(Fact):
    """The money of an unwanted payment arrived back."""

    order_id: str
    member_id: int
    community_id: int
    amount_minor: int
    refund_no: str
    by: str


@fact("trade.coupon_issued")
@dataclass(frozen=True)
class CouponIssued(Fact):
    """A member got a coupon; its face is held in its budget. `expires_on` is its last day."""

    coupon_id: int
    member_id: int
    issue: str
    face_minor: int
    expires_on: str


@fact("trade.coupon_redeemed")
@dataclass(frozen=True)
class CouponRedeemed(Fact):
    """A coupon was spent with the payment of an order."""

    coupon_id: int
    member_id: int
    issue: str
    order_id: str
    discount_minor: int


@fact("trade.coupon_returned")
@dataclass(frozen=True)
class CouponReturned(Fact):
    """Its whole order was refunded while it was still valid, so it can be used again."""

    coupon_id: int
    member_id: int
    issue: str
    order_id: str


@fact("trade.coupon_expired")
@dataclass(frozen=True)
class CouponExpired(Fact):
    """A coupon ran out unused."""

    coupon_id: int
    member_id: int
    issue: str
    face_minor: int


@fact("trade.coupon_revoked")
@dataclass(frozen=True)
class CouponRevoked(Fact):
    """It was taken back unused by whoever had it issued."""

    coupon_id: int
    member_id: int
    issue: str
    face_minor: int
