"""How verbs load an order: by id, as its member's own, or locked in the order in which everybody locks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from linli.kernel.refusals import Refusal
from linli.trade.models import GroupBuy, Order, OrderLine


def own(order_id: uuid.UUID | str, member_id: int) -> Order:
    """The member's order. Somebody else's is refused like one that isn't there: trade.no_such_order."""
    order = find(order_id)
    if order.member_id != member_id:
        raise Refusal("trade.no_such_order")
    return order


def find(order_id: uuid.UUID | str) -> Order:
    """An order by id, as value or text. Raises Refusal: trade.no_such_order."""
    try:
        number = order_id if isinstance(order_id, uuid.UUID) else uuid.UUID(str(order_id))
    except ValueError:
        raise Refusal("trade.no_such_order") from None
    order = Order.objects.filter(pk=number).first()
    if order is None:
        raise Refusal("trade.no_such_order")
    return order


def locked_many(order_ids: Iterable[uuid.UUID]) -> list[tuple[Order, list[OrderLine]]]:
    """Orders with their lines, by id: locked after all their groups, as `locked` does."""
    ids = list(order_ids)
    group_ids = OrderLine.objects.filter(order_id__in=ids).values_list("group_id", flat=True).distinct()
    groups = {g.pk: g for g in GroupBuy.objects.select_for_update().filter(pk__in=list(group_ids)).order_by("pk")}
    orders = {o.pk: o for o in Order.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
    lines: dict[uuid.UUID, list[OrderLine]] = {pk: [] for pk in orders}
    for line in OrderLine.objects.filter(order_id__in=ids).order_by("number"):
        line.group, line.order = groups[line.group_id], orders[line.order_id]
        lines[line.order_id].append(line)
    return [(order, lines[pk]) for pk, order in orders.items()]


def locked(order_id: uuid.UUID) -> tuple[Order, list[OrderLine]]:
    """The order and its lines, locked after their groups (as closing does), so that nobody waits in a circle."""
    group_ids = OrderLine.objects.filter(order_id=order_id).values_list("group_id", flat=True)
    groups = {g.pk: g for g in GroupBuy.objects.select_for_update().filter(pk__in=list(group_ids)).order_by("pk")}
    order = Order.objects.select_for_update().get(pk=order_id)
    lines = list(OrderLine.objects.filter(order=order).order_by("number"))
    for line in lines:
        line.group, line.order = groups[line.group_id], order
    return order, lines
