"""What stands in the cells of an order: several goods in one, what a status means, what kind of goods a name is. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

_PIECES = "件份个盒袋箱瓶包只罐桶斤条把支片套提板串块根杯"
_COUNTED = re.compile(
    rf"(?P<name>.+?)\s*(?:[*xX×]\s*(?P<times>\d{{1,5}})(?:\s*[{_PIECES}])?|\(\s*(?P<pieces>\d{{1,5}})\s*[{_PIECES}]\s*\)"
    rf"|[+]\s*(?P<plus>\d{{1,5}})\s*[{_PIECES}])",
    re.DOTALL,
)


@dataclass(frozen=True)
class Item:
    """One of the goods in a cell. `count` None: the cell does not say how many."""

    name: str
    count: int | None


@lru_cache(maxsize=20_000)
def items(cell: str) -> tuple[Item, ...]:
    """The goods of one cell, each on a line of its own or after a semicolon: "苹果(5斤)*2\\n牛奶*1", "面条(1件);米(2件)".

    Commas part goods only where every part says how many: names have commas too.
    """
    text = unicodedata.normalize("NFKC", cell).strip()
    parts = [p.strip() for p in re.split(r"[\n\r;]+", text) if p.strip()]
    if len(parts) == 1:
        split = [p.strip() for p in re.split(r"[,、]", parts[0]) if p.strip()]
        if len(split) > 1 and all(_COUNTED.fullmatch(p) for p in split):
            parts = split
    return tuple(_item(p) for p in parts)


def _item(text: str) -> Item:
    found = _COUNTED.fullmatch(text)
    if found is None:
        return Item(text, None)
    return Item(found["name"].strip(), int(found["times"] or found["pieces"] or found["plus"]))


@cache
def _words() -> dict[str, Any]:
    text = resources.files("linli.insight.imports").joinpath("words.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    found["longest"] = sorted(((w, c) for c, words in found["categories"].items() for w in words), key=lambda k: -len(k[0]))
    return found


@lru_cache(maxsize=1_000)
def status(text: str) -> str:
    """One of "bought", "gone" (never paid, or wholly given back) or "unknown" (which is taken for bought, and told)."""
    plain, known = unicodedata.normalize("NFKC", text).strip().lower(), _words()["status"]
    if any(word in plain for word in known["partly"]):
        return "bought"
    if any(word in plain for word in known["gone"]):
        return "gone"
    return "bought" if not plain or any(word in plain for word in known["bought"]) else "unknown"


@lru_cache(maxsize=20_000)
def category_of(name: str) -> str:
    """The shop's category that a product's name tells, by words.yaml; else other. A guess, and counted as one."""
    if any(word in name for word in _words()["not_food"]):
        return "other"
    return next((category for word, category in _words()["longest"] if word in name), "other")
