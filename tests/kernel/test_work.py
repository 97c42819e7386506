"""Due work: leases, killed workers, overslept leases, delays, the two clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal

pytestmark = pytest.mark.django_db

NOW = clocks.machine_now().replace(microsecond=0)


def _schedule(key: str = "a", *, kind: str = "test.step", after: timedelta = timedelta(0), clock: str = "machine") -> None:
    work.schedule(kind, key=key, due_at=NOW + after, region="us-demo", clock=clock)


def _at(seconds: float):
    return clocks.fixed(machine=NOW + timedelta(seconds=seconds))


def _row(key: str = "a") -> WorkRow:
    return WorkRow.objects.get(key=key)


def test_due_work_runs_once() -> None:
    ran: list[str] = []
    _schedule("a")
    _schedule("a")  # asking again changes nothing
    _schedule("later", after=timedelta(hours=1))
    handlers = {"test.step": lambda row: ran.append(row.key)}
    with _at(1):
        assert (work.run_due(handlers), work.run_due(handlers)) == (1, 0)
    assert ran == ["a"]
    assert (_row().state, _row().lease_owner) == ("done", "")
    with _at(3601):
        assert work.run_due(handlers) == 1
    assert ran == ["a", "later"]


def test_cancelled_work_doesnt_run() -> None:
    _schedule()
    work.cancel("test.step", key="a", region="us-demo")
    with _at(1):
        assert work.run_due({"test.step": lambda row: None}) == 0


def test_business_work_waits_for_the_business_clock() -> None:
    _schedule(clock="business", after=timedelta(days=1))
    with clocks.fixed(machine=NOW + timedelta(days=9), business=NOW):
        assert work.claim() == []
    with clocks.fixed(machine=NOW, business=NOW + timedelta(days=1)):
        assert len(work.claim()) == 1


def test_machine_work_doesnt_wait_for_the_business_clock() -> None:
    _schedule(clock="machine")
    with clocks.fixed(machine=NOW, business=NOW - timedelta(days=3000)):
        assert len(work.claim()) == 1


def test_the_row_of_a_dead_worker_comes_due_again() -> None:
    _schedule()
    with _at(0):
        (dead,) = work.claim(by="dead")
        assert work.claim(by="other") == []
    with _at(301):
        (again,) = work.claim(by="other")
        assert again.attempts == 2
        assert work.perform(again, {"test.step": lambda row: None})
        assert not work.perform(dead, {"test.step": lambda row: pytest.fail("it has lost its lease")})


def test_two_claims_by_one_process_are_told_apart() -> None:
    """The lease names a process; a process that claims a row twice must not finish it for its earlier self."""
    _schedule()
    with _at(0):
        (first,) = work.claim()
    with _at(301):
        (second,) = work.claim()
        assert first.lease_owner == second.lease_owner
        assert not work.perform(first, {"test.step": lambda row: pytest.fail("this claim is over")})
        assert _row().state == "due"
        assert work.perform(second, {"test.step": lambda row: None})


def test_what_an_overslept_long_worker_does_is_not_its_end() -> None:
    _schedule()
    with _at(0):
        (slow,) = work.claim(by="slow")
    taken: list[WorkRow] = []

    def oversleep(row: WorkRow) -> None:
        with _at(400):
            taken.extend(work.claim(by="quick"))

    with _at(10):
        assert not work.perform(slow, {"test.step": work.Long(oversleep)})
    assert _row().state == "due", "its successor has still to end it"
    assert (_row().lease_owner, taken[0].attempts) == ("quick", 2)


def test_an_overslept_long_worker_stops_at_its_next_report() -> None:
    _schedule()
    with _at(0):
        (slow,) = work.claim(by="slow")
    went_on = []

    def oversleep(row: WorkRow) -> None:
        with _at(400):
            assert len(work.claim(by="quick")) == 1
            work.report(row, done=1, total=2, label="day.history")
        went_on.append(True)

    with _at(10):
        assert not work.perform(slow, {"test.step": work.Long(oversleep)})
    assert not went_on
    assert (_row().lease_owner, _row().error) == ("quick", "")


def test_a_long_workers_report_keeps_its_lease() -> None:
    _schedule()

    def long(row: WorkRow) -> None:
        with _at(290):
            work.report(row, done=1, total=2, label="day.history")
        with _at(400):
            assert work.claim(by="other") == []

    with _at(0):
        assert work.run_due({"test.step": work.Long(long)}) == 1
    assert (_row().state, _row().progress) == ("done", {"done": 1, "total": 2, "label": "day.history"})


def test_a_long_row_whose_lease_ended_while_it_waited_is_left_alone() -> None:
    _schedule()
    with _at(0):
        (waiting,) = work.claim(by="slow")
    with _at(301):
        work.claim(by="other")
        assert not work.perform(waiting, {"test.step": work.Long(lambda row: pytest.fail("somebody else has it"))})


def test_failing_work_waits_longer_each_time_and_stays_failed_at_last() -> None:
    _schedule()

    def fail(row: WorkRow) -> None:
        WorkRow.objects.create(region="us-demo", kind="half", key=f"{row.attempts}", due_at=NOW)
        raise ValueError("no")

    seconds, delays = 0.0, []
    for _ in range(work.MOST_ATTEMPTS):
        with _at(seconds):
            assert work.run_due({"test.step": fail}) == 1
        if _row().state == "due":
            delays.append((_row().lease_until - NOW).total_seconds() - seconds)
            with _at(seconds + delays[-1]):
                assert work.claim() == []
            seconds += delays[-1] + 1
    assert delays == [2, 4, 8, 16, 32]
    assert (_row().state, _row().error.strip()) == ("failed", "ValueError: no")
    assert not WorkRow.objects.filter(kind="half").exists(), "what a failed handler wrote is rolled back"
    work.again(_row().pk)
    with _at(seconds):
        assert work.run_due({"test.step": lambda row: None}) == 1
    assert _row().state == "done"


def test_a_refusal_is_not_tried_again() -> None:
    _schedule()

    def refuse(row: WorkRow) -> None:
        raise Refusal("test.no", left=0)

    with _at(0):
        work.run_due({"test.step": refuse})
    assert (_row().state, "test.no" in _row().error) == ("failed", True)


def test_work_that_kills_its_worker_is_given_up() -> None:
    _schedule()
    for n in range(work.MOST_ATTEMPTS):
        with _at(n * 400):
            assert len(work.claim(by=f"dead-{n}")) == 1
    with _at(work.MOST_ATTEMPTS * 400):
        assert work.run_due({"test.step": lambda row: pytest.fail("it would die again")}) == 1
    assert _row().state == "failed"


def test_a_kind_without_handler_here_is_left_to_others() -> None:
    _schedule(kind="test.new")
    _schedule("b")
    with _at(1):
        assert work.run_due({"test.step": lambda row: None}) == 1
        (left,) = work.claim()
        assert not work.perform(left, {})
    assert _row().state == "due"


def test_recurring_work_is_due_once_a_period() -> None:
    with _at(0):
        work.every({"test.tick": timedelta(minutes=1)})
        work.every({"test.tick": timedelta(minutes=1)})
        assert work.run_due({"test.tick": lambda row: None}) == 1
        work.every({"test.tick": timedelta(minutes=1)})
        assert work.run_due({"test.tick": lambda row: None}) == 0
    with _at(3600):
        work.every({"test.tick": timedelta(minutes=1)})
        assert work.run_due({"test.tick": lambda row: None}) == 1, "missed periods are not made up for"
    assert WorkRow.objects.count() == 1
