"""How far a member's purchases and value may lie from what is expected: quantiles, and their width learnt from the past.

Two things widen what Pareto/NBD and gamma-gamma say. A member's buying rate drifts between what was seen and what comes:
it is multiplied by a Gamma of mean 1 and variance ``drift``. And a sum of purchases varies with their amounts: given n
purchases it is a gamma over a gamma (beta prime; Fader & Hardie 2013), whose logarithm is taken as normal with the exact
mean and variance, the variance times ``amount``. Both numbers are chosen so that the interval held the share it states of
the members as of an earlier moment, whose horizon has passed (split conformal in spirit: Vovk et al. 2005).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, polygamma, psi

from linli.science.bgnbd import Floats
from linli.science.gammagamma import GammaGamma
from linli.science.paretonbd import ParetoNbd

SHARES = (0.1, 0.5, 0.9)
"""The interval holds four of five members."""
HELD = SHARES[-1] - SHARES[0]
COUNTS, AMOUNTS = 32, 16
"""Points at which the number of purchases, and the amount of that many, are looked at."""
CHUNK = 20_000
STEPS = 8
LEAST_MEMBERS = 200
MOST_MEMBERS = 1500
_LEVELS = tuple((np.arange(COUNTS) + 0.5) / COUNTS)
_NORMAL = ndtri((np.arange(AMOUNTS) + 0.5) / AMOUNTS)


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of the rate's drift, and what the variance of log amounts is multiplied by. The usual: before a shop's own
    past can be asked (Complete Journey, 84.51, CC0, at 2017-05-01 and 2017-07-01)."""

    drift: float = 0.04
    amount: float = 0.7


@dataclass(frozen=True, slots=True)
class Asked:
    """Members and what is expected of them: ``x, t_x, T`` as in ``bgnbd``; ``mean`` purchases in ``h``; ``n`` purchases of
    ``paid`` minor units each so far. Arrays of shape (n,)."""

    x: Floats
    t_x: Floats
    T: Floats
    mean: Floats
    n: Floats
    paid: Floats
    h: float

    def of(self, which: npt.NDArray[np.int64] | slice) -> "Asked":
        """The same of some."""
        i = which
        return Asked(self.x[i], self.t_x[i], self.T[i], self.mean[i], self.n[i], self.paid[i], self.h)


def counts(pareto: ParetoNbd, asked: Asked, spread: Spread) -> Floats:
    """Quantiles of the number of purchases at ``SHARES``, shape (n, 3)."""
    return _widened(*(_counts(pareto, asked, drift, SHARES) for drift in (0.0, spread.drift)))


def values(pareto: ParetoNbd, spend: GammaGamma, asked: Asked, spread: Spread) -> Floats:
    """Quantiles of what they come to at ``SHARES``, shape (n, 3), in the unit of the amounts."""
    parts = []
    for start in range(0, len(asked.x), CHUNK):
        some = asked.of(slice(start, start + CHUNK))
        sums = [_sums(spend, some, _counts(pareto, some, drift, _LEVELS), spread.amount) for drift in (0.0, spread.drift)]
        parts.append(_widened(*(np.quantile(s, SHARES, axis=1, method="nearest").T for s in sums)))
    return np.concatenate(parts) if parts else np.empty((0, len(SHARES)))


def _counts(pareto: ParetoNbd, asked: Asked, drift: float, shares: tuple[float, ...]) -> Floats:
    return pareto.counts_at(asked.x, asked.t_x, asked.T, asked.h, shares=shares, mean=asked.mean, drift=drift)


def _widened(steady: Floats, drifting: Floats) -> Floats:
    """The ends of the drifting and the median of the steady: drift says how sure we are, not that less is to be expected."""
    ends = np.minimum(steady[:, 0], drifting[:, 0]), np.maximum(steady[:, 2], drifting[:, 2])
    return np.column_stack([ends[0], steady[:, 1], ends[1]])


def _sums(spend: GammaGamma, asked: Asked, number: Floats, amount: float) -> Floats:
    """Equally likely sums, shape (n, COUNTS * AMOUNTS), for equally likely numbers of purchases (n, COUNTS)."""
    shape, rate_shape = spend.p * np.maximum(number, 1.0), (spend.q + spend.p * asked.n)[:, None]
    scale = np.log(spend.gamma + asked.n * asked.paid)[:, None]
    middle = psi(shape) - psi(rate_shape) + scale
    width = np.sqrt(amount * (polygamma(1, shape) + polygamma(1, rate_shape)))
    sums = np.where(number[:, :, None] > 0, np.exp(middle[:, :, None] + width[:, :, None] * _NORMAL), 0.0)
    return np.asarray(sums.reshape(len(number), -1))


def learn(pareto: ParetoNbd, spend: GammaGamma, asked: Asked, came: Floats, worth: Floats, *, seed: int = 0) -> Spread:
    """The spread with which the intervals held ``HELD`` of what came: ``came`` purchases worth ``worth``, shape (n,).

    With too few members to ask, the usual one. Where even no drift holds more than asked for, there is none.
    """
    if len(asked.x) < LEAST_MEMBERS:
        return Spread()
    if len(asked.x) > MOST_MEMBERS:
        some = np.sort(np.random.default_rng(seed).permutation(len(asked.x))[:MOST_MEMBERS])
        asked, came, worth = asked.of(some), came[some], worth[some]

    def count_held(drift: float) -> float:
        return held(_counts(pareto, asked, drift, _LEVELS), came)

    drift = _least(count_held, 0.0, 1.0)
    number = _counts(pareto, asked, drift, _LEVELS)

    def value_held(amount: float) -> float:
        return held(_sums(spend, asked, number, amount), worth)

    return Spread(drift, _least(value_held, 0.05, 4.0))


def held(equally_likely: Floats, happened: Floats) -> float:
    """Share of members whose ``happened`` (n,) lies between the outer shares of the equally likely outcomes (n, m).

    What falls on a value of positive probability (0 purchases) counts by the part of that probability inside: a member
    who buys nothing with probability .95 lies inside with .8 / .95, not always, so that whole numbers promise no more
    than they hold (the randomised PIT of Czado, Gneiting & Held 2009, in expectation).
    """
    below = (equally_likely < happened[:, None]).mean(axis=1)
    up_to = (equally_likely <= happened[:, None]).mean(axis=1)
    inside = np.minimum(up_to, SHARES[-1]) - np.maximum(below, SHARES[0])
    at_a_point = (below > SHARES[0]) & (below < SHARES[-1])
    share = np.where(up_to > below, np.maximum(inside, 0) / np.maximum(up_to - below, 1e-12), at_a_point)
    return float(share.mean())


def _least(share: Callable[[float], float], low: float, high: float) -> float:
    """The smallest width in [low, high] that holds ``HELD``, by bisection: more width holds more."""
    if share(low) >= HELD:
        return low
    if share(high) < HELD:
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= HELD else (middle, high)
    return high
