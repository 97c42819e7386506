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


@fact("trade.bill_read")
@dataclass(frozen=True)
class BillRead(Fact):
    """A channel's bill of a day was read, or a changed one read again, and matched; `open_count` differences wait."""

    channel: str
    day: str
    line_count: int
    paid_minor: int
    back_minor: int
    fee_minor: int
    open_count: int
    by: str


@fact("trade.difference_found")
@dataclass(frozen=True)
class DifferenceFound(Fact):
    """A bill and the books disagree about `number` (a payment's or refund's): see `code` in trade-pay; amounts where a side has one."""

    difference_id: int
    channel: str
    day: str
    code: str
    about: str
    number: str
    ours_minor: int | None
    theirs_minor: int | None


@fact("trade.difference_settled")
@dataclass(frozen=True)
class DifferenceSettled(Fact):
    """A difference waits no longer: `reason` is a person's, or gone when the next matching didn't find it any more."""

    difference_id: int
    channel: str
    day: str
    code: str
    number: str
    reason: str
    by: str
