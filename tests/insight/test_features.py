"""Features against an oracle in plain Python, on random small worlds; one path for one member and for all."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linli.insight import features, local_days
from linli.insight.features import FRESH, REGISTRY, Facts, compute

ZONE = "America/New_York"
AS_OF = datetime(2017, 11, 20, 15, 30, tzinfo=UTC)
MEMBERS = tuple(range(1, 31))
"""Many at once: an evaluation costs the same for one member and for thirty."""
CATEGORIES = (*FRESH, "other")

minutes = st.integers(min_value=0, max_value=60 * 24 * 400)
purchase = st.tuples(
    st.sampled_from(MEMBERS), minutes, st.integers(0, 50_000), st.integers(0, 900), st.integers(0, 500),
    st.lists(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(("X", "Y", "Z", None)), st.integers(0, 9_000)), max_size=3),
)  # fmt: skip
worlds = st.lists(purchase, max_size=150)


def facts(world: list[Any]) -> Facts:
    stamp = "datetime64[us, UTC]"
    baskets = [(m, AS_OF - timedelta(minutes=back), str(i), a, d, c) for i, (m, back, a, d, c, _) in enumerate(world)]
    p = pd.DataFrame(baskets, columns=["member_id", "at", "basket_id", "amount_minor", "discount_minor", "coupon_discount_minor"])
    lines = [(b[0], b[1], b[2], *line) for b, w in zip(baskets, world, strict=True) for line in w[5]]
    q = pd.DataFrame(lines, columns=["member_id", "at", "basket_id", "category", "product_type", "amount_minor"])
    m = pd.DataFrame(
        {
            "member_id": MEMBERS,
            "joined_at": [AS_OF - timedelta(days=10 * m) for m in MEMBERS],
            "community_id": [8 if m == 3 else 7 for m in MEMBERS],
        }
    )
    whole = ["amount_minor", "discount_minor", "coupon_discount_minor"]
    p = p.astype({"member_id": "int64", "at": stamp, "basket_id": "string", **dict.fromkeys(whole, "int64")})
    q = q.astype(
        {"member_id": "int64", "at": stamp, "amount_minor": "int64", **dict.fromkeys(("basket_id", "category", "product_type"), "string")}
    )
    return Facts(ibis.memtable(p), ibis.memtable(q), ibis.memtable(m.astype({"joined_at": stamp})))


def day(at: datetime) -> date:
    return at.astimezone(ZoneInfo(ZONE)).date()


def oracle(world: list[Any], member: int) -> dict[str, Any]:
    """What the definitions say, word by word."""
    today = day(AS_OF)
    mine = [(AS_OF - timedelta(minutes=b), a, d, c, lines) for m, b, a, d, c, lines in world if m == member]
    back = [(today - day(at)).days for at, *_ in mine]

    def orders(first: int, last: int) -> int:
        return sum(first <= b <= last for b in back)

    def spend(days: int) -> int:
        return sum(p[1] for p, b in zip(mine, back, strict=True) if b < days)

    visits = sorted({b for b in back if b < 365})
    gaps = [later - earlier for earlier, later in itertools.pairwise(visits)]
    recent = [(p, b) for p, b in zip(mine, back, strict=True) if b < 90]
    off, paid = sum(p[2] + p[3] for p, _ in recent), sum(p[1] for p, _ in recent)
    lately = [(p, i) for i, (p, b) in enumerate(zip(mine, back, strict=True)) if b < 180]
    spent, baskets, seen = Counter[str](), Counter[str](), set[tuple[int, str]]()
    for p, i in lately:
        for category, product, amount in p[4]:
            spent[category] += amount
            if category != "other" and product is not None and (i, product) not in seen:
                seen.add((i, product))
                baskets[product] += 1
    fresh = {c: a for c, a in spent.items() if c != "other"}
    top = min(fresh, key=lambda c: (-fresh[c], c), default=None)
    total, weekdays = sum(spent.values()), Counter(day(p[0]).weekday() for p, _ in lately)
    found: dict[str, Any] = {
        "recency_days": min(back, default=None), "tenure_days": max(back, default=None),
        "joined_days": (today - day(AS_OF - timedelta(days=10 * member))).days,
        "orders_total": len(back), "orders_before_45d": orders(45, 89), "spend_total_minor": sum(p[1] for p in mine) if mine else 0,
        "first_purchase_on": min((day(p[0]) for p in mine), default=None), "last_purchase_on": max((day(p[0]) for p in mine), default=None),
        "gap_median_days": median(gaps) if gaps else None, "gap_ratio": min(back) / median(gaps) if gaps else None,
        "order_trend": orders(0, 44) / orders(45, 89) if orders(45, 89) else None,
        "average_order_minor": spend(365) // orders(0, 364) if orders(0, 364) else None,
        "average_order_90d_minor": spend(90) // orders(0, 89) if orders(0, 89) else None,
        "coupon_share_90d": sum(p[3] > 0 for p, _ in recent) / len(recent) if recent else None,
        "discount_share_90d": off / (off + paid) if off + paid else None,
        "top_category": top, "top_category_share": fresh[top] / sum(fresh.values()) if top and sum(fresh.values()) else None,
        "categories_180d": len(spent) if spent else None,
        "favourite_products": sorted(baskets, key=lambda n: (-baskets[n], n))[:3] if baskets else None,
        "preferred_weekday": min(weekdays, key=lambda w: (-weekdays[w], w)) if weekdays else None,
        "community_id": 8 if member == 3 else 7, "views_14d": None,
    }  # fmt: skip
    found |= {f"orders_{d}d": orders(0, d - 1) for d in (30, 45, 90, 180, 365)}
    found |= {f"spend_{d}d_minor": spend(d) for d in (30, 90, 180, 365)}
    return found | {f"share_{c}": (spent[c] / total if total else None) for c in CATEGORIES}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-12)
    return bool(one == other)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds)
def test_every_feature_is_what_its_definition_says(world: list[Any]) -> None:
    told = facts(world)
    rows = {r["member_id"]: r for r in compute(told, AS_OF, ZONE).to_pyarrow().to_pylist()}
    assert rows.keys() == set(MEMBERS)
    for member in MEMBERS:
        expected = oracle(world, member)
        assert expected.keys() == REGISTRY.keys() - {"preferred_hour", "hour_concentration"}
        if not any(w[5] for w in world if w[0] == member):  # without lines there is no share to speak of
            expected |= {f"share_{c}": None for c in CATEGORIES}
        wrong = {n: (rows[member][n], v) for n, v in expected.items() if not same(rows[member][n], v)}
        assert not wrong


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds, st.sets(st.sampled_from(MEMBERS), min_size=1))
def test_one_member_alone_is_known_as_among_all(world: list[Any], chosen: set[int]) -> None:
    told = facts(world)
    everybody = {r["member_id"]: r for r in compute(told, AS_OF, ZONE).to_pyarrow().to_pylist()}
    few = {r["member_id"]: r for r in compute(told, AS_OF, ZONE, sorted(chosen)).to_pyarrow().to_pylist()}
    assert few == {m: everybody[m] for m in chosen}


def test_the_usual_hour_is_a_direction_on_the_clock() -> None:
    """23:00 and 01:00 have midnight between them, not noon; opposite hours have no mean at all."""

    def at(*hours: int) -> list[Any]:
        local = [datetime(2017, 11, 10 + i, h, 5, tzinfo=ZoneInfo(ZONE)) for i, h in enumerate(hours)]
        return [(1, int((AS_OF - t.astimezone(UTC)).total_seconds()) // 60, 1, 0, 0, []) for t in local]

    def hour(*hours: int) -> tuple[int | None, float]:
        row = compute(facts(at(*hours)), AS_OF, ZONE, [1]).to_pyarrow().to_pylist()[0]
        return row["preferred_hour"], row["hour_concentration"]

    assert hour(23, 1)[0] == 0 and hour(23, 1)[1] > 0.9
    assert hour(9, 9, 10)[0] == 9 and hour(9, 9, 9)[1] == pytest.approx(1, abs=1e-6)
    assert hour(6, 18)[1] < 1e-6


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"])
def test_local_days_are_the_calendars(zone: str) -> None:
    """Around both changes of the clock, to the minute."""
    moments = [
        datetime(2017, m, d, h, 59, tzinfo=UTC) for m, d in ((3, 12), (3, 26), (4, 2), (10, 1), (10, 29), (11, 5)) for h in range(24)
    ]
    frame = pd.DataFrame({"at": pd.Series(moments).astype("datetime64[us, UTC]")})
    table = ibis.memtable(frame)
    seconds = table.mutate(s=local_days.local_seconds(table["at"], zone, AS_OF)).to_pyarrow()["s"].to_pylist()
    for moment, second in zip(moments, seconds, strict=True):
        local = moment.astimezone(ZoneInfo(zone))
        assert local_days.day_of(second // 86_400) == local.date()
        assert second % 86_400 == local.hour * 3600 + local.minute * 60
    number = local_days.day_number(AS_OF, zone)
    assert local_days.day_number(local_days.end_of(number, zone) - timedelta(seconds=1), zone) == number


def test_the_last_half_second_of_a_day_is_that_days() -> None:
    moment = datetime(2017, 11, 10, 23, 59, 59, 700_000, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    table = ibis.memtable(pd.DataFrame({"at": pd.Series([moment]).astype("datetime64[us, UTC]")}))
    (second,) = table.mutate(s=local_days.local_seconds(table["at"], ZONE, AS_OF)).to_pyarrow()["s"].to_pylist()
    assert (local_days.day_of(second // 86_400), second % 86_400) == (date(2017, 11, 10), 86_399)


def test_names_are_told_in_both_languages() -> None:
    for f in features.REGISTRY.values():
        assert f.zh and f.en and f.definition_zh and f.definition_en and (f.sources or f.waits_for), f.name
