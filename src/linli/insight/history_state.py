"""Where imported history stands: one row a region."""

from __future__ import annotations

from django.db import models


class HistoryState(models.Model):
    """What was imported into a region, and up to when its later days have been revealed."""

    region = models.CharField(max_length=32, primary_key=True)
    starts_at = models.DateTimeField()
    revealed_until = models.DateTimeField()
    imported_at = models.DateTimeField()
    report = models.JSONField()

    class Meta:
        app_label = "insight"
