"""After-sale: asked for by line, settled by the leader within limits, decided by an operator."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import FileResponse
from ninja import File, Form
from ninja.files import UploadedFile
from pydantic import Field

from linli.people import queries as people
from linli.trade import aftersale as verbs
from linli.trade import photos as pictures_of
from linli.trade import queries as trade
from linli.trade.queries import AfterSaleInfo
from linli.web.api.areas import own
from linli.web.api.areas.orders import visible
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Grounds, In, Minor, Out, Search

area = Area("aftersale", "After-sale")

MOST_FORM_BYTES = 6 * pictures_of.MOST_BYTES + 100_000

Why = Annotated[str, Field(max_length=200)]
Number = Annotated[int, Field(strict=True, ge=1, le=100)]


class Ask(In):
    """What is wanted back: `amount` of `unit` of a line, and why."""

    number: Number
    reason: Literal["damaged", "short", "missing", "quality", "other"]
    unit: Literal["pieces", "grams", "percent"]
    amount: Annotated[int, Field(strict=True, ge=1, le=10**7)]
    words: Why = ""


class Answer(In):
    """An amount (left out: all that was asked for) and words."""

    amount_minor: Minor | None = None
    why: Why = ""


class Settle(In):
    """What the leader gives back."""

    amount_minor: Minor
    why: Why = ""


class Asked(Out):
    """A request as it stands."""

    aftersale_id: uuid.UUID
    state: str
    asked_minor: int
    granted_minor: int | None


class AfterSaleStep(Out):
    """Who did what with a request, when and why."""

    what: str
    by: str
    name: str
    why: str
    amount_minor: int | None
    at: datetime


class AfterSale(Asked):
    """A request, with what is asked for and how it was answered. `photos`: ids to fetch its pictures by."""

    order_id: uuid.UUID
    line_number: int
    sku: str
    member_id: int
    community_id: int
    reason: str
    unit: str
    amount: int
    words: str
    why: str
    asked_at: datetime
    answered_at: datetime | None
    photos: list[uuid.UUID]
    steps: list[AfterSaleStep]


class AskForm(In):
    """What is wanted back of a line, as the fields of a form, with up to six photos beside it."""

    number: Annotated[int, Field(ge=1, le=100)]
    reason: Literal["damaged", "short", "missing", "quality", "other"]
    unit: Literal["pieces", "grams", "percent"]
    amount: Annotated[int, Field(ge=1, le=10**7)]
    words: Why = ""


class Askable(Out):
    """A line that may be asked about until `until` (business time), or why not: open (a request waits), late, gone."""

    number: int
    until: datetime | None
    no: str


class SpotLimit(Out):
    """What a leader may still refund on the spot today, and the most of one order."""

    day_minor: int
    day_left_minor: int
    order_minor: int


class Worth(Out):
    """What a request would come to."""

    refund_minor: int


def _shown(one: AfterSaleInfo) -> dict[str, Any]:
    return {name: getattr(one, name) for name in AfterSale.model_fields} | {"sku": one.sku.code}


def _want(body: Ask | AskForm) -> verbs.Ask:
    return verbs.Ask(body.number, body.reason, body.unit, body.amount, body.words)


@area.get("/aftersales", who=("operator", "leader"), response=list[AfterSale])
def list_aftersales(request: Call, state: Literal["waiting", "answered"] = "waiting", search: Search = "") -> Any:
    """Requests of the caller's communities, those that wait longest first; an operator's may be searched."""
    led = own.led(request)
    if led is not None:
        return [_shown(one) for one in trade.after_sales_of_communities(led, waiting=state == "waiting", limit=200)]
    if state == "waiting":
        return [_shown(one) for one in trade.after_sale_queue(request.actor.region, search=search, size=200)[0]]
    everywhere = [c.community_id for c in people.communities(request.actor.region)]
    return [_shown(one) for one in trade.after_sales_of_communities(everywhere, waiting=False, limit=200)]


@area.get("/aftersales/{aftersale_id}", who=own.EVERYBODY, response=AfterSale)
def get_aftersale(request: Call, aftersale_id: uuid.UUID) -> Any:
    """One request."""
    found = trade.after_sale(aftersale_id)
    if found is None:
        own.missing()
    if found.member_id != request.actor.member_id:
        own.of(request, found.region, found.community_id, own.led(request))
    return _shown(found)


@area.get("/orders/{order_id}/aftersales", who=own.EVERYBODY, response=list[AfterSale])
def order_aftersales(request: Call, order_id: uuid.UUID) -> Any:
    """The requests about an order."""
    visible(request, order_id)
    return [_shown(one) for one in trade.after_sales_of_order(order_id)]


@area.ask("/orders/{order_id}/aftersales/preview", who=("member",), response=Worth)
def preview_aftersale(request: Call, order_id: uuid.UUID, body: Ask) -> Any:
    """What a request would come to; nothing is written."""
    return {"refund_minor": verbs.preview(order_id=order_id, member_id=own.member_id(request), want=_want(body))}


@area.post("/orders/{order_id}/aftersales", who=("member",), response=Asked, status=201)
def ask_aftersale(request: Call, order_id: uuid.UUID, body: Ask) -> Any:
    """Ask for something back of a line that was handed over."""
    return verbs.ask(order_id=order_id, member_id=own.member_id(request), want=_want(body), key=request.key)


@area.post("/orders/{order_id}/aftersales/with-photos", who=("member",), response=Asked, status=201, form_bytes=MOST_FORM_BYTES)
def ask_aftersale_with_photos(request: Call, order_id: uuid.UUID, body: Form[AskForm], photos: File[list[UploadedFile]]) -> Any:
    """Ask for something back with photos (multipart/form-data): JPEG, PNG or WebP, up to 12 MB each; only their pixels are kept."""
    pictures = [photo.read() for photo in photos]
    return verbs.ask(order_id=order_id, member_id=own.member_id(request), want=_want(body), pictures=pictures, key=request.key)


@area.get("/orders/{order_id}/askable", who=own.EVERYBODY, response=list[Askable])
def list_askable(request: Call, order_id: uuid.UUID) -> Any:
    """Which lines of an order may be asked about, and until when."""
    visible(request, order_id)
    return trade.askable(order_id)


@area.get("/aftersale-photos/{photo_id}", who=own.EVERYBODY, response=None)
def get_aftersale_photo(request: Call, photo_id: uuid.UUID) -> Any:
    """A picture of a request, as JPEG: for its member, their leader and their region's operators."""
    found = trade.photo_owner(photo_id)
    if found is None:
        own.missing()
    region, member_id, community_id = found
    if member_id != request.actor.member_id:
        own.of(request, region, community_id, own.led(request))
    there = pictures_of.path(region, photo_id)
    return FileResponse(there.open("rb"), content_type="image/jpeg") if there.exists() else own.missing()


