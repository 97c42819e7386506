"""Facts about goods. `by` is who did it: "person:3", "system"."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("goods.sku_edited")
@dataclass(frozen=True)
class SkuEdited(Fact):
    """Fields of a SKU in the catalogue changed; what they were is kept with the catalogue."""

    sku: str
    fields: list[str]
    by: str


@fact("goods.kits_assembled")
@dataclass(frozen=True)
class KitsAssembled(Fact):
    """Kits were made at a station out of their components; `cost_minor` is what all of them cost."""

    sku: str
    place: str
    quantity: int
    cost_minor: int
    by: str


@fact("goods.kits_taken_apart")
@dataclass(frozen=True)
class KitsTakenApart(Fact):
    """Kits became components again."""

    sku: str
    place: str
    quantity: int
    cost_minor: int
    by: str


@fact("goods.pieces_lost")
@dataclass(frozen=True)
class PiecesLost(Fact):
    """Pieces at a station were lost; `reason` spoiled, damaged, short or expired."""

    sku: str
    place: str
    quantity: int
    cost_minor: int
    reason: str
    by: str
