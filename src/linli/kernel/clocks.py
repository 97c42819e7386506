"""Two clocks, both injected: the business clock (what day it is for the shop) and the machine clock.

The business clock is the machine's unless a row sets it; in a replay it stands until stepped. Deadlines of
the shop, facts and features run on business time; leases, sign-ins and signatures on machine time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.db import connection

_business: ContextVar[datetime | None] = ContextVar("business", default=None)
_machine: ContextVar[datetime | None] = ContextVar("machine", default=None)


def machine_now() -> datetime:
    """The machine's time, aware, UTC."""
    return _machine.get() or datetime.now(UTC)  # noqa: TID251  the one place


def business_now() -> datetime:
    """The shop's time, aware, UTC: the standing clock's where one is set, otherwise the machine's."""
    if (held := _business.get()) is not None:
        return held
    return standing_at() or machine_now()


def held() -> bool:
    """Whether this thread holds either clock still (`fixed`)."""
    return _business.get() is not None or _machine.get() is not None


def standing_at() -> datetime | None:
    """Where the business clock stands, or None when it runs with the machine's."""
    # By hand: every verb asks, and building the query would take longer than running it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT at FROM kernel_businessclock WHERE id = 1")
        row = cursor.fetchone()
    if row is None:
        return None
    at: datetime = row[0]
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def set_business(at: datetime | None) -> None:
    """Make the business clock stand at `at`, or run again with None. It never goes back while it stands.

    Raises Refusal("clock.backwards") when `at` lies before where it stands.
    """
    from linli.kernel.models import BusinessClock
    from linli.kernel.refusals import Refusal

    if at is None:
        BusinessClock.objects.filter(pk=1).delete()
        return
    standing = standing_at()
    if standing is not None and at < standing:
        raise Refusal("clock.backwards", standing=standing.isoformat(), asked=at.isoformat())
    BusinessClock.objects.update_or_create(pk=1, defaults={"at": at})


@contextmanager
def fixed(*, business: datetime | None = None, machine: datetime | None = None) -> Iterator[None]:
    """Hold either clock still inside the block (tests, as-of evaluation)."""
    tokens = [(_business, _business.set(business)) if business else None, (_machine, _machine.set(machine)) if machine else None]
    try:
        yield
    finally:
        for held in tokens:
            if held is not None:
                held[0].reset(held[1])
