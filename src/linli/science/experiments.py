"""Was it the treatment? Two arms, from sufficient statistics to an effect with its interval.

Only sums enter (n, sum, sum of squares), so that a query over any number of members feeds a test
of three numbers an arm. Arm A is the control (or holdout), arm B the treatment.

Sources: Welch (1947), Biometrika 34; Satterthwaite's degrees of freedom; the relative effect by
the delta method as in Deng, Knoblich & Lu (2018), arXiv:1803.06336, eq. 6. Checked against
GrowthBook's published vectors to five digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan, sqrt
from typing import Literal

from scipy.special import chdtrc, ndtri, stdtr, stdtrit

Scale = Literal["absolute", "relative"]
Verdict = Literal["better", "worse", "no effect worth having", "too small to tell"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A mean of n units: sum and sum of squares of the outcome."""

    n: int
    total: float
    squares: float

    @classmethod
    def of_successes(cls, n: int, successes: int) -> "Arm":
        """A proportion: an outcome that is 0 or 1, so its square is itself."""
        if not 0 <= successes <= n:
            raise ValueError(f"need 0 <= successes <= n, got {successes} of {n}")
        return cls(n, successes, successes)

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def is_proportion(self) -> bool:
        return self.squares == self.total and 0 <= self.total <= self.n

    @property
    def variance(self) -> float:
        """p (1 - p) for a proportion, the unbiased sample variance otherwise."""
        if self.is_proportion:
            return self.mean * (1 - self.mean)
        return max(self.squares - self.total**2 / self.n, 0.0) / (self.n - 1)


@dataclass(frozen=True, slots=True)
class Effect:
    """B minus A. On the relative scale, as a share of the mean of A (0.07 = 7 % more)."""

    scale: Scale
    estimate: float
    se: float
    low: float
    high: float
    p: float
    df: float
    alpha: float

    def minimum_detectable(self, power: float = 0.8) -> float:
        """The smallest true effect that this test would have found with the given power."""
        if isnan(self.se):
            return inf
        quantile = stdtrit(self.df, 1 - self.alpha / 2)
        return float((quantile + ndtri(power)) * self.se)


def compare(a: Arm, b: Arm, *, scale: Scale = "absolute", alpha: float = 0.05) -> Effect:
    """Welch's two-sided test of mean(B) - mean(A), for means and for proportions.

    An arm of fewer than two units, a relative effect on a zero mean, or no variance at all have
    no standard error: the effect then has ``se`` nan, an infinite interval and p = 1, never a
    false certainty.
    """
    if a.n < 2 or b.n < 2:
        return _unknown(scale, alpha)
    var_a, var_b = a.variance / a.n, b.variance / b.n
    if var_a + var_b <= 0 or (scale == "relative" and a.mean == 0):
        return _unknown(scale, alpha)
    df = (var_a + var_b) ** 2 / (var_a**2 / (a.n - 1) + var_b**2 / (b.n - 1))
    difference = b.mean - a.mean
    if scale == "absolute":
        estimate, se = difference, sqrt(var_a + var_b)
    else:
        estimate = difference / a.mean
        se = sqrt(var_b / a.mean**2 + var_a * b.mean**2 / a.mean**4)
    reach = float(stdtrit(df, 1 - alpha / 2)) * se
    p = float(2 * stdtr(df, -abs(estimate) / se))
    return Effect(scale, estimate, se, estimate - reach, estimate + reach, p, df, alpha)


def verdict(effect: Effect, *, smallest_worthwhile: float) -> Verdict:
    """What may be said aloud.

    ``smallest_worthwhile`` (> 0) is the effect, on the same scale, below which the operator would
    not act. An interval that excludes zero is an answer. One that includes zero is an answer only
    if the test could have found an effect worth having (80 % power) and its interval excludes
    one; otherwise the sample is too small to tell, which is not the same as "no effect".
    """
    if smallest_worthwhile <= 0:
        raise ValueError("smallest_worthwhile must be positive")
    if effect.low > 0:
        return "better"
    if effect.high < 0:
        return "worse"
    able = effect.minimum_detectable(0.8) <= smallest_worthwhile
    excluded = max(abs(effect.low), abs(effect.high)) < smallest_worthwhile
    return "no effect worth having" if able and excluded else "too small to tell"


def units_needed(
    sd: float,
    smallest_worthwhile: float,
    *,
    share_a: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Units in both arms together to find an absolute effect with the given power.

    n = (z_{1-alpha/2} + z_power)^2 sd^2 / effect^2 * (1/share_a + 1/(1 - share_a)).
    """
    if not 0 < share_a < 1 or sd <= 0 or smallest_worthwhile == 0:
        raise ValueError("need 0 < share_a < 1, sd > 0 and a non-zero effect")
    z = float(ndtri(1 - alpha / 2) + ndtri(power))
    exact = (z * sd / smallest_worthwhile) ** 2 * (1 / share_a + 1 / (1 - share_a))
    return int(-(-exact // 1))


def sample_ratio_mismatch(counts: Sequence[int], weights: Sequence[float]) -> float:
    """p-value of Pearson's chi-square that the arms have the sizes they were meant to have.

    An arm of weight zero expects nobody. It takes no part in the degrees of freedom (counting it
    makes a real mismatch look harmless), and anybody found in it is a mismatch for certain.

    Raises:
        ValueError: lengths differ, or a negative count or weight, or no weight at all.
    """
    if len(counts) != len(weights) or not counts:
        raise ValueError("need one weight per arm")
    if min(counts) < 0 or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError("counts and weights must not be negative, nor all weights zero")
    if any(n > 0 and w == 0 for n, w in zip(counts, weights, strict=True)):
        return 0.0
    arms = [(n, w) for n, w in zip(counts, weights, strict=True) if w > 0]
    total, whole = sum(n for n, _ in arms), sum(w for _, w in arms)
    if total == 0 or len(arms) < 2:
        return 1.0
    statistic = sum((n - total * w / whole) ** 2 / (total * w / whole) for n, w in arms)
    return float(chdtrc(len(arms) - 1, statistic))


def _unknown(scale: Scale, alpha: float) -> Effect:
    nan = float("nan")
    return Effect(scale, nan, nan, -inf, inf, 1.0, nan, alpha)
