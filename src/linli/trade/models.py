"""The tables of trade. Private to the room. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class GroupBuy(models.Model):
    """One SKU, ordered together in one community until a deadline (business time)."""

    class State(models.TextChoices):
        OPEN = "open"
        SUCCEEDED = "succeeded"
        MISSED = "missed"

    region = models.CharField(max_length=32)
    key = models.CharField(max_length=96)
    community_id = models.BigIntegerField()
    sku_code = models.CharField(max_length=48)
    threshold_pieces = models.IntegerField()
    quota_pieces = models.IntegerField()
    price_minor = models.BigIntegerField()
    solo_price_minor = models.BigIntegerField()
    list_price_minor = models.BigIntegerField()
    opens_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    pickup_from = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    joined_pieces = models.IntegerField(default=0)  # as counted when it closed
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="groupbuy_key"),
            models.CheckConstraint(
                condition=Q(threshold_pieces__gte=1, quota_pieces__gte=1, price_minor__gte=1, solo_price_minor__gte=F("price_minor")),
                name="groupbuy_figures",
            ),
            models.CheckConstraint(condition=Q(opens_at__lt=F("deadline_at")), name="groupbuy_times"),
        ]
        indexes = [
            models.Index(fields=["region", "community_id", "deadline_at"], name="groupbuy_community"),
            models.Index(fields=["region", "deadline_at"], name="groupbuy_due", condition=Q(state="open")),
        ]


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


class Order(models.Model):
    """What a member asked for in one go. `placed` waits for money; `paid` waits for its groups."""

    class State(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        READY = "ready"
        HANDED_OVER = "handed_over"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        REFUNDING = "refunding"
        REFUNDED = "refunded"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    key = models.CharField(max_length=128)
    digest = models.CharField(max_length=64)
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    slot = models.SmallIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.PLACED)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    payable_minor = models.BigIntegerField()
    coupon = models.ForeignKey(Coupon, models.PROTECT, null=True, related_name="orders")
    pickup_code = models.CharField(max_length=6, null=True)
    placed_at = models.DateTimeField()
    pay_by = models.DateTimeField()  # machine time: the replay's clock stands
    paid_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "member_id", "key"], name="order_key"),
            # At most so many unpaid orders a member: a free slot is claimed, never counted (stock hoarding).
            models.UniqueConstraint(fields=["region", "member_id", "slot"], name="order_unpaid_slot", condition=Q(state="placed")),
            models.UniqueConstraint(
                fields=["region", "community_id", "pickup_code"], name="order_pickup_code", condition=Q(state__in=["paid", "ready"])
            ),
            models.CheckConstraint(condition=Q(payable_minor=F("total_minor") - F("discount_minor")), name="order_sum"),
            models.CheckConstraint(condition=Q(payable_minor__gte=1, discount_minor__gte=0), name="order_money"),
        ]
        indexes = [
            models.Index(fields=["region", "member_id", "placed_at"], name="order_member"),
            models.Index(fields=["region", "community_id", "state"], name="order_community"),
            models.Index(fields=["region", "placed_at"], name="order_placed"),
            models.Index(fields=["pay_by"], name="order_unpaid", condition=Q(state="placed")),
        ]


class OrderLine(models.Model):
    """One SKU of an order, with the prices as they were charged."""

    class State(models.TextChoices):
        OPEN = "open"  # its group is undecided
        READY = "ready"
        HANDED = "handed"
        CANCELLED = "cancelled"

    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="lines")
    number = models.SmallIntegerField()
    group = models.ForeignKey(GroupBuy, models.PROTECT, related_name="lines")
    sku_code = models.CharField(max_length=48)
    solo = models.BooleanField(default=False)
    quantity = models.IntegerField()
    list_price_minor = models.BigIntegerField()
    unit_price_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "order", "number"], name="line_number"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="line_quantity"),
            models.CheckConstraint(condition=Q(amount_minor=F("quantity") * F("unit_price_minor")), name="line_sum"),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("amount_minor") - F("discount_minor")), name="line_refunded"
            ),
        ]
        indexes = [models.Index(fields=["region", "group", "state"], name="line_group")]


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
    pay_url = models.CharField(max_length=400, blank=True)
    return_url = models.CharField(max_length=400)
    started_at = models.DateTimeField()
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
    line_numbers = models.JSONField(default=list)
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


class HandOver(models.Model):
    """Lines given to the member at the pickup place."""

    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="hand_overs")
    key = models.CharField(max_length=128)
    by = models.CharField(max_length=32)
    at = models.DateTimeField()
    line_numbers = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "order", "key"], name="hand_over_key")]
