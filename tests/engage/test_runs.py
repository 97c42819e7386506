"""Launches and runs: drawn once, done once, whoever does it and however often."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from linli.engage import delivery, launching, models, purse, queries, reading, rules, runs, tasks
from linli.kernel import clocks, effects, events, ledger
from linli.kernel.models import Effect
from linli.kernel.refusals import Refusal
from linli.trade import coupons

from .conftest import NINE, REGION, Town, edit, facts, kinds, later, read, withdraw


def bought(member_id: int, at: Any = None) -> None:
    """The member bought in the replayed history; engage hears it."""
    from linli.trade.events import OrderPaid

    with clocks.fixed(business=at or clocks.business_now() + timedelta(seconds=1)):
        paid = events.append(OrderPaid("o1", member_id, 1, 5000, 0, "sandbox", "", [], "x"), region=REGION, subject=f"member:{member_id}")
        read([paid])


def states(launch: models.Launch) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in launch.runs.all():
        found[run.state] = found.get(run.state, 0) + 1
    return found


@pytest.fixture
def both_arms(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first salt by which some of the few neighbours are held out and some are not: which ids they have is chance."""
    arms = ({rules.arm(salt, m, 0.3) for m in town.members} for salt in map(str, itertools.count()))
    salt = next(n for n, drawn in enumerate(arms) if drawn == {rules.TREATED, rules.HOLDOUT})
    monkeypatch.setattr(launching, "salt_of", lambda region, slug, version: str(salt))


@pytest.mark.usefixtures("both_arms")
def test_a_launch_draws_everybody_once(town: Town) -> None:
    launch = town.launch()
    arms = {r.member_id: r.arm for r in launch.runs.all()}
    assert set(arms) == set(town.members)
    assert arms == {m: rules.arm(launch.salt, m, 0.3) for m in town.members}
    assert set(arms.values()) == {rules.TREATED, rules.HOLDOUT}
    again = launching.launch(region=REGION, slug="test-wake", by=town.alice, key="k1")
    assert again.launch_id == launch.pk and models.Run.objects.count() == len(town.members)
    assert kinds().count("engage.launch_started") == 1
    with pytest.raises(Refusal, match=r"engage\.already_running"):
        town.launch(key="k2")


def test_the_budget_lies_on_the_ledger(town: Town) -> None:
    launch = town.launch()
    assert ledger.balance(purse.budget_ref(launch)).free == 100_000
    assert ledger.audit().ok


@pytest.mark.usefixtures("both_arms")
def test_treated_get_tasks_and_the_holdout_walks_along(town: Town) -> None:
    launch = town.start()
    arms = [r.arm for r in launch.runs.all()]
    most = rules.Policy().leader_tasks_per_day
    treated, held_out = arms.count("treated"), arms.count("holdout")
    given = min(most, treated)
    assert models.LeaderTask.objects.count() == given
    answers = [e.state for e in Effect.objects.filter(origin=delivery.origin(launch))]
    assert answers.count("delivered") == given
    assert answers.count("withheld") == held_out
    assert answers.count("held") == treated - given
    assert ledger.balance(purse.budget_ref(launch)).held == 1000 * given
    withheld = Effect.objects.filter(state="withheld").first()
    assert withheld is not None and withheld.payload["words"].startswith(("林邻居，40 天", "邻居您好，40 天"))
    assert withheld.reason == "holdout"
    walks = {r.arm: (r.state, r.step) for r in launch.runs.all() if r.state == "waiting"}
    assert walks == {"treated": ("waiting", "back"), "holdout": ("waiting", "back")}


def test_nothing_twice_however_often(town: Town) -> None:
    launch = town.start()
    before = (models.LeaderTask.objects.count(), Effect.objects.count(), models.Passage.objects.count(), len(kinds()))
    for _ in range(3):
        runs.advance(REGION, NINE)
        runs.step_launch(REGION, launch.pk, NINE)
    assert before == (models.LeaderTask.objects.count(), Effect.objects.count(), models.Passage.objects.count(), len(kinds()))


def test_a_key_starts_one_playbook_alone(town: Town) -> None:
    town.launch()
    text = (reading.SHIPPED / "test-wake.yaml").read_text().replace("slug: test-wake", "slug: test-other")
    (reading.SHIPPED / "test-other.yaml").write_text(text)
    with pytest.raises(Refusal) as caught:
        launching.launch(region=REGION, slug="test-other", by=town.alice, key="k1")
    assert (caught.value.code, caught.value.facts["slug"]) == ("engage.key_reused", "test-wake")


