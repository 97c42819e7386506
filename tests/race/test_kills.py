"""kill -9 between any two statements loses nothing and doubles nothing; a dead worker's row is taken over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from support import scratch

pytestmark = pytest.mark.race

KIND = os.environ.get("LINLI_TEST_DB", "sqlite")


@pytest.fixture
def url() -> Iterator[str]:
    with scratch.database(KIND) as made:
        yield made


def _run(url: str, function: str, **arguments: object) -> Any:
    return scratch.run("race.kills", function, url=url, **arguments)


def test_killed_at_every_point_and_asked_again_it_counts_once(url: str) -> None:
    told = _run(url, "kill_everywhere")
    assert told["wrong"] == []
    assert told["deaths"] > 60, "the series has more points than that: is the hook still in place?"


@pytest.mark.parametrize("long", [False, True], ids=["in a transaction", "long"])
def test_a_killed_workers_row_is_taken_over_and_counts_once(url: str, long: bool) -> None:
    told = _run(url, "kill_workers", long=long)
    assert told["wrong"] == []
    assert told["deaths"] > 8


def test_two_workers_never_run_one_row_twice(url: str) -> None:
    _run(url, "schedule", rows=200)
    ran = [key for told in _at_once(url, "work_beside_others") for key in told]
    assert sorted(ran, key=int) == [str(n) for n in range(200)]


def test_control_without_a_lease_they_do() -> None:
    for _ in range(12):
        with scratch.database(KIND) as fresh:
            _run(fresh, "schedule", rows=200)
            if len([key for told in _at_once(fresh, "work_beside_others_without_a_lease") for key in told]) > 200:
                return
    pytest.fail("the control never went wrong: this race proves nothing")


def _at_once(url: str, function: str) -> list:
    return scratch.at_once("race.kills", function, url=url, each=[{"process": n} for n in range(4)])
