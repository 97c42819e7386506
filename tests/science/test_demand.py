"""The demand model against processes whose truth is known."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linli.science import calendar, censored, demand, evaluate_demand, poisson_floor, reconcile
from linli.science.demand_model import DemandModel
from linli.science.demand_panel import panel

START, AS_OF = pd.Timestamp("2026-03-02"), date(2026, 5, 24)
DAYS = 91


def town(seed: int = 3, skus: int = 40) -> pd.DataFrame:
    """Poisson sales of known rate: level x weekday x promotion (doubles); ``rate`` is the truth."""
    rng = np.random.default_rng(seed)
    rows = []
    for sku in range(skus):
        level = rng.gamma(2.0, 6.0) + 2
        day = np.arange(DAYS)
        promoted = (rng.random(DAYS) < 0.15).astype(float)
        rate = level * np.where((day % 7) >= 5, 1.6, 0.9) * (1 + promoted)
        rows.append(
            pd.DataFrame({"sku": sku, "place": sku % 4, "category": sku % 5, "day": START + pd.to_timedelta(day, unit="D"), "rate": rate})
        )
        rows[-1] = rows[-1].assign(promoted=promoted, quantity=rng.poisson(rate).astype(float))
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    return town()


@pytest.fixture(scope="module")
def model(sales: pd.DataFrame) -> DemandModel:
    return demand.fit(sales, AS_OF, seed=1)


def test_it_finds_the_rate_and_its_quantiles_hold(sales: pd.DataFrame, model: DemandModel) -> None:
    judged = demand.predict(model, sales, AS_OF).merge(sales, on=["sku", "place", "day"])
    assert model.learnt and len(judged) == 40 * 7
    off = float(np.abs(judged["mean"] - judged["rate"]).sum() / judged["rate"].sum())
    naive = sales[sales["day"] <= pd.Timestamp(AS_OF)].groupby("sku")["quantity"].apply(lambda q: q.tail(7).mean())
    assert off < 0.16
    assert off < 0.5 * float(np.abs(judged["sku"].map(naive) - judged["rate"]).sum() / judged["rate"].sum())
    draws = np.random.default_rng(0).poisson(judged["rate"].to_numpy(), (200, len(judged)))
    for tau in (0.1, 0.5, 0.9):
        quantile = judged[f"q{round(100 * tau)}"].to_numpy()
        covered = (draws < quantile).mean() + 0.5 * (draws == quantile).mean()
        assert covered == pytest.approx(tau, abs=0.07)
    levels = judged[[f"q{k}0" for k in range(1, 10)]].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()


def test_nothing_after_as_of_is_read(sales: pd.DataFrame, model: DemandModel) -> None:
    later = sales["day"] > pd.Timestamp(AS_OF)
    changed = sales.assign(quantity=np.where(later, 999.0, sales["quantity"]))
    pd.testing.assert_frame_equal(demand.predict(model, changed, AS_OF), demand.predict(model, sales, AS_OF))
    assert demand.fit(changed, AS_OF, seed=1).bias == model.bias


def test_drivers_sum_to_the_mean_and_the_promotion_is_found(sales: pd.DataFrame, model: DemandModel) -> None:
    why = demand.drivers(model, sales, AS_OF)
    coming = demand.predict(model, sales, AS_OF)
    total = why[["usual", *demand.DRIVERS]].sum(axis=1)
    np.testing.assert_allclose(total, coming["mean"], rtol=1e-5)
    on = why.merge(sales, on=["sku", "place", "day"])["promoted"] == 1
    assert why.loc[on.to_numpy(), "promotion"].mean() > 3 > 0 > why.loc[~on.to_numpy(), "promotion"].mean()


def test_a_saved_model_answers_alike_and_a_strange_file_is_refused(tmp_path: Path, sales: pd.DataFrame, model: DemandModel) -> None:
    model.save(tmp_path / "m.json")
    pd.testing.assert_frame_equal(demand.predict(DemandModel.load(tmp_path / "m.json"), sales, AS_OF), demand.predict(model, sales, AS_OF))
    (tmp_path / "n.json").write_text('{"tag": "other"}')
    with pytest.raises(ValueError, match=r"linli\.demand"):
        DemandModel.load(tmp_path / "n.json")


def test_two_weeks_of_data_answer_with_the_prior(sales: pd.DataFrame) -> None:
    young = sales[sales["day"] >= pd.Timestamp(AS_OF) - pd.Timedelta(days=13)]
    model = demand.fit(young, AS_OF)
    assert not model.learnt
    judged = demand.predict(model, young, AS_OF).merge(sales, on=["sku", "place", "day"])
    assert judged["mean"].sum() == pytest.approx(judged["rate"].sum(), rel=0.2)
    assert ((judged["quantity"] >= judged["q10"]) & (judged["quantity"] <= judged["q90"])).mean() > 0.7


def test_a_new_good_starts_from_those_alike(sales: pd.DataFrame, model: DemandModel) -> None:
    later = pd.date_range(pd.Timestamp(AS_OF) + pd.Timedelta(days=1), periods=7)
    new = pd.DataFrame({"sku": 99, "place": 1, "category": 3, "day": later, "quantity": np.nan, "promoted": 0.0})
    coming = demand.predict(model, pd.concat([sales, new]), AS_OF)
    alike = coming[coming["sku"] % 5 == 3]
    assert coming.loc[coming["sku"] == 99, "mean"].mean() == pytest.approx(alike.loc[alike["sku"] != 99, "mean"].mean(), rel=0.6)


def test_preorders_known_by_then_are_all_that_is_read() -> None:
    sales = town(skus=2)
    orders = pd.DataFrame({"sku": 0, "place": 0, "day": AS_OF, "placed": [date(2026, 5, 22), date(2026, 5, 24)], "quantity": [3, 4]})
    at = panel(sales, date(2026, 5, 21), 7, preorders=orders)
    assert at.presold is not None
    day = at.days.get_loc(pd.Timestamp(AS_OF))
    assert at.presold[:4, 0, day].tolist() == [7, 3, 3, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"quantity": -1.0}, "below zero"), ({"day": START}, "two rows")],
)
def test_a_frame_that_can_t_be_read_is_refused(sales: pd.DataFrame, change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        demand.fit(sales.assign(**change), AS_OF)
    with pytest.raises(ValueError, match="lack quantity"):
        demand.fit(sales.drop(columns="quantity"), AS_OF)


def test_what_a_stock_out_hid_is_recovered() -> None:
    """Gamma days of Poisson sales, cut off at random: the naive mean is a third too low, EM's is right."""
    rng = np.random.default_rng(5)
    true = np.array([4.0, 20.0, 60.0])
    rate = rng.gamma(2.0, true[:, None] / 2.0, (3, 4000))
    share = np.where(rng.random((3, 4000)) < 0.6, rng.random((3, 4000)), 1.0)
    sold = rng.poisson(rate * share).astype(float)
    assert (sold.mean(axis=1) < 0.75 * true).all()
    np.testing.assert_allclose(censored.level(sold, share, rounds=60), true, rtol=0.05)
    np.testing.assert_allclose(censored.recover(sold, share, true).mean(axis=1), true, rtol=0.05)
    assert (censored.recover(sold, np.ones_like(share), true) == sold).all()


