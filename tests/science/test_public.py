"""The models as a stranger uses them: a long frame in, a frame out, nothing read of the future."""

import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linli.science import bgnbd, churn, evaluate_value, long_frame, silence, value
from linli.science.churn_model import collect
from linli.science.rfm import histories

from .conftest import START, Shop

AS_OF = START + timedelta(days=150)


@pytest.fixture(scope="module")
def frame(shop: Shop) -> pd.DataFrame:
    table = shop.purchases.assign(amount=shop.purchases["amount_minor"] / 100, trait_age=shop.purchases["member_id"] % 3)
    return table.rename(columns={"member_id": "member", "at": "happened_at"})[["member", "happened_at", "amount", "trait_age"]]


def test_the_examples_of_the_docs_run(frame: pd.DataFrame) -> None:
    page = (Path(__file__).parents[2] / "docs" / "science.md").read_text()
    blocks = [b for b in re.findall(r"```python\n(.*?)```", page, re.S) if b.startswith("# runs on any `frame`")]
    assert len(blocks) == 2
    for block in blocks:
        known = {"frame": frame, "moment": AS_OF}
        exec(block, known)
        answer = known["answer"]
        assert isinstance(answer, pd.DataFrame) and len(answer) and answer["member"].is_unique


def test_value_reads_no_future_and_survives_a_file(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = value.fit(frame, as_of=AS_OF, horizon_days=45)
    blind = value.fit(frame[frame["happened_at"] <= AS_OF], as_of=AS_OF, horizon_days=45)
    said = model.predict(frame, as_of=AS_OF)
    pd.testing.assert_frame_equal(said, blind.predict(frame, as_of=AS_OF))
    assert model.trees, "three hundred members are enough to learn from"
    assert (said["purchases_low"] <= said["purchases_median"]).all() and (said["value_low"] <= said["value_high"]).all()
    assert said["value"].to_numpy() == pytest.approx((said["purchases"] * said["amount"]).to_numpy())
    assert said["amount"].mean() == pytest.approx(frame["amount"].mean(), rel=0.2)  # in the caller's unit
    exact = np.sqrt(np.prod([e.sum() for e in model.base.expected(_features(frame), 45)]))
    assert said["purchases"].sum() == pytest.approx(exact, rel=0.15)  # the trees move members, not the total
    model.save(tmp_path / "value.json")
    pd.testing.assert_frame_equal(value.ValueModel.load(tmp_path / "value.json").predict(frame, as_of=AS_OF), said)
    (tmp_path / "other.json").write_text('{"tag": "linli.value/0"}')
    with pytest.raises(ValueError, match=r"linli\.value/0"):
        value.ValueModel.load(tmp_path / "other.json")
    with pytest.raises(ValueError, match="lacks member"):
        value.fit(frame.rename(columns={"member": "who"}), as_of=AS_OF)
    with pytest.raises(ValueError, match="nothing happened"):
        value.fit(frame, as_of=START - timedelta(days=1))


def _features(frame: pd.DataFrame) -> pd.DataFrame:
    return collect(histories(long_frame.baskets(frame, AS_OF)[0], AS_OF))


def test_the_value_table_has_ours_beside_its_rivals(shop: Shop) -> None:
    judged = evaluate_value.judge("shop", shop.purchases, AS_OF, 45)
    rows = {row["model"]: row for row in evaluate_value.compare(judged, replicates=50)}
    assert rows.keys() == {*evaluate_value.RIVALS, evaluate_value.OURS, evaluate_value.MEDIAN}
    ours, rival = rows[evaluate_value.OURS], rows["BG/NBD"]
    assert ours["mae_gain_over_BG/NBD"] == pytest.approx(rival["mae"] - ours["mae"])
    low, high = ours["mae_gain_over_BG/NBD_95"]
    assert low <= ours["mae_gain_over_BG/NBD"] <= high
    assert ours["correlation"] == pytest.approx(np.corrcoef(judged.purchases[evaluate_value.OURS], judged.happened)[0, 1])
    assert "Pareto/NBD" in evaluate_value.render(list(rows.values()))


def test_churn_says_which_of_the_two_serves_and_why(frame: pd.DataFrame) -> None:
    found = churn.fit(frame, as_of=START + timedelta(days=195))
    assert found.serves == ("model" if found.verdict["model_roc"] > found.verdict["baseline_roc"] else "baseline")
    assert found.model is not None and any(name.startswith("trait_") for name in found.model.feature_names)
    young = churn.fit(frame, as_of=START + timedelta(days=14))
    assert (young.serves, young.model, young.verdict) == ("baseline", None, {})
    risk = young.predict(frame, as_of=START + timedelta(days=14))
    assert risk["risk"].between(0.0005, 0.6).all() and set(risk["why"]) <= {"recency", "frequency"}
    with pytest.raises(ValueError, match="lacks amount"):
        churn.fit(frame.drop(columns="amount"), as_of=AS_OF)


def test_the_prior_fills_in_what_two_weeks_cannot_know(shop: Shop) -> None:
    """Without a prior, two weeks claim that half of the members leave, or nobody; with it they are near what is usual."""
    known = collect(histories(shop.purchases, START + timedelta(days=14)))
    kept = silence.of(known)
    assert kept is not None and kept.model.a == pytest.approx(bgnbd.GROCERY_PRIOR.usual.a, rel=0.5)
    told = kept.reasons(known)
    whole = told.groupby("member_id")["points"].sum()
    assert whole.to_numpy() == pytest.approx(100 * (kept.risk(known) - kept.baseline).to_numpy(), abs=1e-9)
    assert silence.Silence.from_dict(kept.to_dict()) == kept
    assert silence.of(known.iloc[:0]) is None
    # Much data speak for themselves.
    late = collect(histories(shop.purchases, START + timedelta(days=190)))
    x, t_x, T = late["visits"] - 1, late["tenure_days"] - late["recency_days"], late["tenure_days"]
    free, held = bgnbd.fit(x, t_x, T), bgnbd.fit(x, t_x, T, prior=bgnbd.GROCERY_PRIOR)
    assert held.r / held.alpha == pytest.approx(free.r / free.alpha, rel=0.15)
    assert held.a / (held.a + held.b) == pytest.approx(free.a / (free.a + free.b), rel=0.25)


def test_an_evenly_split_basket_is_one_purchase() -> None:
    frame = pd.DataFrame({
        "member": ["a", "a", "a", "b"], "happened_at": pd.to_datetime(["2026-01-01 10:00"] * 2 + ["2026-01-02 00:00"] * 2),
        "amount": [1.005, 2.0, -3.0, 4.0], "quantity": [1, 2, 1, 1], "category": ["x", "y", "x", None], "trait_city": ["n", "m", "n", None],
    })  # fmt: skip
    purchases, lines = long_frame.baskets(frame, pd.Timestamp("2026-01-03"))
    assert purchases[["member_id", "amount_minor", "items"]].to_numpy().tolist() == [["a", 300, 3], ["b", 400, 1]]
    assert lines is not None and len(lines) == 3
    known = long_frame.traits(frame, pd.Timestamp("2026-01-03"))
    assert known is not None and known["city"].tolist()[0] == "n"
    ahead = long_frame.visits_after(purchases, pd.Timestamp("2026-01-01 23:59:59.999999"), pd.Timestamp("2026-01-03"))
    assert ahead.to_dict("index") == {"b": {"visits": 1, "amount_minor": 400}}
