"""Whole cases out of wanted pieces and tolerance: the guarantees, over any baskets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.trade.rules import cases, outcomes, returns
from linli.trade.rules.cases import Ask
from linli.trade.rules.outcomes import PaidLine, Terms
from support.shop import MONDAY

asks = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 3)), max_size=8).map(
    lambda rows: [Ask(n, wanted, tolerance, MONDAY + timedelta(minutes=late)) for n, (wanted, tolerance, late) in enumerate(rows)]
)
sizes = st.integers(1, 12)


def wanted_served(found: list[Ask[int]], pieces: dict[int, int]) -> dict[int, int]:
    return {a.key: min(a.wanted, pieces[a.key]) for a in found}


@given(found=asks, size=sizes)
def test_only_whole_cases_and_never_more_than_anybody_would_take(found: list[Ask[int]], size: int) -> None:
    filling = cases.fill(found, size)
    assert filling.total == filling.cases * size and filling.broken == 0
    assert all(0 <= filling.pieces[a.key] <= a.wanted + a.tolerance for a in found)


@given(found=asks, size=sizes)
def test_no_more_cases_could_have_been_filled_around_a_wanted_piece(found: list[Ask[int]], size: int) -> None:
    filling = cases.fill(found, size)
    wanted, tolerance = sum(a.wanted for a in found), sum(a.tolerance for a in found)
    best = max((n for n in range(wanted // size + 2) if n * size <= wanted + tolerance and (n - 1) * size < wanted), default=0)
    assert filling.cases == best


@given(found=asks, size=sizes)
def test_tolerance_is_only_taken_when_every_wanted_piece_is_served(found: list[Ask[int]], size: int) -> None:
    filling = cases.fill(found, size)
    if any(filling.pieces[a.key] > a.wanted for a in found):
        assert all(filling.pieces[a.key] >= a.wanted for a in found)
        assert sum(max(0, filling.pieces[a.key] - a.wanted) for a in found) < size  # for the last case alone


@given(found=asks.filter(bool), size=sizes, who=st.integers(0, 7), more=st.integers(1, 9), short=st.booleans())
def test_nobody_is_worse_off_when_somebody_offers_tolerance(found: list[Ask[int]], size: int, who: int, more: int, short: bool) -> None:
    one = who % len(found)
    generous = [replace(a, tolerance=a.tolerance + more) if a.key == one else a for a in found]
    before = wanted_served(found, cases.fill(found, size, short=short).pieces)
    after = wanted_served(generous, cases.fill(generous, size, short=short).pieces)
    assert all(after[key] >= before[key] for key in before)


@given(found=asks.filter(bool), size=sizes)
def test_who_asked_first_keeps_what_there_is(found: list[Ask[int]], size: int) -> None:
    pieces = cases.fill(found, size).pieces
    order = sorted(found, key=lambda a: a.at)
    unserved = [n for n, a in enumerate(order) if pieces[a.key] < a.wanted]
    assert all(pieces[a.key] == 0 for a in order[min(unserved) + 1 :]) if unserved else True


@given(found=asks, size=sizes)
def test_shipped_short_every_wanted_piece_is_there(found: list[Ask[int]], size: int) -> None:
    filling = cases.fill(found, size, short=True)
    assert wanted_served(found, filling.pieces) == {a.key: a.wanted for a in found}
    assert filling.total == filling.cases * size + filling.broken and filling.broken < size


@pytest.mark.parametrize(
    ("rows", "size", "pieces"),
    [
        ([(7, 5)], 10, [10]),  # three of the five fill the case
        ([(7, 2)], 10, [0]),  # they don't: no case, and all of it goes back
        ([(6, 0), (7, 0)], 10, [6, 4]),  # the second gets what is left of the case
        ([(6, 0), (7, 9)], 10, [6, 14]),  # his own tolerance fills the second case
        ([(10, 5), (10, 5)], 10, [10, 10]),  # full cases need no tolerance
    ],
)
def test_examples(rows: list[tuple[int, int]], size: int, pieces: list[int]) -> None:
    found = [Ask(n, wanted, tolerance, MONDAY + timedelta(minutes=n)) for n, (wanted, tolerance) in enumerate(rows)]
    assert list(cases.fill(found, size).pieces.values()) == pieces


@pytest.mark.parametrize(("wanted", "tolerance", "missing"), [(7, 0, 3), (7, 2, 1), (7, 5, 0), (10, 0, 0), (0, 9, 0)])
def test_how_far_the_case_is(wanted: int, tolerance: int, missing: int) -> None:
    assert cases.missing_to_case(wanted, tolerance, 10) == missing


def line(key: int, wanted: int, *, member: int = 0, tolerance: int = 0, unit: int = 400) -> PaidLine[int]:
    return PaidLine(key, member or key, wanted, tolerance, unit, MONDAY + timedelta(minutes=key))


THREE_PIECES = [line(1, 2), line(2, 1)]
TWICE_ALICE = [line(1, 2, member=7), line(2, 1, member=7)]


@pytest.mark.parametrize(
    ("by", "threshold", "lines", "outcome"),
    [
        ("pieces", 3, THREE_PIECES, "reached"),
        ("pieces", 4, THREE_PIECES, "missed"),
        ("people", 2, THREE_PIECES, "reached"),
        ("people", 2, TWICE_ALICE, "missed"),  # two orders of one member are one
        ("amount", 1200, THREE_PIECES, "reached"),
        ("amount", 1201, THREE_PIECES, "missed"),
        ("pieces", 1, [], "missed"),
    ],
)
def test_a_threshold_counts_in_its_own_measure(by: str, threshold: int, lines: list[PaidLine[int]], outcome: str) -> None:
    assert outcomes.decide(Terms(by, threshold, 400), lines).outcome == outcome


@pytest.mark.parametrize(
    ("on_miss", "extended", "outcome", "pieces"),
    [
        ("refund", False, "missed", {1: 0, 2: 0}),
        ("extend", False, "extended", {1: 0, 2: 0}),
        ("extend", True, "missed", {1: 0, 2: 0}),  # once
        ("ship_short", False, "short", {1: 2, 2: 1}),
        ("buy_in", False, "bought_in", {1: 2, 2: 1}),
    ],
)
def test_each_outcome_of_a_miss(on_miss: str, extended: bool, outcome: str, pieces: dict[int, int]) -> None:
    found = outcomes.decide(Terms("pieces", 4, 400, on_miss, extended), THREE_PIECES)
    assert (found.outcome, found.pieces) == (outcome, pieces)


def test_what_no_case_can_hold_does_not_help_to_reach_the_threshold() -> None:
    terms = Terms("people", 2, 400, case_size=4)
    assert outcomes.decide(terms, [line(1, 4), line(2, 1)]).outcome == "missed"  # the second would get nothing
    reached = outcomes.decide(terms, [line(1, 4), line(2, 1, tolerance=3)])
    assert (reached.outcome, reached.pieces, reached.cases) == ("reached", {1: 4, 2: 4}, 2)


@given(
    rows=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), max_size=6),
    size=st.integers(1, 5),
    threshold=st.integers(1, 30),
    by=st.sampled_from(["pieces", "people", "amount"]),
    on_miss=st.sampled_from(["refund", "extend", "ship_short", "buy_in"]),
)
def test_broken_cases_only_where_the_terms_allow_them(
    rows: list[tuple[int, int]], size: int, threshold: int, by: str, on_miss: str
) -> None:
    lines = [line(n, wanted, tolerance=tolerance) for n, (wanted, tolerance) in enumerate(rows)]
    found = outcomes.decide(Terms(by, threshold, 400, on_miss, False, size), lines)
    delivered = sum(found.pieces.values())
    if found.outcome == "reached" and on_miss != "ship_short":
        assert delivered % size == 0
    assert delivered == 0 or found.outcome in outcomes.DELIVERS
    assert all(found.pieces[row.key] <= row.wanted + row.tolerance for row in lines)


@pytest.mark.parametrize(("pieces", "price"), [(0, 400), (4, 400), (5, 350), (9, 350), (10, 300), (99, 300)])
def test_the_lowest_rung_reached_is_the_price(pieces: int, price: int) -> None:
    assert outcomes.rung(400, [[5, 350], [10, 300]], pieces) == price


@given(
    quantity=st.integers(1, 20),
    unit=st.integers(1, 2000),
    final=st.integers(1, 2000),
    share=st.floats(0, 1),
    keep=st.integers(0, 20),
)
def test_what_goes_back_leaves_exactly_what_is_delivered(quantity: int, unit: int, final: int, share: float, keep: int) -> None:
    keep = min(keep, quantity)
    amount = quantity * unit
    charge = returns.Charge(1, amount, int(share * amount), quantity)
    part = outcomes.settled_part(charge, keep, final, unit)
    back = (part.refund_minor, part.discount_back_minor, part.pieces) if part else (0, 0, 0)
    assert back[2] == quantity - keep
    assert amount - back[0] - back[1] == keep * min(unit, final)  # what is left is what is delivered costs
    assert 0 <= back[0] <= charge.left_minor and 0 <= back[1] <= charge.left_discount_minor
    if keep == quantity and not charge.discount_minor:
        assert back[0] == quantity * max(0, unit - final)


def test_the_ladders_difference_goes_to_the_member_and_leaves_the_coupon_whole() -> None:
    charge = returns.Charge(1, 2000, 500, 5)
    assert outcomes.settled_part(charge, 5, 300, 400) == returns.Part(1, 500, 0, 0)
    pieces_too = outcomes.settled_part(charge, 4, 300, 400)
    assert pieces_too == returns.Part(1, 300 + 400, 100, 1)  # the fifth piece with its share of the coupon, four differences
