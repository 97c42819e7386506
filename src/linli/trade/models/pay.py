"""Payment attempts and refunds. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from linli.trade.models.orders import Order


class PayAttempt(models.Model):
    """One try to pay an order through a channel. Money is believed only through `channel_txn`."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"  # the channel says it won't be paid
        PAID = "paid"
        UNWANTED = "unwanted"  # paid, but the order had ended or was paid by another attempt: goes back by itself

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="attempts")
    channel = models.CharField(max_length=16)
    key = models.CharField(max_length=128)
    out_trade_no = models.CharField(max_length=32)
    channel_txn = models.CharField(max_length=64, null=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    method = models.CharField(max_length=8, blank=True)
    way = models.CharField(max_length=8, default="redirect")  # redirect, code, bridge
    pay_url = models.TextField(blank=True)  # or what the code shows, or WeChat's prepay id
    return_url = models.CharField(max_length=400)
    started_at = models.DateTimeField()  # machine time, as are the next two
    asked_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)  # the channel's own time: what its bill goes by
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "channel", "out_trade_no"], name="attempt_number"),
            models.UniqueConstraint(fields=["region", "channel", "channel_txn"], name="attempt_txn"),
            models.UniqueConstraint(fields=["region", "order"], name="attempt_one_open", condition=Q(state="open")),
        ]
        indexes = [models.Index(fields=["started_at"], name="attempt_open", condition=Q(state="open"))]


class Refund(models.Model):
    """Money on its way back; an answer that never came is asked for, not repeated blindly."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        SENDING = "sending"
        UNKNOWN = "unknown"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    attempt = models.ForeignKey(PayAttempt, models.PROTECT, related_name="refunds")
    channel = models.CharField(max_length=16)
    key = models.CharField(max_length=128)
    refund_no = models.CharField(max_length=32)
    amount_minor = models.BigIntegerField()
    discount_back_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)  # in the amount: the fee goes back with the last line
    line_numbers = models.JSONField(default=list)
    parts = models.JSONField(default=list)  # what changed: [[line, refund_minor, discount_back_minor, pieces], ...]
    discounts = models.JSONField(default=dict)  # budget's owner -> what went back to it
    unwanted = models.BooleanField(default=False)
    reason = models.CharField(max_length=32)
    by = models.CharField(max_length=32)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    error = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)  # machine time
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="refund_key"),
            models.UniqueConstraint(fields=["region", "channel", "refund_no"], name="refund_number"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0, discount_back_minor__gte=0), name="refund_money"),
        ]
        indexes = [models.Index(fields=["region", "state"], name="refund_open", condition=~Q(state="succeeded"))]
