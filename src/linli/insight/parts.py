"""Metrics looked into: by community (kept each day), by chat group and by product (kept of the newest day), and by leader.

Every level counts with the same code as the region's figure. A group is a place of its own members, a product a place of its
own buyers; a leader's figure is the sum of both parts of their communities, as the region's is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from linli.insight import metrics
from linli.insight.features import Facts, facts_of, zone_of
from linli.insight.local_days import end_of
from linli.insight.metric_counts import MONTH, Counted, count
from linli.insight.metrics import REGISTRY, Metric
from linli.insight.models import MetricPart, MetricValue
from linli.people import queries as people

if TYPE_CHECKING:
    import ibis.expr.types as ir

PRODUCTS = 200
PRODUCTS_OF_A_COMMUNITY = 30
"""Products looked into: those with most sales of 28 days, in the region and in each community."""
LEVELS = ("community", "group", "leader", "sku")


@dataclass(frozen=True)
class Part:
    """A metric of one part: `part` is the community's, group's or leader's number as text, or the product's name."""

    part: str
    community_id: int
    value: float | None
    numerator: float | None
    denominator: float | None
    as_of: datetime


def parts(region: str, key: str, level: str, community_id: int | None = None) -> list[Part]:
    """A metric's parts on the newest counted day; of one community where it is named. Empty where the metric isn't looked into so."""
    if level not in REGISTRY[key].levels:
        return []
    if level in ("group", "sku"):
        found = MetricPart.objects.filter(region=region, level=level, metric=key)
        found = found.filter(community_id=community_id or 0) if level == "sku" else found
        found = found.filter(community_id=community_id) if level == "group" and community_id else found
        return [_part(r.part, r.community_id, r.value, r.detail, r.as_of) for r in found]
    newest = MetricValue.objects.filter(region=region).order_by("-day").values_list("day", flat=True).first()
    rows = MetricValue.objects.filter(region=region, metric=key, day=newest, community_id__gt=0) if newest else []
    of_places = [_part(str(r.community_id), r.community_id, r.value, r.detail, r.as_of) for r in rows]
    if community_id:
        of_places = [p for p in of_places if p.community_id == community_id]
    return of_places if level == "community" else _leaders(region, REGISTRY[key], of_places)


def _part(part: str, community_id: int, value: float | None, detail: Mapping[str, Any], as_of: datetime) -> Part:
    return Part(part, community_id, value, detail.get("numerator"), detail.get("denominator"), as_of)


def _leaders(region: str, metric: Metric, places: Iterable[Part]) -> list[Part]:
    """By leader, from their communities. Products sold in two places are not two products: such a sum is left out."""
    of_leader: dict[int, list[Part]] = {}
    leads = people.leaders(region)
    for place in places:
        if place.community_id in leads:
            of_leader.setdefault(leads[place.community_id].person_id, []).append(place)
    found = []
    for person, held in of_leader.items():
        if len(held) == 1:
            one = held[0]
            found.append(Part(str(person), 0, one.value, one.numerator, one.denominator, one.as_of))
            continue
        if metric.denominator is None:
            total = sum(p.value or 0 for p in held)
            found.append(Part(str(person), 0, total, None, None, held[0].as_of))
            continue
        top, bottom = sum(p.numerator or 0 for p in held), sum(p.denominator or 0 for p in held)
        found.append(Part(str(person), 0, top / bottom if bottom else None, top, bottom, held[0].as_of))
    return found


# ---- keeping


def keep(region: str, day: int) -> int:
    """Count groups and products of a complete local day and keep them in the place of an older day's. Returns how many figures."""
    zone = zone_of(region)
    until = end_of(day, zone)
    facts = facts_of(until, region)
    rows = _groups(region, facts, day, zone) + _products(region, facts, day, zone)
    with transaction.atomic():
        MetricPart.objects.filter(region=region).delete()
        MetricPart.objects.bulk_create(rows, batch_size=2000)
    return len(rows)


