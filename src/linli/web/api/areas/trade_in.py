"""Old appliances against new ones: offered, ordered, fetched, inspected, settled."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.trade import tradein as verbs
from linli.trade.queries import tradein as reads
from linli.trade.queries.tradein import TradeInInfo
from linli.web.api.areas import orders, own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Done, In, Minor, Out, StrictId

area = Area("partners", "Trade-in")

Category = Annotated[str, Field(min_length=1, max_length=32)]
Condition = Literal["good", "worn", "broken"]
Years = Annotated[int, Field(strict=True, ge=0, le=100)]
Reference = Annotated[str, Field(min_length=1, max_length=96)]


class ApplianceWorth(Out):
    """What appliances of a category bring, up to so many years old and in this condition."""

    category: str
    up_to_years: int
    condition: str
    value_minor: int
    subsidy_minor: int


class NewWorth(In):
    """A row of the value table."""

    category: Category
    up_to_years: Annotated[int, Field(strict=True, ge=1, le=100)]
    condition: Condition
    value_minor: Minor
    subsidy_minor: Minor


class OldOne(In):
    """An old appliance, and the group-buy of the new one."""

    category: Category
    age_years: Years
    condition: Condition
    group_id: StrictId


class Offered(OldOne):
    """An old appliance to be quoted."""

    brand: Annotated[str, Field(max_length=48)] = ""


class TradeInEstimate(Out):
    """What it brings against the price."""

    value_minor: int
    subsidy_minor: int
    credit_minor: int
    price_minor: int
    payable_minor: int


class Quoted(Out):
    """A credit is offered."""

    trade_in_id: uuid.UUID


class TradeInStep(Out):
    """One thing that happened to a trade-in."""

    state: str
    at: datetime
    by: str
    amount_minor: int | None
    note: str


class TradeIn(Out):
    """A trade-in with its legs."""

    trade_in_id: uuid.UUID
    member_id: int
    community_id: int
    category: str
    age_years: int
    condition: str
    brand: str
    sku: str
    group_id: int
    value_minor: int
    subsidy_minor: int
    inspected_minor: int | None
    due_minor: int
    recycled_minor: int | None
    recycler: str
    state: str
    order_id: uuid.UUID | None
    quoted_at: datetime
    good_until: date
    steps: list[TradeInStep]


class Inspection(In):
    """What the old one is really worth."""

    value_minor: Minor
    note: Annotated[str, Field(max_length=200)] = ""


class TradeInState(Out):
    """Where a trade-in stands."""

    state: str


class PaidDifference(In):
    """Under which number the difference was taken."""

    reference: Reference


class Recycled(In):
    """What the recycler paid, and under which number."""

    recycler: Annotated[str, Field(min_length=1, max_length=48)]
    amount_minor: Minor
    reference: Reference


def _shown(one: TradeInInfo) -> dict[str, Any]:
    return {name: getattr(one, name) for name in TradeIn.model_fields} | {"sku": one.sku.code}


def _visible(request: Call, trade_in_id: uuid.UUID) -> TradeInInfo:
    if own.is_operator(request):
        return reads.trade_in(trade_in_id, region=request.actor.region) or own.missing()
    return reads.trade_in(trade_in_id, member_id=own.member_id(request)) or own.missing()


@area.get("/trade-in-values", who=("operator", "member"), response=list[ApplianceWorth])
def list_values(request: Call) -> Any:
    """What old appliances bring, by category, age and condition."""
    return verbs.values(request.actor.region)


@area.put("/trade-in-values", who=("operator",), response=Done)
def put_value(request: Call, body: NewWorth) -> Any:
    """Set a row of the table; what was quoted stays."""
    verbs.put_value(region=request.actor.region, by=request.by, **body.dict())
    return {}


@area.ask("/trade-ins/estimate", who=("member",), response=TradeInEstimate)
def estimate_trade_in(request: Call, body: OldOne) -> Any:
    """What an old appliance would bring; nothing is written."""
    return verbs.estimate(member_id=own.member_id(request), **body.dict())


@area.post("/trade-ins", who=("member",), response=Quoted, status=201)
def quote_trade_in(request: Call, body: Offered) -> Any:
    """Have a credit offered for an old appliance, good for a week."""
    return {"trade_in_id": verbs.quote(member_id=own.member_id(request), key=request.key, **body.dict())}


@area.get("/trade-ins", who=("operator", "member"), response=list[TradeIn])
def list_trade_ins(request: Call, state: Annotated[str, Field(max_length=16)] = "") -> Any:
    """Trade-ins, newest first: an operator's region's (at most 500), a member's own."""
    if own.is_operator(request):
        return [_shown(one) for one in reads.trade_ins(request.actor.region, state=state, limit=500)]
    return [_shown(one) for one in reads.trade_ins_of(own.member_id(request)) if not state or one.state == state]


