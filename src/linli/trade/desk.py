"""What an operator reads of trade: lists to search and page through, rows for a spreadsheet, days, counts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from linli.goods import queries as goods
from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import orders as verbs
from linli.trade import queries
from linli.trade.models import GroupBuy, Order, OrderLine, PayAttempt, Refund

CHUNK = 500


@dataclass(frozen=True)
class Page[T]:
    """One page of a list; `total` rows on `pages` pages."""

    rows: list[T]
    total: int
    page: int
    pages: int


@dataclass(frozen=True)
class OrderRow:
    """An order in a list. `goods_zh` and `goods_en` name what was ordered, shortened."""

    order_id: uuid.UUID
    number: str
    placed_at: datetime
    member_id: int
    display_name: str
    community_id: int
    community_zh: str
    community_en: str
    state: str
    goods_zh: str
    goods_en: str
    pieces: int
    payable_minor: int
    discount_minor: int
    refunded_minor: int
    paid_at: datetime | None
    pickup_code: str


@dataclass(frozen=True)
class GroupRow:
    """A group-buy in a list."""

    group_id: int
    sku: str
    name_zh: str
    name_en: str
    picture: str
    community_id: int
    community_zh: str
    community_en: str
    state: str
    opens_at: datetime
    deadline_at: datetime
    pickup_from: datetime
    price_minor: int
    threshold_pieces: int
    quota_pieces: int
    joined_pieces: int
    joined_households: int
    left_pieces: int


@dataclass(frozen=True)
class RefundRow:
    """A refund in a list."""

    refund_no: str
    order_id: uuid.UUID
    member_id: int
    display_name: str
    amount_minor: int
    reason: str
    state: str
    unwanted: bool
    error: str
    requested_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True)
class RevenueDay:
    """A business day: what orders paid that day brought, and what was given back that day (when it was asked for)."""

    day: date
    order_count: int
    paid_minor: int
    discount_minor: int
    refunded_minor: int


@dataclass(frozen=True)
class TradeToday:
    """Counts of now and of the business day."""

    open_groups: int
    closing_soon: int
    short_groups: int
    unpaid_orders: int
    paid_today: int
    paid_today_minor: int
    ready_orders: int
    open_refunds: int
    failed_refunds: int
    open_payments: int


def _paged[M: Model, R](found: QuerySet[M], rows: Callable[[list[M]], list[R]], page: int, size: int) -> Page[R]:
    total = found.count()
    pages = max(1, -(-total // size))
    page = min(max(1, page), pages)
    return Page(rows(list(found[(page - 1) * size : page * size])), total, page, pages)


def _chunked[M: Model, R](found: QuerySet[M], rows: Callable[[list[M]], list[R]]) -> Iterator[R]:
    start = 0
    while chunk := list(found[start : start + CHUNK]):
        yield from rows(chunk)
        start += CHUNK


def _orders(region: str, search: str, state: str, community_id: int | None, member_id: int | None) -> QuerySet[Order]:
    found = Order.objects.filter(region=region)
    if state:
        found = found.filter(state=state)
    if community_id is not None:
        found = found.filter(community_id=community_id)
    if member_id is not None:
        found = found.filter(member_id=member_id)
    if text := search.replace("\0", "").strip():
        codes = [s.code for s in goods.search(region, text)]
        lines = OrderLine.objects.filter(region=region).filter(Q(sku_code__in=codes) | Q(pickup__code=text.upper()))
        wanted = Q(member_id__in=people.search_ids(region, text)) | Q(pk__in=lines.values("order_id"))
        if _is_number(text):
            wanted |= Q(pk=uuid.UUID(text))
        found = found.filter(wanted)
    return found.order_by("-placed_at", "-pk")


def _is_number(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def orders(
    region: str,
    search: str = "",
    state: str = "",
    community_id: int | None = None,
    member_id: int | None = None,
    page: int = 1,
    size: int = 50,
) -> Page[OrderRow]:
    """Orders, newest first. `search`: member's name, phone or outside id, pickup code, goods, or the order's whole id."""
    return _paged(_orders(region, search, state, community_id, member_id), _order_rows, page, size)


def order_rows(
    region: str, search: str = "", state: str = "", community_id: int | None = None, member_id: int | None = None
) -> Iterator[OrderRow]:
    """The same list, whole, for a spreadsheet."""
    return _chunked(_orders(region, search, state, community_id, member_id), _order_rows)


def _order_rows(found: list[Order]) -> list[OrderRow]:
    if not found:
        return []
    members = people.members({o.member_id for o in found})
    skus = goods.skus(found[0].region)
    lines: dict[uuid.UUID, list[OrderLine]] = {o.pk: [] for o in found}
    for line in OrderLine.objects.select_related("pickup").filter(order__in=list(lines)).order_by("number"):
        lines[line.order_id].append(line)
    back = dict(Refund.objects.filter(order__in=list(lines), unwanted=False).values_list("order_id").annotate(sum=Sum("amount_minor")))
    return [
        OrderRow(
            order_id=o.pk,
            number=o.pk.hex[-8:].upper(),
            placed_at=o.placed_at,
            member_id=o.member_id,
            display_name=members[o.member_id].display_name,
            community_id=o.community_id,
            community_zh=members[o.member_id].community_zh,
            community_en=members[o.member_id].community_en,
            state=o.state,
            goods_zh="、".join(_counted(skus[line.sku_code].name_zh, line.quantity) for line in lines[o.pk]),
            goods_en=", ".join(_counted(skus[line.sku_code].name_en, line.quantity) for line in lines[o.pk]),
            pieces=sum(line.quantity for line in lines[o.pk]),
            payable_minor=o.payable_minor,
            discount_minor=o.discount_minor,
            refunded_minor=back.get(o.pk, 0),
            paid_at=o.paid_at,
            pickup_code=next((line.pickup.code for line in lines[o.pk] if line.pickup), ""),
        )
        for o in found
    ]


def _counted(name: str, quantity: int) -> str:
    return f"{name} × {quantity}"


def _groups(region: str, search: str, state: str, community_id: int | None) -> QuerySet[GroupBuy]:
    found = GroupBuy.objects.filter(region=region)
    if state:
        found = found.filter(state=state)
    if community_id is not None:
        found = found.filter(community_id=community_id)
    if text := search.replace("\0", "").strip():
        named = [c.community_id for c in people.communities(region) if text.lower() in f"{c.name_zh} {c.name_en} {c.code}".lower()]
        found = found.filter(Q(sku_code__in=[s.code for s in goods.search(region, text)]) | Q(community_id__in=named))
    return found.order_by("-deadline_at", "community_id", "pk")


def groups(
    region: str, search: str = "", state: str = "", community_id: int | None = None, page: int = 1, size: int = 50
) -> Page[GroupRow]:
    """Group-buys, the latest deadline first. `search`: goods or community."""
    return _paged(_groups(region, search, state, community_id), _group_rows, page, size)


def group_rows(region: str, search: str = "", state: str = "", community_id: int | None = None) -> Iterator[GroupRow]:
    """The same list, whole, for a spreadsheet."""
    return _chunked(_groups(region, search, state, community_id), _group_rows)


def _group_rows(found: list[GroupBuy]) -> list[GroupRow]:
    if not found:
        return []
    skus = goods.skus(found[0].region, {g.sku_code for g in found})
    places = {c.community_id: c for c in people.communities(found[0].region)}
    standing = queries.progress([g.pk for g in found])
    rows = []
    for g in found:
        now, sku, place = standing.get(g.pk, queries.Progress(0, 0, 0)), skus[g.sku_code], places[g.community_id]
        rows.append(
            GroupRow(
                group_id=g.pk,
                sku=g.sku_code,
                name_zh=sku.name_zh,
                name_en=sku.name_en,
                picture=sku.picture,
                community_id=g.community_id,
                community_zh=place.name_zh,
                community_en=place.name_en,
                state=g.state,
                opens_at=g.opens_at,
                deadline_at=g.deadline_at,
                pickup_from=g.pickup_from,
                price_minor=g.price_minor,
                threshold_pieces=g.threshold,
                quota_pieces=g.quota_pieces,
                joined_pieces=g.joined_pieces if g.state == GroupBuy.State.MISSED else now.joined,
                joined_households=now.households,
                left_pieces=max(0, g.quota_pieces - now.taken),
            )
        )
    return rows


def _refunds(region: str, search: str, state: str) -> QuerySet[Refund]:
    found = Refund.objects.filter(region=region).select_related("order")
    if state:
        found = found.filter(state=state)
    if text := search.replace("\0", "").strip():
        wanted = Q(order__member_id__in=people.search_ids(region, text)) | Q(refund_no__iendswith=text) | Q(reason=text)
        if _is_number(text):
            wanted |= Q(order_id=uuid.UUID(text))
        found = found.filter(wanted)
    return found.order_by("-requested_at", "-pk")


def refunds(region: str, state: str = "", page: int = 1, size: int = 50, search: str = "") -> Page[RefundRow]:
    """Refunds, newest first. `search`: member's name or phone, the end of the refund's number, reason, or the order's whole id."""
    return _paged(_refunds(region, search, state), _refund_rows, page, size)


