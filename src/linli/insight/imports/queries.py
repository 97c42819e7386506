"""What others read of imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linli.insight.import_models import Import
from linli.kernel.models import WorkRow


@dataclass(frozen=True)
class ImportInfo:
    """One import. `problems` are (row, column, code, facts), the first of `problem_count`; `counts` and `notes` what it would
    add, or has added (`told`). `state`: mapping, checking, checked, writing, done, withdrawn."""

    import_id: int
    region: str
    kind: str
    origin: str
    filename: str
    headings: tuple[str, ...]
    mapping: Mapping[str, str]
    place: str
    profiling: bool
    state: str
    counts: Mapping[str, int]
    notes: Mapping[str, Mapping[str, int]]
    problems: tuple[tuple[int, str, str, Mapping[str, Any]], ...]
    problem_count: int
    by: str
    made_at: datetime
    written_at: datetime | None


@dataclass(frozen=True)
class Progress:
    """How far the worker is with an import, or why it stopped. `label` is a code of words."""

    done: int
    total: int
    label: str
    failed: bool
    error: str


def _info(run: Import) -> ImportInfo:
    problems = tuple((row, column, code, facts) for row, column, code, facts in run.problems)
    return ImportInfo(
        run.pk, run.region, run.kind, run.origin, run.filename, tuple(run.headings), run.mapping, run.place, run.profiling,
        run.state, run.counts, run.notes, problems, run.problem_count, run.by, run.made_at, run.written_at,
    )  # fmt: skip


def listed(region: str | None = None, *, limit: int = 100) -> list[ImportInfo]:
    """Imports, newest first, of one region or all."""
    found = Import.objects.order_by("-pk")
    return [_info(run) for run in (found.filter(region=region) if region else found)[:limit]]


def one(import_id: int, region: str) -> ImportInfo | None:
    """One import of the region."""
    run = Import.objects.filter(pk=import_id, region=region).first()
    return _info(run) if run else None


def progress(import_id: int, region: str) -> Progress | None:
    """What the worker does for this import now; None when nothing is under way."""
    rows = WorkRow.objects.filter(region=region, kind__in=["insight.import", "insight.withdrawn"], payload__import=import_id)
    row = rows.order_by("-pk").first()
    if row is None or row.state not in (WorkRow.State.DUE, WorkRow.State.FAILED):
        return None
    told = row.progress or {}
    label = str(told.get("label") or "import.waiting")
    failed = row.state == WorkRow.State.FAILED
    return Progress(int(told.get("done", 0)), max(int(told.get("total", 1)), 1), label, failed, row.error)