def test_a_launch_says_how_many_steps_are_due(town: Town) -> None:
    launch = town.launch()
    assert queries.launch(REGION, launch.pk).due_count == len(town.members)
    runs.step_launch(REGION, launch.pk, clocks.business_now())
    assert queries.launch(REGION, launch.pk).due_count == 0


def test_a_crash_between_leaves_nothing_and_is_done_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = town.launch()

    class Killed(BaseException):
        pass

    def killed(*args: Any, **more: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(runs, "_pass", killed)
        with pytest.raises(Killed):
            runs.step_launch(REGION, launch.pk, NINE)
    assert not models.LeaderTask.objects.exists() and not Effect.objects.exists()
    assert ledger.balance(purse.budget_ref(launch)).held == 0
    runs.step_launch(REGION, launch.pk, NINE)
    assert models.LeaderTask.objects.exists() and ledger.audit().ok


def test_a_defect_in_one_run_stops_only_that_run(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = town.launch()
    real, bad = delivery.decide, town.members[-1]

    def decide(run: models.Run, *args: Any, **more: Any) -> rules.Answer:
        if run.member_id == bad:
            raise RuntimeError("boom")
        return real(run, *args, **more)

    monkeypatch.setattr(delivery, "decide", decide)
    runs.step_launch(REGION, launch.pk, NINE)
    failed = models.Run.objects.get(state="failed")
    assert failed.member_id == bad and "boom" in failed.error
    assert states(launch).get("waiting", 0) > 0


def test_what_the_leader_has_no_time_for_waits_for_tomorrow(town: Town) -> None:
    models.Policy.objects.create(region=REGION, leader_tasks_per_day=2)
    launch = town.start()
    assert models.LeaderTask.objects.count() == 2
    held = Effect.objects.filter(state="held")
    assert {e.reason for e in held} == {"leader_full"}
    assert {e.due_at for e in held} == {NINE.replace(day=3, hour=8)}
    served = {t.member_id for t in models.LeaderTask.objects.all()}
    treated = [r for r in launch.runs.order_by("-priority") if r.arm == "treated"]
    assert served == {r.member_id for r in treated[:2]}  # most to lose first
    with later(1):
        runs.advance(REGION)
    assert models.LeaderTask.objects.count() == 4
    with later(8):  # hold_days are 7: who waited longer is dropped with the reason
        runs.advance(REGION)
    assert {e.reason for e in Effect.objects.filter(state="dropped")} <= {"leader_full"}


def test_a_purchase_ends_the_wait_and_takes_the_task_back(town: Town) -> None:
    launch = town.start()
    task = models.LeaderTask.objects.order_by("pk")[0]
    bought(task.member_id)
    run = models.Run.objects.get(launch=launch, member_id=task.member_id)
    task.refresh_from_db()
    assert (run.state, run.reason, task.state) == ("finished", "bought", "withdrawn")
    assert not models.AttentionSlot.objects.filter(effect_key=task.effect_key, taken_at__gt=NINE - timedelta(days=1)).exists()
    assert "engage.run_finished" in kinds() and ledger.audit().ok


def test_a_purchase_of_before_ends_no_wait(town: Town) -> None:
    launch = town.start()
    bought(town.members[0], at=NINE - timedelta(hours=3))
    assert not launch.runs.filter(state="finished").exists()


def test_silence_times_out(town: Town) -> None:
    launch = town.start()
    with later(7.1):
        runs.advance(REGION)
    ended = set(launch.runs.filter(state="finished").values_list("reason", flat=True))
    assert ended == {"no_purchase"}


def test_a_time_out_asks_the_log_before_it_says_nobody_came(town: Town) -> None:
    """The due row may be looked at before the reader has brought the purchase of the hour before."""
    from linli.trade.events import OrderPaid

    launch = town.start()
    run = launch.runs.filter(state="waiting").first()
    assert run is not None
    with later(6.9):
        events.append(OrderPaid("o", run.member_id, 1, 1, 0, "", "", [], "x"), region=REGION, subject=f"member:{run.member_id}")
    with later(7.1):
        runs.advance(REGION)
    run.refresh_from_db()
    assert run.reason == "bought"


def test_an_edited_playbook_leaves_runs_in_flight_alone(town: Town, shelf: Any) -> None:
    launch = town.start()
    edit(shelf, ("exit: no_purchase", "exit: gave_up"), ("days: 7", "days: 2"))
    with later(3):
        runs.advance(REGION)
    assert launch.runs.filter(state="waiting").exists()
    with later(7.5):
        runs.advance(REGION)
    assert set(launch.runs.filter(state="finished").values_list("reason", flat=True)) == {"no_purchase"}
    launching.stop(region=REGION, launch_id=launch.pk, by=1, key="s")
    second = town.launch(key="k2")
    assert second.version_id != launch.version_id and second.salt != launch.salt


def test_newcomers_to_the_audience_enter_on_a_later_day(town: Town) -> None:
    newcomer = town.members.pop()
    later_facts = town.known.facts.pop(newcomer)
    launch = town.start()
    town.known.facts[newcomer], town.known.as_of = later_facts, NINE + timedelta(days=1)
    with later(1):
        runs.advance(REGION)
        runs.advance(REGION)
    assert launch.runs.filter(member_id=newcomer).count() == 1
    assert kinds().count("engage.run_entered") == 12


def test_entering_means_not_fitting_before(town: Town, shelf: Any) -> None:
    edit(shelf, ("trigger: daily", "trigger: entering"))
    newcomer = town.members.pop()
    later_facts = town.known.facts.pop(newcomer)
    launch = town.start()
    assert not launch.runs.exists()
    town.known.facts[newcomer], town.known.as_of = later_facts, NINE + timedelta(days=1)
    with later(1):
        runs.advance(REGION)
    assert list(launch.runs.values_list("member_id", flat=True)) == [newcomer]


def test_no_knowledge_no_launch(town: Town) -> None:
    town.known.as_of = None
    with pytest.raises(Refusal, match=r"engage\.no_knowledge"):
        town.launch()


def test_an_empty_audience_launches_and_ends_by_itself(town: Town, shelf: Any) -> None:
    edit(shelf, ("enter_days: 28", "enter_days: 0"))
    town.known.facts = {}
    launch = town.start()
    assert not launch.runs.exists()
    with later(1):
        runs.advance(REGION)
    launch.refresh_from_db()
    assert launch.state == "finished"
    assert ledger.balance(purse.budget_ref(launch)).balance == 0
    assert ledger.audit().ok


def test_stopping_takes_everything_back_that_is_not_given(town: Town) -> None:
    launch = town.start()
    task = models.LeaderTask.objects.order_by("pk")[0]
    tasks.confirm(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], key="c")
    launching.stop(region=REGION, launch_id=launch.pk, by=town.alice, key="s")
    launching.stop(region=REGION, launch_id=launch.pk, by=town.alice, key="s")
    assert states(launch) == {"finished": 12}
    assert set(models.LeaderTask.objects.values_list("state", flat=True)) == {"confirmed", "withdrawn"}
    assert not Effect.objects.filter(state="held").exists()
    balance = ledger.balance(purse.budget_ref(launch))
    assert (balance.balance, balance.held, balance.free) == (1000, 1000, 0)  # what the two given coupons may still cost
    assert kinds().count("engage.launch_stopped") == 1 and ledger.audit().ok
    before = len(kinds())
    with later(8):
        runs.advance(REGION)
    assert len(kinds()) == before


def test_consent_withdrawn_in_mid_run(town: Town) -> None:
    launch = town.start()
    task = models.LeaderTask.objects.order_by("pk")[0]
    withdraw(task.member_id, "messages")
    task.refresh_from_db()
    assert task.state == "withdrawn"
    assert models.Run.objects.get(launch=launch, member_id=task.member_id).state == "waiting"
    other = models.LeaderTask.objects.filter(state="open").order_by("pk")[0]
    withdraw(other.member_id, "profiling")
    other.refresh_from_db()
    run = models.Run.objects.get(launch=launch, member_id=other.member_id)
    assert (other.state, run.state, run.reason) == ("withdrawn", "finished", "consent_withdrawn")


def test_without_consent_nobody_is_chosen_or_written_to(town: Town) -> None:
    from linli.people import consent

    consent.withdraw(member_id=town.members[0], scope="profiling")
    for member_id in town.members[1:]:
        consent.withdraw(member_id=member_id, scope="messages")
    launch = town.start()
    assert not launch.runs.filter(member_id=town.members[0]).exists()
    assert not models.LeaderTask.objects.exists()
    assert {(e.state, e.reason) for e in Effect.objects.all()} == {("dropped", "no_consent")}  # in both arms alike


def test_a_budget_that_is_spent_drops_with_the_reason(town: Town, shelf: Any) -> None:
    edit(shelf, ("budget_minor: {USD: 100_000}", "budget_minor: {USD: 2_500}"))
    launch = town.start()
    assert models.LeaderTask.objects.count() == 2
    dropped = Effect.objects.filter(state="dropped")
    treated = launch.runs.filter(arm="treated").count()
    assert {e.reason for e in dropped} == {"budget"} and dropped.count() == treated - 2
    assert models.LeaderDay.objects.get().taken_count == 2  # a drop gives the leader's place and the member's slot back
    assert models.AttentionSlot.objects.count() == 2
    assert ledger.balance(purse.budget_ref(launch)).free == 500


def test_a_member_who_is_gone(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from linli.people import queries as people

    gone, real = town.members[-1], people.members
    launch = town.launch()
    monkeypatch.setattr(people, "members", lambda ids: {k: v for k, v in real(ids).items() if k != gone})
    runs.step_launch(REGION, launch.pk, NINE)
    run = launch.runs.get(member_id=gone)
    assert (run.state, run.reason) == ("finished", "member_gone")
    assert Effect.objects.get(subject=f"member:{gone}").reason == "member_gone"


def test_a_community_without_a_leader(town: Town) -> None:
    newcomer = town.members[0]
    town.known.facts = {newcomer: facts(999)}
    town.start()
    assert {e.reason for e in Effect.objects.all()} == {"no_leader"}


def test_unanswered_tasks_expire_and_the_message_takes_over(town: Town) -> None:
    launch = town.start()
    given = models.LeaderTask.objects.count()
    with later(3.01):
        runs.advance(REGION)
    assert models.LeaderTask.objects.filter(state="expired").count() == given
    assert models.InboxMessage.objects.count() == given
    message = models.InboxMessage.objects.order_by("pk")[0]
    assert message.title == "给您的券" and len(message.coupons) == 2
    assert coupons.budget(REGION, purse.owner(launch)).reserved_minor >= given * 1000
    with later(3.02):
        runs.advance(REGION)
    assert models.InboxMessage.objects.count() == given
    assert ledger.audit().ok


def test_a_failover_in_the_night_waits_for_the_morning(town: Town) -> None:
    models.Policy.objects.create(region=REGION, leader_tasks_per_day=1)
    town.start()
    with clocks.fixed(business=NINE.replace(day=5, hour=23)):
        runs.advance(REGION)
        assert not models.InboxMessage.objects.exists()
    with clocks.fixed(business=NINE.replace(day=6, hour=8)):
        runs.advance(REGION)
        assert models.InboxMessage.objects.count() == 1


def test_the_cap_holds_over_launches(town: Town) -> None:
    launch = town.start()
    launching.stop(region=REGION, launch_id=launch.pk, by=None, key="s")
    spoken = set()
    for task in models.LeaderTask.objects.all():
        spoken.add(task.member_id)
    models.AttentionSlot.objects.update(taken_at=NINE)  # as if the leaders had spoken to them
    second = town.start(key="k2")
    held = {
        int(e.subject.split(":")[1]) for e in Effect.objects.filter(origin=delivery.origin(second), state="held", reason="frequency_cap")
    }
    treated = set(second.runs.filter(arm="treated").values_list("member_id", flat=True))
    assert held == spoken & treated and held
    assert {e.due_at for e in Effect.objects.filter(reason="frequency_cap")} == {NINE + timedelta(days=7)}


def test_held_effects_are_settled_once(town: Town) -> None:
    models.Policy.objects.create(region=REGION, leader_tasks_per_day=1)
    town.start()
    held = Effect.objects.filter(state="held").first()
    assert held is not None
    assert effects.settle(held.pk, state=effects.State.DROPPED, reason="stopped")
    assert not effects.settle(held.pk, state=effects.State.DROPPED, reason="other")
