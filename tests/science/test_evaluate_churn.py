"""The referee is checked too: measures against scikit-learn, the table, what is missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from linli.science import evaluate_churn
from linli.science.churn_data import DataSet
from linli.science.evaluate_churn import OURS, RIVAL, Judged

from .conftest import START, Shop


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.integers(1, 40))
def test_ranking_measures_agree_with_scikit_learn(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.append(rng.integers(0, 2, 60), [0, 1])
    score = rng.integers(0, levels, 62) / levels
    weight = rng.integers(0, 4, 62).astype(float) + np.append(np.zeros(60), [1, 1])
    auc, precision = evaluate_churn.ranking(label, score, weight[None, :])
    assert auc[0] == pytest.approx(roc_auc_score(label, score, sample_weight=weight))
    assert precision[0] == pytest.approx(average_precision_score(label, score, sample_weight=weight))


def test_calibration_error_by_hand() -> None:
    label = np.array([0, 0, 1, 1])
    assert evaluate_churn.calibration_error(label, np.array([0.1, 0.1, 0.8, 0.8]), bins=2) == pytest.approx(0.15)
    rng = np.random.default_rng(1)
    p = rng.random(40_000)
    assert evaluate_churn.calibration_error((rng.random(40_000) < p).astype(int), p) < 0.01


def test_a_better_score_shows_as_a_gain_and_an_equal_one_does_not() -> None:
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 1500)
    good, poor = label + rng.normal(0, 1, 1500), label + rng.normal(0, 2, 1500)
    judged = [Judged("a", label, {RIVAL: poor, OURS: good}), Judged("b", label, {RIVAL: good, OURS: good})]
    rows = evaluate_churn.compare_all(judged, replicates=200)
    gains = [row for row in rows if "roc_auc_gain" in row]
    assert gains[0]["roc_auc_gain_95"][0] > 0
    assert gains[1]["roc_auc_gain_95"] == (0.0, 0.0)
    assert gains[2]["roc_auc_gain"] == pytest.approx(gains[0]["roc_auc_gain"] / 2)
    text = evaluate_churn.render(rows)
    assert "mean of 2 data sets" in text
    assert rows[1]["roc_auc_se"] == pytest.approx(0.011, abs=0.004)


def test_the_whole_task_on_a_small_shop(shop: Shop) -> None:
    days = [START + pd.Timedelta(days=90)]
    data = DataSet("small", shop.purchases, shop.lines, days, days, START + pd.Timedelta(days=145), 90)
    judged = evaluate_churn.judge(data)
    assert set(judged.scores) == {"recency", "BG/NBD exact", RIVAL, OURS}
    assert all(len(score) == len(judged.label) for score in judged.scores.values())
    row = evaluate_churn.measures(judged.label, judged.scores[OURS])
    assert row["roc_auc"] > 0.7
