"""Reads of leaders' money: what is pending and available, and a statement whose lines add up to the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import F, QuerySet, Sum

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
    info, person = people.region(region), people.person(person_id)
    currency = info.currency if info else "USD"
    mine = Commission.objects.filter(region=region, person_id=person_id)
    start = midnight(region, today(region))
    earned = ledger.balance(accounts.earnings(region, currency, person_id))
    debt = -ledger.balance(accounts.owed(region, currency, person_id)).balance
    out = ledger.balance(accounts.withdrawn(region, currency, person_id)).balance
    pending = _left(mine.filter(state=Commission.State.PENDING))
    sums = ClawBack.objects.filter(commission__in=mine, after_posting=True).aggregate(s=Sum("amount_minor", default=0))
    posted = mine.filter(state=Commission.State.POSTED).aggregate(s=Sum("amount_minor", default=0), c=Sum("clawed_minor", default=0))
    gross = posted["s"] - (posted["c"] - sums["s"])
    paid = Withdrawal.objects.filter(region=region, person_id=person_id, state=Withdrawal.State.PAID)
    paid_minor = paid.aggregate(s=Sum("amount_minor", default=0))["s"]
    return LeaderMoney(
        person_id=person_id,
        name=person.display_name if person else "",
        currency=currency,
        today_minor=_left(mine.filter(accrued_at__gte=start)),
        pending_minor=pending,
        available_minor=earned.free,
        held_minor=earned.held,
        debt_minor=debt,
        withdrawn_minor=out,
        earned_minor=gross,
        clawed_minor=sums["s"],
        agrees=gross - sums["s"] - paid_minor == earned.balance - debt and paid_minor == out,
    )


def _left(found: QuerySet[Commission]) -> int:
    return int(found.aggregate(s=Sum(F("amount_minor") - F("clawed_minor"), default=0))["s"])


def leaders_money(region: str) -> list[LeaderMoney]:
    """Every leader of the region, and whoever led and still has or owes something; the most to come first."""
    led = {p.person_id for c in people.communities(region) if (p := people.leader_of(c.community_id)) is not None}
    led |= set(Commission.objects.filter(region=region).values_list("person_id", flat=True).distinct())
    return sorted((leader_money(region, person_id) for person_id in led), key=lambda m: (-m.net_minor - m.pending_minor, m.person_id))


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
    names = {p: (info.display_name if (info := people.person(p)) else "") for w in rows for p in (w.person_id, w.decided_by) if p}
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
