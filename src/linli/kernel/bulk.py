"""Many rows in one statement, as arrays: what a batch of orders writes costs a few statements, however many there are.

    bulk.write(bulk.Rows(orders, [(...), (...)]), bulk.Rows(lines, [...]))

`orders` is a `Table`: a model with the columns that differ by row; every other column takes its field's default. On
PostgreSQL all of it is one statement (an INSERT of arrays a table, in one WITH); SQLite writes table by table. Values are
what the database stores: ids as hex, times as aware datetimes or ISO text, JSON as text. No signals, no save(), no
validation: for verbs that have checked what they write.
"""

# ruff: noqa: S608  the statements are made of models' own names

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import DatabaseError, connection, models
from django.db.backends.utils import CursorWrapper

ONE_OF = {"postgresql": "= ANY(%s::{}[])", "sqlite": "IN (SELECT value FROM json_each(%s))"}
_TEXTS = ("CharField", "TextField", "SlugField", "JSONField")


@dataclass
class Table:
    """A model and the columns that are given by row; `sql` gives others an expression by vendor."""

    model: type[models.Model]
    columns: tuple[str, ...]
    sql: dict[str, dict[str, str]] = field(default_factory=dict)
    _made: dict[str, tuple[str, list[bool]]] = field(default_factory=dict)

    def statement(self, vendor: str) -> tuple[str, list[bool]]:
        """The INSERT, and which columns are texts that may need quotes."""
        if vendor not in self._made:
            self._made[vendor] = self._postgres() if vendor == "postgresql" else self._sqlite()
        return self._made[vendor]

    def _fields(self) -> tuple[list[models.Field[Any, Any]], list[models.Field[Any, Any]]]:
        by_column = {f.column: f for f in self.model._meta.concrete_fields}
        rest = [f for f in by_column.values() if f.column not in self.columns and not isinstance(f, models.AutoField)]
        return [by_column[name] for name in self.columns], rest

    def _postgres(self) -> tuple[str, list[bool]]:
        given, rest = self._fields()
        types = [_type(f) for f in given]
        names = ", ".join([*self.columns, *(str(f.column) for f in rest)])
        values = ", ".join([*(f"r.{c}" for c in self.columns), *(self._constant(f, "postgresql") for f in rest)])
        arrays = ", ".join(f"%s::{t}[]" for t in types)
        statement = (
            f"INSERT INTO {self.model._meta.db_table} ({names}) SELECT {values} FROM unnest({arrays}) AS r ({', '.join(self.columns)})"
        )
        return statement, [f.get_internal_type() in _TEXTS for f in given]

    def _sqlite(self) -> tuple[str, list[bool]]:
        given, rest = self._fields()
        names = ", ".join([*self.columns, *(str(f.column) for f in rest)])
        values = ", ".join([*("%s" for _ in given), *(self._constant(f, "sqlite") for f in rest)])
        return f"INSERT INTO {self.model._meta.db_table} ({names}) VALUES ({values})", []

    def _constant(self, f: models.Field[Any, Any], vendor: str) -> str:
        if f.column in self.sql:
            return self.sql[f.column][vendor]
        default = f.get_default()
        if default is None:
            return f"NULL::{_type(f)}" if vendor == "postgresql" else "NULL"
        if isinstance(default, bool):
            return ("true" if default else "false") if vendor == "postgresql" else str(int(default))
        if isinstance(default, int):
            return str(default)
        text = json.dumps(default) if isinstance(f, models.JSONField) else str(default)
        text = "'" + text.replace("'", "''").replace("%", "%%") + "'"
        return f"{text}::{_type(f)}" if vendor == "postgresql" else text


def _type(f: models.Field[Any, Any]) -> str:
    """The column's type without its length: a cast to varchar(n) would cut silently what the column refuses."""
    found = f.rel_db_type(connection) if f.is_relation else f.db_type(connection)
    return str(found).split("(")[0].replace("varchar", "text")


@dataclass(frozen=True)
class Rows:
    """Rows for a table, each with its columns' values in order. `end` is put behind the statement (ON CONFLICT, RETURNING)."""

    table: Table
    rows: Sequence[tuple[Any, ...]]


def write(*several: Rows) -> None:
    """Write all of it; on PostgreSQL in one statement. Raises IntegrityError, with nothing of it written there."""
    wanted = [rows for rows in several if rows.rows]
    if not wanted:
        return
    with cursor() as c:
        if connection.vendor != "postgresql":
            for rows in wanted:
                c.executemany(rows.table.statement("sqlite")[0], [tuple(map(_sqlite, row)) for row in rows.rows])
            return
        made = [rows.table.statement("postgresql")[0] for rows in wanted]
        parts = [f"w{n} AS ({statement})" for n, statement in enumerate(made[:-1])]
        statement = (f"WITH {', '.join(parts)} " if parts else "") + made[-1]
        c.execute(statement, [array for rows in wanted for array in _arrays(rows)])


def write_free(rows: Rows, *, returning: str = "id") -> set[str]:
    """Write those rows that no unique constraint stands against, waiting for others that write the same now.

    Returns the `returning` (a uuid, as hex) of those written.
    """
    if not rows.rows:
        return set()
    statement, _ = rows.table.statement(connection.vendor)
    statement += f" ON CONFLICT DO NOTHING RETURNING {returning}"
    found: list[tuple[Any, ...]] = []
    with cursor() as c:
        if connection.vendor == "postgresql":
            c.execute(statement, _arrays(rows))
            found = c.fetchall()
        else:
            for row in rows.rows:
                c.execute(statement, tuple(map(_sqlite, row)))
                found += c.fetchall()
    return {hex_of(row[0]) for row in found}


