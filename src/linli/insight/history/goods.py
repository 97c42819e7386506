"""The demonstration shop's goods: the history's most bought fresh product types, priced and opened as history bought them.

Prices, thresholds and quotas are functions of the facts recorded by the moment of asking. What history can't know is
assumed and said here: the cost of a good is 72 % of its group price; shelf lives and fact lines are in goods.yaml.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from linli.goods import catalog
from linli.goods import queries as goods
from linli.insight.history import terms
from linli.insight.history.completejourney import REGION
from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import groups

DEADLINE, PICKUP = time(22), time(16)
A_DAY = 12
"""Group-buys a community opens in a day."""
_ALWAYS = 6  # of those, this many are the community's most bought; the others take turns
_WEEKS = 13
_COST_SHARE = 0.72
_DISCOUNT = (0.08, 0.35)
_THRESHOLD = (2, 30)


@dataclass(frozen=True)
class Good:
    """One entry of goods.yaml. `pack`: how many of the history's units one piece holds; `piece_g`: the most a weighed
    piece is charged for."""

    code: str
    history_type: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    fact_zh: str
    fact_en: str
    category: str
    layer: str
    picture: str
    shelf_life_days: int
    pack: int
    subcategory: str = ""
    weighed: bool = False
    piece_g: int | None = None


@dataclass(frozen=True)
class Price:
    """Of one piece: alone and in a group, in cents."""

    list_minor: int
    group_minor: int


@cache
def goods_list() -> tuple[Good, ...]:
    """What goods.yaml says, in its order."""
    import yaml

    text = resources.files("linli.insight.history").joinpath("goods.yaml").read_text(encoding="utf-8")
    return tuple(Good(**entry) for entry in yaml.safe_load(text))


def prices(as_of: datetime) -> dict[str, Price]:
    """Code -> price, for the goods that history had sold by `as_of`.

    Alone: the median shelf price of the history's unit (what the shop got plus what it took off), times the pack.
    In a group: less the share that discounted lines of the type had off, kept within 8 and 35 %.
    """
    from linli.insight import facts

    t = facts.recorded("history.purchase__lines", as_of)
    t = t.filter(t["product_type"].isin([g.history_type for g in goods_list()]), t["amount_minor"] > 0)
    shelf = t["amount_minor"] + t["discount_minor"]
    off = t["discount_minor"] > 0
    found = t.group_by("product_type").agg(
        unit_minor=(shelf / t["quantity"]).median(),
        off=t["discount_minor"].sum(where=off),
        full=shelf.sum(where=off),
    )
    by_type = {row["product_type"]: row for row in found.to_pyarrow().to_pylist()}
    return {g.code: price_of(by_type[g.history_type], g.pack) for g in goods_list() if g.history_type in by_type}


def price_of(row: dict[str, float | None], pack: int) -> Price:
    """`unit_minor` (median shelf price), `off` and `full` (sums over discounted lines, None where there was none)."""
    list_minor = max(2, round(float(row["unit_minor"] or 0) * pack))
    share = float(row["off"] or 0) / float(row["full"] or 1)
    share = min(max(share, _DISCOUNT[0]), _DISCOUNT[1])
    return Price(list_minor, max(1, min(list_minor - 1, round(list_minor * (1 - share)))))


def seed_shop(now: datetime) -> int:
    """Put the goods into the catalogue at the prices known `now` and open the day's group-buys. Returns how many opened."""
    known = prices(now)
    catalog.put_many(
        region=REGION,
        skus=[
            catalog.NewSku(
                code=g.code,
                name_zh=g.name_zh,
                name_en=g.name_en,
                category=g.category,
                layer=g.layer,
                unit_zh=g.unit_zh,
                unit_en=g.unit_en,
                list_price_minor=known[g.code].list_minor,
                cost_minor=round(known[g.code].group_minor * _COST_SHARE),
                picture=g.picture,
                shelf_life_days=g.shelf_life_days,
                fact_zh=g.fact_zh,
                fact_en=g.fact_en,
                history_type=g.history_type,
                subcategory=g.subcategory,
                weighed=g.weighed,
                piece_g=g.piece_g,
            )
            for g in goods_list()
            if g.code in known
        ],
    )
    terms.put_templates(REGION, {code: price.group_minor for code, price in known.items()})
    return open_days_groups(REGION)


