"""Group-buys: how each stands, and one with its orders."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from linli.people import queries as people
from linli.trade import desk
from linli.trade import queries as trade
from linli.web.access import allow, in_region
from linli.web.console import frame
from linli.web.console.people_of import currency_of
from linli.web.phone import terms

STATES = ("open", "succeeded", "missed")


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {
        "search": request.GET.get("q", "").strip()[:80],
        "state": frame.chosen(request, "state", STATES),
        "community_id": frame.number(request, "community"),
    }


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The region's group-buys, the latest deadline first."""
    region = request.actor.region  # type: ignore[attr-defined]
    asked = _asked(request)
    page = desk.groups(region, **asked, page=frame.number(request, "page", 1, least=1) or 1)
    return frame.page(
        request,
        "console/groups.html",
        "groups",
        {"asked": asked, "page": page, "states": STATES, "communities": people.communities(region), "today": desk.today(region)},
    )


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered group-buys as a file."""
    rows = desk.group_rows(request.actor.region, **_asked(request))  # type: ignore[attr-defined]
    head = list(desk.GroupRow.__dataclass_fields__)
    return frame.table_file(form, "groups", head, (list(asdict(row).values()) for row in rows))


@allow("operator")
@require_GET
def one(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group-buy: progress, terms, who is in."""
    card = trade.group(group_id)
    if card is None:
        raise Http404
    region = in_region(request.actor, card.region)  # type: ignore[attr-defined]
    aim = terms.goal(card, currency_of(region))
    return frame.page(
        request,
        "console/group.html",
        "groups",
        {
            "card": card,
            "community": people.community(card.community_id),
            "leader": people.leader_of(card.community_id),
            "goal": aim,
            "miss": terms.miss_words(card, aim),
            "badge": terms.badge(card),
            "joined": trade.joiners(group_id),
            "arms": sorted(card.arms.items()),
            "crumb": frame.up("console:groups", _("团购")),
        },
    )
