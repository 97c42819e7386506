"""Reads of coupons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from linli.people import queries as people
from linli.trade import orders
from linli.trade.models import Coupon


@dataclass(frozen=True)
class CouponInfo:
    """A member's coupon."""

    coupon_id: int
    issue_code: str
    name_zh: str
    name_en: str
    face_minor: int
    minimum_minor: int
    category: str
    issued_at: datetime
    expires_on: date
    state: str


def coupons_of(member_id: int, usable_only: bool = False) -> list[CouponInfo]:
    """The member's coupons, the next to run out first."""
    found = Coupon.objects.select_related("issue").filter(member_id=member_id)
    if usable_only:
        member = people.member(member_id)
        today = orders.today(member.region) if member else date.max
        found = found.filter(state=Coupon.State.ISSUED, expires_on__gte=today)
    return [
        CouponInfo(
            c.pk,
            c.issue.code,
            c.issue.name_zh,
            c.issue.name_en,
            c.issue.face_minor,
            c.issue.minimum_minor,
            c.issue.category,
            c.issued_at,
            c.expires_on,
            c.state,
        )
        for c in found.order_by("expires_on", "pk")
    ]


def coupon(coupon_id: int) -> CouponInfo | None:
    """One coupon."""
    found = Coupon.objects.filter(pk=coupon_id).first()
    return next((c for c in coupons_of(found.member_id) if c.coupon_id == coupon_id), None) if found else None
