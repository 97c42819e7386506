"""One event log: every fact is typed, versioned and written in the transaction of the change it reports.

Readers follow it with a cursor each, behind a safe horizon: ids commit out of order, so an event is shown to
readers only once every transaction that began before its own has ended (PostgreSQL's snapshot xmin; SQLite has
one writer, so its ids are the commit order).
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan

from linli.kernel import bulk, busy, clocks, ids
from linli.kernel.models import Event, Reader

log = logging.getLogger(__name__)


class Fact:
    """What happened. Subclasses are frozen dataclasses, past tense, decorated with @fact."""

    kind: ClassVar[str]
    version: ClassVar[int]
    personal: ClassVar[tuple[str, ...]] = ()
    """Text fields that say who somebody is: what `redact` blanks when a person has to be forgotten."""


KINDS: dict[str, type[Fact]] = {}
"""Every known kind, filled as the rooms' events.py are imported by their apps."""


def fact[T: type[Fact]](kind: str, *, version: int = 1) -> Callable[[T], T]:
    """Name a Fact: `@fact("trade.order_paid")` above `@dataclass(frozen=True)`."""

    def name(cls: T) -> T:
        if kind in KINDS:
            raise ValueError(f"event kind {kind} is defined twice")
        if taken := {"kind", "version"} & set(getattr(cls, "__dataclass_fields__", ())):
            raise ValueError(f"{kind} can't have a field {taken}: the fact's own name would be hidden by it")
        cls.kind, cls.version = kind, version
        KINDS[kind] = cls
        return cls

    return name


UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(kind, version) -> what makes the next version's payload of that version's. Facts in the log are never rewritten."""


def upcast[F: Callable[[dict[str, Any]], dict[str, Any]]](kind: str, version: int) -> Callable[[F], F]:
    """Say how a payload of `version` is read as `version + 1`: `@upcast("trade.order_paid", 1)` above a pure function of it.

    Needed where a field changed its name, unit or meaning; one that was only added is null in older facts without it.
    """

    def keep(function: F) -> F:
        if (kind, version) in UPCASTS:
            raise ValueError(f"version {version} of {kind} is read in two ways")
        UPCASTS[kind, version] = function
        return function

    return keep


def current(kind: str, version: int, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload as the newest version of its kind has it."""
    while (step := UPCASTS.get((kind, version))) is not None:
        payload, version = step(dict(payload)), version + 1
    return payload


@dataclass(frozen=True)
class Told:
    """A fact with its circumstances, as `append_many` takes it."""

    fact: Fact
    region: str
    subject: str = ""
    happened_at: datetime | None = None
    recorded_at: datetime | None = None
    uid: uuid.UUID | None = None


def append(fact: Fact, *, region: str, subject: str = "", happened_at: datetime | None = None, uid: uuid.UUID | None = None) -> Event:
    """Write one fact. `subject` is whom it is about, "member:17". `happened_at` is now unless told."""
    return append_many([Told(fact, region, subject, happened_at, uid=uid)])[0]


def append_many(told: Iterable[Told], *, source: str = "live", silent: bool = False) -> list[Event]:
    """Write many facts in one statement, in order. `silent` ones go to the lake's importer, never to readers.

    A `uid` that is already there is an IntegrityError: a fact is told once.
    """
    now = clocks.business_now()
    # One transaction for the id and the rows: an id from a transaction that has ended would let readers pass by.
    with transaction.atomic(savepoint=False):
        tx = _transaction_id()
        rows = [
            Event(
                uid=t.uid or ids.new(),
                tx=tx,
                region=t.region,
                kind=t.fact.kind,
                version=t.fact.version,
                subject=t.subject,
                happened_at=t.happened_at or now,
                recorded_at=t.recorded_at or now,
                source=source,
                silent=silent,
                payload=dataclasses.asdict(t.fact),  # type: ignore[call-overload]
            )
            for t in told
        ]
        return Event.objects.bulk_create(rows, batch_size=2000)


_ROWS = bulk.Table(
    Event,
    ("uid", "region", "kind", "version", "subject", "happened_at", "recorded_at", "source", "payload"),
    sql={"tx": {"postgresql": "pg_current_xact_id()::text::bigint", "sqlite": "0"}},
)


_PAYLOAD = json.JSONEncoder(default=vars)


