"""Lists of trade that are read page by page behind a cursor, so that what arrives meanwhile shifts nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import Q

from linli.goods import queries as goods
from linli.kernel.paging import Slice, keyset
from linli.people import queries as people
from linli.trade.models import GroupBuy, Order, OrderLine
from linli.trade.queries import groups as group_reads
from linli.trade.queries import orders as order_reads
from linli.trade.queries import payments as payment_reads
from linli.trade.queries.groups import GroupCard
from linli.trade.queries.orders import OrderInfo
from linli.trade.queries.payments import PaymentRow

GROUP_ORDERS = {
    "deadline": ("deadline_at", "pk"),
    "-deadline": ("-deadline_at", "-pk"),
    "-opened": ("-opens_at", "-pk"),
    "price": ("price_minor", "pk"),
}
ORDER_ORDERS = {"-placed": ("-placed_at", "-pk"), "placed": ("placed_at", "pk"), "-payable": ("-payable_minor", "-pk")}


def group_page(
    region: str,
    *,
    communities: Collection[int] | None = None,
    state: str = "",
    kind: str = "",
    search: str = "",
    sort: str = "-deadline",
    after: str = "",
    size: int = 50,
) -> Slice[GroupCard]:
    """Group-buys of the region (of `communities`), `search` in their goods. Raises Refusal: kernel.bad_cursor."""
    found = GroupBuy.objects.filter(region=region)
    if communities is not None:
        found = found.filter(community_id__in=communities)
    if state:
        found = found.filter(state=state)
    if kind:
        found = found.filter(kind=kind)
    if search:
        found = found.filter(sku_code__in=[sku.code for sku in goods.search(region, search)])
    part = keyset(found, GROUP_ORDERS[sort], after=after, size=size)
    return Slice(group_reads.cards_of(part.rows), part.after)


def payment_page(
    region: str, *, search: str = "", channel: str = "", state: str = "", day: date | None = None, after: str = "", size: int = 50
) -> Slice[PaymentRow]:
    """Payments of the region, newest first, found as `payments.payments` does. Raises Refusal: kernel.bad_cursor."""
    found = payment_reads._found(region, search, channel, state, day).select_related("order")
    part = keyset(found, ("-started_at", "-pk"), after=after, size=size)
    return Slice(payment_reads._rows(part.rows), part.after)


def order_page(
    region: str,
    *,
    communities: Collection[int] | None = None,
    member_id: int | None = None,
    state: str = "",
    group_id: int | None = None,
    search: str = "",
    placed_from: datetime | None = None,
    placed_before: datetime | None = None,
    sort: str = "-placed",
    after: str = "",
    size: int = 50,
) -> Slice[OrderInfo]:
    """Orders of the region (of `communities`, of one member). `search`: a member's name or phone, a pickup code, goods.

    Raises Refusal: kernel.bad_cursor.
    """
    found = Order.objects.filter(region=region)
    if communities is not None:
        found = found.filter(community_id__in=communities)
    if member_id is not None:
        found = found.filter(member_id=member_id)
    if state:
        found = found.filter(state=state)
    if placed_from is not None:
        found = found.filter(placed_at__gte=placed_from)
    if placed_before is not None:
        found = found.filter(placed_at__lt=placed_before)
    if group_id is not None:
        found = found.filter(pk__in=OrderLine.objects.filter(region=region, group_id=group_id).values("order_id"))
    if search:
        codes = [sku.code for sku in goods.search(region, search)]
        lines = OrderLine.objects.filter(region=region).filter(Q(sku_code__in=codes) | Q(pickup__code=search.upper()))
        found = found.filter(Q(member_id__in=people.search_ids(region, search)) | Q(pk__in=lines.values("order_id")))
    part = keyset(found, ORDER_ORDERS[sort], after=after, size=size)
    read = {order.order_id: order for order in order_reads._loaded(Order.objects.filter(pk__in=[row.pk for row in part.rows]))}
    return Slice([read[row.pk] for row in part.rows], part.after)
