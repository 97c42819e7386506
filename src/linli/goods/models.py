"""The tables of goods. Private to the room."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


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

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    category = models.CharField(max_length=16, choices=Category)
    layer = models.CharField(max_length=12, choices=Layer)
    unit_zh = models.CharField(max_length=48)
    unit_en = models.CharField(max_length=48)
    fact_zh = models.CharField(max_length=160, blank=True)
    fact_en = models.CharField(max_length=160, blank=True)
    list_price_minor = models.BigIntegerField()
    cost_minor = models.BigIntegerField()
    picture = models.SlugField(max_length=48)
    history_type = models.CharField(max_length=96, blank=True)
    shelf_life_days = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="sku_code"),
            models.CheckConstraint(condition=Q(list_price_minor__gt=0, cost_minor__gte=0, shelf_life_days__gt=0), name="sku_figures"),
        ]