def rows(told: Iterable[Told]) -> bulk.Rows:
    """Facts as rows, to be written in one statement with the change that they report (`bulk.write`)."""
    now = clocks.business_now()
    return bulk.Rows(
        _ROWS,
        [
            (
                t.uid.hex if t.uid else ids.new_hex(),
                t.region,
                t.fact.kind,
                t.fact.version,
                t.subject,
                t.happened_at or now,
                t.recorded_at or now,
                "live",
                _PAYLOAD.encode(vars(t.fact)),
            )
            for t in told
        ],
    )


@dataclass(frozen=True)
class Column:
    """One fact as `append_bulk` takes it: already serialised, with its own times and uid (32 hex digits)."""

    uid_hex: str
    subject: str
    happened_at: datetime
    recorded_at: datetime
    payload_json: str


def append_bulk(kind: str, rows: Iterable[Column], *, region: str, source: str, silent: bool = True, chunk: int = 5000) -> int:
    """Write very many facts of one kind, those whose uid is already there left out. Returns how many were new.

    The importers' way in: no dataclass and no ORM row a fact. Payloads must have the shape of the Fact's fields
    (a test of each importer holds that). Runs in the caller's transaction.
    """
    added = 0
    with transaction.atomic(), connection.cursor() as cursor:
        write, at = (_copy, _as_is) if connection.vendor == "postgresql" else (_insert, _sqlite_time)
        head = (_transaction_id(), region, kind, KINDS[kind].version)
        for batch in itertools.batched(rows, chunk):
            values = [(r.uid_hex, *head, r.subject, at(r.happened_at), at(r.recorded_at), source, silent, r.payload_json) for r in batch]
            added += write(cursor, values)
    return added


_BULK = "uid, tx, region, kind, version, subject, happened_at, recorded_at, source, silent, payload"


def _as_is(at: datetime) -> datetime:
    return at


def _sqlite_time(at: datetime) -> str:
    """As Django writes it on SQLite: naive UTC text."""
    return str(at.astimezone(UTC).replace(tzinfo=None))


def _insert(cursor: Any, rows: list[tuple[Any, ...]]) -> int:
    marks = ", ".join(["%s"] * len(rows[0]))
    cursor.executemany(f"INSERT OR IGNORE INTO {Event._meta.db_table} ({_BULK}) VALUES ({marks})", rows)  # noqa: S608 (own names)
    return int(cursor.rowcount)


