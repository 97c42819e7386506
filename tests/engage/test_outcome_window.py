"""Nothing is concluded before the window is over: daily looks would find an effect by luck far too often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from linli.engage import outcome


def found(verdict: str) -> Any:
    arm = SimpleNamespace(mean=1.0)
    return SimpleNamespace(
        metric="amount", treated=arm, holdout=arm, detectable=1.0, effect=9.9, low=0.3, high=19.5, p_value=0.04, verdict=verdict
    )


@pytest.mark.parametrize("verdict", ["up", "down", "no_effect"])
def test_a_lucky_day_is_no_verdict(verdict: str) -> None:
    early = outcome._estimate(found(verdict), over=False)
    assert early.verdict == "too_early"
    assert (early.low, early.high) == (0.3, 19.5)  # shown all the same
    assert outcome._estimate(found(verdict), over=True).verdict == verdict


def test_too_few_people_stay_too_few() -> None:
    assert outcome._estimate(found("too_small"), over=False).verdict == "too_small"
