"""Work: a row with a due time is the queue, written in the transaction of the business row it serves.

Workers claim with a lease (owner and end), never with a flag: a killed worker's row comes due again when the
lease ends. The handler and the row's end commit together, so what a handler writes in the database counts once.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from linli.kernel import clocks
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal

log = logging.getLogger(__name__)

Handler = Callable[[WorkRow], None]


@dataclass(frozen=True)
class Long:
    """A handler that takes seconds: it runs outside a transaction (SQLite has one writer), commits its own
    idempotent steps and calls `report`, which also keeps the lease."""

    run: Handler


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


def every(periods: dict[str, timedelta]) -> None:
    """Keep recurring work due: one row for each period of machine time, whoever asks and however often."""
    now = clocks.machine_now()
    for kind, period in periods.items():
        slot = int(now.timestamp() // period.total_seconds())
        if WorkRow.objects.filter(region="", kind=kind, key=str(slot)).exists():
            continue
        # Missed periods are not made up for, and old rows have nothing more to say.
        WorkRow.objects.filter(region="", kind=kind, state__in=[WorkRow.State.DONE, WorkRow.State.FAILED]).delete()
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


def claim(limit: int = 20, *, by: str | None = None, lease: timedelta = LEASE) -> list[WorkRow]:
    """Lease up to `limit` due rows, earliest first; rows that another worker is claiming are stepped over."""
    with transaction.atomic():
        found = WorkRow.objects.filter(due()).order_by("due_at", "id")
        if connection.features.has_select_for_update_skip_locked:
            found = found.select_for_update(skip_locked=True)
        rows = list(found[:limit])
        until = clocks.machine_now() + lease
        WorkRow.objects.filter(pk__in=[r.pk for r in rows]).update(lease_owner=by or owner(), lease_until=until)
        for row in rows:
            row.lease_owner, row.lease_until, row.attempts = by or owner(), until, row.attempts + 1
        WorkRow.objects.bulk_update(rows, ["attempts"])
    return rows


def perform(row: WorkRow, handlers: dict[str, Handler | Long]) -> bool:
    """Run one leased row. True when it is done; a failure comes due again with growing delay, at last stays failed."""
    handler = handlers[row.kind]
    try:
        if isinstance(handler, Long):
            handler.run(row)
            return _finish(row)
        with transaction.atomic():
            # The lease is the judge: a worker that overslept its lease must not run beside its successor.
            held = WorkRow.objects.select_for_update().filter(pk=row.pk, state=WorkRow.State.DUE, lease_owner=row.lease_owner)
            if held.first() is None:
                return False
            handler(row)
            return _finish(row)
    except Exception as error:
        log.warning("work %s %s failed: %s", row.kind, row.pk, error, exc_info=not isinstance(error, Refusal))
        last = row.attempts >= MOST_ATTEMPTS or isinstance(error, Refusal)
        WorkRow.objects.filter(pk=row.pk, lease_owner=row.lease_owner).update(
            state=WorkRow.State.FAILED if last else WorkRow.State.DUE,
            lease_owner="",
            lease_until=None if last else clocks.machine_now() + timedelta(seconds=2**row.attempts),
            error="".join(traceback.format_exception_only(error))[-2000:],
        )
        return False


def _finish(row: WorkRow) -> bool:
    ended = {"state": WorkRow.State.DONE, "finished_at": clocks.machine_now(), "lease_owner": "", "lease_until": None, "error": ""}
    return bool(WorkRow.objects.filter(pk=row.pk, state=WorkRow.State.DUE, lease_owner=row.lease_owner).update(**ended))


def run_due(handlers: dict[str, Handler | Long], *, limit: int = 20) -> int:
    """Claim and perform what is due, one batch. Returns how many rows were taken up."""
    rows = claim(limit)
    for row in rows:
        perform(row, handlers)
    return len(rows)


def report(row: WorkRow, *, done: int, total: int, label: str) -> None:
    """Tell how far long work is, and keep its lease. `label` is a code of words, such as "day.history"."""
    progress = {"done": done, "total": total, "label": label}
    WorkRow.objects.filter(pk=row.pk, lease_owner=row.lease_owner).update(progress=progress, lease_until=clocks.machine_now() + LEASE)


def again(row_id: int) -> None:
    """Let failed work come due once more (the console's button)."""
    WorkRow.objects.filter(pk=row_id, state=WorkRow.State.FAILED).update(state=WorkRow.State.DUE, attempts=0, error="", lease_until=None)
