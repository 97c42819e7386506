"""What the fast road into the tables writes is what the ORM would write, value by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest
from django.db import IntegrityError, transaction

from insight_support.town import NOW, REGION, habits, paid, people, tell
from linli.insight import engine, refresh, scores, writing
from linli.insight.models import MemberState, MetricValue, Refresh, Score, SegmentChange, SegmentStay
from linli.kernel import clocks
from linli.kernel.models import Event

pytestmark = pytest.mark.django_db
TABLES = (MemberState, SegmentStay, SegmentChange, Score, MetricValue, Refresh)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    with clocks.fixed(business=NOW):
        yield


def kept() -> dict[str, list[dict[str, Any]]]:
    """Every row of the room's tables, without numbers and times of the machine."""
    names = {t: [f.name for f in t._meta.concrete_fields if f.name not in ("id", "seconds", "finished_at")] for t in TABLES}
    found = {t.__name__: sorted(t.objects.values(*names[t]), key=repr) for t in TABLES}
    for refreshed in found["Refresh"]:
        change = refreshed["counts"]["board"].pop("change")  # a row's number, that no two runs share
        assert change == 0 or SegmentChange.objects.filter(pk=change).exists()
    return found


def told() -> list[str]:
    return sorted(repr(e.payload) for e in Event.objects.filter(kind="insight.segment_changed"))


def orm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow road: model objects, one by one."""
    changing = [f.name for f in MemberState._meta.concrete_fields if f.name not in ("id", "region", "member_id")]

    def states(rows: Sequence[MemberState]) -> None:
        MemberState.objects.bulk_create(rows, update_conflicts=True, unique_fields=["region", "member_id"], update_fields=changing)

    def stays(region: str, entered: Iterable[tuple[int, str]], since: datetime) -> None:
        SegmentStay.objects.bulk_create([SegmentStay(region=region, member_id=m, segment=s, since=since) for m, s in entered])

    def risks(region: str, as_of: datetime, found: Mapping[int, float]) -> None:
        Score.objects.filter(region=region, as_of=as_of).delete()
        Score.objects.bulk_create([Score(region=region, as_of=as_of, member_id=m, risk=r) for m, r in found.items()])

    monkeypatch.setattr(writing, "states", states)
    monkeypatch.setattr(writing, "stays", stays)
    monkeypatch.setattr(writing, "scores", risks)
    monkeypatch.setattr(writing, "changes", SegmentChange.objects.bulk_create)


def test_the_fast_road_leaves_what_the_orm_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days of a town with risks, texts that need quotes, members without anything; each day refreshed and touched."""
    ids = people(24, unprofiled=[5])
    tell([*habits(ids[:-1], days=120), paid("today", ids[3], NOW + timedelta(hours=2), 4000)])

    def score(region: str, as_of: datetime, member_ids: Sequence[int] | None = None, **_: Any) -> dict[int, scores.Scored]:
        some = [m for m in ids if m % 2 and (member_ids is None or m in member_ids)]
        return {m: scores.Scored(1 / (3 + m), [("rhythm", 0.1 * m)]) for m in some}

    monkeypatch.setattr(scores, "score", score)
    monkeypatch.setattr(scores, "is_due", lambda region, as_of: False)
    favourites = refresh.details.details

    def quoted(*args: Any) -> Any:
        found = favourites(*args)
        for n, detail in enumerate(found.values()):
            detail.favourites.append(['say "鸡蛋\\{}", it\'s 100%', n])
        return found

    monkeypatch.setattr(refresh.details, "details", quoted)

    def days() -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
        refresh.refresh(REGION, NOW)
        refresh.refresh(REGION, TOMORROW)
        assert refresh.touch(REGION, ids[:4], TOMORROW + timedelta(hours=1)) == 4
        result = kept(), told()
        for table in TABLES:
            table.objects.all().delete()
        Event.objects.filter(kind="insight.segment_changed").delete()
        return result

    fast = days()
    assert all(fast[0].values()) and fast[1]
    with monkeypatch.context() as slow:
        orm(slow)
        engine.connection()
        slow.setattr(ibis.options.sql, "fuse_selects", True)
        assert days() == fast


def test_a_value_that_the_table_refuses_is_refused() -> None:
    ids = people(2)
    tell(habits(ids, days=40))
    known = refresh._knowledge(REGION, NOW)
    known.states[0].lifecycle = None  # type: ignore[assignment]
    with pytest.raises(IntegrityError), transaction.atomic():
        writing.states(known.states)
    assert not MemberState.objects.exists()
    writing.states([])
