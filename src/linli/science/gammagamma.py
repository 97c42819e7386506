"""Gamma-gamma: what a member's purchase is worth, shrunk towards everybody's by how little is known of the member.

Fader, Hardie & Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of Marketing
Research 42(4), 415-430; Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value". An amount is Gamma(p, nu), its
rate nu ~ Gamma(q, gamma); amounts are taken to be independent of how often the member buys.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln

from linli.science.bgnbd import Floats


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Parameters; ``gamma`` is in the unit of the amounts."""

    p: float
    q: float
    gamma: float

    def log_likelihood(self, n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
        """Log density of each member's mean amount (> 0) over n >= 1 purchases, shape (n,)."""
        n, m = np.asarray(n, np.float64), np.asarray(mean, np.float64)
        a = self.p * n
        shape = gammaln(a + self.q) - gammaln(a) - gammaln(self.q)
        result: Floats = (
            shape + self.q * np.log(self.gamma) + (a - 1) * np.log(m) + a * np.log(n) - (a + self.q) * np.log(self.gamma + n * m)
        )
        return result

    def expected_amount(self, n: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
        """E[amount of a purchase | n purchases of this mean], shape (n,); n = 0 gives everybody's mean. Needs q > 1."""
        n, m = np.asarray(n, np.float64), np.asarray(mean, np.float64)
        result: Floats = self.p * (self.gamma + n * m) / (self.p * n + self.q - 1)
        return result


GROCERY_SHAPES = (1.0, 2.7)
"""p and q - 1 before a shop's members are known: between Complete Journey (84.51, CC0; .42, 2.83) and Online Retail II (UCI,
CC-BY-4.0; 2.32, 2.62). The amounts themselves are never assumed: gamma is the shop's own."""


def fit(n: npt.ArrayLike, mean: npt.ArrayLike, *, prior: bool = False) -> GammaGamma:
    """Parameters of maximum likelihood from members with n >= 1 purchases of mean amount > 0, each of shape (n,).

    ``prior``: a posteriori, p and q - 1 log-normal around what is usual in grocery.

    Raises:
        ValueError: nobody, or a member without a purchase or an amount.
    """
    n, m = np.asarray(n, np.float64), np.asarray(mean, np.float64)
    if not len(n) or (n < 1).any() or (m <= 0).any():
        raise ValueError("need members with at least one purchase of a positive mean amount")
    unit = float(np.median(m))

    def loss(logs: Floats) -> float:
        p, over, gamma = np.exp(logs)
        off = float(np.square(logs[:2] - np.log(GROCERY_SHAPES)).sum() / 2 / len(n)) if prior else 0.0
        return off - float(GammaGamma(p, 1 + over, gamma).log_likelihood(n, m / unit).mean())

    # q stays over 1: below, the mean amount of everybody does not exist.
    found = minimize(loss, [1.0, 1.0, 0.5], method="L-BFGS-B", bounds=[(-4, 6), (-4, 6), (-6, 8)], tol=1e-11)
    p, over, gamma = (float(v) for v in np.exp(found.x))
    return GammaGamma(p, 1 + over, gamma * unit)
