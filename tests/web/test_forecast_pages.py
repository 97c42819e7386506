"""Forecast and model pages: what was said is shown with its uncertainty, and an operator sees the own region alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.test import Client

from linli.insight import artefacts, demand, forecast_table
from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.science import demand_levels as levels
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db
LAST = MONDAY.date() - timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path, settings: Any) -> Shop:
    settings.HOME = tmp_path
    return built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    clocks.set_business(MONDAY)
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    client = Client()
    session = client.session
    person = people.person_by_phone("+15550000099")
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def say(region: str = REGION, *, rate: float = 20.0) -> None:
    """Forecasts of two goods, one of them only known from an import, as a night would say them."""
    places = tuple(c.community_id for c in people.communities(REGION))
    past = pd.date_range(end=LAST, periods=40, freq="D")
    sold = np.full((2, len(places), 40), rate)
    like = pd.DataFrame({"category": ["fruit", "other"]})
    sales = levels.Sales(past, ("cherries", "进口 饼干"), places, sold, np.ones_like(sold), like, "US")
    sales.available[0, :, -3] = 0.5
    given = {"place": np.full((2 * len(places), 14), rate), "sku": np.full((2, 14), rate * len(places))}
    given["category"] = given["sku"]
    rows = levels.rows(given, sales, ["fruit", "other"], pd.date_range(LAST + timedelta(days=1), periods=14), {}, {})
    rows["why_usual"], rows["why_weekday"] = rows["mean"] * 0.8, rows["mean"] * 0.2
    forecast_table.say(region, LAST, forecast_table.NIGHTLY, rows)
    forecast_table.happened(region, demand._happened(sales))
    table = {"model": {"n": 56.0, "rmse": 3.0, "wape": 0.2, "wpe": 0.01}, "ma4": {"n": 56.0, "rmse": 4.0, "wape": 0.3, "wpe": 0.0}}
    verdict: dict[str, Any] = {
        "table": {"sku": table | {"served": table["model"]}},
        "coverage": {"sku": {"inside_80": 0.79, "worst_gap": 1.5, "n": 56}},
    }
    verdict["buckets"] = {"sku": [{"low": 10.0, "high": 20.0, "series": 2.0, "n": 56.0, "wape": 0.2, "baseline": 0.3, "floor": 0.18}]}
    serves = {"sku": "model", "category": "ma4", "place": "share"}
    demand._keep(demand.Artefact(f"{region}-1", region, MONDAY.isoformat(), "demand.good", 40, 2, 1, serves, verdict, {"weekday": 0.2}))


@pytest.mark.parametrize("page", ["forecasts/", "models/"])
def test_a_page_without_anything_says_what_comes_next(page: str, operator: Client) -> None:
    answer = operator.get(f"/console/{page}")
    assert answer.status_code == 200 and answer.text.count("<h1>") == 1 and "/console/imports/" in answer.text


def test_the_list_shows_pieces_ranges_and_who_forecasts(operator: Client) -> None:
    say()
    answer = operator.get("/console/forecasts/")
    assert "cherries" in answer.text and "进口 饼干" in answer.text and "模型在没见过的日子里" in answer.text
    assert "没有符合的单品" in operator.get("/console/forecasts/?q=nowhere").text
    assert "进口 饼干" not in operator.get("/console/forecasts/?category=fruit").text
    place = people.communities(REGION)[0].community_id
    assert operator.get(f"/console/forecasts/?community={place}").status_code == 200
    table = b"".join(operator.get("/console/forecasts/export.csv?category=fruit").streaming_content).decode()  # type: ignore[attr-defined]
    assert "cherries" in table and "饼干" not in table and table.count("\n") == 2


def test_one_sku_says_why_where_and_how_sure(operator: Client) -> None:
    say()
    answer = operator.get("/console/forecasts/sku/?sku=cherries&ahead=2")
    day = LAST + timedelta(days=2)
    assert answer.status_code == 200 and "+25%" in answer.text and "卖断货" in answer.text and f"{day.month} 月 {day.day} 日" in answer.text
    assert operator.get("/console/forecasts/sku/?sku=进口 饼干").status_code == 200
    for bad in ("ahead=0", "ahead=99", "ahead=x"):
        assert operator.get(f"/console/forecasts/sku/?sku=cherries&{bad}").status_code == 200


def test_a_good_without_a_forecast_has_a_page_and_an_unknown_one_none(operator: Client, shop: Shop) -> None:
    say()
    from linli.goods import queries as goods

    quiet = next(code for code in goods.skus(REGION) if code != "cherries")
    assert "还没有它的预测" in operator.get(f"/console/forecasts/sku/?sku={quiet}").text
    assert operator.get("/console/forecasts/sku/?sku=nothing").status_code == 404
    assert operator.get("/console/forecasts/sku/?sku=%00").status_code == 404


def test_models_say_what_serves_and_by_how_much(operator: Client) -> None:
    say()
    text = operator.get("/console/models/").text
    assert "需求" in text and "在用" in text and "30.0%" in text and "近四周同一星期几的平均" in text and "79.0%" in text


def test_another_regions_forecasts_are_nobodys_business(operator: Client) -> None:
    say("elsewhere")
    assert "还没有预测" in operator.get("/console/forecasts/").text
    assert "还没有训练过模型" in operator.get("/console/models/").text


def test_models_of_members_stand_beside_it(operator: Client) -> None:
    """Value in money of the region, the next basket by what it guessed; without a verdict they say so."""
    value = {
        "rmse_minor": 2500.0,
        "baseline_rmse_minor": 2600.0,
        "rate_rmse_minor": 3100.0,
        "members": 80,
        "held_share": 0.81,
        "total_error": 0.02,
    }
    scores = {"model": 0.31, "tifu": 0.3, "frequency": 0.29, "popular": 0.1}
    for kind, judged in (("value", value), ("basket", {"recall": scores, "ndcg": scores, "members": 70})):
        made = artefacts.Artefact(f"{REGION}-1", REGION, MONDAY.isoformat(), f"{kind}.good", "model", judged)
        artefacts.keep(kind, made.to_dict())
    text = operator.get("/console/models/").text
    assert "$25.00" in text and "81.0%" in text and "TIFU-KNN" in text and "0.310" in text
    artefacts.keep("basket", artefacts.Artefact(f"{REGION}-1", REGION, MONDAY.isoformat(), "basket.unjudged", "frequency").to_dict())
    assert "历史还不够，没有检验过" in operator.get("/console/models/").text
