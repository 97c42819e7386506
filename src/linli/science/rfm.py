"""RFM and rhythm: what a member's purchases look like as of a moment.

Everything here is one Ibis expression, so that DuckDB on one machine and Spark on many compute
the same numbers. Grains: purchases (baskets) -> visits (one row per member and day) -> gaps
(days from a visit to the next) -> one row per member.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from linli.science.purchases import OPTIONAL, as_table, check, until

# What a feature tells about: reasons are given per family, since features of one family overlap.
FAMILIES = {
    "recency": ("recency_days", "last_amount", "last_amount_ratio"),
    "rhythm": ("gap", "recency_per", "gaps", "back_sd"),
    "frequency": ("visits", "decayed", "rate", "bg_", "baskets", "tenure"),
    "trend": ("trend", "spend_trend"),
    "money": ("spend", "monetary", "amount_sd", "first_amount"),
    "discounts": ("discount", "coupon"),
    "basket": ("basket_items", "small_share", "lines_"),
    "breadth": ("categories", "category_risk"),
    "place": ("place", "main_place_share"),
    "day": ("weekday", "hour"),
    "traits": ("trait_",),
}

# These grow as long as data are kept. They are facts, but a model trained on half a year of history
# and asked after a year would take everybody for a better customer, so it is given rates instead.
CUMULATIVE = (
    "visits", "spend", "baskets", "discount", "coupon", "gaps", "gaps_longer", "gaps_over_21",
    "gaps_over_45", "tenure_days", "categories", "places", "first_amount",
)  # fmt: skip

WINDOWS_DAYS = (7, 14, 30, 45, 60, 90)
HALF_LIVES_DAYS = (5, 15, 30, 60)
LN2 = 0.6931471805599453


def features(
    purchases: "pd.DataFrame | ir.Table",
    as_of: datetime,
    *,
    lines: "pd.DataFrame | ir.Table | None" = None,
    active_days: int | None = 90,
) -> ir.Table:
    """One row per member with a purchase in (as_of - active_days, as_of], ordered by member.

    Args:
        purchases: the long frame of ``linli.science.purchases``.
        as_of: nothing later than this moment is read.
        lines: basket lines with ``category``; adds breadth of categories.
        active_days: who counts as a member at risk; None keeps everybody who ever bought.

    Returns:
        An unevaluated Ibis table: ``member_id`` and float columns (null where a quantity does
        not exist, e.g. the mean gap of a member with one visit).
    """
    table = as_table(purchases)
    check(table)
    past = until(_with_optional(table), as_of)
    visits = _visits(past)
    members = _members(visits)
    if active_days is not None:
        members = members.filter(members.recency_days < active_days)
    result = members.left_join(_gaps(visits), "member_id").drop("member_id_right")
    result = result.left_join(_baskets(past), "member_id").drop("member_id_right")
    if "place_id" in table.columns:
        result = result.left_join(_places(past), "member_id").drop("member_id_right")
    if lines is not None:
        breadth = _breadth(until(as_table(lines), as_of))
        result = result.left_join(breadth, "member_id").drop("member_id_right")
    return _ratios(result).order_by("member_id")


def histories(purchases: "pd.DataFrame | ir.Table", as_of: datetime) -> ir.Table:
    """``member_id``, ``visits``, ``recency_days``, ``tenure_days`` of everybody who bought by ``as_of``: what BG/NBD reads."""
    table = as_table(purchases)
    visits = _visits(until(_with_optional(table), as_of))
    back = visits.back.cast("float64")
    found = visits.group_by("member_id").agg(visits=visits.count().cast("float64"), recency_days=back.min(), tenure_days=back.max())
    return found.order_by("member_id")


def worths(purchases: "pd.DataFrame | ir.Table", as_of: datetime) -> ir.Table:
    """Of everybody who bought by ``as_of`` what the value model reads of ``features``, column for column the same.

    A tenth of its work: a day's scoring of everybody, or of one, reads no more than it needs.
    """
    past = until(_with_optional(as_table(purchases)), as_of)
    visits = _visits(past)
    back = visits.back.cast("float64")
    members = visits.group_by("member_id").agg(
        recency_days=back.min(),
        tenure_days=back.max(),
        visits=visits.count().cast("float64"),
        spend=visits.amount.sum().cast("float64"),
        first_amount=visits.amount.argmax(visits.back).cast("float64"),
    )
    gap = (visits.back.lead().over(ibis.window(group_by=visits.member_id, order_by=visits.back)) - visits.back).cast("float64")
    gaps = visits.mutate(gap=gap).filter(lambda t: t.gap.notnull())
    rhythm = gaps.group_by("member_id").agg(gap_mean=gaps.gap.mean(), gap_sd=_sd(gaps.gap), gap_max=gaps.gap.max())
    size = past.group_by("member_id").agg(basket_items=past["items"].mean())
    found = members.left_join(rhythm, "member_id").drop("member_id_right").left_join(size, "member_id").drop("member_id_right")
    found = found.mutate(monetary=found.spend / found.visits, recency_per_max=found.recency_days / found.gap_max)
    return found.order_by("member_id")


def family(feature: str) -> str:
    """The family that a feature belongs to: the longest prefix listed in FAMILIES wins."""
    found = [(len(p), name) for name, prefixes in FAMILIES.items() for p in prefixes if feature.startswith(p)]
    return max(found)[1] if found else feature


def _exact_sum(value: ir.Value) -> ir.Value:
    """A sum that is the same in any order: of whole millionths, which floats add exactly.

    Engines add in parallel, in an order of their own; plain float sums then differ in the last
    digits from run to run, and with them every score.
    """
    return (value * 1_000_000).round().sum() / 1_000_000


def _sd(value: ir.Value) -> ir.Value:
    """Population standard deviation of whole numbers, from sums that floats add exactly."""
    n = value.count()
    mean = value.sum() / n
    return ibis.greatest((value * value).sum() / n - mean * mean, 0.0).sqrt()


def _with_optional(table: ir.Table) -> ir.Table:
    absent = {n: ibis.null(t) for n, t in OPTIONAL.items() if n not in table.columns}
    return table.mutate(**absent) if absent else table


def _visits(past: ir.Table) -> ir.Table:
    """One row per member and day: several baskets on a day are one visit."""
    return past.group_by("member_id", "back").agg(
        baskets=past.basket_id.nunique(),
        amount=past.amount_minor.sum(),
        items=past["items"].sum(),
    )


def _members(visits: ir.Table) -> ir.Table:
    """Recency, frequency, money and their recent shape."""
    back = visits.back.cast("float64")
    columns: dict[str, ir.Value] = {
        "recency_days": back.min(),
        "tenure_days": back.max(),
        "visits": visits.count().cast("float64"),
        "spend": visits.amount.sum().cast("float64"),
        "last_amount": visits.amount.argmin(visits.back).cast("float64"),
        "first_amount": visits.amount.argmax(visits.back).cast("float64"),
    }
    for days in WINDOWS_DAYS:
        recent = visits.back < days
        columns[f"visits_{days}"] = recent.sum().fill_null(0).cast("float64")
    for days in (30, 90):
        within = (visits.back < days).ifelse(visits.amount, 0)
        columns[f"spend_{days}"] = within.sum().cast("float64")
    for days in HALF_LIVES_DAYS:
        columns[f"decayed_{days}"] = _exact_sum((back * (-LN2 / days)).exp())
    for day in range(7):
        columns[f"weekday_{day}"] = (visits.back % 7 == day).sum().cast("float64")
    return visits.group_by("member_id").agg(**columns)


def _gaps(visits: ir.Table) -> ir.Table:
    """The member's own rhythm: days between consecutive visits, and the gap that is open now."""
    order = ibis.window(group_by=visits.member_id, order_by=visits.back)
    gap = (visits.back.lead().over(order) - visits.back).cast("float64")
    newest = visits.back.min().over(ibis.window(group_by=visits.member_id)).cast("float64")
    rank = ibis.row_number().over(order)
    gaps = visits.mutate(gap=gap, open_gap=newest, rank=rank).filter(lambda t: t.gap.notnull())
    g = gaps.gap
    return gaps.group_by("member_id").agg(
        gap_mean=g.mean(),
        gap_sd=_sd(g),
        gap_median=g.quantile(0.5),
        gap_q90=g.quantile(0.9),
        gap_max=g.max(),
        gap_max_90=g.max(where=gaps.back < 90),
        gap_last=g.argmin(gaps.rank),
        gap_last3=g.mean(where=gaps["rank"] < 3),
        gap_log_mean=_exact_sum(g.ln()) / g.count(),
        gaps_longer=(g >= gaps.open_gap).sum().cast("float64"),
        gaps_over_21=(g > 21).sum().cast("float64"),
        gaps_over_45=(g > 45).sum().cast("float64"),
        gaps=g.count().cast("float64"),
    )


