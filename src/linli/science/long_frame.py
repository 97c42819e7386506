"""The long frame of the public models, and its way into baskets and lines (``docs/science.md``).

One row per line of a purchase: ``member``, ``happened_at``, ``amount``; optional ``category``, ``quantity``, ``product``
and any ``trait_...``.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from linli.science.purchases import as_table

REQUIRED = ("member", "happened_at", "amount")


def baskets(frame: pd.DataFrame, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """(purchases, lines) as of the moment, as ``linli.science.purchases`` has them; lines are None without categories.

    Lines of one member at one moment are one basket. Amounts become whole hundredths of the caller's unit, so that
    sums are exact; lines of negative amount or quantity (refunds) are left out.

    Raises:
        ValueError: a required column is missing, or nothing happened by ``as_of``.
    """
    absent = [name for name in REQUIRED if name not in frame.columns]
    if absent:
        raise ValueError(f"the frame lacks {', '.join(absent)}")
    kept = (frame["happened_at"] <= as_of) & (frame["amount"] >= 0)
    if "quantity" in frame.columns:
        kept &= frame["quantity"] >= 0
    past = frame[kept]
    if past.empty:
        raise ValueError(f"nothing happened by {as_of}")
    table = past.assign(amount_minor=(past["amount"] * 100).round().astype("int64"))
    keys = ["member", "happened_at"]
    table["basket_id"] = table.groupby(keys, sort=False).ngroup()
    items = "quantity" if "quantity" in table.columns else "amount"
    rule = "sum" if items == "quantity" else "size"
    found = table.groupby("basket_id", as_index=False).agg(
        member_id=("member", "first"), at=("happened_at", "first"), amount_minor=("amount_minor", "sum"), items=(items, rule)
    )
    found["items"] = found["items"].round().astype("int64")
    lines = None
    if "category" in table.columns:
        lines = table.rename(columns={"member": "member_id", "happened_at": "at"})[["member_id", "at", "basket_id", "category"]]
    return found, lines


def traits(frame: pd.DataFrame, as_of: datetime) -> pd.DataFrame | None:
    """What the columns ``trait_...`` say of each member, as first said by ``as_of``; None without such columns.

    The first and not the last: it was known at every cutoff at which the member was.
    """
    names = [c for c in frame.columns if str(c).startswith("trait_")]
    if not names:
        return None
    past = frame[frame["happened_at"] <= as_of].sort_values("happened_at", kind="stable")
    found: pd.DataFrame = past.groupby("member")[names].first()
    return found.rename(columns={n: str(n).removeprefix("trait_") for n in names})


def visits_after(purchases: "pd.DataFrame | ir.Table", start: datetime, end: datetime) -> pd.DataFrame:
    """What happened in (start, end]: by member ``visits`` (days, counted from ``start``) and ``amount_minor``."""
    table = as_table(purchases)
    ahead = table.filter(table.at > ibis.literal(start), table.at <= ibis.literal(end))
    moment = ibis.literal(pd.Timestamp(start).timestamp())
    # At the end of a local day as start, these are local days; the last microsecond of a day belongs to it.
    day = ((ahead.at.truncate("s").epoch_seconds() - moment) / 86_400).floor()
    found = ahead.group_by("member_id").agg(visits=day.nunique(), amount_minor=ahead.amount_minor.sum())
    result: pd.DataFrame = found.to_pyarrow().to_pandas().set_index("member_id")
    return result
