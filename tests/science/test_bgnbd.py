"""BG/NBD against the model itself: integrals over lambda and p, a simulation, published numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import roots_jacobi, roots_legendre

from linli.science import bgnbd
from linli.science.bgnbd import BgNbd

# Fader, Hardie & Lee (2005), table 2: CDNOW, 2,357 customers, weeks.
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
STEADY = BgNbd(r=2.0, alpha=3.0, a=1.5, b=4.0)


def integrate(model: BgNbd, history: tuple[int, float, float], alive_only: bool = False) -> float:
    """L(x, t_x, T) of equation (3), mixed over lambda and p by Gauss quadrature."""
    x, t_x, T = history
    node, weight = roots_legendre(400)
    rate, rate_weight = 10 * (node + 1), 10 * weight  # lambda on (0, 20)
    node, weight = roots_jacobi(60, model.b - 1, model.a - 1)
    p, p_weight = (node + 1) / 2, weight / weight.sum()  # the Beta prior is the Jacobi weight
    prior = stats.gamma.pdf(rate, model.r, scale=1 / model.alpha) * rate_weight
    alive = np.outer((1 - p) ** x, rate**x * np.exp(-rate * T))
    gone = np.outer(p * (1 - p) ** (x - 1), rate**x * np.exp(-rate * t_x)) if x > 0 else 0.0
    return float(p_weight @ (alive if alive_only else alive + gone) @ prior)


@pytest.mark.parametrize("history", [(0, 0.0, 5.0), (1, 2.0, 5.0), (4, 4.5, 5.0)])
def test_likelihood_alive_and_silence_are_the_integrals(history: tuple[int, float, float]) -> None:
    x, t_x, T = history
    whole, alive = integrate(STEADY, history), integrate(STEADY, history, alive_only=True)
    assert np.exp(STEADY.log_likelihood(x, t_x, T)) == pytest.approx(whole, rel=1e-5)
    assert STEADY.p_alive(x, t_x, T) == pytest.approx(alive / whole, rel=1e-5)
    later = integrate(STEADY, (x, t_x, T + 3.0))
    assert STEADY.p_no_purchase(x, t_x, T, 3.0) == pytest.approx(later / whole, rel=1e-5)


def test_published_numbers_of_one_customer() -> None:
    # Fader, Hardie & Lee (2005), section 4: x = 2, t_x = 30.43, T = 38.86 buys 1.226 times in 39 weeks.
    assert CDNOW.expected_purchases(2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=1e-3)


def simulate(model: BgNbd, n: int, until: float, seed: int) -> list[list[float]]:
    """Purchase times after the first purchase (at 0), per member."""
    rng = np.random.default_rng(seed)
    rates, drop = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    times: list[list[float]] = []
    for rate, p in zip(rates, drop, strict=True):
        mine: list[float] = []
        now = 0.0
        while (now := now + rng.exponential(1 / rate)) <= until:
            mine.append(now)
            if rng.random() < p:
                break
        times.append(mine)
    return times


def test_simulated_members_fall_silent_as_often_as_promised_and_the_fit_finds_them() -> None:
    T, h = 20.0, 6.0
    members = simulate(STEADY, 6_000, T + h, seed=5)
    x = np.array([sum(t <= T for t in m) for m in members])
    t_x = np.array([max((t for t in m if t <= T), default=0.0) for m in members])
    silent = np.array([not any(t > T for t in m) for m in members])
    p = STEADY.p_no_purchase(x, t_x, np.full(len(x), T), h)
    for band in np.array_split(np.argsort(p), 5):
        se = np.sqrt(p[band].mean() * (1 - p[band].mean()) / len(band))
        assert abs(silent[band].mean() - p[band].mean()) < 4 * se
    ahead = np.array([sum(t > T for t in m) for m in members])
    assert STEADY.expected_purchases(x, t_x, T, h).mean() == pytest.approx(ahead.mean(), rel=0.05)
    fitted = bgnbd.fit(x, t_x, np.full(len(x), T))
    assert fitted.r / fitted.alpha == pytest.approx(2 / 3, rel=0.1)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(1.5 / 5.5, rel=0.1)
    whole = fitted.log_likelihood(x, t_x, T).sum()
    assert whole >= STEADY.log_likelihood(x, t_x, T).sum()


@given(
    x=st.integers(0, 200),
    share=st.floats(0.01, 1.0),
    T=st.floats(0.5, 1000),
    h=st.floats(0, 1000),
)
def test_probabilities_stay_probabilities(x: int, share: float, T: float, h: float) -> None:
    t_x = share * T if x else 0.0
    silent = float(CDNOW.p_no_purchase(x, t_x, T, h))
    assert 0 <= silent <= 1 + 1e-12
    assert silent >= 1 - float(CDNOW.p_alive(x, t_x, T)) - 1e-9  # the gone stay silent
    assert float(CDNOW.p_no_purchase(x, t_x, T, h + 1)) <= silent + 1e-12


def test_units_of_time_do_not_matter() -> None:
    weeks = simulate(STEADY, 800, 30.0, seed=9)
    x = np.array([len(m) for m in weeks])
    t_x = np.array([max(m, default=0.0) for m in weeks])
    T = np.full(len(x), 30.0)
    in_weeks, in_days = bgnbd.fit(x, t_x, T), bgnbd.fit(x, t_x * 7, T * 7)
    np.testing.assert_allclose(in_weeks.p_no_purchase(x, t_x, T, 6), in_days.p_no_purchase(x, t_x * 7, T * 7, 42), rtol=1e-3)


def test_impossible_histories_are_refused() -> None:
    for x, t_x, T in [(-1, 0, 5), (1, 6, 5), (1, 0, 5), (0, 1, 5)]:
        with pytest.raises(ValueError, match="impossible"):
            bgnbd.fit([x], [t_x], [T])
    with pytest.raises(ValueError, match="no members"):
        bgnbd.fit([], [], [])


def test_the_search_follows_the_exact_slope_of_the_likelihood() -> None:
    x, t_x, T = np.array([0.0, 1, 1, 4, 30]), np.array([0.0, 2, 9, 4.5, 20]), np.array([5.0, 5, 11, 5, 26])
    weight = np.array([3, 1, 2, 1, 4])
    loss = bgnbd._Loss(x, t_x, T, weight)

    def by_hand(logs: np.ndarray) -> float:
        return -float(np.average(BgNbd(*np.exp(logs)).log_likelihood(x, t_x, T), weights=weight))

    for logs in (np.array([0.0, 1.0, -0.5, 1.0]), np.array([-1.4, 1.5, -0.2, 0.9])):
        told, slope = loss(logs)
        felt = [(by_hand(logs + step) - by_hand(logs - step)) / 2e-5 for step in np.eye(4) * 1e-5]
        assert told == pytest.approx(by_hand(logs), rel=1e-12)
        assert slope == pytest.approx(felt, rel=1e-6, abs=1e-9)
