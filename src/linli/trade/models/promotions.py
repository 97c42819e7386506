"""Promotions in three stages, and selling rules that are tried. Private to the room."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.groups import GroupBuy


class Promotion(models.Model):
    """A promotion (大促): warm-up, burst, encore. `budget_owner` pays for what it gives away ("playbook:<slug>")."""

    region = models.CharField(max_length=32)
    slug = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    reserve_permille = models.SmallIntegerField(default=200)  # of a group's stock, kept back for its pre-sale
    budget_owner = models.CharField(max_length=96)
    by = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "slug"], name="promotion_slug"),
            models.CheckConstraint(condition=Q(reserve_permille__gte=0, reserve_permille__lte=1000), name="promotion_reserve"),
        ]


class PromotionStage(models.Model):
    """One stage of a promotion, in business time."""

    class Kind(models.TextChoices):
        WARM_UP = "warm_up"
        BURST = "burst"
        ENCORE = "encore"

    region = models.CharField(max_length=32)
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="stages")
    kind = models.CharField(max_length=8, choices=Kind)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "promotion", "kind"], name="promotion_stage"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="promotion_stage_times"),
        ]


class PromotionGroup(models.Model):
    """A group-buy that belongs to a stage; it belongs to one."""

    region = models.CharField(max_length=32)
    stage = models.ForeignKey(PromotionStage, models.PROTECT, related_name="groups")
    group = models.ForeignKey(GroupBuy, models.PROTECT, related_name="promotion_stages")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "group"], name="promotion_group")]


class Policy(models.Model):
    """A selling rule under trial: which of its arms applies follows from the community, or from the week, and from nothing else."""

    class Kind(models.TextChoices):
        THRESHOLD = "threshold"
        LADDER = "ladder"
        SHIPPING = "shipping"

    class Unit(models.TextChoices):
        COMMUNITY = "community"
        WEEK = "week"

    region = models.CharField(max_length=32)
    slug = models.SlugField(max_length=48)
    kind = models.CharField(max_length=9, choices=Kind)
    sku_code = models.CharField(max_length=48, blank=True)  # "" for all (shipping: always "")
    unit = models.CharField(max_length=9, choices=Unit)
    arms = models.JSONField()  # [[name, value], ...] in order; equal shares
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    by = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "slug"], name="policy_slug"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="policy_times"),
        ]
