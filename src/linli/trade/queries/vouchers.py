"""Reads of vouchers and gift rules: the member's, the partner's, the operator's."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q, QuerySet

from linli.kernel import ledger
from linli.trade import capacity
from linli.trade.models import Bundle, GiftRule, OrderLine, Voucher
from linli.trade.queries.partners import door
from linli.trade.rules import is_id, voucher_code


@dataclass(frozen=True)
class VoucherInfo:
    """A voucher with its service and partner. `waits`: its group-buy is undecided. `redeemed_at`: of each use."""

    voucher_id: int
    code: str
    member_id: int
    service: str
    name_zh: str
    name_en: str
    note_zh: str
    note_en: str
    partner: str
    partner_zh: str
    partner_en: str
    contact: str
    address_zh: str
    address_en: str
    order_id: uuid.UUID
    gift: bool
    value_minor: int
    uses: int
    uses_left: int
    state: str
    issued_at: datetime
    expires_on: date
    waits: bool
    redeemed_at: list[datetime]

    @property
    def spelled(self) -> str:
        """The code in fours, as it is read aloud."""
        return " ".join(self.code[n : n + 4] for n in range(0, len(self.code), 4))

    @property
    def usable(self) -> bool:
        return self.state == "active" and not self.waits


def _vouchers(found: QuerySet[Voucher]) -> list[VoucherInfo]:
    rows = list(found.select_related("service__partner").prefetch_related("redemptions"))
    open_lines = OrderLine.objects.filter(order_id__in={v.order_id for v in rows}, state=OrderLine.State.OPEN)
    open_of = set(open_lines.values_list("order_id", "number"))
    orders_waiting = {o for o, _ in open_of}
    return [
        VoucherInfo(
            v.pk,
            v.code,
            v.member_id,
            v.service.code,
            v.service.name_zh,
            v.service.name_en,
            v.service.note_zh,
            v.service.note_en,
            v.service.partner.code,
            v.service.partner.name_zh,
            v.service.partner.name_en,
            v.service.partner.contact,
            v.service.partner.address_zh,
            v.service.partner.address_en,
            v.order_id,
            v.gift_id is not None,
            v.value_minor,
            v.uses,
            v.uses_left,
            v.state,
            v.issued_at,
            v.expires_on,
            v.order_id in orders_waiting if not v.line_number else (v.order_id, v.line_number) in open_of,
            sorted(r.at for r in v.redemptions.all()),
        )
        for v in rows
    ]


def vouchers_of(member_id: int) -> list[VoucherInfo]:
    """A member's vouchers: what can be used first, the next to expire on top."""
    found = _vouchers(Voucher.objects.filter(member_id=member_id).order_by("expires_on", "pk"))
    return sorted(found, key=lambda v: (v.state != "active", v.expires_on if v.state == "active" else date.max, -v.voucher_id))


def voucher(voucher_id: int, member_id: int) -> VoucherInfo | None:
    """A member's own voucher."""
    found = _vouchers(Voucher.objects.filter(pk=voucher_id, member_id=member_id)) if is_id(voucher_id) else []
    return found[0] if found else None


def voucher_at(access_id: int, code: str) -> VoucherInfo | None:
    """The voucher under a code, as its own partner may see it."""
    at = door(access_id)
    if at is None:
        return None
    found = _vouchers(Voucher.objects.filter(region=at.region, service__partner__code=at.partner, code=voucher_code(code)))
    return found[0] if found else None


def redeemed_at(access_id: int, limit: int = 10) -> list[tuple[datetime, VoucherInfo]]:
    """What a partner redeemed lately, newest first."""
    at = door(access_id)
    if at is None:
        return []
    mine = Voucher.objects.filter(region=at.region, service__partner__code=at.partner, redemptions__isnull=False).distinct()
    found = _vouchers(mine.order_by("-redemptions__at")[: limit * 3])
    seen = {v.voucher_id: v for v in found}
    return sorted(((t, v) for v in seen.values() for t in v.redeemed_at), key=lambda r: r[0], reverse=True)[:limit]


def vouchers(region: str, *, partner: str = "", state: str = "", search: str = "", limit: int = 100) -> list[VoucherInfo]:
    """The region's vouchers, newest first; `search` is a code or a member's number."""
    found = Voucher.objects.filter(region=region).order_by("-issued_at", "-pk")
    if partner:
        found = found.filter(service__partner__code=partner)
    if state:
        found = found.filter(state=state)
    if asked := voucher_code(search):
        found = found.filter(Q(code__startswith=asked) | (Q(member_id=int(asked)) if asked.isdigit() and len(asked) < 12 else Q(pk__in=[])))
    return _vouchers(found[:limit])


@dataclass(frozen=True)
class Brought:
    """The voucher that a piece of a SKU brings along: `uses` of a partner's service, good for `valid_days` from its payment."""

    sku_code: str
    service: str
    name_zh: str
    name_en: str
    note_zh: str
    note_en: str
    partner: str
    partner_zh: str
    partner_en: str
    address_zh: str
    address_en: str
    value_minor: int
    uses: int
    valid_days: int


def brought(region: str, skus: Collection[str] | None = None) -> dict[str, Brought]:
    """SKU -> the voucher that comes with it, for those of `skus` (None: of all) that bring one."""
    found = Bundle.objects.select_related("service__partner").filter(region=region).order_by("sku_code")
    return {
        b.sku_code: Brought(
            b.sku_code,
            s.code,
            s.name_zh,
            s.name_en,
            s.note_zh,
            s.note_en,
            s.partner.code,
            s.partner.name_zh,
            s.partner.name_en,
            s.partner.address_zh,
            s.partner.address_en,
            s.value_minor,
            s.uses,
            s.valid_days,
        )
        for b in (found if skus is None else found.filter(sku_code__in=list(skus)))
        for s in [b.service]
    }


@dataclass(frozen=True)
class GiftInfo:
    """A gift rule. `left`: how many its service's partner can still do."""

    slug: str
    service: str
    name_zh: str
    name_en: str
    partner: str
    partner_zh: str
    partner_en: str
    value_minor: int
    from_minor: int
    starts_at: datetime
    ends_at: datetime
    active: bool
    given: int
    left: int


def gift_rules(region: str, partner: str = "") -> list[GiftInfo]:
    """The gift rules of the region, or of one partner's services."""
    found = GiftRule.objects.select_related("service__partner").filter(region=region).annotate(given=Count("vouchers"))
    if partner:
        found = found.filter(service__partner__code=partner)
    return [
        GiftInfo(
            r.slug,
            s.code,
            s.name_zh,
            s.name_en,
            s.partner.code,
            s.partner.name_zh,
            s.partner.name_en,
            s.value_minor,
            r.from_minor,
            r.starts_at,
            r.ends_at,
            r.active,
            r.given,
            ledger.balance(capacity.account(region, s.code, s.partner.code)).free,
        )
        for r in found.order_by("from_minor", "slug")
        for s in [r.service]
    ]
