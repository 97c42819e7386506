"""The shape of the lake's tables: one per event kind with real columns, and one per nested list of its facts.

Columns come from the Fact's annotations, so a fact and its table can't drift apart. A nested list
(`lines: tuple[Line, ...]`) becomes the table `<kind>__<field>`, whose rows carry the event's uid, both times, its ids
(member_id, order_id, ...) and the position in the list, so that as-of questions about lines need no join.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import types
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from linli.kernel import events

MOMENT = pa.timestamp("us", tz="UTC")
PARTITIONS = ["region", "month"]
"""Folders of a table: the region, and the month (UTC, "2017-10") in which the event happened."""

_COMMON = [("uid", pa.string()), ("region", pa.string()), ("month", pa.string())]
_TIMES = [("day", pa.date32()), ("happened_at", MOMENT), ("recorded_at", MOMENT)]
ENVELOPE = [*_COMMON, *_TIMES, ("subject", pa.string()), ("source", pa.string())]
NESTED = [*_COMMON, *_TIMES, ("position", pa.int64())]
_SCALARS: dict[Any, pa.DataType] = {
    int: pa.int64(),
    bool: pa.bool_(),
    float: pa.float64(),
    str: pa.string(),
    uuid.UUID: pa.string(),
    datetime: MOMENT,
    date: pa.date32(),
}
_PARSERS: dict[pa.DataType, Callable[[Any], Any]] = {
    MOMENT: lambda v: datetime.fromisoformat(v) if isinstance(v, str) else v,
    pa.date32(): lambda v: date.fromisoformat(v) if isinstance(v, str) else v,
}


class Written(Protocol):
    """What of an event the lake keeps (kernel.models.Event has it, and kernel.events.Row as the database gave it)."""

    @property
    def id(self) -> int: ...
    @property
    def tx(self) -> int: ...
    @property
    def uid(self) -> uuid.UUID | str: ...
    @property
    def region(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def happened_at(self) -> datetime | str: ...
    @property
    def recorded_at(self) -> datetime | str: ...
    @property
    def source(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any] | str: ...
    @property
    def version(self) -> int: ...


@dataclass(frozen=True)
class Column:
    """One column from a fact: `key` is the payload's, `name` the table's, `parse` what JSON needs to become the type.

    `carried`: it stands in the event, not in the item of the nested list whose row it is in. `json`: kept as JSON text.
    """

    key: str
    name: str
    type: pa.DataType
    parse: Callable[[Any], Any] | None
    carried: bool = False
    json: bool = False


@dataclass(frozen=True)
class Shape:
    """One table of the lake. `field` is the payload's list it unrolls, or None for the event's own table."""

    name: str
    kind: str
    field: str | None
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; every column may be null, since an older version of a fact may lack a field."""
        own = [(c.name, c.type) for c in self.columns]
        return pa.schema([*(NESTED if self.field else ENVELOPE), *own])


@cache
def shapes(kind: str) -> tuple[Shape, ...]:
    """The tables of an event kind: nested lists first, the event's own table last (so it is written last).

    Raises KeyError for an unknown kind.
    """
    fact = events.KINDS[kind]
    scalars = [(name, hint) for name, hint in _fields(fact) if _item_of(hint) is None]
    nested: list[Shape] = []
    for name, hint in _fields(fact):
        if (item := _item_of(hint)) is None:
            continue
        inner = _fields(item) if dataclasses.is_dataclass(item) else [("value", item)]
        taken = {n for n, _ in inner}
        ids = [replace(_column(n, h, NESTED), carried=True) for n, h in scalars if n.endswith("_id") and n not in taken]
        nested.append(Shape(f"{kind}__{name}", kind, name, (*ids, *(_column(n, h, NESTED) for n, h in inner))))
    return (*nested, Shape(kind, kind, None, tuple(_column(n, h, ENVELOPE) for n, h in scalars)))


def shape(name: str) -> Shape:
    """The shape of one table, "trade.order_paid" or "trade.order_paid__lines". Raises KeyError when there is none."""
    for found in shapes(name.partition("__")[0]):
        if found.name == name:
            return found
    raise KeyError(name)


