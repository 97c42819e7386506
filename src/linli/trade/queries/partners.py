"""Reads of partners: terms, what they are owed, statements, services, limited products, redemption links."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import ledger
from linli.people import queries as people
from linli.trade import accounts, capacity, days, limits, settlements
from linli.trade.models import Allotment, Partner, PartnerAccess, PartnerEntry, Service, Statement


@dataclass(frozen=True)
class PartnerInfo:
    """A partner with its terms and what it is owed. `held_minor` lies in an open statement; `agrees`: entries and ledger do."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    contact: str
    address_zh: str
    address_en: str
    mode: str
    share_bp: int
    fixed_minor: int
    fee_minor: int
    active: bool
    owed_minor: int
    held_minor: int
    debt_minor: int
    paid_minor: int
    agrees: bool


def _partner(p: Partner, currency: str) -> PartnerInfo:
    owed = ledger.balance(accounts.payable(p.region, currency, p.code))
    return PartnerInfo(
        p.code,
        p.name_zh,
        p.name_en,
        p.kind,
        p.contact,
        p.address_zh,
        p.address_en,
        p.mode,
        p.share_bp,
        p.fixed_minor,
        p.fee_minor,
        p.active,
        owed.balance,
        owed.held,
        -ledger.balance(accounts.owing(p.region, currency, p.code)).balance,
        ledger.balance(accounts.paid_out(p.region, currency, p.code)).balance,
        settlements.difference(p.region, currency, p.code) == 0,
    )


def partners(region: str, currency: str) -> list[PartnerInfo]:
    """The partners of a region, by code. Some statements each: a region has tens of them."""
    return [_partner(p, currency) for p in Partner.objects.filter(region=region).order_by("-active", "code")]


def partner(region: str, code: str, currency: str) -> PartnerInfo | None:
    """One partner."""
    found = Partner.objects.filter(region=region, code=code).first()
    return _partner(found, currency) if found else None


@dataclass(frozen=True)
class ServiceInfo:
    """A partner's service and how much of it can still be promised."""

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


def services(region: str, partner: str | None = None) -> list[ServiceInfo]:
    """The services of a region or of one partner, by code."""
    found = Service.objects.select_related("partner").filter(region=region).order_by("code")
    if partner is not None:
        found = found.filter(partner__code=partner)
    return [
        ServiceInfo(
            s.code,
            s.partner.code,
            s.name_zh,
            s.name_en,
            s.note_zh,
            s.note_en,
            s.value_minor,
            s.uses,
            s.valid_days,
            s.active,
            ledger.balance(capacity.account(region, s.code, s.partner.code)).free,
            ledger.balance(capacity.used(region, s.code, s.partner.code)).balance,
        )
        for s in found
    ]


@dataclass(frozen=True)
class AllotmentInfo:
    """A limited product: where it may be offered, and the pieces no group-buy has yet."""

    sku: SkuInfo
    communities: list[people.CommunityInfo]
    note_zh: str
    note_en: str
    left: int


def allotments(region: str, partner: str) -> list[AllotmentInfo]:
    """A partner's limited products."""
    found = list(Allotment.objects.filter(region=region, partner__code=partner, active=True).order_by("sku_code"))
    skus = goods.skus(region, [a.sku_code for a in found])
    places = {c.community_id: c for c in people.communities(region)}
    return [
        AllotmentInfo(
            skus[a.sku_code],
            [places[c] for c in a.community_ids if c in places],
            a.note_zh,
            a.note_en,
            limits.left(region, a.sku_code),
        )
        for a in found
    ]


@dataclass(frozen=True)
class StatementInfo:
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


def statements(region: str, partner: str) -> list[StatementInfo]:
    """A partner's statements, newest first."""
    found = Statement.objects.filter(region=region, partner__code=partner).order_by("-drawn_at")[:50]
    return [
        StatementInfo(
            s.pk,
            partner,
            s.until,
            s.total_minor,
            s.state,
            s.drawn_at,
            s.drawn_by,
            s.approved_by,
            s.paid_at,
            s.paid_by,
            s.reference,
            s.entries.count(),
        )
        for s in found
    ]


@dataclass(frozen=True)
class EntryInfo:
    """A line of what a partner is owed."""

    at: datetime
    kind: str
    sku: str
    name_zh: str
    name_en: str
    order_id: uuid.UUID | None
    pieces: int
    worth_minor: int
    amount_minor: int
    terms: dict[str, Any]
    statement_id: uuid.UUID | None


def entries(region: str, partner: str, *, statement: uuid.UUID | None = None, limit: int | None = 100) -> list[EntryInfo]:
    """A partner's entries, newest first; those of one statement, or all."""
    found = PartnerEntry.objects.filter(region=region, partner__code=partner).order_by("-at", "-pk")
    if statement is not None:
        found = found.filter(statement_id=statement)
    rows = list(found[:limit] if limit else found)
    skus = goods.skus(region, {e.sku_code for e in rows})
    names = {s.code: (s.name_zh, s.name_en) for s in Service.objects.filter(region=region)} | {
        c: (s.name_zh, s.name_en) for c, s in skus.items()
    }
    return [
        EntryInfo(
            e.at,
            e.kind,
            e.sku_code,
            *names.get(e.sku_code, (e.sku_code, e.sku_code)),
            e.order_id,
            e.pieces,
            e.worth_minor,
            e.amount_minor,
            e.terms,
            e.statement_id,
        )
        for e in rows
    ]


def unsettled(region: str, partner: str, until: date) -> int:
    """What the days before `until` come to that no statement has yet."""
    found = PartnerEntry.objects.filter(region=region, partner__code=partner, statement=None, at__lt=days.midnight(region, until))
    return found.aggregate(sum=Sum("amount_minor"))["sum"] or 0


@dataclass(frozen=True)
class AccessInfo:
    """A redemption link that was made; its token is known to the partner alone."""

    access_id: int
    label: str
    made_by: str
    made_at: datetime
    revoked_at: datetime | None


def accesses(region: str, partner: str) -> list[AccessInfo]:
    """A partner's redemption links, newest first."""
    found = PartnerAccess.objects.filter(region=region, partner__code=partner).order_by("-made_at", "-pk")
    return [AccessInfo(a.pk, a.label, a.made_by, a.made_at, a.revoked_at) for a in found]


@dataclass(frozen=True)
class Door:
    """Who stands behind a redemption link that is open."""

    access_id: int
    region: str
    partner: str
    name_zh: str
    name_en: str
    label: str


def door(access_id: int) -> Door | None:
    """An access that still opens."""
    found = PartnerAccess.objects.select_related("partner").filter(pk=access_id, revoked_at=None, partner__active=True).first()
    if found is None:
        return None
    return Door(found.pk, found.region, found.partner.code, found.partner.name_zh, found.partner.name_en, found.label)
