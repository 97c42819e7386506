"""The ledger's reads and writes in both databases' SQL: few statements, arrays in, sorted so that locks are too."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import starmap
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from linli.kernel.ledger.entries import AccountRef
from linli.kernel.ledger.rules import Row, Standing
from linli.kernel.models import Account, Transfer

COLUMNS = (
    "id, region, key, kind, source_id, target_id, amount, pending_id, reverses_id, expires_at, reason, digest, happened_at, written_at"
)
_ARRAYS = "uuid[] text[] text[] text[] bigint[] bigint[] bigint[] uuid[] uuid[] timestamptz[] text[] text[] timestamptz[] timestamptz[]"

_OPEN_POSTGRES = """
WITH wanted AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::date[]) AS w (region, owner, asset, purpose, expires_on)
), found AS (
    SELECT a.region, a.asset, a.owner, a.purpose, a.expires_on, a.id, a.balance, a.held, a.floor
    FROM wanted JOIN kernel_account a USING (region, owner, asset, purpose, expires_on)
), made AS (
    INSERT INTO kernel_account (region, asset, owner, purpose, expires_on, floor, balance, held)
    SELECT region, asset, owner, purpose, expires_on, %s::bigint, 0, 0 FROM wanted
    WHERE (region, owner, asset, purpose, expires_on) NOT IN (SELECT region, owner, asset, purpose, expires_on FROM found)
    ON CONFLICT DO NOTHING
    RETURNING region, asset, owner, purpose, expires_on, id, balance, held, floor
)
SELECT * FROM found UNION ALL SELECT * FROM made
"""

_FIND_SQLITE = """
SELECT a.region, a.asset, a.owner, a.purpose, a.expires_on, a.id, a.balance, a.held, a.floor
FROM json_each(%s) AS w JOIN kernel_account a
  ON a.region = w.value ->> 0 AND a.owner = w.value ->> 1 AND a.asset = w.value ->> 2
 AND a.purpose = w.value ->> 3 AND a.expires_on = w.value ->> 4
