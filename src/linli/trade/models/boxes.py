"""Weekly boxes: a subscription that places one order a week for the member, who pays it or lets it pass."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from linli.trade.models.orders import Order


class BoxPlan(models.Model):
    """What can be subscribed to: a SKU that is packed each week, its price and its weekdays of pickup."""

    region = models.CharField(max_length=32)
    slug = models.SlugField(max_length=48)
    sku_code = models.CharField(max_length=48)
    price_minor = models.BigIntegerField()
    weekdays = models.JSONField()  # ISO: 1 is Monday
    contents_zh = models.CharField(max_length=160, blank=True)  # this week's
    contents_en = models.CharField(max_length=160, blank=True)
    off_days = models.JSONField(default=list)  # ISO dates without pickup (holidays)
    community_ids = models.JSONField(default=list)  # empty: everywhere
    pieces_a_week = models.IntegerField(default=200)  # as many as are packed for a community
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "slug"], name="box_plan_slug"),
            models.CheckConstraint(condition=Q(price_minor__gte=1), name="box_plan_price"),
        ]


class Box(models.Model):
    """A member's subscription to a plan."""

    class State(models.TextChoices):
        ACTIVE = "active"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    plan = models.ForeignKey(BoxPlan, models.PROTECT, related_name="boxes")
    key = models.CharField(max_length=96)
    weekday = models.SmallIntegerField()
    quantity = models.SmallIntegerField(default=1)
    state = models.CharField(max_length=9, choices=State, default=State.ACTIVE)
    paused_until = models.DateField(null=True)  # no pickup before this day
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "member_id", "key"], name="box_key"),
            models.UniqueConstraint(fields=["region", "member_id", "plan"], name="box_one_a_plan", condition=Q(state="active")),
            models.CheckConstraint(condition=Q(weekday__gte=1, weekday__lte=7, quantity__gte=1, quantity__lte=20), name="box_figures"),
        ]


class BoxWeek(models.Model):
    """One week of a box, by the ISO week of its pickup day. There is at most one: two orders for a week can't be."""

    class State(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        SKIPPED = "skipped"  # by the member
        UNPAID = "unpaid"  # let pass
        PAUSED = "paused"
        OFF = "off"  # a holiday
        FAILED = "failed"  # couldn't be placed: `note` says why

    region = models.CharField(max_length=32)
    box = models.ForeignKey(Box, models.PROTECT, related_name="weeks")
    week = models.CharField(max_length=8)  # "2017-W40"
    pickup_on = models.DateField()
    state = models.CharField(max_length=7, choices=State)
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="box_weeks", db_constraint=False)
    note = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "box", "week"], name="box_week"),
            models.UniqueConstraint(fields=["region", "order"], name="box_week_order", condition=Q(order__isnull=False)),
        ]