def _rows(region: str, level: str, counted: Counted, day: int, until: datetime, names: Mapping[int, tuple[str, int]]) -> list[MetricPart]:
    """Figures of the places that `names` knows: place -> (part, community)."""
    told = []
    for v in metrics.values({at: c for at, c in counted.items() if at[0] == day and at[1] in names}, {}):
        if v.value is not None and level in REGISTRY[v.metric].levels:
            part, community = names[v.community_id]
            told.append(
                MetricPart(
                    region=region, level=level, metric=v.metric, part=part, community_id=community, as_of=until, value=v.value,
                    detail=v.detail,
                )
            )  # fmt: skip
    return told


def _groups(region: str, facts: Facts, day: int, zone: str) -> list[MetricPart]:
    """By main group: a member's purchases are those of the group they sit in."""
    import ibis

    seats = people.main_groups(region)
    if not seats:
        return []
    columns = {"member_id": list(seats), "group_id": [g for g, _ in seats.values()]}
    seat = ibis.memtable(columns, schema={"member_id": "int64", "group_id": "int64"})

    def seated(table: ir.Table) -> ir.Table:
        return table.inner_join(seat, "member_id").mutate(community_id=lambda t: t.group_id)

    counted = count(Facts(seated(facts.purchases), seated(facts.lines), seated(facts.members)), [day], zone, newest=day)
    names = {group: (str(group), community) for group, community in seats.values()}
    return _rows(region, "group", counted, day, end_of(day, zone), names)


def _products(region: str, facts: Facts, day: int, zone: str) -> list[MetricPart]:
    """By product: its lines are its purchases, its buyers its members. In the region, and in each community."""
    import ibis

    until = end_of(day, zone)
    since = until - timedelta(days=2 * MONTH + 2)  # no metric of a product looks further back
    lines = facts.lines.filter(facts.lines.at > ibis.literal(since), facts.lines.product_type.notnull())
    basket = ("member_id", "community_id", "basket_id", "at", "product_type")
    bought = lines.group_by(*basket).agg(amount_minor=lines.amount_minor.sum().cast("int64"))
    bought = ibis.union(bought.mutate(community_id=ibis.literal(0, "int64")).select(*bought.columns), bought)
    recent = bought.filter(bought.at > ibis.literal(until - timedelta(days=28)))
    sums = recent.group_by("community_id", "product_type").agg(sales=recent.amount_minor.sum())
    order = ibis.window(group_by=sums.community_id, order_by=[sums.sales.desc(), sums.product_type])
    first = sums.mutate(rank=ibis.row_number().over(order))
    most = (first.community_id == 0).ifelse(PRODUCTS, PRODUCTS_OF_A_COMMUNITY)
    table = first.filter(first["rank"] < most).select("community_id", "product_type").order_by("community_id", "product_type").to_pyarrow()
    if not table.num_rows:
        return []
    names = {n + 1: (r["product_type"][:96], r["community_id"]) for n, r in enumerate(table.to_pylist())}
    place = ibis.memtable(
        {"place": list(names), "community_id": table["community_id"].to_pylist(), "product_type": table["product_type"].to_pylist()},
        schema={"place": "int64", "community_id": "int64", "product_type": "string"},
    )
    p = bought.inner_join(place, ["community_id", "product_type"])
    purchases = p.select(
        "basket_id", "member_id", "at", "amount_minor", community_id=p.place, coupon_discount_minor=ibis.literal(0, "int64")
    )
    # A member is one of every product they bought: joined on the day of the first purchase, and never a newcomer to the shop.
    members = purchases.group_by("member_id", "community_id").agg(joined_at=purchases["at"].min()).mutate(channel=ibis.literal("history"))
    return _rows(region, "sku", _count_products(purchases, lines, members, day, zone), day, until, names)


def _count_products(purchases: ir.Table, lines: ir.Table, members: ir.Table, day: int, zone: str) -> Counted:
    """`count` joins a member's habits over everything they bought; of a product only what they bought of it counts, so the
    member's number is one of the pair. Which types were sold is no question here: no lines."""

    def pair(table: ir.Table) -> ir.Table:
        return table.mutate(member_id=table.member_id * PLACES + table.community_id)

    return count(Facts(pair(purchases), lines.limit(0), pair(members)), [day], zone, newest=day)


PLACES = 1_000_000
"""More than there are (community, product) pairs: 200 and 30 of each community."""
