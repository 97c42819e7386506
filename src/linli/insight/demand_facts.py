"""Daily pieces of each SKU at each community, and what was on offer, as the forecast of demand reads them.

Pieces come from the same lines as every metric (refunds off, nothing recorded after as-of). A line without a SKU belongs to
the SKUs of its product type, in equal parts, in packs of theirs; imported goods that are in no catalogue stand under their own
name. A day counts by the region's calendar, and the day of as-of is over only tomorrow: it is the first day forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from linli.goods import queries as goods
from linli.insight import facts, lake
from linli.insight.features import zone_of
from linli.insight.local_days import SECONDS_A_DAY, day_number, day_of, local_seconds
from linli.people import queries as people

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from linli.science.demand_levels import Sales
    from linli.science.demand_panel import Floats

DAYS = 400
"""History that is read: a year, and a month before it."""
MOST_SKUS = 400
"""The goods that sold most in thirteen weeks; the others sell too little to be told from noise."""
OFFER_DAYS = 140
"""How far back stock-outs are looked for: what levels and shares are read from."""
HOURS_FROM = 28
SOURCES = ("history.purchase", "history.order_imported", "trade.order_paid")


@dataclass(frozen=True)
class Good:
    """What stands behind a row: a SKU of the catalogue, or an imported good by its name (`known` False)."""

    code: str
    name_zh: str
    name_en: str
    category: str
    subcategory: str
    picture: str
    known: bool


def anything_sold() -> bool:
    """Whether any purchase was ever told; a look at folders."""
    return any((lake.folder(kind) / "_delta_log").is_dir() for kind in SOURCES)


def sales(region: str, as_of: datetime) -> Sales | None:
    """Everything up to the last whole local day before `as_of`; None where nothing was sold."""
    from linli.science.demand_levels import SHARE_DAYS, Sales

    zone = zone_of(region)
    today = day_number(as_of, zone)
    told = _pieces(region, as_of, zone, today)
    if not len(told):
        return None
    found = people.region(region)
    known = goods.skus(region)
    first = int(told["day"].min())
    recent = told[told["day"] >= today - SHARE_DAYS].groupby("code")["pieces"].sum()
    skus = tuple(sorted(recent.nlargest(MOST_SKUS).index))
    fresh = _new_goods(as_of, region, set(told["code"]), known)
    skus = tuple(sorted({*skus, *fresh}))
    places = tuple(sorted(c.community_id for c in people.communities(region))) or tuple(sorted(told["place"].unique().tolist()))
    told = told[told["code"].isin(skus) & told["place"].isin(places)]
    if not skus or not len(told):
        return None
    days = pd.date_range(day_of(first), day_of(today - 1), freq="D")
    sold = np.zeros((len(skus), len(places), len(days)))
    at = (
        pd.Index(skus).get_indexer(told["code"]), pd.Index(places).get_indexer(told["place"]), (told["day"] - first).to_numpy(),
    )  # fmt: skip
    np.add.at(sold, at, told["pieces"].to_numpy(np.float64))
    category = told.drop_duplicates("code").set_index("code")["category"]
    like = pd.DataFrame({"category": [known[c].category if c in known else category.get(c, "other") for c in skus]})
    if any(known[c].subcategory for c in skus if c in known):
        like["subcategory"] = [
            (known[c].subcategory or like["category"][i]) if c in known else like["category"][i] for i, c in enumerate(skus)
        ]
    available = np.ones_like(sold)
    # Days at the end on which nobody at all bought are days that nobody told of (an export ends before today), not days of no demand.
    available[..., int(told["day"].max()) - first + 1 :] = 0.0
    _offers(available, region, as_of, zone, skus, places, days)
    country = "CN" if found is not None and found.currency == "CNY" else "US"
    return Sales(days, skus, places, sold, available, like, country)


def names(region: str, codes: tuple[str, ...]) -> dict[str, Good]:
    """Code -> what it is called; what the catalogue lacks is an import's own name."""
    known = goods.skus(region, codes)
    found = {s.code: Good(s.code, s.name_zh, s.name_en, s.category, s.subcategory, s.picture, True) for s in known.values()}
    return found | {c: Good(c, c, c, "other", "", "", False) for c in codes if c not in found}


def _pieces(region: str, as_of: datetime, zone: str, today: int) -> pd.DataFrame:
    """code, place, day, pieces, category of the last DAYS days before `today`."""
    import ibis

    t = facts.lines(as_of)
    t = t.filter(t["region"] == region, t["at"] > ibis.literal(as_of - timedelta(days=DAYS + 2)))
    types = sorted({s.history_type for s in goods.skus(region).values() if s.history_type})
    t = t.filter((t["sku"] != "") | t["product_type"].isin([*types, ""]))
    t = t.mutate(day=_day(t["at"], zone, as_of))
    t = t.filter(t["day"] < today, t["day"] >= today - DAYS)
    keys = ["sku", "product_type", "category"]
    rows = t.group_by(*keys, "day", place=t["community_id"]).agg(pieces=t["quantity"].sum())
    return _of_skus(region, rows.to_pyarrow().to_pandas())


def _of_skus(region: str, told: pd.DataFrame) -> pd.DataFrame:
    """Rows of a product type become rows of its SKUs: an equal part each, in packs."""
    known = goods.skus(region)
    packs = _packs(region)
    by_type: dict[str, list[str]] = {}
    for s in known.values():
        if s.history_type and s.active:
            by_type.setdefault(s.history_type, []).append(s.code)
    links = [(kind, code, 1 / len(codes) / packs.get(code, 1)) for kind, codes in by_type.items() for code in codes]
    own = told[told["sku"] != ""].rename(columns={"sku": "code"})
    parts = [own]
    if links and len(own) < len(told):
        mapped = told[told["sku"] == ""].merge(pd.DataFrame(links, columns=["product_type", "code", "part"]), on="product_type")
        parts.append(mapped.assign(pieces=mapped["pieces"] * mapped["part"]))
    return pd.concat(parts, ignore_index=True)[["code", "place", "day", "pieces", "category"]].astype({"pieces": "float64"})