"""

_MAKE_SQLITE = """
INSERT INTO kernel_account (region, owner, asset, purpose, expires_on, floor, balance, held)
SELECT w.value ->> 0, w.value ->> 1, w.value ->> 2, w.value ->> 3, w.value ->> 4, %s, 0, 0 FROM json_each(%s) AS w
"""

_ADD_POSTGRES = """
UPDATE kernel_account a SET balance = a.balance + locked.balance, held = a.held + locked.held
FROM (
    SELECT id, sums.balance, sums.held
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS sums (id, balance, held) JOIN kernel_account USING (id)
    ORDER BY id FOR NO KEY UPDATE OF kernel_account
) AS locked
WHERE a.id = locked.id
"""


def accounts(refs: Collection[AccountRef], floor: int | None = 0) -> dict[AccountRef, tuple[int, Standing]]:
    """The id and the standing of each account; those that are missing are opened with `floor`."""
    if not refs:
        return {}
    # Sorted, so that two processes opening the same new accounts wait for each other in one direction.
    names = sorted({(r.region, r.owner, r.asset, r.purpose, r.expires_on) for r in refs})
    for _ in range(8):
        found = {
            (ref := AccountRef(*row[:5])): (row[5], Standing(ref, *row[6:]))
            for row in (_accounts_postgres(names, floor) if connection.vendor == "postgresql" else _accounts_sqlite(names, floor))
        }
        if len(found) == len(names):
            return found
        # Another process opened one between this statement's snapshot and its insert: the next snapshot has it.
    raise RuntimeError("accounts vanish while they are opened: the ledger deletes none")


def _accounts_postgres(names: Sequence[tuple[Any, ...]], floor: int | None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_POSTGRES, [*map(list, zip(*names, strict=True)), floor])
        return list(cursor.fetchall())


def _accounts_sqlite(names: Sequence[tuple[Any, ...]], floor: int | None) -> list[tuple[Any, ...]]:
    wanted = [(*name[:4], name[4].isoformat()) for name in names]
    with connection.cursor() as cursor:
        found = list(cursor.execute(_FIND_SQLITE, [json.dumps(wanted)]).fetchall())
        if len(found) < len(wanted):
            there = {(row[0], row[2], row[1], row[3], row[4].isoformat()) for row in found}
            missing = [name for name in wanted if name not in there]
            cursor.execute(_MAKE_SQLITE, [floor, json.dumps(missing)])
            found += cursor.execute(_FIND_SQLITE, [json.dumps(missing)]).fetchall()
        return found


def transfers(ids: Collection[UUID]) -> dict[UUID, Row]:
    """The transfers among `ids` that are written, with whether something has settled them."""
    if not ids:
        return {}
    settling = Transfer.objects.filter(Q(pending=OuterRef("pk")) | Q(reverses=OuterRef("pk")), region=OuterRef("region"))
    rows = Transfer.objects.filter(pk__in=ids).annotate(settled=Exists(settling))
    head, tail = (
        ["pk", "region", "key", "kind", "source_id", "target_id", "amount", "reason", "digest"],
        ["expires_at", "pending_id", "reverses_id"],
    )
    return {row[0]: Row(*row) for row in rows.values_list(*head, *tail, "settled")}


def lock(account_ids: Collection[int]) -> dict[int, Standing]:
    """Lock accounts until the transaction ends, in id order, and read where they stand."""
    rows = Account.objects.filter(pk__in=account_ids).order_by("pk")
    if connection.features.has_select_for_update:
        rows = rows.select_for_update(no_key=True)
    fields = ["region", "asset", "owner", "purpose", "expires_on", "pk", "balance", "held", "floor"]
    return {row[5]: Standing(AccountRef(*row[:5]), *row[6:]) for row in rows.values_list(*fields)}


def insert(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> None:
    """Write transfers. A key, a resolution or a reversal that is there already is an IntegrityError."""
    if not rows:
        return
    values = _values(rows, happened_at, written_at)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_insert_postgres(), list(map(list, zip(*values, strict=True))))
        else:
            cursor.executemany(f"INSERT INTO kernel_transfer ({COLUMNS}) VALUES ({', '.join(['%s'] * 14)})", list(starmap(_sqlite, values)))  # noqa: S608


def claim(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> set[UUID]:
    """Write those transfers whose key, pending and reversed transfer are free, waiting for others that claim them now.

    Returns the ids written. SQLite has one writer, there is nobody to wait for, and nothing is written here.
    """
    if not rows or connection.vendor != "postgresql":
        return set()
    values = _values(rows, happened_at, written_at)
    with connection.cursor() as cursor:
        cursor.execute(_insert_postgres() + " ON CONFLICT DO NOTHING RETURNING id", list(map(list, zip(*values, strict=True))))
        return {row[0] for row in cursor.fetchall()}


def unclaim(ids: Iterable[UUID]) -> None:
    """Take claimed transfers back in the transaction that claimed them: nobody else has seen them."""
    if ids := list(ids):
        Transfer.objects.filter(pk__in=ids)._raw_delete(using=connection.alias)


def add(sums: dict[int, tuple[int, int]]) -> None:
    """Add to balances and helds, locking the accounts in id order. A floor gone under is an IntegrityError."""
    changes = sorted((account, balance, held) for account, (balance, held) in sums.items() if balance or held)
    if not changes:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_ADD_POSTGRES, list(map(list, zip(*changes, strict=True))))
        else:
            cursor.executemany(
                "UPDATE kernel_account SET balance = balance + %s, held = held + %s WHERE id = %s", [(b, h, a) for a, b, h in changes]
            )


def _insert_postgres() -> str:
    arrays = ", ".join(f"%s::{array}" for array in _ARRAYS.split())
    return f"INSERT INTO kernel_transfer ({COLUMNS}) SELECT * FROM unnest({arrays})"  # noqa: S608


def _values(rows: Sequence[Row], happened_at: datetime, written_at: datetime) -> list[tuple[Any, ...]]:
    """A tuple per row, in the order in which unique entries are taken; `written_at` a microsecond apart, as they were asked."""
    numbered = sorted(enumerate(rows), key=lambda n: (n[1].pending or n[1].reverses or n[1].id, n[1].id))
    return [
        (
            *(row.id, row.region, row.key, row.kind, row.source, row.target, row.amount, row.pending, row.reverses),
            *(row.expires_at, row.reason, row.digest, happened_at, written_at + timedelta(microseconds=number)),
        )
        for number, row in numbered
    ]


def _sqlite(*value: Any) -> tuple[Any, ...]:
    """A row's values as Django stores them in SQLite: ids as hex, times as naive UTC text."""

    def stored(v: Any) -> Any:
        if isinstance(v, UUID):
            return v.hex
        return str(v.astimezone(UTC).replace(tzinfo=None)) if isinstance(v, datetime) else v

    return tuple(map(stored, value))
