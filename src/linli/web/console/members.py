"""Members: find them, narrow them down by segment and community, take them along as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from linli.insight import queries as insight
from linli.people import queries as people
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.people_of import listed

COLUMNS = (("recency", _("上次下单")), ("orders_90d", _("90 天订单")), ("spend_365d", _("一年消费")), ("risk", _("45 天流失")))
PER_PAGE = 30


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What the address asks for; unknown values fall back, so that an old bookmark still opens."""
    return {
        "search": request.GET.get("q", "").strip()[:80],
        "segment": request.GET.get("segment", "")[:40],
        "community_id": frame.number(request, "community"),
    }


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The members of the region, by risk unless asked otherwise."""
    region = request.actor.region  # type: ignore[attr-defined]
    asked = _asked(request)
    segments = insight.segment_counts(region)
    if asked["segment"] not in {s.key for s in segments}:
        asked["segment"] = ""
    order = frame.chosen(request, "order", insight.ORDERS, "-risk")
    page = insight.members(region, **asked, order=order, page=frame.number(request, "page", 1, least=1) or 1, per_page=PER_PAGE)
    return frame.page(
        request,
        "console/members.html",
        "members",
        {
            "asked": asked,
            "order": order,
            "columns": [_column(key, label, order) for key, label in COLUMNS],
            "page": page,
            "rows": listed(region, page.rows),
            "segments": [s for s in segments if s.members],
            "segment": next((s for s in segments if s.key == asked["segment"]), None),
            "waiting": [s for s in segments if s.waits_for],
            "communities": people.communities(region),
            "community": next((c for c in people.communities(region) if c.community_id == asked["community_id"]), None),
        },
    )


def _column(key: str, label: Any, order: str) -> dict[str, Any]:
    """A sortable heading: pressing it again turns the order around."""
    here = order.lstrip("-") == key
    first = key if key == "recency" else f"-{key}"
    return {
        "label": label,
        "here": here,
        "down": here and order.startswith("-"),
        "order": (key if order.startswith("-") else f"-{key}") if here else first,
    }


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered members with every feature, as a file."""
    region = request.actor.region  # type: ignore[attr-defined]
    rows = iter(insight.export_members(region, **_asked(request)))
    first = next(rows, None)
    if first is None:
        return frame.table_file(form, "members", ["member_id"], [])
    head = list(first)
    return frame.table_file(form, "members", head, ([row.get(name) for name in head] for row in _chain(first, rows)))


def _chain(first: dict[str, Any], rest: Any) -> Any:
    yield first
    yield from rest
