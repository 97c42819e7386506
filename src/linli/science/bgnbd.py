"""BG/NBD: how often a member buys while alive, and whether the member still is.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2),
275-284; equation numbers below are theirs. While alive a member buys as a Poisson process of
rate lambda ~ Gamma(r, alpha); after every purchase the member leaves with probability
p ~ Beta(a, b).

One member is three numbers, in one unit of time (days, weeks: the caller's choice):

* ``x``: repeat purchases, the first one not counted (integer >= 0),
* ``t_x``: time from the first to the last purchase (0 when x = 0),
* ``T``: time from the first purchase to the as-of moment (>= t_x).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1, psi

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Parameters: purchase rate ~ Gamma(r, rate alpha), dropout ~ Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """Log likelihood of each member, shape (n,). Equation (6), in logarithms."""
        x, t_x, T = _floats(x), _floats(t_x), _floats(T)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        alive = betaln(a, b + x) - (r + x) * np.log(alpha + T)
        repeat = x > 0
        x_safe = np.where(repeat, x, 1.0)
        gone = betaln(a + 1, b + x_safe - 1) - (r + x) * np.log(alpha + t_x)
        result: Floats = common + np.where(repeat, np.logaddexp(alive, gone), alive)
        return result

    def p_alive(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(still alive at T | x, t_x, T), shape (n,).

        The alive term of (6) over the whole; Fader, Hardie & Lee (2008), "Computing P(alive)
        Using the BG/NBD Model". Members without a repeat purchase are alive by construction.
        """
        x, t_x, T = _floats(x), _floats(t_x), _floats(T)
        x_safe = np.where(x > 0, x, 1.0)
        log_odds_gone = np.log(self.a) - np.log(self.b + x_safe - 1) + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        result: Floats = np.where(x > 0, np.exp(-np.logaddexp(0.0, log_odds_gone)), 1.0)
        return result

    def p_no_purchase(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, h: npt.ArrayLike) -> Floats:
        """P(no purchase in (T, T+h] | x, t_x, T), shape (n,), exact.

        Having bought nothing in (T, T+h] is the same history seen from T+h, so the probability
        is the ratio of two likelihoods (6): L(x, t_x, T+h) / L(x, t_x, T).
        """
        T = _floats(T)
        later = self.log_likelihood(x, t_x, T + _floats(h))
        result: Floats = np.exp(later - self.log_likelihood(x, t_x, T))
        return result

    def expected_purchases(self, x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, h: npt.ArrayLike) -> Floats:
        """E[number of purchases in (T, T+h] | x, t_x, T], shape (n,). Equation (10)."""
        x, t_x, T, h = _floats(x), _floats(t_x), _floats(T), _floats(h)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        hyp = hyp2f1(r + x, b + x, a + b + x - 1, h / (alpha + T + h))
        shrink = np.exp((r + x) * (np.log(alpha + T) - np.log(alpha + T + h)))
        factor = (a + b + x - 1) / (a - 1) * (1 - shrink * hyp)
        result: Floats = factor * self.p_alive(x, t_x, T)
        return result


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a shop before its members are known: normal in the logarithms of (r, alpha, a, b)."""

    usual: BgNbd
    spread: tuple[float, float, float, float]


GROCERY_PRIOR = Prior(BgNbd(r=1.08, alpha=26.9, a=0.018, b=12.3), (0.7, 1.0, 1.0, 1.0))
"""In days. Rates lie between two shops as fitted whole, the spread reaches both: Complete Journey to 2017-10-01 (84.51,
CC0; r 1.405, alpha 9.56, a .0181, b 12.3) and Online Retail II to 2010-10-01 (UCI, CC-BY-4.0; r .837, alpha 75.7). Leaving
is Complete Journey's alone: in the other shop the likelihood cannot tell it from buying seldom, and runs to its bound."""


