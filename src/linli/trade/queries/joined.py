"""Who is in a group-buy: what its leader sees while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from linli.people import queries as people
from linli.trade.models import Order, OrderLine

SHOWN = 500


@dataclass(frozen=True)
class Joiner:
    """A member's part in a group-buy: pieces as they stand, and whether they are paid for."""

    member_id: int
    display_name: str
    building: str
    pieces: int
    solo: bool
    paid: bool
    at: datetime


def joiners(group_id: int) -> list[Joiner]:
    """Everybody with a live line in the group, the latest first; unpaid ones too, since the leader may remind them."""
    live = (Order.State.PLACED, Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)
    lines = OrderLine.objects.select_related("order").filter(group_id=group_id, order__state__in=live)
    found = list(lines.exclude(state=OrderLine.State.CANCELLED).order_by("-order__placed_at", "-pk")[:SHOWN])
    members = people.members({line.order.member_id for line in found})
    return [
        Joiner(
            line.order.member_id,
            members[line.order.member_id].display_name,
            members[line.order.member_id].building,
            line.quantity - line.returned_pieces,
            line.solo,
            line.order.state != Order.State.PLACED,
            line.order.paid_at or line.order.placed_at,
        )
        for line in found
        if line.order.member_id in members
    ]
