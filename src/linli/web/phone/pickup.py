"""Handing out: all that lies under the code a member shows, once; what is missing goes back at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.fulfil import pickup as verbs
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import queries as trade
from linli.trade import tradein
from linli.trade.queries import Handout, LineInfo, PickupInfo
from linli.trade.queries import tradein as trade_ins
from linli.web import differences
from linli.web.access import allow, leads
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, leader_page, new_key, number, told


@dataclass(frozen=True)
class Waiting:
    """What one member fetches: their code, and the lines of however many orders."""

    handout: Handout
    lines: list[LineInfo]


@dataclass(frozen=True)
class Counter:
    """One community's list: what waits, and what went out lately."""

    community: CommunityInfo
    waiting: list[Waiting]
    handed: list[Handout]


def _by_code(rows: Sequence[Handout]) -> list[Waiting]:
    """Orders under one code as one row, by code."""
    found = []
    for _code, together in groupby(sorted(rows, key=lambda h: h.pickup_code), key=lambda h: h.pickup_code):
        orders = list(together)
        found.append(Waiting(orders[0], [line for h in orders for line in h.lines if line.state == "ready"]))
    return found


def counters(request: HttpRequest) -> list[Counter]:
    """The lists of every community the leader looks after."""
    rows = []
    for community_id in actor_of(request).community_ids:
        community = people.community(community_id)
        if community is None:
            continue
        found = trade.handouts(community_id, include_handed=True)
        waiting = _by_code([h for h in found if h.state == "ready"])
        rows.append(Counter(community, waiting, [h for h in found if h.state != "ready"][:10]))
    return rows


def _page(request: HttpRequest, page: dict[str, object], status: int = 200) -> HttpResponse:
    found = counters(request)
    actor = actor_of(request)
    owed = {"differences": trade_ins.differences(actor.region, actor.community_ids), "ways": differences.choices()}
    shown = {"counters": found, "waiting": sum(len(c.waiting) for c in found), "key": new_key(), **owed, **page}
    return leader_page(request, "phone/leader/pickup.html", "pickup", shown, status)


@allow("leader")
@never_cache
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """The list, and what lies under a code that was typed or scanned."""
    code = request.GET.get("code", "").strip()[:16]
    if not code:
        return _page(request, {})
    refused: Refusal | None = None
    for community_id in actor_of(request).community_ids:
        try:
            found = verbs.found(code=code, community_id=community_id)
        except Refusal as no:
            refused = no
            continue
        return _page(request, {"code": code, **_found(found)})
    error = told(refused or Refusal("fulfil.no_such_code"), actor_of(request).region)
    return _page(request, {"code": code, "error": error}, status=404)


def _found(found: PickupInfo) -> dict[str, object]:
    member = people.member(found.member_id)
    lines = [(o.order_id, line) for o in found.orders for line in o.lines]
    starts = [o.pickup_from for o in found.orders if o.pickup_from]
    return {
        "found": found,
        "member": member,
        "phone_tail": member.phone[-4:] if member else "",
        "ready": found.ready,
        "open": [line for _o, line in lines if line.state == "open"],
        "handed": [line for _o, line in lines if line.state == "handed"],
        "pickup_at": shelf.moment_words(min(starts)) if starts else "",
    }


def _asked(request: HttpRequest) -> tuple[int, str]:
    """(community, code) of the form, the community the leader's own."""
    return leads(actor_of(request), number(request.POST.get("community"), 0) or 0), request.POST.get("code", "")[:16]


def _lines(request: HttpRequest) -> set[tuple[uuid.UUID, int]] | None:
    """The lines ticked ("order:number"); None when the form asks for everything."""
    if "line" not in request.POST and "some" not in request.POST:
        return None
    found = set()
    for text in request.POST.getlist("line")[:200]:
        order_id, _sep, line = text.partition(":")
        try:
            found.add((uuid.UUID(order_id), int(line)))
        except ValueError:
            raise Refusal("trade.not_ready") from None
    return found


@allow("leader")
@require_POST
def hand_over(request: HttpRequest) -> HttpResponse:
    """Hand over what is ready under the code, or of it what is ticked. A double tap says that it has been done."""
    actor = actor_of(request)
    community_id, code = _asked(request)
    try:
        done = verbs.hand_over(code=code, community_id=community_id, by=actor.person_id or 0, key=key_of(request), only=_lines(request))
    except Refusal as refused:
        return _page(request, {"code": code, "error": told(refused, actor.region)}, status=422)
    pieces = sum(line.quantity - line.returned_pieces for line in done.lines)
    if done.again:
        says = _("这一单 %(clock)s 已经交过了") % {"clock": shelf.moment_words(done.at)}
    else:
        says = _("已交货，共 %(count)s 份") % {"count": pieces}
    return _page(request, {"done": done, "done_says": says})


@allow("leader")
@require_POST
def short(request: HttpRequest) -> HttpResponse:
    """Pieces of a line didn't arrive: their money goes back to the member at once."""
    actor = actor_of(request)
    community_id, code = _asked(request)
    order_id, _sep, line = request.POST.get("line", "").partition(":")
    try:
        verbs.short(
            code=code,
            community_id=community_id,
            by=actor.person_id or 0,
            order_id=order_id,
            number=number(line, 0) or 0,
            pieces=number(request.POST.get("pieces")),
            key=key_of(request),
        )
    except Refusal as refused:
        return _page(request, {"code": code, "error": told(refused, actor.region)}, status=422)
    messages.success(request, _("记下了，少的钱原路退给会员"))
    return HttpResponseRedirect(reverse("leader:pickup") + "?" + urlencode({"code": code}))


@allow("leader")
@require_POST
def difference(request: HttpRequest, trade_in_id: uuid.UUID) -> HttpResponse:
    """A neighbour paid at the desk what their old appliance was worth less; one of the leader's own communities."""
    actor = actor_of(request)
    if trade_in_id not in {t.trade_in_id for t in trade_ins.differences(actor.region, actor.community_ids)}:
        raise Http404
    try:
        paid = differences.reference(request.POST.get("how", ""), request.POST.get("reference", ""))
        tradein.pay_difference(region=actor.region, trade_in_id=trade_in_id, reference=paid, by=f"person:{actor.person_id}")
    except Refusal as refused:
        return _page(request, {"difference_error": told(refused, actor.region), "wrong_difference": trade_in_id}, status=422)
    messages.success(request, _("差价记好了"))
    return HttpResponseRedirect(reverse("leader:pickup"))
