"""Movement between two moments against plain replay of the changes: flows, sizes, the members behind, promotions."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from linli.insight import movement, rules
from linli.insight.models import Refresh, SegmentChange
from linli.insight.segments import REGISTRY
from linli.people import groups

pytestmark = pytest.mark.django_db
REGION = "us-demo"
START = datetime(2026, 9, 27, 13, tzinfo=UTC)
DAYS = 8
State = tuple[str, str]  # stage ("" not known yet), tier


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def members_of(state: State) -> set[str]:
    stage, tier = state
    return {s for s in (stage, *({"vip": ("vip", "high_value"), "high_value": ("high_value",)}.get(tier, ()))) if s}


@pytest.fixture
def world() -> list[dict[int, State]]:
    """Forty members who change (some twice a day, some there and back): the state after each day."""
    groups.put_region(slug=REGION, name_zh="示范区", name_en="Demo", currency="USD", time_zone="America/New_York")
    dice = random.Random(3)
    now: dict[int, State] = {m: (dice.choice(rules.LIFECYCLE), dice.choice(movement.TIERS)) for m in range(40)}
    days = [dict(now)]
    rows = []
    for day in range(1, DAYS):
        for moment in (at(day) - timedelta(hours=5), at(day)):
            for m in [*dice.sample(range(40), 9), 40 + day]:
                new = (dice.choice(rules.LIFECYCLE[:4]), dice.choice(movement.TIERS))
                was = members_of(now.get(m, ("", movement.ELSE)))
                rows += [
                    SegmentChange(
                        region=REGION, member_id=m, segment=s, entered=s in members_of(new), as_of=moment, reason={"orders_30d": day}
                    )
                    for s in was ^ members_of(new)
                ]
                now[m] = new
        days.append(dict(now))
    SegmentChange.objects.bulk_create(rows)
    for day, states in enumerate(days):
        sizes: dict[str, list[int]] = {}
        for state in states.values():
            for s in members_of(state):
                sizes.setdefault(s, [0, 0])[0] += 1
        board = {"segments": sizes, "members": len(states), "spend": 100, "ladder": movement.ladder(range(10))}
        Refresh.objects.create(region=REGION, as_of=at(day), finished_at=at(day), seconds=1, members=len(states), counts={"board": board})
    return days


@pytest.mark.parametrize(("a", "b"), [(0, 7), (2, 3), (1, 6)])
def test_flows_are_what_a_replay_says(world: list[dict[int, State]], a: int, b: int) -> None:
    for view, place in (("lifecycle", 0), ("value", 1)):
        told = movement.movement(REGION, view, at(a), at(b))
        wanted: dict[tuple[str, str], set[int]] = {}
        for m, state in world[b].items():
            before = world[a].get(m, ("", movement.ELSE))[place]
            if before != state[place]:
                wanted.setdefault((before, state[place]), set()).add(m)
        assert {(f.source, f.target): f.members for f in told.flows} == {pair: len(who) for pair, who in wanted.items()}
        for (source, target), who in wanted.items():
            page = movement.flow_members(REGION, view, at(a), at(b), source, target)
            assert {m.member_id for m in page.rows} == who and page.total == len(who)
            assert all(m.entered and m.segment == target for m in page.rows if view == "lifecycle")
        assert told.after == {n: sum(s[place] == n for s in world[b].values()) for n in told.after}


def test_sizes_are_kept_each_day_and_before_that_derived(world: list[dict[int, State]]) -> None:
    derived = [movement.sizes_at(REGION, at(day)) for day in range(DAYS)]
    assert movement.keep_days(REGION) == DAYS and movement.keep_days(REGION) == 0
    for day in range(DAYS):
        kept = movement.sizes_at(REGION, at(day))
        assert {s: n for s, n in kept.items() if n} == {s: n for s, n in derived[day].items() if n}
    told = movement.history(REGION, "active")
    assert [d.as_of for d in told] == [at(day) for day in range(DAYS)]
    for older, newer in itertools.pairwise(told):
        assert newer.members - older.members == newer.entered - newer.left


def test_who_came_and_left_a_segment(world: list[dict[int, State]]) -> None:
    net = movement.nets(REGION, at(1), at(6), ["vip"])[0]
    before = {m for m, s in world[1].items() if s[1] == "vip"}
    after = {m for m, s in world[6].items() if s[1] == "vip"}
    assert (net.came, net.left, net.members) == (len(after - before), len(before - after), len(after))
    came = movement.net_members(REGION, "vip", came=True, since=at(1), until=at(6))
    assert {m.member_id for m in came.rows} == after - before and all(m.reason for m in came.rows)


def test_a_month_is_graded(world: list[dict[int, State]]) -> None:
    """The month begins between two refreshes: it is compared with the last one before it."""
    assert movement.months(REGION) == [date(2026, 10, 1), date(2026, 9, 1)]
    told = movement.grading(REGION, date(2026, 10, 1))
    assert told is not None and (told.since, told.until) == (at(3), at(7))
    order = {tier: n for n, tier in enumerate(reversed(movement.TIERS))}
    moves = [order[s[1]] - order[world[3].get(m, ("", movement.ELSE))[1]] for m, s in world[7].items()]
    assert (told.promoted, told.demoted) == (sum(d > 0 for d in moves), sum(d < 0 for d in moves))
    assert [n.segment for n in told.kinds["silent"]] == [s.key for s in REGISTRY.values() if s.kind == "silent"]
    assert movement.grading(REGION, date(2026, 8, 1)) is None


def test_days_stand_for_the_last_refresh_on_them(world: list[dict[int, State]]) -> None:
    known = movement.moments(REGION)
    assert movement.between(known, REGION, None, None) == (at(0), at(7))
    assert movement.between(known, REGION, date(2026, 10, 2), date(2026, 9, 29)) == (at(2), at(5))  # turned around
    assert movement.between(known, REGION, date(2026, 9, 29), date(2026, 9, 29)) == (at(1), at(2))  # what that day changed
    assert movement.between(known, REGION, date(2020, 1, 1), date(2030, 1, 1)) == (at(0), at(7))
    assert movement.between(known[:1], REGION, None, None) is None


def test_flows_that_cannot_be(world: list[dict[int, State]]) -> None:
    for source, target in (("active", "active"), ("nope", "active"), ("active", "nope")):
        assert movement.flow_members(REGION, "lifecycle", at(0), at(7), source, target).total == 0
    assert movement.flow_members(REGION, "lifecycle", at(0), at(7), "lost", "new", page=99).page == 1


def test_the_ladder_counts_the_biggest_first() -> None:
    steps = {share: (n, held) for share, n, held in movement.ladder([10] * 90 + [100] * 10)}
    assert steps[0.10] == (10, 1000) and steps[0.50] == (50, 1400) and movement.ladder([])[0] == (0.01, 0, 0)
