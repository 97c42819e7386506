"""Flash tests of new goods: fair exposure, and a verdict on the click rate that says how sure it is.

The rule is that a good is kept when at least 15 % of those who were shown it click. Clicks of a
hundred showings can't tell 13 % from 17 %: the verdict is the posterior probability of being above
the rule, and ``error_rates`` says how often it will be wrong before a test is begun.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
type Verdict = Literal["keep", "retire", "unclear"]

RULE = 0.15
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Prior:
    """Beta(a, b) of click rates before any showing; the default is Jeffreys'."""

    a: float = 0.5
    b: float = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """Posterior of one good's click rate. ``above`` is P(rate >= rule)."""

    shown: int
    clicked: int
    mean: float
    low: float
    high: float
    above: float
    verdict: Verdict


def judge(shown: int, clicked: int, *, rule: float = RULE, sure: float = SURE, prior: Prior | None = None) -> Finding:
    """Keep when P(rate >= rule) is at least ``sure``, retire when at most 1 - ``sure``, else unclear; 90 % interval.

    Raises:
        ValueError: more clicks than showings, or a negative number.
    """
    if not 0 <= clicked <= shown:
        raise ValueError(f"{clicked} clicks of {shown} showings")
    prior = prior or Prior()
    a, b = prior.a + clicked, prior.b + shown - clicked
    above = float(beta.sf(rule, a, b))
    low, high = (float(x) for x in beta.ppf([0.05, 0.95], a, b))
    verdict: Verdict = "keep" if above >= sure else "retire" if above <= 1 - sure else "unclear"
    return Finding(shown, clicked, a / (a + b), low, high, above, verdict)


def error_rates(rate: float, shown: int, *, rule: float = RULE, sure: float = SURE, prior: Prior | None = None) -> dict[Verdict, float]:
    """Probability of each verdict for a good whose true click rate is ``rate``, over all numbers of clicks (exact).

    "retire" of a rate above the rule is the false-retire rate, "keep" of one below it the false-keep rate.
    """
    prior = prior or Prior()
    clicks = np.arange(shown + 1)
    above = beta.sf(rule, prior.a + clicks, prior.b + shown - clicks)
    weight = binom.pmf(clicks, shown, rate)
    keep, retire = float(weight[above >= sure].sum()), float(weight[above <= 1 - sure].sum())
    return {"keep": keep, "retire": retire, "unclear": max(0.0, 1.0 - keep - retire)}


def showings_needed(rate: float, *, wrong: float = 0.05, decided: float = 0.8, rule: float = RULE, most: int = 20_000) -> int | None:
    """Fewest showings (of 50, 100, 200, ...) at which a good of ``rate`` is judged rightly with probability ``decided``.

    None: not within ``most``, because the rate is too near the rule.
    """
    right, false = ("keep", "retire") if rate >= rule else ("retire", "keep")
    shown = 50
    while shown <= most:
        found: dict[str, float] = {str(k): v for k, v in error_rates(rate, shown, rule=rule).items()}
        if found[right] >= decided and found[false] <= wrong:
            return shown
        shown *= 2
    return None


def assign(shown: Ints, slots: int, seed: int) -> Ints:
    """Which good goes into each of the next ``slots``: always one of those shown least so far, ties by lot.

    So no good's rate is judged on the good hours and another's on the bad ones: at any moment the
    numbers of showings differ by at most one, if they did at the start.

    Args:
        shown: showings of each good so far, (goods,).

    Returns:
        index of the good of each slot, (slots,).
    """
    rng = np.random.default_rng(seed)
    now = np.array(shown, np.int64)
    result = np.zeros(slots, np.int64)
    for slot in range(slots):
        least = np.flatnonzero(now == now.min())
        result[slot] = rng.choice(least)
        now[result[slot]] += 1
    return result
