"""History enters once, silently up to the start; what lies after it is told day by day, once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from insight_support.history_frames import START_UTC, frames
from linli.insight import history, lake
from linli.insight.events import HistoryLine, HistoryPurchase
from linli.insight.history import demo, neighbourhood, source, writing
from linli.insight.history_state import HistoryState
from linli.kernel import clocks, events
from linli.kernel.events import Subscription
from linli.kernel.models import Event, Transfer
from linli.people import queries as people

pytestmark = pytest.mark.django_db(transaction=True)  # readers see what is committed

START = START_UTC.replace(tzinfo=UTC)
LATER = START + timedelta(days=30)
LAKE = {"lake": Subscription(lake.relay)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(source, "HOME_TO_AT_LEAST", 2)


def bring_in() -> history.Report:
    return history.import_history(frames=frames())


def purchases() -> list[Event]:
    return list(Event.objects.filter(kind="history.purchase").order_by("happened_at", "id"))


def reveal_and_read(until: datetime) -> dict[str, int]:
    with clocks.fixed(business=until):
        counts = history.reveal(until)
        events.drain(LAKE)
    return counts


def test_start_is_nine_in_the_shop_s_morning() -> None:
    assert history.START == START
    assert history.START.astimezone(ZoneInfo("America/New_York")).hour == 9


def test_every_rule_has_its_count() -> None:
    counts = bring_in().counts
    assert counts["lines read"] == 9 * 3 * 2 + 2 + 1 + 2 + 2
    assert counts["fuel lines left out"] == 2
    assert counts["zero-quantity lines left out"] == 1
    assert counts["lines kept"] == counts["lines read"] - 3
    assert counts["baskets left empty and left out"] == 1
    assert counts["free lines kept (quantity, no amount)"] == 1
    assert counts["lines of products without a type kept"] == 1
    assert counts["households whose first basket is after the start"] == 1
    assert counts["stores that are communities"] == 1
    assert counts["baskets up to the start"] + counts["baskets after the start"] == counts["baskets kept"]
    assert history.kept_report() == history.import_history()


def test_households_become_members_of_their_home_store() -> None:
    bring_in()
    ids = people.members_by_external_id("us-demo")
    assert set(ids) == {"1", "2", "3"}
    places = {household: people.member(ids[household]) for household in ids}
    names = {household: m.community_zh for household, m in places.items() if m}
    assert names["1"] == names["2"] != names["3"] == neighbourhood.others().name_zh
    first = places["1"]
    assert first is not None and first.joined_at == START + timedelta(weeks=-6, days=1, hours=2)
    for c in people.communities("us-demo"):
        assert c.invented and people.leader_of(c.community_id) is not None


def test_a_basket_is_told_as_the_shop_got_it() -> None:
    bring_in()
    told = purchases()[0]
    assert (told.source, told.silent, told.recorded_at) == ("history", True, told.happened_at)
    p = told.payload
    assert set(p) == {f.name for f in dataclasses.fields(HistoryPurchase)}
    assert set(p["lines"][0]) == {f.name for f in dataclasses.fields(HistoryLine)}
    assert p["amount_minor"] == sum(line["amount_minor"] for line in p["lines"]) == 150 + 299
    assert p["discount_minor"] == 20 and p["store_id"] == 10
    assert told.subject == f"member:{p['member_id']}"


def test_silent_history_posts_nothing_and_wakes_no_reader() -> None:
    bring_in()
    heard: list[Event] = []
    events.drain({"listener": Subscription(heard.extend)})
    assert heard == [] and not Transfer.objects.exists()
    assert lake.table("history.purchase").count().execute() == len(purchases())


def test_importing_again_adds_nothing_even_when_the_first_was_killed_at_its_end() -> None:
    first = bring_in()
    before = (Event.objects.count(), {t.kind: t.rows for t in lake.tables()})
    assert bring_in() == first
    HistoryState.objects.all().delete()
    bring_in()
    assert (Event.objects.count(), {t.kind: t.rows for t in lake.tables()}) == before


def test_log_and_lake_say_the_same() -> None:
    bring_in()
    reveal_and_read(LATER)
    old = {t.kind: list(lake.written(t.kind)) for t in lake.tables()}
    lake.rebuild()
    assert {t.kind: list(lake.written(t.kind)) for t in lake.tables()} == old


def test_days_are_revealed_as_the_clock_reaches_them_and_heard() -> None:
    bring_in()
    before = len(purchases())
    heard: list[Event] = []
    assert history.reveal(START) == {}
    to = START + timedelta(days=1, hours=6)
    with clocks.fixed(business=to):
        counts = history.reveal(to)
    assert counts == {"history.purchase": 2, "history.campaign_received": 0, "history.coupon_redeemed": 0, "members joined": 1}
    events.drain({"listener": Subscription(heard.extend, kinds=("history.purchase", "people.member_joined"))})
    assert [e.kind for e in heard] == ["people.member_joined", "history.purchase", "history.purchase"]
    assert all(e.recorded_at == e.happened_at and e.source == "history" for e in heard)
    late = next(e for e in heard if e.payload.get("external_id") == "4")
    # Who comes later is at home where the first visit was.
    assert late.payload["community_id"] == people.communities("us-demo")[-1].community_id
    assert len(purchases()) == before + 2


def test_revealed_at_once_or_in_steps_or_again_it_is_the_same() -> None:
    bring_in()
    for days in (1, 1, 3, 10, 40):
        reveal_and_read(START + timedelta(days=days))
    told = {(e.uid, e.happened_at) for e in purchases()}
    HistoryState.objects.update(revealed_until=START)
    counts = reveal_and_read(LATER)
    assert counts["history.purchase"] == 0
    assert {(e.uid, e.happened_at) for e in purchases()} == told
    assert len(told) == history.import_history().counts["baskets kept"]
    assert lake.table("history.purchase").count().execute() == len(told)


def test_a_day_that_dies_half_way_tells_nothing_and_is_told_whole_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_in()
    before = Event.objects.count()
    whole = writing.tell

    def dies_after_the_baskets(con: Any, kind: str, **how: Any) -> int:
        if kind != "history.purchase":
            raise RuntimeError("killed")
        return whole(con, kind, **how)

    with monkeypatch.context() as m:
        m.setattr(writing, "tell", dies_after_the_baskets)
        with pytest.raises(RuntimeError):
            history.reveal(START + timedelta(days=2))
    assert Event.objects.count() == before
    reveal_and_read(LATER)
    assert len(purchases()) == history.import_history().counts["baskets kept"]
    assert Event.objects.filter(kind="history.coupon_redeemed").count() == 2


def test_faces_can_sign_in() -> None:
    assert demo.faces() == []
    bring_in()
    faces = demo.faces()
    assert {f.kind for f in faces} >= {"operator", "leader", "member"}
    assert all(people.person_by_phone(f.phone) for f in faces)
    assert len({f.phone for f in faces}) == len(faces)


def test_no_two_households_share_a_phone_and_nobody_has_it() -> None:
    phones = [neighbourhood.member_phone(h) for h in range(1, 20_000)]
    assert len(set(phones)) == len(phones)
    assert all(p.startswith("+15550") and len(p) == 12 for p in phones)
