"""A small neighbourhood of simulated buyers: half a year of baskets and their lines."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2026-01-01")
DAYS = 200


@dataclass(frozen=True)
class Shop:
    purchases: pd.DataFrame
    lines: pd.DataFrame


def make_shop(members: int, seed: int) -> Shop:
    """Buyers with rates of their own who leave for good after a basket with a chance of their own.

    Those who buy "tobacco" (category) are more likely to leave: something for the content score.
    """
    rng = np.random.default_rng(seed)
    rows, lines, basket = [], [], 0
    for member in range(members):
        rate, fickle = rng.gamma(2.0, 0.08), rng.random() < 0.4
        leave = rng.beta(1.0, 12.0) + (0.06 if fickle else 0.0)
        now = rng.random() * 60
        while now < DAYS:
            at = START + pd.Timedelta(seconds=int(now * 86_400))
            size = int(rng.integers(1, 8))
            amount = int(rng.integers(200, 9_000))
            rows.append((member, at, basket, amount, amount // 10, int(rng.random() < 0.1) * 50, size, f"p{member % 5}"))
            picks = rng.choice(["tobacco"] * 5 * fickle + ["milk", "rice", "fruit", "fish", "tea"], size=size)
            lines.extend((member, at, basket, str(c)) for c in picks)
            basket += 1
            if rng.random() < leave:
                break
            now += rng.exponential(1 / rate)
    names = ["member_id", "at", "basket_id", "amount_minor", "discount_minor", "coupon_minor", "items", "place_id"]
    return Shop(pd.DataFrame(rows, columns=names), pd.DataFrame(lines, columns=[*names[:3], "category"]))


@pytest.fixture(scope="session")
def shop() -> Shop:
    return make_shop(members=300, seed=11)
