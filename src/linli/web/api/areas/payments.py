"""Payments: attempts, refunds, what channels' bills say and where they differ from the books."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.kernel.refusals import Refusal
from linli.trade import channels, pay, reconcile, refunds
from linli.trade.queries import lists
from linli.trade.queries import payments as reads
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Cursor, In, Out, Page, PathCode, PathId, Search, Size

area = Area("payments", "Payments and reconciliation")

Channel = Literal["wechat", "alipay", "sandbox"]
Billed = Literal["wechat", "alipay"]
Days = Annotated[int, Field(ge=1, le=60)]


class PaymentAttempt(Out):
    """A payment attempt; times are the machine's, as the channel's are. `back_minor` went, or goes, back of it."""

    number: str
    order_id: uuid.UUID
    member_id: int
    channel: str
    method: str
    state: str
    amount_minor: int
    back_minor: int
    channel_txn: str
    started_at: datetime
    paid_at: datetime | None


class PaymentBack(Out):
    """Money that goes back of a payment."""

    refund_no: str
    amount_minor: int
    state: str
    reason: str
    error: str
    requested_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None


class PaymentOnBill(Out):
    """A line of a channel's bill about a payment."""

    kind: str
    day: date
    amount_minor: int
    fee_minor: int
    state: str
    at: datetime


class PaymentStory(Out):
    """A payment with its refunds, its lines on bills, and the order's other attempts."""

    payment: PaymentAttempt
    asked_at: datetime | None
    settled_at: datetime | None
    backs: list[PaymentBack]
    lines: list[PaymentOnBill]
    siblings: list[PaymentAttempt]


class PaymentState(Out):
    """What a payment is for us now."""

    number: str
    state: str


class RefundState(Out):
    """Where a refund stands."""

    refund_no: str
    state: str


class BillCell(Out):
    """A channel's day: even, differs, waiting (no bill yet) or none (nothing happened)."""

    channel: str
    day: date
    state: str
    open_count: int


class BillDay(Out):
    """A channel's day in full: the bill's sums beside the books'."""

    channel: str
    day: date
    state: str
    fetched_at: datetime | None
    by: str
    error: str
    digest: str
    paid_count: int
    back_count: int
    bill_paid_minor: int
    bill_back_minor: int
    bill_fee_minor: int
    bill_net_minor: int
    books_paid_minor: int
    books_back_minor: int
    fee_posted_minor: int
    books_net_minor: int
    line_count: int


class DayMatched(Out):
    """What matching a day came to for the caller's region: `open_count` differences wait for somebody."""

    channel: str
    day: date
    lines: int
    open_count: int
    error: str


class Difference(Out):
    """Where a bill and the books disagree; `payment` is our attempt's number, when there is one."""

    difference_id: int
    code: str
    kind: str
    number: str
    payment: str
    ours_minor: int | None
    theirs_minor: int | None
    ours_state: str
    theirs_state: str
    state: str
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str
    reason: str
    note: str


class Resolution(In):
    """Why a difference is none to worry about; all but next_day need a note."""

    reason: Annotated[str, Field(min_length=1, max_length=32)]
    note: Annotated[str, Field(max_length=200)] = ""


class Standing(Out):
    """What a channel owes an answer for. `resting`: it has been silent, and is left alone for a while."""

    channel: str
    open_count: int
    unknown_backs: int
    unwanted_count: int
    resting: bool


@area.get("/payments", who=("operator",), response=Page[PaymentAttempt])
def list_payments(
    request: Call,
    channel: Channel | None = None,
    state: Literal["open", "paid", "closed", "unwanted"] | None = None,
    day: date | None = None,
    search: Search = "",
    cursor: Cursor = "",
    size: Size = 50,
) -> Any:
    """The region's payments, newest first; `search` finds our number or its end, the channel's, a refund's, a member."""
    part = lists.payment_page(
        request.actor.region, search=search, channel=channel or "", state=state or "", day=day, after=cursor, size=size
    )
    return {"items": part.rows, "next": part.after}


@area.get("/payments/{number}", who=("operator",), response=PaymentStory)
def get_payment(request: Call, number: PathCode) -> Any:
    """One payment with everything known of it."""
    found = reads.payment(request.actor.region, number) or own.missing()
    return {name: getattr(found, name) for name in PaymentStory.model_fields if name != "payment"} | {"payment": found.row}


@area.post("/payments/{number}/ask", who=("operator",), response=PaymentState)
def ask_payment(request: Call, number: PathCode) -> Any:
    """Ask the channel about a payment now, and believe its answer."""
    try:
        state = pay.ask_number(region=request.actor.region, out_trade_no=number)
    except (channels.Unreachable, channels.Declined):
        raise Refusal("trade.channel_silent") from None
    return {"number": number, "state": state or own.missing()}


@area.get("/channels", who=("operator",), response=list[Standing])
def list_channels(request: Call) -> Any:
    """What each channel that was ever used owes an answer for."""
    return reads.standings(request.actor.region)


@area.post("/refunds/{refund_no}/retry", who=("operator",), response=RefundState)
def retry_refund(request: Call, refund_no: PathCode) -> Any:
    """Send a refund that failed once more; its number makes it once at the channel."""
    return {"refund_no": refund_no, "state": refunds.retry(refund_no=refund_no, region=request.actor.region)}


@area.get("/bills", who=("operator",), response=list[BillCell])
def list_bills(request: Call, days: Days = 14) -> Any:
    """The last days, newest first, of each channel that makes bills."""
    return [cell for row in reads.board(request.actor.region, days) for cell in row]


@area.get("/bills/{channel}/{day}", who=("operator",), response=BillDay)
def get_bill(request: Call, channel: Billed, day: date) -> Any:
    """A channel's day in full."""
    return reads.bill_day(request.actor.region, channel, day) or own.missing()


@area.post("/bills/{channel}/{day}/match", who=("operator",), response=DayMatched)
def match_bill(request: Call, channel: Billed, day: date) -> Any:
    """Fetch a day's bill now and match it with the books; again it comes out as it stood, or better."""
    found = reconcile.day(channel=channel, day=day, by=request.by)
    return next((one for one in found if one.region == request.actor.region), None) or own.missing()


@area.get("/differences", who=("operator",), response=list[Difference])
def list_differences(request: Call, channel: Billed | None = None, day: date | None = None, waiting: bool = False) -> Any:
    """Where bills and books differ, what waits first, at most 200; with `waiting` that alone."""
    return reads.differences(request.actor.region, channel or "", day, open_only=waiting)


@area.post("/differences/{difference_id}/resolve", who=("operator",), response=Difference)
def resolve_difference(request: Call, difference_id: PathId, body: Resolution) -> Any:
    """Lay a difference to rest, with a reason."""
    region = request.actor.region
    reconcile.resolve(difference_id=difference_id, region=region, reason=body.reason, note=body.note, by=request.by)
    return reads.difference(region, difference_id) or own.missing()
