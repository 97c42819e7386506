"""Facts about money that goes back."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact
from linli.trade.events.orders import SoldLine


@fact("trade.refund_requested")
@dataclass(frozen=True)
class RefundRequested(Fact):
    """Lines were given back; the money is on its way. `reason`: member, group_missed, or the operator's code."""

    order_id: str
    member_id: int
    community_id: int
    refund_no: str
    refunded_minor: int
    discount_back_minor: int
    reason: str
    lines: list[SoldLine]
    by: str


@fact("trade.order_refunded")
@dataclass(frozen=True)
class OrderRefunded(Fact):
    """The money of a refund arrived. `complete`: nothing of the order is left."""

    order_id: str
    member_id: int
    community_id: int
    refund_no: str
    refunded_minor: int
    discount_back_minor: int
    reason: str
    complete: bool
    lines: list[SoldLine]
    by: str


@fact("trade.unwanted_payment")
@dataclass(frozen=True)
class UnwantedPayment(Fact):
    """Money came for an order that no longer wanted it; it goes back by itself as refund `refund_no`."""

    order_id: str
    member_id: int
    community_id: int
    amount_minor: int
    refund_no: str
    by: str


@fact("trade.unwanted_returned")
@dataclass(frozen=True)
class UnwantedReturned(Fact):
    """The money of an unwanted payment arrived back."""

    order_id: str
    member_id: int
    community_id: int
    amount_minor: int
    refund_no: str
    by: str
