"""One event log: every fact is typed, versioned and written in the transaction of the change it reports.

Readers follow it with a cursor each, behind a safe horizon: ids commit out of order, so an event is shown to
readers only once every transaction that began before its own has ended (PostgreSQL's snapshot xmin; SQLite has
one writer, so its ids are the commit order).
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import connection, transaction

from linli.kernel import clocks, ids
from linli.kernel.models import Event, Reader

log = logging.getLogger(__name__)


class Fact:
    """What happened. Subclasses are frozen dataclasses, past tense, decorated with @fact."""

    kind: ClassVar[str]
    version: ClassVar[int]


KINDS: dict[str, type[Fact]] = {}
"""Every known kind, filled as the rooms' events.py are imported by their apps."""


def fact[T: type[Fact]](kind: str, *, version: int = 1) -> Callable[[T], T]:
    """Name a Fact: `@fact("trade.order_paid")` above `@dataclass(frozen=True)`."""

    def name(cls: T) -> T:
        if kind in KINDS:
            raise ValueError(f"event kind {kind} is defined twice")
        cls.kind, cls.version = kind, version
        KINDS[kind] = cls
        return cls

    return name


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


def after(tx: int, event_id: int, *, limit: int, kinds: Sequence[str] | None = None) -> list[Event]:
    """The next events a reader at (`tx`, `event_id`) may see, oldest first. Silent ones are left out."""
    from django.db.models import Q

    found = Event.objects.filter(Q(tx=tx, id__gt=event_id) | Q(tx__gt=tx), tx__lt=_horizon(), silent=False)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    return list(found.order_by("tx", "id")[:limit])


def about(subject: str, *, region: str, limit: int = 200, before: datetime | None = None) -> list[Event]:
    """What is known of one subject, newest first (a member's timeline)."""
    found = Event.objects.filter(region=region, subject=subject)
    if before is not None:
        found = found.filter(happened_at__lte=before)
    return list(found.order_by("-happened_at", "-id")[:limit])


@dataclass(frozen=True)
class Subscription:
    """A reader as wiring lists it: which kinds (None: all), and what to do with a batch of them.

    `handle` runs in the transaction that moves the cursor, so with tables of the same database each event
    counts exactly once; what leaves the database must be idempotent by event id.
    """

    handle: Callable[[list[Event]], None]
    kinds: tuple[str, ...] | None = None
    batch: int = 500


def advance(name: str, subscription: Subscription) -> int:
    """Let one reader read one batch. Returns how many events it read; 0 when it is up to date or stopped.

    A handler that raises stops this reader alone, with the error on its row, until `retry(name)`.
    """
    Reader.objects.get_or_create(name=name)
    batch: list[Event] = []
    try:
        with transaction.atomic():
            reader = Reader.objects.select_for_update().get(name=name)
            if reader.failed_at is not None:
                return 0
            batch = after(reader.tx, reader.event_id, limit=subscription.batch, kinds=subscription.kinds)
            if not batch:
                return 0
            subscription.handle(batch)
            reader.tx, reader.event_id = batch[-1].tx, batch[-1].id
            reader.read_count += len(batch)
            reader.moved_at = clocks.machine_now()
            reader.save()
    except Exception as error:
        log.exception("reader %s stopped", name)
        Reader.objects.filter(name=name, failed_at=None).update(
            failed_at=clocks.machine_now(), failed_event_id=batch[0].id if batch else None, error=f"{type(error).__name__}: {error}"[:2000]
        )
        return 0
    return len(batch)


def drain(subscriptions: dict[str, Subscription], *, rounds: int = 10_000) -> int:
    """Let every reader read until nobody finds anything new. Returns the number of events handed over."""
    total = 0
    for _ in range(rounds):
        moved = sum(advance(name, subscription) for name, subscription in subscriptions.items())
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


def standings(subscriptions: dict[str, Subscription]) -> Iterator[Standing]:
    """Every reader's standing, for the console and the command line."""
    from django.db.models import Q

    rows = {r.name: r for r in Reader.objects.all()}
    for name, subscription in subscriptions.items():
        r = rows.get(name, Reader(name=name))
        waiting = Event.objects.filter(Q(tx=r.tx, id__gt=r.event_id) | Q(tx__gt=r.tx), silent=False)
        if subscription.kinds is not None:
            waiting = waiting.filter(kind__in=subscription.kinds)
        yield Standing(name, r.read_count, waiting.count(), r.moved_at, r.error)
