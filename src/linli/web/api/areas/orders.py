"""Baskets and orders: priced, placed, paid, followed, taken back."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from linli.kernel.refusals import Refusal
from linli.trade import orders as verbs
from linli.trade import pay, refunds
from linli.trade import queries as trade
from linli.trade.queries import LineInfo, OrderInfo, lists
from linli.trade.rules import Wanted
from linli.web.api import errors, limits
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Cursor, Flag, Id, In, Out, Page, Search, Size, StrictId

area = Area("orders", "Baskets and orders")

State = Literal["placed", "paid", "ready", "handed_over", "cancelled", "expired", "refunding", "refunded"]
Sort = Literal["-placed", "placed", "-payable"]
Wants = Annotated[int, Field(strict=True, ge=1, le=99)]


class Line(In):
    """Pieces from a group-buy. The last `tolerance_pieces` are only wanted if they fill a case; `team`: "new" starts one."""

    group_id: StrictId
    quantity: Wants
    solo: Flag = False
    tolerance_pieces: Annotated[int, Field(strict=True, ge=0, le=98)] = 0
    team: Annotated[str, Field(max_length=36)] | None = None


class Basket(In):
    """What a member wants, and the coupon to use."""

    lines: Annotated[list[Line], Field(min_length=1, max_length=20)]
    coupon_id: StrictId | None = None


class QuotedLine(Out):
    """A line with its prices; `discount_minor` is its share of what came off the basket."""

    group_id: int
    sku: str
    quantity: int
    solo: bool
    list_price_minor: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int


class Step(Out):
    """One line of the explanation: what it is, and how much it adds."""

    code: str
    amount_minor: int
    facts: dict[str, Any]


class Quote(Out):
    """What a basket costs, and why: the steps add up to `payable_minor`."""

    lines: list[QuotedLine]
    steps: list[Step]
    total_minor: int
    discount_minor: int
    shipping_minor: int
    payable_minor: int


class Placed(Out):
    """An order that waits for its money until `pay_by` (the machine's clock)."""

    order_id: uuid.UUID
    payable_minor: int
    pay_by: datetime


class OrderLine(Out):
    """A line of an order, as charged."""

    number: int
    group_id: int
    sku: str
    name_zh: str
    name_en: str
    quantity: int
    solo: bool
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    refunded_minor: int
    state: str
    tolerance_pieces: int
    returned_pieces: int
    weighed_g: int | None
    gift: bool
    team_id: uuid.UUID | None
    pickup_code: str | None


class Order(Out):
    """An order with its lines. Lines of one wave share a pickup code, of whichever order."""

    order_id: uuid.UUID
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
    shipping_minor: int
    payable_minor: int
    refunded_minor: int
    coupon_id: int | None
    lines: list[OrderLine]


class Happened(Out):
    """One thing that happened to an order."""

    at: datetime
    kind: str
    by: str
    facts: dict[str, Any]


class MoneyBack(Out):
    """A refund of an order."""

    reason: str
    amount_minor: int
    state: str
    requested_at: datetime


class PayWish(In):
    """How the member wants to pay, and where to come back to."""

    return_url: Annotated[str, Field(min_length=8, max_length=400)]
    channel: Annotated[str, Field(max_length=16)] = "sandbox"
    method: Annotated[str, Field(max_length=16)] = ""
    payer: Annotated[str, Field(max_length=128, description="Who the channel knows the member as (WeChat's openid).")] = ""


class PayStart(Out):
    """Where to pay: `way` is redirect (to `pay_url`), code (a QR code of it) or bridge (it is the channel's prepay id)."""

    pay_url: str
    attempt_no: str
    channel: str
    way: str


class NewRefund(In):
    """Lines of a paid order to be given back whole (left out: all that are left)."""

    reason: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z_]+$")] = "operator"
    line_numbers: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=100)]], Field(min_length=1, max_length=50)] | None = None


class RefundNo(Out):
    """The number of a refund, ours and the channel's."""

    refund_no: str


class OrderState(Out):
    """Where an order stands."""

    order_id: uuid.UUID
    state: str


def _wanted(body: Basket) -> list[Wanted]:
    return [Wanted(one.group_id, one.quantity, one.solo, one.tolerance_pieces, one.team) for one in body.lines]


def line(one: LineInfo) -> dict[str, Any]:
    """A line of an order."""
    told = {name: getattr(one, name) for name in OrderLine.model_fields if hasattr(one, name)}
    return told | {"sku": one.sku.code, "name_zh": one.sku.name_zh, "name_en": one.sku.name_en}


def shown(order: OrderInfo) -> dict[str, Any]:
    """An order for programs; a member's leader and operator see the same."""
    told = {name: getattr(order, name) for name in Order.model_fields}
    return told | {"lines": [line(one) for one in order.lines]}


def visible(request: Call, order_id: uuid.UUID) -> OrderInfo:
    """An order that the caller sees: an operator's region, a leader's communities, a member's own. Raises Refusal: api.not_here."""
    found = trade.order(order_id)
    if found is None:
        own.missing()
    if found.member_id != request.actor.member_id:
        own.of(request, found.region, found.community_id, own.led(request))
    return found


