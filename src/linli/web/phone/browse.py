"""Looking around in the shop: front page, categories, search, one group-buy."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from linli.goods import queries as goods
from linli.people import queries as people
from linli.trade import queries as trade
from linli.trade.queries import GroupCard
from linli.web.access import allow
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, member_of, shop_page


def own_group(request: HttpRequest, group_id: int) -> GroupCard:
    """The group-buy, when it is of the member's community; else Http404, so that nobody learns what others buy."""
    card = trade.group(group_id)
    if card is None or card.community_id != actor_of(request).member_community_id:
        raise Http404
    return card


def _open(request: HttpRequest) -> list[GroupCard]:
    community_id = actor_of(request).member_community_id
    return trade.open_groups(community_id) if community_id is not None else []


@allow("member")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What can be joined in the member's community, the one about to succeed first."""
    member = member_of(request)
    page = {
        "front": shelf.front(_open(request)),
        "community": people.community(member.community_id),
        "leader": people.leader_of(member.community_id),
    }
    return shop_page(request, "phone/shop/home.html", "home", page)


@allow("member")
@require_GET
def category(request: HttpRequest, code: str = "") -> HttpResponse:
    """Everything open, or one category of it."""
    cards = _open(request)
    if code and not shelf.category_name(code):
        raise Http404
    shown = [shelf.group(c) for c in cards if code in ("", c.sku.category)]
    page = {"groups": shown, "categories": shelf.categories(cards), "code": code, "title": shelf.category_name(code), "count": len(cards)}
    return shop_page(request, "phone/shop/category.html", "all", page)


@allow("member")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Open group-buys whose goods are called so, in Chinese or English."""
    asked = request.GET.get("q", "").strip()[:40]
    found = {s.code for s in goods.search(actor_of(request).region, asked)} if asked else set()
    shown = [shelf.group(c) for c in _open(request) if c.sku.code in found]
    return shop_page(request, "phone/shop/search.html", "all", {"asked": asked, "groups": shown})


@allow("member")
@require_GET
def product(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group-buy with its progress, and what happens when it is missed."""
    card = own_group(request, group_id)
    page = {
        "group": shelf.group(card),
        "open": card.state == "open" and shelf.shop_timer(card.deadline_at).total_seconds > 0,
        "left": shelf.shop_timer(card.deadline_at),
        "community": people.community(card.community_id),
    }
    return shop_page(request, "phone/shop/product.html", "", page)
