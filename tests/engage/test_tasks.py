"""The leader's tasks: one tap does the whole job, once; strangers see nothing; what is undone is undone."""

from __future__ import annotations

from typing import Any

import pytest

from linli.engage import inbox, models, notices, purse, queries, tasks
from linli.kernel import clocks, events, ledger
from linli.kernel.refusals import Refusal
from linli.people import consent
from linli.trade import coupons
from linli.trade import queries as trade

from .conftest import NINE, REGION, Town, kinds, later


@pytest.fixture
def task(town: Town) -> models.LeaderTask:
    town.start()
    found = models.LeaderTask.objects.order_by("-priority").first()
    assert found is not None
    return found


def confirm(town: Town, task: models.LeaderTask, key: str = "c", **more: Any) -> tasks.Confirmed:
    return tasks.confirm(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], key=key, **more)


def test_the_tap_says_the_words_and_gives_the_coupons(town: Town, task: models.LeaderTask) -> None:
    budget = purse.budget_ref(task.launch)
    before = ledger.balance(budget)
    done = confirm(town, task)
    assert [c.coupon_id for c in trade.coupons_of(task.member_id)] == [int(c) for c in done.coupon_ids] and len(done.coupon_ids) == 2
    assert ledger.balance(budget).held == before.held  # the reserve has become the coupons' own
    assert done.words == task.words and "满 $25 减 $3（7 天内用）" in done.words
    board = queries.tasks_today(REGION, [town.maple])
    assert board.counts["done_today"] == 1 and task.pk not in [t.task_id for t in board.tasks]
    assert ledger.audit().ok


def test_a_double_tap_gives_once(town: Town, task: models.LeaderTask) -> None:
    first = confirm(town, task)
    assert confirm(town, task) == first
    assert confirm(town, task, key="another phone") == first
    assert len(trade.coupons_of(task.member_id)) == 2 and kinds().count("engage.task_confirmed") == 1


