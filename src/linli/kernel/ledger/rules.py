"""What fits the books and what is refused, decided in arrival order. Pure: no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from linli.kernel.ledger.entries import (
    AccountRef,
    Entry,
    Move,
    Outcome,
    Post,
    Reverse,
    Void,
    account_id,
    digest,
    malformed,
    refers_to,
    transfer_id,
)
from linli.kernel.money import LARGEST_SUM
from linli.kernel.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry with what is derived from it once: its id, its content's digest, the transfer it is about."""

    entry: Entry
    id: str
    digest: str
    about: str | None


Group = list[Asked] | Refusal
"""Entries that stand or fall together, or why they can't stand whatever the books say."""


@dataclass(slots=True)
class Row:
    """A transfer, written or to be written. Ids are hex. `settled`: the pending is resolved, or the posted one reversed."""

    id: str
    region: str
    key: str
    kind: str
    source: str
    target: str
    amount: int
    reason: str
    digest: str
    expires_at: datetime | None = None
    pending: str | None = None
    reverses: str | None = None
    settled: bool = False


@dataclass(slots=True)
class Standing:
    """Where an account stands. Its floor guards `balance - held`; None guards nothing."""

    ref: AccountRef
    balance: int
    held: int
    floor: int | None


@dataclass(slots=True)
class Books:
    """What a decision may look at. Accounts without a standing aren't judged here: their constraint is."""

    standings: dict[str, Standing] = field(default_factory=dict)
    transfers: dict[str, Row] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """Outcomes in the order of the groups; the rows to write; per account (to balance, to held)."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    sums: dict[str, tuple[int, int]] = field(default_factory=dict)


def prepare(groups: Iterable[Sequence[Entry]]) -> list[Group]:
    """Entries with their ids; a group with a malformed entry becomes its refusal."""
    return [_prepare(group) for group in groups]


def _prepare(group: Sequence[Entry]) -> Group:
    for entry in group:
        if (refusal := malformed(entry)) is not None:
            return refusal
    return [Asked(entry, transfer_id(entry.region, entry.key), digest(entry), refers_to(entry)) for entry in group]


def decide(groups: Sequence[Group], books: Books, now: datetime) -> Plan:
    """Take the groups one after the other; one that is refused leaves no trace. Uses `books` up (it is the state)."""
    if not books.standings and not books.transfers and (plain := _plain(groups, now)) is not None:
        return plain
    plan = Plan()
    for group in groups:
        if isinstance(group, Refusal):
            plan.outcomes.append(Outcome(group))
            continue
        draft = _Draft(books, now)
        try:
            for asked in group:
                draft.take(asked)
            draft.judge()
        except Refusal as refusal:
            plan.outcomes.append(Outcome(refusal.with_traceback(None)))
            continue
        draft.enter(plan)
        plan.outcomes.append(Outcome(replayed=not draft.rows))
    return plan


def _plain(groups: Sequence[Group], now: datetime) -> Plan | None:
    """The plan of moves under different keys when nothing is known of the books, as every order is; None for anything else.

    The same plan as below, in a third of the time: no move can meet another, so none needs a draft.
    """
    plan = Plan()
    ids: set[str] = set()
    sums = plan.sums
    for group in groups:
        if isinstance(group, Refusal):
            return None
        for asked in group:
            move = asked.entry
            if type(move) is not Move or (move.expires_at is not None and move.expires_at <= now):
                return None
            source, target, amount = account_id(move.source), account_id(move.target), move.amount
            kind = "pending" if move.pending else "posted"
            row = Row(asked.id, move.region, move.key, kind, source, target, amount, move.reason, asked.digest, move.expires_at)
            balance, held = sums.get(source, _NOTHING)
            if move.pending:
                sums[source] = balance, held + amount
            else:
                sums[source] = balance - amount, held
                balance, held = sums.get(target, _NOTHING)
                sums[target] = balance + amount, held
            ids.add(asked.id)
            plan.rows.append(row)
        plan.outcomes.append(Outcome(replayed=not group))
    return plan if len(ids) == len(plan.rows) else None


_NOTHING = (0, 0)


class _Draft:
    """One group's rows and effects, on top of the books and not yet in them."""

    def __init__(self, books: Books, now: datetime) -> None:
        self.books, self.now = books, now
        self.rows: dict[str, Row] = {}
        self.settled: set[str] = set()
        self.sums: dict[str, tuple[int, int]] = {}

    def take(self, asked: Asked) -> None:
        """Add one entry. Raises Refusal when the books don't allow it (floors are judged at the end of the group)."""
        if (known := self._find(asked.id)) is not None:
            if known.digest != asked.digest:
                raise Refusal("ledger.key_reused", key=asked.entry.key)
            return
        entry = asked.entry
        if isinstance(entry, Move):
            self._move(asked, entry)
        elif isinstance(entry, Post):
            self._post(asked, entry)
        elif isinstance(entry, Void):
            pending = self._open_pending(asked, entry.pending_key)
            row = Row(asked.id, entry.region, entry.key, "void", pending.source, pending.target, 0, pending.reason, asked.digest)
            self._settle(asked, pending, row)
        else:
            self._reverse(asked, entry)

    def _find(self, transfer: str | None) -> Row | None:
        if transfer is None:
            return None
        return self.rows.get(transfer) or self.books.transfers.get(transfer)

    def _move(self, asked: Asked, move: Move) -> None:
        if move.expires_at is not None and move.expires_at <= self.now:
            raise Refusal("ledger.expired", key=move.key, expires_at=move.expires_at)
        source, target = account_id(move.source), account_id(move.target)
        kind = "pending" if move.pending else "posted"
        self.rows[asked.id] = Row(
            asked.id, move.region, move.key, kind, source, target, move.amount, move.reason, asked.digest, expires_at=move.expires_at
        )
        if move.pending:
            self._add(source, 0, move.amount)
        else:
            self._add(source, -move.amount, 0)
            self._add(target, move.amount, 0)

    def _post(self, asked: Asked, post: Post) -> None:
        pending = self._open_pending(asked, post.pending_key)
        if pending.expires_at is not None and pending.expires_at <= self.now:
            raise Refusal("ledger.expired", key=post.pending_key, expires_at=pending.expires_at)
        amount = pending.amount if post.amount is None else post.amount
        if amount > pending.amount:
            raise Refusal("ledger.over_pending", key=post.pending_key, asked=amount, pending=pending.amount)
        row = Row(asked.id, post.region, post.key, "post", pending.source, pending.target, amount, pending.reason, asked.digest)
        self._settle(asked, pending, row)
        self._add(pending.source, -amount, 0)
        self._add(pending.target, amount, 0)

    def _reverse(self, asked: Asked, reverse: Reverse) -> None:
        posted = self._find(asked.about)
        if posted is None or posted.kind not in ("posted", "post"):
            raise Refusal("ledger.unknown_transfer", key=reverse.of_key)
        if posted.settled or posted.id in self.settled:
            raise Refusal("ledger.reversed", key=reverse.of_key)
        self.settled.add(posted.id)
        self.rows[asked.id] = Row(
            asked.id, reverse.region, reverse.key, "posted", posted.target, posted.source, posted.amount, posted.reason, asked.digest
        )
        self.rows[asked.id].reverses = posted.id
        self._add(posted.target, -posted.amount, 0)
        self._add(posted.source, posted.amount, 0)

    def _open_pending(self, asked: Asked, key: str) -> Row:
        pending = self._find(asked.about)
        if pending is None or pending.kind != "pending":
            raise Refusal("ledger.unknown_pending", key=key)
        if pending.settled or pending.id in self.settled:
            raise Refusal("ledger.resolved", key=key)
        return pending

    def _settle(self, asked: Asked, pending: Row, row: Row) -> None:
        row.pending = pending.id
        self.settled.add(pending.id)
        self.rows[asked.id] = row
        self._add(pending.source, 0, -pending.amount)

    def _add(self, account: str, to_balance: int, to_held: int) -> None:
        balance, held = self.sums.get(account, (0, 0))
        self.sums[account] = (balance + to_balance, held + to_held)

    def judge(self) -> None:
        """Raise Refusal when an account would end outside its bounds: a group is judged by what it leaves."""
        for account, (to_balance, to_held) in self.sums.items():
            standing = self.books.standings.get(account)
            if standing is None:
                continue
            balance, held = standing.balance + to_balance, standing.held + to_held
            if standing.floor is not None and balance - held < standing.floor:
                free = standing.balance - standing.held - standing.floor
                raise Refusal("ledger.insufficient", account=standing.ref, asked=to_held - to_balance, free=free)
            if abs(balance) > LARGEST_SUM or held > LARGEST_SUM:
                raise Refusal("ledger.too_much", account=standing.ref)

    def enter(self, plan: Plan) -> None:
        """Write the draft into the books and the plan."""
        self.books.transfers.update(self.rows)
        for transfer in self.settled:
            self.books.transfers[transfer].settled = True
        for account, (to_balance, to_held) in self.sums.items():
            balance, held = plan.sums.get(account, (0, 0))
            plan.sums[account] = (balance + to_balance, held + to_held)
            if (standing := self.books.standings.get(account)) is not None:
                standing.balance += to_balance
                standing.held += to_held
        plan.rows.extend(self.rows.values())
