"""Flash tests: the posterior against sums by hand, the error rates against simulation."""

import numpy as np
import pytest
from scipy.integrate import quad

from linli.science import flash


def test_the_posterior_by_quadrature() -> None:
    found = flash.judge(40, 9, prior=flash.Prior(1.0, 1.0))

    def density(p: float) -> float:
        return p**9 * (1 - p) ** 31

    whole, tail = quad(density, 0, 1)[0], quad(density, 0.15, 1)[0]
    assert found.above == pytest.approx(tail / whole, rel=1e-6)
    assert found.mean == pytest.approx(10 / 42)
    assert quad(density, found.low, found.high)[0] / whole == pytest.approx(0.9, rel=1e-6)


def test_verdicts() -> None:
    assert flash.judge(400, 90).verdict == "keep"
    assert flash.judge(400, 30).verdict == "retire"
    assert flash.judge(100, 15).verdict == "unclear"
    assert flash.judge(0, 0).verdict == "unclear"
    with pytest.raises(ValueError, match="5 clicks of 4"):
        flash.judge(4, 5)


@pytest.mark.parametrize("rate", [0.10, 0.15, 0.22])
def test_false_retires_and_keeps_agree_with_simulation(rate: float) -> None:
    clicks = np.random.default_rng(1).binomial(200, rate, 3000)
    verdicts = {c: flash.judge(200, int(c)).verdict for c in set(clicks)}
    exact = flash.error_rates(rate, 200)
    for verdict in ("keep", "retire", "unclear"):
        assert np.mean([verdicts[c] == verdict for c in clicks]) == pytest.approx(exact[verdict], abs=0.03)


def test_at_the_rule_neither_verdict_comes_oftener_than_it_may() -> None:
    exact = flash.error_rates(flash.RULE, 400)
    assert exact["keep"] < 0.13 and exact["retire"] < 0.13


def test_rates_near_the_rule_need_more_showings() -> None:
    far, near = flash.showings_needed(0.30), flash.showings_needed(0.18)
    assert far is not None and near is not None and far < near
    assert flash.showings_needed(0.151, most=2000) is None


def test_everything_is_shown_alike() -> None:
    slots = flash.assign(np.array([0, 3, 0]), 9, seed=2)
    assert np.bincount(slots, minlength=3).tolist() == [4, 1, 4]
    firsts = [flash.assign(np.zeros(4, np.int64), 1, seed=s)[0] for s in range(400)]
    assert np.bincount(firsts).min() > 60