def _baskets(past: ir.Table) -> ir.Table:
    """What a basket is like: how big, how discounted, at what hour."""
    small = past["items"] <= 3
    angle = (past.age_days - past.age_days.floor()) * (2 * 3.141592653589793)
    recent = past.back < 60
    return past.group_by("member_id").agg(
        baskets=past.basket_id.nunique().cast("float64"),
        basket_items=past["items"].mean(),
        basket_items_60=past["items"].mean(where=recent),
        small_share=small.cast("float64").mean(),
        amount_sd=_sd(past.amount_minor.cast("float64")),
        discount=past.discount_minor.sum().cast("float64"),
        coupon=past.coupon_minor.sum().cast("float64"),
        coupon_60=past.coupon_minor.sum(where=recent).cast("float64"),
        discount_60=past.discount_minor.sum(where=recent).cast("float64"),
        hour_sin=_exact_sum(angle.sin()) / angle.count(),
        hour_cos=_exact_sum(angle.cos()) / angle.count(),
    )


def _places(past: ir.Table) -> ir.Table:
    """Loyalty to one place."""
    per_place = past.group_by("member_id", "place_id").agg(n=past.count())
    return per_place.group_by("member_id").agg(
        places=per_place.count().cast("float64"),
        main_place_share=per_place.n.max() / per_place.n.sum(),
    )