def _packs(region: str) -> dict[str, int]:
    """Units of the history in one piece, where the demonstration shop sells by the pack."""
    from linli.insight import history
    from linli.insight.history.goods import goods_list

    return {g.code: g.pack for g in goods_list()} if region == history.REGION else {}


def _new_goods(as_of: datetime, region: str, sold: set[str], known: dict[str, goods.SkuInfo]) -> list[str]:
    """SKUs offered in the last four weeks that nobody has bought yet, of a kind that others are: they go by their like."""
    import ibis

    t = facts.recorded("trade.group_opened", as_of)
    t = t.filter(t["region"] == region, t["happened_at"] > ibis.literal(as_of - timedelta(days=HOURS_FROM)))
    offered = set(t.select("sku").distinct().to_pyarrow()["sku"].to_pylist()) - sold
    kinds = {known[c].category for c in sold if c in known} - {"other"}
    return [c for c in offered if c in known and known[c].active and known[c].kind == "good" and known[c].category in kinds]


def _offers(
    available: Floats, region: str, as_of: datetime, zone: str, skus: tuple[str, ...], places: tuple[int, ...], days: pd.DatetimeIndex
) -> None:
    """Write into `available` what share of a day was left when the last group-buy of a SKU at a community had sold out."""
    out = sold_out(region, as_of)
    if not len(out):
        return
    profile = _by_hour(region, as_of, zone)
    left = 1.0 - profile.cumsum()
    row, col = pd.Index(skus).get_indexer(out["sku"]), pd.Index(places).get_indexer(out["community_id"])
    first = (days[0].date() - day_of(0)).days
    for i, p, at, until in zip(row, col, out["out_at"], out["deadline"], strict=True):
        day, last = day_number(at, zone) - first, min(day_number(until, zone) - first, len(days) - 1)
        if i < 0 or p < 0 or not 0 <= day < len(days):
            continue
        hour = at.tz_convert(zone).hour
        available[i, p, day] = min(available[i, p, day], 1.0 - left[hour])
        available[i, p, day + 1 : last + 1] = 0.0


def sold_out(region: str, as_of: datetime) -> pd.DataFrame:
    """sku, community_id, out_at, deadline: group-buys whose quota was gone before their deadline, and no other was open then."""
    import ibis

    since = ibis.literal(as_of - timedelta(days=OFFER_DAYS))
    opened = facts.recorded("trade.group_opened", as_of)
    opened = opened.filter(opened["region"] == region, opened["happened_at"] > since)
    paid = facts.recorded("trade.order_paid__lines", as_of)
    paid = paid.filter(paid["region"] == region, paid["happened_at"] > since)
    sums = paid.group_by("group_id").agg(sold=paid["quantity"].sum())
    gone = opened.inner_join(sums, "group_id").filter(lambda t: t["sold"] >= t["quota_pieces"])
    ids = gone.select("group_id").to_pyarrow()["group_id"].to_pylist()
    if not ids:
        return pd.DataFrame(columns=["sku", "community_id", "out_at", "deadline"])
    groups = opened.select("group_id", "sku", "community_id", "quota_pieces", "happened_at", "deadline_at").to_pyarrow().to_pandas()
    groups["deadline"] = pd.to_datetime(groups["deadline_at"], utc=True, format="ISO8601")
    pieces = paid.filter(paid["group_id"].isin(ids)).select("group_id", "quantity", "happened_at").to_pyarrow().to_pandas()
    pieces = pieces.sort_values("happened_at")
    pieces["upto"] = pieces.groupby("group_id")["quantity"].cumsum()
    quota = groups.set_index("group_id")["quota_pieces"]
    out = pieces[pieces["upto"] >= quota.reindex(pieces["group_id"]).to_numpy()].groupby("group_id")["happened_at"].min()
    found = groups[groups["group_id"].isin(out.index)].assign(out_at=lambda g: out.reindex(g["group_id"]).to_numpy())
    found["out_at"] = pd.to_datetime(found["out_at"], utc=True)
    others = found.merge(groups, on=["sku", "community_id"], suffixes=("", "_other"))
    open_then = (others["group_id"] != others["group_id_other"]) & (others["happened_at_other"] <= others["out_at"])
    open_then &= (others["deadline_other"] > others["out_at"]) & ~others["group_id_other"].isin(out.index)
    found = found[~found["group_id"].isin(others.loc[open_then, "group_id"]) & (found["out_at"] < found["deadline"])]
    return found[["sku", "community_id", "out_at", "deadline"]].reset_index(drop=True)


def _by_hour(region: str, as_of: datetime, zone: str) -> Floats:
    """(24,): share of the region's purchases that fall in each hour of the local day, of four weeks."""
    import ibis

    t = facts.purchases(as_of)
    t = t.filter(t["region"] == region, t["at"] > ibis.literal(as_of - timedelta(days=HOURS_FROM)))
    hour = (local_seconds(t["at"], zone, as_of) % SECONDS_A_DAY // 3600).cast("int64")
    rows = t.group_by(hour=hour).agg(n=t.count()).to_pyarrow().to_pandas()
    count = np.zeros(24)
    count[rows["hour"].to_numpy()] = rows["n"].to_numpy()
    found: Floats = (count + 1e-9) / (count + 1e-9).sum()
    return found


def _day(at: ir.Value, zone: str, as_of: datetime) -> ir.Value:
    return (local_seconds(at, zone, as_of) // SECONDS_A_DAY).cast("int64")
