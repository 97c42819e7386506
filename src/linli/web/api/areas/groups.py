"""Group-buys: listed, looked at, opened."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from linli.trade import groups as verbs
from linli.trade import queries as trade
from linli.trade.queries import GroupCard, lists
from linli.web.api.areas import catalog, own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Cursor, Id, In, Minor, Out, Page, PathId, Pieces, Search, Size, StrictId

area = Area("groups", "Group-buys")

State = Literal["open", "succeeded", "missed"]
Kind = Literal["pooled", "team", "flash", "presale"]
Sort = Literal["-deadline", "deadline", "-opened", "price"]
Hours = Annotated[int, Field(strict=True, ge=0, le=24 * 14)]


class Neighbour(Out):
    """Somebody who has joined; `surname` is "" without their consent."""

    surname: str


class Group(Out):
    """A group-buy as it stands. Only paid pieces have joined; `missing_pieces` to its threshold, `left_pieces` to be had."""

    group_id: int
    community_id: int
    state: str
    sku: catalog.Sku
    price_minor: int
    solo_price_minor: int
    list_price_minor: int
    threshold_pieces: int
    joined_pieces: int
    joined_households: int
    missing_pieces: int
    left_pieces: int
    opens_at: datetime
    deadline_at: datetime
    pickup_from: datetime
    neighbours: list[Neighbour]


class NewGroup(In):
    """A group-buy to be opened. `threshold` counts pieces, people or minor units, as `threshold_by` says."""

    community_id: StrictId
    sku: Annotated[str, Field(min_length=1, max_length=48)]
    threshold: Annotated[int, Field(strict=True, ge=1, le=10**12)]
    quota_pieces: Pieces
    price_minor: Minor
    solo_price_minor: Minor
    deadline_at: AwareDatetime
    pickup_from: AwareDatetime
    opens_at: AwareDatetime | None = None
    kind: Kind = "pooled"
    threshold_by: Literal["pieces", "people", "amount"] = "pieces"
    per_member_pieces: Pieces | None = None
    case_size: Pieces = 1
    ladder: Annotated[list[tuple[Pieces, Minor]], Field(max_length=10, description="[[from pieces, unit price], ...]")] = []
    team_size: Annotated[int, Field(strict=True, ge=2, le=20)] | None = None
    team_hours: Hours | None = None
    on_miss: Literal["refund", "extend", "ship_short", "buy_in"] = "refund"
    extend_hours: Hours = 0
    reserve_of: StrictId | None = None


class Opened(Out):
    """A group-buy is open."""

    group_id: int


def shown(request: Call, card: GroupCard) -> dict[str, Any]:
    """A group-buy for this caller."""
    told = {name: getattr(card, name) for name in Group.model_fields}
    return told | {"sku": catalog.shown(request, card.sku)}


def visible(request: Call, group_id: int) -> GroupCard:
    """A group-buy that the caller sees. Raises Refusal: api.not_here."""
    found = trade.group(group_id)
    if found is None:
        own.missing()
    own.of(request, found.region, found.community_id, own.communities(request))
    return found


@area.get("/groups", who=own.EVERYBODY, response=Page[Group])
def list_groups(
    request: Call,
    state: State | None = None,
    kind: Kind | None = None,
    community_id: Id | None = None,
    search: Search = "",
    sort: Sort = "-deadline",
    cursor: Cursor = "",
    size: Size = 50,
) -> Any:
    """Group-buys of the communities that the caller sees."""
    among = own.communities(request)
    if community_id is not None:
        among = frozenset({community_id}) & among if among is not None else frozenset({community_id})
    part = lists.group_page(
        request.actor.region,
        communities=among,
        state=state or "",
        kind=kind or "",
        search=search,
        sort=sort,
        after=cursor,
        size=size,
    )
    return {"items": [shown(request, card) for card in part.rows], "next": part.after}


@area.get("/groups/{group_id}", who=own.EVERYBODY, response=Group)
def get_group(request: Call, group_id: PathId) -> Any:
    """One group-buy with its progress."""
    return shown(request, visible(request, group_id))


@area.post("/groups", who=("operator", "leader"), response=Opened, status=201)
def open_group(request: Call, body: NewGroup) -> Any:
    """Open a group-buy in a community that the caller looks after."""
    own.of(request, request.actor.region, body.community_id, own.led(request))
    terms = body.dict()
    terms["ladder"] = tuple(tuple(rung) for rung in body.ladder)
    group = verbs.NewGroup(key=request.key, opened_by=request.by, **terms)
    return {"group_id": verbs.open(region=request.actor.region, group=group)}
