"""Demand from facts to what pages and purchases read: said once a night, judged on the operator's own days, never told by the future."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.town import NOW, REGION, paid, people, relay, tell
from linli.goods import catalog
from linli.insight import demand, demand_facts, forecast_table, forecasts, lake
from linli.kernel import clocks, events
from linli.kernel.events import Told
from linli.kernel.models import WorkRow
from linli.people import queries as who
from linli.trade.events import GroupOpened, OrderPaid, SoldLine

pytestmark = pytest.mark.django_db
LAST = date(2017, 9, 30)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    with clocks.fixed(business=NOW):
        yield


def shop() -> list[int]:
    ids = people(6)
    catalog.put_many(
        region=REGION,
        skus=[
            catalog.NewSku(
                code=code, name_zh=code, name_en=code.title(), category=category, layer="hit", unit_zh="份", unit_en="piece",
                list_price_minor=500, cost_minor=300, picture="bananas", shelf_life_days=3, fact_zh="", fact_en="", history_type="",
            )
            for code, category in (("bananas", "fruit"), ("milk", "dairy_egg"), ("peaches", "fruit"))
        ],
    )  # fmt: skip
    return ids


def sell(ids: list[int], *, days: int, seed: int = 4, since: int = 0) -> list[Told]:
    """Two goods a day in both communities, twice as many on Saturdays and Sundays."""
    dice = random.Random(seed)
    places = [c.community_id for c in who.communities(REGION)]
    told = []
    for back in range(days + since, since, -1):
        at = NOW - timedelta(days=back)
        for place in places:
            for goods, rate in ((0, 3), (1, 6)):
                for n in range(max(0, round(dice.gauss(rate * (2 if at.weekday() > 4 else 1), 1)))):
                    told.append(
                        paid(f"{back}-{place}-{goods}-{n}", dice.choice(ids), at + timedelta(minutes=n), goods=goods, community=place)
                    )
    return told


def test_a_night_says_two_weeks_once() -> None:
    ids = shop()
    tell(sell(ids, days=60))
    told = demand.nightly(REGION, NOW)
    assert told > 0 and forecast_table.said_days(REGION) == [LAST]
    assert demand.nightly(REGION, NOW + timedelta(hours=2)) == 0
    found = forecasts.standing(REGION)
    assert found is not None and found.said_on == LAST and found.note in ("demand.good", "demand.below_baseline")
    coming = forecasts.expected(REGION, "milk")
    assert [e.day for e in coming] == [LAST + timedelta(days=n) for n in range(1, 15)]
    saturday, tuesday = coming[6], coming[2]
    assert saturday.day.weekday() == 5 and saturday.mean > 1.4 * tuesday.mean
    assert all(e.low <= e.quantile(0.5) <= e.high and e.quantile(0.5) > 0 for e in coming)
    # The region's pieces are its communities', of every day.
    here = [forecasts.expected(REGION, "milk", community_id=c.community_id) for c in who.communities(REGION)]
    assert [sum(days) for days in zip(*([e.mean for e in place] for place in here), strict=True)] == pytest.approx(
        [e.mean for e in coming[:7]], rel=1e-4
    )
    assert forecasts.expected_of(REGION)["milk"] == coming


def test_the_verdict_is_kept_with_what_it_judged() -> None:
    ids = shop()
    tell(sell(ids, days=70))
    kept = demand.train(REGION, NOW)
    assert kept.verdict is not None and kept.note == ("demand.good" if kept.serves["sku"] == "model" else "demand.below_baseline")
    again = demand.newest(REGION, NOW)
    assert again is not None and again.version == kept.version and again.verdict is not None
    assert set(again.verdict["table"]) == {"place", "sku", "category"}
    assert demand.newest(REGION, NOW - timedelta(days=1)) is None  # nobody is served by tomorrow's model
    assert not demand.is_due(REGION, NOW + timedelta(days=6)) and demand.is_due(REGION, NOW + timedelta(days=7))
    judged = forecast_table.said_days(REGION, forecast_table.JUDGED)
    assert [d.isoformat() for d in judged] == again.verdict["origins"]
    assert demand.note_of(kept, NOW + timedelta(days=31)) == ("demand.old" if kept.note == "demand.good" else kept.note)


def test_three_weeks_are_not_judged_and_say_so() -> None:
    ids = shop()
    tell(sell(ids, days=20))
    demand.nightly(REGION, NOW)
    found = forecasts.standing(REGION)
    assert found is not None and found.note == "demand.no_history" and found.artefact.serves["sku"] == "prior"
    week = forecasts.listed(REGION)
    assert [r.good.code for r in week] == ["milk", "bananas"]
    assert 0.6 < week[0].week.mean / week[0].last_week < 1.6 and week[0].accuracy is None
    # Once there is enough it is judged the next day, not in a week.
    assert demand.is_due(REGION, NOW + timedelta(days=1))


def test_a_shop_without_sales_forecasts_nothing() -> None:
    shop()
    assert demand.nightly(REGION, NOW) == 0
    assert forecasts.standing(REGION) is None and forecasts.listed(REGION) == [] and forecasts.detail(REGION, "milk") is None
    assert not demand_facts.anything_sold()
    demand.hourly(WorkRow())  # nothing to do, and nothing breaks


def test_tomorrow_changes_nothing_that_is_said_today() -> None:
    ids = shop()
    tell(sell(ids, days=25))
    before = demand_facts.sales(REGION, NOW)
    tell(sell(ids, days=5, since=-6, seed=9))
    after = demand_facts.sales(REGION, NOW)
    assert before is not None and after is not None
    assert before.days[-1].date() == LAST and (before.sold == after.sold).all() and before.skus == after.skus


def test_what_was_said_is_held_against_what_happened() -> None:
    ids = shop()
    tell(sell(ids, days=45))
    demand.nightly(REGION, NOW)
    said = forecasts.expected(REGION, "milk")[0]
    tell(sell(ids, days=1, since=-1, seed=5))
    with clocks.fixed(business=NOW + timedelta(days=1)):
        assert demand.nightly(REGION, NOW + timedelta(days=1)) > 0
    found = forecasts.detail(REGION, "milk")
    assert found is not None
    yesterday = found.past[-1]
    assert yesterday.really and yesterday.said == said and yesterday.day == said.day
    assert yesterday.pieces == sum(1 for t in sell(ids, days=1, since=-1, seed=5) if t.fact.lines[0].sku == "milk")  # type: ignore[attr-defined]
    assert found.row.accuracy is not None and found.row.accuracy.really == 1 and found.row.accuracy.days == 15
    day, usual, pushes = found.why[0]
    assert day == found.days[0].day and usual > 0 and all(abs(p.share) >= 0.01 for p in pushes)
    assert sum(p.share for p in found.places) == pytest.approx(1) and len(found.places) == 2


def test_sold_out_is_not_little_wanted() -> None:
    """A group-buy whose quota is gone by noon cuts that day's demand short; one that another open one takes over from does not."""
    ids = shop()
    tell(sell(ids, days=20))
    place = who.communities(REGION)[0].community_id
    noon = NOW.replace(hour=16) - timedelta(days=2)  # 12:00 in the region
    night = noon.replace(hour=23, minute=0) + timedelta(hours=3)

    def opened(number: int, pieces: int) -> Told:
        fact = GroupOpened(number, place, "milk", "pooled", 2, "pieces", pieces, 400, night.isoformat(), [], "system")
        return Told(fact, REGION, f"group:{number}", noon - timedelta(hours=6), noon - timedelta(hours=6))

    line = SoldLine("milk", "dairy_egg", "FLUID MILK WHITE ONLY", 71, 5, 2000, 0)
    fact = OrderPaid("gone", ids[0], place, 2000, 0, "sandbox", "", [line], f"member:{ids[0]}")
    tell([opened(71, 5), Told(fact, REGION, f"member:{ids[0]}", noon, noon)])
    out = demand_facts.sold_out(REGION, NOW)
    assert out[["sku", "community_id"]].to_numpy().tolist() == [["milk", place]]
    sales = demand_facts.sales(REGION, NOW)
    assert sales is not None
    share = sales.available[sales.skus.index("milk"), sales.places.index(place)]
    assert 0 < share[-2] < 1 and share[-1] == 1 and (share[:-2] == 1).all()
    tell([opened(72, 50)])
    assert not len(demand_facts.sold_out(REGION, NOW))


