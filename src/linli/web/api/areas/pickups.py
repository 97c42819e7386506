"""Pickups: what a community hands out, and the handing over by code."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from linli.fulfil import pickup
from linli.people import queries as people
from linli.trade import queries as trade
from linli.web.api.areas import orders, own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import In, Out, PathId

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


class HandedOver(Out):
    """What was handed over. `again`: it had been before, and nothing happened now."""

    order_id: uuid.UUID
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
def hand_over(request: Call, community_id: PathId, body: PickupCode) -> Any:
    """Hand over what is ready under a code; a second time gives the same answer."""
    _community(request, community_id)
    person = request.actor.person_id or 0
    handed = pickup.hand_over(code=body.code, community_id=community_id, by=person, key=request.key)
    told = {name: getattr(handed, name) for name in ("order_id", "member_id", "at", "again")}
    return told | {"line_numbers": [line.number for line in handed.lines]}