def test_hours_out_of_stock_do_not_bend_the_profile() -> None:
    rng = np.random.default_rng(6)
    truth = np.r_[np.zeros(8), np.linspace(1, 3, 16)]
    truth = truth / truth.sum()
    hourly = rng.poisson(40 * truth, (6, 200, 24)).astype(float)
    out = (np.arange(24) >= rng.integers(10, 25, (6, 200, 1))).astype(int)
    kind = np.array([0, 0, 0, 1, 1, 1])
    profile = censored.hour_profile(hourly * (out == 0), out, kind)
    np.testing.assert_allclose(profile, [truth, truth], atol=0.01)
    shut = np.zeros((6, 1, 24), int)
    shut[:, :, 16:] = 1
    np.testing.assert_allclose(censored.available_share(shut, profile, kind)[0, 0], truth[:16].sum(), atol=0.02)


def test_the_calendar_knows_holidays_worked_weekends_and_terms() -> None:
    table = calendar.days([date(2024, 4, 4), date(2024, 4, 7), date(2024, 6, 21), date(2024, 5, 8), date(2024, 4, 30)])
    assert table["weekday"].tolist() == [7, 8, 4, 2, 1]
    assert table["off"].tolist() == [1, 0, 0, 0, 0]
    assert table["kind"].iloc[4] == calendar.EVE
    assert (table["term"].iloc[2], table["since_term"].iloc[2]) == (12, 0)  # summer solstice
    assert calendar.days([date(2017, 11, 23)], "US")["holiday"].iloc[0] == 1
    with pytest.raises(ValueError, match="CN or US"):
        calendar.days([date(2024, 1, 1)], "FR")


