"""Trade-in: an old appliance is credited against a new one's order. Money in minor units."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from linli.trade.models.orders import Order
from linli.trade.models.partners import Partner


class ApplianceValue(models.Model):
    """What an old appliance is worth: by category, age (years, the highest it holds for) and condition."""

    region = models.CharField(max_length=32)
    category = models.CharField(max_length=24)
    up_to_years = models.SmallIntegerField()
    condition = models.CharField(max_length=8)
    value_minor = models.BigIntegerField()
    subsidy_minor = models.BigIntegerField(default=0)  # what the shop adds for a new one of the category
    changed_by = models.CharField(max_length=32, default="system")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "category", "up_to_years", "condition"], name="appliance_value"),
            models.CheckConstraint(
                condition=Q(value_minor__gte=0, subsidy_minor__gte=0, up_to_years__gte=1), name="appliance_value_figures"
            ),
        ]


class TradeIn(models.Model):
    """One old appliance on its way; what it brought the member is `credit_minor` (value and subsidy)."""

    class State(models.TextChoices):
        QUOTED = "quoted"
        ORDERED = "ordered"  # its credit is in an order that waits for money
        PAID = "paid"
        PICKED_UP = "picked_up"
        LOWERED = "lowered"  # inspected at less: the member pays the difference or takes it back
        INSPECTED = "inspected"
        SETTLED = "settled"  # the recycler has paid
        RETURNED = "returned"  # the old one went back, the order too
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    key = models.CharField(max_length=96)
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    category = models.CharField(max_length=24)
    age_years = models.SmallIntegerField()
    condition = models.CharField(max_length=8)
    brand = models.CharField(max_length=48, blank=True)
    group_id = models.BigIntegerField()  # of the new one
    sku_code = models.CharField(max_length=48)
    currency = models.CharField(max_length=3)
    value_minor = models.BigIntegerField()
    subsidy_minor = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.QUOTED)
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="trade_ins", db_constraint=False)
    inspected_minor = models.BigIntegerField(null=True)
    due_minor = models.BigIntegerField(default=0)  # what the member still owes of the credit
    recycler = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="trade_ins")
    recycled_minor = models.BigIntegerField(null=True)  # what the recycler paid
    quoted_at = models.DateTimeField()
    good_until = models.DateField()
    orders_made = models.SmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "member_id", "key"], name="trade_in_key"),
            models.UniqueConstraint(fields=["region", "order"], name="trade_in_order", condition=Q(order__isnull=False)),
            models.CheckConstraint(condition=Q(value_minor__gte=0, subsidy_minor__gte=0, due_minor__gte=0), name="trade_in_figures"),
        ]
        indexes = [models.Index(fields=["region", "state"], name="trade_in_state")]

    @property
    def credit_minor(self) -> int:
        return self.value_minor + self.subsidy_minor


class TradeInStep(models.Model):
    """What happened to a trade-in: state reached, who, when, and the amount it was about."""

    region = models.CharField(max_length=32)
    trade_in = models.ForeignKey(TradeIn, models.PROTECT, related_name="steps")
    state = models.CharField(max_length=12)
    at = models.DateTimeField()
    by = models.CharField(max_length=32)
    amount_minor = models.BigIntegerField(null=True)
    note = models.CharField(max_length=96, blank=True)
