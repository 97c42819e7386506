"""The interval of value against a simulation whose drift and amounts are known: it holds what it states, and no less width does."""

import numpy as np
import pytest

from linli.science import value_interval
from linli.science.bgnbd import Floats
from linli.science.gammagamma import GammaGamma
from linli.science.paretonbd import ParetoNbd
from linli.science.value_interval import Asked, Spread

WORLD = ParetoNbd(r=2.0, alpha=20.0, s=0.6, beta=300.0)  # days
SPEND = GammaGamma(p=2.0, q=4.0, gamma=6000.0)
DRIFT, HORIZON = 0.35, 90.0


def simulate(n: int, seed: int) -> tuple[Asked, Floats, Floats]:
    """Members as seen at T, and what their next 90 days brought: purchases and their sum."""
    rng = np.random.default_rng(seed)
    rate, leaving, T = rng.gamma(WORLD.r, 1 / WORLD.alpha, n), rng.gamma(WORLD.s, 1 / WORLD.beta, n), rng.uniform(150, 300, n)
    life = rng.exponential(1 / leaving)
    seen = np.minimum(life, T)
    x = rng.poisson(rate * seen).astype(float)
    t_x = np.where(x > 0, seen * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    nu = rng.gamma(SPEND.q, 1 / SPEND.gamma, n)
    paid = rng.gamma(SPEND.p * (x + 1)) / nu / (x + 1)
    left = np.clip(life - T, 0, HORIZON)
    came = rng.poisson(rate * rng.gamma(1 / DRIFT, DRIFT, n) * left).astype(float)
    worth = np.where(came > 0, rng.gamma(SPEND.p * np.maximum(came, 1)) / nu, 0.0)
    return Asked(x, t_x, T, WORLD.expected_purchases(x, t_x, T, HORIZON), x + 1, paid, HORIZON), came, worth


def share_inside(asked: Asked, worth: Floats, spread: Spread) -> float:
    """Of members who are surely worth something, how many came out between the ends."""
    low, _, high = value_interval.values(WORLD, SPEND, asked, spread).T
    sure = low > 0
    assert sure.mean() > 0.4
    return float(((worth >= low) & (worth <= high))[sure].mean())


def test_the_interval_holds_what_it_states_of_members_never_seen() -> None:
    learnt = value_interval.learn(WORLD, SPEND, *simulate(1000, seed=1))
    assert learnt.drift == pytest.approx(DRIFT, abs=0.12) and learnt.amount == pytest.approx(1.0, abs=0.35)
    asked, came, worth = simulate(1500, seed=2)
    assert value_interval.held(value_interval._counts(WORLD, asked, learnt.drift, value_interval._LEVELS), came) == pytest.approx(
        0.8, abs=0.03
    )
    honest, narrow = share_inside(asked, worth, learnt), share_inside(asked, worth, Spread(0.0, 0.3))
    assert 0.77 <= honest <= 0.88  # those of low value 0 (they may have left) are held to the other end alone
    assert narrow < honest - 0.08, "a test that any width passes would be none"
    counted, worthy = value_interval.counts(WORLD, asked, learnt), value_interval.values(WORLD, SPEND, asked, learnt)
    for found in (counted, worthy):
        assert (found[:, 0] <= found[:, 1]).all() and (found[:, 1] <= found[:, 2]).all()
    few = value_interval.values(WORLD, SPEND, asked.of(slice(3, 5)), learnt)
    assert few.tolist() == worthy[3:5].tolist(), "a member alone is known as among all"


def test_a_sum_of_amounts_has_the_mean_and_spread_of_its_gamma_mixture() -> None:
    """For a fixed number of purchases the sums are those of a simulation of the mixture, at every decile."""
    asked = Asked(*(np.array([v]) for v in (4.0, 100.0, 120.0, 5.0, 5.0, 3000.0)), h=90.0)
    ours = np.sort(value_interval._sums(SPEND, asked, np.full((1, value_interval.COUNTS), 6.0), 1.0)[0])
    rng = np.random.default_rng(3)
    nu = rng.gamma(SPEND.q + SPEND.p * 5, 1 / (SPEND.gamma + 5 * 3000.0), 200_000)
    drawn = rng.gamma(SPEND.p * 6, size=200_000) / nu
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert np.quantile(ours, share) == pytest.approx(np.quantile(drawn, share), rel=0.04)


def test_whole_numbers_promise_no_more_than_they_hold() -> None:
    """Nine of ten buy nothing for sure known odds: zero alone would hold 90 %, its part of the interval is .8 of .9."""
    likely = np.tile(np.r_[np.zeros(90), np.ones(10)], (100, 1))
    assert value_interval.held(likely, np.r_[np.zeros(90), np.ones(10)]) == pytest.approx(0.8)
    assert value_interval.held(likely, np.full(100, 7.0)) == 0.0


def test_too_few_members_to_ask_get_the_usual_width() -> None:
    assert value_interval.learn(WORLD, SPEND, *simulate(20, seed=5)) == Spread()
