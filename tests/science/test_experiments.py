"""Effects against GrowthBook's published vectors, hand numbers and ten thousand A/A runs."""

from math import inf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from linli.science.experiments import (
    Arm,
    Effect,
    compare,
    sample_ratio_mismatch,
    units_needed,
    verdict,
)

CONTROL = Arm(3407, 1396.87, 52377.9767)
TREATMENT = Arm(3461, 2422.7, 134698.29)


def assert_effect(effect: Effect, estimate: float, low: float, high: float, p: float) -> None:
    assert effect.estimate == pytest.approx(estimate, abs=1e-5)
    assert effect.low == pytest.approx(low, abs=1e-5)
    assert effect.high == pytest.approx(high, abs=1e-5)
    assert effect.p == pytest.approx(p, abs=1e-5)


def test_growthbook_vector_1_relative_mean() -> None:
    effect = compare(CONTROL, TREATMENT, scale="relative")
    assert_effect(effect, 0.70732, -0.03526, 1.44989, 0.06191)
    assert effect.se == pytest.approx(0.37879, abs=1e-5)


def test_growthbook_vector_2_absolute_mean() -> None:
    effect = compare(CONTROL, TREATMENT)
    assert_effect(effect, 0.29, 0.04538, 0.53462, 0.02016)
    assert effect.se == pytest.approx(0.12478, abs=1e-5)


def test_growthbook_vector_3_relative_proportion() -> None:
    effect = compare(Arm.of_successes(28, 14), Arm.of_successes(30, 16), scale="relative")
    assert_effect(effect, 0.06667, -0.47767, 0.61101, 0.80707)
    assert effect.se == pytest.approx(0.2717, abs=1e-5)


def test_absolute_mean_by_hand() -> None:
    # A: 1, 2, 3 (mean 2, variance 1); B: 2, 4, 6, 8 (mean 5, variance 20/3).
    effect = compare(Arm(3, 6, 14), Arm(4, 20, 120))
    assert effect.estimate == 3
    assert effect.se == pytest.approx(sqrt(1 / 3 + 20 / 12))
    oracle = stats.ttest_ind([2, 4, 6, 8], [1, 2, 3], equal_var=False)
    assert effect.p == pytest.approx(oracle.pvalue)
    assert (effect.low, effect.high) == pytest.approx(tuple(oracle.confidence_interval(0.95)))


def test_false_positives_of_ten_thousand_a_a_runs() -> None:
    draws = np.random.default_rng(7).gamma(2.0, 10.0, size=(10_000, 2, 200))
    totals, squares = draws.sum(axis=2), (draws**2).sum(axis=2)
    hits = sum(compare(Arm(200, t[0], s[0]), Arm(200, t[1], s[1])).p < 0.05 for t, s in zip(totals, squares, strict=True))
    assert 0.045 <= hits / 10_000 <= 0.055


@pytest.mark.parametrize(
    ("a", "b", "scale"),
    [
        (Arm(1, 5, 25), Arm(100, 10, 50), "absolute"),
        (Arm(50, 0, 0), Arm(50, 0, 0), "absolute"),
        (Arm(50, 0, 0), Arm(50, 9, 9), "relative"),
    ],
)
def test_without_a_standard_error_nothing_is_claimed(a: Arm, b: Arm, scale: str) -> None:
    effect = compare(a, b, scale=scale)  # type: ignore[arg-type]
    assert isnan(effect.se)
    assert (effect.low, effect.high, effect.p) == (-inf, inf, 1.0)
    assert effect.minimum_detectable() == inf
    assert verdict(effect, smallest_worthwhile=0.1) == "too small to tell"


def test_verdicts() -> None:
    def coin(n: int, p_a: float, p_b: float) -> Effect:
        return compare(Arm.of_successes(n, int(n * p_a)), Arm.of_successes(n, int(n * p_b)))

    assert verdict(coin(10_000, 0.10, 0.12), smallest_worthwhile=0.01) == "better"
    assert verdict(coin(10_000, 0.12, 0.10), smallest_worthwhile=0.01) == "worse"
    assert verdict(coin(200, 0.10, 0.12), smallest_worthwhile=0.01) == "too small to tell"
    same = coin(100_000, 0.10, 0.10)
    assert verdict(same, smallest_worthwhile=0.01) == "no effect worth having"
    with pytest.raises(ValueError, match="positive"):
        verdict(same, smallest_worthwhile=0)


def test_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    # With the units that units_needed asks for, the detectable effect is the one asked for.
    n = units_needed(sd=1.0, smallest_worthwhile=0.1) // 2
    assert n == pytest.approx(1570, abs=1)  # 2 (1.95996 + 0.84162)^2 / 0.1^2, the textbook number
    arm = Arm(n, 0.0, n - 1.0)  # mean 0, variance 1
    assert compare(arm, arm).minimum_detectable(0.8) == pytest.approx(0.1, rel=1e-3)
    means = np.random.default_rng(3).normal(0.1, sqrt(2 / n), size=4000)
    found = np.mean(means > compare(arm, arm).high)
    assert found == pytest.approx(0.8, abs=0.02)


def test_sample_ratio_with_an_empty_arm() -> None:
    assert sample_ratio_mismatch([1000, 1100], [0.5, 0.5]) == pytest.approx(0.0291, abs=5e-5)
    three = sample_ratio_mismatch([1000, 1100, 0], [0.5, 0.5, 0.0])
    assert three == pytest.approx(0.0291, abs=5e-5)  # not .0925: the empty arm is no freedom
    assert sample_ratio_mismatch([1000, 1000, 1], [0.5, 0.5, 0.0]) == 0.0
    # An arm that should have had members and has none is a mismatch.
    assert sample_ratio_mismatch([100, 0], [0.5, 0.5]) < 1e-20
    assert sample_ratio_mismatch([0, 0], [0.5, 0.5]) == 1.0
    with pytest.raises(ValueError, match="one weight per arm"):
        sample_ratio_mismatch([1], [0.5, 0.5])


@given(
    counts=st.lists(st.integers(0, 5000), min_size=2, max_size=5).filter(lambda c: sum(c) > 0),
    scale=st.floats(0.1, 10),
)
def test_sample_ratio_agrees_with_scipy(counts: list[int], scale: float) -> None:
    weights = [scale * (i + 1) for i in range(len(counts))]
    expected = np.array(weights) / sum(weights) * sum(counts)
    oracle = stats.chisquare(counts, expected).pvalue
    assert sample_ratio_mismatch(counts, weights) == pytest.approx(oracle, rel=1e-9, abs=1e-300)
