"""Reads of leaders' money: what is pending and available, and a statement whose lines add up to the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Sum

from linli.goods import queries as goods
from linli.kernel import ledger
from linli.people import queries as people
from linli.trade import accounts
from linli.trade.days import midnight, today
from linli.trade.models import ClawBack, Commission, Withdrawal


@dataclass(frozen=True)
class LeaderMoney:
    """Where a leader's earnings stand. `net_minor` = available + held - debt, and is what the statement ends with."""

    person_id: int
    name: str
    currency: str
    today_minor: int
    pending_minor: int
    available_minor: int
    held_minor: int
    debt_minor: int
    withdrawn_minor: int
    earned_minor: int
    clawed_minor: int
    agrees: bool

    @property
    def net_minor(self) -> int:
        return self.available_minor + self.held_minor - self.debt_minor


@dataclass(frozen=True)
class StatementLine:
    """One thing that changed what a leader has: earned (a line's commission), clawed_back, or withdrawn."""

    at: datetime
    kind: str
    amount_minor: int
    balance_minor: int
    order_id: uuid.UUID | None = None
    order_no: str = ""
    name_zh: str = ""
    name_en: str = ""
    base_minor: int = 0
    rate_bp: int = 0
    reference: str = ""


@dataclass(frozen=True)
class MonthStatement:
    """A leader's statement from `first` up to before `until`: opening + lines = closing."""

    first: date
    until: date
    opening_minor: int
    closing_minor: int
    lines: list[StatementLine]


@dataclass(frozen=True)
class PendingLine:
    """Commission in its cool-off: what the line earns, less what was taken back, and when it is due."""

    order_no: str
    name_zh: str
    name_en: str
    base_minor: int
    rate_bp: int
    amount_minor: int
    clawed_minor: int
    accrued_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class WithdrawalInfo:
    """A withdrawal as it stands."""

    withdrawal_id: uuid.UUID
    person_id: int
    name: str
    amount_minor: int
    state: str
    why: str
    reference: str
    requested_at: datetime
    decided_at: datetime | None
    paid_at: datetime | None
    decided_by: str


def leader_money(region: str, person_id: int) -> LeaderMoney:
    """Where one leader's earnings stand; a statement's end is compared with the ledger's accounts."""
    return _money(region, {person_id})[0]


def leaders_money(region: str) -> list[LeaderMoney]:
    """Every leader of the region, and whoever led and still has or owes something; the most to come first."""
    led = {p.person_id for p in people.leaders(region).values()}
    led |= set(Commission.objects.filter(region=region).values_list("person_id", flat=True).distinct())
    return sorted(_money(region, led), key=lambda m: (-m.net_minor - m.pending_minor, m.person_id))


def _money(region: str, ids: set[int]) -> list[LeaderMoney]:
    """The same ten statements for any number of leaders."""
    info, known = people.region(region), people.persons(ids)
    currency = info.currency if info else "USD"
    left = F("amount_minor") - F("clawed_minor")
    posted = Q(state=Commission.State.POSTED)
    commissions = _by_person(
        Commission.objects.filter(region=region, person_id__in=ids),
        today=Sum(left, filter=Q(accrued_at__gte=midnight(region, today(region))), default=0),
        pending=Sum(left, filter=Q(state=Commission.State.PENDING), default=0),
        posted=Sum(left, filter=posted, default=0),
    )
    clawed = ClawBack.objects.filter(region=region, commission__person_id__in=ids, after_posting=True)
    backs = dict(clawed.values_list("commission__person_id").annotate(s=Sum("amount_minor")))
    paid = Withdrawal.objects.filter(region=region, person_id__in=ids, state=Withdrawal.State.PAID)
    paid_minor = dict(paid.values_list("person_id").annotate(s=Sum("amount_minor")))
    owners = [accounts.earnings(region, currency, person_id).owner for person_id in ids]
    held = {(b.ref.owner, b.ref.purpose): b for b in ledger.balances(region, owners=owners, asset_prefix=currency)}
    found = []
    for person_id in sorted(ids):
        refs = [make(region, currency, person_id) for make in (accounts.earnings, accounts.owed, accounts.withdrawn)]
        earned, owed, out = (held.get((ref.owner, ref.purpose), ledger.Balance(ref)) for ref in refs)
        sums, back = commissions.get(person_id, {}), backs.get(person_id, 0)
        gross = sums.get("posted", 0) + back
        found.append(
            LeaderMoney(
                person_id=person_id,
                name=known[person_id].display_name if person_id in known else "",
                currency=currency,
                today_minor=sums.get("today", 0),
                pending_minor=sums.get("pending", 0),
                available_minor=earned.free,
                held_minor=earned.held,
                debt_minor=-owed.balance,
                withdrawn_minor=out.balance,
                earned_minor=gross,
                clawed_minor=back,
                agrees=gross - back - paid_minor.get(person_id, 0) == earned.balance + owed.balance
                and paid_minor.get(person_id, 0) == out.balance,
            )
        )
    return found


