"""Partners: whose goods and services are sold here, what each is owed, and what a refund takes back of it.

Owed when goods are handed over or a voucher is redeemed, never before. Every amount is an entry (what it is reckoned
from, the terms of then) beside its transfer: the entries of a partner, less what was paid, are its balance.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import models, transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ledger
from linli.kernel.refusals import Refusal
from linli.trade import accounts, rules
from linli.trade.events import PartnerPut
from linli.trade.models import Order, OrderLine, Partner, PartnerAccess, PartnerChange, PartnerEntry
from linli.trade.posting import Posting
from linli.trade.rules import Part, PartnerTerms

KINDS = ("brand", "service", "care", "pharmacy", "recycler")
Kind = PartnerEntry.Kind


@dataclass(frozen=True)
class NewPartner:
    """A partner with its terms; `code` is its identity in the region."""

    code: str
    name_zh: str
    name_en: str
    kind: str = "brand"
    contact: str = ""
    address_zh: str = ""
    address_en: str = ""
    mode: str = "share"
    share_bp: int = 0
    fixed_minor: int = 0
    fee_minor: int = 0
    active: bool = True

    @property
    def terms(self) -> PartnerTerms:
        return PartnerTerms(self.mode, self.share_bp, self.fixed_minor, self.fee_minor)


@transaction.atomic
def put(*, region: str, partner: NewPartner, by: str) -> None:
    """Bring a partner in, or change it; terms hold for what is handed over from now on. Again changes nothing.

    Raises Refusal: trade.bad_partner(partner, fields).
    """
    wanted = asdict(partner)
    wrong = [*_unfit(wanted), *rules.partner_faults(partner.terms)]
    if wrong:
        raise Refusal("trade.bad_partner", partner=partner.code, fields=", ".join(dict.fromkeys(wrong)))
    there = Partner.objects.select_for_update().filter(region=region, code=partner.code).first()
    before = {name: getattr(there, name) for name in wanted} if there else {}
    changed = {name: [before.get(name), value] for name, value in wanted.items() if not there or before[name] != value}
    if not changed:
        return
    row, _ = Partner.objects.update_or_create(region=region, code=partner.code, defaults=wanted)
    PartnerChange.objects.create(region=region, partner=row, at=clocks.business_now(), by=by, fields=changed)
    events.append(PartnerPut(partner.code, sorted(changed), by), region=region, subject=f"partner:{partner.code}")


def _unfit(wanted: dict[str, object]) -> list[str]:
    """Fields that their columns can't hold, or that can't be."""
    wrong = [] if wanted["kind"] in KINDS else ["kind"]
    for name, value in wanted.items():
        field = Partner._meta.get_field(name)
        if isinstance(field, models.CharField) and not (
            isinstance(value, str) and len(value) <= (field.max_length or 0) and (bool(value.strip()) or field.blank) and "\0" not in value
        ):
            wrong.append(name)
        if isinstance(field, models.IntegerField) and type(value) is not int:
            wrong.append(name)
    code = str(wanted["code"])
    return wrong if code.replace("-", "").replace("_", "").isalnum() and code.isascii() else [*wrong, "code"]


def find(region: str, code: str) -> Partner:
    """The partner. Raises Refusal: trade.no_such_partner(partner)."""
    found = Partner.objects.filter(region=region, code=code).first()
    if found is None:
        raise Refusal("trade.no_such_partner", partner=code)
    return found


def terms_of(partner: Partner) -> PartnerTerms:
    """The partner's terms as the rules read them."""
    return PartnerTerms(partner.mode, partner.share_bp, partner.fixed_minor, partner.fee_minor)


def accrue(posting: Posting, order: Order, lines: Sequence[OrderLine]) -> None:
    """These lines of the order, already locked, are handed over: their partners are owed their part. A line counts once."""
    skus = goods.skus(order.region, {line.sku_code for line in lines})
    mine = [line for line in lines if skus[line.sku_code].partner and skus[line.sku_code].kind in ("good", "kit")]
    if not mine:
        return
    found = {p.code: p for p in Partner.objects.filter(region=order.region, code__in={skus[line.sku_code].partner for line in mine})}
    there = set(PartnerEntry.objects.filter(region=order.region, order_id=order.pk, kind=Kind.HANDED).values_list("line_number", flat=True))
    for line in mine:
        partner = found.get(skus[line.sku_code].partner)
        if partner is None or line.number in there:
            continue
        worth = line.amount_minor - line.refunded_minor - line.discount_back_minor
        entry = _entry(
            partner, Kind.HANDED, f"handed/{order.pk.hex}/{line.number}", line.sku_code, line.quantity - line.returned_pieces, worth
        )
        entry.order_id, entry.line_number = order.pk, line.number
        owe(posting, entry, order.currency)


def _entry(partner: Partner, kind: str, key: str, sku: str, pieces: int, worth_minor: int) -> PartnerEntry:
    terms = terms_of(partner)
    return PartnerEntry(
        region=partner.region,
        partner=partner,
        key=key,
        kind=kind,
        at=clocks.business_now(),
        sku_code=sku,
        pieces=pieces,
        worth_minor=worth_minor,
        amount_minor=rules.owed(terms, worth_minor=worth_minor, pieces=pieces),
        terms=asdict(terms),
    )


