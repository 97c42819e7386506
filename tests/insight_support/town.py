"""A small town whose members buy in the living shop: facts are told as events and relayed into the lake."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from linli.insight import lake
from linli.kernel import clocks, events
from linli.kernel.events import Told
from linli.kernel.models import Event
from linli.people import groups, members
from linli.trade.events import OrderPaid, OrderRefunded, SoldLine

REGION = "us-demo"
ZONE = "America/New_York"
NOW = datetime(2017, 10, 1, 9, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
GOODS = (("bananas", "fruit", "BANANAS"), ("milk", "dairy_egg", "FLUID MILK WHITE ONLY"), ("cola", "other", "SOFT DRINKS"))


def people(size: int, *, joined_days_ago: int = 300, unprofiled: Sequence[int] = ()) -> list[int]:
    """A region, two communities and `size` members; those at the positions `unprofiled` did not agree to profiling."""
    groups.put_region(slug=REGION, name_zh="示范区", name_en="Demo", currency="USD", time_zone=ZONE)
    places = groups.open_many(
        region=REGION,
        communities=[groups.NewCommunity(code=c, name_zh=c, name_en=c, pickup_zh=c, pickup_en=c) for c in ("A", "B")],
    )
    newcomers = [
        members.Newcomer(
            phone=f"+1555000{i:04d}", display_name=f"Member {i}", surname=f"M{i}", community_id=places[i % 2], external_id=str(1000 + i),
            joined_at=NOW - timedelta(days=joined_days_ago), consents=() if i in unprofiled else ("profiling",),
        )
        for i in range(size)
    ]  # fmt: skip
    with clocks.fixed(business=NOW - timedelta(days=joined_days_ago)):
        ids = members.join_many(region=REGION, newcomers=newcomers)
    relay()
    return ids


def paid(order: str, member: int, at: datetime, amount: int = 1000, goods: int = 0, community: int = 1, coupon: int = 0) -> Told:
    """One order of one line as its event."""
    sku, category, product = GOODS[goods]
    line = SoldLine(sku, category, product, 1, 1, amount, coupon)
    fact = OrderPaid(order, member, community, amount, coupon, "sandbox", "x" if coupon else "", [line], f"member:{member}")
    return Told(fact, REGION, f"member:{member}", at, at)


def refunded(order: str, member: int, at: datetime, amount: int, goods: int = 0, community: int = 1) -> Told:
    sku, category, product = GOODS[goods]
    line = SoldLine(sku, category, product, 1, 1, amount, 0)
    fact = OrderRefunded(order, member, community, f"r-{order}", amount, 0, "member", True, [line], f"member:{member}")
    return Told(fact, REGION, f"member:{member}", at, at)


def tell(told: Sequence[Told]) -> None:
    """Into the log and the lake."""
    events.append_many(sorted(told, key=lambda t: t.recorded_at or NOW))
    relay()


def relay() -> None:
    """The whole log to the lake, which leaves out what it has. Past the readers' horizon: a test is one open transaction."""
    lake.relay(list(Event.objects.order_by("tx", "id")))


def habits(ids: Sequence[int], *, days: int, seed: int = 7, until: datetime = NOW, places: Sequence[int] = (1, 2)) -> list[Told]:
    """Members with rhythms of their own, from daily to monthly; every fifth stops somewhere on the way."""
    dice = random.Random(seed)
    told = []
    for n, member in enumerate(ids):
        gap = 1.5 + (n % 9) * 2
        stops = dice.uniform(0.2, 0.95) * days if n % 5 == 4 else days
        at = dice.uniform(0, gap)
        while at < stops:
            moment = until - timedelta(days=days - at)
            told.append(
                paid(
                    f"{member}-{len(told)}", member, moment, dice.randint(300, 9000) * (1 + n % 3), dice.choice((0, 0, 1, 2)), places[n % 2]
                )
            )
            at += dice.expovariate(1 / gap) + 0.05
    return told