def open_days_groups(region: str) -> int:
    """Open the group-buys of the business day: until 22:00, picked up from 16:00 of the next. Asking again opens nothing.

    Nothing after 22:00, and nothing in a region whose goods are not history's. Returns how many the day has.
    """
    now = clocks.business_now()
    found = people.region(region)
    on_sale = goods.skus(region, [g.code for g in goods_list()])
    if found is None or not on_sale:
        return 0
    zone = ZoneInfo(found.time_zone)
    today = now.astimezone(zone).date()
    deadline = datetime.combine(today, DEADLINE, zone)
    if now >= deadline:
        return 0
    # As of the day's first moment: opening again later in the day must ask for the very same groups.
    morning = datetime.combine(today, time(), zone)
    wanted, known = weekly_pieces(region, morning), prices(morning)
    pickup = datetime.combine(today + timedelta(days=1), PICKUP, zone)
    new = [
        _group(c.community_id, on_sale[code], known[code], weekly, rank, today, {"deadline_at": deadline, "pickup_from": pickup})
        for c in people.communities(region)
        for rank, (code, weekly) in enumerate(
            days_choice(wanted.get(c.community_id, {}), [code for code in on_sale if code in known], today), 1
        )
    ]
    groups.open_many(region=region, groups=new)
    return len(new)


def _group(
    community_id: int, sku: goods.SkuInfo, price: Price, weekly: float, rank: int, day: date, times: dict[str, Any]
) -> groups.NewGroup:
    """One of the day's group-buys: what history says, with the terms of its place in the day's choice."""
    pieces, group_minor = quota(weekly), min(price.group_minor, sku.list_price_minor)
    plain: dict[str, Any] = {
        "threshold": threshold(weekly),
        "quota_pieces": pieces,
        "price_minor": group_minor,
        "solo_price_minor": sku.list_price_minor,
    }
    special = terms.of_rank(rank, threshold(weekly), pieces, group_minor, weighed=sku.weighed)
    key = f"day/{day}/{community_id}/{sku.code}"
    return groups.NewGroup(key=key, community_id=community_id, sku=sku.code, **(plain | special), **times)


def weekly_pieces(region: str, as_of: datetime) -> dict[int, dict[str, float]]:
    """Community -> code -> pieces a week its members bought over the last 13 weeks."""
    import ibis

    from linli.insight import facts

    t = facts.lines(as_of)
    since = as_of - timedelta(weeks=_WEEKS)
    t = t.filter(t["region"] == region, t["at"] > ibis.literal(since), t["product_type"].isin([g.history_type for g in goods_list()]))
    rows = t.group_by("community_id", "product_type").agg(units=t["quantity"].sum()).to_pyarrow().to_pylist()
    by_type = {g.history_type: g for g in goods_list()}
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        good = by_type[row["product_type"]]
        found.setdefault(row["community_id"], {})[good.code] = row["units"] / good.pack / _WEEKS
    return found


def days_choice(weekly: dict[str, float], on_sale: list[str], day: date) -> list[tuple[str, float]]:
    """The day's goods of a community with their pieces a week: the most bought always, the others in turns."""
    ranked = sorted(on_sale, key=lambda code: (-weekly.get(code, 0.0), code))
    always, others = ranked[:_ALWAYS], ranked[_ALWAYS:]
    turns = min(A_DAY - _ALWAYS, len(others))
    first = day.toordinal() * turns % max(len(others), 1)
    chosen = always + [others[(first + n) % len(others)] for n in range(turns)]
    return [(code, weekly.get(code, 0.0)) for code in chosen]


def threshold(weekly: float) -> int:
    """Pieces that make a group: what the community buys of it in a day, at least 2 and at most 30."""
    return min(max(round(weekly / 7), _THRESHOLD[0]), _THRESHOLD[1])


def quota(weekly: float) -> int:
    """Pieces that may be sold: a week of the community's buying, at least six times the threshold."""
    return max(math.ceil(weekly), 6 * threshold(weekly))
