"""The churn model: it reads no future, its reasons add up, it survives a file."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linli.science import churn, content
from linli.science.churn import ChurnModel

from .conftest import START, Shop

CUTOFFS = [START + pd.Timedelta(days=d) - pd.Timedelta(microseconds=1) for d in (80, 100)]
AS_OF = START + pd.Timedelta(days=150) - pd.Timedelta(microseconds=1)


@pytest.fixture(scope="module")
def model(shop: Shop) -> ChurnModel:
    return churn.learn(shop.purchases, shop.lines, CUTOFFS)


@pytest.fixture(scope="module")
def features(shop: Shop, model: ChurnModel) -> pd.DataFrame:
    return model.features(shop.purchases, AS_OF, lines=shop.lines)


def test_it_ranks_and_promises_well_on_a_later_cutoff(shop: Shop, model: ChurnModel, features: pd.DataFrame) -> None:
    p = model.predict(features)
    label = churn.labels(shop.purchases, AS_OF, 45, features.index)
    assert p.between(0, 1).all()
    top, bottom = label[p.rank(pct=True) > 0.7].mean(), label[p.rank(pct=True) < 0.3].mean()
    assert top > bottom + 0.4
    assert abs(p.mean() - label.mean()) < 0.12


@pytest.mark.parametrize("future", ["deleted", "changed"])
def test_nothing_after_as_of_changes_a_feature_or_a_prediction(shop: Shop, model: ChurnModel, features: pd.DataFrame, future: str) -> None:
    purchases, lines = shop.purchases.copy(), shop.lines.copy()
    if future == "deleted":
        purchases, lines = purchases[purchases["at"] <= AS_OF], lines[lines["at"] <= AS_OF]
    else:
        late = purchases["at"] > AS_OF
        purchases.loc[late, ["amount_minor", "items", "coupon_minor"]] = 999_999
        purchases.loc[late, "member_id"] = 7
        lines.loc[lines["at"] > AS_OF, "category"] = "lava"
    again = model.features(purchases, AS_OF, lines=lines)
    pd.testing.assert_frame_equal(again, features, check_exact=True)
    pd.testing.assert_series_equal(model.predict(again), model.predict(features), check_exact=True)


def test_training_reads_nothing_after_its_last_label_window(shop: Shop, model: ChurnModel, features: pd.DataFrame) -> None:
    end = CUTOFFS[-1] + pd.Timedelta(days=45)
    assert model.trained_to == end.isoformat()
    purchases = shop.purchases[shop.purchases["at"] <= end]
    lines = shop.lines[shop.lines["at"] <= end]
    blind = churn.learn(purchases, lines, CUTOFFS)
    pd.testing.assert_series_equal(blind.predict(features), model.predict(features), check_exact=True)


def test_a_member_is_scored_by_own_facts_alone(shop: Shop, model: ChurnModel, features: pd.DataFrame) -> None:
    few = features.index[:3]
    purchases = shop.purchases[shop.purchases.member_id.isin(few)]
    lines = shop.lines[shop.lines.member_id.isin(few)]
    pd.testing.assert_frame_equal(model.features(purchases, AS_OF, lines=lines), features.loc[few], check_exact=True)


def test_reasons_add_up_to_the_prediction(model: ChurnModel, features: pd.DataFrame) -> None:
    reasons = model.reasons(features, k=None)
    total = 100 * model.baseline + reasons.groupby("member_id")["points"].sum()
    np.testing.assert_allclose(total.to_numpy(), 100 * model.predict(features).to_numpy(), atol=1e-9)
    top = model.reasons(features, k=2)
    assert (top.groupby("member_id").size() == 2).all()
    first = reasons[reasons["rank"] == 1].set_index("member_id")["points"].abs()
    assert (first >= reasons.groupby("member_id")["points"].apply(lambda s: s.abs().max()) - 1e-12).all()


def test_a_reason_points_the_way_the_risk_goes(model: ChurnModel, features: pd.DataFrame) -> None:
    reasons = model.reasons(features, k=None)
    for row in reasons.iloc[:40].itertuples():
        value = features.loc[row.member_id].get(row.feature)
        assert (value == row.value) or (np.isnan(value) and np.isnan(row.value))
    # Silence relative to one's own habit raises risk: the members deepest in it have positive points there.
    frequency = reasons[reasons.family == "frequency"].set_index("member_id")["points"]
    rare = features["decayed_15"].rank(pct=True)
    assert frequency[rare < 0.15].mean() > 0 > frequency[rare > 0.85].mean()


def test_a_model_survives_a_file_to_the_last_bit(model: ChurnModel, features: pd.DataFrame, shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "churn.json"
    model.save(path)
    again = ChurnModel.load(path)
    pd.testing.assert_frame_equal(again.features(shop.purchases, AS_OF, lines=shop.lines), features, check_exact=True)
    pd.testing.assert_series_equal(again.predict(features), model.predict(features), check_exact=True)
    pd.testing.assert_frame_equal(again.reasons(features.head(5)), model.reasons(features.head(5)))
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"tag": "linli.churn/0"}))
    with pytest.raises(ValueError, match=r"linli\.churn/0"):
        ChurnModel.load(path)


def test_half_seen_labels_are_refused(shop: Shop) -> None:
    late = START + pd.Timedelta(days=190)
    with pytest.raises(ValueError, match="after the last purchase"):
        churn.learn(shop.purchases, None, [late])
    with pytest.raises(ValueError, match="no cutoffs"):
        churn.learn(shop.purchases, None, [])


def test_category_risk_is_the_linear_score(shop: Shop) -> None:
    weights = pd.DataFrame({"category": ["tobacco", "milk"], "weight": [0.5, -0.25]})
    found = content.scores(content.pairs(shop.lines, AS_OF), weights).to_pandas().set_index("member_id")["category_risk"]
    age = (AS_OF - shop.lines["at"]).dt.total_seconds() / 86_400
    recent = shop.lines[(age >= 0) & (age < 90)]
    for member, bought in recent.groupby("member_id")["category"]:
        known = set(bought) & {"tobacco", "milk"}
        if known:
            expected = sum({"tobacco": 0.5, "milk": -0.25}[c] for c in known) / len(known) ** 0.5
            assert found[member] == pytest.approx(expected)
        else:
            assert member not in found


def test_category_weights_find_who_leaves(model: ChurnModel) -> None:
    weights = model.category_weights.set_index("category")["weight"]
    assert weights.idxmax() == "tobacco"


def test_a_fit_on_what_another_fit_has_seen_is_the_same(shop: Shop, model: ChurnModel, features: pd.DataFrame) -> None:
    seen: dict[datetime, churn.Seen] = {}
    later = CUTOFFS[-1] + pd.Timedelta(days=20)
    churn.learn(shop.purchases, shop.lines, [*CUTOFFS, later], seen=seen)
    again = churn.learn(shop.purchases, shop.lines, CUTOFFS, seen=seen)
    assert again.predict(features).to_numpy().tolist() == model.predict(features).to_numpy().tolist()
    pd.testing.assert_frame_equal(
        churn.features_of(again, seen[later]), again.features(shop.purchases, later, lines=shop.lines), check_like=True
    )


def test_a_model_does_not_depend_on_the_order_of_rows(shop: Shop, model: ChurnModel, features: pd.DataFrame) -> None:
    """An engine hands rows out in another order every time; sums of shares would differ in their last digits."""
    mixed = churn.learn(shop.purchases.sample(frac=1, random_state=3), shop.lines.sample(frac=1, random_state=4), CUTOFFS)
    assert mixed.predict(features).to_numpy().tolist() == model.predict(features).to_numpy().tolist()