def test_a_good_nobody_has_bought_yet_goes_by_its_like() -> None:
    ids = shop()
    tell(sell(ids, days=25))
    fact = GroupOpened(5, who.communities(REGION)[0].community_id, "peaches", "pooled", 2, "pieces", 30, 400, NOW.isoformat(), [], "system")
    tell([Told(fact, REGION, "group:5", NOW - timedelta(hours=20), NOW - timedelta(hours=20))])
    demand.nightly(REGION, NOW)
    coming = {r.good.code: r.week.mean for r in forecasts.listed(REGION)}
    assert 0.4 * coming["bananas"] < coming["peaches"] < 1.6 * coming["bananas"]


def test_the_list_is_searched_and_filtered() -> None:
    ids = shop()
    tell(sell(ids, days=25))
    demand.nightly(REGION, NOW)
    codes = lambda **asked: [r.good.code for r in forecasts.listed(REGION, **asked)]  # noqa: E731
    assert codes() == ["milk", "bananas"] and codes(search="BANA") == ["bananas"] and codes(category="dairy_egg") == ["milk"]
    assert codes(search="nothing") == [] and forecasts.categories(REGION) == ["dairy_egg", "fruit"]
    place = who.communities(REGION)[1].community_id
    (here,) = forecasts.listed(REGION, search="milk", community_id=place)
    assert here.week.mean < forecasts.listed(REGION, search="milk")[0].week.mean
    assert forecasts.listed("elsewhere") == []


def test_a_rebuilt_lake_keeps_what_was_said() -> None:
    ids = shop()
    tell(sell(ids, days=20))
    demand.nightly(REGION, NOW)
    before = forecasts.listed(REGION)
    lake.rebuild()
    assert forecasts.listed(REGION) == before and before
    relay()


def test_old_nights_of_communities_are_let_go() -> None:
    ids = shop()
    tell(sell(ids, days=20))
    demand.nightly(REGION, NOW)
    forecast_table.tidy(REGION, LAST + timedelta(days=forecast_table.PLACE_NIGHTS))
    assert len(forecast_table.said(REGION, [LAST], level="place"))
    forecast_table.tidy(REGION, LAST + timedelta(days=forecast_table.PLACE_NIGHTS + 1))
    assert not len(forecast_table.said(REGION, [LAST], level="place")) and len(forecast_table.said(REGION, [LAST], level="sku"))
    assert events.KINDS  # the events' own tables are not touched by it
