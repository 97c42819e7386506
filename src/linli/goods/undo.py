"""Taking an edit of the catalogue back: only what still stands as the edit left it, so that nobody's later change is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from linli.goods import catalog
from linli.goods.models import Sku

Changes = Mapping[str, Mapping[str, Sequence[object]]]
"""Code -> field -> (before, after)."""


def changes_of(region: str, wanted: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, list[object]]]:
    """What an edit would change now: what `take_back` needs to take it back."""
    found = Sku.objects.filter(region=region, code__in=wanted)
    told = {s.code: {name: [getattr(s, name), value] for name, value in wanted[s.code].items() if getattr(s, name) != value} for s in found}
    return {code: fields for code, fields in told.items() if fields}


def take_back(*, region: str, changes: Changes, by: str) -> int:
    """Put back what an edit changed, where it still stands; returns how many SKUs changed. Raises as catalog.edit_many."""
    found = {s.code: s for s in Sku.objects.filter(region=region, code__in=changes)}
    back = {
        code: {name: before for name, (before, after) in fields.items() if code in found and getattr(found[code], name) == after}
        for code, fields in changes.items()
    }
    return catalog.edit_many(region=region, changes={code: fields for code, fields in back.items() if fields}, by=by)
