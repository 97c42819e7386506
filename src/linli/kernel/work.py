"""Work: a row with a due time is the queue, written in the transaction of the business row it serves.

Workers claim with a lease (owner and end), never with a flag: a killed worker's row comes due again when the
lease ends. The handler and the row's end commit together, so what a handler writes in the database counts once.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from linli.kernel import bulk, clocks
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal

log = logging.getLogger(__name__)

Handler = Callable[[WorkRow], None]


@dataclass(frozen=True)
class Long:
    """A handler that takes seconds: it runs outside a transaction (SQLite has one writer), commits its own
    idempotent steps and calls `report`, which also keeps the lease."""

    run: Handler


class LeaseLost(Exception):
    """Somebody else has the row by now: stop, write nothing more."""


LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 6


def owner() -> str:
    """This process, as leases name it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def schedule(
    kind: str, *, key: str, due_at: datetime, region: str, payload: dict[str, Any] | None = None, clock: str = WorkRow.Clock.BUSINESS
) -> None:
    """Write a due row, once per (region, kind, key): asking again changes nothing."""
    WorkRow.objects.bulk_create(
        [WorkRow(region=region, kind=kind, key=key, due_at=due_at, payload=payload or {}, clock=clock)], ignore_conflicts=True
    )


_ROWS = bulk.Table(WorkRow, ("region", "kind", "key", "payload", "clock", "due_at"))


def rows(kind: str, due: Iterable[tuple[str, datetime, dict[str, Any]]], *, region: str, clock: str = WorkRow.Clock.BUSINESS) -> bulk.Rows:
    """Due rows of one kind, (key, due at, payload), to be written with what they serve. The keys must be new."""
    return bulk.Rows(_ROWS, [(region, kind, key, json.dumps(payload), str(clock), due_at) for key, due_at, payload in due])


def every(periods: dict[str, timedelta]) -> None:
    """Keep recurring work due: one row for each period of machine time, whoever asks and however often."""
    now = clocks.machine_now()
    for kind, period in periods.items():
        slot = int(now.timestamp() // period.total_seconds())
        if WorkRow.objects.filter(region="", kind=kind, key=str(slot)).exists():
            continue
        # Missed periods are not made up for, and old rows have nothing more to say.
        old = WorkRow.objects.filter(region="", kind=kind, state__in=[WorkRow.State.DONE, WorkRow.State.FAILED])
        old.exclude(key=str(slot)).delete()  # not this period's: another worker may have done it since we looked
        schedule(kind, key=str(slot), due_at=now, region="", clock=WorkRow.Clock.MACHINE)


def cancel(kind: str, *, key: str, region: str) -> None:
    """Take a due row back; nothing happens when it has run."""
    WorkRow.objects.filter(region=region, kind=kind, key=key, state=WorkRow.State.DUE).update(state=WorkRow.State.CANCELLED)


def due() -> Q:
    """The condition for rows that are due and free now."""
    machine = clocks.machine_now()
    return (
        Q(state=WorkRow.State.DUE)
        & (Q(lease_until=None) | Q(lease_until__lt=machine))
        & (Q(clock=WorkRow.Clock.MACHINE, due_at__lte=machine) | Q(clock=WorkRow.Clock.BUSINESS, due_at__lte=clocks.business_now()))
    )


def claim(limit: int = 20, *, kinds: Collection[str] | None = None, by: str | None = None, lease: timedelta = LEASE) -> list[WorkRow]:
    """Lease up to `limit` due rows (of `kinds`), earliest first; rows that another worker is claiming are stepped over."""
    with transaction.atomic():
        found = WorkRow.objects.filter(due()).order_by("due_at", "id")
        if kinds is not None:
            found = found.filter(kind__in=kinds)
        if connection.features.has_select_for_update_skip_locked:
            found = found.select_for_update(skip_locked=True)
        rows = list(found[:limit])
        until = clocks.machine_now() + lease
        for row in rows:
            row.lease_owner, row.lease_until, row.attempts = by or owner(), until, row.attempts + 1
        WorkRow.objects.bulk_update(rows, ["lease_owner", "lease_until", "attempts"])
    return rows


def _leased(row: WorkRow) -> QuerySet[WorkRow]:
    """The row as long as this claim of it is the latest. `attempts` tells two claims by one process apart."""
    return WorkRow.objects.filter(pk=row.pk, state=WorkRow.State.DUE, lease_owner=row.lease_owner, attempts=row.attempts)


def perform(row: WorkRow, handlers: Mapping[str, Handler | Long]) -> bool:
    """Run one leased row. True when it is done; a failure comes due again with growing delay, at last stays failed."""
    if row.attempts > MOST_ATTEMPTS:
        _fail(row, "the worker died every time", last=True)
        return False
    try:
        handler = handlers[row.kind]
        if isinstance(handler, Long):
            if not _leased(row).update(lease_until=clocks.machine_now() + LEASE):
                return False
            handler.run(row)
            return _finish(row)
        with transaction.atomic():
            # The lease is the judge: a worker that overslept its lease must not run beside its successor.
            if _leased(row).select_for_update().first() is None:
                return False
            handler(row)
            return _finish(row)
    except LeaseLost:
        log.warning("work %s %s took longer than its lease, another worker has it", row.kind, row.pk)
    except Exception as error:
        log.warning("work %s %s failed: %s", row.kind, row.pk, error, exc_info=not isinstance(error, Refusal))
        told = "".join(traceback.format_exception_only(error))[-2000:]
        _fail(row, told, last=row.attempts >= MOST_ATTEMPTS or isinstance(error, Refusal))
    return False


def _fail(row: WorkRow, error: str, *, last: bool) -> None:
    """Let the row come due again after 2, 4, 8... seconds, or stay failed until somebody looks."""
    _leased(row).update(
        state=WorkRow.State.FAILED if last else WorkRow.State.DUE,
        lease_owner="",
        lease_until=None if last else clocks.machine_now() + timedelta(seconds=2**row.attempts),
        error=error,
    )


def _finish(row: WorkRow) -> bool:
    ended = {"state": WorkRow.State.DONE, "finished_at": clocks.machine_now(), "lease_owner": "", "lease_until": None, "error": ""}
    return bool(_leased(row).update(**ended))


def run_due(handlers: Mapping[str, Handler | Long], *, limit: int = 20) -> int:
    """Claim and perform what is due and has a handler here, one batch. Returns how many rows were taken up."""
    rows = claim(limit, kinds=handlers.keys())
    for row in rows:
        perform(row, handlers)
    return len(rows)


def report(row: WorkRow, *, done: int, total: int, label: str) -> None:
    """Tell how far long work is, and keep its lease. `label` is a code of words, such as "day.history".

    Raises LeaseLost when the lease ended before and another worker has the row: let it pass, `perform` knows it.
    """
    progress = {"done": done, "total": total, "label": label}
    if not _leased(row).update(progress=progress, lease_until=clocks.machine_now() + LEASE):
        raise LeaseLost


def again(row_id: int) -> None:
    """Let failed work come due once more (the console's button)."""
    WorkRow.objects.filter(pk=row_id, state=WorkRow.State.FAILED).update(state=WorkRow.State.DUE, attempts=0, error="", lease_until=None)
