"""Races: several threads, one outcome, on SQLite and PostgreSQL alike. Each claim has the control that must fail."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from linli.engage import gate, launching, models, rules, runs, tasks
from linli.engage.rules import Policy
from linli.kernel import ledger
from linli.kernel.models import Effect
from linli.trade import queries as trade
from support.racing import at_once

from .conftest import NINE, REGION, Town, kinds
from .test_gate import ASK, SEEN, tables

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


def test_the_cap_holds_under_a_race() -> None:
    ask = replace(ASK, channel="message", cost_minor=0)  # two a week
    answers = at_once(THREADS, lambda n: tables().attention(ask, SEEN, f"k{n}"))
    assert answers.count(None) == 2
    assert models.AttentionSlot.objects.count() == 2


def test_a_freed_slot_is_taken_once() -> None:
    ask, seen = replace(ASK, channel="leader_task"), SEEN
    assert tables().attention(ask, seen, "k") is None
    gate.release_attention("us-test", "k")
    assert at_once(THREADS, lambda n: tables().attention(ask, seen, f"k{n}")).count(None) == 1


def test_the_cap_without_the_claim_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: look first, write then. All look before the first one writes, and all are let through."""
    looked = threading.Barrier(THREADS, timeout=20)

    def attention(self: gate.Tables, ask: rules.Ask, seen: rules.Seen, key: str) -> Any:
        taken = models.AttentionSlot.objects.filter(member_id=ask.member_id, channel=ask.channel).count()
        looked.wait()
        if taken >= (seen.policy.cap(ask.channel) or 0):
            return seen.now
        slot = int(key.removeprefix("k"))
        models.AttentionSlot.objects.create(
            region=self.region, member_id=ask.member_id, channel=ask.channel, slot=slot, taken_at=seen.now, effect_key=key
        )
        return None

    monkeypatch.setattr(gate.Tables, "attention", attention)
    ask = replace(ASK, channel="message", cost_minor=0)
    assert at_once(THREADS, lambda n: tables().attention(ask, SEEN, f"k{n}")).count(None) == THREADS


def test_the_leaders_day_holds_under_a_race() -> None:
    seen = replace(SEEN, policy=Policy(leader_tasks_per_day=3))
    answers = at_once(THREADS, lambda n: tables().leader_day(ASK, seen, date(2017, 10, 2)))
    assert answers.count(True) == 3 and models.LeaderDay.objects.get().taken_count == 3


def test_two_launches_with_one_key_and_with_two(town: Town) -> None:
    done = at_once(4, lambda n: launching.launch(region=REGION, slug="test-wake", by=None, key="one"))
    assert models.Launch.objects.count() == 1 and len({str(d) for d in done}) == 1
    others = at_once(4, lambda n: launching.launch(region=REGION, slug="test-wake", by=None, key=f"k{n}"))
    assert {getattr(o, "code", "") for o in others} == {"engage.already_running"}
    assert models.Run.objects.count() == 12 and ledger.audit().ok


def test_several_workers_do_every_step_once(town: Town) -> None:
    launch = town.launch()
    at_once(4, lambda n: runs.step_launch(REGION, launch.pk, NINE))
    treated = launch.runs.filter(arm="treated").count()
    given = min(treated, Policy().leader_tasks_per_day)
    assert models.LeaderTask.objects.count() == given == Effect.objects.filter(state="delivered").count()
    assert kinds().count("engage.effect_decided") == 12 == Effect.objects.count()
    assert models.Passage.objects.count() == 12 - (treated - given)
    assert not launch.runs.filter(state="failed").exists() and ledger.audit().ok


def test_many_taps_on_one_task(town: Town) -> None:
    town.start()
    task = models.LeaderTask.objects.order_by("pk")[0]

    def tap(n: int) -> tasks.Confirmed:
        return tasks.confirm(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], key=f"k{n}")

    done = at_once(THREADS, tap)
    assert len({d.coupon_ids for d in done}) == 1
    assert len(trade.coupons_of(task.member_id)) == 2 and kinds().count("engage.task_confirmed") == 1
    assert ledger.audit().ok


def test_a_tap_and_a_skip_and_the_expiry_have_one_winner(town: Town) -> None:
    town.start()
    task = models.LeaderTask.objects.order_by("pk")[0]
    who = {"region": REGION, "task_id": task.pk, "by": town.alice, "community_ids": [town.maple], "key": "k"}
    verbs = [
        lambda: tasks.confirm(**who),  # type: ignore[arg-type]
        lambda: tasks.skip(**who, reason="away"),  # type: ignore[arg-type]
        lambda: tasks.expire_all(REGION, task.expires_at),
    ]
    at_once(6, lambda n: verbs[n % 3]())
    told = kinds()
    mine = [k for k in ("engage.task_confirmed", "engage.task_skipped") if k in told]
    state = models.LeaderTask.objects.get(pk=task.pk).state
    assert (state == "confirmed") == (mine == ["engage.task_confirmed"])
    assert (state == "skipped") == (mine == ["engage.task_skipped"])
    given = 2 if state == "confirmed" or models.InboxMessage.objects.filter(member_id=task.member_id).exists() else 0
    assert len(trade.coupons_of(task.member_id)) == given
    assert ledger.audit().ok
