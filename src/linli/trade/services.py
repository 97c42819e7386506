"""Services of partners: what a voucher is good for, which SKUs bring one along, and which orders get one as a gift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import capacity, days, partners
from linli.trade.events import MemberReferred
from linli.trade.models import Bundle, GiftRule, GroupBuy, Partner, Referral, Service


@dataclass(frozen=True)
class NewService:
    """A service: `uses` of it in one voucher, which is good for `valid_days` from the day it was paid; worth `value_minor`."""

    code: str
    partner: str
    name_zh: str
    name_en: str
    value_minor: int
    valid_days: int
    uses: int = 1
    note_zh: str = ""
    note_en: str = ""
    active: bool = True


@transaction.atomic
def put(*, region: str, service: NewService) -> None:
    """Bring a service in, or change it; vouchers out there keep their value and days. Its partner stays.

    Raises Refusal: trade.no_such_partner, trade.bad_service(service, fields).
    """
    partner = partners.find(region, service.partner)
    good = {
        "code": 0 < len(service.code) <= 48 and service.code.isascii() and service.code.replace("-", "").isalnum(),
        "name_zh": 0 < len(service.name_zh.strip()) <= 64,
        "name_en": 0 < len(service.name_en.strip()) <= 64,
        "note_zh": len(service.note_zh) <= 160,
        "note_en": len(service.note_en) <= 160,
        "value_minor": type(service.value_minor) is int and 1 <= service.value_minor < 2**53,
        "uses": type(service.uses) is int and 1 <= service.uses <= 100,
        "valid_days": type(service.valid_days) is int and 1 <= service.valid_days <= 3660,
    }
    there = Service.objects.filter(region=region, code=service.code).first()
    good["partner"] = there is None or there.partner_id == partner.pk
    if wrong := [name for name, fine in good.items() if not fine]:
        raise Refusal("trade.bad_service", service=service.code, fields=", ".join(wrong))
    fields = asdict(service) | {"partner": partner}
    Service.objects.update_or_create(region=region, code=service.code, defaults=fields)


@transaction.atomic
def bundle(*, region: str, sku: str, service: str) -> None:
    """Each piece of the SKU brings a voucher for the service. A SKU keeps its service: what was sold claimed its capacity there.

    Raises Refusal: goods.no_such_sku(sku), trade.no_such_service, trade.bundle_fixed(sku).
    """
    found = goods.sku(region, sku)
    if found is None or found.kind not in ("bundle", "service"):
        raise Refusal("goods.no_such_sku", sku=sku)
    wanted = Service.objects.filter(region=region, code=service).first()
    if wanted is None:
        raise Refusal("trade.no_such_service", service=service)
    row, _ = Bundle.objects.get_or_create(region=region, sku_code=sku, defaults={"service": wanted})
    if row.service_id != wanted.pk:
        raise Refusal("trade.bundle_fixed", sku=sku)


@transaction.atomic
def unbundle(*, region: str, sku: str) -> str:
    """Take a SKU's voucher away while nothing of it was ever opened for sale; returns the service's code.

    Raises Refusal: trade.no_such_service, trade.bundle_fixed(sku).
    """
    row = Bundle.objects.select_related("service").filter(region=region, sku_code=sku).first()
    if row is None:
        raise Refusal("trade.no_such_service", service=sku)
    if GroupBuy.objects.filter(region=region, sku_code=sku).exists():
        raise Refusal("trade.bundle_fixed", sku=sku)
    row.delete()
    return row.service.code


@transaction.atomic
def put_gift(*, region: str, slug: str, service: str, from_minor: int, starts_at: datetime, ends_at: datetime, active: bool = True) -> None:
    """Orders of which the member pays `from_minor` or more for goods bring the service along, while there is capacity.

    Raises Refusal: trade.no_such_service, trade.bad_gift(fields).
    """
    found = Service.objects.filter(region=region, code=service).first()
    if found is None:
        raise Refusal("trade.no_such_service", service=service)
    good = {
        "slug": 0 < len(slug) <= 48,
        "from_minor": type(from_minor) is int and 1 <= from_minor < 2**53,
        "ends_at": starts_at < ends_at,
    }
    if wrong := [name for name, fine in good.items() if not fine]:
        raise Refusal("trade.bad_gift", fields=", ".join(wrong))
    fields = {"service": found, "from_minor": from_minor, "starts_at": starts_at, "ends_at": ends_at, "active": active}
    GiftRule.objects.update_or_create(region=region, slug=slug, defaults=fields)


@dataclass(frozen=True)
class GiftOffer:
    """A service that an order from `from_minor` on brings along; `left` could still be given; `missing_minor` to it."""

    slug: str
    name_zh: str
    name_en: str
    partner_zh: str
    partner_en: str
    value_minor: int
    from_minor: int
    missing_minor: int
    left: int


def rules_now(region: str) -> list[GiftRule]:
    """The gift rules that hold now, the nearest threshold first."""
    now = clocks.business_now()
    found = GiftRule.objects.select_related("service__partner").filter(region=region, active=True, service__active=True)
    return list(found.filter(starts_at__lte=now, ends_at__gt=now).order_by("from_minor", "slug"))


def gifts(region: str, goods_minor: int) -> list[GiftOffer]:
    """What an order of which the member pays `goods_minor` for goods brings along (`missing_minor` 0), or could.

    Words for the price's explanation; what is given is claimed when the order is paid, and only while there is capacity.
    """
    return [
        GiftOffer(
            r.slug,
            r.service.name_zh,
            r.service.name_en,
            r.service.partner.name_zh,
            r.service.partner.name_en,
            r.service.value_minor,
            r.from_minor,
            max(0, r.from_minor - goods_minor),
            left,
        )
        for r in rules_now(region)
        if (left := ledger.balance(capacity.account(region, r.service.code, r.service.partner.code)).free) > 0
    ]


@transaction.atomic
def refer(*, member_id: int, sku: str) -> Partner:
    """Tell a member of the partner for something that isn't sold here; counted once a day. Returns the partner.

    Raises Refusal: people.no_such_member, trade.not_a_referral(sku).
    """
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    found = goods.sku(member.region, sku)
    partner = Partner.objects.filter(region=member.region, code=found.partner, active=True).first() if found else None
    if found is None or found.kind != "referral" or partner is None:
        raise Refusal("trade.not_a_referral", sku=sku)
    today = days.today(member.region)
    _, new = Referral.objects.get_or_create(
        region=member.region, member_id=member_id, sku_code=sku, on=today, defaults={"partner": partner}
    )
    if new:
        fact = MemberReferred(member_id, member.community_id, partner.code, sku, f"member:{member_id}")
        events.append(fact, region=member.region, subject=f"member:{member_id}")
    return partner


def services(region: str, codes: Sequence[str] | None = None) -> list[Service]:
    """The services of the region, by code (for trade itself)."""
    found = Service.objects.select_related("partner").filter(region=region)
    return list((found if codes is None else found.filter(code__in=codes)).order_by("code"))
