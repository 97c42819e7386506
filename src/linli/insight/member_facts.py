"""A few members' facts from the log, where each member's own lie together (index event_subject): what an event touches.

A member's state is their part of the log: a set of facts, each with its uid, so it is the same in whatever order they came
and however late or corrected they are. It is read as the very tables the lake has, and everything is computed from those by
the same expressions. So knowing ten members again costs ten members' facts, however many the lake holds, and waits for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from linli.insight import lake, lake_tables
from linli.insight.import_models import ImportedRow
from linli.kernel import events, ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = ("history.purchase", "history.order_imported", "trade.order_paid", "trade.order_refunded", "people.member_joined")
"""What tells of a member as its subject. Withdrawn imports have none: they are few, and read from the lake."""


def tables(region: str, member_ids: Sequence[int]) -> Callable[[str], ir.Table]:
    """Table name -> rows of these members alone, for `facts` in the place of `lake.table`. In memory, as of this moment."""
    import ibis

    by_kind: dict[str, list[events.Row]] = {kind: [] for kind in KINDS}
    for row in _own(region, member_ids):
        by_kind[row.kind].append(row)
    held: dict[str, ir.Table] = {}

    def table(name: str) -> ir.Table:
        if name not in held:
            kind = name.partition("__")[0]
            form = lake_tables.shape(name)
            found = lake_tables.rows(form, batches[kind]) if kind in batches else lake.table(name).to_pyarrow()
            held[name] = ibis.memtable(found.cast(form.schema))
        return held[name]

    batches = {kind: lake_tables.Batch(rows) for kind, rows in by_kind.items()}
    return table


def _own(region: str, member_ids: Sequence[int]) -> list[events.Row]:
    """What has one of the members as its subject, and every other revision of their imported orders: a later file may have
    given an order to somebody else, and then it is theirs no more."""
    found = events.of_subjects(region, [f"member:{m}" for m in member_ids], KINDS)
    imported = [row for row in found if row.kind == "history.order_imported"]
    orders = {str(json.loads(row.payload)["order_id"]) for row in imported}
    told = ImportedRow.objects.filter(region=region, kind="orders", key__in=orders) if orders else ImportedRow.objects.none()
    names = {ids.named_hex(f"import/{r.import_id}/{r.key}/{r.revision}") for r in told}
    return found + events.named(region, names - {row.uid.replace("-", "") for row in imported})