def handled(request: Call, order_id: uuid.UUID) -> OrderInfo:
    """An order that the caller looks after, as operator or leader: their own is none of it. Raises Refusal: api.not_here."""
    found = trade.order(order_id)
    if found is None:
        own.missing()
    own.of(request, found.region, found.community_id, own.led(request))
    return found


@area.ask("/baskets/quote", who=("member",), response=Quote)
def quote_basket(request: Call, body: Basket) -> Any:
    """What a basket would cost now, explained line by line; nothing is held."""
    quote = verbs.quote(member_id=own.member_id(request), lines=_wanted(body), coupon_id=body.coupon_id)
    told = {name: getattr(quote, name) for name in Quote.model_fields}
    told["lines"] = [{name: getattr(one, name) for name in QuotedLine.model_fields} for one in quote.lines]
    told["steps"] = [{"code": s.code, "amount_minor": s.amount_minor, "facts": errors.told(s.facts)} for s in quote.steps]
    return told


@area.post("/orders", who=("member",), response=Placed, status=201)
def place_order(request: Call, body: Basket) -> Any:
    """Place an order: its prices are fixed and everything it needs is held until `pay_by`."""
    try:
        return verbs.place(member_id=own.member_id(request), lines=_wanted(body), coupon_id=body.coupon_id, key=request.key)
    except Refusal as refusal:
        if refusal.code == "trade.key_reused":  # placed by the batch, which keeps no answers: the order itself knows the key
            raise Refusal("api.key_reused") from None
        raise


@area.get("/orders", who=own.EVERYBODY, response=Page[Order])
def list_orders(
    request: Call,
    state: State | None = None,
    community_id: Id | None = None,
    member_id: Id | None = None,
    group_id: Id | None = None,
    placed_from: AwareDatetime | None = None,
    placed_before: AwareDatetime | None = None,
    search: Search = "",
    sort: Sort = "-placed",
    cursor: Cursor = "",
    size: Size = 50,
) -> Any:
    """Orders that the caller sees: an operator the region's, a leader their communities', a member their own."""
    actor = request.actor
    among = own.led(request) if "operator" in actor.roles or "leader" in actor.roles else None
    if "operator" not in actor.roles and "leader" not in actor.roles:
        if member_id not in (None, actor.member_id):
            own.missing()
        member_id, search = actor.member_id, ""
    if community_id is not None:
        among = frozenset({community_id}) if among is None else among & {community_id}
    part = lists.order_page(
        actor.region,
        communities=among,
        member_id=member_id,
        state=state or "",
        group_id=group_id,
        search=search,
        placed_from=placed_from,
        placed_before=placed_before,
        sort=sort,
        after=cursor,
        size=size,
    )
    return {"items": [shown(order) for order in part.rows], "next": part.after}


@area.get("/orders/{order_id}", who=own.EVERYBODY, response=Order)
def get_order(request: Call, order_id: uuid.UUID) -> Any:
    """One order."""
    return shown(visible(request, order_id))


@area.get("/orders/{order_id}/history", who=own.EVERYBODY, response=list[Happened])
def order_history(request: Call, order_id: uuid.UUID) -> Any:
    """Who did what to an order and when, oldest first."""
    visible(request, order_id)
    return [{**asdict(step), "facts": step.facts} for step in trade.order_history(order_id)]


@area.get("/orders/{order_id}/refunds", who=own.EVERYBODY, response=list[MoneyBack])
def order_refunds(request: Call, order_id: uuid.UUID) -> Any:
    """The money that went back for an order."""
    visible(request, order_id)
    names = list(MoneyBack.model_fields)
    return [dict(zip(names, row, strict=True)) for row in trade.money_back(order_id)]


@area.post("/orders/{order_id}/refunds", who=("operator",), response=RefundNo, status=201)
def refund_order(request: Call, order_id: uuid.UUID, body: NewRefund) -> Any:
    """Give lines of a paid order back; the money leaves when the channel confirms."""
    handled(request, order_id)
    number = refunds.request(order_id=order_id, reason=body.reason, by=request.by, key=request.key, line_numbers=body.line_numbers)
    return {"refund_no": number}


@area.post("/orders/{order_id}/cancel", who=("member",), response=OrderState)
def cancel_order(request: Call, order_id: uuid.UUID) -> Any:
    """Take the order back: unpaid it ends; paid, with every group still open, the money returns."""
    return {"order_id": order_id, "state": verbs.cancel(order_id=order_id, member_id=own.member_id(request), key=request.key)}


@area.post("/orders/{order_id}/pay", who=("member",), response=PayStart)
def start_payment(request: Call, order_id: uuid.UUID, body: PayWish) -> Any:
    """Open the cashier for an order. An attempt that is still open is the one returned: there are never two at once."""
    return pay.start(order_id=order_id, member_id=own.member_id(request), key=request.key, client_ip=limits.address(request), **body.dict())


@area.ask("/orders/{order_id}/refresh", who=("member",), response=OrderState)
def refresh_order(request: Call, order_id: uuid.UUID) -> Any:
    """The order's state; the channel is asked when a payment may be on its way."""
    return {"order_id": order_id, "state": pay.refresh(order_id=order_id, member_id=own.member_id(request))}
