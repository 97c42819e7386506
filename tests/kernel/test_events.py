"""The event log: nothing skipped, nothing read twice, one failing reader stops only itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from linli.kernel import clocks, events, ids
from linli.kernel.events import Fact, Subscription, Told
from linli.kernel.models import Event, Reader

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Happened(Fact):
    """Something happened (of tests)."""

    number: int


@dataclass(frozen=True)
class Rare(Fact):
    """Something rare happened (of tests)."""

    number: int


Happened.kind, Happened.version = "test.happened", 1
Rare.kind, Rare.version = "test.rare", 1


def _tell(number: int, cls: type = Happened, **circumstances: object) -> Event:
    return events.append(cls(number), region="us-demo", **circumstances)


def _numbers(batch: list[Event]) -> list[int]:
    return [event.payload["number"] for event in batch]


def test_an_event_is_typed_and_timed(monday_nine) -> None:
    told = _tell(7, subject="member:17")
    kept = Event.objects.get(pk=told.pk)
    assert (kept.kind, kept.version, kept.subject, kept.payload, kept.source) == ("test.happened", 1, "member:17", {"number": 7}, "live")
    assert kept.happened_at == kept.recorded_at == monday_nine
    assert [e.pk for e in events.about("member:17", region="us-demo")] == [told.pk]
    assert events.about("member:17", region="other") == []


def test_a_kind_has_one_definition(monkeypatch) -> None:
    monkeypatch.setattr(events, "KINDS", {})
    events.fact("test.twice")(type("Once", (Fact,), {}))
    with pytest.raises(ValueError, match="defined twice"):
        events.fact("test.twice")(type("Again", (Fact,), {}))


def test_a_fact_is_told_once() -> None:
    uid = ids.named("once")
    _tell(1, uid=uid)
    with pytest.raises(IntegrityError):
        _tell(2, uid=uid)
    assert Event.objects.count() == 1


def test_an_event_goes_with_its_change() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        _tell(1)
        raise RuntimeError
    assert not Event.objects.exists()


def test_readers_read_everything_once_in_order() -> None:
    seen: list[int] = []
    reader = {"r": Subscription(lambda batch: seen.extend(_numbers(batch)), batch=3)}
    for n in range(7):
        _tell(n)
    assert events.drain(reader) == 7
    assert seen == list(range(7))
    assert events.drain(reader) == 0
    _tell(7)
    assert events.drain(reader) == 1
    assert seen == list(range(8))


def test_silent_events_are_not_handed_over() -> None:
    seen: list[int] = []
    reader = {"r": Subscription(lambda batch: seen.extend(_numbers(batch)))}
    events.append_many([Told(Happened(n), "us-demo") for n in range(5)], source="history", silent=True)
    _tell(9)
    assert events.drain(reader) == 1
    assert seen == [9]
    assert [json.loads(row.payload)["number"] for chunk in events.whole_log(chunk=2) for row in chunk] == [0, 1, 2, 3, 4, 9]


def test_a_reader_of_a_rare_kind_doesnt_walk_the_log_again() -> None:
    seen: list[int] = []
    rare = Subscription(lambda batch: seen.extend(_numbers(batch)), kinds=("test.rare",))
    _tell(1, Rare)
    for n in range(4):
        last = _tell(n)
    assert events.advance("rare", rare) == 1
    assert Reader.objects.get(name="rare").event_id == last.pk
    assert events.advance("rare", rare) == 0
    _tell(2, Rare)
    assert events.drain({"rare": rare}) == 1
    assert seen == [1, 2]


def test_what_a_handler_appends_is_read_next() -> None:
    """On SQLite the handler's own events are visible to itself: the cursor must not step over them."""
    seen: list[int] = []

    def echo(batch: list[Event]) -> None:
        for number in _numbers(batch):
            seen.append(number)
            if number < 3:
                _tell(number + 1)

    _tell(0)
    assert events.drain({"echo": Subscription(echo)}) == 4
    assert seen == [0, 1, 2, 3]


