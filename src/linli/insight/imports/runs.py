"""An import from file to facts: begun, mapped, checked whole, written, taken back. The verbs, for console and command line.

Checking and writing take seconds and run in the worker (or under a progress bar); both may be repeated after a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from linli.goods import queries as goods
from linli.insight.events import ImportWithdrawn
from linli.insight.import_models import ColumnMapping, Import, ImportedRow
from linli.insight.imports import columns, counting, joining, orders, telling
from linli.insight.imports.reading import LIMITS, Read, Tell, Terms
from linli.kernel import clocks, events, sheets, work
from linli.kernel.models import Event, WorkRow
from linli.kernel.refusals import Refusal
from linli.people import queries as people

State = Import.State
KEPT_PROBLEMS = 5_000
HEAD_ROWS = 6
KEPT_SECONDS = 7 * 86_400
_EVENTS = {"orders": "history.order_imported", "messages": "history.messages_counted"}


def _quiet(done: int, total: int, label: str) -> None:
    return


# ---- the file


def _folder() -> Path:
    folder = Path(settings.HOME) / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _keep(content: bytes) -> str:
    """Keep the file until it is written, at most a week: it holds people's names and numbers."""
    old = clocks.machine_now().timestamp() - KEPT_SECONDS
    for path in _folder().iterdir():
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
    name = hashlib.sha256(content).hexdigest()
    (_folder() / name).write_bytes(content)
    return name


def _content(run: Import) -> bytes:
    try:
        return (_folder() / run.content).read_bytes()
    except FileNotFoundError:
        raise Refusal("insight.import_gone") from None


def _forget(run: Import) -> None:
    """The file goes once nothing waits for it."""
    waiting = Import.objects.filter(content=run.content).exclude(state__in=[State.DONE, State.WITHDRAWN])
    if not waiting.exists():
        (_folder() / run.content).unlink(missing_ok=True)


def head_of(*, import_id: int, region: str) -> list[list[str]]:
    """The headings and first rows of the file, for the mapping's preview. Raises Refusal: insight.import_gone, insight.no_such_import."""
    run = _found(import_id, region)
    return [list(row) for row in run.head]


def _table(run: Import) -> list[tuple[int, list[str]]]:
    if run.kind == "messages" and not run.filename.lower().endswith((".xlsx", ".xls", ".csv")):
        return counting.chat(sheets.decoded(_content(run)))
    return sheets.table(_content(run), run.filename, LIMITS)


# ---- the verbs


def begin(*, region: str, kind: str, content: bytes, filename: str, origin: str = "", by: str) -> Import:
    """A file is looked at: headings recognised, mapped as the system's columns were mapped the last time. Nothing is told.

    Raises Refusal: people.no_such_region, insight.import_kind, those of kernel.sheets.table.
    """
    if people.region(region) is None:
        raise Refusal("people.no_such_region", region=region)
    if kind not in columns.KINDS or (origin and origin not in columns.ORIGINS):
        raise Refusal("insight.import_kind", kind=kind, origin=origin)
    if len(content) > LIMITS.bytes:
        raise LIMITS.refusal()
    run = Import(region=region, kind=kind, filename=filename[-120:], content=_keep(content), by=by, made_at=clocks.business_now())
    table = _table(run)
    run.headings, run.head = table[0][1], [cells for _, cells in table[: HEAD_ROWS + 1]]
    run.origin = origin or columns.origin_of(run.headings)
    saved = ColumnMapping.objects.filter(region=region, kind=kind, origin=run.origin).values_list("mapping", flat=True).first()
    run.mapping = columns.recognise(kind, run.headings, saved or {})
    run.save()
    return run


