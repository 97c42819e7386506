"""The value pyramid: shares by count, sales and margin; moves that bring it nearer to its target, and never away from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.plan import rules
from linli.plan.rules import LAYERS, Sold


def sold(code: str, layer: str, *, price: int = 1000, cost: int = 600, pieces: int = 0, households: int = 0) -> Sold:
    return Sold(code, layer, price, cost, pieces, pieces * price, households)


def test_shares_by_hand() -> None:
    week = [
        sold("a", "traffic", price=1000, cost=1000, pieces=30),  # 300.00 sold, nothing earned
        sold("b", "profit", price=1000, cost=500, pieces=10),  # 100.00 and 50.00
        sold("c", "profit", price=2000, cost=1500, pieces=10),  # 200.00 and 50.00
        sold("d", "hit", price=1000, cost=1250, pieces=20),  # 200.00, and 50.00 lost
    ]
    traffic, profit, hit, experience = rules.mix(week)
    assert (traffic.shares["count"], traffic.shares["sales"], traffic.shares["margin"]) == (0.25, 0.375, 0.0)
    assert (profit.shares["count"], profit.shares["sales"], profit.shares["margin"]) == (0.5, 0.375, 2.0)
    assert hit.shares["margin"] == -1.0 and hit.gap == pytest.approx(-0.05)
    assert (experience.count, experience.shares["count"]) == (0, 0.0)


def test_a_week_without_sales_has_no_shares_of_money() -> None:
    assert {m.shares["sales"] for m in rules.mix([sold("a", "hit")])} == {None}
    assert [m.shares["count"] for m in rules.mix([])] == [None] * 4
    assert all(p.code == "" for p in rules.proposals([]))


def test_what_everybody_buys_becomes_a_hit() -> None:
    week = [sold(f"p{n}", "profit", pieces=n, households=n) for n in range(1, 11)]
    found = rules.proposals(week)
    hits = [p for p in found if p.target == "hit" and p.code]
    assert {"p10"} <= {p.code for p in hits} or {"p10"} <= {p.code for p in found if p.target == "traffic"}
    assert all(p.source == "profit" for p in found if p.code)
    assert hits[0].why == "plan.pyramid.to_hit" and hits[0].facts["households"] == int(hits[0].code[1:])


def test_a_mix_on_target_is_left_alone() -> None:
    layers = ["traffic"] + ["profit"] * 12 + ["hit"] * 6 + ["experience"]
    assert rules.proposals([sold(f"s{n}", layer, pieces=n, households=n) for n, layer in enumerate(layers)]) == []


def test_what_nothing_fits_is_to_be_added() -> None:
    (proposal,) = rules.proposals([sold(f"s{n}", layer) for n, layer in enumerate(["traffic"] + ["profit"] * 12 + ["hit"] * 6)])
    assert (proposal.code, proposal.target, proposal.count, proposal.why) == ("", "experience", 1, "plan.pyramid.add")


WEEKS = st.lists(
    st.builds(
        Sold,
        st.uuids().map(str),
        st.sampled_from(LAYERS),
        st.integers(1, 10_000),
        st.integers(0, 10_000),
        st.integers(0, 500),
        st.integers(0, 1_000_000),
        st.integers(0, 200),
    ),
    max_size=60,
    unique_by=lambda s: s.code,
)


@given(WEEKS)
def test_following_it_never_takes_the_mix_further_from_its_target(week: list[Sold]) -> None:
    found = rules.proposals(week)
    target = {p.code: p.target for p in found if p.code}
    after = [Sold(s.code, target.get(s.code, s.layer), *[getattr(s, f) for f in list(Sold.__dataclass_fields__)[2:]]) for s in week]
    assert sum(abs(m.gap) for m in rules.mix(after)) <= sum(abs(m.gap) for m in rules.mix(week)) + 1e-9
    assert len(target) == sum(bool(p.code) for p in found)
