"""Pure decisions about goods."""

from __future__ import annotations

CATEGORIES = ("fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other")
LAYERS = ("traffic", "profit", "hit", "experience")


def faults(*, category: str, layer: str, list_price_minor: int, cost_minor: int, shelf_life_days: int) -> list[str]:
    """The names of the fields of a SKU that can't be."""
    return [
        name
        for name, good in (
            ("category", category in CATEGORIES),
            ("layer", layer in LAYERS),
            ("list_price_minor", list_price_minor > 0),
            ("cost_minor", cost_minor >= 0),
            ("shelf_life_days", shelf_life_days > 0),
        )
        if not good
    ]
