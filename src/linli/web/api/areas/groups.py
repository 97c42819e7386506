"""Group-buys: listed, looked at, opened, from templates too; the teams of 3 or 5 in them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from linli.trade import groups as verbs
from linli.trade import queries as trade
from linli.trade import templates
from linli.trade.queries import GroupCard, lists
from linli.web.api.areas import catalog, own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Code, Cursor, Flag, Id, In, Minor, Out, Page, PathCode, PathId, Pieces, Search, Size, StrictId

area = Area("groups", "Group-buys")

State = Literal["open", "succeeded", "missed"]
Kind = Literal["pooled", "team", "flash", "presale"]
Sort = Literal["-deadline", "deadline", "-opened", "price"]
Hours = Annotated[int, Field(strict=True, ge=0, le=24 * 14)]


class Neighbour(Out):
    """Somebody who has joined; `surname` is "" without their consent."""

    surname: str


class Rung(Out):
    """A price of the ladder: from how many pieces on, and how many are missing to it."""

    from_pieces: int
    price_minor: int
    missing_pieces: int


class Team(Out):
    """A team as it stands. To start one, place an order whose line says `team: "new"`; to join it, say its id there."""

    team_id: str
    group_id: int
    size: int
    seats_left: int
    missing_members: int
    members: list[Neighbour]
    deadline_at: datetime
    state: str


class Group(Out):
    """A group-buy as it stands. Only paid pieces have joined; `missing_pieces` to its threshold, `left_pieces` to be had.

    `threshold`, `progress` and `missing` are in its own measure: pieces, people or minor units, as `threshold_by` says.
    `cases` are full as it stands, and the one being filled lacks `case_missing_pieces`. `reserve_of`: whose stock a pre-sale sells.
    """

    group_id: int
    community_id: int
    state: str
    kind: str
    sku: catalog.Sku
    price_minor: int
    solo_price_minor: int
    list_price_minor: int
    price_now_minor: int
    final_price_minor: int | None
    rungs: list[Rung]
    threshold_by: str
    threshold: int
    progress: int
    missing: int
    threshold_pieces: int
    joined_pieces: int
    joined_households: int
    missing_pieces: int
    left_pieces: int
    per_member_pieces: int | None
    case_size: int
    cases: int
    case_missing_pieces: int
    tolerance_pieces: int
    team_size: int | None
    team_hours: int | None
    teams: list[Team]
    on_miss: str
    extend_hours: int
    extended: bool
    outcome: str
    reserve_of: int | None
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
    quota_from: Annotated[str, Field(max_length=64, description="Whose pieces it sells (operators): station:<name>, allotment:<sku>.")] = ""


class TemplateTerms(In):
    """The terms that a template fixes."""

    threshold: Annotated[int, Field(strict=True, ge=1, le=10**12)]
    quota_pieces: Pieces
    price_minor: Minor
    solo_price_minor: Minor
    threshold_by: Literal["pieces", "people", "amount"] | None = None
    per_member_pieces: Pieces | None = None
    case_size: Pieces | None = None
    ladder: Annotated[list[tuple[Pieces, Minor]], Field(max_length=10)] | None = None
    team_size: Annotated[int, Field(strict=True, ge=2, le=20)] | None = None
    team_hours: Hours | None = None
    on_miss: Literal["refund", "extend", "ship_short", "buy_in"] | None = None
    extend_hours: Hours | None = None


class TemplateLimits(In):
    """What is left to the leader, between [least, most]."""

    quota_pieces: tuple[Pieces, Pieces] | None = None
    open_hours: tuple[Hours, Hours] | None = None


class TemplateFields(In):
    """A group-buy without its community and times."""

    sku: Annotated[str, Field(min_length=1, max_length=48)]
    terms: TemplateTerms
    limits: TemplateLimits | None = None
    kind: Literal["pooled", "team", "flash"] = "pooled"
    open_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 14)] = 24
    pickup_days: Annotated[int, Field(strict=True, ge=0, le=30)] = 1
    pickup_hour: Annotated[int, Field(strict=True, ge=0, le=23)] = 16
    note_zh: Annotated[str, Field(max_length=160)] = ""
    note_en: Annotated[str, Field(max_length=160)] = ""
    active: Flag = True


class Template(Out):
    """A template: its terms, and the limits within which a leader chooses."""

    slug: str
    sku: catalog.Sku
    kind: str
    terms: dict[str, Any]
    limits: dict[str, list[int]]
    open_hours: int
    pickup_days: int
    pickup_hour: int
    note_zh: str
    note_en: str
    active: bool


class TemplateChoice(In):
    """What a leader chooses; what is left out the template says."""

    community_id: StrictId
    opens_at: AwareDatetime | None = None
    deadline_at: AwareDatetime | None = None
    pickup_from: AwareDatetime | None = None
    quota_pieces: Pieces | None = None


class TemplatePut(Out):
    """A template is written."""

    slug: str


class Opened(Out):
    """A group-buy is open."""

    group_id: int


def shown(request: Call, card: GroupCard) -> dict[str, Any]:
    """A group-buy for this caller."""
    told = {name: getattr(card, name) for name in Group.model_fields}
    return told | {"sku": catalog.shown(request, card.sku), "rungs": card.rungs if card.ladder else []}


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
    if body.quota_from and not own.is_operator(request):
        own.missing()
    terms = body.dict()
    terms["ladder"] = tuple(tuple(rung) for rung in body.ladder)
    group = verbs.NewGroup(key=request.key, opened_by=request.by, **terms)
    return {"group_id": verbs.open(region=request.actor.region, group=group)}


@area.get("/teams/{team_id}", who=own.EVERYBODY, response=Team)
def get_team(request: Call, team_id: PathCode) -> Any:
    """One team: who is in, how many seats are left, until when."""
    found = trade.team(team_id) or own.missing()
    visible(request, found.group_id)
    return found


@area.get("/group-templates", who=("operator", "leader"), response=list[Template])
def list_templates(request: Call) -> Any:
    """Templates by slug: a leader's those that can be opened from, an operator's all."""
    found = templates.listed(request.actor.region, active_only=not own.is_operator(request))
    names = [name for name in Template.model_fields if name != "sku"]
    return [{name: getattr(one.template, name) for name in names} | {"sku": catalog.shown(request, one.sku)} for one in found]


@area.put("/group-templates/{slug}", who=("operator",), response=TemplatePut)
def put_template(request: Call, slug: Code, body: TemplateFields) -> Any:
    """Write a template, or change the one under its slug; groups that are open keep their terms."""
    fields = body.dict(exclude={"terms", "limits"})
    terms, limits = body.terms.dict(exclude_none=True), body.limits.dict(exclude_none=True) if body.limits else {}
    made = templates.Template(slug=slug, terms=terms, limits=limits, **fields)
    templates.put(region=request.actor.region, template=made, by=request.by)
    return {"slug": slug}


@area.post("/group-templates/{slug}/open", who=("operator", "leader"), response=Opened, status=201)
def open_from_template(request: Call, slug: PathCode, body: TemplateChoice) -> Any:
    """Open a group-buy from a template in a community that the caller looks after."""
    own.of(request, request.actor.region, body.community_id, own.led(request))
    times = templates.Choice(body.opens_at, body.deadline_at, body.pickup_from, body.quota_pieces)
    made = verbs.open_from_template(slug, body.community_id, request.by, times, region=request.actor.region, key=request.key)
    return {"group_id": made}