def test_of_two_taps_at_once_one_wins(town: Town, task: models.LeaderTask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one reads the task while it is open still; the conditional update is the judge."""
    real, calls = tasks._find, []

    def find(*args: Any) -> models.LeaderTask:
        found = real(*args)
        if not calls:
            calls.append(1)
            confirm(town, task, key="the other")
        return found

    monkeypatch.setattr(tasks, "_find", find)
    done = confirm(town, task)
    assert len(done.coupon_ids) == 2 and len(trade.coupons_of(task.member_id)) == 2


def test_a_strangers_task_answers_like_a_missing_one(town: Town, task: models.LeaderTask) -> None:
    told = []
    for task_id in (task.pk, 999_999):
        with pytest.raises(Refusal) as refused:
            tasks.confirm(region=REGION, task_id=task_id, by=town.charlie, community_ids=[town.cedar], key="x")
        told.append((refused.value.code, refused.value.facts))
    assert told == [("engage.no_task", {})] * 2
    for verb in (tasks.undo, tasks.skip, queries.task):
        more: dict[str, Any] = {"region": REGION, "task_id": task.pk, "community_ids": [town.cedar]}
        if verb is not queries.task:
            more |= {"by": town.charlie, "key": "x"}
        if verb is tasks.skip:
            more["reason"] = "away"
        with pytest.raises(Refusal, match=r"engage\.no_task"):
            verb(**more)
    assert queries.tasks_today(REGION, [town.cedar]).tasks == ()


def test_the_card_tells_why(town: Town, task: models.LeaderTask) -> None:
    card = queries.task(REGION, task.pk, [town.maple])
    assert [r.code for r in card.reasons] == ["engage.reason.silent", "engage.reason.risk", "engage.reason.value"]
    assert card.reasons[0].facts == {"recency_days": 40, "gap_days": 9}
    assert (card.badge, card.purchases_count, card.playbook_name_zh) == ("at_risk", 20, "试")
    assert [c.face_minor for c in card.coupons] == [300, 700] and not card.can_undo


def test_most_to_lose_first(town: Town, task: models.LeaderTask) -> None:
    shown = [t.member_id for t in queries.tasks_today(REGION, [town.maple]).tasks]
    assert shown == sorted(shown, reverse=True)  # members were made with rising spending


def test_a_skip_frees_what_was_set_aside(town: Town, task: models.LeaderTask) -> None:
    budget = purse.budget_ref(task.launch)
    held = ledger.balance(budget).held
    with pytest.raises(Refusal, match=r"engage\.no_such_reason"):
        tasks.skip(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], reason="bored", key="s")
    for _ in range(2):
        tasks.skip(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], reason="away", key="s")
    assert ledger.balance(budget).held == held - 1000
    assert not models.AttentionSlot.objects.filter(effect_key=task.effect_key, taken_at__gte=NINE).exists()
    assert not trade.coupons_of(task.member_id) and kinds().count("engage.task_skipped") == 1
    with pytest.raises(Refusal, match=r"engage\.task_closed"):
        confirm(town, task)


def test_undo_takes_unused_coupons_back_and_it_can_be_done_again(town: Town, task: models.LeaderTask) -> None:
    confirm(town, task)
    undo = {"region": REGION, "task_id": task.pk, "by": town.alice, "community_ids": [town.maple], "key": "u"}
    tasks.undo(**undo)  # type: ignore[arg-type]
    tasks.undo(**undo)  # type: ignore[arg-type]
    assert not trade.coupons_of(task.member_id, usable_only=True)
    assert queries.task(REGION, task.pk, [town.maple]).state == "open"
    done = confirm(town, task, key="again")
    assert len(trade.coupons_of(task.member_id, usable_only=True)) == 2 and len(done.coupon_ids) == 2
    tasks.undo(**undo)  # type: ignore[arg-type]
    tasks.skip(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], reason="away", key="s")
    tasks.undo(**undo)  # type: ignore[arg-type]
    assert len(confirm(town, task, key="last").coupon_ids) == 2
    assert ledger.audit().ok
    assert coupons.budget(REGION, purse.owner(task.launch)).reserved_minor == 1000 * models.LeaderTask.objects.count()


def test_undo_only_on_the_same_day(town: Town, task: models.LeaderTask) -> None:
    with clocks.fixed(business=NINE.replace(hour=23, minute=50)):
        confirm(town, task)
        assert queries.task(REGION, task.pk, [town.maple]).can_undo
    with clocks.fixed(business=NINE.replace(day=3, hour=0, minute=5)):
        assert not queries.task(REGION, task.pk, [town.maple]).can_undo
        with pytest.raises(Refusal, match=r"engage\.too_late"):
            tasks.undo(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], key="u")


def test_a_used_coupon_is_not_undone(town: Town, task: models.LeaderTask, monkeypatch: pytest.MonkeyPatch) -> None:
    confirm(town, task)

    def used(**more: Any) -> bool:
        raise Refusal("trade.coupon_used")

    monkeypatch.setattr(coupons, "revoke", used)
    with pytest.raises(Refusal, match=r"engage\.coupon_used"):
        tasks.undo(region=REGION, task_id=task.pk, by=town.alice, community_ids=[town.maple], key="u")
    assert queries.task(REGION, task.pk, [town.maple]).state == "confirmed"


def test_after_expiry_and_after_a_no(town: Town, task: models.LeaderTask) -> None:
    with later(3.5), pytest.raises(Refusal, match=r"engage\.task_closed"):
        confirm(town, task)
    consent.withdraw(member_id=task.member_id, scope="messages")  # engage hasn't heard of it yet
    with pytest.raises(Refusal, match=r"engage\.consent_withdrawn"):
        confirm(town, task)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("邻居，给您放了满 $25 减 $3 的券", None),
        ("林姐，满25减3的券放您那儿了，想吃跟我说一声", None),
        ("今天的草莓我开箱看过，3 箱都硬实", None),
        ("满 59 减 8，快来", "engage.claim_unfounded"),
        ("给您立减 20 元", "engage.claim_unfounded"),
        ("给您立减 3 元", None),
        ("全场五折", "engage.claim_unfounded"),
        ("这次免费送您一份", "engage.claim_unfounded"),
        ("$5 off for you", "engage.claim_unfounded"),
        ("$3 off for you", None),
        ("  ", "engage.words_missing"),
        ("好" * 301, "engage.words_too_long"),
    ],
)
def test_a_leader_may_say_it_otherwise_but_promise_only_what_is_held(
    town: Town, task: models.LeaderTask, said: str, code: str | None
) -> None:
    if code is None:
        assert confirm(town, task, words_said=said).words == said.strip()
        return
    with pytest.raises(Refusal) as refused:
        confirm(town, task, words_said=said)
    assert refused.value.code == code and not trade.coupons_of(task.member_id)


# --- inbox ------------------------------------------------------------------------------------------------


def test_a_message_is_seen_once_and_only_by_its_owner(town: Town, task: models.LeaderTask) -> None:
    from linli.engage import runs

    with later(3.5):
        runs.advance(REGION)
    message = models.InboxMessage.objects.filter(member_id=task.member_id).get()
    assert queries.unread_count(REGION, task.member_id) == 1
    with pytest.raises(Refusal, match=r"engage\.no_message"):
        inbox.see(region=REGION, message_id=message.pk, member_id=task.member_id + 1)
    inbox.see(region=REGION, message_id=message.pk, member_id=task.member_id)
    assert inbox.see_all(region=REGION, member_id=task.member_id) == 0
    assert kinds().count("engage.message_seen") == 1 and queries.unread_count(REGION, task.member_id) == 0
    card = queries.inbox(REGION, task.member_id)[0]
    assert card.seen_at is not None and [c.face_minor for c in card.coupons] == [300, 700]
    assert len(trade.coupons_of(task.member_id, usable_only=True)) == 2


def test_transactional_notices_come_through_once_at_any_hour(town: Town) -> None:
    from linli.trade.events import OrderReady, OrderRefunded

    member_id = town.members[0]
    consent.withdraw(member_id=member_id, scope="messages")
    with clocks.fixed(business=NINE.replace(hour=23)):
        ready = OrderReady("o", member_id, town.maple, 1, NINE.isoformat(), "system")
        told = [events.append(ready, region=REGION, subject=f"member:{member_id}")]
        back = OrderRefunded("o", member_id, town.maple, "r", 1250, 0, "member", True, [], "x")
        told.append(events.append(back, region=REGION, subject=f"member:{member_id}"))
        assert [notices.notify(e) for e in told * 2] == [True, True, False, False]
    words = [m.words for m in queries.inbox(REGION, member_id)]
    assert words == ["$12.50 已经原路退回。", "您的订单 10 月 2 日 09:00 起可以取，地点：枫园。"]
    assert models.AttentionSlot.objects.count() == 0
