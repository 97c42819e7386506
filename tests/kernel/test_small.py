"""Clocks, ids, money, refusals."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.kernel import bulk, clocks, ids, money
from linli.kernel.refusals import Refusal

NOON = datetime(2017, 10, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_the_business_clock_runs_with_the_machines_until_it_is_set() -> None:
    with clocks.fixed(machine=NOON):
        assert clocks.business_now() == NOON
        clocks.set_business(NOON - timedelta(days=30))
        assert clocks.business_now() == clocks.standing_at() == NOON - timedelta(days=30)
        assert clocks.machine_now() == NOON
        clocks.set_business(None)
        assert clocks.business_now() == NOON


@pytest.mark.django_db
def test_a_standing_clock_never_goes_back() -> None:
    clocks.set_business(NOON)
    clocks.set_business(NOON)
    with pytest.raises(Refusal, match=r"clock\.backwards"):
        clocks.set_business(NOON - timedelta(microseconds=1))
    assert clocks.business_now() == NOON


@pytest.mark.django_db
def test_the_clock_keeps_any_zones_instant() -> None:
    from zoneinfo import ZoneInfo

    clocks.set_business(datetime(2017, 10, 1, 9, 30, 0, 123456, tzinfo=ZoneInfo("America/New_York")))
    assert clocks.business_now() == datetime(2017, 10, 1, 13, 30, 0, 123456, tzinfo=UTC)
    assert clocks.business_now().tzinfo is not None


def test_a_held_clock_is_let_go() -> None:
    with clocks.fixed(business=NOON, machine=NOON):
        with clocks.fixed(machine=NOON + timedelta(hours=1)):
            assert (clocks.business_now(), clocks.machine_now()) == (NOON, NOON + timedelta(hours=1))
        assert clocks.machine_now() == NOON
    assert clocks.machine_now() > NOON


def test_ids_are_version_7_and_ordered_by_time() -> None:
    made = []
    for ms in (0, 1, 2, 1000, 10**9):
        with clocks.fixed(machine=NOON + timedelta(milliseconds=ms)):
            made.append(ids.new())
    assert made == sorted(made)
    assert all((i.version, i.variant) == (7, "specified in RFC 4122") for i in made)
    assert made[0].int >> 80 == int(NOON.timestamp() * 1000)
    assert len({ids.new() for _ in range(1000)}) == 1000


@given(st.text())
def test_a_key_always_has_the_same_id(key: str) -> None:
    import uuid

    try:
        key.encode()
    except UnicodeEncodeError:
        return
    assert ids.named(key) == uuid.uuid5(uuid.UUID("6f2f7f0e-5a0e-5d7b-9a42-2b8c1d6f0a11"), key)
    assert ids.named(key).hex == ids.named_hex(key)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_add_up_exactly(total: int, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1
    parts = money.share(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1 + abs(total) * 1e-9
        assert part == 0 or (weight and (part > 0) == (total > 0))


@given(st.integers(0, 10**9), st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_a_refund_of_everything_takes_back_what_was_shared(total: int, weights: list[int]) -> None:
    assert [-part for part in money.share(total, weights)] == money.share(-total, weights)


@pytest.mark.parametrize(
    "texts", [["a"], ['"', "\\", '\\"', ",", "{}", "", "NULL", "果"], ["a\x1fb", "c"], ["\x1f"], [None, 'x"'], ["a", None]]
)
def test_texts_keep_what_they_say_in_an_array(texts: list[str | None]) -> None:
    escaped = ["NULL" if t is None else '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"' for t in texts]
    assert bulk.quoted(texts) == "{" + ",".join(escaped) + "}"


def test_shares_of_nothing_and_by_nothing() -> None:
    assert money.share(0, [0, 0]) == [0, 0]
    assert money.share(0, []) == []
    assert money.share(100, [1, 1, 1]) == [34, 33, 33]
    for weights in ([], [0, 0], [1, -1]):
        with pytest.raises(ValueError, match="weights"):
            money.share(1, weights)


def test_prices() -> None:
    assert [money.plain(n, "CNY") for n in (0, 5, 4990, -4990, 123456789)] == ["¥0.00", "¥0.05", "¥49.90", "-¥49.90", "¥1,234,567.89"]
    assert [money.price(n, "CNY") for n in (0, 5, 4990, 5000, -150, 100000)] == ["¥0", "¥0.05", "¥49.9", "¥50", "-¥1.5", "¥1,000"]
    assert [money.price(n, "USD") for n in (250, 4990)] == ["$2.50", "$49.90"]


def test_a_refusal_tells_its_facts_and_survives_a_process() -> None:
    refusal = Refusal("trade.sold_out", left=2)
    assert str(refusal) == "trade.sold_out(left=2)"
    back = pickle.loads(pickle.dumps(refusal))
    assert (back.code, back.facts) == ("trade.sold_out", {"left": 2})