def map_columns(*, import_id: int, region: str, mapping: Mapping[str, str], origin: str, place: str, profiling: bool) -> Import:
    """Say what stands where, whose export it is, which community rows without one belong to, and whether these customers
    have agreed that what they buy is analysed. Kept for the next file of that system. A finished import stays as it is.

    Raises Refusal: insight.no_such_import, insight.import_state, insight.import_kind, kernel.sheet_columns.
    """
    run = _found(import_id, region)
    if run.state not in (State.MAPPING, State.CHECKED):
        raise Refusal("insight.import_state", state=run.state)
    if origin not in columns.ORIGINS:
        raise Refusal("insight.import_kind", kind=run.kind, origin=origin)
    names = {f.name for f in columns.fields(run.kind)}
    run.mapping = {name: heading for name, heading in mapping.items() if name in names and heading in run.headings}
    if lacking := columns.missing(run.kind, run.mapping):
        raise Refusal("kernel.sheet_columns", missing="、".join(columns.field(run.kind, n).headings[0] for n in lacking))
    run.origin, run.place, run.profiling, run.state = origin, place.strip()[:64], profiling, State.MAPPING
    run.save()
    # A field that could have been recognised and was left out on purpose is kept as such.
    kept = dict.fromkeys(columns.recognise(run.kind, run.headings), "") | run.mapping
    ColumnMapping.objects.update_or_create(region=region, kind=run.kind, origin=origin, defaults={"mapping": kept})
    return run


def ask(*, import_id: int, region: str, write: bool) -> None:
    """Let the worker check the file, or write what was checked; asking twice is asking once.

    Raises Refusal: insight.no_such_import, insight.import_state.
    """
    before, after = ((State.CHECKED,), State.WRITING) if write else ((State.MAPPING, State.CHECKED), State.CHECKING)
    with transaction.atomic():
        changed = Import.objects.filter(pk=import_id, region=region, state__in=before)
        if write:
            changed = changed.filter(problem_count=0)
        if not changed.update(state=after):
            run = _found(import_id, region)
            if run.state == after:
                return
            raise Refusal("insight.import_state", state=run.state)
        key = f"{import_id}/{after}/{WorkRow.objects.filter(region=region, kind='insight.import').count()}"
        work.schedule("insight.import", key=key, due_at=clocks.machine_now(), region=region, payload={"import": import_id}, clock="machine")


def import_due(row: WorkRow) -> None:
    """Work handler of "insight.import": whatever the import waits for."""
    run = Import.objects.filter(pk=row.payload["import"], region=row.region).first()

    def tell(done: int, total: int, label: str) -> None:
        work.report(row, done=done, total=total, label=label)

    if run is not None and run.state == State.CHECKING:
        try:
            check(run, tell)
        except Refusal:
            Import.objects.filter(pk=run.pk).update(state=State.MAPPING)
            raise
    elif run is not None and run.state == State.WRITING:
        write(run, tell)


def check(run: Import, tell: Tell = _quiet) -> Read:
    """Read the whole file and judge it against what stands; keep what it would do. Nothing is told.

    Raises Refusal: insight.import_gone, those of kernel.sheets.table, kernel.sheet_columns.
    """
    found = _read(run, tell)
    _judge(run, found)
    run.counts, run.notes = found.counts, found.notes
    run.problem_count = len(found.problems)
    run.problems = [[p.row, p.column, p.code, dict(p.facts)] for p in found.problems[:KEPT_PROBLEMS]]
    run.state = State.CHECKED
    run.save()
    return found


def _read(run: Import, tell: Tell) -> Read:
    tell(0, 3, "import.reading")
    table = _table(run)
    terms = _terms(run)
    tell(1, 3, "import.checking")
    if run.kind == "orders":
        skus = goods.skus(run.region)
        known = {code: s.category for code, s in skus.items()} | {s.name_zh: s.category for s in skus.values()}
        return orders.read(table, run.mapping, terms, known)
    if run.kind == "members":
        return joining.read(table, run.mapping, terms)
    return counting.read(table, run.mapping, terms)