def redeemed(posting: Posting, partner: Partner, *, voucher_id: int, service: str, number: int, worth_minor: int, currency: str) -> int:
    """The partner did its service for a use of a voucher; returns what it is owed for it."""
    entry = _entry(partner, Kind.REDEEMED, f"redeemed/{voucher_id}/{number}", service, 1, worth_minor)
    entry.voucher_id = voucher_id
    owe(posting, entry, currency)
    return entry.amount_minor


def owe(posting: Posting, entry: PartnerEntry, currency: str) -> None:
    """Write an entry above zero and its transfer."""
    entry.save(force_insert=True)
    if entry.amount_minor:
        cost = accounts.partner_cost(entry.region, currency)
        ledger.open(cost, floor=None)
        target = accounts.payable(entry.region, currency, entry.partner.code)
        posting.must.append(
            ledger.Move(key=f"partner/{entry.key}", source=cost, target=target, amount=entry.amount_minor, reason="trade.partner_owed")
        )


def claw_back(posting: Posting, order: Order, lines: Sequence[OrderLine], parts: Sequence[Part], *, reference: str) -> None:
    """Parts of lines go back: their partners' share of them too. `lines` as before the parts; `reference` makes it once.

    What the partner has been paid already it owes: the debt is set off against its next statement. The partner's row is
    locked, so that two refunds at once don't both count on the same balance.
    """
    written = PartnerEntry.objects.filter(region=order.region, order_id=order.pk, line_number__in=[p.number for p in parts])
    entries = list(written.order_by("pk"))
    if not entries:
        return
    locked = {p.pk: p for p in Partner.objects.select_for_update().filter(pk__in={e.partner_id for e in entries}).order_by("pk")}
    by_line = {line.number: line for line in lines}
    back: defaultdict[int, int] = defaultdict(int)
    for part in parts:
        of_line = [e for e in written.all() if e.line_number == part.number]  # read again, under the lock
        first = next((e for e in of_line if e.kind == Kind.HANDED), None)
        if first is None:
            continue
        line = by_line[part.number]
        left = line.amount_minor - line.refunded_minor - line.discount_back_minor - part.refund_minor - part.discount_back_minor
        before = -sum(e.amount_minor for e in of_line if e.kind == Kind.CLAWED_BACK)
        amount = rules.clawed(first.amount_minor, first.worth_minor, left_minor=left, clawed_before_minor=before)
        if amount:
            _write_back(first, amount, part, reference)
            back[first.partner_id] += amount
    for partner_id, amount in back.items():
        posting.must += _take(locked[partner_id], order.currency, amount, f"clawed/{reference}/{partner_id}")


def _write_back(first: PartnerEntry, amount: int, part: Part, reference: str) -> None:
    PartnerEntry.objects.create(
        region=first.region,
        partner_id=first.partner_id,
        key=f"clawed/{reference}/{part.number}",
        kind=Kind.CLAWED_BACK,
        at=clocks.business_now(),
        order_id=first.order_id,
        line_number=first.line_number,
        sku_code=first.sku_code,
        pieces=-part.pieces,
        worth_minor=-(part.refund_minor + part.discount_back_minor),
        amount_minor=-amount,
        terms=first.terms,
    )


def _take(partner: Partner, currency: str, amount: int, key: str) -> list[ledger.Entry]:
    """Take an amount out of what the partner is owed, and the rest as its debt. Its row is locked by the caller."""
    owed, debt = accounts.payable(partner.region, currency, partner.code), accounts.owing(partner.region, currency, partner.code)
    cost = accounts.partner_cost(partner.region, currency)
    ledger.open(debt, floor=None)
    free = min(ledger.balance(owed).free, amount)
    moves = [(owed, free, "payable"), (debt, amount - free, "owing")]
    return [
        ledger.Move(key=f"partner/{key}/{name}", source=source, target=cost, amount=part, reason="trade.partner_clawed_back")
        for source, part, name in moves
        if part
    ]


def make_access(*, region: str, partner: str, label: str, by: str) -> str:
    """A link's token for the partner's people, shown once; only its digest is kept. Raises Refusal: trade.no_such_partner."""
    found = find(region, partner)
    token = secrets.token_urlsafe(24)
    PartnerAccess.objects.create(
        region=region, partner=found, digest=_digest(token), label=label[:64] or found.name_zh, made_by=by, made_at=clocks.business_now()
    )
    return token


def revoke_access(*, region: str, access_id: int) -> None:
    """The link opens nothing any more; again changes nothing."""
    PartnerAccess.objects.filter(region=region, pk=access_id, revoked_at=None).update(revoked_at=clocks.business_now())


def access(token: str) -> int | None:
    """The id of the access that a token opens; None for one that opens nothing."""
    found = PartnerAccess.objects.filter(digest=_digest(token), revoked_at=None, partner__active=True).first() if token.isascii() else None
    return found.pk if found else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
