"""What every page knows: who looks, in which region and currency, which day it is for the shop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from linli.kernel import clocks
from linli.web.actor import STRANGER


@dataclass(frozen=True)
class RegionInfo:
    """A region as pages need it."""

    slug: str
    name_zh: str
    name_en: str
    currency: str
    time_zone: str


@lru_cache(maxsize=64)
def _found(slug: str) -> RegionInfo:
    from linli.people import queries

    r = queries.region(slug)
    if r is None:
        raise LookupError(slug)  # an absent region is not remembered: it may be made a second later
    return RegionInfo(slug, r.name_zh, r.name_en, r.currency, r.time_zone)


def region_info(slug: str) -> RegionInfo | None:
    """The region by its slug; a stranger's is the first there is."""
    from linli.people import queries

    if not slug:
        slug = next((r.slug for r in queries.regions()), "")
    try:
        return _found(slug) if slug else None
    except LookupError:
        return None


def english() -> bool:
    """Whether the page speaks English."""
    return (get_language() or "").startswith("en")


def surface(request: HttpRequest) -> dict[str, Any]:
    """Facts for the frame of a page. Lazy: a page that shows none asks the database nothing."""
    actor = getattr(request, "actor", STRANGER)
    region = SimpleLazyObject(lambda: region_info(actor.region) or RegionInfo("", "", "", "CNY", "Asia/Shanghai"))
    return {
        "actor": actor,
        "region": region,
        "currency": SimpleLazyObject(lambda: region.currency),
        "business_now": SimpleLazyObject(clocks.business_now),
        "page_lang": "en" if english() else "zh-CN",
        "is_english": english(),
        "is_sandbox": settings.SANDBOX,
    }
