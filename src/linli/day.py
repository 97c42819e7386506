"""A day of the shop: the business clock moves on, and everything that the new day brings is done in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from linli import wiring
from linli.engage import runs
from linli.insight import demand, history, refresh
from linli.kernel import clocks, events, work
from linli.kernel.models import WorkRow
from linli.people import queries as people

Told = Callable[[int, int, str], None]


def request(*, to: datetime | None = None) -> str:
    """Ask for the next day (or for `to`): the worker steps it. The key is the day, so asking twice is asking once."""
    to = to or clocks.business_now() + timedelta(days=1)
    key = to.isoformat()
    work.schedule("day.step", key=key, due_at=clocks.machine_now(), region="", payload={"until": key}, clock=WorkRow.Clock.MACHINE)
    return key


def step(row: WorkRow) -> None:
    """Work handler of "day.step"."""
    step_to(
        datetime.fromisoformat(row.payload["until"]), tell=lambda done, total, label: work.report(row, done=done, total=total, label=label)
    )


def step_to(to: datetime, *, tell: Told = lambda done, total, label: None) -> None:
    """Move the business clock to `to` and do what the day brings. Each part is idempotent, so a killed step is repeated."""
    if to > clocks.business_now():
        clocks.set_business(to)
    parts: list[tuple[str, Callable[[], object]]] = [
        ("day.history", lambda: history.reveal(to)),
        ("day.due", _perform_due),
        ("day.lake", lambda: events.drain(wiring.READERS)),
        ("day.knowing", lambda: [refresh.refresh(region.slug, to) for region in people.regions()]),
        ("day.demand", lambda: [demand.nightly(region.slug, to) for region in people.regions()]),
        ("day.groups", lambda: [history.open_days_groups(region.slug) for region in people.regions()]),
        ("day.groups", lambda: [history.open_days_together(region.slug) for region in people.regions()]),
        ("day.acting", lambda: [runs.advance(region.slug, to) for region in people.regions()]),
        ("day.readers", lambda: events.drain(wiring.READERS)),
    ]
    for done, (label, part) in enumerate(parts):
        tell(done, len(parts), label)
        part()
    tell(len(parts), len(parts), "day.done")


def _perform_due() -> None:
    """What the moved clock made due (a group's deadline, a coupon's last day)."""
    while work.run_due(wiring.WORK, limit=100):
        pass
