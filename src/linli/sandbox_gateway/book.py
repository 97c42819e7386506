"""What the gateway remembers: payments, refunds and callbacks still to be sent, in a small SQLite file."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Payment:
    """A payment; amounts in the currency's minor unit."""

    out_trade_no: str
    amount_minor: int
    currency: str
    title: str
    return_url: str
    notify_url: str
    token: str
    state: str
    txn: str
    ordinal: int | None
    paid_at: int | None


@dataclass(frozen=True)
class Callback:
    """A callback to be sent."""

    id: int
    out_trade_no: str
    kind: str
    tries: int


class Conflict(Exception):
    """The same number with other content, or more than there is."""


class Book:
    """All state. One connection behind one lock: a gateway of this size needs no more."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _payment(self, where: str, value: str) -> Payment | None:
        columns = ", ".join(Payment.__dataclass_fields__)
        rows = self._rows(f"SELECT {columns} FROM payment WHERE {where} = ?", value)  # noqa: S608  (our own column names)
        return Payment(*rows[0]) if rows else None

    def payment(self, out_trade_no: str) -> Payment | None:
        """A payment by the shop's number."""
        return self._payment("out_trade_no", out_trade_no)

    def by_token(self, token: str) -> Payment | None:
        """A payment by its cashier's token."""
        return self._payment("token", token)

    def open(self, asked: Payment) -> Payment:
        """Open a payment; the same number again gives the one there is. Raises Conflict for other content."""
        with self._lock:
            self._rows(
                "INSERT INTO payment (out_trade_no, amount_minor, currency, title, return_url, notify_url, token)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                asked.out_trade_no,
                asked.amount_minor,
                asked.currency,
                asked.title,
                asked.return_url,
                asked.notify_url,
                asked.token,
            )
            there = self.payment(asked.out_trade_no)
            if there is None or (there.amount_minor, there.currency) != (asked.amount_minor, asked.currency):
                raise Conflict("the number is used for another payment")
            return there

    def pay(self, out_trade_no: str) -> Payment | None:
        """Pay an open one; None when it isn't open (any more)."""
        with self._lock:
            found = self.payment(out_trade_no)
            if found is None or found.state != "open":
                return None
            ordinal = self._rows("SELECT count(*) FROM payment WHERE ordinal IS NOT NULL")[0][0] + 1
            txn = f"SBX{ordinal:06d}{out_trade_no[-12:]}"
            self._rows(
                "UPDATE payment SET state = 'paid', txn = ?, ordinal = ?, paid_at = ? WHERE out_trade_no = ?",
                txn,
                ordinal,
                int(time.time()),
                out_trade_no,
            )
            return self.payment(out_trade_no)

    def shut(self, out_trade_no: str) -> Payment | None:
        """Close one that isn't paid; returns it as it then is."""
        with self._lock:
            self._rows("UPDATE payment SET state = 'closed' WHERE out_trade_no = ? AND state = 'open'", out_trade_no)
            return self.payment(out_trade_no)

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int) -> tuple[str, int]:
        """Pay back, once a number: (state, how-manieth refund). Raises KeyError for no payment, Conflict for too much."""
        with self._lock:
            before = self._rows("SELECT out_trade_no, amount_minor, state, rowid FROM refund WHERE refund_no = ?", refund_no)
            if before:
                if before[0][:2] != (out_trade_no, amount_minor):
                    raise Conflict("the number is used for another refund")
                return before[0][2], before[0][3]
            payment = self.payment(out_trade_no)
            if payment is None or payment.state != "paid":
                raise KeyError(out_trade_no)
            gone = self._rows("SELECT coalesce(sum(amount_minor), 0) FROM refund WHERE out_trade_no = ?", out_trade_no)[0][0]
            if amount_minor < 1 or gone + amount_minor > payment.amount_minor:
                raise Conflict("more than was paid")
            self._rows("INSERT INTO refund VALUES (?, ?, ?, 'succeeded')", refund_no, out_trade_no, amount_minor)
            return "succeeded", self._rows("SELECT count(*) FROM refund")[0][0]

    def refund_state(self, refund_no: str) -> str | None:
        """What became of a refund."""
        rows = self._rows("SELECT state FROM refund WHERE refund_no = ?", refund_no)
        return rows[0][0] if rows else None

    def call_later(self, out_trade_no: str, kind: str, due_at: float) -> None:
        """Queue a callback."""
        self._rows("INSERT INTO callback (out_trade_no, kind, due_at) VALUES (?, ?, ?)", out_trade_no, kind, due_at)

    def due(self, now: float) -> tuple[list[Callback], float | None]:
        """The callbacks to send now, in order, and when the next one is due."""
        with self._lock:
            rows = self._rows("SELECT id, out_trade_no, kind, tries FROM callback WHERE done = 0 AND due_at <= ? ORDER BY due_at, id", now)
            following = self._rows("SELECT min(due_at) FROM callback WHERE done = 0 AND due_at > ?", now)[0][0]
            return [Callback(*row) for row in rows], following

    def called(self, callback: Callback, again_at: float | None) -> None:
        """A callback was sent: it is done, or comes again."""
        if again_at is None:
            self._rows("UPDATE callback SET done = 1, tries = tries + 1 WHERE id = ?", callback.id)
        else:
            self._rows("UPDATE callback SET due_at = ?, tries = tries + 1 WHERE id = ?", again_at, callback.id)
