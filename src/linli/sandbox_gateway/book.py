"""What the gateway remembers: payments, refunds and callbacks still to be sent, in a small SQLite file."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from linli.sandbox_gateway.wire import fee

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
  out_trade_no TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, title TEXT NOT NULL,
  return_url TEXT NOT NULL, notify_url TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'open', txn TEXT NOT NULL DEFAULT '', ordinal INTEGER, paid_at INTEGER);
CREATE TABLE IF NOT EXISTS refund (
  refund_no TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, amount_minor INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS callback (
  id INTEGER PRIMARY KEY, out_trade_no TEXT NOT NULL, kind TEXT NOT NULL, due_at REAL NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0);
"""
LATER = {
    "payment": {"channel": "TEXT NOT NULL DEFAULT 'sandbox'", "method": "TEXT NOT NULL DEFAULT ''", "payer": "TEXT NOT NULL DEFAULT ''",
                "created_at": "INTEGER NOT NULL DEFAULT 0", "expires_at": "INTEGER"},
    "refund": {"notify_url": "TEXT NOT NULL DEFAULT ''", "created_at": "INTEGER NOT NULL DEFAULT 0", "done_at": "INTEGER"},
    "callback": {"refund_no": "TEXT NOT NULL DEFAULT ''"},
}  # fmt: skip
"""Columns that a file of an earlier version lacks."""


@dataclass(frozen=True)
class Payment:
    """A payment; amounts in the currency's minor unit, times in seconds."""

    out_trade_no: str
    amount_minor: int
    currency: str
    title: str
    return_url: str
    notify_url: str
    token: str
    state: str = "open"
    txn: str = ""
    ordinal: int | None = None
    paid_at: int | None = None
    channel: str = "sandbox"
    method: str = ""
    payer: str = ""
    created_at: int = 0
    expires_at: int | None = None

    @property
    def fee_minor(self) -> int:
        return fee(self.amount_minor)


@dataclass(frozen=True)
class Refund:
    """Money going back. state: processing, succeeded."""

    refund_no: str
    out_trade_no: str
    amount_minor: int
    state: str
    notify_url: str = ""
    created_at: int = 0
    done_at: int | None = None

    @property
    def txn(self) -> str:
        return f"503{self.refund_no[-24:]}"

    @property
    def fee_minor(self) -> int:
        return fee(self.amount_minor)


@dataclass(frozen=True)
class Callback:
    """A callback to be sent."""

    id: int
    out_trade_no: str
    kind: str
    tries: int
    refund_no: str = ""


class Conflict(Exception):
    """The same number with other content, or more than there is."""


_TXN = {"sandbox": "SBX", "wechat": "42000", "alipay": "20261122"}


