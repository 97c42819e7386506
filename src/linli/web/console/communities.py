"""Communities and their leaders: how each does, who looks after it, where to look next."""

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

ORDERS = {
    "sales": (_("30 天成交"), lambda r: r.sales_30d_minor),
    "orders": (_("30 天订单"), lambda r: r.orders_30d),
    "members": (_("会员"), lambda r: r.members),
    "active": (_("30 天活跃"), lambda r: r.active_30d),
    "silent": (_("沉默占比"), lambda r: r.silent_share if r.silent_share is not None else -1.0),
    "risk": (_("要流失的贵客"), lambda r: r.at_risk_valuable),
}


HEAD = (
    "code", "name", "leader", "members", "active_30d", "silent_share", "sales_30d_minor", "orders_30d", "at_risk",
    "at_risk_valuable", "vips",
)  # fmt: skip


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every community of the region in one table."""
    order = frame.chosen(request, "order", ORDERS, "sales")
    return frame.page(
        request,
        "console/communities.html",
        "communities",
        {
            "rows": _rows(request),
            "search": _search(request),
            "columns": [{"key": key, "label": label, "here": key == order} for key, (label, _value) in ORDERS.items()],
            "total": len(people.communities(request.actor.region)),  # type: ignore[attr-defined]
        },
    )


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered communities as a file."""

    def line(held: dict[str, Any]) -> list[object]:
        row, info, leader = held["row"], held["info"], held["leader"]
        own = [getattr(info, "code", ""), getattr(info, "name_zh", ""), getattr(leader, "display_name", "")]
        return own + [getattr(row, name) for name in HEAD[3:]]

    return frame.table_file(form, "communities", HEAD, (line(r) for r in _rows(request)))


def _search(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:80]


def _rows(request: HttpRequest) -> list[dict[str, Any]]:
    """The communities that the address asks for, in its order, with their leaders."""
    region = request.actor.region  # type: ignore[attr-defined]
    order, search = frame.chosen(request, "order", ORDERS, "sales"), _search(request)
    known = {c.community_id: c for c in people.communities(region)}
    leaders = people.leaders(region)
    return [
        {"row": row, "info": known[row.community_id], "leader": leaders.get(row.community_id)}
        for row in sorted(insight.communities(region), key=ORDERS[order][1], reverse=True)
        if row.community_id in known and _matches(known[row.community_id], leaders.get(row.community_id), search)
    ]


def _matches(info: people.CommunityInfo, leader: people.PersonInfo | None, search: str) -> bool:
    held = [info.name_zh, info.name_en, info.code, leader.display_name if leader else ""]
    return not search or any(search.lower() in text.lower() for text in held)
