"""An event touches only its member: what is known from the members' own facts equals the full evaluation, in any order of events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.town import NOW, REGION, ZONE, habits, paid, people, refunded, tell
from linli.insight import details, features, lake, member_facts, refresh, rules
from linli.insight.events import HistoryLine, HistoryPurchase, ImportedLine, ImportWithdrawn, OrderImported
from linli.insight.features import facts_of
from linli.insight.import_models import ImportedRow
from linli.insight.models import MemberState, Refresh
from linli.kernel import clocks, events, ids
from linli.kernel.events import Fact, Told

pytestmark = pytest.mark.django_db
KEPT = [f.name for f in MemberState._meta.concrete_fields if f.name not in ("id", "as_of", "value_rank")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    lake.forget()
    with clocks.fixed(business=NOW):
        yield


def history(number: int, member: int, at: datetime) -> Told:
    line = HistoryLine(number, "BANANAS", "TROPICAL FRUIT", "PRODUCE", 1, 450, 50)
    return told(HistoryPurchase(number, member, 1, 1, 450, 50, number % 3 * 10, (line,)), member, at, at)


def imported(order: str, revision: int, member: int, at: datetime, recorded: datetime, run: int) -> Told:
    """A revision of an imported order as an import tells it; the next may name another member."""
    ImportedRow.objects.create(region=REGION, kind="orders", key=order, revision=revision, digest="x", import_id=run)
    fact = OrderImported(order, run, revision, order, member, 1, 900 * revision, revision % 3, (ImportedLine("x", "x", "fruit", 1, 900),))
    return told(fact, member, at, recorded, uid=ids.named(f"import/{run}/{order}/{revision}"))


def told(fact: Fact, member: int, happened: datetime, recorded: datetime, **more: Any) -> Told:
    return Told(fact, REGION, f"member:{member}", happened, recorded, **more)


def a_story(dice: random.Random, town: Sequence[int]) -> list[Told]:
    """Orders paid and given back, history, imports revised to another member and withdrawn: some late, in no order."""
    story: list[Told] = []
    for n in range(60):
        member, happened = dice.choice(town), NOW - timedelta(minutes=dice.randrange(60 * 24 * 400))
        late = happened + timedelta(minutes=dice.choice((0, 0, 1, 60 * 24 * 30)))
        recorded = min(late, NOW)
        match n % 4:
            case 0 | 1:
                amount = dice.randrange(100, 9000)
                order = paid(f"o{n}", member, happened, amount, dice.randrange(3), coupon=dice.choice((0, 50)))
                story.append(told(order.fact, member, happened, recorded))
                if dice.random() < 0.4:
                    story.append(refunded(f"o{n}", member, min(recorded + timedelta(hours=9), NOW), dice.choice((30, amount)), n % 3))
            case 2:
                story.append(history(n, member, happened))
            case _:
                for revision in range(1, dice.choice((2, 3, 4))):
                    owner = member if dice.random() < 0.6 else dice.choice(town)
                    story.append(imported(f"i{n}", revision, owner, happened, recorded, 1 + (n + revision) % 5))
    dice.shuffle(story)
    return story


def of_day(town: Sequence[int] | None, tables: Any = None) -> tuple[list[dict[str, Any]], dict[int, Any]]:
    rows = features.features(NOW, town, region=REGION, tables=tables).to_pyarrow().to_pylist()
    return sorted(rows, key=lambda r: r["member_id"]), details.details(facts_of(NOW, REGION, tables), NOW, ZONE, town)


@pytest.mark.parametrize("seed", [1, 2])
def test_own_facts_are_the_lakes(seed: int) -> None:
    """Whatever was told, late, corrected, given to somebody else or withdrawn: a few members' facts say what the whole lake says."""
    dice = random.Random(seed)
    town = people(12)
    tell(a_story(dice, town))
    tell([told(ImportWithdrawn(2), 0, NOW - timedelta(days=500), NOW - timedelta(days=500))])
    few = sorted(dice.sample(town, 7))
    rows, shown = of_day(None)
    own_rows, own_shown = of_day(few, member_facts.tables(REGION, few))
    assert own_rows == [r for r in rows if r["member_id"] in few]
    assert own_shown == {m: d for m, d in shown.items() if m in few}


def test_touched_in_any_order_all_is_as_the_full_evaluation_knows_it() -> None:
    """Events in a random order, each touching its own members alone; then the nightly evaluation finds nothing to change."""
    dice = random.Random(4)
    town = people(10)
    Refresh.objects.create(region=REGION, as_of=NOW - timedelta(days=1), finished_at=NOW, seconds=1, members=10)
    tell(habits(town, days=60))
    refresh.touch(REGION, town, NOW)
    story = a_story(dice, town)
    # Two pieces, so that what the first knew is known again after the second.
    for piece in (story[: len(story) // 2], story[len(story) // 2 :]):
        events.append_many(piece)
        refresh.touch(REGION, [t.fact.member_id for t in piece if hasattr(t.fact, "member_id")], NOW)
    tell([])
    touched = {s["member_id"]: s for s in MemberState.objects.values(*KEPT)}
    nightly = refresh._knowledge(REGION, NOW, scale=rules.Scale())
    assert touched == {s.member_id: {name: getattr(s, name) for name in KEPT} for s in nightly.states}


def test_what_is_read_is_the_members_own_alone() -> None:
    """A hundred other members' orders are no work: the rows read are those of the asked."""
    town = people(8)
    tell(habits(town, days=60))
    few = member_facts.tables(REGION, town[:1])
    assert set(few("trade.order_paid").execute()["member_id"]) == {town[0]}
    assert few("people.member_joined").count().execute() == 1 and few("history.purchase__lines").count().execute() == 0