class Book:
    """All state. One connection behind one lock: a gateway of this size needs no more."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)
        for table, columns in LATER.items():
            there = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            for name, kind in columns.items():
                if name not in there:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _found[T](self, kind: type[T], table: str, where: str, *values: Any) -> list[T]:
        columns = ", ".join(f.name for f in fields(kind))  # type: ignore[arg-type]
        return [kind(*row) for row in self._rows(f"SELECT {columns} FROM {table} WHERE {where}", *values)]  # noqa: S608  (our own names)

    def payment(self, out_trade_no: str) -> Payment | None:
        """A payment by the shop's number."""
        return next(iter(self._found(Payment, "payment", "out_trade_no = ?", out_trade_no)), None)

    def by_token(self, token: str) -> Payment | None:
        """A payment by its cashier's token."""
        return next(iter(self._found(Payment, "payment", "token = ?", token)), None)

    def open(self, asked: Payment) -> Payment:
        """Open a payment; the same number again gives the one there is. Raises Conflict for other content."""
        with self._lock:
            names = [f.name for f in fields(Payment)]
            values = {**asked.__dict__, "created_at": int(self.clock())}
            self._rows(
                f"INSERT INTO payment ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT DO NOTHING",  # noqa: S608
                *(values[name] for name in names),
            )
            there = self.payment(asked.out_trade_no)
            same = there is not None and (there.amount_minor, there.currency, there.channel) == (
                asked.amount_minor,
                asked.currency,
                asked.channel,
            )
            if there is None or not same:
                raise Conflict("the number is used for another payment")
            return there

    def pay(self, out_trade_no: str, *, anyway: bool = False) -> Payment | None:
        """Pay an open one (or, `anyway`, one that was closed a moment ago); None when it can't be paid (any more)."""
        with self._lock:
            found, now = self.payment(out_trade_no), self.clock()
            payable = ("open", "closed") if anyway else ("open",)
            if found is None or found.state not in payable or (not anyway and found.expires_at and now > found.expires_at):
                return None
            ordinal = self._rows("SELECT count(*) FROM payment WHERE ordinal IS NOT NULL")[0][0] + 1
            txn = f"{_TXN[found.channel]}{ordinal:06d}{out_trade_no[-12:]}"
            self._rows(
                "UPDATE payment SET state = 'paid', txn = ?, ordinal = ?, paid_at = ? WHERE out_trade_no = ?",
                txn,
                ordinal,
                int(now),
                out_trade_no,
            )
            return self.payment(out_trade_no)

    def shut(self, out_trade_no: str) -> Payment | None:
        """Close one that isn't paid; returns it as it then is."""
        with self._lock:
            self._rows("UPDATE payment SET state = 'closed' WHERE out_trade_no = ? AND state = 'open'", out_trade_no)
            return self.payment(out_trade_no)

    def refund(
        self, refund_no: str, out_trade_no: str, amount_minor: int, *, state: str = "succeeded", notify_url: str = ""
    ) -> tuple[Refund, int, bool]:
        """Pay back, once a number: (the refund, how-manieth it is, whether it is new).

        Raises KeyError for no payment, Conflict for too much or the same number with other content.
        """
        with self._lock:
            before = self.refunded(refund_no)
            if before is not None:
                if (before.out_trade_no, before.amount_minor) != (out_trade_no, amount_minor):
                    raise Conflict("the number is used for another refund")
                return before, self._rows("SELECT rowid FROM refund WHERE refund_no = ?", refund_no)[0][0], False
            payment = self.payment(out_trade_no)
            if payment is None or payment.state != "paid":
                raise KeyError(out_trade_no)
            gone = sum(r.amount_minor for r in self.refunds_of(out_trade_no))
            if amount_minor < 1 or gone + amount_minor > payment.amount_minor:
                raise Conflict("more than was paid")
            now = int(self.clock())
            self._rows(
                "INSERT INTO refund (refund_no, out_trade_no, amount_minor, state, notify_url, created_at, done_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                refund_no,
                out_trade_no,
                amount_minor,
                state,
                notify_url,
                now,
                now if state == "succeeded" else None,
            )
            made = self.refunded(refund_no)
            assert made is not None
            return made, self._rows("SELECT count(*) FROM refund")[0][0], True

    def refunded(self, refund_no: str) -> Refund | None:
        """A refund by its number."""
        return next(iter(self._found(Refund, "refund", "refund_no = ?", refund_no)), None)

    def refunds_of(self, out_trade_no: str) -> list[Refund]:
        """Everything that went back of a payment."""
        return self._found(Refund, "refund", "out_trade_no = ?", out_trade_no)

    def arrive(self, refund_no: str) -> Refund | None:
        """The money of a refund has arrived."""
        with self._lock:
            self._rows(
                "UPDATE refund SET state = 'succeeded', done_at = ? WHERE refund_no = ? AND state = 'processing'",
                int(self.clock()),
                refund_no,
            )
            return self.refunded(refund_no)

    def bill(self, channel: str, first: float, last: float) -> tuple[list[Payment], list[tuple[Refund, Payment]]]:
        """What was paid and what was given back from `first` until before `last`."""
        paid = self._found(
            Payment, "payment", "channel = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at, ordinal", channel, first, last
        )
        back = self._found(Refund, "refund", "created_at >= ? AND created_at < ? ORDER BY created_at, rowid", first, last)
        with_payment = [(r, p) for r in back if (p := self.payment(r.out_trade_no)) is not None and p.channel == channel]
        return paid, with_payment

    def call_later(self, out_trade_no: str, kind: str, due_at: float, refund_no: str = "") -> None:
        """Queue a callback."""
        self._rows(
            "INSERT INTO callback (out_trade_no, kind, due_at, refund_no) VALUES (?, ?, ?, ?)", out_trade_no, kind, due_at, refund_no
        )

    def due(self, now: float) -> tuple[list[Callback], float | None]:
        """The callbacks to send now, in order, and when the next one is due."""
        with self._lock:
            rows = self._rows(
                "SELECT id, out_trade_no, kind, tries, refund_no FROM callback WHERE done = 0 AND due_at <= ? ORDER BY due_at, id", now
            )
            following = self._rows("SELECT min(due_at) FROM callback WHERE done = 0 AND due_at > ?", now)[0][0]
            return [Callback(*row) for row in rows], following

    def called(self, callback: Callback, again_at: float | None) -> None:
        """A callback was sent: it is done, or comes again."""
        if again_at is None:
            self._rows("UPDATE callback SET done = 1, tries = tries + 1 WHERE id = ?", callback.id)
        else:
            self._rows("UPDATE callback SET due_at = ?, tries = tries + 1 WHERE id = ?", again_at, callback.id)
