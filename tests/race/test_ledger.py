"""Races for the same units by several real processes. Every race has a control that must go wrong: the claim switched off."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from support import scratch

pytestmark = pytest.mark.race

KIND = os.environ.get("LINLI_TEST_DB", "sqlite")
PROCESSES, THREADS, TRIES = (4, 16, 4) if KIND == "postgres" else (4, 4, 16)
ROUNDS = 12
"""A control may need luck: so often it is tried until it shows."""


@pytest.fixture
def url() -> Iterator[str]:
    with scratch.database(KIND) as made:
        scratch.run("race.clients", "fill", url=made, units=100)
        yield made


def _books(url: str) -> dict:
    return scratch.run("race.clients", "books", url=url)


def _race(url: str, function: str, processes: int = PROCESSES, **arguments: object) -> list:
    return scratch.at_once("race.clients", function, url=url, each=[{"process": n, **arguments} for n in range(processes)])


def _until(shows: Callable[[int], bool]) -> None:
    assert any(shows(attempt) for attempt in range(ROUNDS)), "the control never went wrong: this race proves nothing"


def test_last_units_are_sold_once(url: str) -> None:
    told = _race(url, "buy", threads=THREADS, tries=TRIES)
    assert sum(t["got"] for t in told) == 100
    assert _books(url) == {"left": 0, "held": 0, "sold": 100, "findings": []}


def test_control_without_the_floor_they_are_oversold(url: str) -> None:
    scratch.run("race.clients", "drop", url=url, constraint="account_floor")
    told = _race(url, "buy", threads=THREADS, tries=TRIES, claim=False)
    books = _books(url)
    assert sum(t["got"] for t in told) > 100
    assert books["left"] < 0
    assert [f for f in books["findings"] if f.startswith("floor")]


def test_a_hot_account_loses_no_addition(url: str) -> None:
    added = sum(_race(url, "add", threads=THREADS, times=4))
    assert _books(url) == {"left": 100 + added, "held": 0, "sold": 0, "findings": []}


def test_control_read_add_write_loses_some(url: str) -> None:
    expected = 100

    def shows(_: int) -> bool:
        nonlocal expected
        expected += sum(_race(url, "add", processes=2, threads=THREADS, times=10, claim=False))
        return _books(url)["left"] < expected

    _until(shows)


def test_accounts_in_any_order_never_wait_in_a_circle(url: str) -> None:
    told = _race(url, "shuffle", threads=THREADS, times=6)
    assert all(t == {"deadlocks": 0} for t in told)
    assert _books(url)["findings"] == []


@pytest.mark.engine("postgres")  # SQLite has one writer: nobody can wait in a circle
def test_control_locking_in_the_order_asked_does(url: str) -> None:
    _race(url, "shuffle", processes=1, threads=2, times=1)
    _until(lambda _: sum(t["deadlocks"] for t in _race(url, "shuffle", processes=2, threads=2, times=5, claim=False)) > 0)


def test_the_same_key_at_once_counts_once(url: str) -> None:
    told = _race(url, "same_keys", processes=2, keys=60, amount=1)
    assert told == [{"ok": 60, "ledger.key_reused": 0}] * 2
    assert _books(url) == {"left": 160, "held": 0, "sold": 0, "findings": []}


def test_control_looking_for_the_key_first_counts_twice(url: str) -> None:
    def shows(attempt: int) -> bool:
        with scratch.database(KIND) as fresh:
            scratch.run("race.clients", "fill", url=fresh, units=100)
            _race(fresh, "same_keys", processes=2, keys=100, amount=1, claim=False)
            return _books(fresh)["left"] > 200

    _until(shows)


def test_the_same_key_with_other_content_at_once_is_one_of_them(url: str) -> None:
    each = [{"process": n, "keys": 60, "amount": n + 1} for n in range(2)]
    one, two = scratch.at_once("race.clients", "same_keys", url=url, each=each)
    assert one["ok"] + two["ok"] == 60 and one["ledger.key_reused"] + two["ledger.key_reused"] == 60
    assert _books(url) == {"left": 100 + one["ok"] + 2 * two["ok"], "held": 0, "sold": 0, "findings": []}


def test_a_pending_is_resolved_once(url: str) -> None:
    scratch.run("race.clients", "hold", url=url, pendings=40)
    told = _race(url, "resolve", pendings=40)
    posted = sum(t["post"] for t in told)
    assert posted + sum(t["void"] for t in told) == 40
    assert _books(url) == {"left": 100 - posted, "held": 40, "sold": posted, "findings": []}


def test_control_looking_first_resolves_twice() -> None:
    def shows(_: int) -> bool:
        with scratch.database(KIND) as fresh:
            scratch.run("race.clients", "fill", url=fresh, units=100)
            scratch.run("race.clients", "hold", url=fresh, pendings=40)
            scratch.run("race.clients", "drop", url=fresh, constraint="transfer_one_resolution")
            told = _race(fresh, "resolve", processes=2, pendings=40, claim=False)
            return sum(t["post"] + t["void"] for t in told) > 40 and _books(fresh)["findings"] != []

    _until(shows)


def test_no_writer_starves(url: str) -> None:
    """Every process gets its turn: the longest single wait stays far under the 20 s after which SQLite gives up."""
    told = _race(url, "write_steadily", processes=6, times=60)
    assert max(t["longest_s"] for t in told) < 5
    assert _books(url)["findings"] == []
