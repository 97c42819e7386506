"""The demonstration shop: goods that history bought, at its prices, in groups of its size."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.history_frames import START_UTC, frames
from linli.goods import queries as goods
from linli.insight import facts, history, lake
from linli.insight.history import goods as shop
from linli.insight.history import source
from linli.kernel import clocks, events

START = START_UTC.replace(tzinfo=UTC)


def test_the_list_is_whole() -> None:
    listed = shop.goods_list()
    assert len(listed) >= 40
    for field in ("code", "history_type", "name_zh", "name_en", "picture"):
        assert len({getattr(g, field) for g in listed}) == len(listed), field
    assert {g.category for g in listed} <= {"fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other"}
    assert {g.layer for g in listed} == {"traffic", "hit", "profit", "experience"}
    assert all(g.pack >= 1 and g.shelf_life_days >= 1 and g.fact_zh and g.fact_en for g in listed)


@pytest.mark.parametrize(
    ("off", "full", "pack", "list_minor", "group_minor"),
    [(20.0, 100.0, 1, 100, 80), (1.0, 100.0, 1, 100, 92), (90.0, 100.0, 2, 200, 130), (None, None, 1, 100, 92)],
)
def test_a_group_pays_what_discounts_of_history_suggest_within_bounds(
    off: float | None, full: float | None, pack: int, list_minor: int, group_minor: int
) -> None:
    found = shop.price_of({"unit_minor": 100.0, "off": off, "full": full}, pack)
    assert (found.list_minor, found.group_minor) == (list_minor, group_minor)


def test_the_most_bought_are_there_every_day_and_the_others_take_turns() -> None:
    weekly = {f"g{n:02}": float(100 - n) for n in range(30)}
    days = [[code for code, _ in shop.days_choice(weekly, sorted(weekly), date(2017, 10, 1) + timedelta(days=n))] for n in range(4)]
    assert all(len(set(day)) == shop.A_DAY for day in days)
    assert all(day[:6] == [f"g{n:02}" for n in range(6)] for day in days)
    assert {code for day in days for code in day} == set(weekly)


def test_small_communities_have_small_groups() -> None:
    assert [shop.threshold(w) for w in (0.0, 7.0, 35.0, 7000.0)] == [2, 2, 5, 30]
    assert [shop.quota(w) for w in (0.0, 35.0, 7000.0)] == [12, 35, 7000]


@pytest.mark.django_db(transaction=True)  # readers see what is committed
def test_the_shop_opens_each_day_once(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(source, "HOME_TO_AT_LEAST", 2)
    history.import_history(frames=frames())
    relay = {"lake": events.Subscription(lake.relay)}
    with clocks.fixed(business=START):
        # Two communities, two of the goods in this small history: four groups.
        assert history.seed_shop(START) == 4
        assert history.open_days_groups("us-demo") == 4
        events.drain(relay)
        opened = facts.recorded("trade.group_opened", START)
        assert opened.count().execute() == 4
        bananas = goods.sku("us-demo", "bananas")
        assert bananas is not None and bananas.list_price_minor == 80 and bananas.history_type == "BANANAS"
    with clocks.fixed(business=START + timedelta(hours=13)):
        assert history.open_days_groups("us-demo") == 0
    with clocks.fixed(business=START + timedelta(days=1)):
        assert history.open_days_groups("us-demo") == 4
    assert history.open_days_groups("nowhere") == 0
