"""What partners sell through us: services, limited products, gifts, and what they are owed."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from linli.people import queries as people
from linli.trade import capacity, limits, services, settlements
from linli.trade import partners as verbs
from linli.trade.queries import partners as reads
from linli.trade.queries import vouchers as voucher_reads
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Code, Done, Flag, In, Minor, Out, PathCode, PathId, Pieces, StrictId

area = Area("partners", "Partners' products and settlements")

Name = Annotated[str, Field(min_length=1, max_length=64)]
Note = Annotated[str, Field(max_length=96)]


class Service(Out):
    """A partner's service, and how much of it can still be promised."""

    code: str
    partner: str
    name_zh: str
    name_en: str
    note_zh: str
    note_en: str
    value_minor: int
    uses: int
    valid_days: int
    active: bool
    left: int
    taken: int


class ServiceFields(In):
    """A service: `uses` of it in one voucher, good for `valid_days` from the day it was paid."""

    partner: Annotated[str, Field(min_length=1, max_length=48)]
    name_zh: Name
    name_en: Name
    value_minor: Minor
    valid_days: Annotated[int, Field(strict=True, ge=1, le=3650)]
    uses: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    note_zh: Note = ""
    note_en: Note = ""
    active: Flag = True


class Capacity(In):
    """So many more can be done."""

    pieces: Pieces


class Bundled(In):
    """The service that each piece of a SKU brings."""

    service: Annotated[str, Field(min_length=1, max_length=48)]


class GiftFields(In):
    """Orders from `from_minor` on bring the service along, while there is capacity."""

    service: Annotated[str, Field(min_length=1, max_length=48)]
    from_minor: Minor
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    active: Flag = True


class Gift(Out):
    """A rule for gifts, and how many were given."""

    slug: str
    name_zh: str
    name_en: str
    from_minor: int
    starts_at: datetime
    ends_at: datetime
    active: bool
    given: int


class Allotment(Out):
    """A limited product: where it may be offered, and the pieces that no group-buy has yet."""

    sku: str
    community_ids: list[int]
    note_zh: str
    note_en: str
    left: int


class NewAllotment(In):
    """Communities that may offer the product from now on, and how many pieces are added."""

    community_ids: Annotated[list[StrictId], Field(min_length=1, max_length=500)]
    pieces: Annotated[int, Field(strict=True, ge=0, le=10**6)]
    note_zh: Note = ""
    note_en: Note = ""


class Entry(Out):
    """A line of what a partner is owed, with its terms of then."""

    at: datetime
    kind: str
    sku: str
    order_id: uuid.UUID | None
    pieces: int
    worth_minor: int
    amount_minor: int
    terms: dict[str, Any]
    statement_id: uuid.UUID | None


class PartnerStatement(Out):
    """A settlement statement."""

    statement_id: uuid.UUID
    partner: str
    until: date
    total_minor: int
    state: str
    drawn_at: datetime
    drawn_by: str
    approved_by: str
    paid_at: datetime | None
    paid_by: str
    reference: str
    lines: int


class Until(In):
    """The first day that is not in the statement any more."""

    until: date


class Drawn(Out):
    """A statement is drawn up."""

    statement_id: uuid.UUID


class PaidUnder(In):
    """Under which number it was paid."""

    reference: Annotated[str, Field(min_length=1, max_length=64)]


class StatementState(Out):
    """Where a statement stands."""

    state: str


class Access(Out):
    """A redemption link of a partner; its token is known to the partner alone."""

    access_id: int
    label: str
    made_by: str
    made_at: datetime
    revoked_at: datetime | None


def _partner(request: Call, code: str) -> str:
    region = people.region(request.actor.region)
    if region is None or reads.partner(region.slug, code, region.currency) is None:
        own.missing()
    return code


@area.get("/partners/{code}/accesses", who=("operator",), response=list[Access])
def list_accesses(request: Call, code: PathCode) -> Any:
    """A partner's redemption links, newest first; they are made on the console."""
    return reads.accesses(request.actor.region, _partner(request, code))


@area.delete("/partners/{code}/accesses/{access_id}", who=("operator",), response=Done)
def revoke_access(request: Call, code: PathCode, access_id: PathId) -> Any:
    """Let a redemption link open nothing from now on."""
    if not any(one.access_id == access_id for one in reads.accesses(request.actor.region, _partner(request, code))):
        own.missing()
    verbs.revoke_access(region=request.actor.region, access_id=access_id)
    return {}


