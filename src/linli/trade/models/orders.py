"""Orders, their lines and their hand-overs. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.coupons import Coupon
from linli.trade.models.groups import GroupBuy, Team


class Pickup(models.Model):
    """What a member fetches in one go: all their orders of one wave, under one code."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"

    region = models.CharField(max_length=32)
    community_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    wave_on = models.DateField()
    code = models.CharField(max_length=6)
    state = models.CharField(max_length=4, choices=State, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "community_id", "member_id", "wave_on"], name="pickup_wave"),
            models.UniqueConstraint(fields=["region", "community_id", "code"], name="pickup_code", condition=Q(state="open")),
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
    total_minor = models.BigIntegerField()  # the lines' amounts
    discount_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    payable_minor = models.BigIntegerField()
    steps = models.JSONField(default=list)  # the price's explanation, as charged: [[code, amount_minor, facts], ...]
    coupon = models.ForeignKey(Coupon, models.PROTECT, null=True, related_name="orders", db_constraint=False)  # read to be priced
    source = models.CharField(max_length=16, default="shop")  # shop, leader, box (a subscription), api
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
            models.CheckConstraint(
                condition=Q(payable_minor=F("total_minor") - F("discount_minor") + F("shipping_minor")), name="order_sum"
            ),
            models.CheckConstraint(condition=Q(payable_minor__gte=1, discount_minor__gte=0, shipping_minor__gte=0), name="order_money"),
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
    # Without the database's own checks: they lock a row of each group for every line, in the order asked, and cost a
    # third of an order. None of these is ever deleted, and who writes them has read them in the same transaction.
    # Without indexes of their own: those below begin with them.
    order = models.ForeignKey(Order, models.PROTECT, related_name="lines", db_constraint=False, db_index=False)
    number = models.SmallIntegerField()
    group = models.ForeignKey(GroupBuy, models.PROTECT, related_name="lines", db_constraint=False, db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="lines", db_constraint=False, db_index=False)
    pickup = models.ForeignKey(Pickup, models.PROTECT, null=True, related_name="lines", db_constraint=False, db_index=False)  # once paid
    sku_code = models.CharField(max_length=48)
    solo = models.BooleanField(default=False)
    quantity = models.IntegerField()  # as charged, what was wanted and the tolerance
    tolerance_pieces = models.IntegerField(default=0)  # so many of them only if they fill a case
    returned_pieces = models.IntegerField(default=0)  # gone back, at the close or later
    list_price_minor = models.BigIntegerField()
    unit_price_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    discount_back_minor = models.BigIntegerField(default=0)
    weighed_g = models.IntegerField(null=True)  # what a weighed line came to
    gift = models.BooleanField(default=False)
    claims = models.CharField(max_length=64, blank=True)  # what it holds beside its pieces: "cap seat ticket"
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "number", "region"], name="line_number"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, tolerance_pieces__gte=0, tolerance_pieces__lt=F("quantity")), name="line_quantity"
            ),
            models.CheckConstraint(condition=Q(returned_pieces__gte=0, returned_pieces__lte=F("quantity")), name="line_returned"),
            models.CheckConstraint(condition=Q(amount_minor=F("quantity") * F("unit_price_minor")), name="line_sum"),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("amount_minor") - F("discount_minor")), name="line_refunded"
            ),
            models.CheckConstraint(
                condition=Q(discount_back_minor__gte=0, discount_back_minor__lte=F("discount_minor")), name="line_discount_back"
            ),
        ]
        indexes = [
            models.Index(fields=["group", "state"], name="line_group"),
            models.Index(fields=["pickup"], name="line_pickup", condition=Q(pickup__isnull=False)),
            models.Index(fields=["team"], name="line_team", condition=Q(team__isnull=False)),
        ]


class OrderDiscount(models.Model):
    """Something an order was given beside its coupon: what it took off, and which budget answers for it."""

    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="discounts", db_constraint=False)
    number = models.SmallIntegerField()
    code = models.CharField(max_length=48)
    amount_minor = models.BigIntegerField()
    budget_owner = models.CharField(max_length=96)  # "playbook:<slug>"
    reference = models.CharField(max_length=96, blank=True)  # what gave it: an arm, a level

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "order", "number"], name="order_discount_number"),
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="order_discount_amount"),
        ]


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
