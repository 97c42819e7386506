"""Features against brute force on every member, and against what must not matter."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from linli.science import rfm

from .conftest import START, Shop

AS_OF = START + pd.Timedelta(days=120) - pd.Timedelta(microseconds=1)


def by_hand(shop: Shop, member: int) -> dict[str, float]:
    """One member's features by plain loops."""
    past = shop.purchases[(shop.purchases.member_id == member) & (shop.purchases["at"] <= AS_OF)]
    back = [math.floor((AS_OF.timestamp() - at.timestamp()) / 86_400) for at in past["at"]]
    days = sorted(set(back))
    gaps = [late - early for early, late in pairwise(days)]
    spend = Counter()
    for day, amount in zip(back, past.amount_minor, strict=True):
        spend[day] += amount
    lines = shop.lines[(shop.lines.member_id == member) & (shop.lines["at"] <= AS_OF)]
    age = (AS_OF - lines["at"]).dt.days
    places = Counter(past.place_id)
    found = {
        "recency_days": days[0],
        "tenure_days": days[-1],
        "visits": len(days),
        "visits_30": sum(d < 30 for d in days),
        "spend": sum(past.amount_minor),
        "spend_30": sum(v for d, v in spend.items() if d < 30),
        "last_amount": spend[days[0]],
        "monetary": sum(past.amount_minor) / len(days),
        "decayed_15": sum(0.5 ** (d / 15) for d in days),
        "categories": lines.category.nunique(),
        "categories_30": lines.category[age < 30].nunique(),
        "lines_90": int((age < 90).sum()),
        "baskets": len(past),
        "small_share": np.mean(past["items"] <= 3),
        "coupon": sum(past.coupon_minor),
        "main_place_share": max(places.values()) / len(past),
        "weekday_3": sum(d % 7 == 3 for d in days),
        "trend_30": sum(d < 30 for d in days) / sum(d < 90 for d in days),
    }
    if gaps:
        found |= {
            "gap_mean": np.mean(gaps),
            "gap_sd": np.std(gaps),
            "gap_median": np.median(gaps),
            "gap_q90": np.quantile(gaps, 0.9),
            "gap_max": max(gaps),
            "gap_last": gaps[0],
            "gap_last3": np.mean(gaps[:3]),
            "gap_log_mean": np.mean(np.log(gaps)),
            "gaps_longer": sum(g >= days[0] for g in gaps),
            "gaps_over_21": sum(g > 21 for g in gaps),
        }
    return found


@pytest.fixture(scope="module")
def table(shop: Shop) -> pd.DataFrame:
    return rfm.features(shop.purchases, AS_OF, lines=shop.lines).to_pandas().set_index("member_id")


def test_every_member_matches_plain_loops(shop: Shop, table: pd.DataFrame) -> None:
    assert len(table) > 150
    for member in table.index[::3]:
        for name, value in by_hand(shop, member).items():
            assert table.loc[member, name] == pytest.approx(value, rel=1e-5, abs=1e-5), (member, name)


def test_who_is_at_risk(shop: Shop, table: pd.DataFrame) -> None:
    age = (AS_OF - shop.purchases["at"]).dt.total_seconds() / 86_400
    recent = shop.purchases.member_id[(age >= 0) & (age < 90)]
    assert set(table.index) == set(recent)
    everybody = rfm.features(shop.purchases, AS_OF, active_days=None).to_pandas()
    assert set(everybody.member_id) == set(shop.purchases.member_id[age >= 0])


def test_optional_columns_may_be_absent(shop: Shop, table: pd.DataFrame) -> None:
    bare = shop.purchases[["member_id", "at", "basket_id", "amount_minor"]]
    found = rfm.features(bare, AS_OF).to_pandas().set_index("member_id")
    pd.testing.assert_series_equal(found["gap_median"], table["gap_median"])
    assert found["coupon"].isna().all()
    assert "categories" not in found


def test_a_missing_column_is_named(shop: Shop) -> None:
    with pytest.raises(ValueError, match="amount_minor"):
        rfm.features(shop.purchases.drop(columns="amount_minor"), AS_OF)


def test_the_order_of_rows_changes_no_digit(shop: Shop, table: pd.DataFrame) -> None:
    shuffled = shop.purchases.sample(frac=1, random_state=3), shop.lines.sample(frac=1, random_state=4)
    again = rfm.features(shuffled[0], AS_OF, lines=shuffled[1]).to_pandas().set_index("member_id")
    pd.testing.assert_frame_equal(again, table, check_exact=True)


def test_every_feature_has_a_family(table: pd.DataFrame) -> None:
    for name in [*table.columns, "bg_none", "bg_alive", "category_risk"]:
        assert rfm.family(name) in rfm.FAMILIES, name


def test_what_the_value_model_reads_is_what_the_features_say(shop: Shop) -> None:
    as_of = START + pd.Timedelta(days=150)
    few = rfm.worths(shop.purchases, as_of).to_pyarrow().to_pandas().set_index("member_id")
    every = rfm.features(shop.purchases, as_of, active_days=None).to_pyarrow().to_pandas().set_index("member_id")
    names = [c for c in few.columns if c in every.columns]
    assert {"visits", "monetary", "gap_sd", "basket_items", "first_amount", "recency_per_max"} <= set(names)
    pd.testing.assert_frame_equal(few[names].sort_index(), every[names].sort_index(), check_dtype=False)