def _terms(run: Import) -> Terms:
    region = people.region(run.region)
    assert region is not None  # an import belongs to a region that is there
    zone = ZoneInfo(region.time_zone)
    return Terms(run.region, region.currency, zone, clocks.business_now(), run.origin, run.place, run.profiling)


def _judge(run: Import, found: Read) -> None:
    """What a file would add to what stands, and what stands in its way."""
    if run.kind == "orders":
        joining.judge_orders(run, found)
    elif run.kind == "members":
        joining.judge_members(run, found)
    else:
        counting.judge(run, found)


def write(run: Import, tell: Tell = _quiet, found: Read | None = None) -> None:
    """Tell what the file says, all of it; then know everybody anew. A file with problems tells nothing.

    `found` is what a check just now read; without it the file is read and judged again.

    Raises Refusal: insight.import_problems(count), insight.import_gone.
    """
    if found is None:
        found = _read(run, tell)
        _judge(run, found)
    if found.problems:
        Import.objects.filter(pk=run.pk).update(state=State.CHECKED, problem_count=len(found.problems))
        raise Refusal("insight.import_problems", count=len(found.problems))
    told = joining.tell(run, found, _terms(run), tell) if run.kind != "messages" else counting.tell(run, found, tell)
    telling.to_lake(run, [*telling.JOINED, *([_EVENTS[run.kind]] if run.kind in _EVENTS else [])], tell)
    run.counts, run.state, run.written_at = {**found.counts, "told": told}, State.DONE, clocks.machine_now()
    run.head = []
    run.save()
    _forget(run)
    if run.kind != "messages":
        know(run.region, tell)


def know(region: str, tell: Tell = _quiet) -> None:
    """After facts of the past have changed: the model learns from them, everybody is known anew, past days are counted again."""
    from linli.insight import refresh, scores  # models and the lake: the pages that begin an import don't wait for them

    now = clocks.business_now()
    tell(0, 6, "knowing.model")
    scores.train(region, now)
    refresh.refresh(region, now, tell, count_again=True)


@transaction.atomic
def withdraw(*, import_id: int, region: str, by: str) -> int:
    """Take an import back: its facts count no more, as of any moment, and the same file may be imported again. Members and
    communities that it brought stay. Returns how many facts it had told.

    Raises Refusal: insight.no_such_import, insight.import_state.
    """
    changed = Import.objects.filter(pk=import_id, region=region, state=State.DONE, kind__in=_EVENTS)
    if not changed.update(state=State.WITHDRAWN):
        raise Refusal("insight.import_state", state=_found(import_id, region).state)
    run = _found(import_id, region)
    told = Event.objects.filter(region=region, source=telling.source(run.pk), kind=_EVENTS[run.kind])
    earliest = told.order_by("recorded_at").values_list("recorded_at", flat=True).first() or run.made_at
    ImportedRow.objects.filter(region=region, import_id=run.pk).delete()
    fact = events.Told(ImportWithdrawn(run.pk), region, f"import:{run.pk}", recorded_at=earliest)
    events.append_many([fact], source=telling.source(run.pk), silent=True)
    key = f"{run.pk}/withdrawn"
    work.schedule("insight.withdrawn", key=key, due_at=clocks.machine_now(), region=region, payload={"import": run.pk}, clock="machine")
    return told.count()


def withdrawn_due(row: WorkRow) -> None:
    """Work handler of "insight.withdrawn": the lake learns of it, and everybody is known anew."""
    run = Import.objects.get(pk=row.payload["import"], region=row.region)
    telling.to_lake(run, ["history.import_withdrawn"])
    know(row.region, lambda done, total, label: work.report(row, done=done, total=total, label=label))


def _found(import_id: int, region: str) -> Import:
    run = Import.objects.filter(pk=import_id, region=region).first()
    if run is None:
        raise Refusal("insight.no_such_import")
    return run


__all__ = ["ask", "begin", "check", "head_of", "import_due", "know", "map_columns", "withdraw", "withdrawn_due", "write"]
