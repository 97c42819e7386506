"""How many pieces to buy: published optima, simulated profit beside the oracle, and nothing owed is ever left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, poisson

from linli.goods import queries as goods
from linli.insight import forecast_table
from linli.plan import purchasing, rules
from linli.plan.rules import Buying
from linli.science import demand_levels as levels
from support import shop as built
from support.shop import REGION

TAU = (np.arange(4000) + 0.5) / 4000


def wanted(cases: Any, *, price: int = 1000, cost: int = 600, later: float = 0.0) -> Buying:
    return Buying("x", price, cost, cases, later)


@pytest.mark.parametrize(
    ("under", "over", "mean", "deviation", "best"),
    [(70, 18, 50, 8, 56.60395592743389), (18, 2, 120, 10, 132.8155)],  # Snyder & Shen, FoSCT; as in stockpyl
)
def test_one_day_of_life_is_the_published_newsvendor(under: int, over: int, mean: float, deviation: float, best: float) -> None:
    found = rules.purchase(wanted(norm.ppf(TAU, mean, deviation), price=under + over, cost=over))
    assert found.supply == pytest.approx(best, abs=1)


def test_the_critical_ratio_of_pieces() -> None:
    """P(demand <= supply) is the first that reaches (price - cost) / price."""
    for cost in (100, 300, 500, 800, 950):
        found = rules.purchase(wanted(poisson.ppf(TAU, 12), cost=cost))
        assert found.supply == poisson.ppf(1 - cost / 1000, 12)
        assert found.short_probability == pytest.approx(poisson.sf(found.supply, 12), abs=0.001)


def test_what_keeps_is_bought_more_of_and_spoils_less() -> None:
    cases = poisson.ppf(TAU, 12)
    one, two = rules.purchase(wanted(cases)), rules.purchase(wanted(cases, later=12.0))
    assert two.supply > one.supply and two.spoilt < one.spoilt and two.short_probability < 0.05 < one.short_probability


def test_what_is_owed_is_supplied_and_what_is_there_not_bought() -> None:
    cases = poisson.ppf(TAU, 12)
    owed = rules.purchase(replace(wanted(cases, price=500, cost=600), presold=15))
    assert (owed.pieces, owed.supply, owed.gain_minor) == (15, 15, 0)  # sold at a loss: what was promised, and nothing beyond
    there = rules.purchase(replace(wanted(cases), stock=100))
    assert there.pieces == 0 and there.short_probability == 0
    assert rules.purchase(wanted([0.0, 0.0])).pieces == 0


def test_profit_comes_near_the_oracle_that_knows_the_rate() -> None:
    """Two hundred waves, the same demand for both: buying by the forecast's quantiles against buying by the true ones."""
    rng = np.random.default_rng(2)
    rates = rng.gamma(4, 5, 200)
    sold = rng.poisson(rates)
    guess = rates * rng.lognormal(0, 0.12, 200)

    def profit(rate: Any) -> float:
        total = 0.0
        for r, d in zip(rate, sold, strict=True):
            supply = rules.purchase(wanted(poisson.ppf((np.arange(181) + 0.5) / 181, r))).supply
            total += 1000 * min(supply, d) - 600 * supply
        return total

    naive = float(sum(1000 * min(round(r), d) - 600 * round(r) for r, d in zip(np.roll(rates, 1), sold, strict=True)))
    assert profit(guess) > 0.9 * profit(rates) > naive


@pytest.mark.django_db
def test_a_proposal_reads_what_was_said_and_the_catalogue(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    built.build()
    (code, sku), *_ = [(c, s) for c, s in goods.skus(REGION).items() if s.kind == "good" and s.active]
    last = date(2026, 6, 1)
    past = pd.date_range(end=last, periods=30)
    sold = np.full((2, 1, 30), 20.0)
    like = pd.DataFrame({"category": [sku.category, sku.category]})
    sales = levels.Sales(past, (code, "not in the catalogue"), (1,), sold, np.ones_like(sold), like, "US")
    given = {"sku": np.full((2, 14), 20.0)}
    rows = levels.rows(given, sales, [sku.category], pd.date_range(last + timedelta(days=1), periods=14), {}, {})
    forecast_table.say(REGION, last, forecast_table.NIGHTLY, rows)
    (found,) = purchasing.propose(REGION, last + timedelta(days=1), stock={code: 3}, presold={code: 4})
    assert found.sku.code == code and found.purchase.supply >= 4 and found.purchase.pieces == found.purchase.supply - 3
    assert found.cost_minor == found.purchase.pieces * sku.cost_minor and found.expected.mean == 20
    assert purchasing.propose(REGION, last + timedelta(days=40)) == []
    assert purchasing.propose(REGION, last) == []
