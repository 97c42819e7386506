"""What members ask for after the hand-over, and what weighed lines came to. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.orders import Order, OrderLine
from linli.trade.models.pay import Refund


class AfterSale(models.Model):
    """A member asks for something back of one line. One open request a line."""

    class Reason(models.TextChoices):
        DAMAGED = "damaged"
        SHORT = "short"  # weighs less than it should
        MISSING = "missing"
        QUALITY = "quality"
        OTHER = "other"

    class Unit(models.TextChoices):
        PIECES = "pieces"
        GRAMS = "grams"
        PERCENT = "percent"

    class State(models.TextChoices):
        OPEN = "open"  # the leader may settle it on the spot
        ESCALATED = "escalated"  # the operator decides
        SETTLED = "settled"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    order = models.ForeignKey(Order, models.PROTECT, related_name="after_sales")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="after_sales")
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    key = models.CharField(max_length=128)
    reason = models.CharField(max_length=8, choices=Reason)
    unit = models.CharField(max_length=7, choices=Unit)
    amount = models.IntegerField()  # in that unit: what is wrong
    asked_minor = models.BigIntegerField()  # what it comes to for the member
    words = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    granted_minor = models.BigIntegerField(null=True)
    why = models.CharField(max_length=200, blank=True)
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, related_name="after_sales")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "member_id", "key"], name="aftersale_key"),
            models.UniqueConstraint(fields=["region", "line"], name="aftersale_one_open", condition=Q(state__in=["open", "escalated"])),
            models.CheckConstraint(condition=Q(amount__gte=1, asked_minor__gte=1), name="aftersale_amount"),
            models.CheckConstraint(
                condition=Q(granted_minor=None) | Q(granted_minor__gte=0, granted_minor__lte=F("asked_minor")), name="aftersale_granted"
            ),
        ]
        indexes = [
            models.Index(fields=["region", "asked_at"], name="aftersale_waits", condition=Q(state__in=["open", "escalated"])),
            models.Index(fields=["region", "community_id", "asked_at"], name="aftersale_community"),
        ]


class AfterSaleStep(models.Model):
    """Who did what to a request, when and why. Never changed."""

    region = models.CharField(max_length=32)
    after_sale = models.ForeignKey(AfterSale, models.PROTECT, related_name="steps")
    what = models.CharField(max_length=9)  # asked, escalated, settled, refused, withdrawn
    by = models.CharField(max_length=32)
    why = models.CharField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField(null=True)
    at = models.DateTimeField()


class AfterSalePhoto(models.Model):
    """A picture of what is wrong, re-encoded; the file is named after the id and lies under HOME/uploads."""

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    after_sale = models.ForeignKey(AfterSale, models.PROTECT, related_name="photos")
    number = models.SmallIntegerField()
    width = models.IntegerField()
    height = models.IntegerField()
    size_bytes = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "after_sale", "number"], name="aftersale_photo")]


class Weighing(models.Model):
    """What a weighed line came to. Held and charged at its most; the difference goes back `settle_at` (machine time)."""

    region = models.CharField(max_length=32)
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="weighings")
    pieces = models.IntegerField()
    most_g = models.IntegerField()
    grams = models.IntegerField()
    most_minor = models.BigIntegerField()  # what the line costs at its most
    charged_minor = models.BigIntegerField()  # what it costs at `grams`
    returned_minor = models.BigIntegerField(default=0)  # of the difference, what has gone back
    version = models.IntegerField(default=1)  # one more with each correction
    by = models.CharField(max_length=32)
    weighed_at = models.DateTimeField()  # the first time
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "line"], name="weighing_line"),
            models.CheckConstraint(
                condition=Q(charged_minor__gte=0, charged_minor__lte=F("most_minor"), returned_minor__gte=0)
                & Q(returned_minor__lte=F("most_minor") - F("charged_minor")),
                name="weighing_money",
            ),
        ]
