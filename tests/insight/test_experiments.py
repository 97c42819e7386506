"""Outcomes of arms: the effect is found when it is there, and "too small to tell" is said when it is."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insight_support.town import NOW, REGION, paid, tell
from linli.insight import experiments
from linli.people import groups

pytestmark = pytest.mark.django_db
START = NOW - timedelta(days=20)


@pytest.fixture(autouse=True)
def town(tmp_path: Path, settings: Any) -> None:
    """Members 1..80; the even ones buy a third more after the start. Each member's level is their own."""
    settings.HOME = tmp_path
    groups.put_region(slug=REGION, name_zh="示范区", name_en="Demo", currency="USD", time_zone="America/New_York")
    dice = random.Random(3)
    told = []
    for member in range(1, 81):
        level = dice.randint(500, 9000)
        for week in range(8):
            told.append(paid(f"{member}-{week}", member, START - timedelta(days=7 * week + 1), level + dice.randint(-100, 100)))
        for week in range(3):
            amount = (level + dice.randint(-100, 100)) * (4 if member % 2 == 0 else 3) // 3
            told.append(paid(f"{member}+{week}", member, START + timedelta(days=6 * week + 1), amount, coupon=50))
    tell(told)


def asked(treated: list[int], holdout: list[int], **more: Any) -> experiments.Outcome:
    return experiments.outcome(region=REGION, treated=treated, holdout=holdout, start=START, **{"as_of": NOW, **more})


def test_an_effect_that_is_there_is_found_and_the_past_sharpens_it() -> None:
    found = asked(list(range(2, 81, 2)), list(range(1, 80, 2)))
    assert found.verdict == "up" and found.effect and found.low and found.high and found.low < found.effect < found.high
    assert found.adjusted and found.variance_reduction > 0.8
    assert found.treated.members == found.holdout.members == 40 and found.treated.converted == 40
    assert found.treated.mean == pytest.approx(found.treated.total / 40)


def test_no_effect_among_equals_is_not_called_one() -> None:
    odd = list(range(1, 80, 2))
    assert asked(odd[::2], odd[1::2], metric="orders").verdict in ("no_effect", "too_small")
    few = asked(odd[:3], odd[3:5])
    assert few.verdict == "too_small" and few.detectable and few.detectable > 0.1 * few.holdout.mean


def test_it_is_too_early_before_a_day_has_passed_and_reads_nothing_later() -> None:
    early = asked([2, 4], [1, 3], as_of=START + timedelta(hours=5))
    assert (early.verdict, early.effect, early.treated.total) == ("too_early", None, 0)
    half = START + timedelta(days=3)
    assert asked([2, 4], [1, 3], as_of=half, metric="orders").treated.total == 2


def test_a_member_in_both_arms_or_a_strange_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="both arms"):
        asked([1, 2], [2, 3])
    with pytest.raises(ValueError, match="metric"):
        asked([1], [2], metric="clicks")
    assert asked([], [1, 2]).verdict == "too_small"


def test_the_adjustment_keeps_the_mean_and_needs_variation() -> None:
    dice = np.random.default_rng(0)
    before = dice.normal(10, 3, 500)
    after = before + dice.normal(0, 1, 500)
    adjusted, gone = experiments.cuped(after, before)
    assert adjusted.mean() == pytest.approx(after.mean()) and gone == pytest.approx(1 - adjusted.var() / after.var())
    assert experiments.cuped(after, np.zeros(500))[1] == 0