@dataclass(frozen=True)
class Batch:
    """Facts of one kind, in the readers' order; what all tables of the kind need of them is made once."""

    facts: Sequence[Written]

    @cached_property
    def payloads(self) -> list[dict[str, Any]]:
        return _decoded(self.facts)

    @cached_property
    def columns(self) -> pa.Table | None:
        """The payloads as columns of what their shapes read, see `_columns`; None where only dicts will do."""
        return _columns(self.facts)

    @cached_property
    def envelope(self) -> dict[str, pa.Array]:
        return _envelope(self.facts)


def rows(form: Shape, batch: Batch) -> pa.Table:
    """The facts as the rows of one of their kind's tables, in order."""
    if batch.columns is not None:
        return _rows_of_columns(form, batch.envelope, batch.columns)
    payloads, columns = batch.payloads, dict(batch.envelope)
    if form.field is None:
        columns |= _values([c for c in form.columns if not c.carried], payloads)
    else:
        lists = [p.get(form.field) or () for p in payloads]
        items = [item if isinstance(item, dict) else {"value": item} for found in lists for item in found]
        parent = pa.array(np.repeat(np.arange(len(payloads)), [len(found) for found in lists]))
        columns |= _values([c for c in form.columns if c.carried], payloads)
        columns = {name: column.take(parent) for name, column in columns.items()}
        columns["position"] = pa.array(itertools.chain.from_iterable(range(len(found)) for found in lists), pa.int64())
        columns |= _values([c for c in form.columns if not c.carried], items)
    return pa.Table.from_arrays([columns[name] for name in form.schema.names], schema=form.schema)


def _columns(facts: Sequence[Written]) -> pa.Table | None:
    """Payload texts read as columns, which makes no object a value; None for dicts, and for what a schema can't say.

    The reader refuses what the schema doesn't say (another type, a key twice); then the slow road decides, as it always did.
    """
    if not facts or not isinstance(facts[0].payload, str) or (schema := _schema(shapes(facts[0].kind))) is None:
        return None
    if any(_is_old(e) for e in facts):
        return None
    text = "\n".join(typing.cast("list[str]", [e.payload for e in facts])).encode()
    options = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:  # in one block: a payload may be of any length
        found = pa_json.read_json(pa.BufferReader(text), pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1), options)
    except pa.ArrowInvalid:
        return None
    return found if found.num_rows == len(facts) else None


@cache
def _schema(tables: tuple[Shape, ...]) -> pa.Schema | None:
    """What a kind's payloads hold of columns; None where one is kept as JSON text, or there is nothing to read."""
    fields: list[pa.Field] = []
    for form in tables:
        own = [c for c in form.columns if not c.carried]
        if any(c.json for c in own):
            return None
        read = [pa.field(c.key, c.type if c.parse is None else pa.string()) for c in own]
        if form.field is not None:
            single = [f.name for f in read] == ["value"]
            read = [pa.field(form.field, pa.list_(read[0].type if single else pa.struct(read)))]
        fields += read
    return pa.schema(fields) if fields else None


def _rows_of_columns(form: Shape, envelope: Mapping[str, pa.Array], payloads: pa.Table) -> pa.Table:
    def read(column: Column, values: pa.Array) -> pa.Array:
        if column.parse is None:
            return values
        return pa.array([None if v is None else column.parse(v) for v in values.to_pylist()], column.type)

    def whole(key: str) -> pa.Array:
        found = payloads[key]
        return found.chunk(0) if found.num_chunks == 1 else found.combine_chunks()

    columns = dict(envelope)
    if form.field is None:
        columns |= {c.name: read(c, whole(c.key)) for c in form.columns}
        return pa.Table.from_arrays([columns[name] for name in form.schema.names], schema=form.schema)
    columns |= {c.name: read(c, whole(c.key)) for c in form.columns if c.carried}
    lists = whole(form.field)
    parent, items = pc.list_parent_indices(lists), pc.list_flatten(lists)
    columns = {name: column.take(parent) for name, column in columns.items()}
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    columns["position"] = pa.array(np.arange(len(items)) - starts, pa.int64())
    for c in form.columns:
        if not c.carried:
            columns[c.name] = read(c, pc.struct_field(items, c.key) if pa.types.is_struct(items.type) else items)
    return pa.Table.from_arrays([columns[name] for name in form.schema.names], schema=form.schema)