def bound(statement: str, values: Collection[object], type_: str, *more: object) -> tuple[str, list[Any]]:
    """A statement whose `{}` stands for "is one of `values`", which go as one value, and its arguments."""
    if connection.vendor != "postgresql":
        return statement.format(ONE_OF["sqlite"]), [json.dumps(list(values)), *more]
    literal = quoted([str(v) for v in values]) if type_ == "text" else array(list(values))
    return statement.format(ONE_OF["postgresql"].format(type_)), [literal, *more]


def select(statement: str, values: Collection[object], *more: object, type_: str = "bigint") -> list[tuple[Any, ...]]:
    """The rows of such a statement; none for no values."""
    if not values:
        return []
    with cursor() as c:
        c.execute(*bound(statement, values, type_, *more))
        return list(c.fetchall())


def later(statement: str, arguments: Sequence[Any]) -> Callable[[], list[tuple[Any, ...]]]:
    """Send a statement, in a `pipeline` without waiting for it; its rows are there for the asking, once."""
    open_ = ExitStack()
    c = open_.enter_context(cursor())
    c.execute(statement, arguments)

    def rows() -> list[tuple[Any, ...]]:
        with open_:
            return list(c.fetchall())

    return rows


def hex_of(value: Any) -> str:
    """A uuid as either database gives it, in hex."""
    return value if isinstance(value, str) else str(value.hex)


def aware(at: Any) -> datetime:
    """A time as either database gives it: SQLite keeps UTC without saying so, and raw statements get its text."""
    found: datetime = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _arrays(rows: Rows) -> list[str]:
    _, texts = rows.table.statement("postgresql")
    columns = zip(*rows.rows, strict=True)
    return [quoted(column) if text else array(column) for column, text in zip(columns, texts, strict=True)]


def array(values: Sequence[object]) -> str:
    """An array literal of values that need no quotes: hex, numbers, truths, dates. Ten times faster than adapting each."""
    kind = type(values[0]) if values else str
    if kind is str and None not in values:
        return "{" + ",".join(values) + "}"  # type: ignore[arg-type]
    if kind is int:
        return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"
    known: dict[int, str] = {}  # a batch is of one moment: its times are the same objects
    return "{" + ",".join([known.get(id(v)) or known.setdefault(id(v), _literal(v)) for v in values]) + "}"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    return value if type(value) is str else str(value)


_PART = "\x1f"


def quoted(texts: Sequence[str | None]) -> str:
    """An array literal of any texts without a zero byte."""
    if None not in texts:
        whole = _PART.join(texts)  # type: ignore[arg-type]
        if whole.count(_PART) == len(texts) - 1:  # none of them has it: all are escaped in one go
            whole = whole.replace("\\", "\\\\").replace('"', '\\"').replace(_PART, '","')
            return '{"' + whole + '"}'
    return "{" + ",".join(["NULL" if t is None else '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"' for t in texts]) + "}"


def stored(at: datetime) -> object:
    """A time as a raw statement compares it with a column."""
    return at if connection.vendor == "postgresql" else _sqlite(at)


def _sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """Django's cursor; on PostgreSQL one that binds on the server, which can pipeline and keep plans."""
    if connection.vendor != "postgresql":
        with connection.cursor() as c:
            yield c
        return
    import psycopg

    connection.ensure_connection()
    if connection.connection.prepare_threshold is None:
        connection.connection.prepare_threshold = 0  # of few statements: Django's cursors never prepare
    with connection._prepare_cursor(_planning(psycopg.Cursor)(connection.connection)) as c:  # type: ignore[attr-defined]
        yield c


_asked: dict[str, list[Any]] = {}
MOST_ASKED = 500


@cache
def _planning(driver: type[Any]) -> type[Any]:
    """The driver's cursor, whose statements are planned anew whenever they have been asked twice as often as at the last time.

    A kept plan is of the table as it was. One made while it had a few rows reads all of it, or all of a region, for each
    key asked, and went on doing so with a hundred thousand rows until somebody analysed the table: every order made the
    next one dearer. The mark at the statement's end makes it another statement, a dozen times in all.
    """

    class Planning(driver):  # type: ignore[misc]
        def execute(self, query: str, params: Any = None, **more: Any) -> Any:
            if len(_asked) > MOST_ASKED:
                _asked.clear()
            told = _asked.setdefault(query, [0, ""])
            told[0] += 1
            if not told[0] & (told[0] - 1):
                told[1] = f"{query} /* {told[0].bit_length()} */"
            return super().execute(told[1], params, **more)

    return Planning


@contextmanager
def pipeline() -> Iterator[None]:
    """Send the block's statements without waiting for each; the first error is raised, at the latest at the end.

    Of `cursor`'s statements only, not of the ORM's. On SQLite, which is no journey away, it changes nothing. psycopg
    warns in the log when an error passes through the end of a pipeline: here it is an ordinary answer.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    failed: DatabaseError | None = None
    try:
        with connection.wrap_database_errors, connection.connection.pipeline():
            try:
                yield
            except DatabaseError as error:
                failed = error
    except DatabaseError:
        if failed is None:
            raise
    if failed is not None:
        raise failed
