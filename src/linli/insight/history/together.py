"""The demonstration shop's partners, and what is sold with them: together.yaml, put in through the ordinary verbs."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from linli.goods import catalog, kits, quota
from linli.goods import queries as goods
from linli.insight.history.completejourney import REGION
from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import boxes, capacity, groups, limits, partners, services, tradein
from linli.trade.rules import NewGroup

BY = "system"
OPEN_IN = 4
"""In so many communities, those with most households, the day's groups open."""


@cache
def told() -> dict[str, Any]:
    """What together.yaml says."""
    import yaml

    found: dict[str, Any] = yaml.safe_load(resources.files("linli.insight.history").joinpath("together.yaml").read_text(encoding="utf-8"))
    return found


def seed() -> int:
    """Bring everything in and open the day's groups; asking again changes nothing. Returns how many SKUs there are."""
    data = told()
    places = [c.community_id for c in people.communities(REGION)]
    if not places:
        return 0
    for p in data["partners"]:
        partners.put(region=REGION, partner=partners.NewPartner(**p), by=BY)
    known = goods.skus(REGION, [s["code"] for s in data["skus"]])
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**s) for s in data["skus"] if s["code"] not in known], by=BY)
    for s in data["services"]:
        services.put(region=REGION, service=services.NewService(**s))
    for sku, service in data["bundles"].items():
        services.bundle(region=REGION, sku=sku, service=service)
    for service, pieces in data["capacity"].items():
        capacity.add(region=REGION, service=service, pieces=pieces, key="first")
    now = clocks.business_now()
    services.put_gift(region=REGION, **data["gift"], starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=365))
    limits.allot(
        region=REGION, sku="pickle-gift", community_ids=places[:2], pieces=120, key="first", note_zh="首批 120 份", note_en="First 120"
    )
    boxes.put_plan(region=REGION, plan=boxes.NewPlan(**data["plan"]))
    tradein.load_values(REGION)
    _stock_kit(data["kit"])
    open_days_groups(REGION)
    return len(data["skus"])


def _stock_kit(kit: dict[str, Any]) -> None:
    """The kit's components at its station, and a first batch of it, where history has sold them all."""
    if len(goods.skus(REGION, kit["parts"])) != len(kit["parts"]) or kits.stations(REGION, kit["sku"]):
        return
    kits.put_bill(region=REGION, kit=kit["sku"], parts=kit["parts"])
    for code in kit["parts"]:
        quota.open(region=REGION, sku=code, place=kits.place(kit["station"]), quantity=kit["stock"], key=f"demo/{code}")
    kits.assemble(region=REGION, kit=kit["sku"], station=kit["station"], quantity=kit["made"], by=BY, key="demo")


def open_days_groups(region: str) -> int:
    """Open the day's groups of what is sold with partners, until 22:00; asking again opens nothing. Returns how many there are."""
    now = clocks.business_now()
    found = people.region(region)
    wanted = [row for row in told()["groups"] if row[0] in goods.skus(region, [row[0]])] if region == REGION else []
    if found is None or not wanted:
        return 0
    zone = ZoneInfo(found.time_zone)
    today = now.astimezone(zone).date()
    deadline = datetime.combine(today, time(22), zone)
    if now >= deadline:
        return 0
    skus = goods.skus(region, [sku for sku, *_ in wanted])
    new = [
        NewGroup(
            key=f"with/{today}/{c.community_id}/{sku}",
            community_id=c.community_id,
            sku=sku,
            threshold=1,
            quota_pieces=pieces,
            price_minor=price,
            solo_price_minor=skus[sku].list_price_minor,
            opens_at=datetime.combine(today, time(), zone),
            deadline_at=deadline,
            pickup_from=datetime.combine(today + timedelta(days=1), time(16), zone),
        )
        for c in people.communities(region)[:OPEN_IN]
        for sku, price, pieces in wanted
    ]
    groups.open_many(region=region, groups=new)
    return len(new)