def _breadth(lines: ir.Table) -> ir.Table:
    """How many categories, ever and lately, and how many lines lately.

    By way of one row per member and category: counting distinct texts among all lines takes twice as long.
    """
    per = lines.group_by("member_id", "category").agg(
        newest=lines.back.min(), lines_30=(lines.back < 30).sum(), lines_90=(lines.back < 90).sum()
    )
    known = per.category.notnull()
    return per.group_by("member_id").agg(
        categories=known.sum().cast("float64"),
        categories_30=(known & (per.newest < 30)).sum().cast("float64"),
        categories_90=(known & (per.newest < 90)).sum().cast("float64"),
        lines_30=per.lines_30.sum().cast("float64"),
        lines_90=per.lines_90.sum().cast("float64"),
    )


def _ratios(t: ir.Table) -> ir.Table:
    """Quantities relative to the member's own past; a null denominator stays null."""
    return t.mutate(
        monetary=t.spend / t.visits,
        last_amount_ratio=t.last_amount / (t.spend / t.visits).nullif(0),
        recency_per_gap=t.recency_days / t.gap_mean,
        recency_per_median=t.recency_days / t.gap_median,
        recency_per_q90=t.recency_days / t.gap_q90,
        recency_per_max=t.recency_days / t.gap_max,
        tenure_90=ibis.least(t.tenure_days, 89.0),
        gaps_longer_share=(t.gaps_longer + 1) / (t.gaps + 2),
        gaps_over_21_rate=t.gaps_over_21 / (t.tenure_days + 30),
        basket_items_trend=t.basket_items_60 / t.basket_items.nullif(0),
        rate=t.visits / (t.tenure_days + 1),
        rate_90=t.visits_90 / (ibis.least(t.tenure_days + 1, 90.0)),
        trend_30=t.visits_30 / t.visits_90.nullif(0),
        trend_60=t.visits_60 / t.visits_90.nullif(0),
        spend_trend=t.spend_30 / t.spend_90.nullif(0),
        discount_share=t.discount / (t.discount + t.coupon + t.spend).nullif(0),
        coupon_share=t.coupon / (t.discount + t.coupon + t.spend).nullif(0),
    )
