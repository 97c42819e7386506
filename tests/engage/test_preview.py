"""The preview writes nothing and says what the launch then does; the outcome is honest."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from linli.engage import delivery, launching, models, outcome, purse, queries, rates, runs, tasks
from linli.engage import preview as previews
from linli.insight import experiments
from linli.kernel import clocks
from linli.kernel.models import Effect
from linli.people import consent

from .conftest import NINE, REGION, Town, edit, later


@pytest.fixture(autouse=True)
def compared(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """insight's comparison answers that nothing can be told; what it was asked is kept."""
    asked: list[dict[str, Any]] = []

    def compare(**facts: Any) -> experiments.Outcome:
        asked.append(facts)
        arms = [experiments.Arm(len(facts[a]), 20_000.0, 20_000.0 * len(facts[a]), len(facts[a])) for a in ("treated", "holdout")]
        return experiments.Outcome(
            facts.get("metric", "amount"),
            facts["start"],
            facts["as_of"],
            *arms,
            150.0,
            -4000.0,
            4300.0,
            0.95,
            0.9,
            6000.0,
            True,
            0.4,
            "too_small",
        )

    previews._window_before.cache_clear()
    monkeypatch.setattr(experiments, "outcome", compare)
    monkeypatch.setattr(
        rates, "_members", lambda region, kind, as_of: {"history.campaign_received": 1559, "history.coupon_redeemed": 410}[kind]
    )
    return asked


def rows() -> dict[str, int]:
    return {m._meta.label: m.objects.count() for m in apps.get_models() if m.__module__.startswith("linli.")}


