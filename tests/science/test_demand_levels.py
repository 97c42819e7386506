"""Which forecast serves each level, that forecasts add up, and that nobody reads a day before it has happened."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linli.science import demand_levels as levels
from linli.science import demand_verdict
from linli.science.demand_levels import HORIZON, QUANTILES, Sales
from linli.science.demand_model import DemandModel, prior

WEEK = np.array([0.8, 0.7, 0.7, 0.8, 1.0, 1.5, 1.5])


def town(days: int = 120, *, seed: int = 3, skus: int = 6, rate: float = 4.0) -> Sales:
    """Goods with weekends of their own in three communities, two of every kind."""
    rng = np.random.default_rng(seed)
    at = pd.date_range("2026-01-05", periods=days, freq="D")
    level = rate * (1 + np.arange(skus))[:, None, None] * np.array([0.5, 0.3, 0.2])[None, :, None]
    sold = rng.poisson(level * WEEK[at.day_of_week][None, None, :]).astype(float)
    like = pd.DataFrame({"category": [f"kind{i // 2}" for i in range(skus)]})
    return Sales(at, tuple(f"good{i}" for i in range(skus)), (1, 2, 3), sold, np.ones_like(sold), like, "US")


@pytest.fixture(scope="module")
def judged() -> tuple[Sales, levels.Verdict]:
    sales = town(84)
    verdict = demand_verdict.judge(sales)
    assert verdict is not None
    return sales, verdict


@pytest.fixture(scope="module")
def model(judged: tuple[Sales, levels.Verdict]) -> DemandModel:
    found = levels.learn(judged[0])
    assert found.learnt
    return found


PRIOR = prior(horizon=HORIZON, country="US", weekly=False)


def test_plain_forecasts_by_hand() -> None:
    past = np.arange(1.0, 29.0)[None, :]
    assert levels.baseline("naive", past, 0)[0, :8].tolist() == [22, 23, 24, 25, 26, 27, 28, 22]
    assert levels.baseline("mean7", past, 0)[0, 0] == 25
    assert levels.baseline("ma4", past, 0)[0, :2].tolist() == [(1 + 8 + 15 + 22) / 4, (2 + 9 + 16 + 23) / 4]
    # The week of ma4 is the mean of four weeks.
    assert levels.baseline("ma4", past, 0)[0, :7].sum() == past.sum() / 4
    assert levels.baseline("ses", np.array([[2.0, 4.0]]), 0.5)[0, 0] == pytest.approx((0.5 * 2 + 4) / 1.5)


def test_a_new_weekday_or_two_days_are_enough_for_a_plain_forecast() -> None:
    for name in levels.BASELINES:
        found = levels.baseline(name, np.array([[3.0, 5.0]]), 0.2)
        assert found.shape == (1, HORIZON) and np.isfinite(found).all() and found.min() >= 3


def test_the_one_that_misses_least_serves(judged: tuple[Sales, levels.Verdict]) -> None:
    _, verdict = judged
    for level, rows in verdict.table.items():
        rivals = {name: row["rmse"] for name, row in rows.items() if name != "served"}
        assert verdict.serves[level] == min(rivals, key=lambda name: rivals[name])
        assert set(levels.BASELINES) < rivals.keys()
    assert len(verdict.origins) == levels.ORIGINS


def test_a_verdict_can_go_against_the_model() -> None:
    """Where every week is like the last one to the piece, whoever repeats it cannot be beaten."""
    sales = town(84)
    same = replace(sales, sold=np.repeat(np.round(5 * WEEK[sales.days.day_of_week])[None, None, :], 6, axis=0) + np.zeros((6, 3, 1)))
    verdict = demand_verdict.judge(same)
    assert verdict is not None
    assert verdict.table["sku"]["naive"]["rmse"] == 0 and verdict.serves["sku"] != "model"
    assert verdict.table["sku"]["served"]["rmse"] == pytest.approx(0, abs=1e-9)


def test_forecasts_add_up(judged: tuple[Sales, levels.Verdict], model: DemandModel) -> None:
    sales, verdict = judged
    rows = levels.forecast(sales, model, verdict)
    one = rows[rows["span"] == 1]
    sums = one.groupby(["level", "day"])["mean"].sum().unstack("level")
    assert np.allclose(sums["place"], sums["sku"]) and np.allclose(sums["category"], sums["sku"])
    by_sku = one[one["level"] == "place"].groupby(["sku", "day"])["mean"].sum()
    assert np.allclose(by_sku, one[one["level"] == "sku"].set_index(["sku", "day"])["mean"].reindex(by_sku.index))
    week = rows[(rows["span"] == 7) & (rows["level"] == "sku")].set_index("sku")["mean"]
    days = one[(one["level"] == "sku") & (one["ahead"] <= 7)].groupby("sku")["mean"].sum()
    assert np.allclose(week.reindex(days.index), days)
    quantiles = rows[[levels.quantile_name(t) for t in QUANTILES]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all() and quantiles.min() >= 0


def test_why_sums_to_what_is_said(judged: tuple[Sales, levels.Verdict], model: DemandModel) -> None:
    sales, verdict = judged
    for serves in ("model", "ma4", "naive"):
        rows = levels.forecast(sales, model, replace(verdict, serves=verdict.serves | {"sku": serves}))
        mine = rows[(rows["level"] == "sku") & (rows["span"] == 1)]
        parts = mine[[c for c in mine.columns if c.startswith("why_")]].fillna(0).sum(axis=1)
        assert np.allclose(parts, mine["mean"])
        assert mine[mine["day"].dt.day_of_week == 5]["why_weekday"].sum() > 0, serves


def test_different_forecasts_of_kinds_and_goods_are_reconciled(judged: tuple[Sales, levels.Verdict], model: DemandModel) -> None:
    """A category served by another forecast than its SKUs moves them, and the sums still hold."""
    sales, verdict = judged
    alone = levels.forecast(sales, model, replace(verdict, serves=verdict.serves | {"sku": "ma4", "category": "ma4"}))
    both = levels.forecast(sales, model, replace(verdict, serves=verdict.serves | {"sku": "ma4", "category": "mean7"}))
    of = [rows[(rows["span"] == 1) & (rows["level"] == "sku")]["mean"].to_numpy() for rows in (alone, both)]
    assert not np.allclose(of[0], of[1])
    totals = both[both["span"] == 1].groupby(["level", "day"])["mean"].sum().unstack("level")
    assert np.allclose(totals["category"], totals["sku"]) and np.allclose(totals["place"], totals["sku"])


def test_the_past_cannot_see_the_future(judged: tuple[Sales, levels.Verdict]) -> None:
    sales, verdict = judged
    cut = demand_verdict.origins_of(len(sales.days))[0]
    changed = sales.sold.copy()
    changed[..., cut:] *= 9
    early, other = sales.until(cut), replace(sales, sold=changed).until(cut)
    one, two = (levels.means(s, PRIOR, verdict.alphas) for s in (early, other))
    for level in levels.LEVELS:
        assert all(np.array_equal(one.by[level][name], two.by[level][name]) for name in one.by[level])


def test_quantiles_hold_what_they_promise() -> None:
    rng = np.random.default_rng(5)
    mean = rng.uniform(0.2, 40, 6000)
    sold = rng.poisson(mean).astype(float)
    learnt = levels.spread(mean[:4000], sold[:4000])
    q = learnt.quantiles(mean[4000:])
    for i, tau in enumerate(QUANTILES):
        assert (sold[4000:] < q[:, i]).mean() - 0.03 <= tau <= (sold[4000:] <= q[:, i]).mean() + 0.03


def test_a_good_with_wild_days_has_a_wider_band() -> None:
    """Two goods that sell as much, one by Poisson and one by fits and starts: each band holds its own four days of five."""
    rng = np.random.default_rng(8)
    calm = rng.poisson(20, (20, 90)).astype(float)
    wild = rng.poisson(20 * rng.choice([0.4, 1.0, 2.2], (20, 90), p=[0.4, 0.4, 0.2])).astype(float)
    past = np.vstack([calm, wild])
    own = levels.noise(past[:, :76])
    assert own[20:].mean() > 1.5 * own[:20].mean()
    mean = np.repeat(past[:, 20:76].mean(axis=1), 14)
    sold, each = past[:, 76:].ravel(), np.repeat(own, 14)
    for noise, honest in ((each, True), (1.0, False)):
        q = levels.spread(mean, sold, noise).quantiles(mean, noise)
        inside = ((sold >= q[:, 1]) & (sold <= q[:, -2])).reshape(2, -1).mean(axis=1)
        assert bool(abs(inside - 0.8).max() < 0.08) == honest, inside


def test_a_day_cut_short_is_not_a_day_of_little_demand() -> None:
    sales = town(100)
    available = sales.available.copy()
    cut = sales.sold.copy()
    days = np.arange(40, 100, 3)
    available[1, :, days], cut[1, :, days] = 0.4, np.floor(0.4 * cut[1, :, days])
    told, untold = replace(sales, sold=cut, available=available), replace(sales, sold=cut)
    whole, aware, naive = (levels.forecast(s, PRIOR, None) for s in (sales, told, untold))

    def week(rows: pd.DataFrame) -> float:
        return float(rows[(rows["level"] == "sku") & (rows["sku"] == "good1") & (rows["span"] == 7)]["mean"].iloc[0])

    assert week(naive) < 0.87 * week(whole)
    assert abs(week(aware) - week(whole)) < 0.08 * week(whole)


def test_a_new_good_is_forecast_by_its_like() -> None:
    sales = town(100)
    sold = sales.sold.copy()
    sold[5] = 0
    rows = levels.forecast(replace(sales, sold=sold), PRIOR, None)
    week = rows[(rows["level"] == "sku") & (rows["span"] == 7)].set_index("sku")["mean"]
    assert 0.5 * week["good4"] < week["good5"] < 1.5 * week["good4"]
    here = rows[(rows["level"] == "place") & (rows["sku"] == "good5") & (rows["span"] == 7)].set_index("place")["mean"]
    assert here[1] > here[2] > here[3] > 0


def test_two_weeks_are_judged_by_nobody_and_make_sense() -> None:
    sales = town(14)
    assert demand_verdict.judge(sales) is None
    rows = levels.forecast(sales, levels.learn(sales), None)
    week = rows[(rows["level"] == "sku") & (rows["span"] == 7)].set_index("sku")
    truth = 7 * 4.0 * np.arange(1, 7)
    assert (np.abs(week["mean"].to_numpy() / truth - 1) < 0.4).all()
    assert (week["q10"] < week["mean"]).all() and (week["mean"] < week["q90"]).all()
