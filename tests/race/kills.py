"""Processes that kill themselves (SIGKILL) at a chosen point: before or after any statement, before or after any commit."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from linli.kernel import clocks, events, ledger, work
from linli.kernel.events import Fact
from linli.kernel.ledger import AccountRef, Move, Post, Reverse, Void
from linli.kernel.models import Event, WorkRow
from support import scratch

R = "kill"


@dataclass(frozen=True)
class Sold(Fact):
    """Something was sold (of tests)."""

    turn: int


Sold.kind, Sold.version = "test.sold", 1


def _kill_at(point: int) -> None:
    """Count the points between statements and commits of this process, and die at the given one. 0: never."""
    passed = 0

    def tick() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(execute: Callable[..., Any], *arguments: Any) -> Any:
        tick()
        try:
            return execute(*arguments)
        finally:
            tick()

    connection.execute_wrappers.append(around)
    commit = connection._commit

    def committing() -> None:
        tick()
        commit()
        tick()  # committed, and nobody was told

    connection._commit = committing


def _accounts(turn: int) -> tuple[AccountRef, AccountRef, AccountRef]:
    """Accounts of the turn's own, so that opening them is among what is interrupted."""
    world, quota, sold = (AccountRef(R, f"sku:{turn}", owner, "quota") for owner in ("outside", "wave:1", "shop"))
    return world, quota, sold


def _series(turn: int) -> None:
    """A morning's work: every path of the ledger, alone and beside an event in one transaction."""
    world, quota, sold = _accounts(turn)
    key = f"{turn}-"
    ledger.open(world, None)
    ledger.commit(Move(f"{key}fill", world, quota, 10, "fill"))
    holds = [[Move(f"{key}hold-{n}", quota, sold, 2, "order", pending=True)] for n in range(3)]
    assert [o.ok for o in ledger.batch([*holds, [Move(f"{key}much", quota, sold, 9, "order")]])] == [True, True, True, False]
    with transaction.atomic():
        if not Event.objects.filter(subject=f"turn:{turn}").exists():
            events.append(Sold(turn), region=R, subject=f"turn:{turn}")
        ledger.commit(Post(f"{key}post", f"{key}hold-0", 1, region=R), Void(f"{key}void", f"{key}hold-1", region=R))
    ledger.commit(Reverse(f"{key}back", f"{key}post", region=R))


def kill_everywhere() -> dict[str, Any]:
    """Run the series once for each point and die there; again with the same keys; then look at the books."""

    def die(point: int) -> None:
        _kill_at(point)
        _series(point)

    def ask_again(point: int) -> None:
        _series(point)
        _series(point)
        assert _is_right(point)

    wrong = []
    for point in range(1, 400):
        status = _forked(die, point)
        if os.WIFEXITED(status):
            return {"deaths": point - 1, "wrong": [*wrong, *([f"alone {point}"] if status else [])]}
        if _forked(ask_again, point):
            wrong.append(f"again {point}")
    raise RuntimeError("the series never ended: more points than expected")


def _is_right(turn: int) -> bool:
    world, quota, sold = (ledger.balance(ref) for ref in _accounts(turn))
    stands = (world.balance, quota.balance, quota.held, sold.balance) == (-10, 10, 2, 0)
    return stands and ledger.audit().ok and Event.objects.filter(subject=f"turn:{turn}").count() == 1


# Workers


def schedule(rows: int, first: int = 0) -> None:
    for n in range(first, first + rows):
        work.schedule("test.add", key=str(n), due_at=clocks.machine_now(), region=R, clock="machine")


def kill_workers(long: bool) -> dict[str, Any]:
    """Kill a worker at each point after its claim; another takes its row over when the lease has ended."""
    _, quota, sold = _accounts(0)

    def handle(row: WorkRow) -> None:
        ledger.commit(Move(f"work-{row.key}", quota, sold, 1, "work"))

    handlers: dict[str, Any] = {"test.add": work.Long(handle) if long else handle}

    def prepare(point: int) -> None:
        world, quota, _ = _accounts(0)
        ledger.open(world, None)
        ledger.commit(Move(f"fill-{point}", world, quota, 1, "fill"))
        WorkRow.objects.all().delete()
        schedule(1, first=point)

    def die(point: int) -> None:
        rows = work.claim(1)
        assert len(rows) == 1
        _kill_at(point)
        work.perform(rows[0], handlers)

    def take_over(point: int) -> None:
        assert work.claim(1) == [], "the dead worker's lease still stands"
        ended = WorkRow.objects.get().state == WorkRow.State.DONE
        with clocks.fixed(machine=clocks.machine_now() + work.LEASE + timedelta(seconds=1)):
            assert work.run_due(handlers) == (0 if ended else 1)
        assert WorkRow.objects.get().state == WorkRow.State.DONE
        assert ledger.balance(sold).balance == point
        assert ledger.audit().ok

    wrong = []
    for point in range(1, 100):
        for step in (prepare, die, take_over):
            status = _forked(step, point)
            if step is die and os.WIFEXITED(status):
                return {"deaths": point - 1, "wrong": wrong}
            if step is not die and status:
                wrong.append(f"{step.__name__} {point}")
    raise RuntimeError("the worker never ended")


def _forked(step: Callable[[int], None], point: int) -> int:
    """Run a step in a process of its own. Returns how it ended, as `os.waitpid` tells it."""
    pid = os.fork()
    if pid == 0:
        try:
            step(point)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def work_beside_others(process: int) -> list[str]:
    """One of several workers over the same rows, until nothing is due. Returns the keys it ran."""
    ran: list[str] = []
    connection.ensure_connection()
    scratch.line_up()
    idle = 0
    while idle < 20:
        if not work.run_due({"test.add": lambda row: ran.append(row.key)}, limit=3):
            idle += 1
            time.sleep(0.002)
    return ran


def work_beside_others_without_a_lease(process: int) -> list[str]:
    """The control: what is due is looked up, run and then marked."""
    ran: list[str] = []
    connection.ensure_connection()
    scratch.line_up()
    while rows := list(WorkRow.objects.filter(work.due()).order_by("due_at", "id")[:3]):
        for row in rows:
            ran.append(row.key)
            WorkRow.objects.filter(pk=row.pk).update(state=WorkRow.State.DONE)
    return ran
