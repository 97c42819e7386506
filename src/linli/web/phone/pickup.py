"""Handing out: by the code a member shows, once."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.fulfil import pickup as verbs
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import queries as trade
from linli.trade.queries import Handout, OrderInfo
from linli.web.access import allow, leads
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, leader_page, new_key, number, told


@dataclass(frozen=True)
class Counter:
    """One community's list: what waits, and what went out lately."""

    community: CommunityInfo
    waiting: list[Handout]
    handed: list[Handout]


def counters(request: HttpRequest) -> list[Counter]:
    """The lists of every community the leader looks after."""
    rows = []
    for community_id in actor_of(request).community_ids:
        community = people.community(community_id)
        if community is None:
            continue
        found = trade.handouts(community_id, include_handed=True)
        rows.append(Counter(community, [h for h in found if h.state == "ready"], [h for h in found if h.state != "ready"][:10]))
    return rows


def _page(request: HttpRequest, page: dict[str, object], status: int = 200) -> HttpResponse:
    found = counters(request)
    shown = {"counters": found, "waiting": sum(len(c.waiting) for c in found), "key": new_key(), **page}
    return leader_page(request, "phone/leader/pickup.html", "pickup", shown, status)


@allow("leader")
@never_cache
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """The list, and the order under a code that was typed or scanned."""
    code = request.GET.get("code", "").strip()[:16]
    if not code:
        return _page(request, {})
    refused: Refusal | None = None
    for community_id in actor_of(request).community_ids:
        try:
            found = verbs.lookup(code=code, community_id=community_id)
        except Refusal as no:
            refused = no
            continue
        return _page(request, {"code": code, **_found(found)})
    error = told(refused or Refusal("fulfil.no_such_code"), actor_of(request).region)
    return _page(request, {"code": code, "error": error}, status=404)


def _found(order: OrderInfo) -> dict[str, object]:
    member = people.member(order.member_id)
    return {
        "order": order,
        "member": member,
        "phone_tail": member.phone[-4:] if member else "",
        "ready": [line for line in order.lines if line.state == "ready"],
        "handed": [line for line in order.lines if line.state == "handed"],
        "pickup_at": shelf.moment_words(order.pickup_from) if order.pickup_from else "",
    }


@allow("leader")
@require_POST
def hand_over(request: HttpRequest) -> HttpResponse:
    """Hand over what is ready under the code. A double tap says that it has been done."""
    actor = actor_of(request)
    community_id = leads(actor, number(request.POST.get("community"), 0) or 0)
    code = request.POST.get("code", "")[:16]
    try:
        done = verbs.hand_over(code=code, community_id=community_id, by=actor.person_id or 0, key=key_of(request))
    except Refusal as refused:
        return _page(request, {"code": code, "error": told(refused, actor.region)}, status=422)
    pieces = sum(line.quantity for line in done.lines)
    if done.again:
        says = _("这一单 %(clock)s 已经交过了") % {"clock": shelf.moment_words(done.at)}
    else:
        says = _("已交货，共 %(count)s 份") % {"count": pieces}
    return _page(request, {"done": done, "done_says": says})
