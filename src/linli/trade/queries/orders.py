"""Reads of orders: a member's, a leader's hand-out, and what happened to one."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Case, Prefetch, QuerySet, When

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import events
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import load
from linli.trade.models import GroupBuy, Order, OrderLine, Pickup, Refund

LINE_WAITS = (OrderLine.State.OPEN, OrderLine.State.READY)


@dataclass(frozen=True)
class LineInfo:
    """A line of an order, as charged."""

    number: int
    group_id: int
    sku: SkuInfo
    quantity: int
    solo: bool
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    refunded_minor: int
    state: str
    pickup_code: str | None = None  # once paid; lines of one wave share it, of whichever order
    tolerance_pieces: int = 0
    returned_pieces: int = 0
    weighed_g: int | None = None
    gift: bool = False
    team_id: uuid.UUID | None = None
    kind: str = "pooled"  # its group-buy's


@dataclass(frozen=True)
class OrderInfo:
    """An order with its lines. `pay_by` is machine time; `pickup_from` the earliest of what is not given back."""

    order_id: uuid.UUID
    region: str
    currency: str
    member_id: int
    community_id: int
    state: str
    placed_at: datetime
    pay_by: datetime
    paid_at: datetime | None
    ready_at: datetime | None
    handed_at: datetime | None
    pickup_code: str | None
    pickup_from: datetime | None
    total_minor: int
    discount_minor: int
    payable_minor: int
    refunded_minor: int
    coupon_id: int | None
    lines: list[LineInfo]
    shipping_minor: int = 0
    steps: list[list[Any]] = field(default_factory=list)  # the price's explanation, as charged: [code, amount_minor, facts]
    source: str = "shop"

    @property
    def sure(self) -> bool:
        """Paid, and nothing in it waits for neighbours: all of it is from flash sales."""
        return self.state == "paid" and all(line.kind == GroupBuy.Kind.FLASH for line in self.lines)


@dataclass(frozen=True)
class PickupInfo:
    """All that a member fetches of one wave: orders with those of their lines that lie under this code."""

    pickup_id: int
    code: str
    region: str
    community_id: int
    member_id: int
    wave_on: date
    open: bool
    orders: list[OrderInfo]

    @property
    def ready(self) -> list[tuple[uuid.UUID, LineInfo]]:
        """What can be handed over, by order."""
        return [(o.order_id, line) for o in self.orders for line in o.lines if line.state == "ready"]


@dataclass(frozen=True)
class OrderStep:
    """One thing that happened to an order: which fact, who did it, and its facts."""

    at: datetime
    kind: str
    by: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Handout:
    """An order on the leader's list; the phone is cut to its last four."""

    order_id: uuid.UUID
    pickup_code: str
    member_id: int
    surname: str
    display_name: str
    building: str
    phone_tail: str
    state: str
    lines: list[LineInfo]
    handed_at: datetime | None


def _loaded(found: QuerySet[Order]) -> list[OrderInfo]:
    """Orders with lines, groups and goods; four statements for any number."""
    lines = Prefetch("lines", OrderLine.objects.select_related("group", "pickup").order_by("number"))
    rows = list(found.prefetch_related(lines, "refunds"))
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for o in rows:
        codes[o.region] |= {line.sku_code for line in o.lines.all()}
    skus = {region: goods.skus(region, wanted) for region, wanted in codes.items()}
    return [_order(o, skus[o.region]) for o in rows]


def _order(o: Order, skus: dict[str, SkuInfo]) -> OrderInfo:
    lines = list(o.lines.all())
    kept = [line.group.pickup_from for line in lines if line.state != OrderLine.State.CANCELLED]
    return OrderInfo(
        order_id=o.pk,
        region=o.region,
        currency=o.currency,
        member_id=o.member_id,
        community_id=o.community_id,
        state=o.state,
        placed_at=o.placed_at,
        pay_by=o.pay_by,
        paid_at=o.paid_at,
        ready_at=o.ready_at,
        handed_at=o.handed_at,
        pickup_code=next((line.pickup.code for line in lines if line.pickup and line.state in LINE_WAITS), None),
        pickup_from=min(kept, default=None),
        total_minor=o.total_minor,
        discount_minor=o.discount_minor,
        payable_minor=o.payable_minor,
        refunded_minor=sum(r.amount_minor for r in o.refunds.all() if not r.unwanted),
        coupon_id=o.coupon_id,
        lines=[_line(line, skus[line.sku_code]) for line in lines],
        shipping_minor=o.shipping_minor,
        steps=o.steps,
        source=o.source,
    )


def _line(line: OrderLine, sku: SkuInfo) -> LineInfo:
    return LineInfo(
        line.number,
        line.group_id,
        sku,
        line.quantity,
        line.solo,
        line.unit_price_minor,
        line.amount_minor,
        line.discount_minor,
        line.refunded_minor,
        line.state,
        line.pickup.code if line.pickup else None,
        line.tolerance_pieces,
        line.returned_pieces,
        line.weighed_g,
        line.gift,
        line.team_id,
        line.group.kind,
    )