def _is_old(fact: Written) -> bool:
    return (fact.kind, fact.version) in events.UPCASTS


def _decoded(facts: Sequence[Written]) -> list[dict[str, Any]]:
    """Payloads decoded, each as its kind's newest version has it. Texts go through the decoder as one: most of its time is in
    coming and going."""
    told = [e.payload for e in facts]
    found: list[dict[str, Any]]
    if not told or not isinstance(told[0], str):
        found = typing.cast("list[dict[str, Any]]", told)
    else:
        found = json.loads(f"[{','.join(typing.cast('list[str]', told))}]")
    return [events.current(e.kind, e.version, p) if _is_old(e) else p for e, p in zip(facts, found, strict=True)]


def _moments(values: Sequence[datetime | str]) -> pa.Array:
    """Moments, or naive UTC text as SQLite keeps them, which Arrow reads as columns."""
    if values and isinstance(values[0], str):
        return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(MOMENT)
    return pa.array(values, MOMENT)


def _uids(values: Sequence[uuid.UUID | str]) -> pa.Array:
    """Hex with dashes, which SQLite keeps without."""
    texts = pa.array([v if isinstance(v, str) else str(v) for v in values], pa.string())
    if not len(texts) or len(texts[0].as_py()) == 36:
        return texts
    ends = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return pc.binary_join_element_wise(*(pc.utf8_slice_codeunits(texts, *e) for e in ends), "-")


def _envelope(facts: Sequence[Written]) -> dict[str, pa.Array]:
    happened = _moments([e.happened_at for e in facts])
    day = happened.cast(pa.date32())
    days = day.dictionary_encode()  # few days, many events: a month is spelt once a day
    return {
        "uid": _uids([e.uid for e in facts]),
        "region": pa.array([e.region for e in facts], pa.string()),
        "month": pc.strftime(days.dictionary, "%Y-%m").cast(pa.string()).take(days.indices),
        "day": day,
        "happened_at": happened,
        "recorded_at": _moments([e.recorded_at for e in facts]),
        "subject": pa.array([e.subject for e in facts], pa.string()),
        "source": pa.array([e.source for e in facts], pa.string()),
    }


def _values(columns: Sequence[Column], payloads: Sequence[dict[str, Any]]) -> dict[str, pa.Array]:
    """The payloads' values by column. Arrow reads plain ones out of the dicts itself, several times faster than Python."""
    plain = [c for c in columns if c.parse is None]
    found = {}
    if plain:
        struct = pa.array(payloads, pa.struct([(c.key, c.type) for c in plain]))
        found = {c.name: struct.field(n) for n, c in enumerate(plain)}
    for c in columns:
        if c.parse is not None:
            values = [p.get(c.key) for p in payloads]
            found[c.name] = pa.array([None if v is None else c.parse(v) for v in values], c.type)
    return found


def _fields(cls: Any) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(cls)
    return [(f.name, hints[f.name]) for f in dataclasses.fields(cls)]


def _plain(hint: Any) -> Any:
    """`int | None` as int; other unions stay."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        if len(inner) == 1:
            return inner[0]
    return hint


def _item_of(hint: Any) -> Any | None:
    """What a list holds, or None where the hint is no list."""
    hint = _plain(hint)
    if typing.get_origin(hint) in (list, tuple, Sequence) and typing.get_args(hint):
        return typing.get_args(hint)[0]
    return None


def _column(name: str, hint: Any, envelope: list[tuple[str, pa.DataType]]) -> Column:
    """Anything without a type of its own (dicts, unions, lists within lists) is kept as JSON text."""
    hint = _plain(hint)
    taken = {n for n, _ in envelope}
    column = f"fact_{name}" if name in taken else name
    kept = _SCALARS.get(hint)
    if kept is None and (typing.get_origin(hint) is typing.Literal or (isinstance(hint, type) and issubclass(hint, str))):
        kept = pa.string()
    if kept is None:
        return Column(name, column, pa.string(), lambda v: json.dumps(v, ensure_ascii=False, sort_keys=True, default=str), json=True)
    parse = str if hint is uuid.UUID else _PARSERS.get(kept)
    return Column(name, column, kept, parse)