def refund_rows(region: str, state: str = "", search: str = "") -> Iterator[RefundRow]:
    """The same list, whole, for a spreadsheet."""
    return _chunked(_refunds(region, search, state), _refund_rows)


def _refund_rows(found: list[Refund]) -> list[RefundRow]:
    members = people.members({r.order.member_id for r in found})
    return [
        RefundRow(
            r.refund_no,
            r.order_id,
            r.order.member_id,
            members[r.order.member_id].display_name,
            r.amount_minor,
            r.reason,
            r.state,
            r.unwanted,
            r.error,
            r.requested_at,
            r.settled_at,
        )
        for r in found
    ]


def revenue_by_day(region: str, days: int = 30) -> list[RevenueDay]:
    """The last `days` business days up to today, oldest first, in the region's time zone; days without orders are zeros."""
    zone = _zone(region)
    today = verbs.today(region)
    first = today - timedelta(days=days - 1)
    start = datetime.combine(first, time(0), zone)
    paid = {
        r["day"]: r
        for r in Order.objects.filter(region=region, paid_at__gte=start)
        .annotate(day=TruncDate("paid_at", tzinfo=zone))
        .values("day")
        .annotate(n=Count("pk"), paid=Sum("payable_minor"), off=Sum("discount_minor"))
    }
    back = dict(
        Refund.objects.filter(region=region, unwanted=False, requested_at__gte=start)
        .annotate(day=TruncDate("requested_at", tzinfo=zone))
        .values_list("day")
        .annotate(sum=Sum("amount_minor"))
    )
    none = {"n": 0, "paid": 0, "off": 0}
    all_days = [first + timedelta(days=i) for i in range(days)]
    return [RevenueDay(d, paid.get(d, none)["n"], paid.get(d, none)["paid"], paid.get(d, none)["off"], back.get(d, 0)) for d in all_days]


