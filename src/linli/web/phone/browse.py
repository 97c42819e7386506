"""Looking around in the shop: front page, categories, search, one group-buy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from linli.goods import queries as goods
from linli.people import queries as people
from linli.trade import carts
from linli.trade import queries as trade
from linli.trade.queries import GroupCard
from linli.web.access import allow
from linli.web.phone import offers, shelf, terms, wanted
from linli.web.phone.asking import actor_of, member_of, shop_page

SUGGESTED = 6


def own_group(request: HttpRequest, group_id: int) -> GroupCard:
    """The group-buy, when it is of the member's community; else Http404, so that nobody learns what others buy."""
    card = trade.group(group_id) if 0 < group_id < 2**63 else None
    if card is None or card.community_id != actor_of(request).member_community_id:
        raise Http404
    return card


def open_here(request: HttpRequest) -> list[GroupCard]:
    """What can be joined in the member's community."""
    community_id = actor_of(request).member_community_id
    return trade.open_groups(community_id) if community_id is not None else []


def _held(request: HttpRequest) -> dict[str, Any]:
    """What the cart holds of each group-buy, for the buttons of the cards."""
    return {"in_cart": carts.pieces(actor_of(request).member_id or 0)}


@allow("member")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What can be joined in the member's community, the one about to succeed first, the rest by pickup day."""
    member = member_of(request)
    cards = open_here(request)
    front = shelf.front(cards)
    hero = front.hero.card.group_id if front.hero else None
    page = {
        "front": front,
        "slot": wanted.slot(request, [c for c in cards if c.group_id != hero]),
        "waves": by_wave(front.rest),
        "community": people.community(member.community_id),
        "leader": people.leader_of(member.community_id),
        "unpaid": [(o, shelf.machine_timer(o.pay_by)) for o in trade.orders_of(member.member_id, limit=6) if o.state == "placed"][:1],
        **_held(request),
    }
    return shop_page(request, "phone/shop/home.html", "home", page)


def by_wave(groups: Sequence[shelf.Group]) -> list[tuple[str, str, list[shelf.Group]]]:
    """(pickup in words, the next cut-off of it, its group-buys) for each pickup day, the next first."""
    ordered = sorted(groups, key=lambda g: (shelf.local_day(g.card.pickup_from), g.card.deadline_at))
    found = []
    for _day, same in groupby(ordered, key=lambda g: shelf.local_day(g.card.pickup_from)):
        rows = list(same)
        found.append((shelf.day_words(rows[0].card.pickup_from), rows[0].deadline, rows))
    return found


@allow("member")
@require_GET
def category(request: HttpRequest, code: str = "") -> HttpResponse:
    """Everything open, or one category of it."""
    cards = open_here(request)
    if code and not shelf.category_name(code):
        raise Http404
    shown = [shelf.group(c) for c in cards if code in ("", c.sku.category)]
    page = {"groups": shown, "categories": shelf.categories(cards), "code": code, "title": shelf.category_name(code), "count": len(cards)}
    return shop_page(request, "phone/shop/category.html", "all", page | _held(request))


def found_here(request: HttpRequest, asked: str) -> list[GroupCard]:
    """Open group-buys whose goods are called so: Chinese, English, pinyin or its initials; the best match first."""
    if not asked:
        return []
    rank = {sku.code: n for n, sku in enumerate(goods.search(actor_of(request).region, asked))}
    return sorted((c for c in open_here(request) if c.sku.code in rank), key=lambda c: rank[c.sku.code])


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:40]


@allow("member")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """What was asked for; before that what is looked for often, and after an empty answer what else there is."""
    asked = _asked(request)
    found = found_here(request, asked)
    page: dict[str, Any] = {"asked": asked, "groups": [shelf.group(c) for c in found]} | _held(request)
    if not found:
        cards = open_here(request)
        liked = sorted(cards, key=lambda c: (-c.joined_households, c.deadline_at))
        page |= {"liked": [shelf.group(c) for c in liked[:SUGGESTED]], "categories": shelf.categories(cards)}
    return shop_page(request, "phone/shop/search.html", "all", page)


@allow("member")
@require_GET
def suggest(request: HttpRequest) -> HttpResponse:
    """While somebody types: the first group-buys that are called so."""
    asked = _asked(request)
    shown = [shelf.group(c) for c in found_here(request, asked)[:SUGGESTED]]
    return render(request, "phone/shop/part_suggest.html", {"asked": asked, "groups": shown})


@allow("member")
@require_GET
def product(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group-buy: its price and how far it may fall, who is in, what happens when it is missed."""
    card = own_group(request, group_id)
    group, member = shelf.group(card), member_of(request)
    left = shelf.shop_timer(card.deadline_at)
    page = {
        "group": group,
        "ladder": terms.ladder(card),
        "open": card.state == "open" and left.total_seconds > 0,
        "left": left,
        "community": people.community(card.community_id),
        "leader": people.leader_of(card.community_id),
        "teams": offers.teams(card, member.member_id),
        "own_team": offers.own_team(card, member.member_id),
        "asked_team": request.GET.get("team", "")[:36],
        "inside": offers.inside(card),
        "voucher": offers.voucher(card),
        **_held(request),
    }
    return shop_page(request, "phone/shop/product.html", "", page)
