"""Pure decisions about goods."""

from __future__ import annotations

from collections.abc import Mapping

CATEGORIES = ("fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other")
LAYERS = ("traffic", "profit", "hit", "experience")
KINDS = ("good", "kit", "bundle", "service", "trade_in_target", "referral")


def faults(
    *,
    category: str,
    layer: str,
    list_price_minor: int,
    cost_minor: int,
    shelf_life_days: int,
    kind: str = "good",
    weighed: bool = False,
    piece_g: int | None = None,
) -> list[str]:
    """The names of the fields of a SKU that can't be."""
    return [
        name
        for name, good in (
            ("category", category in CATEGORIES),
            ("layer", layer in LAYERS),
            ("list_price_minor", list_price_minor > 0),
            ("cost_minor", cost_minor >= 0),
            ("shelf_life_days", shelf_life_days > 0),
            ("kind", kind in KINDS),
            ("piece_g", piece_g is not None and piece_g > 0 if weighed else piece_g is None or piece_g > 0),
        )
        if not good
    ]


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[object]]:
    """Field -> [before, after], of those that differ."""
    return {name: [before[name], value] for name, value in after.items() if before[name] != value}
