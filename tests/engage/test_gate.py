"""The gate: its answers in every case, quiet hours over midnight, and what is scarce claimed and never exceeded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.engage import gate, models, rules
from linli.engage.rules import Answer, Ask, Policy, Seen
from linli.kernel.ledger import AccountRef

NEW_YORK = "America/New_York"
NOON = datetime(2017, 10, 2, 12, tzinfo=ZoneInfo(NEW_YORK))
NIGHT = datetime(2017, 10, 2, 23, 30, tzinfo=ZoneInfo(NEW_YORK))
ASK = Ask("leader_task", rules.TREATED, 7, 3, 1000, NOON)
SEEN = Seen(NOON, NEW_YORK, Policy())


def local(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(NEW_YORK), fold=fold)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("ask", "seen", "kind", "reason"),
    [
        ({}, {}, "send", ""),
        ({}, {"exists": False}, "drop", "member_gone"),
        ({}, {"running": False}, "drop", "stopped"),
        ({}, {"may_profile": False}, "drop", "profiling_declined"),
        ({}, {"may_message": False}, "drop", "no_consent"),
        ({}, {"has_leader": False}, "drop", "no_leader"),
        ({"arm": "holdout"}, {}, "withhold", "holdout"),
        ({}, {"now": NIGHT}, "hold", "quiet_hours"),
        # a coupon in the wallet wakes nobody and says nothing
        ({"channel": "coupon"}, {"may_message": False}, "send", ""),
        ({"channel": "coupon"}, {"now": NIGHT}, "send", ""),
        ({"channel": "coupon", "arm": "holdout"}, {}, "withhold", "holdout"),
        ({"channel": "message"}, {"has_leader": False}, "send", ""),
        # both arms lose the same people: consent is asked before the holdout
        ({"arm": "holdout"}, {"may_message": False}, "drop", "no_consent"),
        ({"arm": "holdout"}, {"may_profile": False}, "drop", "profiling_declined"),
        ({"arm": "holdout"}, {"now": NIGHT}, "withhold", "holdout"),
        # transactional words are withheld by nothing, except that there must be somebody
        ({"transactional": True, "arm": "holdout"}, {"may_message": False, "may_profile": False, "now": NIGHT}, "send", ""),
        ({"transactional": True}, {"exists": False}, "drop", "member_gone"),
    ],
)
def test_answers(ask: dict[str, object], seen: dict[str, object], kind: str, reason: str) -> None:
    found = rules.judge(replace(ASK, **ask), replace(SEEN, **seen))  # type: ignore[arg-type]
    assert (found.kind, found.reason) == (kind, reason)
    assert (found.until is not None) == (kind == "hold")


@given(st.tuples(*[st.booleans()] * 6), st.sampled_from(["leader_task", "message", "coupon"]), st.sampled_from(["treated", "holdout"]))
def test_nothing_is_sent_to_the_holdout_or_without_consent(flags: tuple[bool, ...], channel: str, arm: str) -> None:
    exists, running, message, profile, leader, night = flags
    seen = Seen(NIGHT if night else NOON, NEW_YORK, Policy(), exists, running, message, profile, leader)
    found = rules.judge(replace(ASK, channel=channel, arm=arm), seen)  # type: ignore[arg-type]
    if found.kind in ("send", "hold"):
        assert arm == "treated" and exists and running and profile and (message or channel == "coupon")
    other = rules.judge(replace(ASK, channel=channel, arm="holdout" if arm == "treated" else "treated"), seen)  # type: ignore[arg-type]
    assert (found.kind == "drop") == (other.kind == "drop")  # a drop never depends on the arm


# --- quiet hours ------------------------------------------------------------------------------------------

OVERNIGHT = Policy(quiet_from=time(22), quiet_until=time(8))


@pytest.mark.parametrize(
    ("now", "quiet", "ends"),
    [
        (local(2017, 10, 2, 21, 59, 59), False, None),
        (local(2017, 10, 2, 22), True, local(2017, 10, 3, 8)),
        (local(2017, 10, 2, 23, 59), True, local(2017, 10, 3, 8)),
        (local(2017, 10, 3, 0), True, local(2017, 10, 3, 8)),
        (local(2017, 10, 3, 7, 59), True, local(2017, 10, 3, 8)),
        (local(2017, 10, 3, 8), False, None),
        (local(2017, 10, 3, 12), False, None),
        # leap day, and the end of a year
        (local(2020, 2, 28, 23), True, local(2020, 2, 29, 8)),
        (local(2020, 2, 29, 23), True, local(2020, 3, 1, 8)),
        (local(2017, 12, 31, 23), True, local(2018, 1, 1, 8)),
        # clocks go forward (2017-03-12) and back (2017-11-05): the wall says 08:00, nine or eleven hours of night later
        (local(2017, 3, 11, 22), True, local(2017, 3, 12, 8)),
        (local(2017, 11, 4, 22), True, local(2017, 11, 5, 8)),
    ],
)
def test_quiet_hours_over_midnight(now: datetime, quiet: bool, ends: datetime | None) -> None:
    assert rules.is_quiet(now, NEW_YORK, OVERNIGHT) is quiet
    if ends is not None:
        assert rules.quiet_ends(now, NEW_YORK, OVERNIGHT) == ends


def test_the_night_that_has_another_length() -> None:
    assert rules.quiet_ends(local(2017, 3, 11, 22), NEW_YORK, OVERNIGHT) - local(2017, 3, 11, 22).astimezone(UTC) == timedelta(hours=9)
    assert rules.quiet_ends(local(2017, 11, 4, 22), NEW_YORK, OVERNIGHT) - local(2017, 11, 4, 22).astimezone(UTC) == timedelta(hours=11)


@pytest.mark.parametrize(
    ("quiet", "at", "expected"),
    [
        ((time(1), time(6)), time(3), True),
        ((time(1), time(6)), time(23), False),
        ((time(0), time(0)), time(0), False),
        ((time(23), time(0)), time(23, 30), True),
    ],
)
def test_other_windows(quiet: tuple[time, time], at: time, expected: bool) -> None:
    now = datetime.combine(date(2017, 10, 2), at, ZoneInfo(NEW_YORK))
    assert rules.is_quiet(now, NEW_YORK, Policy(quiet_from=quiet[0], quiet_until=quiet[1])) is expected


@given(
    st.integers(1_480_000_000, 1_640_000_000),
    st.times(),
    st.times(),
    st.sampled_from([NEW_YORK, "Asia/Shanghai", "Australia/Lord_Howe"]),
)
def test_a_hold_always_ends_later_and_outside(moment: int, start: time, end: time, zone: str) -> None:
    policy = Policy(quiet_from=start.replace(second=0, microsecond=0, fold=0), quiet_until=end.replace(second=0, microsecond=0, fold=0))
    now = datetime.fromtimestamp(moment, UTC)
    if rules.is_quiet(now, zone, policy):
        until = rules.quiet_ends(now, zone, policy)
        assert now < until <= now + timedelta(hours=25)


def test_words_that_waited_too_long_are_dropped() -> None:
    patient, impatient = replace(ASK, hold_days=1), replace(ASK, hold_days=0)
    night = replace(SEEN, now=NIGHT)
    assert rules.judge(patient, night) == Answer("hold", "quiet_hours", rules.quiet_ends(NIGHT, NEW_YORK, Policy()))
    assert rules.judge(impatient, night) == Answer("drop", "quiet_hours")


# --- draws ------------------------------------------------------------------------------------------------


def test_the_holdout_has_its_share_and_never_changes() -> None:
    drawn = [rules.arm("salt", m, 0.3) for m in range(20_000)]
    assert abs(drawn.count(rules.HOLDOUT) / 20_000 - 0.3) < 0.01
    assert drawn == [rules.arm("salt", m, 0.3) for m in range(20_000)]
    assert rules.arm("a", 1, 0.0) == rules.TREATED
    assert rules.draw("salt", 1) == pytest.approx(0.4481424098781675)  # the same on every machine, for ever


def test_another_salt_is_another_draw() -> None:
    one, two = ([rules.arm(s, m, 0.5) == rules.HOLDOUT for m in range(20_000)] for s in ("one", "two"))
    both = sum(a and b for a, b in zip(one, two, strict=True)) / 20_000
    assert abs(both - 0.25) < 0.015  # independent


def test_a_split_has_its_shares_in_both_arms() -> None:
    shares = (("a", 0.2), ("b", 0.8))
    for arm in (rules.TREATED, rules.HOLDOUT):
        mine = [m for m in range(20_000) if rules.arm("s", m, 0.3) == arm]
        into = [rules.split("s", "branch", m, shares) for m in mine]
        assert abs(into.count("a") / len(mine) - 0.2) < 0.02


# --- what is scarce ---------------------------------------------------------------------------------------

REF = AccountRef("us-test", "USD", "playbook:x", "budget")


def tables() -> gate.Tables:
    return gate.Tables("us-test", REF, replace(REF, purpose="reserved"))


@pytest.mark.django_db
def test_the_cap_is_a_number_of_slots() -> None:
    ask, seen = replace(ASK, channel="message", cost_minor=0), SEEN
    claims = tables()
    assert [claims.attention(ask, seen, f"k{i}") for i in range(2)] == [None, None]
    assert claims.attention(ask, seen, "k2") == NOON + timedelta(days=7)
    assert claims.attention(replace(ask, member_id=8), seen, "k3") is None
    week = replace(seen, now=NOON + timedelta(days=7))
    assert claims.attention(ask, week, "k4") is None
    gate.release_attention("us-test", "k4")
    assert claims.attention(ask, week, "k5") is None
    assert models.AttentionSlot.objects.filter(member_id=7).count() == 2


@pytest.mark.django_db
def test_the_leaders_day_is_full_at_its_number() -> None:
    seen = replace(SEEN, policy=Policy(leader_tasks_per_day=2))
    day = date(2017, 10, 2)
    assert [tables().leader_day(ASK, seen, day) for _ in range(4)] == [True, True, False, False]
    assert tables().leader_day(ASK, seen, day + timedelta(days=1))


@pytest.mark.django_db
def test_a_claim_that_fails_gives_the_others_back() -> None:
    """No budget was ever funded: the slot and the leader's place taken on the way are free again."""
    found = gate.answer(ASK, SEEN, tables(), "k")
    assert found == Answer("drop", "budget")
    assert not models.AttentionSlot.objects.exists() and not models.LeaderDay.objects.exists()


@pytest.mark.django_db
def test_the_copy_answers_like_the_tables() -> None:
    """A preview claims from a copy: the same answers, one by one."""
    from linli.kernel import ledger

    ledger.open(replace(REF, owner="shop"), floor=None)
    ledger.commit(ledger.Move("fund", replace(REF, owner="shop"), REF, 4500, "test"))
    ledger.open(replace(REF, purpose="reserved"))
    policy = Policy(leader_tasks_per_day=3)
    dry, real = gate.Dry.of("us-test", range(20), 4500), tables()
    asks = product([1, 2, 1, 3, 4, 5], ["leader_task", "message"], [1, 2])
    for i, (member, channel, community) in enumerate(asks):
        ask = replace(ASK, member_id=member, channel=channel, community_id=community, cost_minor=500)
        seen = replace(SEEN, policy=policy)
        assert gate.answer(ask, seen, dry, f"k{i}") == gate.answer(ask, seen, real, f"k{i}"), (i, ask)