@area.get("/services", who=("operator",), response=list[Service])
def list_services(request: Call, partner: Annotated[str, Field(max_length=48)] = "") -> Any:
    """Services by code, of one partner or of all."""
    return reads.services(request.actor.region, partner or None)


@area.put("/services/{code}", who=("operator",), response=Done)
def put_service(request: Call, code: Code, body: ServiceFields) -> Any:
    """Write a service, or change the one under its code; vouchers keep what they were sold as."""
    services.put(region=request.actor.region, service=services.NewService(code=code, **body.dict()))
    return {}


@area.post("/services/{code}/capacity", who=("operator",), response=Done)
def add_capacity(request: Call, code: PathCode, body: Capacity) -> Any:
    """The partner promises so many more."""
    capacity.add(region=request.actor.region, service=code, pieces=body.pieces, key=request.key)
    return {}


@area.put("/skus/{code}/service", who=("operator",), response=Done)
def put_bundle(request: Call, code: PathCode, body: Bundled) -> Any:
    """Each piece of a bundle brings a voucher for the service; a SKU keeps its service."""
    services.bundle(region=request.actor.region, sku=code, service=body.service)
    return {}


@area.get("/partners/{code}/gifts", who=("operator",), response=list[Gift])
def list_gifts(request: Call, code: PathCode) -> Any:
    """The gift rules of a partner's services."""
    return voucher_reads.gift_rules(request.actor.region, _partner(request, code))


@area.put("/gifts/{slug}", who=("operator",), response=Done)
def put_gift(request: Call, slug: Code, body: GiftFields) -> Any:
    """Write a rule for gifts, or change the one under its slug."""
    services.put_gift(region=request.actor.region, slug=slug, **body.dict())
    return {}


@area.get("/partners/{code}/allotments", who=("operator",), response=list[Allotment])
def list_allotments(request: Call, code: PathCode) -> Any:
    """A partner's limited products."""
    found = reads.allotments(request.actor.region, _partner(request, code))
    return [
        {"sku": a.sku.code, "community_ids": [c.community_id for c in a.communities]}
        | {n: getattr(a, n) for n in ("note_zh", "note_en", "left")}
        for a in found
    ]


@area.post("/skus/{code}/allotment", who=("operator",), response=Done)
def allot(request: Call, code: PathCode, body: NewAllotment) -> Any:
    """Limit a partner's product to communities and so many pieces; again it adds pieces and sets the communities."""
    limits.allot(region=request.actor.region, sku=code, key=request.key, **body.dict())
    return {}


@area.get("/partners/{code}/entries", who=("operator",), response=list[Entry])
def list_entries(request: Call, code: PathCode, statement_id: uuid.UUID | None = None) -> Any:
    """What a partner is owed, line by line, newest first: of one statement, or the newest 500."""
    return reads.entries(request.actor.region, _partner(request, code), statement=statement_id, limit=None if statement_id else 500)


@area.get("/partners/{code}/statements", who=("operator",), response=list[PartnerStatement])
def list_statements(request: Call, code: PathCode) -> Any:
    """A partner's statements, newest first."""
    return reads.statements(request.actor.region, _partner(request, code))


@area.post("/partners/{code}/statements", who=("operator",), response=Drawn, status=201)
def draw_up_statement(request: Call, code: PathCode, body: Until) -> Any:
    """Draw up what the days before `until` come to; a debt is set off."""
    made = settlements.draw_up(region=request.actor.region, partner=code, until=body.until, by=request.by, key=request.key)
    return {"statement_id": made}


@area.post("/statements/{statement_id}/approve", who=("operator",), response=StatementState)
def approve_statement(request: Call, statement_id: uuid.UUID) -> Any:
    """Say that a statement was looked at; only then can it be paid."""
    return {"state": settlements.approve(region=request.actor.region, statement_id=statement_id, by=request.by)}


@area.post("/statements/{statement_id}/paid", who=("operator",), response=StatementState)
def pay_statement(request: Call, statement_id: uuid.UUID, body: PaidUnder) -> Any:
    """A statement was paid, under this number."""
    state = settlements.paid(region=request.actor.region, statement_id=statement_id, reference=body.reference, by=request.by)
    return {"state": state}


@area.post("/statements/{statement_id}/cancel", who=("operator",), response=StatementState)
def cancel_statement(request: Call, statement_id: uuid.UUID) -> Any:
    """Take a statement back; its lines wait for the next."""
    return {"state": settlements.cancel(region=request.actor.region, statement_id=statement_id, by=request.by)}
