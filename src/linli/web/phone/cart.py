"""The cart: what the member means to order, by the day on which it is fetched, with its price explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import carts, rules
from linli.trade import queries as trade
from linli.trade.carts import Cart, Line
from linli.trade.rules import Wanted
from linli.web.access import allow
from linli.web.phone import pricing, shelf
from linli.web.phone.asking import actor_of, member_of, number, remember, request_is_part, shop_page, told
from linli.web.phone.browse import own_group


@dataclass(frozen=True)
class Row:
    """A line of the cart with its group-buy in words; `most` is what may be asked for of it."""

    line: Line
    group: shelf.Group
    most: int

    @property
    def amount_minor(self) -> int:
        return self.line.unit_minor * self.line.quantity

    @property
    def name(self) -> str:
        """The line's own name in a page: for labels and the scroll position."""
        return f"{self.line.group.group_id}{'s' if self.line.solo else ''}"


@dataclass(frozen=True)
class Wave:
    """What is fetched on one day: one way, one code."""

    pickup: str
    rows: list[Row]


def row(line: Line, shares: Mapping[int, int]) -> Row:
    """The line with its words; `shares`: what the member may still have of groups that limit them."""
    share = shares.get(line.group.group_id, rules.MOST_PIECES)
    return Row(line, shelf.group(line.group), max(1, min(rules.MOST_PIECES, share, line.group.left_pieces)))


def waves(lines: Sequence[Line], shares: Mapping[int, int]) -> list[Wave]:
    """The lines by pickup day, the next first."""
    ordered = sorted(lines, key=lambda line: (line.group.pickup_from, line.group.deadline_at))
    return [
        Wave(shelf.moment_words(same[0].group.pickup_from), [row(line, shares) for line in same])
        for _day, found in groupby(ordered, key=lambda line: shelf.local_day(line.group.pickup_from))
        for same in [list(found)]
    ]


def cart_page(request: HttpRequest, cart: Cart) -> dict[str, Any]:
    """The facts of the cart's page and of its part alike."""
    actor = actor_of(request)
    chosen = cart.chosen
    shares = trade.shares_left([line.group for line in cart.lines], actor.member_id or 0)
    page: dict[str, Any] = {
        "cart": cart,
        "waves": waves(cart.live, shares),
        "lost": [row(line, shares) for line in cart.lost],
        "chosen_count": len(chosen),
        "all_chosen": bool(cart.live) and len(chosen) == len(cart.live),
        "pieces": carts.count(actor.member_id or 0),
        "community": people.community(actor.member_community_id or 0),
    }
    if chosen:
        cards = {line.group.group_id: line.group for line in chosen}
        lines = [line.wanted for line in chosen]
        page |= pricing.priced(
            member_id=actor.member_id or 0,
            region=actor.region,
            community_id=actor.member_community_id or 0,
            cards=cards,
            lines=lines,
            coupon_id=None,
            chosen=False,
        )
    return page


@allow("member")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The cart, with an order that still waits for its money on top."""
    member = member_of(request)
    unpaid = [o for o in trade.orders_of(member.member_id, limit=12) if o.state == "placed"]
    page = cart_page(request, carts.of(member.member_id)) | {
        "unpaid": [(order, shelf.machine_timer(order.pay_by)) for order in unpaid],
    }
    return shop_page(request, "phone/shop/cart.html", "cart", page)


def _changed(request: HttpRequest, refused: Refusal | None = None) -> HttpResponse:
    """The cart again after a change: its part for htmx, the page for everybody else."""
    actor = actor_of(request)
    if not request_is_part(request):
        if refused:
            remember(request, refused, actor.region)
        return HttpResponseRedirect(reverse("shop:cart"))
    page = cart_page(request, carts.of(actor.member_id or 0))
    if refused:
        page["refused"] = told(refused, actor.region)
    return render(request, "phone/shop/part_cart.html", page)


def _line(request: HttpRequest) -> Wanted:
    """The line a form says: the whole of it, not a change of it."""
    sent = request.POST
    solo = sent.get("solo") == "1"
    tolerance = 0 if solo else (number(sent.get("tolerance"), 0) or 0)
    quantity = (number(sent.get("quantity"), 0) or 0) + tolerance
    return Wanted(number(sent.get("group"), 0) or 0, quantity, solo, tolerance, sent.get("team", "")[:36] or None)


@allow("member")
@require_POST
def put(request: HttpRequest) -> HttpResponse:
    """Let the cart hold this line as the form says it; nothing of it (quantity 0) takes it out."""
    actor, line = actor_of(request), _line(request)
    refused = None
    try:
        if line.quantity == 0:
            carts.remove(member_id=actor.member_id or 0, group_id=line.group_id, solo=line.solo)
        else:
            carts.put(member_id=actor.member_id or 0, line=line)
    except Refusal as caught:
        refused = caught
    if request.POST.get("from") == "card":
        return _card(request, line, refused)
    if request.POST.get("from") == "product" and not refused and not request_is_part(request):
        messages.success(request, _("放进购物车了"))
        return HttpResponseRedirect(reverse("shop:product", args=[line.group_id]))
    return _changed(request, refused)


def _card(request: HttpRequest, line: Wanted, refused: Refusal | None) -> HttpResponse:
    """The button of a card again, with what the cart holds now; without script, back to where the card is."""
    actor = actor_of(request)
    card = own_group(request, line.group_id)
    if not request_is_part(request):
        if refused:
            remember(request, refused, actor.region)
        return HttpResponseRedirect(f"{reverse('shop:home')}#g{card.group_id}")
    held = carts.pieces(actor.member_id or 0)
    page = {
        "group": shelf.group(card),
        "in_cart": held,
        "pieces": carts.count(actor.member_id or 0),
        "refused": told(refused, actor.region) if refused else None,
        "answer": True,
    }
    return render(request, "phone/shop/part_add.html", page)


@allow("member")
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Let a line, or all of them, go along at the checkout or stay behind."""
    member_id, chosen = actor_of(request).member_id or 0, request.POST.get("chosen") == "1"
    if request.POST.get("group") == "all":
        carts.choose_all(member_id=member_id, chosen=chosen)
    else:
        group_id = number(request.POST.get("group"), 0) or 0
        carts.choose(member_id=member_id, group_id=group_id, solo=request.POST.get("solo") == "1", chosen=chosen)
    return _changed(request)


@allow("member")
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Join what was to be bought alone, or the other way round: the form says what it shall be."""
    refused = None
    try:
        group_id = number(request.POST.get("group"), 0) or 0
        carts.switch(member_id=actor_of(request).member_id or 0, group_id=group_id, solo=request.POST.get("solo") == "1")
    except Refusal as caught:
        refused = caught
    return _changed(request, refused)


@allow("member")
@require_POST
def clear(request: HttpRequest) -> HttpResponse:
    """Take out what can't be had any more."""
    carts.clear_lost(member_id=actor_of(request).member_id or 0)
    return _changed(request)
