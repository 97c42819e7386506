"""The tables of scheduled reports: when which is wanted, and those that were made. Private to web."""

from __future__ import annotations

from django.db import models


class ReportPlan(models.Model):
    """When a region's weekly or monthly report is made, on the shop's clock: on `day` (weekday 0-6, or day 1-28) at `hour`."""

    class Period(models.TextChoices):
        WEEKLY = "weekly"
        MONTHLY = "monthly"

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    period = models.CharField(max_length=7, choices=Period)
    day = models.SmallIntegerField()
    hour = models.SmallIntegerField()
    language = models.CharField(max_length=8)
    active = models.BooleanField(default=True)
    set_by = models.BigIntegerField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "period"], name="report_plan_one")]


class Report(models.Model):
    """A report as it was made, as of a moment: never changed. `pdf` None: no PDF could be made, `why` says why (a refusal's code)."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    period = models.CharField(max_length=7)
    since = models.DateField()
    until = models.DateField()
    language = models.CharField(max_length=8)
    as_of = models.DateTimeField()
    made_at = models.DateTimeField()
    html = models.TextField()
    pdf = models.BinaryField(null=True)
    why = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "period", "until", "language"], name="report_one")]