def fit(x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike, *, near: BgNbd | None = None, prior: Prior | None = None) -> BgNbd:
    """Parameters for members' (x, t_x, T), each of shape (n,): of maximum likelihood or, with a prior, a posteriori.

    A prior weighs as it should: of two weeks of data it leaves how often people buy to the data and fills in what they
    cannot know yet, how many leave. ``near`` is where to look: last month's fit of the same shop saves the search over several
    starts. The time axis is scaled to a median T of 26 for the search only. Equal rows are counted once
    with a weight, which makes a million members as cheap as their distinct histories.

    Raises:
        ValueError: no members, or impossible histories (x < 0, t_x > T, repeat without time).
    """
    x, t_x, T = checked(x, t_x, T)
    scale = float(np.median(T)) / 26.0 or 1.0
    rows, weight = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
    x, t_x, T = rows[:, 0], rows[:, 1] / scale, rows[:, 2] / scale

    # Bounds keep the search away from ridges where a and b run off together (few dropouts).
    bounds = [(-6.0, 6.0), (-6.0, 8.0), (-8.0, 6.0), (-8.0, 10.0)]
    starts = [[0.0, 1.0, -0.5, 1.0], [-1.0, 1.5, 0.0, 0.5], [0.5, 0.0, -2.0, 2.0]]
    if near is not None:
        starts = [_logs(near, scale)]
    elif prior is not None:
        starts = [_logs(prior.usual, scale)]
    loss = _Loss(x, t_x, T, weight, None if prior is None else _logs(prior.usual, scale), prior.spread if prior else ())
    fits = [minimize(loss, s, jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-12) for s in starts]
    r, alpha, a, b = np.exp(min(fits, key=lambda f: float(f.fun)).x)
    return BgNbd(float(r), float(alpha) * scale, float(a), float(b))


def checked(x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Histories as floats.

    Raises:
        ValueError: no members, or impossible histories (x < 0, t_x > T, repeat without time).
    """
    x, t_x, T = _floats(x), _floats(t_x), _floats(T)
    if x.size == 0:
        raise ValueError("no members to fit")
    if np.any(x < 0) or np.any(t_x < 0) or np.any(t_x > T) or np.any((x > 0) != (t_x > 0)):
        raise ValueError("impossible history: need x >= 0, 0 <= t_x <= T, and t_x > 0 iff x > 0")
    return x, t_x, T


class _Loss:
    """Minus the mean of (6) over weighted histories (and of the prior's log density) and its slope, by the logarithms of
    (r, alpha, a, b).

    The slope is exact: a search that had to feel for it took five times as many looks at every member. What depends
    on ``x`` alone is computed once a distinct ``x``, of which there are few.
    """

    def __init__(
        self,
        x: Floats,
        t_x: Floats,
        T: Floats,
        weight: npt.NDArray[np.int64],
        usual: list[float] | None = None,
        spread: tuple[float, ...] = (),
    ) -> None:
        self.usual = np.zeros(4) if usual is None else np.array(usual)
        self.pull = np.zeros(4) if usual is None else 1 / np.square(spread) / weight.sum()
        self.t_x, self.T, self.share = t_x, T, weight / weight.sum()
        self.kinds, self.kind = np.unique(x, return_inverse=True)
        self.x, self.repeat = x, x > 0

    def __call__(self, log_params: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = (float(p) for p in np.exp(log_params))
        n, before = self.kinds, np.where(self.kinds > 0, b + self.kinds - 1, 1.0)
        late, last = np.log(alpha + self.T), np.log(alpha + self.t_x)
        alive = betaln(a, b + n)[self.kind] - (r + self.x) * late
        gone = np.where(self.repeat, betaln(a + 1, before)[self.kind] - (r + self.x) * last, -np.inf)
        common = (gammaln(r + n) - gammaln(r) + r * np.log(alpha) - betaln(a, b))[self.kind]
        left = expit(gone - alive)  # P(gone | history)
        by_r = (psi(r + n) - psi(r) + np.log(alpha))[self.kind] - (1 - left) * late - left * last
        by_alpha = r / alpha - (r + self.x) * ((1 - left) / (alpha + self.T) + left / (alpha + self.t_x))
        by_a = (psi(a + b) - psi(a + b + n))[self.kind] + left / a
        by_b = (psi(a + b) - psi(a + b + n) + psi(b + n) - psi(b))[self.kind] - left / before[self.kind]
        slope = np.array([r, alpha, a, b]) * [self.share @ by for by in (by_r, by_alpha, by_a, by_b)]
        off = log_params - self.usual
        value = -float(self.share @ (common + np.logaddexp(alive, gone)))
        return value + float(self.pull @ (off * off)) / 2, self.pull * off - slope


def _logs(model: BgNbd, scale: float) -> list[float]:
    """Where a search in rescaled time starts, in logarithms and within its bounds."""
    return [float(v) for v in np.log([model.r, model.alpha / scale, model.a, model.b])]


def _floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
