"""The tables of boards: sums that a refresh keeps so that no page counts everybody, and what the operator aims at."""

from __future__ import annotations

from django.db import models


class SegmentDay(models.Model):
    """A segment as of a refresh: its members, what they spent in 365 days, and who came and left since the refresh before."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    as_of = models.DateTimeField()
    segment = models.CharField(max_length=24)
    members = models.IntegerField()
    spend_minor = models.BigIntegerField()
    entered = models.IntegerField(default=0)
    left = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "as_of", "segment"], name="segment_day_one")]


class MetricTarget(models.Model):
    """What the operator aims at with a metric, from a moment on; the newest holds. `value` None: no target. Never changed."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    metric = models.CharField(max_length=32)
    value = models.FloatField(null=True)
    set_by = models.BigIntegerField()
    set_at = models.DateTimeField()
    key = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "key"], name="metric_target_once")]
        indexes = [models.Index(fields=["region", "metric", "-set_at"], name="metric_target_newest")]


class MetricPart(models.Model):
    """One metric of the newest counted day for a part of the shop: a chat group, a leader, or a product (`level`).

    `part` is the group's or person's number, or the product's name.
    """

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    level = models.CharField(max_length=8)
    metric = models.CharField(max_length=32)
    part = models.CharField(max_length=96)
    community_id = models.BigIntegerField(default=0)
    as_of = models.DateTimeField()
    value = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "level", "metric", "part", "community_id"], name="metric_part_one")]


class CohortMonth(models.Model):
    """Of the members whose first purchase fell in the month `cohort`: how many bought `age` months later, and for how much."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    cohort = models.DateField()
    age = models.SmallIntegerField()
    members = models.IntegerField()
    bought = models.IntegerField()
    sales_minor = models.BigIntegerField()
    whole = models.BooleanField()  # False: the month was not over as of the count
    as_of = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "cohort", "age"], name="cohort_month_one")]


class PlaceHour(models.Model):
    """Orders of a community by weekday (0 Monday) and hour on the shop's clock, over the days before `as_of`."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    community_id = models.BigIntegerField()
    weekday = models.SmallIntegerField()
    hour = models.SmallIntegerField()
    orders = models.IntegerField()
    as_of = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "community_id", "weekday", "hour"], name="place_hour_one")]
