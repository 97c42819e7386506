"""Pareto/NBD: how often a member buys while alive, when leaving may happen at any moment.

Schmittlein, Morrison & Colombo (1987), "Counting Your Customers", Management Science 33(1), 1-24, in the notation of
Fader & Hardie (2005), "A Note on Deriving the Pareto/NBD Model". While alive a member buys as a Poisson process of rate
lambda ~ Gamma(r, alpha); the lifetime is exponential with rate mu ~ Gamma(s, beta). One member is (x, t_x, T) as in
``linli.science.bgnbd``, in one unit of time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp

from linli.science.bgnbd import Floats, checked

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(32)
LIFETIMES = 16
"""Points at which the remaining lifetime is looked at; the count it allows is exact at each."""


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """Parameters: purchase rate ~ Gamma(r, rate alpha), leaving rate ~ Gamma(s, rate beta)."""

    r: float
    alpha: float
    s: float
    beta: float

    def log_likelihood(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """Log likelihood of each member, shape (n,)."""
        alive, gone = self._parts(*(np.asarray(v, np.float64) for v in (x, t_x, T)))
        result: Floats = np.logaddexp(alive, gone)
        return result

    def p_alive(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(still alive at T | x, t_x, T), shape (n,)."""
        alive, gone = self._parts(*(np.asarray(v, np.float64) for v in (x, t_x, T)))
        result: Floats = np.exp(-np.logaddexp(0.0, gone - alive))
        return result

    def expected_purchases(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, h: float) -> Floats:
        """E[number of purchases in (T, T+h] | x, t_x, T], shape (n,)."""
        x, t_x, T = (np.asarray(v, np.float64) for v in (x, t_x, T))
        result: Floats = self.p_alive(x, t_x, T) * (self.r + x) / (self.alpha + T) * self._time_left(T, h)
        return result

    def counts_at(
        self, x: Floats, t_x: Floats, T: Floats, h: float, *, shares: tuple[float, ...], mean: Floats | None = None, drift: float = 0.0
    ) -> Floats:
        """Quantiles of the number of purchases in (T, T+h], shape (n, len(shares)): smallest k with P(count <= k) >= share.

        Given alive at T, lambda ~ Gamma(r+x, alpha+T) and mu ~ Gamma(s, beta+T) are independent, so the count is a
        negative binomial for every remaining lifetime. ``mean`` moves the buying rate so that the expectation is that.
        ``drift``: the rate of the horizon is lambda times a variable of mean 1 and this variance, their product taken as a
        gamma of the same mean and variance.
        """
        p_alive, left = self.p_alive(x, t_x, T), self._time_left(T, h)
        usual = p_alive * (self.r + x) / (self.alpha + T) * left
        scale = np.ones_like(usual) if mean is None else mean / np.maximum(usual, 1e-300)
        through = ((self.beta + T) / (self.beta + T + h)) ** self.s  # P(still alive at T+h | alive at T)
        gone_by = 1 - (1 - through)[:, None] * (np.arange(LIFETIMES) + 0.5) / LIFETIMES
        times = np.column_stack([(self.beta + T)[:, None] * (gone_by ** (-1 / self.s) - 1), np.full(len(T), h)])
        weight = np.column_stack([np.repeat(((1 - through) / LIFETIMES)[:, None], LIFETIMES, 1), through]) * p_alive[:, None]
        seen = self.r + x
        size = (1.0 / ((1.0 + drift) * (1.0 + 1.0 / seen) - 1.0))[:, None]
        rate = (scale * seen / (self.alpha + T))[:, None] * times
        hit = rate / (size + rate)
        with np.errstate(divide="ignore"):  # hardly alive and yet expected to buy: a count of 0 is then as good as impossible
            now = np.exp(size * np.log1p(-hit))  # P(count = 0) by lifetime; the next is by recursion
        found = np.full((len(T), len(shares)), -1.0)
        total, k = 1 - p_alive, 0
        wanted = np.asarray(shares)[None, :]
        while True:
            total = total + (weight * now).sum(axis=1)
            found = np.where((found < 0) & (total[:, None] >= wanted - 1e-9), float(k), found)
            if not (found < 0).any() or k > 10_000:
                return found
            now = now * hit * (size + k) / (k + 1)
            k += 1

    def _time_left(self, T: Floats, h: float) -> Floats:
        """Expected part of (T, T+h] before leaving, given alive at T. Log form at s = 1, where the general one is 0/0."""
        b = self.beta + T
        if abs(self.s - 1) < 1e-8:
            return np.asarray(b * np.log1p(h / b))
        return np.asarray(b / (self.s - 1) * -np.expm1((self.s - 1) * -np.log1p(h / b)))

    def _parts(self, x: Floats, t_x: Floats, T: Floats) -> tuple[Floats, Floats]:
        """Log likelihood of the history together with: alive at T; gone somewhere in (t_x, T].

        The second is an integral over the moment of leaving, taken by Gauss-Legendre in the logarithm of alpha + y. The
        textbook's difference of two hypergeometric functions loses all digits for members of a hundred purchases.
        """
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive = common - (r + x) * np.log(alpha + T) - s * np.log(beta + T)
        start = np.log(alpha + t_x)
        # Beyond 40 e-foldings nothing is left of the integrand.
        width = np.minimum(np.log(alpha + T) - start, 40 / np.maximum(r + x - 1, 1e-9))
        u = start[:, None] + width[:, None] * (NODES + 1) / 2
        logs = -(r + x - 1)[:, None] * u - (s + 1) * np.log(beta - alpha + np.exp(u))
        with np.errstate(divide="ignore"):  # nobody can have left in no time: log 0
            gone = common + np.log(s) + logsumexp(logs, axis=1, b=NODE_WEIGHTS) + np.log(width / 2)
        return alive, gone


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a shop before its members are known: normal in the logarithms of (r, alpha, s, beta)."""

    usual: ParetoNbd
    spread: tuple[float, float, float, float]


GROCERY_PRIOR = Prior(ParetoNbd(r=1.08, alpha=26.9, s=3.67, beta=30600.0), (0.7, 1.0, 1.0, 1.0))
"""In days. Buying as in ``bgnbd.GROCERY_PRIOR``; leaving is Complete Journey's to 2017-10-01 (84.51, CC0; s 3.67, beta 30,612:
1 % in 90 days)."""


def fit(x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, *, near: ParetoNbd | None = None, prior: Prior | None = None) -> ParetoNbd:
    """Parameters for members' (x, t_x, T), each of shape (n,): of maximum likelihood or, with a prior, a posteriori.

    ``near`` is where to look.

    Raises:
        ValueError: no members, or impossible histories.
    """
    x, t_x, T = checked(x, t_x, T)
    scale = float(np.median(T)) / 26.0 or 1.0
    rows, weight = np.unique(np.column_stack([x, t_x / scale, T / scale]), axis=0, return_counts=True)
    share = weight / weight.sum()

    usual = _logs(prior.usual, scale) if prior else []

    def loss(logs: Floats) -> float:
        off = 0.0 if prior is None else float(np.square((logs - usual) / prior.spread).sum() / 2 / weight.sum())
        return off - float(share @ ParetoNbd(*np.exp(logs)).log_likelihood(rows[:, 0], rows[:, 1], rows[:, 2]))

    # The bounds keep the search off the ridge where s and beta run away together (hardly anybody leaves).
    bounds = [(-6.0, 6.0), (-6.0, 8.0), (-6.0, 4.0), (-6.0, 8.0)]
    start = _logs(near, scale) if near else [-0.5, 2.3, -0.5, 2.4]
    if prior is not None:  # of a few days hardly anybody can be seen to leave: the prior's own beta must be in reach
        bounds[3] = (-6.0, max(8.0, usual[3] + 2.0))
        start = start if near else usual
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds, tol=1e-10)
    r, alpha, s, beta = (float(p) for p in np.exp(found.x))
    return ParetoNbd(r, alpha * scale, s, beta * scale)


def _logs(model: ParetoNbd, scale: float) -> list[float]:
    """Where a search in rescaled time starts, in logarithms."""
    return [float(v) for v in np.log([model.r, model.alpha / scale, model.s, model.beta / scale])]
