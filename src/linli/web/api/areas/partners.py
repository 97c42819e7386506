"""Partners, their services, vouchers and boxes."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.people import queries as people
from linli.trade import boxes, partners, redeeming
from linli.trade.queries import boxes as box_reads
from linli.trade.queries import partners as partner_reads
from linli.trade.queries import vouchers as voucher_reads
from linli.trade.queries.partners import PartnerInfo
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Code, Done, Flag, Id, In, Minor, Out, PathCode, PathId, Pieces, Search, StrictId

area = Area("partners", "Partners, vouchers and boxes")


class Voucher(Out):
    """A voucher for a partner's service. `waits`: its order isn't decided yet."""

    voucher_id: int
    code: str
    member_id: int
    service: str
    name_zh: str
    name_en: str
    partner: str
    order_id: uuid.UUID
    gift: bool
    value_minor: int
    uses: int
    uses_left: int
    state: str
    issued_at: datetime
    expires_on: date
    waits: bool


class Back(Out):
    """Money on its way back."""

    refund_minor: int


class Redemption(In):
    """A voucher's code, at the access of the partner that did the service."""

    access_id: Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
    code: Annotated[str, Field(min_length=1, max_length=32)]


class Box(Out):
    """A member's box: a plan that comes every week."""

    box_id: uuid.UUID
    member_id: int
    plan: str
    weekday: int
    quantity: int
    state: str
    paused_until: date | None
    began_at: datetime


class BoxWeek(Out):
    """A week of a box: `state` is "" while nothing is decided; it can be changed until `changes_until`."""

    week: str
    pickup_on: date
    state: str
    note: str
    order_id: uuid.UUID | None
    changes_until: datetime
    ordered_at: datetime


class BoxStory(Box):
    """A box with the weeks to come and those that were."""

    coming: list[BoxWeek]
    past: list[BoxWeek]


class BoxPlan(Out):
    """A box that can be subscribed to; `boxes` are subscribed now."""

    slug: str
    sku: str
    name_zh: str
    name_en: str
    price_minor: int
    weekdays: list[int]
    contents_zh: str
    contents_en: str
    off_days: list[str]
    pieces_a_week: int
    active: bool
    boxes: int


class BoxPlanFields(In):
    """A plan: what is packed, its price, the weekdays of pickup (1 is Monday, 7 Sunday), days without one."""

    sku: Annotated[str, Field(min_length=1, max_length=48)]
    price_minor: Minor
    weekdays: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=7)]], Field(min_length=1, max_length=7)]
    contents_zh: Annotated[str, Field(max_length=200)] = ""
    contents_en: Annotated[str, Field(max_length=200)] = ""
    off_days: Annotated[list[date], Field(max_length=60)] = []
    community_ids: Annotated[list[StrictId], Field(max_length=500)] = []
    pieces_a_week: Pieces = 200
    active: Flag = True


class PartnerFields(In):
    """A partner with its terms: a share of the worth before discounts, or a fixed sum a piece; less a fee a piece."""

    name_zh: Annotated[str, Field(min_length=1, max_length=64)]
    name_en: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Literal["brand", "service", "care", "pharmacy", "recycler"] = "brand"
    contact: Annotated[str, Field(max_length=96)] = ""
    address_zh: Annotated[str, Field(max_length=96)] = ""
    address_en: Annotated[str, Field(max_length=96)] = ""
    mode: Literal["share", "fixed"] = "share"
    share_bp: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    fixed_minor: Minor = 0
    fee_minor: Minor = 0
    active: Flag = True


class NewBox(In):
    """A plan, the weekday (1 is Monday, 7 Sunday), how many."""

    plan: Annotated[str, Field(min_length=1, max_length=48)]
    weekday: Annotated[int, Field(strict=True, ge=1, le=7)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=99)] = 1


class Began(Out):
    """A box has begun."""

    box_id: uuid.UUID


class Pause(In):
    """Until when no box comes."""

    until: date


class Week(In):
    """A week of the box, as it lists them."""

    week: Annotated[str, Field(min_length=1, max_length=16)]


def _voucher(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Voucher.model_fields}


def _box(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Box.model_fields} | {"plan": one.plan.slug}


def _currency(request: Call) -> str:
    region = people.region(request.actor.region)
    return region.currency if region else ""


@area.get("/partners", who=("operator",), response=list[PartnerInfo])
def list_partners(request: Call) -> Any:
    """The region's partners with what they are owed."""
    return partner_reads.partners(request.actor.region, _currency(request))


@area.get("/partners/{code}", who=("operator",), response=PartnerInfo)
def get_partner(request: Call, code: PathCode) -> Any:
    """One partner."""
    return partner_reads.partner(request.actor.region, code, _currency(request)) or own.missing()


