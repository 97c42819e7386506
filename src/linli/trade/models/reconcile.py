"""The channels' bills, line by line, and where they and the books disagree. Money in the minor unit, days are Beijing's."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class BillDay(models.Model):
    """One business day of one channel, as its bill and as the books have it. Written anew whenever the bill is fetched."""

    region = models.CharField(max_length=32)
    channel = models.CharField(max_length=16)
    day = models.DateField()
    currency = models.CharField(max_length=3)
    fetched_at = models.DateTimeField(null=True)  # machine time; None: there is no bill yet
    by = models.CharField(max_length=32, default="system")
    error = models.CharField(max_length=200, blank=True)
    paid_count = models.IntegerField(default=0)
    back_count = models.IntegerField(default=0)
    bill_paid_minor = models.BigIntegerField(default=0)
    bill_back_minor = models.BigIntegerField(default=0)
    bill_fee_minor = models.BigIntegerField(default=0)
    books_paid_minor = models.BigIntegerField(default=0)
    books_back_minor = models.BigIntegerField(default=0)
    fee_posted_minor = models.BigIntegerField(default=0)
    revision = models.IntegerField(default=0)  # of the posted fee: each change is a transfer of its own
    digest = models.CharField(max_length=40, blank=True)  # of the channel's file

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "channel", "day"], name="bill_day")]
        indexes = [models.Index(fields=["region", "-day"], name="bill_days")]


class BillLine(models.Model):
    """A line of a channel's bill. kind: paid, refund; `number` is ours."""

    region = models.CharField(max_length=32)
    bill = models.ForeignKey(BillDay, models.CASCADE, related_name="lines")
    channel = models.CharField(max_length=16)
    kind = models.CharField(max_length=8)
    number = models.CharField(max_length=64)
    out_trade_no = models.CharField(max_length=64)
    channel_txn = models.CharField(max_length=64)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    state = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "channel", "kind", "number"], name="bill_line")]


class Difference(models.Model):
    """Where a bill and the books disagree, until somebody says why, or it is gone."""

    class State(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"  # a person gave the reason
        GONE = "gone"  # fetched again, they agreed

    region = models.CharField(max_length=32)
    bill = models.ForeignKey(BillDay, models.CASCADE, related_name="differences")
    code = models.CharField(max_length=16)  # missing_here, missing_there, amount, state, books, fee
    kind = models.CharField(max_length=8)
    number = models.CharField(max_length=64)
    ours_minor = models.BigIntegerField(null=True)
    theirs_minor = models.BigIntegerField(null=True)
    ours_state = models.CharField(max_length=16, blank=True)
    theirs_state = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=16, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "bill", "code", "kind", "number"], name="bill_difference"),
            models.CheckConstraint(condition=~Q(state="resolved") | ~Q(reason=""), name="bill_difference_reason"),
        ]
        indexes = [models.Index(fields=["region", "state"], name="bill_differences", condition=Q(state="open"))]
