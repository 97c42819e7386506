"""Coupons: kinds and single ones. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class CouponIssue(models.Model):
    """A kind of coupon: what it takes off, from which spending on, and who pays for it."""

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    face_minor = models.BigIntegerField()
    minimum_minor = models.BigIntegerField()
    category = models.CharField(max_length=16, blank=True)
    valid_days = models.IntegerField()
    budget_owner = models.CharField(max_length=96)
    most = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="coupon_issue_code"),
            # Always something left to pay: a payment of nothing is none, and the discount is always the whole face.
            models.CheckConstraint(
                condition=Q(face_minor__gte=1, minimum_minor__gt=F("face_minor"), valid_days__gte=1), name="coupon_issue_figures"
            ),
        ]


class Coupon(models.Model):
    """One coupon of one member."""

    class State(models.TextChoices):
        ISSUED = "issued"
        HELD = "held"  # in an order that isn't paid yet
        REDEEMED = "redeemed"
        EXPIRED = "expired"
        REVOKED = "revoked"

    region = models.CharField(max_length=32)
    issue = models.ForeignKey(CouponIssue, models.PROTECT, related_name="coupons")
    member_id = models.BigIntegerField()
    key = models.CharField(max_length=128)
    issued_at = models.DateTimeField()
    expires_on = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    order_id = models.UUIDField(null=True)
    uses = models.IntegerField(default=0)  # how often it came back: names its reservation on the ledger

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="coupon_key"),
            models.UniqueConstraint(fields=["region", "order_id"], name="coupon_one_an_order", condition=Q(state__in=["held", "redeemed"])),
        ]
        indexes = [
            models.Index(fields=["region", "member_id"], name="coupon_member"),
            models.Index(fields=["region", "expires_on"], name="coupon_due", condition=Q(state="issued")),
        ]
