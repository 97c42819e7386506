"""Settling with partners: what each is owed until a day is added up, approved by a person, and marked paid."""

from __future__ import annotations

import uuid
from datetime import date

from django.db import transaction
from django.db.models import Sum

from linli.kernel import clocks, events, ids, ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, days
from linli.trade.events import StatementDrawn, StatementEnded
from linli.trade.models import Partner, PartnerEntry, Statement

State = Statement.State


@transaction.atomic
def draw_up(*, region: str, partner: str, until: date, by: str, key: str) -> uuid.UUID:
    """Add up what a partner is owed for the days before `until`; the total is held for it. Once a key.

    A debt from refunds after an earlier payment is set off: its entries are among those added up.
    Raises Refusal: trade.no_such_partner, trade.period_open, trade.statement_open,
    trade.nothing_to_settle(total_minor), trade.settle_later.
    """
    row = Partner.objects.select_for_update().filter(region=region, code=partner).first()
    if row is None:
        raise Refusal("trade.no_such_partner", partner=partner)
    if (same := Statement.objects.filter(region=region, key=key, partner=row).first()) is not None:
        return same.pk
    if until > days.today(region):
        raise Refusal("trade.period_open")
    if Statement.objects.filter(partner=row, state__in=[State.DRAWN, State.APPROVED]).exists():
        raise Refusal("trade.statement_open")
    due = PartnerEntry.objects.filter(region=region, partner=row, statement=None, at__lt=days.midnight(region, until))
    chosen = list(due.values_list("pk", "amount_minor"))
    total = sum(amount for _, amount in chosen)
    if total < 1:
        raise Refusal("trade.nothing_to_settle", total_minor=total)
    home = people.region(region)
    currency = home.currency if home else ""
    made = Statement.objects.create(
        id=ids.new(),
        region=region,
        partner=row,
        key=key,
        until=until,
        total_minor=total,
        currency=currency,
        drawn_at=clocks.business_now(),
        drawn_by=by,
    )
    # Those that were added up, not those that lie there now: a hand-over may have come in between.
    PartnerEntry.objects.filter(pk__in=[pk for pk, _ in chosen]).update(statement=made)
    events.append(StatementDrawn(partner, str(made.pk), until.isoformat(), total, by), region=region, subject=f"partner:{partner}")
    _hold(made, partner)
    return made.pk


def _hold(made: Statement, partner: str) -> None:
    owed, debt = accounts.payable(made.region, made.currency, partner), accounts.owing(made.region, made.currency, partner)
    moves = []
    if owes := -ledger.balance(debt).balance:
        moves.append(
            ledger.Move(key=f"statement/{made.pk.hex}/offset", source=owed, target=debt, amount=owes, reason="trade.partner_debt_set_off")
        )
    target = accounts.paid_out(made.region, made.currency, partner)
    moves.append(
        ledger.Move(
            key=f"statement/{made.pk.hex}", source=owed, target=target, amount=made.total_minor, reason="trade.partner_paid", pending=True
        )
    )
    try:
        ledger.commit(*moves)
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        raise Refusal("trade.settle_later") from refusal  # goods of those days came back since: a later day adds up


def _locked(region: str, statement_id: uuid.UUID | str) -> Statement:
    try:
        number = statement_id if isinstance(statement_id, uuid.UUID) else uuid.UUID(str(statement_id))
    except ValueError:
        raise Refusal("trade.no_such_statement") from None
    found = Statement.objects.select_for_update(of=("self",)).select_related("partner").filter(region=region, pk=number).first()
    if found is None:
        raise Refusal("trade.no_such_statement")
    return found


@transaction.atomic
def approve(*, region: str, statement_id: uuid.UUID | str, by: str) -> str:
    """A person has looked at it; returns its state. Again changes nothing.

    Raises Refusal: trade.no_such_statement, trade.statement_ended.
    """
    s = _locked(region, statement_id)
    if s.state == State.CANCELLED:
        raise Refusal("trade.statement_ended")
    if s.state == State.DRAWN:
        s.state, s.approved_at, s.approved_by = State.APPROVED, clocks.business_now(), by
        s.save(update_fields=["state", "approved_at", "approved_by"])
    return s.state


@transaction.atomic
def paid(*, region: str, statement_id: uuid.UUID | str, reference: str, by: str) -> str:
    """The bank's transfer `reference` has gone out. Again changes nothing.

    Raises Refusal: trade.no_such_statement, trade.statement_not_approved, trade.statement_ended, trade.no_reference.
    """
    s = _locked(region, statement_id)
    if s.state == State.PAID:
        return s.state
    if s.state == State.CANCELLED:
        raise Refusal("trade.statement_ended")
    if s.state != State.APPROVED:
        raise Refusal("trade.statement_not_approved")
    if not (told := reference.replace("\0", "").strip()[:96]):
        raise Refusal("trade.no_reference")
    s.state, s.paid_at, s.paid_by, s.reference = State.PAID, clocks.business_now(), by, told
    s.save(update_fields=["state", "paid_at", "paid_by", "reference"])
    _end(s, told, by)
    ledger.commit(ledger.Post(key=f"statement/{s.pk.hex}/post", pending_key=f"statement/{s.pk.hex}", region=region))
    return s.state


@transaction.atomic
def cancel(*, region: str, statement_id: uuid.UUID | str, by: str) -> str:
    """Take a statement back before it is paid: its entries wait for the next. Again changes nothing.

    Raises Refusal: trade.no_such_statement, trade.statement_ended.
    """
    s = _locked(region, statement_id)
    if s.state == State.CANCELLED:
        return s.state
    if s.state == State.PAID:
        raise Refusal("trade.statement_ended")
    s.state = State.CANCELLED
    s.save(update_fields=["state"])
    s.entries.update(statement=None)
    _end(s, "", by)
    ledger.commit(ledger.Void(key=f"statement/{s.pk.hex}/void", pending_key=f"statement/{s.pk.hex}", region=region))
    return s.state


def _end(s: Statement, reference: str, by: str) -> None:
    fact = StatementEnded(s.partner.code, str(s.pk), s.state, s.total_minor, reference, by)
    events.append(fact, region=s.region, subject=f"partner:{s.partner.code}")


def difference(region: str, currency: str, partner: str) -> int:
    """What the entries say a partner is owed less what the ledger says: 0, or the books don't add up."""
    entered = PartnerEntry.objects.filter(region=region, partner__code=partner).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    gone = Statement.objects.filter(region=region, partner__code=partner, state=State.PAID).aggregate(sum=Sum("total_minor"))["sum"] or 0
    owed = ledger.balance(accounts.payable(region, currency, partner)).balance
    return int(entered - gone - owed - ledger.balance(accounts.owing(region, currency, partner)).balance)
