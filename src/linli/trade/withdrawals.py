"""Withdrawals: a leader asks, somebody else approves, the money is sent by hand or channel and its number written down."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from linli.kernel import clocks, events, ids, ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, commission, rules, terms
from linli.trade.events import WithdrawalDecided, WithdrawalRequested
from linli.trade.models import Withdrawal
from linli.trade.posting import Posting

State = Withdrawal.State


@dataclass(frozen=True)
class Asked:
    """A withdrawal as it stands."""

    withdrawal_id: uuid.UUID
    amount_minor: int
    state: str


def request(*, region: str, person_id: int, amount_minor: int, key: str) -> Asked:
    """A leader wants so much of the earnings paid out; it is held from now on. Once a key.

    Raises Refusal: trade.no_such_leader, trade.withdraw_least(least_minor), trade.too_little_earned(free_minor), trade.key_reused.
    """
    rules.check_key(key)
    info = people.region(region)
    if info is None or not any(r.kind == "leader" and r.region == region for r in people.roles_of(person_id)):
        raise Refusal("trade.no_such_leader")
    try:
        with transaction.atomic():
            return _before(region, person_id, amount_minor, key) or _request(info, person_id, amount_minor, key)
    except IntegrityError:
        if (before := _before(region, person_id, amount_minor, key)) is None:
            raise
        return before


def _before(region: str, person_id: int, amount_minor: int, key: str) -> Asked | None:
    found = Withdrawal.objects.filter(region=region, person_id=person_id, key=key).first()
    if found is None:
        return None
    if found.amount_minor != amount_minor:
        raise Refusal("trade.key_reused")
    return Asked(found.pk, found.amount_minor, found.state)


def _request(info: people.RegionInfo, person_id: int, amount_minor: int, key: str) -> Asked:
    least = terms.of(info.slug).withdraw_least_minor
    if type(amount_minor) is not int or amount_minor < max(1, least) or amount_minor > 10**15:
        raise Refusal("trade.withdraw_least", least_minor=max(1, least))
    row = Withdrawal(
        id=ids.new(), region=info.slug, person_id=person_id, key=key, amount_minor=amount_minor, requested_at=clocks.business_now()
    )
    row.save(force_insert=True)
    commission.open_accounts(info.slug, info.currency, person_id)
    fact = WithdrawalRequested(str(row.pk), person_id, amount_minor, f"person:{person_id}")
    events.append(fact, region=info.slug, subject=f"leader:{person_id}")
    hold = ledger.Move(
        key=_key(row),
        source=accounts.earnings(info.slug, info.currency, person_id),
        target=accounts.withdrawn(info.slug, info.currency, person_id),
        amount=amount_minor,
        reason="trade.withdrawal",
        pending=True,
    )
    try:
        ledger.commit(*_debt_first(info, person_id, row), hold)
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        free = ledger.balance(accounts.earnings(info.slug, info.currency, person_id)).free
        raise Refusal("trade.too_little_earned", free_minor=max(0, free)) from refusal
    return Asked(row.pk, amount_minor, row.state)


def _debt_first(info: people.RegionInfo, person_id: int, row: Withdrawal) -> list[ledger.Entry]:
    """A debt that a race left behind is repaid before anything is paid out."""
    earned, owed = accounts.earnings(info.slug, info.currency, person_id), accounts.owed(info.slug, info.currency, person_id)
    amount = min(-ledger.balance(owed).balance, ledger.balance(earned).free)
    if amount <= 0:
        return []
    return [ledger.Move(f"commission/repay/{person_id}/{row.pk.hex}", earned, owed, amount, "trade.commission_repaid")]


def _key(row: Withdrawal) -> str:
    return f"withdrawal/{row.pk.hex}"


@transaction.atomic
def approve(*, withdrawal_id: uuid.UUID | str, region: str, by: int) -> Asked:
    """An operator who isn't the one who asks agrees. Again changes nothing.

    Raises Refusal: trade.no_such_withdrawal, trade.own_withdrawal, trade.withdrawal_decided(state).
    """
    row = _locked(withdrawal_id, region)
    if row.person_id == by:
        raise Refusal("trade.own_withdrawal")
    if row.state == State.REQUESTED:
        row.state, row.decided_by, row.decided_at = State.APPROVED, by, clocks.business_now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        _tell(row, "approved", by)
    elif row.state != State.APPROVED:
        raise Refusal("trade.withdrawal_decided", state=row.state)
    return Asked(row.pk, row.amount_minor, row.state)


@transaction.atomic
def refuse(*, withdrawal_id: uuid.UUID | str, region: str, by: int, why: str) -> Asked:
    """An operator declines, or takes an approval back, and says why: the amount is the leader's again.

    Raises Refusal: as `approve`, and trade.no_reason.
    """
    row = _locked(withdrawal_id, region)
    if row.person_id == by:
        raise Refusal("trade.own_withdrawal")
    if not why.strip():
        raise Refusal("trade.no_reason")
    if row.state in (State.REQUESTED, State.APPROVED):
        row.state, row.decided_by, row.decided_at, row.why = State.REFUSED, by, clocks.business_now(), why.strip()[:200]
        row.save(update_fields=["state", "decided_by", "decided_at", "why"])
        _tell(row, "refused", by)
        currency = _currency(region)
        posting = Posting([ledger.Void(key=f"{_key(row)}/void", pending_key=_key(row), region=region)])
        commission.repay(posting, region, currency, row.person_id, more_free=row.amount_minor, key=row.pk.hex)
        posting.commit()
    elif row.state != State.REFUSED:
        raise Refusal("trade.withdrawal_decided", state=row.state)
    return Asked(row.pk, row.amount_minor, row.state)


@transaction.atomic
def paid(*, withdrawal_id: uuid.UUID | str, region: str, by: int, reference: str) -> Asked:
    """The money has been sent, under this number. The same number again changes nothing.

    Raises Refusal: as `approve`, and trade.no_reference, trade.withdrawal_not_approved.
    """
    row = _locked(withdrawal_id, region)
    number = reference.strip()[:64]
    if row.person_id == by:
        raise Refusal("trade.own_withdrawal")
    if not number:
        raise Refusal("trade.no_reference")
    if row.state == State.REQUESTED:
        raise Refusal("trade.withdrawal_not_approved")
    if row.state == State.APPROVED:
        row.state, row.reference, row.paid_at = State.PAID, number, clocks.business_now()
        row.save(update_fields=["state", "reference", "paid_at"])
        _tell(row, "paid", by)
        ledger.commit(ledger.Post(key=f"{_key(row)}/post", pending_key=_key(row), region=region))
    elif row.state != State.PAID or row.reference != number:
        raise Refusal("trade.withdrawal_decided", state=row.state)
    return Asked(row.pk, row.amount_minor, row.state)


def _locked(withdrawal_id: uuid.UUID | str, region: str) -> Withdrawal:
    try:
        number = withdrawal_id if isinstance(withdrawal_id, uuid.UUID) else uuid.UUID(str(withdrawal_id))
    except ValueError:
        raise Refusal("trade.no_such_withdrawal") from None
    found = Withdrawal.objects.select_for_update().filter(pk=number, region=region).first()
    if found is None:
        raise Refusal("trade.no_such_withdrawal")
    return found


def _tell(row: Withdrawal, outcome: str, by: int) -> None:
    fact = WithdrawalDecided(str(row.pk), row.person_id, row.amount_minor, outcome, row.reference, f"person:{by}")
    events.append(fact, region=row.region, subject=f"leader:{row.person_id}")


def _currency(region: str) -> str:
    info = people.region(region)
    if info is None:
        raise Refusal("people.no_such_region", region=region)
    return info.currency