@area.get("/spot-limit", who=("leader",), response=SpotLimit)
def get_spot_limit(request: Call) -> Any:
    """What the leader may still refund on the spot today."""
    return trade.spot_limit(request.actor.region, request.actor.person_id or 0)


@area.post("/orders/{order_id}/spot-refund", who=("leader",), response=Asked, status=201)
def refund_on_the_spot(request: Call, order_id: uuid.UUID, body: Ask) -> Any:
    """A leader sees what is wrong and settles it at once, within the day's and the order's limit."""
    return verbs.refund_on_the_spot(order_id=order_id, leader=request.actor.person_id or 0, want=_want(body), key=request.key)


@area.post("/aftersales/{aftersale_id}/settle", who=("leader",), response=Asked)
def settle_aftersale(request: Call, aftersale_id: uuid.UUID, body: Settle) -> Any:
    """A leader settles a request of their community, whole or in part, within the limits."""
    leader = request.actor.person_id or 0
    return verbs.settle_on_the_spot(aftersale_id=aftersale_id, leader=leader, amount_minor=body.amount_minor, why=body.why)


@area.post("/aftersales/{aftersale_id}/escalate", who=("leader",), response=Asked)
def escalate_aftersale(request: Call, aftersale_id: uuid.UUID, body: Grounds) -> Any:
    """A leader passes a request on to the operator."""
    return verbs.escalate(aftersale_id=aftersale_id, leader=request.actor.person_id or 0, why=body.why)


@area.post("/aftersales/{aftersale_id}/approve", who=("operator",), response=Asked)
def approve_aftersale(request: Call, aftersale_id: uuid.UUID, body: Answer) -> Any:
    """Grant a request, whole or in part; the refund starts by itself."""
    by, region = request.actor.person_id or 0, request.actor.region
    return verbs.approve(aftersale_id=aftersale_id, region=region, by=by, amount_minor=body.amount_minor, why=body.why)


@area.post("/aftersales/{aftersale_id}/refuse", who=("operator",), response=Asked)
def refuse_aftersale(request: Call, aftersale_id: uuid.UUID, body: Grounds) -> Any:
    """Decline a request and say why."""
    return verbs.refuse(aftersale_id=aftersale_id, region=request.actor.region, by=request.actor.person_id or 0, why=body.why)


@area.post("/aftersales/{aftersale_id}/withdraw", who=("member",), response=Asked)
def withdraw_aftersale(request: Call, aftersale_id: uuid.UUID) -> Any:
    """Take a request back."""
    return verbs.withdraw(aftersale_id=aftersale_id, member_id=own.member_id(request))
