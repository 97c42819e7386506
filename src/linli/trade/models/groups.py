"""Group-buys. Money in the minor unit of the region's currency."""

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
