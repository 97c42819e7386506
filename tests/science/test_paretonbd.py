"""Pareto/NBD and gamma-gamma against the textbook's closed form, the definition and a simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1

from linli.science import gammagamma, paretonbd
from linli.science.bgnbd import Floats
from linli.science.gammagamma import GammaGamma
from linli.science.paretonbd import ParetoNbd

# Fader, Hardie & Lee (2005), the parameters of CDNOW (weeks), and gamma-gamma's (USD).
CDNOW = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669)
SPEND = GammaGamma(p=6.25, q=3.74, gamma=15.44)
HISTORIES = np.array([[0, 0.0, 5.0], [1, 2.0, 30.0], [4, 4.5, 38.86], [26, 30.9, 31.0]])


def closed_form(m: ParetoNbd, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Fader & Hardie (2005), equation (12), for alpha <= beta: hypergeometric functions and no integral."""
    whole = m.r + m.s + x
    gap = m.beta - m.alpha

    def part(t: Floats) -> Floats:
        return np.asarray(hyp2f1(whole, m.r + x, whole + 1, gap / (m.beta + t)) / (m.beta + t) ** whole)

    inside = 1 / ((m.alpha + T) ** (m.r + x) * (m.beta + T) ** m.s) + m.s / whole * (part(t_x) - part(T))
    common = gammaln(m.r + x) - gammaln(m.r) + m.r * np.log(m.alpha) + m.s * np.log(m.beta)
    return np.asarray(common + np.log(inside))


def test_the_likelihood_is_the_textbooks() -> None:
    x, t_x, T = HISTORIES.T
    assert CDNOW.log_likelihood(x, t_x, T) == pytest.approx(closed_form(CDNOW, x, t_x, T), abs=1e-9)
    alive = np.exp(gammaln(CDNOW.r + x) - gammaln(CDNOW.r)) * CDNOW.alpha**CDNOW.r * CDNOW.beta**CDNOW.s
    alive = alive / (CDNOW.alpha + T) ** (CDNOW.r + x) / (CDNOW.beta + T) ** CDNOW.s
    assert CDNOW.p_alive(x, t_x, T) == pytest.approx(alive / np.exp(closed_form(CDNOW, x, t_x, T)), abs=1e-9)
    busy = ParetoNbd(1.4, 9.6, 0.4, 900.0)  # days: a hundred purchases, where the closed form has no digits left
    assert np.isfinite(busy.log_likelihood([180], [364.0], [365.0])).all()


def test_counts_add_up_to_the_expectation() -> None:
    """Quantiles at every share are the distribution; its mean is the expectation, moved where it was asked to be."""
    x, t_x, T = HISTORIES.T
    shares = tuple((np.arange(2000) + 0.5) / 2000)
    expected = CDNOW.expected_purchases(x, t_x, T, 39.0)
    assert CDNOW.counts_at(x, t_x, T, 39.0, shares=shares).mean(axis=1) == pytest.approx(expected, rel=0.02, abs=2e-3)
    wanted = expected * 1.3
    assert CDNOW.counts_at(x, t_x, T, 39.0, shares=shares, mean=wanted).mean(axis=1) == pytest.approx(wanted, rel=0.02, abs=2e-3)
    level = ParetoNbd(0.5, 10.0, 1.0, 12.0)  # s = 1, where the general form is 0/0
    near = ParetoNbd(0.5, 10.0, 1.0 + 1e-6, 12.0)
    assert level.expected_purchases(x, t_x, T, 39.0) == pytest.approx(near.expected_purchases(x, t_x, T, 39.0), rel=1e-4)


def test_the_fit_finds_what_made_the_data() -> None:
    rng = np.random.default_rng(4)
    true, n = ParetoNbd(0.9, 8.0, 0.7, 12.0), 3000
    rate, leaving = rng.gamma(true.r, 1 / true.alpha, n), rng.gamma(true.s, 1 / true.beta, n)
    T = rng.uniform(26, 39, n)
    life = np.minimum(rng.exponential(1 / leaving), T)
    x = rng.poisson(rate * life).astype(float)
    t_x = np.where(x > 0, life * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)  # the latest of x uniform moments
    found = paretonbd.fit(x, t_x, T)
    assert [found.r, found.r / found.alpha] == pytest.approx([true.r, true.r / true.alpha], rel=0.2)
    assert found.log_likelihood(x, t_x, T).sum() >= true.log_likelihood(x, t_x, T).sum()
    with pytest.raises(ValueError, match="impossible history"):
        paretonbd.fit([1.0], [5.0], [4.0])


def test_gamma_gamma_is_its_mixture_and_shrinks() -> None:
    n, mean = 3.0, 20.0

    def mixed(nu: float) -> float:
        return float(stats.gamma.pdf(mean, SPEND.p * n, scale=1 / (n * nu)) * stats.gamma.pdf(nu, SPEND.q, scale=1 / SPEND.gamma))

    assert np.exp(SPEND.log_likelihood(n, mean)) == pytest.approx(quad(mixed, 0, 30)[0], rel=1e-6)
    everybody = SPEND.p * SPEND.gamma / (SPEND.q - 1)
    known = quad(lambda nu: SPEND.p / nu * mixed(nu), 0, 30)[0] / quad(mixed, 0, 30)[0]  # the mean of a purchase is p / nu
    assert SPEND.expected_amount([0, n, 1000], [0, mean, 20]) == pytest.approx([everybody, known, 20.0], abs=0.01)
    rng = np.random.default_rng(2)
    count = rng.integers(1, 8, 4000)
    nu = rng.gamma(SPEND.q, 1 / SPEND.gamma, 4000)
    mean_of = rng.gamma(SPEND.p * count) / nu / count
    found = gammagamma.fit(count, mean_of)
    # p and gamma trade places along a ridge; what they say of a purchase does not.
    assert found.log_likelihood(count, mean_of).sum() >= SPEND.log_likelihood(count, mean_of).sum()
    assert found.expected_amount([0, 2], [0, 20]) == pytest.approx(SPEND.expected_amount([0, 2], [0, 20]), rel=0.05)
    with pytest.raises(ValueError, match="positive mean"):
        gammagamma.fit([1], [0])