def test_it_writes_nothing(town: Town) -> None:
    before = rows()
    with CaptureQueriesContext(connection) as captured:
        previews.preview(REGION, "test-wake")
    assert rows() == before
    assert not [q["sql"] for q in captured if q["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert len(captured) < 20


@pytest.mark.parametrize("budget", [100_000, 2_500])
def test_the_launch_does_what_the_preview_said(town: Town, shelf: Any, budget: int) -> None:
    edit(shelf, ("budget_minor: {USD: 100_000}", f"budget_minor: {{USD: {budget}}}"))
    models.Policy.objects.create(region=REGION, leader_tasks_per_day=4)
    consent.withdraw(member_id=town.members[2], scope="messages")
    consent.withdraw(member_id=town.members[3], scope="profiling")
    models.AttentionSlot.objects.create(
        region=REGION, member_id=town.members[-1], channel="leader_task", slot=0, taken_at=NINE - timedelta(days=2), effect_key="x"
    )
    told = previews.preview(REGION, "test-wake", samples=100)
    launch = town.start()
    got = {int(e.subject.removeprefix("member:")): (e.state, e.reason) for e in Effect.objects.all()}
    said = {
        s.member_id: ({"send": "delivered", "hold": "held", "drop": "dropped", "withhold": "withheld"}[s.answer], s.reason)
        for s in told.samples
    }
    assert said == got
    assert told.audience_count == launch.runs.count() == 11
    assert {s.member_id: s.arm for s in told.samples} == dict(launch.runs.values_list("member_id", "arm"))
    words = {int(e.subject.removeprefix("member:")): e.payload["words"] for e in Effect.objects.all()}
    assert {s.member_id: s.words for s in told.samples} == words
    assert told.drops == dict(Counter(r for s, r in got.values() if s == "dropped"))
    assert told.answers.get("send") == models.LeaderTask.objects.count()
    assert told.workload[0].tasks_count == models.LeaderTask.objects.count()


def test_cost_workload_and_power_beforehand(crowd: Town, compared: list[dict[str, Any]]) -> None:
    models.Policy.objects.create(region=REGION, leader_tasks_per_day=6)
    told = previews.preview(REGION, "test-wake")
    treated = told.treated_count
    assert told.worst_cost_minor == treated * 1000
    assert told.redemption_basis == "engage.basis.history"
    assert told.expected_cost_minor is not None
    assert told.expected_cost_minor.low < told.expected_cost_minor.middle == pytest.approx(told.worst_cost_minor * 410 / 1559)
    assert [load.tasks_count for load in told.workload[:-1]] == [6] * (len(told.workload) - 1)
    assert sum(load.tasks_count for load in told.workload) == treated
    assert told.power.mde == 6000.0 and not told.power.enough and told.power.baseline == 20_000
    assert compared[0]["start"] == NINE - timedelta(days=28) and compared[0]["as_of"] == NINE


def test_an_empty_audience_previews_as_nothing(town: Town) -> None:
    town.known.facts = {}
    told = previews.preview(REGION, "test-wake")
    assert (told.audience_count, told.worst_cost_minor, told.answers, told.samples) == (0, 0, {}, ())
    assert told.power.reason == "no_arms" and not told.power.enough


def test_before_insight_has_looked(town: Town) -> None:
    town.known.as_of = None
    assert previews.preview(REGION, "test-wake").waits_for == "engage.preview.no_knowledge"


def test_the_outcome_says_that_nothing_was_given(crowd: Town) -> None:
    launch = crowd.start()
    crowd.known.as_of = NINE + timedelta(days=3)
    found = outcome.outcome(launch)
    assert found is not None
    assert (found.note, found.cost_minor, found.given_count, found.profit_minor) == ("nothing_given", 0, 0, None)
    assert found.estimates[0].verdict == "too_small" and (found.estimates[0].low, found.estimates[0].high) == (-4000.0, 4300.0)


def test_the_outcome_after_taps(crowd: Town, monkeypatch: pytest.MonkeyPatch, compared: list[dict[str, Any]]) -> None:
    launch = crowd.start()
    for task in models.LeaderTask.objects.order_by("pk")[:3]:
        tasks.confirm(region=REGION, task_id=task.pk, by=crowd.alice, community_ids=[crowd.maple], key=f"c{task.pk}")
    crowd.known.as_of = NINE + timedelta(days=3)
    monkeypatch.setattr(outcome, "cost_minor", lambda launch: 700)
    monkeypatch.setattr(rates, "margin_share", lambda region: 0.25)
    found = outcome.outcome(launch)
    assert found is not None
    assert (found.note, found.given_count, found.issued_count, found.redeemed_count) == ("too_small", 3, 6, 0)
    treated = launch.runs.filter(arm="treated").count()
    assert found.profit_minor is not None and found.profit_minor.middle == pytest.approx(150 * treated * 0.25 - 700)
    assert found.profit_per_yuan is not None and found.profit_per_yuan.low < 0 < found.profit_per_yuan.high
    assert compared[0]["treated"] and set(compared[0]["treated"]).isdisjoint(compared[0]["holdout"])
    assert len(compared[0]["treated"]) == treated  # intention to treat: not only the three who were spoken to


def test_cost_is_what_the_ledger_paid(town: Town) -> None:
    from linli.kernel import ledger
    from linli.trade import accounts

    launch = town.start()
    ledger.open(accounts.revenue(REGION, "USD"), floor=None)
    ledger.commit(ledger.Move("paid", purse.budget_ref(launch), accounts.revenue(REGION, "USD"), 300, "trade.coupon_discount"))
    assert outcome.cost_minor(launch) == 300
    launching.stop(region=REGION, launch_id=launch.pk, by=None, key="s")
    assert outcome.cost_minor(launch) == 300  # what was given back isn't cost


def test_the_pages(crowd: Town) -> None:
    card = queries.playbooks(REGION)[0]
    assert (card.slug, card.running, card.problem) == ("test-wake", None, "")
    assert queries.waiting(REGION).not_started == ("test-wake",)
    launch = crowd.start()
    page = queries.launch(REGION, launch.pk)
    assert page.funnel[0].step == "ask" and sum(page.funnel[0].treated.values()) + page.answers.get("hold", 0) == page.card.treated_count
    assert page.funnel[0].holdout == {"withhold": page.card.holdout_count}
    assert page.funnel[1].waiting_count > 0
    assert page.card.committed_minor == 1000 * page.tasks["open"]
    assert queries.playbooks(REGION)[0].running is not None
    steps = queries.playbook(REGION, "test-wake").steps
    assert [s.kind for s in steps] == ["leader_task", "wait", "exit", "exit"]
    with CaptureQueriesContext(connection) as captured:
        found = queries.decisions(REGION, launch_id=launch.pk, answer="withhold")
    assert len(captured) <= 9
    assert found.total_count == page.card.holdout_count and {r.reason for r in found.rows} == {"holdout"}
    assert found.by_answer["send"] == page.answers["send"]
    one = queries.member_decisions(REGION, found.rows[0].member_id)
    assert one == [found.rows[0]] and one[0].words
    assert queries.decisions(REGION, slug="test-wake", step="ask", channel="leader_task").total_count == sum(page.answers.values())
    assert queries.decisions(REGION, reason="no_consent").total_count == 0


def test_a_broken_file_shows_its_problem(town: Town, shelf: Any) -> None:
    edit(shelf, ("high_value", "hih_value"))
    assert "hih_value" in queries.playbooks(REGION)[0].problem and "high_value" in queries.playbooks(REGION)[0].problem


def test_a_launch_tells_the_day_after(town: Town) -> None:
    launch = town.start()
    with later(7.5):
        runs.advance(REGION)
        page = queries.launch(REGION, launch.pk)
    assert set(page.ends) == {"no_purchase"}
    assert isinstance(clocks.business_now(), datetime) and delivery.origin(launch) == f"launch:{launch.pk}"