def order(order_id: uuid.UUID | str, member_id: int | None = None) -> OrderInfo | None:
    """One order; with `member_id` only that member's own: somebody else's is as missing as one that never was."""
    try:
        found = load.find(order_id) if member_id is None else load.own(order_id, member_id)
    except Refusal:
        return None
    return _loaded(Order.objects.filter(pk=found.pk))[0]


def orders_of(member_id: int, limit: int = 50) -> list[OrderInfo]:
    """The member's orders, newest first."""
    return _loaded(Order.objects.filter(member_id=member_id).order_by("-placed_at", "-pk")[:limit])


def order_history(order_id: uuid.UUID | str) -> list[OrderStep]:
    """Who did what to an order and when, oldest first, from the event log."""
    try:
        found = load.find(order_id)
    except Refusal:
        return []
    told = events.about(f"member:{found.member_id}", region=found.region, limit=None, naming={"order_id": str(found.pk)})
    return [OrderStep(e.happened_at, e.kind, str(e.payload.get("by", "")), e.payload) for e in reversed(told)]


def handouts(community_id: int, include_handed: bool = False) -> list[Handout]:
    """What the leader hands out: ready orders by code, and with `include_handed` those of the last two days too."""
    found = Order.objects.filter(community_id=community_id, state=Order.State.READY)
    rows = sorted(_loaded(found), key=lambda o: o.pickup_code or "")
    if include_handed:
        handed = Order.objects.filter(community_id=community_id, state=Order.State.HANDED_OVER)
        rows += _loaded(handed.order_by("-handed_at")[:100])
    return _handouts(rows)


def waiting_count(community_ids: Iterable[int]) -> int:
    """How many pickups lie ready in these communities: one for each code a member will show."""
    ready = OrderLine.objects.filter(state=OrderLine.State.READY, pickup__community_id__in=list(community_ids))
    return ready.values("pickup_id").distinct().count()


def _handouts(rows: Iterable[OrderInfo]) -> list[Handout]:
    found = list(rows)
    fetched = OrderLine.objects.filter(order__in=[o.order_id for o in found]).exclude(pickup=None)
    codes = dict(fetched.values_list("order_id", "pickup__code"))
    members = people.members({o.member_id for o in found})
    return [
        Handout(
            o.order_id,
            codes.get(o.order_id, ""),
            o.member_id,
            members[o.member_id].surname,
            members[o.member_id].display_name,
            members[o.member_id].building,
            members[o.member_id].phone[-4:],
            o.state,
            [line for line in o.lines if line.state in ("ready", "handed")],
            o.handed_at,
        )
        for o in found
    ]


def pickup_by_code(code: str, community_id: int) -> PickupInfo | None:
    """What lies under a code in a community: the pickup that is open, or the last that had the code."""
    found = Pickup.objects.filter(community_id=community_id, code=code).order_by(Case(When(state="open", then=0), default=1), "-pk").first()
    return pickup(found.pk) if found else None


def pickup(pickup_id: int) -> PickupInfo | None:
    """One pickup with its orders, the first ordered first; of each those lines that lie under its code."""
    found = Pickup.objects.filter(pk=pickup_id).first()
    if found is None:
        return None
    numbers: defaultdict[uuid.UUID, set[int]] = defaultdict(set)
    for order_id, number in OrderLine.objects.filter(pickup_id=found.pk).values_list("order_id", "number"):
        numbers[order_id].add(number)
    rows = _loaded(Order.objects.filter(pk__in=list(numbers)).order_by("placed_at", "pk"))
    mine = [replace(o, lines=[line for line in o.lines if line.number in numbers[o.order_id]]) for o in rows]
    return PickupInfo(
        found.pk, found.code, found.region, found.community_id, found.member_id, found.wave_on, found.state == Pickup.State.OPEN, mine
    )


def order_by_code(code: str, community_id: int) -> OrderInfo | None:
    """The order a community still has to hand over, or handed over last, under a pickup code."""
    known = Order.objects.filter(community_id=community_id, lines__pickup__code=code).distinct()
    live = known.filter(state__in=[Order.State.PAID, Order.State.READY]).first()
    found = live or known.filter(state=Order.State.HANDED_OVER).order_by("-handed_at").first()
    return order(found.pk) if found else None


def money_back(order_id: uuid.UUID) -> list[tuple[str, int, str, datetime]]:
    """The refunds of an order: (reason, amount, state, when asked for), oldest first."""
    found = Refund.objects.filter(order_id=order_id).order_by("requested_at", "pk")
    return list(found.values_list("reason", "amount_minor", "state", "requested_at"))
