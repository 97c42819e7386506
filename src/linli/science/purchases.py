"""The long frame that everything about members is computed from: one row per basket.

==================  ================  =========================================================
column              type              meaning
==================  ================  =========================================================
``member_id``       any key           who bought
``at``              timestamp         when, in one time zone for the whole table
``basket_id``       any key           unique per row
``amount_minor``    integer           what was paid, in the currency's minor unit
``discount_minor``  integer, optional what was taken off by price or promotion
``coupon_minor``    integer, optional what was taken off by coupons
``items``           integer, optional lines in the basket
``place_id``        any key, optional where it was bought or picked up
==================  ================  =========================================================

``lines`` (optional) has one row per basket line: ``member_id``, ``at``, ``basket_id``,
``category``. Rows later than the as-of moment may be present and are never read.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

REQUIRED = ("member_id", "at", "basket_id", "amount_minor")
OPTIONAL = {"discount_minor": "int64", "coupon_minor": "int64", "items": "int64"}
SECONDS_PER_DAY = 86_400


def as_table(frame: "pd.DataFrame | ir.Table") -> ir.Table:
    """A pandas frame as an Ibis table; an Ibis table passes through.

    By way of Arrow, once: DuckDB reads pandas' strings anew in every query, five times slower.
    """
    if isinstance(frame, ir.Table):
        return frame
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def check(purchases: ir.Table) -> None:
    """Refuse a table that lacks a required column.

    Raises:
        ValueError: naming the missing columns.
    """
    missing = [name for name in REQUIRED if name not in purchases.columns]
    if missing:
        raise ValueError(f"purchases lacks {', '.join(missing)}")


def until(table: ir.Table, as_of: datetime) -> ir.Table:
    """Rows no later than ``as_of``, with ``age_days`` (float, >= 0) and ``back`` (whole days).

    Days are counted backwards from ``as_of``, not by the calendar, so that no time zone enters:
    ``back`` = 0 is the 24 hours that end at ``as_of``. Choose the end of a local day as
    ``as_of`` and ``back`` counts local days.
    """
    moment = ibis.literal(pd.Timestamp(as_of).timestamp())
    past = table.filter(table.at <= ibis.literal(as_of))
    age = (moment - past.at.truncate("s").epoch_seconds()) / SECONDS_PER_DAY
    return past.mutate(age_days=age, back=age.floor().cast("int64"))
