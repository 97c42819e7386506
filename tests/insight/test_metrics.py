"""Metrics against an oracle in plain Python over a random month, for the region and each community, a day and many at once."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest

from linli.insight import local_days, metric_counts, metrics
from linli.insight.features import Facts

ZONE = "America/New_York"
LAST = datetime(2017, 9, 30, tzinfo=ZoneInfo(ZONE))
END = local_days.day_number(LAST, ZONE)


def world() -> tuple[list[tuple[int, int, int, str]], list[tuple[int, int, int, int, str]]]:
    """(members: id, community, joined back, channel), (purchases: member, community, back, amount, product)."""
    dice = random.Random(5)
    members = [(m, 1 + m % 2, dice.randint(0, 60), "history" if m % 3 else "shop") for m in range(1, 41)]
    bought = [
        (m, c, back, dice.randint(100, 9000), dice.choice("UVWXYZ"))
        for m, c, joined, _ in members if m % 7
        for back in sorted({dice.randint(0, 2 * joined + 20) for _ in range(dice.randint(0, 9))})
    ]  # fmt: skip
    return members, bought


def frame(rows: list[tuple[Any, ...]], names: list[str], moment: str) -> ibis.Table:
    table = pd.DataFrame(rows, columns=names)
    at = [(LAST + timedelta(hours=14) - timedelta(days=b)) for b in table.pop("back")]
    return ibis.memtable(table.assign(**{moment: pd.Series(at).dt.tz_convert("UTC").astype("datetime64[us, UTC]")}))


def facts() -> Facts:
    members, bought = world()
    told = frame(
        [(m, c, a, back, str(i), a // 10) for i, (m, c, back, a, _) in enumerate(bought)],
        ["member_id", "community_id", "amount_minor", "back", "basket_id", "coupon_discount_minor"],
        "at",
    )
    lines = frame([(c, p, back) for _, c, back, _, p in bought], ["community_id", "product_type", "back"], "at")
    joined = frame([(m, c, ch, back) for m, c, back, ch in members], ["member_id", "community_id", "channel", "back"], "joined_at")
    return Facts(told, lines, joined)


def oracle(ago: int, community: int) -> dict[str, float | None]:
    """The definitions, for the day `ago` days before the last."""
    members, bought = world()
    here = [(m, j - ago, ch) for m, c, j, ch in members if community in (0, c) and j >= ago]
    seen = [(m, b - ago, a, p) for m, c, b, a, p in bought if community in (0, c) and b >= ago]
    backs: dict[int, list[int]] = {}
    for m, b, _, _ in seen:
        backs.setdefault(m, []).append(b)

    def who(first: int, last: int) -> set[int]:
        return {m for m, b, _, _ in seen if first <= b <= last} & {m for m, *_ in here}

    def ratio(top: float, bottom: float) -> float | None:
        return top / bottom if bottom else None

    silent = [m for m, j, _ in here if (min(backs[m]) >= 30 if m in backs else j >= 7)]
    cohort = [(m, j) for m, j, ch in here if ch != "history" and 7 <= j <= 34]
    converted = [m for m, j in cohort if m in backs and j - max(backs[m]) < 7]
    week = [(b, a) for _, b, a, _ in seen if b < 7]
    types = {p for _, b, _, p in seen if b < 90}
    places = {c for m, c, j, _ in members if community in (0, c) and j >= ago}
    first = max(b for _, b, _, _ in seen)
    steady, begun = ([a for _, b, a, _ in seen if low <= b < low + 28] for low in (0, first - 27))
    lives = [max(b) - min(b) + 1 for p in places if (b := [b - ago for _, c, b, _, _ in bought if c == p and b >= ago])]
    coupons = sum(a // 10 for _, a in week)
    return {
        "repurchase_next_week": ratio(len(who(7, 13) & who(0, 6)), len(who(7, 13))),
        "repurchase_30d": ratio(len(who(30, 59) & who(0, 29)), len(who(30, 59))),
        "average_order": ratio(sum(a for _, a in week), len(week)),
        "orders_per_group_day": ratio(len(week), 7 * len(places)),
        "silent_share": ratio(len(silent), len(here)),
        "first_order_conversion": ratio(len(converted), len(cohort)),
        "active_sku_rate": ratio(len({p for _, b, _, p in seen if b < 28}), len(types)),
        "sales": sum(a for _, b, a, _ in seen if b == 0),
        "orders": sum(b == 0 for _, b, _, _ in seen),
        "daily_buyers": len(who(0, 0)),
        "lifetime_spend": ratio(sum(a for _, _, a, _ in seen), sum(m in backs for m, *_ in here)),
        "coupon_cost_rate": ratio(coupons, coupons + sum(a for _, a in week)),
        "order_value_growth": sum(steady) / len(steady) / (sum(begun) / len(begun)) - 1 if first >= 56 and steady else None,
        "community_lifetime": sum(lives) / metrics.DAYS_A_MONTH / len(lives),
        "new_members": sum(ch != "history" and j == 0 for _, j, ch in here),
    }


def test_metrics_are_what_their_definitions_say() -> None:
    days = [END - ago for ago in (9, 3, 0)]
    found = {
        (v.day, v.community_id, v.metric): v for v in metrics.values(metric_counts.count(facts(), days, ZONE, newest=END), {0: 1, 1: 1})
    }
    for ago, day in zip((9, 3, 0), days, strict=True):
        for community in (0, 1, 2):
            for key, expected in oracle(ago, community).items():
                if key == "active_sku_rate" and community and ago:
                    continue  # of communities only on the newest day
                assert found[day, community, key].value == pytest.approx(expected), (ago, community, key)
    assert found[END, 0, "average_order"].detail["volatility"] > 0
    assert found[END, 0, "nps"].value is None


def test_a_day_alone_is_as_among_many() -> None:
    many = metric_counts.count(facts(), [END - 1, END], ZONE, newest=END)
    alone = metric_counts.count(facts(), [END], ZONE, newest=END)
    assert {k: v for k, v in many.items() if k[0] == END} == alone


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [("silent_share", 0.08, ("ok", None)), ("silent_share", 0.1, ("missed", pytest.approx(0.02))), ("orders_per_group_day", 12,
       ("missed", 3)),
     ("orders_per_group_day", 15, ("ok", None)), ("average_order", 900, ("none", None)), ("silent_share", None, ("none", None))],
)  # fmt: skip
def test_a_target_is_met_or_missed_by_so_much(key: str, value: float | None, expected: tuple[str, float | None]) -> None:
    assert metrics.status(metrics.REGISTRY[key], value) == expected


def test_a_metric_is_computed_or_says_what_it_waits_for() -> None:
    assert len(metrics.DASHBOARD) == 12
    for m in metrics.REGISTRY.values():
        assert (m.numerator is None) == bool(m.waits_for), m.key
        assert m.sources and m.zh and m.en and m.definition_zh and m.definition_en
