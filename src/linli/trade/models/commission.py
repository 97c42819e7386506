"""A leader's commission, of one level by law, and how it is paid out. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.orders import OrderLine


class Terms(models.Model):
    """What a region decides about after-sale, weighing and commission. No row: the values of `trade.terms.Terms`."""

    region = models.CharField(max_length=32)
    values = models.JSONField(default=dict)
    by = models.CharField(max_length=32)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region"], name="terms_region")]


class TermsChange(models.Model):
    """One figure that a region changed: a term by its name, or a commission rate as "rate:<kind>:<target>" (None: as everything else)."""

    region = models.CharField(max_length=32)
    name = models.CharField(max_length=64)
    before = models.BigIntegerField(null=True)
    after = models.BigIntegerField(null=True)
    by = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["region", "at"], name="terms_change_at")]


class CommissionRate(models.Model):
    """So much of what the member paid, in basis points: of one SKU, or of a layer. There is no other kind."""

    class Kind(models.TextChoices):
        SKU = "sku"
        LAYER = "layer"

    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=5, choices=Kind)
    target = models.CharField(max_length=48)
    rate_bp = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "kind", "target"], name="rate_target"),
            models.CheckConstraint(condition=Q(kind__in=["sku", "layer"], rate_bp__gte=0, rate_bp__lte=5000), name="rate_figures"),
        ]


class Commission(models.Model):
    """What the leader who handed a line over earns by it. One a line: nobody earns by what another leader sells."""

    class State(models.TextChoices):
        PENDING = "pending"  # in its cool-off
        POSTED = "posted"
        VOID = "void"  # all of it was taken back before

    region = models.CharField(max_length=32)
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="commissions")
    person_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    base_minor = models.BigIntegerField()  # what the member had paid for the line when it was handed over
    rate_bp = models.IntegerField()
    amount_minor = models.BigIntegerField()
    base_back_minor = models.BigIntegerField(default=0)  # of the base, what has gone back since
    clawed_minor = models.BigIntegerField(default=0)
    holds = models.SmallIntegerField(default=0)  # the pending's number on the ledger: a smaller one follows each claw-back
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    accrued_at = models.DateTimeField()
    due_at = models.DateTimeField()  # business time: the end of the cool-off
    posted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "line"], name="commission_one_level"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=1, clawed_minor__gte=0, clawed_minor__lte=F("amount_minor")), name="commission_money"
            ),
            models.CheckConstraint(condition=Q(base_back_minor__gte=0, base_back_minor__lte=F("base_minor")), name="commission_base"),
        ]
        indexes = [
            models.Index(fields=["region", "due_at"], name="commission_due", condition=Q(state="pending")),
            models.Index(fields=["region", "person_id", "accrued_at"], name="commission_leader"),
        ]


class ClawBack(models.Model):
    """Commission taken back because money went back: once for each refund of its line."""

    region = models.CharField(max_length=32)
    commission = models.ForeignKey(Commission, models.PROTECT, related_name="claw_backs")
    refund_no = models.CharField(max_length=32)
    refund_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    after_posting = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "commission", "refund_no"], name="claw_back_once")]


class Withdrawal(models.Model):
    """A leader asks for earnings to be paid out. The amount is held from the moment of asking."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        APPROVED = "approved"
        PAID = "paid"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    person_id = models.BigIntegerField()
    key = models.CharField(max_length=128)
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    decided_by = models.BigIntegerField(null=True)  # an operator, never the one who asks
    why = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=64, blank=True)  # the transfer's number at the bank or channel
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "person_id", "key"], name="withdrawal_key"),
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="withdrawal_amount"),
            models.CheckConstraint(condition=Q(decided_by=None) | ~Q(decided_by=F("person_id")), name="withdrawal_four_eyes"),
        ]
        indexes = [models.Index(fields=["region", "state", "requested_at"], name="withdrawal_waits")]
