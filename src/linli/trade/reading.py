"""Trade reads its own facts about orders, for what lives beside them: a box's week, a trade-in."""

from __future__ import annotations

from linli.kernel.models import Event
from linli.trade import boxes, tradein

KINDS = ("trade.order_paid", "trade.order_cancelled", "trade.refund_requested", "trade.order_refunded")


def on_orders(told: list[Event]) -> None:
    """Bring them to where their orders stand; the same facts again change nothing."""
    boxes.on_orders(told)
    tradein.on_orders(told)