def test_a_failing_reader_stops_only_itself_and_shows() -> None:
    seen: list[int] = []
    broken = True

    def fussy(batch: list[Event]) -> None:
        _tell(100)  # rolled back with the failure
        if broken:
            raise ValueError("a bad one")

    readers = {"fussy": Subscription(fussy, kinds=("test.happened",), batch=1), "calm": Subscription(lambda b: seen.extend(_numbers(b)))}
    first = _tell(1)
    _tell(2)
    assert events.drain(readers) == 2
    assert seen == [1, 2]
    standing = {s.name: s for s in events.standings(readers)}
    assert (standing["fussy"].waiting_count, standing["fussy"].error) == (2, "ValueError: a bad one")
    assert (standing["calm"].waiting_count, standing["calm"].error) == (0, "")
    assert Reader.objects.get(name="fussy").failed_event_id == first.pk
    assert events.advance("fussy", readers["fussy"]) == 0  # stopped until somebody looks
    broken = False
    readers["fussy"] = Subscription(lambda b: None)
    events.retry("fussy")
    assert events.drain(readers) == 2
    assert not any(s.error for s in events.standings(readers))


def test_a_busy_database_stops_nobody() -> None:
    def busy(batch: list[Event]) -> None:
        raise OperationalError("database is locked")

    _tell(1)
    assert events.advance("r", Subscription(busy)) == 0
    assert Reader.objects.get(name="r").failed_at is None
    assert events.advance("r", Subscription(lambda b: None)) == 1


def test_rewinding_gives_the_same_state() -> None:
    state: dict[int, int] = {}

    def count(batch: list[Event]) -> None:
        for number in _numbers(batch):
            state[number % 3] = state.get(number % 3, 0) + 1

    reader = {"r": Subscription(count, batch=4)}
    for n in range(10):
        _tell(n)
    events.drain(reader)
    before = dict(state)
    state.clear()
    events.rewind("r")
    assert events.drain(reader) == 10
    assert state == before
    assert Reader.objects.get(name="r").read_count == 10


@pytest.mark.engine("postgres")  # SQLite has one writer: its ids are the commit order
def test_ids_that_commit_out_of_order_are_neither_skipped_nor_doubled() -> None:
    """Two writers: the one with the lower id commits later. A reader by id alone loses its event for ever."""
    import threading

    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            _tell(1)
            begun.set()
            go_on.wait(30)
        connection.close()

    seen: list[int] = []
    reader = Subscription(lambda batch: seen.extend(_numbers(batch)))
    naive_cursor, naive = 0, []

    def read_naively() -> None:
        nonlocal naive_cursor
        for event in Event.objects.filter(id__gt=naive_cursor).order_by("id"):
            naive_cursor = event.id
            naive.append(event.payload["number"])

    writer = threading.Thread(target=slow)
    writer.start()
    assert begun.wait(30)
    _tell(2)  # a higher id, committed first
    events.drain({"r": reader})
    read_naively()
    assert seen == [], "an event is shown only when every transaction before its own has ended"
    go_on.set()
    writer.join()
    events.drain({"r": reader})
    read_naively()
    assert sorted(seen) == [1, 2]
    assert events.drain({"r": reader}) == 0
    assert naive == [2], "the control must skip"


@pytest.mark.engine("postgres")  # SQLite's events carry no transaction
def test_an_event_without_a_transaction_carries_the_one_it_is_written_in() -> None:
    """Outside a transaction the id must not come from one that ended before the row was written."""
    told = _tell(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM kernel_event WHERE id = %s", [told.pk])
        assert cursor.fetchone()[0] == told.tx % 2**32


def test_facts_keep_the_times_they_are_told_with(monday_nine) -> None:
    earlier = monday_nine.replace(day=1)
    events.append_many([Told(Happened(1), "us-demo", happened_at=earlier)])
    kept = Event.objects.get()
    assert (kept.happened_at, kept.recorded_at) == (earlier, monday_nine)
    assert events.about("", region="us-demo", before=earlier) == [kept]
    assert clocks.business_now() == monday_nine


def test_a_field_can_not_hide_the_facts_own_name() -> None:
    with pytest.raises(ValueError, match="hidden"):

        @events.fact("test.hides")
        @dataclass(frozen=True)
        class Hides(events.Fact):
            kind: str


def test_who_is_up_to_date_is_not_asked() -> None:
    def breaks(batch: list[Event]) -> None:
        raise RuntimeError("broken")

    readers = {"early": Subscription(lambda batch: None), "broken": Subscription(breaks), "late": Subscription(lambda batch: None)}
    assert events.behind(readers) == []  # nothing was ever recorded
    _tell(1)
    assert events.behind(readers) == ["early", "broken", "late"]
    events.advance("early", readers["early"])
    events.advance("broken", readers["broken"])
    assert events.behind(readers) == ["late"]
    _tell(2)
    assert events.behind(readers) == ["early", "late"]
    assert events.drain(readers, rounds=1) == 3
    assert events.behind(readers) == []