@area.get("/trade-ins/{trade_in_id}", who=("operator", "member"), response=TradeIn)
def get_trade_in(request: Call, trade_in_id: uuid.UUID) -> Any:
    """One trade-in with everything that happened to it."""
    return _shown(_visible(request, trade_in_id))


@area.post("/trade-ins/{trade_in_id}/order", who=("member",), response=orders.Placed, status=201)
def order_trade_in(request: Call, trade_in_id: uuid.UUID) -> Any:
    """Order the new one with the credit taken off."""
    return verbs.order(trade_in_id=trade_in_id, member_id=own.member_id(request))


@area.post("/trade-ins/{trade_in_id}/drop", who=("member",), response=Done)
def drop_trade_in(request: Call, trade_in_id: uuid.UUID) -> Any:
    """Turn the quote down; an order that waits for its money is let go."""
    verbs.drop(trade_in_id=trade_in_id, member_id=own.member_id(request))
    return {}


@area.post("/trade-ins/{trade_in_id}/take-back", who=("operator", "member"), response=Done)
def take_back_trade_in(request: Call, trade_in_id: uuid.UUID) -> Any:
    """Take the old one back instead of paying the difference: the new one's order goes back whole."""
    whose: dict[str, Any] = {"region": request.actor.region} if own.is_operator(request) else {"member_id": own.member_id(request)}
    verbs.take_back(trade_in_id=trade_in_id, by=request.by, **whose)
    return {}


@area.post("/trade-ins/{trade_in_id}/pick-up", who=("operator",), response=Done)
def pick_up_trade_in(request: Call, trade_in_id: uuid.UUID) -> Any:
    """The old one was fetched."""
    verbs.pick_up(region=request.actor.region, trade_in_id=trade_in_id, by=request.by)
    return {}


@area.post("/trade-ins/{trade_in_id}/inspect", who=("operator",), response=TradeInState)
def inspect_trade_in(request: Call, trade_in_id: uuid.UUID, body: Inspection) -> Any:
    """Say what the old one is really worth; at less than quoted the member has to choose."""
    region = request.actor.region
    return {"state": verbs.inspect(region=region, trade_in_id=trade_in_id, value_minor=body.value_minor, note=body.note, by=request.by)}


@area.post("/trade-ins/{trade_in_id}/difference", who=("operator",), response=Done)
def pay_trade_in_difference(request: Call, trade_in_id: uuid.UUID, body: PaidDifference) -> Any:
    """The member paid what the old one is worth less, under this number."""
    verbs.pay_difference(region=request.actor.region, trade_in_id=trade_in_id, reference=body.reference, by=request.by)
    return {}


@area.post("/trade-ins/{trade_in_id}/settle", who=("operator",), response=Done)
def settle_trade_in(request: Call, trade_in_id: uuid.UUID, body: Recycled) -> Any:
    """The recycler paid for the old one."""
    verbs.settle(region=request.actor.region, trade_in_id=trade_in_id, by=request.by, **body.dict())
    return {}