def _copy(cursor: Any, rows: list[tuple[Any, ...]]) -> int:
    """PostgreSQL: COPY beside the table, then take over what is new, in order."""
    table = Event._meta.db_table
    cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS event_bulk AS SELECT {_BULK} FROM {table} WITH NO DATA")  # noqa: S608 (own names)
    cursor.execute("ALTER TABLE event_bulk ADD COLUMN IF NOT EXISTS n bigserial")
    with cursor.copy(f"COPY event_bulk ({_BULK}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(f"INSERT INTO {table} ({_BULK}) SELECT {_BULK} FROM event_bulk ORDER BY n ON CONFLICT DO NOTHING")  # noqa: S608
    added = int(cursor.rowcount)
    cursor.execute("DROP TABLE event_bulk")
    return added


def _transaction_id() -> int:
    """The id of this transaction where several can write at once (PostgreSQL); 0 where one writes (SQLite)."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


def _horizon() -> int:
    """Every transaction with a lower id has ended."""
    if connection.vendor != "postgresql":
        return 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def _beyond(tx: int, event_id: int, horizon: int | None = None) -> QuerySet[Event]:
    """What lies beyond a cursor and, unless told otherwise, before the horizon, in the readers' order.

    Compared as a pair, so that both databases walk the index instead of sorting the rest of the log.
    """
    later: Any = TupleGreaterThan(Tuple(F("tx"), F("id")), (tx, event_id))
    found = Event.objects.filter(later).order_by("tx", "id")
    return found if horizon is None else found.filter(tx__lt=horizon)


def after(tx: int, event_id: int, *, limit: int, kinds: Sequence[str] | None = None, horizon: int | None = None) -> list[Event]:
    """The next events a reader at (`tx`, `event_id`) may see, oldest first. Silent ones are left out."""
    found = _beyond(tx, event_id, _horizon() if horizon is None else horizon).filter(silent=False)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    return [_upcast(event) for event in found[:limit]]


def _upcast(event: Event) -> Event:
    if (event.kind, event.version) in UPCASTS:
        event.payload = current(event.kind, event.version, event.payload)
    return event


class Row(NamedTuple):
    """An event as the database holds it: what has to read a hundred thousand of them turns columns at once.

    `uid` is hex, with dashes or without; both times are aware, or naive UTC text; `payload` is JSON text.
    """

    id: int
    tx: int
    uid: str
    region: str
    kind: str
    subject: str
    happened_at: datetime | str
    recorded_at: datetime | str
    source: str
    payload: str
    version: int = 1


def raw_after(tx: int, event_id: int, *, limit: int, kinds: Sequence[str] | None = None, horizon: int | None = None) -> list[Row]:
    """`after` as rows."""
    return _rows("(tx, id) > (%s, %s) AND tx < %s AND NOT silent", [tx, event_id, _horizon() if horizon is None else horizon], kinds, limit)


def whole_log(*, chunk: int = 10_000) -> Iterator[list[Row]]:
    """Everything recorded, silent facts too, in the readers' order: what a rebuild reads."""
    tx, event_id = -1, 0
    while batch := _rows("(tx, id) > (%s, %s) AND tx < %s", [tx, event_id, _horizon()], None, chunk):
        tx, event_id = batch[-1].tx, batch[-1].id
        yield batch


def silent(kind: str, *, region: str, source: str) -> list[Row]:
    """The silent facts of one kind from one source, in order (an importer's, for the lake)."""
    return _rows("region = %s AND source = %s AND silent", [region, source], (kind,), None)


def of_subjects(region: str, subjects: Sequence[str], kinds: Sequence[str]) -> list[Row]:
    """Everything recorded of these subjects, silent facts too, in order: an index scan a subject, however long the log."""
    where, values = bulk.bound("subject {}", subjects, "text", region)
    return _rows(f"{where} AND region = %s", values, kinds, None) if subjects else []


def named(region: str, uids: Collection[str]) -> list[Row]:
    """The facts of these uids (hex), those that there are, in order."""
    where, values = bulk.bound("uid {}", uids, "uuid", region)
    return _rows(f"{where} AND region = %s", values, None, None) if uids else []


def _rows(where: str, values: list[Any], kinds: Sequence[str] | None, limit: int | None) -> list[Row]:
    # Text where the driver would make an object of each: SQLite's converters know a column by its name alone.
    on_postgres = connection.vendor == "postgresql"
    uid, payload = ("uid::text", "payload::text") if on_postgres else ("uid", "payload")
    times = "happened_at, recorded_at" if on_postgres else "happened_at || '', recorded_at || ''"
    if kinds is not None:
        where, values = f"{where} AND kind IN ({', '.join(['%s'] * len(kinds))})", [*values, *kinds]
    found = f"SELECT id, tx, {uid}, region, kind, subject, {times}, source, {payload}, version FROM {Event._meta.db_table}"  # noqa: S608 (own names)
    with connection.cursor() as cursor:
        cursor.execute(f"{found} WHERE {where} ORDER BY tx, id" + (f" LIMIT {limit:d}" if limit else ""), values)
        return list(map(Row._make, cursor.fetchall()))


def about(
    subject: str, *, region: str, limit: int | None = 200, before: datetime | None = None, naming: Mapping[str, str] | None = None
) -> list[Event]:
    """What is known of one subject, newest first (a member's timeline).

    `naming`: only what says so in its payload; the database looks, so that of a long timeline only that leaves it.
    """
    found = Event.objects.filter(region=region, subject=subject, **{f"payload__{name}": value for name, value in (naming or {}).items()})
    if before is not None:
        found = found.filter(happened_at__lte=before)
    return [_upcast(event) for event in found.order_by("-happened_at", "-id")[:limit]]


def redact(*, region: str, subject: str, chunk: int = 2_000) -> int:
    """Blank the personal fields of every fact about one subject; returns how many facts that were.

    The one change that the log allows, since the law asks for it: what happened stays, who it was goes.
    """
    personal = {kind: cls.personal for kind, cls in KINDS.items() if cls.personal}
    found = Event.objects.filter(region=region, subject=subject, kind__in=personal).order_by("pk")
    changed = 0
    for event in found.iterator(chunk_size=chunk):
        named = {name: "" for name in personal[event.kind] if event.payload.get(name)}
        if named:
            changed += Event.objects.filter(pk=event.pk).update(payload=event.payload | named)
    return changed


@dataclass(frozen=True)
class Subscription:
    """A reader as wiring lists it: which kinds (None: all), and what to do with a batch of them (`raw`: of Rows).

    `handle` runs in the transaction that moves the cursor, so with tables of the same database each event
    counts exactly once; what leaves the database must be idempotent by event id.
    """

    handle: Callable[[list[Any]], None]
    kinds: tuple[str, ...] | None = None
    batch: int = 500
    raw: bool = False


readers: Callable[[], Mapping[str, Subscription]] = dict
"""Lists the readers of this process, so that a page can show how they stand. The composition puts its own in place: a
function, since naming all readers loads what each of them needs, and a web process answers its first page before that."""


def advance(name: str, subscription: Subscription) -> int:
    """Let one reader read one batch. Returns how many events it read; 0 when it is up to date or stopped.

    A handler that raises stops this reader alone, with the error on its row, until `retry(name)`. A database that is
    busy (a lock, a deadlock) stops nobody: the reader stays where it stood and tries again.
    """
    Reader.objects.get_or_create(name=name)
    batch: list[Any] = []
    try:
        with transaction.atomic():
            reader = Reader.objects.select_for_update().get(name=name)
            if reader.failed_at is not None:
                return 0
            horizon = _horizon()
            read = raw_after if subscription.raw else after
            batch = read(reader.tx, reader.event_id, limit=subscription.batch, kinds=subscription.kinds, horizon=horizon)
            moved = _move(reader, batch, horizon, full=len(batch) == subscription.batch)
            if batch:
                subscription.handle(batch)
                reader.read_count += len(batch)
                reader.moved_at = clocks.machine_now()
            if moved:
                reader.save()
    except Exception as error:
        if busy.is_busy(error):
            log.warning("reader %s tries again: %s", name, error)
            return 0
        log.exception("reader %s stopped", name)
        Reader.objects.filter(name=name, failed_at=None).update(
            failed_at=clocks.machine_now(), failed_event_id=batch[0].id if batch else None, error=f"{type(error).__name__}: {error}"[:2000]
        )
        return 0
    return len(batch)


def _move(reader: Reader, batch: list[Any], horizon: int, *, full: bool) -> bool:
    """Move the cursor past what was read and, when nothing else waits, past what isn't for this reader.

    Otherwise a reader of a rare kind would walk over all the others again at every look. Called before the batch is
    handled: what the handler itself appends is still to be read.
    """
    if full:
        last: tuple[int, int] | None = (batch[-1].tx, batch[-1].id)
    else:
        last = Event.objects.filter(tx__lt=horizon).order_by("-tx", "-id").values_list("tx", "id").first()
    if last is None or last <= (reader.tx, reader.event_id):
        return False
    reader.tx, reader.event_id = last
    return True


def behind(names: Iterable[str]) -> list[str]:
    """Those readers who have something before them: two short queries for all, so that an idle worker costs next to nothing."""
    newest = Event.objects.filter(tx__lt=_horizon()).order_by("-tx", "-id").values_list("tx", "id").first()
    stands = {r.name: r for r in Reader.objects.all()}
    if newest is None:
        return []
    return [n for n in names if n not in stands or (stands[n].failed_at is None and (stands[n].tx, stands[n].event_id) < newest)]


def drain(subscriptions: dict[str, Subscription], *, rounds: int = 10_000) -> int:
    """Let every reader read until nobody finds anything new. Returns the number of events handed over."""
    total = 0
    for _ in range(rounds):
        moved = sum(advance(name, subscriptions[name]) for name in behind(subscriptions))
        if not moved:
            break
        total += moved
    return total


def retry(name: str) -> None:
    """Let a stopped reader try again from where it stood."""
    Reader.objects.filter(name=name).update(failed_at=None, failed_event_id=None, error="")


def rewind(name: str) -> None:
    """Let a reader read everything again (its own tables must have been emptied by the caller)."""
    Reader.objects.filter(name=name).update(tx=0, event_id=0, read_count=0, failed_at=None, failed_event_id=None, error="")


@dataclass(frozen=True)
class Standing:
    """Where a reader stands: how many events wait for it and whether it stopped."""

    name: str
    read_count: int
    waiting_count: int
    moved_at: datetime | None
    error: str


def standings(subscriptions: Mapping[str, Subscription]) -> Iterator[Standing]:
    """Every reader's standing, for the console and the command line."""
    rows = {r.name: r for r in Reader.objects.all()}
    for name, subscription in subscriptions.items():
        r = rows.get(name, Reader(name=name))
        waiting = _beyond(r.tx, r.event_id).filter(silent=False)
        if subscription.kinds is not None:
            waiting = waiting.filter(kind__in=subscription.kinds)
        yield Standing(name, r.read_count, waiting.count(), r.moved_at, r.error)
