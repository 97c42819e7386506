"""Vouchers for partners' services: bought in a bundle, given with an order, redeemed by the partner."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.orders import Order
from linli.trade.models.partners import Partner


class Service(models.Model):
    """What a partner does for the holder of a voucher; a package has several `uses` (five afternoons of care)."""

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="services")
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    note_zh = models.CharField(max_length=160, blank=True)
    note_en = models.CharField(max_length=160, blank=True)
    value_minor = models.BigIntegerField()
    uses = models.SmallIntegerField(default=1)
    valid_days = models.IntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="service_code"),
            models.CheckConstraint(condition=Q(value_minor__gte=1, uses__gte=1, valid_days__gte=1), name="service_figures"),
        ]


class Bundle(models.Model):
    """A SKU that comes with a voucher for a service; a SKU keeps its service for good (its capacity is claimed there)."""

    region = models.CharField(max_length=32)
    sku_code = models.CharField(max_length=48)
    service = models.ForeignKey(Service, models.PROTECT, related_name="bundles")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "sku_code"], name="bundle_sku")]


class GiftRule(models.Model):
    """An order from so much on brings a service along, while the partner has capacity for it."""

    region = models.CharField(max_length=32)
    slug = models.SlugField(max_length=48)
    service = models.ForeignKey(Service, models.PROTECT, related_name="gift_rules")
    from_minor = models.BigIntegerField()  # of what the member pays for goods
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "slug"], name="gift_rule_slug"),
            models.CheckConstraint(condition=Q(from_minor__gte=1, starts_at__lt=F("ends_at")), name="gift_rule_figures"),
        ]


class Voucher(models.Model):
    """One voucher of one member. `value_minor` is what was charged for it (0 for a gift): what goes back when it isn't used."""

    class State(models.TextChoices):
        ACTIVE = "active"
        REDEEMED = "redeemed"
        REFUNDED = "refunded"
        REVOKED = "revoked"  # its order went back
        EXPIRED = "expired"

    region = models.CharField(max_length=32)
    code = models.CharField(max_length=16)
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    service = models.ForeignKey(Service, models.PROTECT, related_name="vouchers")
    order = models.ForeignKey(Order, models.PROTECT, related_name="vouchers", db_constraint=False)
    line_number = models.SmallIntegerField()  # 0: a gift with the order
    number = models.IntegerField()
    gift = models.ForeignKey(GiftRule, models.PROTECT, null=True, related_name="vouchers")
    value_minor = models.BigIntegerField()
    uses = models.SmallIntegerField()
    uses_left = models.SmallIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    issued_at = models.DateTimeField()
    expires_on = models.DateField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="voucher_code"),
            models.UniqueConstraint(fields=["region", "order", "line_number", "number"], name="voucher_number"),
            models.CheckConstraint(condition=Q(uses_left__gte=0, uses_left__lte=F("uses"), value_minor__gte=0), name="voucher_uses"),
        ]
        indexes = [
            models.Index(fields=["region", "member_id"], name="voucher_member"),
            models.Index(fields=["region", "expires_on"], name="voucher_due", condition=Q(state="active")),
        ]


class Redemption(models.Model):
    """One use of a voucher at its partner."""

    region = models.CharField(max_length=32)
    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="redemptions")
    number = models.SmallIntegerField()
    key = models.CharField(max_length=80)
    by = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "voucher", "number"], name="redemption_number"),
            models.UniqueConstraint(fields=["region", "voucher", "key"], name="redemption_key"),
        ]


class Referral(models.Model):
    """A member was told of a partner for something that isn't sold here (prescription goods)."""

    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="referrals")
    sku_code = models.CharField(max_length=48)
    on = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "member_id", "sku_code", "on"], name="referral_once_a_day")]
