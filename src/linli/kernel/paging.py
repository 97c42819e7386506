"""Lists read page by page from where the last one ended, so that rows which arrive meanwhile shift nothing.

A page ends at the sort values of its last row; the next one begins behind them (keyset), whatever was inserted. The
last name of an order must be unique, or rows that tie would be lost between two pages.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from linli.kernel.refusals import Refusal


@dataclass(frozen=True)
class Slice[T]:
    """Some rows, and the cursor of what comes after them ("" at the end)."""

    rows: list[T]
    after: str


def keyset[M: Model](found: QuerySet[M], order: Sequence[str], *, after: str = "", size: int = 50) -> Slice[M]:
    """The next `size` rows of `found` in `order` (field names, "-" for descending) behind the cursor `after`.

    Raises Refusal: kernel.bad_cursor when it was made by another list, or by nobody.
    """
    if after:
        found = found.filter(_behind(order, _read(found.model, order, after)))
    rows = list(found.order_by(*order)[: size + 1])
    more = len(rows) > size
    return Slice(rows[:size], _written(rows[size - 1], order) if more else "")


def _behind(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after `values`: larger in the first field, or equal there and after in the rest. Two of the fields may point different ways."""
    condition = Q(pk__in=[])
    same = Q()
    for name, value in zip(order, values, strict=True):
        field = name.removeprefix("-")
        condition |= same & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        same &= Q(**{field: value})
    return condition


def _written(row: Model, order: Sequence[str]) -> str:
    """A cursor: the order and the row's values in it. It opens nothing that the list's own filters would not."""
    fields = [row._meta.pk if name.removeprefix("-") == "pk" else row._meta.get_field(name.removeprefix("-")) for name in order]
    told = [",".join(order), *(field.value_to_string(row) for field in fields)]  # type: ignore[union-attr]
    return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(model: type[Model], order: Sequence[str], cursor: str) -> list[Any]:
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        named, *texts = told
        if named != ",".join(order) or len(texts) != len(order) or not all(isinstance(text, str) for text in texts):
            raise ValueError(named)
        return [_typed(model, name.removeprefix("-"), text) for name, text in zip(order, texts, strict=True)]
    except (ValueError, TypeError, UnicodeError, binascii.Error, ValidationError, OverflowError, RecursionError):
        raise Refusal("kernel.bad_cursor") from None


def _typed(model: type[Model], name: str, text: str) -> Any:
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    value = field.to_python(text)  # type: ignore[union-attr]
    if value is None or (isinstance(value, int) and not -(2**63) <= value < 2**63) or (isinstance(value, str) and "\0" in value):
        raise ValueError(text)
    return value