def _zone(region: str) -> ZoneInfo:
    found = people.region(region)
    return ZoneInfo(found.time_zone if found else "UTC")


def today(region: str) -> TradeToday:
    """Counts for the first page. `closing_soon`: deadline within 24 hours; `short_groups`: those of them under their threshold."""
    now = clocks.business_now()
    start = datetime.combine(verbs.today(region), time(0), _zone(region))
    open_now = GroupBuy.objects.filter(region=region, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    soon = dict(open_now.filter(deadline_at__lte=now + timedelta(hours=24)).values_list("pk", "threshold"))
    joined = queries.progress(list(soon))
    o = Order.objects.filter(region=region).aggregate(
        unpaid=Count("pk", filter=Q(state=Order.State.PLACED)),
        paid=Count("pk", filter=Q(paid_at__gte=start)),
        paid_minor=Sum("payable_minor", filter=Q(paid_at__gte=start), default=0),
        ready=Count("pk", filter=Q(state=Order.State.READY)),
    )
    r = Refund.objects.filter(region=region).aggregate(
        open=Count("pk", filter=Q(state__in=[Refund.State.REQUESTED, Refund.State.SENDING, Refund.State.UNKNOWN])),
        failed=Count("pk", filter=Q(state=Refund.State.FAILED)),
    )
    return TradeToday(
        open_groups=open_now.count(),
        closing_soon=len(soon),
        short_groups=sum(pk not in joined or joined[pk].joined < threshold for pk, threshold in soon.items()),
        unpaid_orders=o["unpaid"],
        paid_today=o["paid"],
        paid_today_minor=o["paid_minor"],
        ready_orders=o["ready"],
        open_refunds=r["open"],
        failed_refunds=r["failed"],
        open_payments=PayAttempt.objects.filter(region=region, state=PayAttempt.State.OPEN).count(),
    )