@area.put("/partners/{code}", who=("operator",), response=Done)
def put_partner(request: Call, code: Code, body: PartnerFields) -> Any:
    """Write a partner, or change the one under its code; what was owed keeps its terms."""
    partners.put(region=request.actor.region, partner=partners.NewPartner(code=code, **body.dict()), by=request.by)
    return {}


@area.get("/vouchers", who=("operator", "member"), response=list[Voucher])
def list_vouchers(request: Call, partner: Search = "", state: Search = "", search: Search = "") -> Any:
    """Vouchers: an operator's region's, newest first; a member's own, what can be used first."""
    if own.is_operator(request):
        found = voucher_reads.vouchers(request.actor.region, partner=partner, state=state, search=search, limit=500)
        return [_voucher(one) for one in found]
    return [_voucher(one) for one in voucher_reads.vouchers_of(own.member_id(request)) if not state or one.state == state]


@area.post("/vouchers/redeem", who=("operator",), response=Done)
def redeem_voucher(request: Call, body: Redemption) -> Any:
    """A partner of the region did its service for a voucher: one use of it."""
    mine = {one.code for one in partner_reads.partners(request.actor.region, _currency(request))}
    if not any(a.access_id == body.access_id for code in mine for a in partner_reads.accesses(request.actor.region, code)):
        own.missing()
    redeeming.redeem(access_id=body.access_id, code=body.code, key=request.key)
    return {}


@area.post("/vouchers/{voucher_id}/give-back", who=("member",), response=Back)
def give_voucher_back(request: Call, voucher_id: PathId) -> Any:
    """Give back what is unused of a voucher."""
    return {"refund_minor": redeeming.give_back(voucher_id=voucher_id, member_id=own.member_id(request), key=request.key)}


@area.get("/boxes", who=("operator", "member"), response=list[Box])
def list_boxes(request: Call, member_id: Id | None = None) -> Any:
    """Boxes: an operator's region's, a member's own."""
    if own.is_operator(request):
        found = box_reads.boxes_in(request.actor.region, limit=500)
        return [_box(one) for one in found if member_id in (None, one.member_id)]
    return [_box(one) for one in box_reads.boxes_of(own.member_id(request))]


@area.get("/box-plans", who=own.EVERYBODY, response=list[BoxPlan])
def list_box_plans(request: Call) -> Any:
    """Weekly boxes: an operator's every plan, a member's those offered in their community."""
    everything = own.is_operator(request)
    found = box_reads.plans(request.actor.region, request.actor.member_community_id, all_of=everything)
    return [
        {name: getattr(one, name, None) for name in BoxPlan.model_fields}
        | {"sku": one.sku.code, "name_zh": one.sku.name_zh, "name_en": one.sku.name_en}
        for one in found
    ]


@area.put("/box-plans/{slug}", who=("operator",), response=Done)
def put_box_plan(request: Call, slug: Code, body: BoxPlanFields) -> Any:
    """Write a plan, or change the one under its slug; what was ordered keeps its price."""
    fields = body.dict() | {"off_days": [str(day) for day in body.off_days]}
    boxes.put_plan(region=request.actor.region, plan=boxes.NewPlan(slug=slug, **fields))
    return {}


@area.get("/boxes/{box_id}", who=("member",), response=BoxStory)
def get_box(request: Call, box_id: uuid.UUID) -> Any:
    """A member's box with its weeks."""
    found = box_reads.box(box_id, own.member_id(request)) or own.missing()
    return _box(found) | {"coming": found.coming, "past": found.past}


@area.post("/boxes", who=("member",), response=Began, status=201)
def begin_box(request: Call, body: NewBox) -> Any:
    """Begin a box that comes every week."""
    return {"box_id": boxes.begin(member_id=own.member_id(request), key=request.key, **body.dict())}


@area.post("/boxes/{box_id}/pause", who=("member",), response=Done)
def pause_box(request: Call, box_id: uuid.UUID, body: Pause) -> Any:
    """Let no box come until a day."""
    boxes.pause(box_id=box_id, member_id=own.member_id(request), until=body.until)
    return {}


@area.post("/boxes/{box_id}/skip", who=("member",), response=Done)
def skip_box(request: Call, box_id: uuid.UUID, body: Week) -> Any:
    """Leave one week out."""
    boxes.skip(box_id=box_id, member_id=own.member_id(request), week=body.week)
    return {}


@area.post("/boxes/{box_id}/want-again", who=("member",), response=Done)
def want_box_again(request: Call, box_id: uuid.UUID, body: Week) -> Any:
    """Have a week that was left out after all."""
    boxes.want_again(box_id=box_id, member_id=own.member_id(request), week=body.week)
    return {}


@area.post("/boxes/{box_id}/{change}", who=("member",), response=Done)
def change_box(request: Call, box_id: uuid.UUID, change: Literal["resume", "cancel"]) -> Any:
    """Let a box come again, or end it."""
    (boxes.resume if change == "resume" else boxes.cancel)(box_id=box_id, member_id=own.member_id(request))
    return {}
