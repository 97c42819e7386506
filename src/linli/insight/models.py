"""The tables of insight: what was known at the last refresh, and how it came to be. Private to the room."""

from __future__ import annotations

from django.db import models

from linli.insight.board_models import CohortMonth, MetricPart, MetricTarget, PlaceHour, SegmentDay
from linli.insight.history_state import HistoryState
from linli.insight.import_models import ColumnMapping, Import, ImportedRow

__all__ = [
    "CohortMonth",
    "ColumnMapping",
    "HistoryState",
    "Import",
    "ImportedRow",
    "MemberState",
    "MetricPart",
    "MetricTarget",
    "MetricValue",
    "PlaceHour",
    "Popular",
    "Refresh",
    "Score",
    "SegmentChange",
    "SegmentDay",
    "SegmentStay",
]


class MemberState(models.Model):
    """What is known of one member, as of `as_of`. One row a member; features by name in `features`."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    external_id = models.CharField(max_length=64, blank=True)
    as_of = models.DateTimeField()
    lifecycle = models.CharField(max_length=12)
    recency_grade = models.SmallIntegerField(default=0)
    orders_grade = models.SmallIntegerField(default=0)
    spend_grade = models.SmallIntegerField(default=0)
    recency_days = models.IntegerField(null=True)
    orders_90d = models.IntegerField(default=0)
    orders_30d = models.IntegerField(default=0)
    spend_30d_minor = models.BigIntegerField(default=0)
    spend_365d_minor = models.BigIntegerField(default=0)
    value_rank = models.IntegerField(null=True)
    profiled = models.BooleanField(default=True)
    risk = models.FloatField(null=True)
    expected_loss_minor = models.BigIntegerField(null=True)
    risk_reasons = models.JSONField(default=list)
    response_level = models.SmallIntegerField(default=0)
    segments = models.JSONField(default=list)
    features = models.JSONField(default=dict)
    weeks = models.JSONField(default=list)  # [[day number of the Monday, orders, spend]], those with orders
    favourites = models.JSONField(default=list)  # [[product type, baskets]]
    order_days = models.JSONField(default=list)  # the last days with an order (day numbers), oldest first
    value_90d_minor = models.BigIntegerField(null=True)  # expected in the coming 90 days
    value = models.JSONField(default=dict)  # its median, interval and parts: values.Worth.to_dict
    next_basket = models.JSONField(default=dict)  # {"repeat": [...], "explore": [...]}: baskets.Wanted

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "member_id"], name="member_state_one")]
        indexes = [
            models.Index(fields=["region", "-risk"], name="member_state_risk"),
            models.Index(fields=["region", "-expected_loss_minor"], name="member_state_loss"),
            models.Index(fields=["region", "-spend_365d_minor"], name="member_state_spend"),
            models.Index(fields=["region", "community_id"], name="member_state_community"),
        ]


class Popular(models.Model):
    """What sells in a community (0: the region), drawn at the last refresh from nobody's own history."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    community_id = models.BigIntegerField(default=0)
    as_of = models.DateTimeField()
    items = models.JSONField(default=list)  # [[item, households of four weeks]], best first

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "community_id"], name="popular_one")]


class SegmentStay(models.Model):
    """A member is in a segment, since a moment. Leaving deletes the row; SegmentChange keeps the history."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    segment = models.CharField(max_length=24)
    member_id = models.BigIntegerField()
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "segment", "member_id"], name="segment_stay_one")]
        indexes = [models.Index(fields=["region", "member_id"], name="segment_stay_member")]


class SegmentChange(models.Model):
    """A member entered or left a segment, and why, as of a moment. Never changed."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    segment = models.CharField(max_length=24)
    entered = models.BooleanField()
    as_of = models.DateTimeField()
    reason = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["region", "as_of", "segment"], name="segment_change_when"),
            models.Index(fields=["region", "member_id", "as_of"], name="segment_change_member"),
        ]


class Score(models.Model):
    """The risk a member had on a day, kept so that what came true can be held against it."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    as_of = models.DateTimeField()
    member_id = models.BigIntegerField()
    risk = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "as_of", "member_id"], name="score_one")]


class MetricValue(models.Model):
    """One metric on one day, of the region (`community_id` 0) or of a community."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    metric = models.CharField(max_length=32)
    community_id = models.BigIntegerField(default=0)
    day = models.DateField()
    as_of = models.DateTimeField()
    value = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "community_id", "metric", "day"], name="metric_value_one")]


class Refresh(models.Model):
    """One finished refresh of a region: what it saw, what it cost, on which scale members were graded."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    as_of = models.DateTimeField()
    finished_at = models.DateTimeField()
    seconds = models.FloatField()
    members = models.IntegerField()
    counts = models.JSONField(default=dict)
    scale = models.JSONField(default=dict)
    model = models.JSONField(default=dict)
    truth = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "as_of"], name="refresh_one")]
