"""The error nobody can get under: WAPE of a forecaster who knows each day's rate and sells by Poisson."""

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

Floats = npt.NDArray[np.float64]


def wape(rate: Floats) -> Floats:
    """Expected absolute error of the median over the mean, (n,): E|X - m| / rate for X ~ Poisson(rate).

    E|X - m| = 2 (m F(m) - rate F(m - 1)) + rate - m for integer m (Crow 1958). Tichy et al. 2022
    (arXiv 2211.16313) judge forecasts beside it, by rate.
    """
    rate = np.asarray(rate, np.float64)
    middle = poisson.median(rate)
    gap = 2 * (middle * poisson.cdf(middle, rate) - rate * poisson.cdf(middle - 1, rate)) + rate - middle
    result: Floats = gap / rate
    return result
