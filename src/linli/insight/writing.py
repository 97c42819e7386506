"""Knowledge into its tables, thousands of rows in a statement: the ORM spends more on each row than the database does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from linli.insight.models import MemberState, Popular, Score, SegmentChange, SegmentStay
from linli.kernel import bulk

AT_ONCE = 2000
"""Rows of one statement: what the driver and the database hold of it stays a few megabytes."""

_STATE = bulk.Table(MemberState, tuple(str(f.column) for f in MemberState._meta.concrete_fields if not f.primary_key))
_STAY = bulk.Table(SegmentStay, ("region", "segment", "member_id", "since"))
_CHANGE = bulk.Table(SegmentChange, ("region", "member_id", "segment", "entered", "as_of", "reason"))
_SCORE = bulk.Table(Score, ("region", "as_of", "member_id", "risk"))


def states(rows: Sequence[MemberState]) -> None:
    """What is known of members now; a member's row of before is overwritten."""
    told = ", ".join(f"{c} = EXCLUDED.{c}" for c in _STATE.columns if c not in ("region", "member_id"))
    _insert(_STATE, map(_columns_of(_STATE), rows), end=f" ON CONFLICT (region, member_id) DO UPDATE SET {told}")


def stays(region: str, entered: Iterable[tuple[int, str]], since: datetime) -> None:
    """(member, segment) from now on."""
    _insert(_STAY, ((region, segment, member, since) for member, segment in entered))


def changes(rows: Sequence[SegmentChange]) -> None:
    """The history of who came and left."""
    _insert(_CHANGE, map(_columns_of(_CHANGE), rows))


def scores(region: str, as_of: datetime, risks: Mapping[int, float]) -> None:
    """The risks of a day, in the place of what this day had."""
    Score.objects.filter(region=region, as_of=as_of).delete()
    _insert(_SCORE, ((region, as_of, member, risk) for member, risk in risks.items()))


@transaction.atomic
def popular(region: str, as_of: datetime, lists: Mapping[int, list[list[Any]]]) -> None:
    """What sells by community, in the place of what was known before."""
    Popular.objects.filter(region=region).delete()
    Popular.objects.bulk_create(
        [Popular(region=region, community_id=place, as_of=as_of, items=items) for place, items in lists.items()], batch_size=AT_ONCE
    )


def _columns_of(table: bulk.Table) -> Callable[[models.Model], tuple[Any, ...]]:
    """A model object's values in the order of the table's columns, as the database stores them."""
    fields = {f.column: f for f in table.model._meta.concrete_fields}
    wanted = [(fields[c].attname, isinstance(fields[c], models.JSONField)) for c in table.columns]

    def values(row: models.Model) -> tuple[Any, ...]:
        held = row.__dict__
        return tuple([json.dumps(held[name]) if is_json else held[name] for name, is_json in wanted])

    return values


def _insert(table: bulk.Table, rows: Iterable[tuple[Any, ...]], *, end: str = "") -> None:
    """INSERT the rows, with `end` behind the statement."""
    every = list(rows)
    statement, texts = table.statement(connection.vendor)
    with bulk.cursor() as c:
        for start in range(0, len(every), AT_ONCE):
            some = every[start : start + AT_ONCE]
            if connection.vendor != "postgresql":
                stored: list[tuple[Any, ...]] = [tuple(bulk.stored(v) if isinstance(v, datetime) else v for v in row) for row in some]
                c.executemany(statement + end, stored)
                continue
            columns = zip(*some, strict=True)
            c.execute(statement + end, [bulk.quoted(v) if text else bulk.array(v) for v, text in zip(columns, texts, strict=True)])