def _by_person(found: QuerySet[Commission], **sums: Sum) -> dict[int, dict[str, int]]:
    rows: Iterable[Any] = found.values("person_id").annotate(**sums)
    return {row["person_id"]: row for row in rows}


def statement(region: str, person_id: int, first: date, until: date) -> MonthStatement:
    """What changed a leader's money between two days, oldest first, with the balance after each line."""
    lines = sorted(_all_lines(region, person_id, midnight(region, until)), key=lambda line: line.at)
    start, balance, opening = midnight(region, first), 0, 0
    shown = []
    for line in lines:
        balance += line.amount_minor
        if line.at < start:
            opening = balance
        else:
            shown.append(replace(line, balance_minor=balance))
    return MonthStatement(first, until, opening, balance, shown)


def _all_lines(region: str, person_id: int, until: datetime) -> Iterator[StatementLine]:
    mine = Commission.objects.filter(region=region, person_id=person_id).select_related("line")
    names = goods.skus(region)
    later = dict(
        ClawBack.objects.filter(commission__in=mine, after_posting=True).values_list("commission_id").annotate(s=Sum("amount_minor"))
    )

    def of(row: Commission, kind: str, at: datetime, amount: int, base: int, reference: str = "") -> StatementLine:
        sku = names[row.line.sku_code]
        number = row.line.order_id.hex[-8:].upper()
        return StatementLine(at, kind, amount, 0, row.line.order_id, number, sku.name_zh, sku.name_en, base, row.rate_bp, reference)

    for row in mine.filter(posted_at__lt=until):
        amount = row.amount_minor - row.clawed_minor + later.get(row.pk, 0)
        if row.posted_at is not None:
            yield of(row, "earned", row.posted_at, amount, row.base_minor)
    backs = ClawBack.objects.filter(commission__in=mine, after_posting=True, at__lt=until).select_related("commission__line")
    for back in backs:
        yield of(back.commission, "clawed_back", back.at, -back.amount_minor, back.refund_minor, back.refund_no)
    for paid in Withdrawal.objects.filter(region=region, person_id=person_id, paid_at__lt=until):
        if paid.paid_at is not None:
            yield StatementLine(paid.paid_at, "withdrawn", -paid.amount_minor, 0, reference=paid.reference)


def pending(region: str, person_id: int, limit: int = 200) -> list[PendingLine]:
    """Commission in its cool-off, what is due first on top."""
    found = Commission.objects.filter(region=region, person_id=person_id, state=Commission.State.PENDING).select_related("line")
    rows = list(found.order_by("due_at", "pk")[:limit])
    names = goods.skus(region, {row.line.sku_code for row in rows})
    return [
        PendingLine(
            row.line.order_id.hex[-8:].upper(),
            names[row.line.sku_code].name_zh,
            names[row.line.sku_code].name_en,
            row.base_minor,
            row.rate_bp,
            row.amount_minor,
            row.clawed_minor,
            row.accrued_at,
            row.due_at,
        )
        for row in rows
    ]


def withdrawals(region: str, *, person_id: int | None = None, state: str = "", limit: int = 200) -> list[WithdrawalInfo]:
    """Withdrawals, those that wait for a decision first, then the newest."""
    found = Withdrawal.objects.filter(region=region)
    if person_id is not None:
        found = found.filter(person_id=person_id)
    if state:
        found = found.filter(state=state)
    rows = list(found.order_by("-requested_at", "-pk")[:limit])
    rank = {Withdrawal.State.REQUESTED: 0, Withdrawal.State.APPROVED: 1}
    rows.sort(key=lambda w: rank.get(Withdrawal.State(w.state), 2))
    known = people.persons({p for w in rows for p in (w.person_id, w.decided_by) if p})
    names = {person_id: person.display_name for person_id, person in known.items()}
    return [
        WithdrawalInfo(
            w.pk,
            w.person_id,
            names.get(w.person_id, ""),
            w.amount_minor,
            w.state,
            w.why,
            w.reference,
            w.requested_at,
            w.decided_at,
            w.paid_at,
            names.get(w.decided_by or 0, ""),
        )
        for w in rows
    ]


def month_of(region: str, text: str) -> tuple[date, date]:
    """ "2017-10" as its first day and the day after its last, "2017" as the year; anything else is the month of today there."""
    now = today(region)
    year, _, month = text.partition("-")
    if year.isascii() and year.isdigit() and len(year) == 4 and int(year) >= 2000:
        if not month:
            return date(int(year), 1, 1), date(int(year) + 1, 1, 1)
        if month.isascii() and month.isdigit() and len(month) == 2 and 1 <= int(month) <= 12:
            return _month(int(year), int(month))
    return _month(now.year, now.month)


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
