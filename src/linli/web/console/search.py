"""The bar's search: members, goods and orders in one list."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from linli.goods import queries as goods
from linli.people import queries as people
from linli.trade import desk
from linli.web.access import allow

MOST = 5


@allow("operator")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Hits as a fragment; nothing for fewer than two letters of a Latin word or none of a Chinese one."""
    text = request.GET.get("q", "").strip()[:80]
    region = request.actor.region  # type: ignore[attr-defined]
    if not text or (text.isascii() and len(text) < 2):
        return HttpResponse("")
    ids = people.search_ids(region, text, limit=MOST)
    found = {
        "text": text,
        "members": list(people.members(ids).values()),
        "goods": goods.search(region, text, limit=MOST),
        "orders": desk.orders(region, search=text, size=MOST).rows if _like_an_order(text) else [],
    }
    return render(request, "console/part_hits.html", found)


def _like_an_order(text: str) -> bool:
    """An order's id, its beginning, or a pickup code: digits and hex only, so that names don't search orders."""
    try:
        uuid.UUID(text)
    except ValueError:
        return any(c.isdigit() for c in text) and all(c in "0123456789abcdefABCDEF- " for c in text)
    return True
