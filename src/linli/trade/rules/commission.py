"""What a leader earns by a line, and what of it is taken back. One level: nobody earns by what another leader sells."""

from __future__ import annotations

from collections.abc import Mapping


def rate(sku: str, layer: str, rates: Mapping[tuple[str, str], int], default_bp: int) -> int:
    """The rate of a SKU in basis points: its own, or its layer's, or the region's."""
    return rates.get(("sku", sku), rates.get(("layer", layer), default_bp))


def earned(base_minor: int, rate_bp: int) -> int:
    """`rate_bp` of what the member paid for the line, rounded half up to the minor unit."""
    return (base_minor * rate_bp + 5000) // 10_000


def clawed(amount_minor: int, base_minor: int, base_back_minor: int) -> int:
    """What is taken back in all once `base_back_minor` of the base has gone back: in proportion, and all of it at the end.

    It follows from what has gone back in all, so that any series of refunds takes back the same as one.
    """
    return amount_minor - amount_minor * (base_minor - base_back_minor) // base_minor
