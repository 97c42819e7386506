"""Orders: find one, see everything that happened to it."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from linli.people import queries as people
from linli.trade import desk
from linli.trade import queries as trade
from linli.web import words
from linli.web.access import allow, in_region
from linli.web.console import frame, timeline
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import local_name

STATES = ("placed", "paid", "ready", "handed_over", "cancelled", "expired", "refunding", "refunded")
TONES = {"placed": "ye", "paid": "in", "ready": "in", "handed_over": "ok", "refunding": "or"}


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {
        "search": request.GET.get("q", "").strip()[:80],
        "state": frame.chosen(request, "state", STATES),
        "community_id": frame.number(request, "community"),
        "member_id": frame.number(request, "member"),
    }


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The region's orders, newest first."""
    region = request.actor.region  # type: ignore[attr-defined]
    asked = _asked(request)
    page = desk.orders(region, **asked, page=frame.number(request, "page", 1, least=1) or 1)
    return frame.page(
        request,
        "console/orders.html",
        "orders",
        {
            "asked": asked,
            "page": page,
            "rows": [(row, TONES.get(row.state, "nu")) for row in page.rows],
            "states": STATES,
            "communities": people.communities(region),
            "member": people.member(asked["member_id"]) if asked["member_id"] else None,
        },
    )


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered orders as a file."""
    rows = desk.order_rows(request.actor.region, **_asked(request))  # type: ignore[attr-defined]
    head = list(desk.OrderRow.__dataclass_fields__)
    return frame.table_file(form, "orders", head, (list(asdict(row).values()) for row in rows))


@dataclass(frozen=True)
class Step:
    """A line of an order's history."""

    at: datetime
    icon: str
    tone: str
    says: str
    by: str


def name_of(who: str) -> str:
    """ "person:3" as a name; other actors by their words."""
    kind, _sep, number = who.partition(":")
    if kind == "person" and number.isdigit() and (found := people.person(int(number))):
        return found.display_name
    if kind == "member" and number.isdigit() and (found_member := people.member(int(number))):
        return found_member.display_name
    return words.code(f"by.{kind}") if kind else ""


def _price_steps(order: trade.OrderInfo, currency: str) -> list[tuple[str, str, int]]:
    """The price as it was explained when it was charged: (goods, words, amount)."""
    names = {line.sku.code: local_name(line.sku) for line in order.lines}
    return [
        (names.get(str(facts.get("sku", "")), ""), words.code(code, None, currency=currency, **facts), amount_minor)
        for code, amount_minor, facts in order.steps
    ]


@allow("operator")
@require_GET
def one(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """One order: lines, money, history."""
    order = trade.order(order_id)
    if order is None:
        raise Http404
    region = in_region(request.actor, order.region)  # type: ignore[attr-defined]
    currency = currency_of(region)
    steps = []
    for told in trade.order_history(order_id):
        face = timeline.FACES.get(told.kind, timeline.OTHER)
        facts = {k: v for k, v in told.facts.items() if not isinstance(v, list | dict)}
        steps.append(Step(told.at, face.icon, face.tone, words.code(f"event.{told.kind}", currency=currency, **facts), name_of(told.by)))
    return frame.page(
        request,
        "console/order.html",
        "orders",
        {
            "order": order,
            "tone": TONES.get(order.state, "nu"),
            "number": str(order.order_id).replace("-", "")[-8:].upper(),
            "member": people.member(order.member_id),
            "community": people.community(order.community_id),
            "steps": steps,
            "price_steps": _price_steps(order, currency),
            "codes": sorted({line.pickup_code for line in order.lines if line.pickup_code}),
            "crumb": frame.up("console:orders", _("订单")),
        },
    )