def test_reconciled_forecasts_add_up_and_agree_with_the_projection() -> None:
    s = reconcile.summing([np.zeros(3, int), np.array([0, 0, 1])])
    assert s.shape == (6, 3)
    base = np.array([10.0, 7.0, 4.0, 3.0, 3.0, 3.0])
    ols = reconcile.reconcile(base, s, np.eye(6))
    np.testing.assert_allclose(ols, s @ np.linalg.lstsq(s, base, rcond=None)[0])
    assert ols[0] == pytest.approx(ols[3:].sum())
    np.testing.assert_allclose(reconcile.reconcile(s @ np.array([1.0, 2, 3]), s, np.diag([1.0, 2, 3, 4, 5, 6])), s @ [1, 2, 3])
    down = reconcile.spread_down(np.array([[1.0], [3.0], [2.0]]), np.array([[8.0], [5.0]]), np.array([0, 0, 1]))
    assert down.ravel().tolist() == [2.0, 6.0, 5.0]


def test_mint_is_better_than_summing_up_when_the_total_is_known_better() -> None:
    rng = np.random.default_rng(7)
    s = reconcile.summing([np.zeros(4, int)])
    truth = s @ rng.gamma(5.0, 2.0, (4, 400))
    noise = rng.normal(0, [[1.0], [4], [4], [4], [4]], (5, 400))
    past = rng.normal(0, [1.0, 4, 4, 4, 4], (60, 5))
    cov = reconcile.shrunk_covariance(past)
    assert np.diag(cov) == pytest.approx(past.var(axis=0, ddof=1))
    ours = reconcile.reconcile(truth + noise, s, cov)
    bottom_up = s @ (truth + noise)[1:]
    assert np.abs(ours - truth)[0].mean() < 0.3 * np.abs(bottom_up - truth)[0].mean()
    assert np.abs(ours - truth)[1:].mean() < np.abs(bottom_up - truth)[1:].mean()


def test_the_poisson_floor_by_hand() -> None:
    rate = np.array([1.0, 5.0, 100.0])
    by_draws = [np.abs(x - np.median(x)).mean() / x.mean() for x in np.random.default_rng(8).poisson(rate[:, None], (3, 200_000))]
    np.testing.assert_allclose(poisson_floor.wape(rate), by_draws, rtol=0.02)


def test_ses_by_hand_and_errors_by_hand() -> None:
    units = np.array([[10.0, 10, 20, 20, 20, 20, 20, 20]])
    assert evaluate_demand.ses(units, 8)[0, 3] == pytest.approx(10 + 0.95 * 10)
    row = evaluate_demand.errors(pd.Series([1.0, 5.0]), pd.Series([2.0, 3.0]))
    assert (row["wape"], row["wpe"]) == (pytest.approx(0.6), pytest.approx(0.2))


def test_the_whole_task_on_a_small_town(sales: pd.DataFrame) -> None:
    frame = sales.assign(available=1.0, price=1.0, temperature=20.0, rain=0.0, city=0)
    rows = evaluate_demand.fresh(frame, 7, seed=0, max_rows=6000)
    by = {row["model"]: row for row in rows if "wape" in row}
    assert by["linli demand"]["wape"] < by["7-day mean"]["wape"]
    assert by["linli demand"]["n"] == 280
    text = evaluate_demand.render(rows)
    assert "linli demand" in text and "by rate" in text and "promotion" in text


@pytest.mark.parametrize("driver", ["members", "leader"])
def test_what_the_leader_and_the_members_do_moves_the_forecast(driver: str) -> None:
    """Places wake and sleep for a fortnight, and the driver shows it the same day: the model follows it, with the right sign."""
    rng = np.random.default_rng(6)
    days = START + pd.to_timedelta(np.arange(84), unit="D")
    rows = []
    for place in range(12):
        awake = (np.arange(84) + 5 * place) // 14 % 2 == 0
        seen = rng.poisson(np.where(awake, 12, 2)).astype(float)
        for sku in range(6):
            sold = rng.poisson(np.where(awake, 3.0, 1.0)).astype(float)
            rows.append(pd.DataFrame({"sku": sku, "place": place, "day": days, "quantity": sold, driver: seen, "awake": awake}))
    frame = pd.concat(rows, ignore_index=True)
    as_of = days[-8].date()
    told, untold = (demand.fit(f, as_of, horizon=2, seed=1) for f in (frame, frame.drop(columns=driver)))
    truth = frame[["sku", "place", "day", "awake"]].assign(rate=lambda t: np.where(t["awake"], 3.0, 1.0))

    def off(model: DemandModel, f: pd.DataFrame) -> float:
        judged = demand.predict(model, f, as_of).merge(truth, on=["sku", "place", "day"])
        return float(np.abs(judged["mean"] - judged["rate"]).mean())

    assert off(told, frame) < 0.8 * off(untold, frame.drop(columns=driver))
    why = demand.drivers(told, frame, as_of).merge(truth, on=["sku", "place", "day"])
    pushes = why.groupby("awake")[driver].mean()
    assert pushes[True] > 0 > pushes[False]
    assert (demand.drivers(untold, frame.drop(columns=driver), as_of)[driver] == 0).all()
