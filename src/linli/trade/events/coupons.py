"""Facts about coupons."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


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
