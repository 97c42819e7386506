"""Partners: on which terms their goods and services are sold, and what they are owed. Money in minor units."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Partner(models.Model):
    """Somebody whose goods or services are sold here. Owed per worth sold (`share_bp`) or per piece, less a fee a piece."""

    class Mode(models.TextChoices):
        SHARE = "share"  # of what was charged, in basis points
        FIXED = "fixed"  # so much a piece

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, default="brand")  # brand, service, pharmacy, recycler, care
    contact = models.CharField(max_length=64, blank=True)
    address_zh = models.CharField(max_length=96, blank=True)
    address_en = models.CharField(max_length=96, blank=True)
    mode = models.CharField(max_length=5, choices=Mode, default=Mode.SHARE)
    share_bp = models.IntegerField(default=0)
    fixed_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)  # kept by the shop for each piece
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="partner_code"),
            models.CheckConstraint(
                condition=Q(share_bp__gte=0, share_bp__lte=10_000, fixed_minor__gte=0, fee_minor__gte=0), name="partner_terms"
            ),
        ]


class PartnerChange(models.Model):
    """Who changed which terms of a partner: field -> [before, after]."""

    region = models.CharField(max_length=32)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="changes")
    at = models.DateTimeField()
    by = models.CharField(max_length=32)
    fields = models.JSONField()


class PartnerAccess(models.Model):
    """A link with which a partner's people redeem vouchers: the token is known to them alone, we keep its digest."""

    region = models.CharField(max_length=32)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="accesses")
    digest = models.CharField(max_length=64)
    label = models.CharField(max_length=64)
    made_by = models.CharField(max_length=32)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "digest"], name="partner_access_digest")]


class Statement(models.Model):
    """What a partner is paid for a period: the entries until a day. Its total is held on the ledger from the day it is drawn up."""

    class State(models.TextChoices):
        DRAWN = "drawn"
        APPROVED = "approved"
        PAID = "paid"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="statements")
    key = models.CharField(max_length=96)
    until = models.DateField()  # entries of days before it (the region's days)
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=9, choices=State, default=State.DRAWN)
    drawn_at = models.DateTimeField()
    drawn_by = models.CharField(max_length=32)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=32, blank=True)
    paid_at = models.DateTimeField(null=True)
    paid_by = models.CharField(max_length=32, blank=True)
    reference = models.CharField(max_length=96, blank=True)  # of the bank's transfer

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="statement_key"),
            models.UniqueConstraint(fields=["region", "partner"], name="statement_one_open", condition=Q(state__in=["drawn", "approved"])),
            models.CheckConstraint(condition=Q(total_minor__gte=1), name="statement_total"),
        ]


class PartnerEntry(models.Model):
    """One line of what a partner is owed: sold, redeemed (above zero) or taken back (below)."""

    class Kind(models.TextChoices):
        HANDED = "handed"
        REDEEMED = "redeemed"
        CLAWED_BACK = "clawed_back"

    region = models.CharField(max_length=32)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="entries")
    key = models.CharField(max_length=128)
    kind = models.CharField(max_length=11, choices=Kind)
    at = models.DateTimeField()
    order_id = models.UUIDField(null=True)
    line_number = models.SmallIntegerField(null=True)
    voucher_id = models.BigIntegerField(null=True)
    sku_code = models.CharField(max_length=48)
    pieces = models.IntegerField()
    worth_minor = models.BigIntegerField()  # what it is reckoned from
    amount_minor = models.BigIntegerField()  # what the partner gets of it
    terms = models.JSONField()  # as they were then
    statement = models.ForeignKey(Statement, models.PROTECT, null=True, related_name="entries")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "key"], name="partner_entry_key")]
        indexes = [
            models.Index(fields=["region", "partner", "at"], name="partner_entry_at"),
            models.Index(fields=["region", "order_id"], name="partner_entry_order"),
        ]


class Allotment(models.Model):
    """A partner's product limited to named communities and a total: its pieces lie at a place of their own on the ledger."""

    region = models.CharField(max_length=32)
    sku_code = models.CharField(max_length=48)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="allotments")
    community_ids = models.JSONField()
    note_zh = models.CharField(max_length=96, blank=True)
    note_en = models.CharField(max_length=96, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "sku_code"], name="allotment_sku")]
