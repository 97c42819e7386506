"""What members, leaders and other rooms may read of trade. Few statements a page, however long it is."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet, Sum

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.people import consent
from linli.people import queries as people
from linli.trade import load, orders
from linli.trade.models import Coupon, GroupBuy, Order, OrderLine, Refund

NEIGHBOURS_SHOWN = 6
LIVE = (Order.State.PLACED, Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)
PAID = LIVE[1:]
LINE_WAITS = (OrderLine.State.OPEN, OrderLine.State.READY)


@dataclass(frozen=True)
class Neighbour:
    """Somebody who has joined; `surname` is "" without their consent."""

    member_id: int
    surname: str


@dataclass(frozen=True)
class GroupCard:
    """A group-buy as it stands: `missing_pieces` to its threshold, `left_pieces` still to be had. Only paid pieces join."""

    group_id: int
    region: str
    community_id: int
    sku: SkuInfo
    price_minor: int
    solo_price_minor: int
    list_price_minor: int
    joined_pieces: int
    joined_households: int
    threshold_pieces: int
    missing_pieces: int
    left_pieces: int
    opens_at: datetime
    deadline_at: datetime
    pickup_from: datetime
    state: str
    neighbours: list[Neighbour]


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


@dataclass(frozen=True)
class OrderStep:
    """One thing that happened to an order: which fact, who did it, and its facts."""

    at: datetime
    kind: str
    by: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class CouponInfo:
    """A member's coupon."""

    coupon_id: int
    issue_code: str
    name_zh: str
    name_en: str
    face_minor: int
    minimum_minor: int
    category: str
    issued_at: datetime
    expires_on: date
    state: str


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


@dataclass(frozen=True)
class Progress:
    """Pieces of one group: `taken` are held or sold, `joined` are paid and in the group."""

    taken: int
    joined: int
    households: int


def progress(group_ids: Sequence[int]) -> dict[int, Progress]:
    """Group id -> its pieces, for groups that anybody ordered from; one statement."""
    joined = Q(solo=False, order__state__in=PAID)
    rows = (
        OrderLine.objects.filter(group_id__in=group_ids, order__state__in=LIVE)
        .exclude(state=OrderLine.State.CANCELLED)
        .values("group_id")
        .annotate(
            taken=Sum("quantity"),
            joined=Sum("quantity", filter=joined, default=0),
            households=Count("order__member_id", filter=joined, distinct=True),
        )
    )
    return {r["group_id"]: Progress(r["taken"], r["joined"], r["households"]) for r in rows}


def open_groups(community_id: int, limit: int | None = None) -> list[GroupCard]:
    """What can be joined in a community now: the next deadline first, and then what is nearest to success."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(community_id=community_id, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    cards = cards_of(list(found))
    cards.sort(key=lambda c: (c.deadline_at, c.missing_pieces == 0, c.missing_pieces / c.threshold_pieces, c.group_id))
    return cards[:limit]


def on_offer(region: str) -> dict[int, set[str]]:
    """Community id -> codes of the SKUs that can be joined there now; one statement."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(region=region, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    offered: dict[int, set[str]] = {}
    for community_id, code in found.values_list("community_id", "sku_code"):
        offered.setdefault(community_id, set()).add(code)
    return offered


def group(group_id: int) -> GroupCard | None:
    """One group-buy, whatever its state."""
    found = GroupBuy.objects.filter(pk=group_id).first()
    return cards_of([found])[0] if found else None


def cards_of(found: list[GroupBuy]) -> list[GroupCard]:
    """Group-buys with goods, progress and neighbours, in their order; five statements for any number."""
    if not found:
        return []
    skus = goods.skus(found[0].region, {g.sku_code for g in found})
    standing = progress([g.pk for g in found])
    beside = _neighbours([g.pk for g in found])
    return [_card(g, skus[g.sku_code], standing.get(g.pk, Progress(0, 0, 0)), beside.get(g.pk, [])) for g in found]


def _card(g: GroupBuy, sku: SkuInfo, now: Progress, beside: list[Neighbour]) -> GroupCard:
    joined = now.joined if g.state != GroupBuy.State.MISSED else g.joined_pieces
    return GroupCard(
        group_id=g.pk,
        region=g.region,
        community_id=g.community_id,
        sku=sku,
        price_minor=g.price_minor,
        solo_price_minor=g.solo_price_minor,
        list_price_minor=g.list_price_minor,
        joined_pieces=joined,
        joined_households=now.households,
        threshold_pieces=g.threshold,
        missing_pieces=max(0, g.threshold - joined),
        left_pieces=max(0, g.quota_pieces - now.taken),
        opens_at=g.opens_at,
        deadline_at=g.deadline_at,
        pickup_from=g.pickup_from,
        state=g.state,
        neighbours=beside,
    )


def _neighbours(group_ids: list[int]) -> dict[int, list[Neighbour]]:
    """The latest to join each group, with the surname where they allowed it."""
    joined = OrderLine.objects.filter(group_id__in=group_ids, solo=False, order__state__in=PAID).exclude(state=OrderLine.State.CANCELLED)
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for group_id, member_id in joined.order_by("-order__paid_at", "-pk").values_list("group_id", "order__member_id"):
        if member_id not in by_group[group_id] and len(by_group[group_id]) < NEIGHBOURS_SHOWN:
            by_group[group_id].append(member_id)
    shown = {m for members in by_group.values() for m in members}
    if not shown:
        return {}
    willing = consent.has_many(shown, "neighbours")
    names = people.members(willing)
    return {g: [Neighbour(m, names[m].surname if m in names else "") for m in members] for g, members in by_group.items()}


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
    told = events.about(f"member:{found.member_id}", region=found.region, limit=1000)
    return [
        OrderStep(e.happened_at, e.kind, str(e.payload.get("by", "")), e.payload)
        for e in reversed(told)
        if e.payload.get("order_id") == str(found.pk)
    ]


def coupons_of(member_id: int, usable_only: bool = False) -> list[CouponInfo]:
    """The member's coupons, the next to run out first."""
    found = Coupon.objects.select_related("issue").filter(member_id=member_id)
    if usable_only:
        member = people.member(member_id)
        today = orders.today(member.region) if member else date.max
        found = found.filter(state=Coupon.State.ISSUED, expires_on__gte=today)
    return [
        CouponInfo(
            c.pk,
            c.issue.code,
            c.issue.name_zh,
            c.issue.name_en,
            c.issue.face_minor,
            c.issue.minimum_minor,
            c.issue.category,
            c.issued_at,
            c.expires_on,
            c.state,
        )
        for c in found.order_by("expires_on", "pk")
    ]


def coupon(coupon_id: int) -> CouponInfo | None:
    """One coupon."""
    found = Coupon.objects.filter(pk=coupon_id).first()
    return next((c for c in coupons_of(found.member_id) if c.coupon_id == coupon_id), None) if found else None


def handouts(community_id: int, include_handed: bool = False) -> list[Handout]:
    """What the leader hands out: ready orders by code, and with `include_handed` those of the last two days too."""
    found = Order.objects.filter(community_id=community_id, state=Order.State.READY)
    rows = sorted(_loaded(found), key=lambda o: o.pickup_code or "")
    if include_handed:
        handed = Order.objects.filter(community_id=community_id, state=Order.State.HANDED_OVER)
        rows += _loaded(handed.order_by("-handed_at")[:100])
    return _handouts(rows)


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
