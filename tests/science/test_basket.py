"""Next basket: by hand where a hand can, and against a made neighbourhood whose habits are known."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from linli.science import basket, evaluate_basket
from linli.science.basket_state import Tifu, neighbours, numbered, state

AS_OF = datetime(2026, 6, 1)  # noqa: DTZ001 - the data have no time zone


def street(members: int = 160, seed: int = 4) -> pd.DataFrame:
    """Each member has a weekly item and one every third basket; two tastes share what they try next; the rest is noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for member in range(members):
        taste = member % 2
        weekly, third = 10 + rng.integers(20), 40 + rng.integers(20)
        for n in range(12):
            at = pd.Timestamp(AS_OF) - pd.Timedelta(days=7 * (11 - n) + int(rng.integers(0, 3)))
            items = {weekly, int(100 + rng.integers(60))}
            if (n + member) % 3 == 0:
                items.add(third)
            if rng.random() < 0.5:
                items.add(200 + 10 * taste + int(rng.integers(5)))
            rows += [(member, at, member * 100 + n, int(i)) for i in items]
    return pd.DataFrame(rows, columns=["member_id", "at", "basket_id", "item"])


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return street()


def test_the_member_vector_by_hand() -> None:
    """Hu et al. 2020: five baskets in groups of two: (5) (4 3) -> newest group first, means decayed within and between."""
    lines = pd.DataFrame({"member_id": 1, "at": pd.date_range("2026-01-01", periods=5), "basket_id": range(5), "item": list("aabca")})
    past = numbered(lines, AS_OF)
    at = state(past, pd.Series(pd.Timestamp(AS_OF), index=[1]), Tifu(group=2, within=0.9, between=0.5))
    newest = {"a": 1 / 2, "c": 0.9 / 2}
    middle = {"b": 1 / 2, "a": 0.9 / 2}
    oldest = {"a": 1.0}
    expected = [(newest.get(i, 0) + 0.5 * middle.get(i, 0) + 0.25 * oldest.get(i, 0)) / 3 for i in "abc"]
    np.testing.assert_allclose(at.history.toarray()[0], expected)
    assert at.pairs.set_index("column")["count"].tolist() == [3, 1, 1]
    assert at.gap[0] == pytest.approx(1.0)


def test_neighbours_are_the_nearest_and_not_oneself(lines: pd.DataFrame) -> None:
    past = numbered(lines, AS_OF)
    at = state(past, pd.Series(pd.Timestamp(AS_OF), index=range(160)), Tifu())
    h = at.history.toarray()
    distance = ((h[:, None, :] - h[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    by_force = np.stack([h[np.argsort(row)[:7]].mean(axis=0) for row in distance[:5]])
    np.testing.assert_allclose(neighbours(at, np.arange(5), 7), by_force, atol=1e-6)


def test_recall_and_ndcg_by_hand() -> None:
    wanted = pd.DataFrame({"row": [0, 0, 0, 1], "column": [5, 6, 7, 9]})
    found = evaluate_basket.measures(np.array([[5, 1, 7], [2, 3, 4]]), np.array([0, 1]), wanted, {(0, 5), (0, 6)})
    assert found["recall"].tolist() == [pytest.approx(2 / 3), 0.0]
    assert found["ndcg"][0] == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2))
    assert found["repeat"][0] == 0.5 and np.isnan(found["repeat"][1])
    assert found["explore"].tolist() == [1.0, 0.0]
    assert evaluate_basket.best(np.array([[0.1, 0.9, 0.5]]), 2).tolist() == [[1, 2]]


def test_it_beats_both_rivals_where_there_is_a_rhythm_to_learn(lines: pd.DataFrame) -> None:
    rows = {row["model"]: row for row in evaluate_basket.judge("made", lines, Tifu(k=30), seed=0, max_members=160)}
    ours = rows[evaluate_basket.OURS]
    assert ours["n"] == 160
    assert ours["ndcg"] > max(rows["TIFU-KNN"]["ndcg"], rows["personal top frequency"]["ndcg"])
    assert rows["personal top frequency"]["recall"] > rows["what sells (non-personal)"]["recall"]
    assert "against TIFU-KNN" in evaluate_basket.render(list(rows.values()))


def test_nothing_after_as_of_is_read(lines: pd.DataFrame) -> None:
    moment = datetime(2026, 5, 20)  # noqa: DTZ001
    early = lines[lines["at"] <= moment]
    one, other = (basket.predict(basket.fit(t, moment), t, moment, members=[3, 4], k=5) for t in (lines, early))
    pd.testing.assert_frame_equal(one, other)
    assert one.groupby("member_id")["rank"].apply(list).tolist() == [[1, 2, 3, 4, 5]] * 2
    pd.testing.assert_frame_equal(basket.everybody(lines, moment), basket.everybody(early, moment))


def test_repeat_is_said_and_strangers_get_no_rows(lines: pd.DataFrame) -> None:
    model = basket.fit(lines, AS_OF)
    found = basket.predict(model, lines, AS_OF, members=[3, 9999])
    assert model.learnt and set(found["member_id"]) == {3}
    bought = set(lines.loc[lines["member_id"] == 3, "item"])
    assert (found["repeat"] == found["item"].isin(bought)).all()


def test_what_sells_now_reads_nobodys_history() -> None:
    lines = pd.DataFrame({"member_id": [1, 2, 3], "at": pd.to_datetime(["2026-06-01", "2026-05-18", "2026-05-18"]), "basket_id": [1, 2, 3]})
    table = basket.everybody(lines.assign(item=["a", "b", "b"]), AS_OF)
    assert table["item"].tolist() == ["a", "b"] and table["score"].tolist() == [pytest.approx(1.0)] * 2


def test_too_few_members_leave_the_published_mixture(lines: pd.DataFrame) -> None:
    few = lines[lines["member_id"] < 10]
    model = basket.fit(few, AS_OF)
    assert not model.learnt
    assert len(basket.predict(model, few, AS_OF, k=3)) == 30
    with pytest.raises(ValueError, match="lack item"):
        basket.fit(few.drop(columns="item"), AS_OF)
