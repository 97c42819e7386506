"""What a file may hold, under which headings, and whose export it is. Pure.

The headings are those that docs/imports.md names with their sources; a file of other headings is mapped by hand once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

KINDS = ("orders", "members", "messages")


@dataclass(frozen=True)
class Field:
    """Something a row may say. `headings`: where it usually stands, the best first. `required`: no file without it."""

    name: str
    headings: tuple[str, ...]
    required: bool = False


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """The fields of a kind, as columns.yaml has them. Raises KeyError."""
    text = resources.files("linli.insight.imports").joinpath("columns.yaml").read_text(encoding="utf-8")
    return tuple(Field(f["name"], tuple(f["headings"]), f.get("required", False)) for f in yaml.safe_load(text)[kind])


ORIGINS: dict[str, tuple[str, str]] = {
    "ktt": ("快团团", "Kuaituantuan"),
    "qunjielong": ("群接龙", "Qunjielong"),
    "youzan": ("有赞", "Youzan"),
    "weidian": ("微店", "Weidian"),
    "other": ("其他", "another system"),
}
"""Whose export it may be: key -> (zh, en). The key is part of an order's identity: two systems may number alike."""

_SIGNS = {"ktt": ("跟团号",), "qunjielong": ("接龙号",), "youzan": ("全部商品名称", "收货人/提货人", "收货人手机号/提货人手机号")}


def field(kind: str, name: str) -> Field:
    """One field of a kind. Raises KeyError."""
    return next(f for f in fields(kind) if f.name == name)


def plain(heading: str) -> str:
    """A heading without case, stars and what stands in brackets: "联系电话（必填）" is "联系电话", "Created_at" is "created at"."""
    bare = re.sub(r"[*＊(（\[【].*$", "", heading.strip().lower())
    return re.sub(r"[\s_]+", " ", bare).strip() or heading.strip().lower()


def recognise(kind: str, headings: Sequence[str], saved: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Field -> heading, as `saved` had it the last time ("": left out on purpose), the rest as far as the headings are known.

    Of several that would do, the field's best takes it; a heading serves once.
    """
    found = {name: heading for name, heading in saved.items() if not heading or heading in headings}
    there: dict[str, str] = {}
    for heading in headings:
        there.setdefault(plain(heading), heading)
    for f in fields(kind):
        best = next((there[h] for h in (*f.headings, f.name) if h in there and there[h] not in found.values()), None)
        if best is not None:
            found.setdefault(f.name, best)
    return {name: heading for name, heading in found.items() if heading}


def origin_of(headings: Sequence[str]) -> str:
    """Whose export these headings are; "other" when nothing tells."""
    there = {plain(h) for h in headings}
    return next((key for key, signs in _SIGNS.items() if there & set(signs)), "other")


def missing(kind: str, mapping: Mapping[str, str]) -> list[str]:
    """Fields without which nothing of this kind can be read. Of an order: who it is, and what makes it one order."""
    lacking = [f.name for f in fields(kind) if f.required and f.name not in mapping]
    if kind == "orders" and not {"phone", "buyer", "buyer_id", "receiver"} & set(mapping):
        lacking.append("buyer")
    if kind == "orders" and not {"order_amount", "line_amount", "price"} & set(mapping):
        lacking.append("order_amount")
    if kind == "members" and not {"phone", "member_no", "name"} & set(mapping):
        lacking.append("phone")
    return lacking
