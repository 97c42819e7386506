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
