"""The one path into the books: a batch of groups, each judged by itself; a single commit is a batch of one.

Order of locks on every path, so that no two batches wait for each other in a circle: accounts being opened (by
name), then keys, pendings and reversed transfers (by id), then account rows (by id), last and shortest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction

from linli.kernel import clocks
from linli.kernel.ledger import tables
from linli.kernel.ledger.entries import AccountRef, Entry, Move, Outcome, Void
from linli.kernel.ledger.rules import Asked, Books, Group, Plan, decide, prepare
from linli.kernel.models import Transfer

TRIES = 6
"""One optimistic, then exact ones: a second is needed only when a key, pending or account changed hands in between."""


def open(ref: AccountRef, floor: int | None = 0) -> None:
    """Open the account, or leave it as it is. `floor` None guards nothing: an issuer, the outside world."""
    with transaction.atomic():
        tables.accounts([ref], floor)


def commit(*entries: Entry) -> None:
    """Write all entries or none, in the caller's transaction. What is written already has no effect again.

    Raises Refusal: ledger.insufficient (account, asked, free), ledger.key_reused, ledger.resolved, ledger.reversed,
    ledger.expired, ledger.over_pending, ledger.unknown_pending, ledger.unknown_transfer, ledger.too_much, and for
    entries that could never be written ledger.amount, ledger.malformed, ledger.same_account, ledger.asset_mismatch,
    ledger.region_mismatch.
    """
    (outcome,) = batch([entries])
    if outcome.refusal is not None:
        raise outcome.refusal


def batch(groups: Sequence[Sequence[Entry]]) -> list[Outcome]:
    """Write each group whole or not at all, in the order given; the outcomes are in that order.

    Locks the accounts that change until the caller's transaction ends: call it once per transaction, as late as
    you can.
    """
    prepared = prepare(groups)
    now = clocks.business_now()
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return _write(prepared, now, optimistic=attempt == 0)
        except IntegrityError:
            if attempt == TRIES - 1:
                raise
        except OperationalError as error:
            if not _deadlocked(error) or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _write(groups: Sequence[Group], now: datetime, *, optimistic: bool) -> list[Outcome]:
    asked = [one for group in groups if isinstance(group, list) for one in group]
    books = _books(asked)
    plan = decide(groups, books, now)
    if optimistic and plan.all_fit:
        # Nobody has looked whether the keys are new or the accounts still hold as much: the constraints judge.
        written_at = clocks.machine_now()
        tables.insert(plan.rows, now, written_at)
        tables.add(plan.sums)
        return plan.outcomes
    return _write_exactly(groups, asked, books, plan, now)


def _books(asked: Sequence[Asked]) -> Books:
    """What a first, unlocked look shows: the accounts of moves (opened where missing), and the transfers referred to."""
    refs = {ref for one in asked if isinstance(one.entry, Move) for ref in (one.entry.source, one.entry.target)}
    found = tables.accounts(refs)
    return Books(
        accounts={ref: account for ref, (account, _) in found.items()},
        standings=dict(found.values()),
        transfers=tables.transfers({one.about for one in asked if one.about}),
    )


def _write_exactly(groups: Sequence[Group], asked: Sequence[Asked], first: Books, guess: Plan, now: datetime) -> list[Outcome]:
    """Claim the keys that seem to fit, lock the accounts, decide on what is locked, and put the difference right."""
    written_at = clocks.machine_now()
    claimed = tables.claim(guess.rows, now, written_at)
    ids: set[UUID] = {one.id for one in asked} | {one.about for one in asked if one.about}
    transfers = tables.transfers(ids - claimed)
    touched = set(first.accounts.values()) | {account for row in transfers.values() for account in (row.source, row.target)}
    # A claimed resolution makes its pending look settled, by ourselves.
    for row in guess.rows:
        if row.id in claimed and (about := row.pending or row.reverses) in transfers:
            transfers[about].settled = False
    plan = decide(groups, Books(first.accounts, tables.lock(touched), transfers), now)
    wanted = {row.id for row in plan.rows}
    tables.unclaim(claimed - wanted)
    tables.insert([row for row in plan.rows if row.id not in claimed], now, written_at)
    tables.add(plan.sums)
    return plan.outcomes


def _deadlocked(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in ("40P01", "40001")


def void_expired(now: datetime, limit: int = 500) -> int:
    """Void up to `limit` pendings that expired by `now` (business time), oldest first. Returns how many."""
    overdue = (
        Transfer.objects.filter(kind=Transfer.Kind.PENDING, expires_at__lte=now, resolutions=None)
        .order_by("expires_at", "pk")
        .values_list("region", "key", "pk")[:limit]
    )
    outcomes = batch([[Void(f"expired:{pk}", key, region=region)] for region, key, pk in overdue])
    return sum(outcome.ok and not outcome.replayed for outcome in outcomes)
