"""The loop, carried through once on a small history: each day is stepped whole, once, and again after a crash."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.history_frames import frames
from linli import day, worker
from linli.insight import history, queries, refresh
from linli.insight.history import source
from linli.kernel import clocks, events, ledger, work
from linli.kernel.models import Event, WorkRow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three households at the start of the first day, the shop open."""
    settings.HOME = tmp_path
    monkeypatch.setattr(source, "HOME_TO_AT_LEAST", 2)
    history.import_history(frames=frames())
    clocks.set_business(history.START)
    history.seed_shop(history.START)
    refresh.refresh(history.REGION, history.START)


def revealed() -> list[str]:
    return [e.payload["basket_id"] for e in Event.objects.filter(kind="history.purchase", silent=False).order_by("id")]


def test_a_day_reveals_relays_and_knows() -> None:
    to = history.START + timedelta(days=2)
    told: list[str] = []
    day.step_to(to, tell=lambda done, total, label: told.append(label))
    assert clocks.business_now() == to
    assert len(revealed()) == 2  # household 4's first basket, household 1's weekly one
    assert all(s.waiting_count == 0 and not s.error for s in events.standings(worker.wiring.READERS))
    assert queries.standing(history.REGION).as_of == to
    assert told[-1] == "day.done"
    assert ledger.audit().ok


def test_a_day_repeated_changes_nothing() -> None:
    """A worker killed at the end of a step runs it again."""
    to = history.START + timedelta(days=2)
    day.step_to(to)
    before = Event.objects.count(), revealed()
    day.step_to(to)
    assert (Event.objects.count(), revealed()) == before


def test_a_day_that_died_half_way_is_finished_by_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    to = history.START + timedelta(days=2)

    def die(region: str, as_of: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as m:
        m.setattr(refresh, "refresh", die)
        with pytest.raises(RuntimeError):
            day.step_to(to)
    assert len(revealed()) == 2
    day.step_to(to)
    assert len(revealed()) == 2
    assert queries.standing(history.REGION).as_of == to


def test_the_button_and_the_worker_step_one_day_however_often_it_is_pressed() -> None:
    for _ in range(3):
        day.request()
    assert WorkRow.objects.filter(kind="day.step").count() == 1
    work.run_due(worker.HANDLERS)
    row = WorkRow.objects.get(kind="day.step")
    assert row.state == WorkRow.State.DONE, row.error
    assert clocks.business_now() == history.START + timedelta(days=1)
    assert row.progress["done"] == row.progress["total"]


def test_tomorrow_deleted_changes_no_screen_today() -> None:
    """What is staged for later days can't be seen: with the stage gone, today's knowledge is the same to the letter."""
    as_of = history.START
    before = list(queries.export_members(history.REGION))
    staged = [p for p in (Path(str(_home())) / "history").rglob("*") if p.is_file()]
    assert staged
    for file in staged:
        file.unlink()
    refresh.refresh(history.REGION, as_of)
    assert list(queries.export_members(history.REGION)) == before


def _home() -> Path:
    from django.conf import settings

    return Path(settings.HOME)
