"""The tables of goods. Private to the room."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Sku(models.Model):
    """Something sold in one form. Prices in the minor unit of the region's currency."""

    class Category(models.TextChoices):
        FRUIT = "fruit"
        VEGETABLE = "vegetable"
        MEAT_SEAFOOD = "meat_seafood"
        DAIRY_EGG = "dairy_egg"
        GRAIN_OIL = "grain_oil"
        BAKERY = "bakery"
        OTHER = "other"

    class Layer(models.TextChoices):
        TRAFFIC = "traffic"  # brings people in, sold near cost
        PROFIT = "profit"
        HIT = "hit"  # the one everybody talks about
        EXPERIENCE = "experience"

    class Kind(models.TextChoices):
        GOOD = "good"
        KIT = "kit"  # assembled from other SKUs by a bill of materials
        BUNDLE = "bundle"  # comes with vouchers for a partner's service
        SERVICE = "service"  # a voucher alone
        TRADE_IN_TARGET = "trade_in_target"  # a new appliance against which an old one may be credited
        REFERRAL = "referral"  # shown and referred to a partner, never sold here (prescription goods)

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    pinyin = models.TextField(blank=True)  # made from name_zh by whoever writes it (goods.spelling)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.GOOD)
    category = models.CharField(max_length=16, choices=Category)
    subcategory = models.CharField(max_length=32, blank=True)
    tags = models.JSONField(default=list)
    layer = models.CharField(max_length=12, choices=Layer)
    unit_zh = models.CharField(max_length=48)
    unit_en = models.CharField(max_length=48)
    fact_zh = models.CharField(max_length=160, blank=True)
    fact_en = models.CharField(max_length=160, blank=True)
    origin_zh = models.CharField(max_length=64, blank=True)
    origin_en = models.CharField(max_length=64, blank=True)
    partner = models.CharField(max_length=48, blank=True)  # the code of the partner whose product it is
    weighed = models.BooleanField(default=False)  # charged by what a piece weighs
    piece_g = models.IntegerField(null=True)  # a piece's nominal weight, the most it is charged for
    list_price_minor = models.BigIntegerField()
    cost_minor = models.BigIntegerField()
    picture = models.SlugField(max_length=48)
    history_type = models.CharField(max_length=96, blank=True)
    shelf_life_days = models.IntegerField()
    active = models.BooleanField(default=True)  # False: out of the catalogue, kept for what was sold

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="sku_code"),
            models.CheckConstraint(condition=Q(list_price_minor__gt=0, cost_minor__gte=0, shelf_life_days__gt=0), name="sku_figures"),
            models.CheckConstraint(condition=Q(piece_g__gt=0) | Q(weighed=False), name="sku_weighed"),
        ]
        indexes = [models.Index(fields=["region", "partner"], name="sku_partner")]


class SkuChange(models.Model):
    """Who changed what of a SKU: field -> [before, after]."""

    region = models.CharField(max_length=32)
    sku_code = models.CharField(max_length=48)
    at = models.DateTimeField()
    by = models.CharField(max_length=32)
    fields = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["region", "sku_code", "at"], name="sku_change_code")]


class KitPart(models.Model):
    """One component of a kit: so many pieces of it in each."""

    region = models.CharField(max_length=32)
    kit_code = models.CharField(max_length=48)
    component_code = models.CharField(max_length=48)
    pieces = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "kit_code", "component_code"], name="kit_part"),
            models.CheckConstraint(condition=Q(pieces__gte=1) & ~Q(kit_code=F("component_code")), name="kit_part_pieces"),
        ]


class KitRun(models.Model):
    """Kits assembled, taken apart or lost at a place, with what they cost then."""

    class Kind(models.TextChoices):
        ASSEMBLED = "assembled"
        DISASSEMBLED = "disassembled"
        LOST = "lost"

    region = models.CharField(max_length=32)
    key = models.CharField(max_length=96)
    kind = models.CharField(max_length=12, choices=Kind)
    sku_code = models.CharField(max_length=48)  # the kit; of a loss also a component
    place = models.CharField(max_length=64)
    quantity = models.IntegerField()
    parts = models.JSONField(default=dict)  # component -> pieces in one kit, as it was then
    unit_cost_minor = models.BigIntegerField()
    reason = models.CharField(max_length=32, blank=True)
    best_before = models.DateField(null=True)
    by = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="kit_run_key"),
            models.CheckConstraint(condition=Q(quantity__gte=1, unit_cost_minor__gte=0), name="kit_run_figures"),
        ]
        indexes = [models.Index(fields=["region", "sku_code", "at"], name="kit_run_sku")]
