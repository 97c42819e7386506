"""The tables of imports: a file on its way, what each row became, and how a system's columns were mapped. Private to insight."""

from __future__ import annotations

from django.db import models


class Import(models.Model):
    """One file: looked at, mapped, checked, told, perhaps withdrawn."""

    class State(models.TextChoices):
        MAPPING = "mapping"
        CHECKING = "checking"
        CHECKED = "checked"
        WRITING = "writing"
        DONE = "done"
        WITHDRAWN = "withdrawn"

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=12)
    origin = models.CharField(max_length=16)
    filename = models.CharField(max_length=120)
    content = models.CharField(max_length=64)  # SHA-256, the name of the kept file
    headings = models.JSONField(default=list)
    head = models.JSONField(default=list)  # the first rows, until it is written: a preview need not read the file again
    mapping = models.JSONField(default=dict)  # field -> heading
    place = models.CharField(max_length=64, blank=True)
    profiling = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.MAPPING)
    counts = models.JSONField(default=dict)
    notes = models.JSONField(default=dict)
    problems = models.JSONField(default=list)  # [row, column, code, facts], the first of them
    problem_count = models.IntegerField(default=0)
    by = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "insight"
        indexes = [models.Index(fields=["region", "-id"], name="import_newest")]


class ImportedRow(models.Model):
    """A revision of an order (or a day's count) was told by one import: the constraint is the judge of who tells it."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=12)
    key = models.CharField(max_length=32)
    revision = models.SmallIntegerField()
    digest = models.CharField(max_length=16)
    import_id = models.BigIntegerField()

    class Meta:
        app_label = "insight"
        constraints = [models.UniqueConstraint(fields=["region", "kind", "key", "revision"], name="imported_once")]
        indexes = [models.Index(fields=["region", "import_id"], name="imported_by")]


class ColumnMapping(models.Model):
    """How somebody mapped a system's columns the last time."""

    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=12)
    origin = models.CharField(max_length=16)
    mapping = models.JSONField(default=dict)

    class Meta:
        app_label = "insight"
        constraints = [models.UniqueConstraint(fields=["region", "kind", "origin"], name="column_mapping_one")]
