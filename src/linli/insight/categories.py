"""The history's departments and categories in the shop's seven words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


_FRUIT = (
    "TROPICAL FRUIT", "BERRIES", "GRAPES", "CITRUS", "APPLES", "MELONS", "STONE FRUIT", "PEARS", "VALUE ADDED FRUIT",
    "ORGANICS FRUIT & VEGETABLES", "DRIED FRUIT", "FRUIT - SHELF STABLE", "FRZN FRUITS",
)  # fmt: skip
_DAIRY_EGG = (
    "FLUID MILK PRODUCTS", "EGGS", "YOGURT", "CHEESE", "CHEESES", "BUTTER", "MILK BY-PRODUCTS", "MARGARINES", "MISC. DAIRY", "CANNED MILK",
)  # fmt: skip
_BAKERY = ("BAKED BREAD/BUNS/ROLLS", "BAKED SWEET GOODS", "BREAD", "FROZEN BREAD/DOUGH", "REFRGRATD DOUGH PRODUCTS")
_GRAIN_OIL = (
    "DRY BN/VEG/POTATO/RICE", "DRY NOODLES/PASTA", "SHORTENING/OIL", "FLOUR & MEALS", "HOT CEREAL", "COLD CEREAL", "SUGARS/SWEETNERS",
)  # fmt: skip
_MEAT = ("DELI MEATS", "CHICKEN/POULTRY", "FRZN SEAFOOD", "FROZEN CHICKEN", "MEAT - SHELF STABLE", "SEAFOOD - SHELF STABLE")
_VEGETABLE = ("VEGETABLES - SHELF STABLE", "FRZN VEGETABLE/VEG DSH", "FRZN POTATOES")


def shop_category(department: ir.StringValue, category: ir.StringValue) -> ir.StringValue:
    """fruit, vegetable, meat_seafood, dairy_egg, grain_oil, bakery or other, for columns of the history's words."""
    import ibis

    found: ir.StringValue = ibis.cases(
        (category.isin(_FRUIT), "fruit"),
        ((department == "PRODUCE") | (department == "SALAD BAR") | category.isin(_VEGETABLE), "vegetable"),
        (department.isin(("MEAT", "MEAT-PCKGD", "SEAFOOD", "SEAFOOD-PCKGD")) | category.isin(_MEAT), "meat_seafood"),
        (category.isin(_DAIRY_EGG), "dairy_egg"),
        ((department == "PASTRY") | category.isin(_BAKERY), "bakery"),
        (category.isin(_GRAIN_OIL), "grain_oil"),
        else_="other",
    )
    return found
