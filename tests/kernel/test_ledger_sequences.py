"""Random sequences against the ledger and a model of it in plain Python; every invariant after every step.

LINLI_SEQUENCES=10000 makes the long run.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from linli.kernel import clocks, ledger
from linli.kernel.ledger import AccountRef, Move, Post, Reverse, Void

NINE = datetime(2017, 10, 2, 13, tzinfo=UTC)
R = "us-demo"


def _ref(asset: str, owner: str) -> AccountRef:
    return AccountRef(R, asset, owner, "quota")


ACCOUNTS = [_ref(asset, owner) for asset in ("USD", "POINT") for owner in ("outside", "alice", "bob", "credit", "late")]
FLOORS = {"outside": None, "alice": 0, "bob": 0, "credit": -5}
KEYS = [f"k{n}" for n in range(40)]


@dataclass
class Written:
    """A transfer as the model remembers it."""

    content: tuple
    kind: str
    source: AccountRef
    target: AccountRef
    amount: int
    expires_at: datetime | None = None
    settled: bool = False


@dataclass
class Model:
    """The ledger in plain Python: slow, obvious, and written without looking at the other one."""

    floors: dict[AccountRef, int | None] = field(default_factory=dict)
    balance: dict[AccountRef, int] = field(default_factory=dict)
    held: dict[AccountRef, int] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)

    def group(self, entries: list, now: datetime) -> tuple[str | None, bool]:
        """(refusal's code or None, whether nothing was new). Leaves no trace of a refused group."""
        if any(self._impossible(entry) for entry in entries):
            return next(code for entry in entries if (code := self._impossible(entry))), False
        before, known = copy.deepcopy(self.__dict__), len(self.written)
        code = next((code for entry in entries if (code := self._take(entry, now))), None)
        if code is None and any(
            self.floors[ref] is not None and self.balance.get(ref, 0) - self.held.get(ref, 0) < self.floors[ref] for ref in self.floors
        ):
            code = "ledger.insufficient"
        if code is not None:
            self.__dict__.update(before)
        return code, code is None and len(self.written) == known

    @staticmethod
    def _impossible(entry: object) -> str | None:
        if isinstance(entry, Post) and entry.amount is not None and entry.amount <= 0:
            return "ledger.amount"
        if not isinstance(entry, Move):
            return None
        if entry.amount <= 0:
            return "ledger.amount"
        if entry.source.asset != entry.target.asset:
            return "ledger.asset_mismatch"
        return "ledger.same_account" if entry.source == entry.target else None

    def _take(self, entry: object, now: datetime) -> str | None:
        content = (type(entry).__name__, *(str(getattr(entry, f)) for f in type(entry).__slots__))
        if entry.key in self.written:
            return None if self.written[entry.key].content == content else "ledger.key_reused"
        if isinstance(entry, Move):
            return self._move(entry, content, now)
        about = self.written.get(entry.of_key if isinstance(entry, Reverse) else entry.pending_key)
        if isinstance(entry, Reverse):
            return self._reverse(entry, about, content)
        if about is None or about.kind != "pending":
            return "ledger.unknown_pending"
        if about.settled:
            return "ledger.resolved"
        amount = 0
        if isinstance(entry, Post):
            if about.expires_at is not None and now >= about.expires_at:
                return "ledger.expired"
            amount = about.amount if entry.amount is None else entry.amount
            if amount > about.amount:
                return "ledger.over_pending"
        about.settled = True
        self.held[about.source] -= about.amount
        self._shift(about.source, about.target, amount)
        self.written[entry.key] = Written(content, "post" if amount else "void", about.source, about.target, amount)
        return None

    def _move(self, move: Move, content: tuple, now: datetime) -> str | None:
        if move.expires_at is not None and now >= move.expires_at:
            return "ledger.expired"
        for ref in (move.source, move.target):
            self.floors.setdefault(ref, 0)
        if move.pending:
            self.held[move.source] = self.held.get(move.source, 0) + move.amount
        else:
            self._shift(move.source, move.target, move.amount)
        kind = "pending" if move.pending else "posted"
        self.written[move.key] = Written(content, kind, move.source, move.target, move.amount, move.expires_at)
        return None

    def _reverse(self, reverse: Reverse, about: Written | None, content: tuple) -> str | None:
        if about is None or about.kind not in ("posted", "post"):
            return "ledger.unknown_transfer"
        if about.settled:
            return "ledger.reversed"
        about.settled = True
        self._shift(about.target, about.source, about.amount)
        self.written[reverse.key] = Written(content, "posted", about.target, about.source, about.amount)
        return None

    def _shift(self, source: AccountRef, target: AccountRef, amount: int) -> None:
        self.balance[source] = self.balance.get(source, 0) - amount
        self.balance[target] = self.balance.get(target, 0) + amount

    def expire(self, now: datetime) -> int:
        overdue = [w for w in self.written.values() if w.kind == "pending" and not w.settled and w.expires_at and w.expires_at <= now]
        for w in overdue:
            w.settled = True
            self.held[w.source] -= w.amount
        return len(overdue)


def _moves() -> st.SearchStrategy[Move]:
    def move(key: str, ends: tuple[int, int], asset: str, amount: int, pending: bool, hours: int | None) -> Move:
        owners = ["outside", "alice", "bob", "credit", "late"]
        source, target = _ref(asset, owners[ends[0]]), _ref(asset, owners[ends[1]])
        if ends[0] == ends[1] and amount % 2:  # sometimes the same account, sometimes another asset
            target = _ref("POINT" if asset == "USD" else "USD", owners[ends[1]])
        expires_at = NINE + timedelta(hours=hours) if pending and hours is not None else None
        return Move(key, source, target, amount, "order", expires_at=expires_at, pending=pending)

    end = st.integers(0, 4)
    # From outside mostly, so that there is something to move.
    ends = st.one_of(st.tuples(st.just(0), st.integers(1, 4)), st.tuples(st.integers(1, 4), end))
    amount, hours = st.sampled_from([3, 1, 2, 5, 4, 3, 2, 8, 0, -1]), st.sampled_from([4, 2, 1, 9, None, 6])
    return st.builds(move, st.sampled_from(KEYS), ends, st.sampled_from(["USD", "USD", "POINT"]), amount, st.booleans(), hours)


CODES = "insufficient key_reused resolved reversed expired over_pending unknown_pending unknown_transfer amount asset_mismatch"
SEEN: Counter[str] = Counter()
"""How often each outcome was met: a sequence that never meets one proves nothing about it."""

KEY = st.sampled_from(KEYS)
ENTRIES = st.one_of(
    *[_moves()] * 5,
    st.builds(Post, KEY, KEY, st.one_of(st.none(), st.none(), st.integers(0, 5)), region=st.just(R)),
    st.builds(Void, KEY, KEY, region=st.just(R)),
    st.builds(Reverse, KEY, KEY, region=st.just(R)),
)
GROUPS = st.lists(ENTRIES, min_size=1, max_size=3)


class Sequences(RuleBasedStateMachine):
    """Batches of good and bad groups, replays, expiry; the ledger must answer as the model does."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.sent, self.hours, self.settling = Model(), [], 0, 0
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @property
    def now(self) -> datetime:
        return NINE + timedelta(hours=self.hours)

    @initialize(funds=st.lists(st.integers(0, 9), min_size=4, max_size=4))
    def fund(self, funds: list[int]) -> None:
        for ref in ACCOUNTS:
            if ref.owner in FLOORS:
                ledger.open(ref, FLOORS[ref.owner])
                self.model.floors[ref] = FLOORS[ref.owner]
        moves = [
            Move(f"fund-{asset}-{owner}", _ref(asset, "outside"), _ref(asset, owner), amount, "fund")
            for (asset, owner), amount in zip([(a, o) for a in ("USD", "POINT") for o in ("alice", "bob")], funds, strict=True)
            if amount
        ]
        self._send([[move] for move in moves])

    @rule(groups=st.lists(GROUPS, min_size=1, max_size=4))
    def batch(self, groups: list[list]) -> None:
        self._send(groups)

    @rule(which=st.integers(0, 10**6), also=GROUPS)
    def replay(self, which: int, also: list) -> None:
        if self.sent:
            self._send([self.sent[which % len(self.sent)], also])

    @rule(
        which=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["post", "part", "void", "reverse"])), min_size=1, max_size=4),
        together=st.booleans(),
    )
    def settle(self, which: list[tuple[int, str]], together: bool) -> None:
        """Resolve or reverse what was written before, or has been settled since, or was never let in."""
        written = self.model.written
        wanted = ("posted", "post") if which[0][1] == "reverse" else ("pending",)
        keys = [key for key, w in written.items() if w.kind in wanted] or list(written)
        entries = []
        for n, kind in which:
            self.settling += 1
            key, about = f"s{self.settling}", keys[n % len(keys)] if keys else "k0"
            part = 1 + n % 9 if kind == "part" else None
            entries.append(
                Void(key, about, region=R)
                if kind == "void"
                else Reverse(key, about, region=R)
                if kind == "reverse"
                else Post(key, about, part, region=R)
            )
        self._send([entries] if together else [[entry] for entry in entries])

    @rule(asked=st.lists(st.sampled_from([5, None, 2, 4, 3]), min_size=2, max_size=2), amount=st.sampled_from([3, 1, 5]))
    def settle_twice(self, asked: list[int | None], amount: int) -> None:
        """A hold that always fits, settled (or asked for too much) at once, and then once more."""
        self.settling += 1
        key = f"p{self.settling}"
        hold = Move(key, _ref("USD", "outside"), _ref("USD", "alice"), amount, "order", pending=True)
        self._send([[hold], *([Post(f"{key}-{n}", key, part, region=R)] for n, part in enumerate(asked))])

    @rule(which=st.integers(0, 10**6), amount=st.integers(1, 4))
    def other_content(self, which: int, amount: int) -> None:
        moves = [entry for group in self.sent for entry in group if isinstance(entry, Move)]
        if moves:
            m = moves[which % len(moves)]
            self._send([[Move(m.key, m.source, m.target, amount, m.reason, m.expires_at, m.pending)]])

    @rule(hours=st.integers(1, 3))
    def later(self, hours: int) -> None:
        self.hours += hours

    @rule()
    def expire(self) -> None:
        assert ledger.void_expired(self.now) == self.model.expire(self.now)

    def _send(self, groups: list[list]) -> None:
        expected = [self.model.group(group, self.now) for group in groups]
        with clocks.fixed(business=self.now):
            outcomes = ledger.batch(groups)
        assert [(o.refusal and o.refusal.code, o.replayed) for o in outcomes] == expected
        SEEN.update(code or ("replayed" if replayed else "written") for code, replayed in expected)
        self.sent += groups

    @invariant()
    def books_are_the_models(self) -> None:
        found = {b.ref: (b.balance, b.held, b.floor) for b in ledger.balances(R)}
        m = self.model
        assert found == {ref: (m.balance.get(ref, 0), m.held.get(ref, 0), floor) for ref, floor in m.floors.items()}
        assert all(floor is None or balance - held >= floor for balance, held, floor in found.values())

    @invariant()
    def books_audit_clean(self) -> None:
        assert ledger.audit().findings == []


@pytest.mark.django_db
def test_every_sequence_ends_as_the_models() -> None:
    number = int(os.environ.get("LINLI_SEQUENCES", "60"))
    # The short run is the same every time; the long one looks for what nobody has thought of.
    quiet = settings(
        derandomize="LINLI_SEQUENCES" not in os.environ,
        max_examples=number,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Sequences, settings=quiet)
    never = {"replayed", "written", *(f"ledger.{code}" for code in CODES.split())} - SEEN.keys()
    assert not never, f"these outcomes were never met: {never}"
