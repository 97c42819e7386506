"""Stages, grades, VIP and segments: pure decisions, checked member by member against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.insight import rules, segments
from linli.insight.rules import LIFECYCLE, NEEDED, Scale, decide, scale_of, vip_floor

USUAL = dict.fromkeys(NEEDED, np.nan) | {
    "joined_days": 200, "orders_total": 20, "orders_30d": 4, "orders_45d": 6, "orders_before_45d": 6, "orders_90d": 12, "orders_365d": 20,
    "recency_days": 3, "tenure_days": 190, "spend_365d_minor": 50_000, "average_order_minor": 2_500, "gap_ratio": 0.5,
    "top_category_share": 0.5, "categories_180d": 5,
}  # fmt: skip


def columns(*members: dict[str, float]) -> dict[str, rules.Floats]:
    return {name: np.array([{**USUAL, **m}[name] for m in members], dtype=np.float64) for name in NEEDED}


def inside(member: dict[str, float], scale: Scale = Scale()) -> set[str]:  # noqa: B008 (frozen)
    decision = decide(columns(member), scale)
    return {name for name, column in decision.segments.items() if column[0]}


NEVER = {"orders_total": 0, "orders_30d": 0, "orders_45d": 0, "orders_before_45d": 0, "orders_90d": 0, "orders_365d": 0,
   "spend_365d_minor": 0,
         "recency_days": np.nan, "tenure_days": np.nan, "gap_ratio": np.nan, "average_order_minor": np.nan}  # fmt: skip


@pytest.mark.parametrize(
    ("member", "stage"),
    [
        ({**NEVER, "joined_days": 6}, "registered"),
        ({**NEVER, "joined_days": 7}, "unconverted"),
        ({"tenure_days": 29}, "new"),
        ({"tenure_days": 30}, "active"),
        ({"gap_ratio": 2.0, "recency_days": 6}, "active"),
        ({"gap_ratio": 2.0, "recency_days": 7}, "slowing"),
        ({"orders_45d": 3, "orders_before_45d": 6}, "slowing"),
        ({"orders_45d": 1, "orders_before_45d": 3}, "active"),  # too few to call it a fall
        ({"recency_days": 29}, "active"),
        ({"recency_days": 30}, "silent"),
        ({"recency_days": 89}, "silent"),
        ({"recency_days": 90}, "lapsed"),
        ({"recency_days": 180}, "lost"),
    ],
)
def test_each_stage_begins_where_it_says(member: dict[str, float], stage: str) -> None:
    assert LIFECYCLE[decide(columns(member), Scale()).lifecycle[0]] == stage
    assert inside(member) & set(LIFECYCLE) == {stage}


@pytest.mark.parametrize(
    ("member", "segment", "expected"),
    [
        ({"orders_30d": 1}, "low_frequency", True),
        ({"orders_30d": 2}, "low_frequency", False),
        ({"orders_30d": 1, "tenure_days": 20}, "low_frequency", False),  # new, not rare
        ({"recency_days": 30, "orders_30d": 0}, "low_frequency", False),  # silent already
        ({"recency_days": 30}, "silent_30d", True),
        ({**NEVER, "joined_days": 100}, "silent_30d", False),
        ({"orders_45d": 12, "orders_before_45d": 4}, "rising", True),
        ({"orders_45d": 5, "orders_before_45d": 3}, "rising", False),  # as likely luck
        ({"orders_45d": 3, "orders_before_45d": 0}, "rising", False),
        ({"top_category_share": 0.8}, "single_category", True),
        ({"top_category_share": 0.8, "orders_90d": 2}, "single_category", False),
        ({"risk": 0.3}, "at_risk", True),
        ({"risk": 0.29}, "at_risk", False),
        ({}, "at_risk", False),  # not scored is not at risk
        ({}, "browsing", False),
        ({"views_14d": 3, "recency_days": 20}, "browsing", True),
        ({"views_14d": 3}, "browsing", False),
    ],
)
def test_segments_hold_whom_they_say(member: dict[str, float], segment: str, expected: bool) -> None:
    assert (segment in inside(member)) is expected


def test_a_vip_is_neither_rising_nor_potential_and_counts_as_valuable() -> None:
    scale = Scale(recency_cuts=(1, 2, 3, 4), orders_cuts=(1, 2, 3, 4), spend_cuts=(1, 2, 3, 4), vip_floor_minor=50_000)
    found = inside({"orders_45d": 12, "orders_before_45d": 4, "top_category_share": 0.9, "recency_days": 40, "risk": 0.4}, scale)
    assert {"vip", "high_value", "high_value_silent", "at_risk_valuable"} <= found
    assert not found & {"rising", "single_category"}


def test_the_valuable_get_a_call_where_others_get_an_offer() -> None:
    risk, valuable = np.array([0.1, 0.15, 0.3, 0.3, 0.5, np.nan]), np.array([False, True, False, True, False, True])
    assert rules.response_level(risk, valuable).tolist() == [0, 1, 2, 3, 3, 0]


spends = st.lists(st.integers(0, 100_000), min_size=1, max_size=300)


@given(spends)
def test_vips_are_the_smallest_group_that_makes_half_the_sales(values: list[int]) -> None:
    spend = np.array(values, dtype=np.float64)
    floor, members, share = vip_floor(spend, known=len(values))
    chosen = spend[spend >= floor]
    assert len(chosen) == members <= 0.15 * len(values)
    if members:
        assert share == pytest.approx(chosen.sum() / spend.sum())
        if share >= 0.5 and members > 0.10 * len(values):  # without the last of them it would be too few, or not half
            fewer = spend[spend > floor]
            assert len(fewer) < 0.10 * len(values) or fewer.sum() < 0.5 * spend.sum()


def test_half_the_sales_in_the_top_tenth_needs_no_more() -> None:
    spend = np.array([900.0] * 10 + [10.0] * 90)
    assert vip_floor(spend, known=100) == (900.0, 10, pytest.approx(9000 / 9900))
    assert vip_floor(np.full(100, 5.0), known=100)[1] == 0  # equals are in or out together


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.integers(1, 90_000)), min_size=5, max_size=80), st.permutations(range(5))
)
def test_grades_do_not_depend_on_order_and_one_is_as_among_all(rows: list[tuple[int, int, int]], order: list[int]) -> None:
    all_members = [{"recency_days": r, "orders_365d": f, "spend_365d_minor": m, "orders_total": f} for r, f, m in rows]
    table = columns(*all_members)
    scale = scale_of(table)
    whole = decide(table, scale)
    for grades in (whole.recency_grade, whole.orders_grade, whole.spend_grade):
        assert set(grades.tolist()) <= {1, 2, 3, 4, 5}
    best = int(np.argmax(table["spend_365d_minor"]))
    assert whole.spend_grade[best] == whole.spend_grade.max()
    for i in order:
        alone = decide(columns(all_members[i]), scale)
        assert alone.lifecycle[0] == whole.lifecycle[i] and alone.recency_grade[0] == whole.recency_grade[i]
        assert {n for n, c in alone.segments.items() if c[0]} == {n for n, c in whole.segments.items() if c[i]}


def test_every_segment_is_described_and_decided() -> None:
    decided = decide(columns({}), Scale()).segments
    assert decided.keys() == segments.REGISTRY.keys()
    for s in segments.REGISTRY.values():
        assert s.zh and s.en and s.definition_zh and s.definition_en and s.facts
