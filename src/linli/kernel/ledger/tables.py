"""The ledger's reads and writes in both databases' SQL: few statements, arrays in, sorted so that locks are too."""

# ruff: noqa: S608  the statements are made of this file's own constants

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connection, transaction

from linli.kernel import bulk
from linli.kernel.ledger.entries import AccountRef, account_id
from linli.kernel.ledger.rules import Row, Standing
from linli.kernel.models import Account

Sums = dict[str, tuple[int, int]]
"""What is added, by account: (to balance, to held)."""

COLUMNS = (
    "id, region, key, kind, source_id, target_id, amount, pending_id, reverses_id, expires_at, reason, digest, happened_at, written_at"
)

_INSERT_POSTGRES = f"""
INSERT INTO kernel_transfer ({COLUMNS})
SELECT id, region, key, kind, source, target, amount, pending, reverses, expires_at, reason, digest,
    %s::timestamptz, %s::timestamptz + number * interval '1 microsecond'
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::bigint[], %s::uuid[], %s::uuid[],
    %s::timestamptz[], %s::text[], %s::text[], %s::int[])
    AS r (id, region, key, kind, source, target, amount, pending, reverses, expires_at, reason, digest, number)
"""

# What orders write: a sixth of the columns has nothing to say.
_INSERT_MOVES_POSTGRES = """
INSERT INTO kernel_transfer (id, region, key, kind, source_id, target_id, amount, reason, digest, happened_at, written_at)
SELECT id, region, key, kind, source, target, amount, reason, digest, %s::timestamptz, %s::timestamptz + number * interval '1 microsecond'
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::int[])
    AS r (id, region, key, kind, source, target, amount, reason, digest, number)
"""

_INSERT_SQLITE = f"INSERT INTO kernel_transfer ({COLUMNS}) VALUES ({', '.join(['%s'] * 14)})"

_ADD_POSTGRES = """
UPDATE kernel_account a SET balance = a.balance + locked.balance, held = a.held + locked.held
FROM (
    SELECT k.id, sums.balance, sums.held
    FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS sums (id, balance, held)
    CROSS JOIN LATERAL (SELECT id FROM kernel_account WHERE id = sums.id FOR NO KEY UPDATE) AS k
) AS locked
WHERE a.id = locked.id
"""

_ONE_OF = {"postgresql": "= ANY(%s::uuid[])", "sqlite": "IN (SELECT value FROM json_each(%s))"}

_COUNT = "SELECT count(*) FROM kernel_account WHERE id {}"

_STANDINGS = "SELECT id, region, asset, owner, purpose, expires_on, balance, held, floor FROM kernel_account WHERE id {} ORDER BY id"

_TRANSFERS = """
SELECT id, region, key, kind, source_id, target_id, amount, reason, digest, expires_at, pending_id, reverses_id,
    EXISTS (SELECT 1 FROM kernel_transfer r WHERE r.pending_id = t.id AND r.region = t.region)
    OR EXISTS (SELECT 1 FROM kernel_transfer r WHERE r.reverses_id = t.id AND r.region = t.region)
FROM kernel_transfer t WHERE id {}
"""

_ADD_SQLITE = "UPDATE kernel_account SET balance = balance + %s, held = held + %s WHERE id = %s"


class AccountMissing(Exception):
    """An account that a move names has not been opened yet."""


def standings(accounts: Collection[str], *, lock: bool = False) -> dict[str, Standing]:
    """Where accounts stand; with `lock` they are locked until the transaction ends, in id order."""
    locking = " FOR NO KEY UPDATE" if lock and connection.vendor == "postgresql" else ""
    rows = _select(_STANDINGS, accounts, locking)
    return {_hex(row[0]): Standing(AccountRef(*row[1:6]), *row[6:]) for row in rows}


def open_missing(refs: Iterable[AccountRef], floor: int | None = 0) -> None:
    """Open those accounts that aren't, with `floor`. Sorted, so that two processes doing the same wait in one direction."""
    wanted = {account_id(ref): ref for ref in refs}
    if missing := sorted(wanted.keys() - standings(wanted).keys()):
        made = []
        for id_ in missing:
            ref = wanted[id_]
            name = {field: getattr(ref, field) for field in ("region", "asset", "owner", "purpose", "expires_on")}
            made.append(Account(id=UUID(id_), floor=floor, **name))
        Account.objects.bulk_create(made, ignore_conflicts=True)


def transfers(ids: Collection[str]) -> dict[str, Row]:
    """The transfers among `ids` that are written, with whether something has settled them."""
    return {row.id: row for row in map(_row, _select(_TRANSFERS, ids))}


def _row(values: Sequence[Any]) -> Row:
    id_, region, key, kind, source, target, amount, reason, digest, expires_at, pending, reverses, settled = values
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)  # SQLite keeps UTC without saying so
    ends = _hex(source), _hex(target)
    about = _hex(pending) if pending else None, _hex(reverses) if reverses else None
    return Row(_hex(id_), region, key, kind, *ends, amount, reason, digest, expires_at, *about, bool(settled))


def _hex(value: UUID | str) -> str:
    return value if isinstance(value, str) else value.hex


def _select(statement: str, ids: Collection[str], locking: str = "") -> list[tuple[Any, ...]]:
    """Run a statement over ids, which go as one value."""
    if not ids:
        return []
    with bulk.cursor() as cursor:
        cursor.execute(statement.format(_ONE_OF[connection.vendor]) + locking, [_ids(ids)])
        return list(cursor.fetchall())


