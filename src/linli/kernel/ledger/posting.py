"""The one path into the books: a batch of groups, each judged by itself; a single commit is a batch of one.

Order of locks on every path, so that no two batches wait for each other in a circle: accounts being opened, then
keys, pendings and reversed transfers, then account rows, last and shortest; each of these in id order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, OperationalError, transaction

from linli.kernel import clocks
from linli.kernel.busy import is_deadlock
from linli.kernel.ledger import tables
from linli.kernel.ledger.entries import AccountRef, Entry, Move, Outcome, Void, account_id
from linli.kernel.ledger.rules import Asked, Books, Group, Row, Standing, decide, prepare
from linli.kernel.models import Transfer, WorkRow

TRIES = 6
"""Hopefully, again with accounts opened, then exactly: more are needed only when a key or pending changes hands in between."""


def open(ref: AccountRef, floor: int | None = 0) -> None:
    """Open the account, or leave it as it is. `floor` None guards nothing: an issuer, the outside world."""
    with transaction.atomic():
        tables.open_missing([ref], floor)


def open_many(refs: Mapping[AccountRef, int | None]) -> None:
    """Open the accounts that aren't, each with its own floor; the others are left as they are."""
    for floor in sorted(set(refs.values()), key=str):
        tables.open_missing([ref for ref, its in refs.items() if its == floor], floor)


class Misfit(Exception):
    """What was written hopefully doesn't fit, or not certainly: undo it all and ask `batch`."""


def attempt(moves: Sequence[Move], before: Callable[[], object] | None = None) -> None:
    """Write new moves as if they fit, in the caller's transaction and without a savepoint: the quickest way in.

    `before` writes what goes with them, by `bulk`'s statements alone: they are sent together.

    Raises Misfit or IntegrityError, after which the caller's transaction (or savepoint) must be undone.
    """
    (group,) = prepare([moves])
    now = clocks.business_now()
    plan = decide([group], Books(), now)
    if plan.outcomes[0].refusal is not None:
        raise Misfit from plan.outcomes[0].refusal
    try:
        tables.write(plan.rows, plan.sums, now, clocks.machine_now(), before)
    except tables.AccountMissing:
        raise Misfit from None


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
    asked = [one for group in prepared if isinstance(group, list) for one in group]
    if not asked:
        return decide(prepared, Books(), clocks.business_now()).outcomes
    now = clocks.business_now()
    opening = exactly = False
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                if exactly:
                    return _write_exactly(prepared, asked, now)
                return _write_hopefully(prepared, asked, now, opening=opening)
        except tables.AccountMissing:
            opening, exactly = True, opening
        except (IntegrityError, _Unsure):
            exactly = True
            if attempt == TRIES - 1:
                raise
        except OperationalError as error:
            exactly = True
            if not is_deadlock(error) or attempt == TRIES - 1:
                raise
    raise RuntimeError("accounts vanish: the ledger deletes none")


class _Unsure(Exception):
    """A group seems not to fit, as far as an unlocked look can tell."""


def _write_hopefully(groups: Sequence[Group], asked: Sequence[Asked], now: datetime, *, opening: bool) -> list[Outcome]:
    """Write as if keys are new and accounts hold enough: nobody has looked, the constraints judge.

    With `opening` the accounts that moves name are opened before; should a group be refused after all, not even that stays.
    """
    plan = decide(groups, Books(transfers=_referred_to(asked)), now)
    if any(outcome.refusal and isinstance(group, list) for group, outcome in zip(groups, plan.outcomes, strict=True)):
        raise _Unsure
    if opening:
        tables.open_missing(_named(asked).values())
    tables.write(plan.rows, plan.sums, now, clocks.machine_now())
    return plan.outcomes


def _write_exactly(groups: Sequence[Group], asked: Sequence[Asked], now: datetime) -> list[Outcome]:
    """Claim the keys that seem to fit, lock the accounts, decide on what is locked, and put the difference right."""
    named = _named(asked)
    ids = {one.id for one in asked} | {one.about for one in asked if one.about}
    seen = tables.transfers(ids)
    accounts = named.keys() | _ends(seen.values())
    guess = decide(groups, Books(_standings(accounts, named), seen), now)
    tables.open_missing([named[account] for account in _ends(guess.rows) if account in named])
    written_at = clocks.machine_now()
    claimed = tables.claim(guess.rows, now, written_at)
    # From here on nobody else can write these keys or settle these pendings: what is read now stays so.
    transfers = tables.transfers(ids - claimed)
    for row in guess.rows:
        if row.id in claimed and (about := row.pending or row.reverses) in transfers:
            transfers[about].settled = False  # it was our own claim that settled it
    accounts |= _ends(transfers.values())
    plan = decide(groups, Books(_standings(accounts, named, lock=True), transfers), now)
    tables.open_missing([named[account] for account in _ends(plan.rows) - _ends(guess.rows) if account in named])
    tables.unclaim(claimed - {row.id for row in plan.rows})
    tables.write([row for row in plan.rows if row.id not in claimed], plan.sums, now, written_at)
    return plan.outcomes


def _named(asked: Sequence[Asked]) -> dict[str, AccountRef]:
    """The accounts that moves name: only these may have to be opened."""
    return {account_id(ref): ref for one in asked if isinstance(one.entry, Move) for ref in (one.entry.source, one.entry.target)}


def _ends(rows: Iterable[Row]) -> set[str]:
    return {account for row in rows for account in (row.source, row.target)}


def _standings(accounts: Collection[str], named: dict[str, AccountRef], *, lock: bool = False) -> dict[str, Standing]:
    """Where the accounts stand; one that isn't open stands as it will be opened. A refused group opens none."""
    return {account: Standing(ref, 0, 0, 0) for account, ref in named.items()} | tables.standings(accounts, lock=lock)


def _referred_to(asked: Sequence[Asked]) -> dict[str, Row]:
    return tables.transfers({one.about for one in asked if one.about})


def void_expired(now: datetime, limit: int = 500) -> int:
    """Void up to `limit` pendings that expired by `now` (business time), oldest first. Returns how many."""
    overdue = (
        Transfer.objects.filter(kind=Transfer.Kind.PENDING, expires_at__lte=now, resolutions=None)
        .order_by("expires_at", "pk")
        .values_list("region", "key", "pk")[:limit]
    )
    outcomes = batch([[Void(f"expired:{pk}", key, region=region)] for region, key, pk in overdue])
    return sum(outcome.ok and not outcome.replayed for outcome in outcomes)


def void_expired_due(row: WorkRow) -> None:
    """Work handler of "ledger.void_expired"."""
    void_expired(clocks.business_now())
