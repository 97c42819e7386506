"""One group-buy as its leader watches it: how far, who is in, the words and the poster for the chat group."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from linli.kernel import clocks, money
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import queries as trade
from linli.trade.queries import GroupCard
from linli.web.access import allow, leads
from linli.web.context import region_info
from linli.web.phone import poster, shelf, terms
from linli.web.phone.asking import actor_of, leader_page
from linli.web.phone.leading import post_of
from linli.web.templatetags.linli import local_name


def _led(request: HttpRequest, group_id: int) -> tuple[GroupCard, CommunityInfo]:
    """The group and its community, when the leader looks after it; else Http404."""
    card = trade.group(group_id)
    community = people.community(card.community_id) if card else None
    if card is None or community is None:
        raise Http404
    leads(actor_of(request), card.community_id)
    return card, community


def _currency(card: GroupCard) -> str:
    info = region_info(card.region)
    return info.currency if info else "CNY"


def _progress(card: GroupCard) -> dict[str, Any]:
    joined = trade.joiners(card.group_id)
    return {
        "group": shelf.group(card),
        "card": card,
        "ladder": terms.ladder(card),
        "currency": _currency(card),
        "joined": joined,
        "unpaid": sum(not j.paid for j in joined),
        "left": shelf.timer(card.deadline_at, clocks.business_now(), ticks=clocks.standing_at() is None),
        "running": card.state == "open" and clocks.business_now() < card.deadline_at,
    }


@allow("leader")
@never_cache
@require_GET
def one(request: HttpRequest, group_id: int) -> HttpResponse:
    """The page; asked for by htmx, the part that moves."""
    card, community = _led(request, group_id)
    page = _progress(card)
    if getattr(request, "htmx", False):
        return render(request, "phone/leader/part_live.html", page)
    link = request.build_absolute_uri(reverse("shop:product", args=[group_id]))
    page["post"] = post_of(page["group"], community, page["currency"], link)
    page |= {"community": community, "poster": reverse("leader:poster", args=[group_id])}
    return leader_page(request, "phone/leader/group.html", "groups", page)


@allow("leader")
@never_cache
@require_GET
def draw(request: HttpRequest, group_id: int) -> HttpResponse:
    """The poster, as it stands this moment."""
    card, community = _led(request, group_id)
    link = request.build_absolute_uri(reverse("shop:product", args=[group_id]))
    return HttpResponse(poster.draw(told(card, community, link)), content_type="image/svg+xml; charset=utf-8")


def told(card: GroupCard, community: CommunityInfo, link: str) -> poster.Told:
    """What the poster of a group-buy says now. Only what is so: the price charged, the rungs, the deadline."""
    group, currency, steps = shelf.group(card), _currency(card), terms.ladder(card)

    def price(amount_minor: int) -> str:
        return money.price(amount_minor, currency)

    saved = card.list_price_minor - card.price_minor
    rungs = steps.rungs if steps else []
    return poster.Told(
        shop=_("邻里"),
        community=local_name(community),
        name=local_name(card.sku),
        unit=local_name(card.sku, "unit"),
        picture=card.sku.picture,
        price=price(card.price_minor),
        list_price=price(card.list_price_minor) if saved > 0 else "",
        save=_("省 %(amount)s") % {"amount": price(saved)} if saved > 0 else "",
        progress=_("已经成团，跟上就有") if group.reached else f"{group.goal.wants} · {group.goal.lacks}",
        share=1 - group.goal.near,
        reached=group.reached,
        deadline=_("%(at)s 截单") % {"at": group.deadline},
        pickup=_("%(at)s 起取货") % {"at": group.pickup},
        place=local_name(community, "pickup"),
        scan=_("扫码参团"),
        link=link,
        as_of=clocks.business_now(),
        ladder=tuple(((_("%(n)s 份起") % {"n": max(1, r.pieces)}), price(r.price_minor), r.reached) for r in rungs),
    )
