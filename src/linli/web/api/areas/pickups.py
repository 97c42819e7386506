"""Pickups: what a community hands out, and the handing over by code."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from linli.fulfil import pickup
from linli.people import queries as people
from linli.trade import queries as trade
from linli.trade import weighing
from linli.web.api.areas import orders, own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Id, In, Out, PathId, Pieces

area = Area("pickups", "Pickups")


class Handout(Out):
    """An order on the leader's list; the phone is cut to its last four."""

    order_id: uuid.UUID
    pickup_code: str
    member_id: int
    surname: str
    display_name: str
    building: str
    phone_tail: str
    state: str
    handed_at: datetime | None
    lines: list[orders.OrderLine]


class PickupCode(In):
    """A code as the member said it."""

    code: Annotated[str, Field(min_length=1, max_length=32)]


class LineOf(In):
    """A line of an order."""

    order_id: uuid.UUID
    number: Annotated[int, Field(strict=True, ge=1, le=100)]


class HandOut(PickupCode):
    """A code, and which of its lines are handed over while others are missing (left out: all that is ready)."""

    only: Annotated[list[LineOf], Field(min_length=1, max_length=100)] | None = None


class ShortLine(PickupCode):
    """Pieces that are missing of a line under a code (left out: all of it)."""

    order_id: uuid.UUID
    number: Annotated[int, Field(strict=True, ge=1, le=100)]
    pieces: Pieces | None = None


class MoneyOf(Out):
    """The refund that starts by itself."""

    refund_no: str


class Pickup(Out):
    """All that a member fetches of one wave: orders with those of their lines that lie under this code."""

    pickup_id: int
    code: str
    community_id: int
    member_id: int
    wave_on: date
    open: bool
    orders: list[orders.Order]


class Scales(In):
    """What the scales say of a line."""

    grams: Annotated[int, Field(strict=True, ge=1, le=10**7)]


class Weight(Out):
    """What a line came to; `back_minor` goes back when nobody corrects the weight."""

    grams: int
    most_g: int
    charged_minor: int
    back_minor: int


class WeighedLine(Out):
    """A weighed line: held at its maximum, charged at its weight; the difference goes back when nobody corrects it."""

    order_id: uuid.UUID
    number: int
    community_id: int
    pickup_code: str
    surname: str
    building: str
    sku: str
    pieces: int
    most_g: int
    most_minor: int
    grams: int | None
    charged_minor: int | None
    returned_minor: int
    state: str


class HandedOver(Out):
    """What was handed over, of one order or several. `again`: it had been before, and nothing happened now."""

    order_id: uuid.UUID
    order_ids: list[uuid.UUID]
    member_id: int
    line_numbers: list[int]
    at: datetime
    again: bool


def _community(request: Call, community_id: int) -> int:
    found = people.community(community_id)
    if found is None:
        own.missing()
    own.of(request, found.region, community_id, own.led(request))
    return community_id


@area.get("/communities/{community_id}/handouts", who=("operator", "leader"), response=list[Handout])
def list_handouts(request: Call, community_id: PathId, handed: bool = False) -> Any:
    """What the community hands out, by code; with `handed` what was handed over in the last days too."""
    _community(request, community_id)
    found = trade.handouts(community_id, include_handed=handed)
    return [
        {**{name: getattr(row, name) for name in Handout.model_fields}, "lines": [orders.line(one) for one in row.lines]} for row in found
    ]


@area.ask("/communities/{community_id}/handouts/lookup", who=("operator", "leader"), response=orders.Order)
def look_up_code(request: Call, community_id: PathId, body: PickupCode) -> Any:
    """The order under a pickup code, as somebody typed it."""
    return orders.shown(pickup.lookup(code=body.code, community_id=_community(request, community_id)))


@area.post("/communities/{community_id}/handouts", who=("leader",), response=HandedOver)
def hand_over(request: Call, community_id: PathId, body: HandOut) -> Any:
    """Hand over what is ready under a code, of all its orders; a second time gives the same answer."""
    _community(request, community_id)
    person = request.actor.person_id or 0
    only = None if body.only is None else {(one.order_id, one.number) for one in body.only}
    handed = pickup.hand_over(code=body.code, community_id=community_id, by=person, key=request.key, only=only)
    told = {name: getattr(handed, name) for name in ("order_id", "order_ids", "member_id", "at", "again")}
    return told | {"line_numbers": [line.number for line in handed.lines]}


@area.ask("/communities/{community_id}/pickups/lookup", who=("operator", "leader"), response=Pickup)
def look_up_pickup(request: Call, community_id: PathId, body: PickupCode) -> Any:
    """All that lies under a code, of several orders too."""
    found = pickup.found(code=body.code, community_id=_community(request, community_id))
    return {name: getattr(found, name) for name in Pickup.model_fields} | {"orders": [orders.shown(one) for one in found.orders]}


@area.post("/communities/{community_id}/shortages", who=("leader",), response=MoneyOf, status=201)
def report_short(request: Call, community_id: PathId, body: ShortLine) -> Any:
    """Pieces are missing at the hand-out: their money goes back."""
    _community(request, community_id)
    person = request.actor.person_id or 0
    return {"refund_no": pickup.short(community_id=community_id, by=person, key=request.key, **body.dict())}


@area.get("/weighings", who=("operator", "leader"), response=list[WeighedLine])
def list_weighings(request: Call, community_id: Id | None = None, day: date | None = None) -> Any:
    """Lines to be weighed, and those weighed in the last day, by goods and pickup code."""
    led = own.led(request)
    if community_id is not None:
        led = frozenset({_community(request, community_id)})
    found = trade.to_weigh(request.actor.region, led, day)
    return [{name: getattr(one, name) for name in WeighedLine.model_fields} | {"sku": one.sku.code} for one in found]


@area.put("/orders/{order_id}/lines/{number}/weight", who=("operator", "leader"), response=Weight)
def weigh_line(request: Call, order_id: uuid.UUID, number: Annotated[int, Field(ge=1, le=100)], body: Scales) -> Any:
    """Take what the scales say of a line; a weight may be corrected on the same business day."""
    orders.handled(request, order_id)
    return weighing.weigh(order_id=order_id, number=number, grams=body.grams, by=request.by)