def _ids(ids: Collection[str]) -> str:
    return bulk.array(list(ids)) if connection.vendor == "postgresql" else json.dumps(list(ids))


def write(rows: Sequence[Row], sums: Sums, happened_at: datetime, written_at: datetime, before: Callable[[], object] | None = None) -> None:
    """Write transfers, then add to the accounts, in id order and last; on PostgreSQL in one round trip.

    `before` sends what the caller writes with them, in the same round trip.

    Raises IntegrityError for a key, resolution or reversal that is there already and for a floor gone under,
    AccountMissing for an account that isn't there.
    """
    changes = sorted((account, balance, held) for account, (balance, held) in sums.items() if balance or held)
    unsure = _unsure({end for row in rows for end in (row.source, row.target)}.difference([change[0] for change in changes]))
    with bulk.cursor() as cursor, bulk.cursor() as counting:
        with bulk.pipeline():
            if before is not None:
                before()
            if unsure:
                counting.execute(_COUNT.format(_ONE_OF[connection.vendor]), [_ids(unsure)])
            if rows and connection.vendor == "postgresql":
                cursor.execute(*_insert(rows, happened_at, written_at))
            elif rows:
                cursor.executemany(_INSERT_SQLITE, _sqlite(rows, happened_at, written_at))
            if changes and connection.vendor == "postgresql":
                cursor.execute(_ADD_POSTGRES, [bulk.array(column) for column in zip(*changes, strict=True)])
            elif changes:
                cursor.executemany(_ADD_SQLITE, [(balance, held, account) for account, balance, held in changes])
        if (unsure and counting.fetchone()[0] != len(unsure)) or (changes and cursor.rowcount != len(changes)):
            raise AccountMissing
    if unsure and (known := _known_here()) is not None:
        transaction.on_commit(lambda: known.update(unsure))


MOST_KNOWN = 200_000
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def _known_here() -> set[str] | None:
    """The accounts that this database session has seen committed: none is ever deleted. None on SQLite, where looking is cheap."""
    if connection.vendor != "postgresql":
        return None
    connection.ensure_connection()
    known = _known.setdefault(connection.connection, set())
    if len(known) > MOST_KNOWN:
        known.clear()
    return known


def _unsure(accounts: set[str]) -> set[str]:
    """Those that may not be there. What is added to is told by how many rows that changes: only the others need a look."""
    return accounts - known if (known := _known_here()) else accounts


def forget() -> None:
    """Know no account any more: the tables were emptied under this session (tests)."""
    _known.clear()


def claim(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> set[str]:
    """Write those transfers whose key, pending and reversed transfer are free, waiting for others that claim them now.

    Returns the ids written. SQLite has one writer, there is nobody to wait for, and nothing is written here.
    """
    if not rows or connection.vendor != "postgresql":
        return set()
    with bulk.cursor() as cursor:
        cursor.execute(_INSERT_POSTGRES + " ON CONFLICT DO NOTHING RETURNING id", _arrays(rows, happened_at, written_at))
        return {_hex(row[0]) for row in cursor.fetchall()}


def unclaim(ids: Iterable[str]) -> None:
    """Take claimed transfers back in the transaction that claimed them: nobody else has seen them."""
    if ids := list(ids):
        with bulk.cursor() as cursor:
            cursor.execute(f"DELETE FROM kernel_transfer WHERE id {_ONE_OF[connection.vendor]}", [_ids(ids)])


def _in_order(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """The rows with their place, sorted by the unique entries they take, so that two writers wait in one direction."""
    return sorted(enumerate(rows), key=lambda n: (n[1].pending or n[1].reverses or n[1].id, n[1].id))


def _insert(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> tuple[str, list[Any]]:
    """The statement that writes the rows, and its arguments."""
    arrays = _arrays(rows, happened_at, written_at)
    if any(row.pending or row.reverses or row.expires_at for row in rows):
        return _INSERT_POSTGRES, arrays
    return _INSERT_MOVES_POSTGRES, [*arrays[:9], *arrays[12:]]


def _arrays(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> list[Any]:
    """The rows as array literals, column by column: ten times faster than letting the driver adapt every value."""
    numbered = _in_order(rows)
    ordered = [row for _, row in numbered]
    return [
        happened_at,
        written_at,
        bulk.array([r.id for r in ordered]),
        bulk.quoted([r.region for r in ordered]),
        bulk.quoted([r.key for r in ordered]),
        bulk.array([r.kind for r in ordered]),
        bulk.array([r.source for r in ordered]),
        bulk.array([r.target for r in ordered]),
        bulk.array([r.amount for r in ordered]),
        bulk.array([r.pending or "NULL" for r in ordered]),
        bulk.array([r.reverses or "NULL" for r in ordered]),
        bulk.array([r.expires_at.isoformat() if r.expires_at else "NULL" for r in ordered]),
        bulk.quoted([r.reason for r in ordered]),
        bulk.array([r.digest for r in ordered]),
        bulk.array([number for number, _ in numbered]),
    ]


def _sqlite(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> list[tuple[Any, ...]]:
    """The rows' values as Django stores them in SQLite: ids as hex, times as naive UTC text."""
    happened = _utc(happened_at)
    return [
        (
            *(r.id, r.region, r.key, r.kind, r.source, r.target, r.amount),
            *(r.pending, r.reverses, _utc(r.expires_at) if r.expires_at else None),
            *(r.reason, r.digest, happened, _utc(written_at + timedelta(microseconds=number))),
        )
        for number, r in _in_order(rows)
    ]


def _utc(at: datetime) -> str:
    return str(at.astimezone(UTC).replace(tzinfo=None))
