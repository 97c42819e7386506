"""Ordering: the sheet with its price explained, placing, the cashier, and waiting for the money to be believed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders, pay, rules
from linli.trade import queries as trade
from linli.trade.queries import GroupCard
from linli.web.access import allow
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, member_of, new_key, number, remember, request_is_part, shop_page, told
from linli.web.phone.browse import own_group

PATIENCE = 20
"""How often the return page asks by itself before it lets the member decide."""


@dataclass(frozen=True)
class Asked:
    """What the member filled in: `coupon_id` None without one; `chosen` False until they touched the coupons."""

    quantity: int
    solo: bool
    coupon_id: int | None
    chosen: bool


def _asked(request: HttpRequest) -> Asked:
    sent = request.POST if request.method == "POST" else request.GET
    quantity = number(sent.get("quantity"), 1) or 0
    return Asked(quantity, sent.get("solo") == "1", number(sent.get("coupon")), "coupon" in sent)


def _priced(request: HttpRequest, card: GroupCard, asked: Asked) -> dict[str, Any]:
    """The quote with its coupons, or the refusal; the best coupon is taken until the member chooses another."""
    member_id, region = actor_of(request).member_id or 0, actor_of(request).region
    unit = card.solo_price_minor if asked.solo else card.price_minor
    amount = unit * asked.quantity
    mine = trade.coupons_of(member_id, usable_only=True)
    choices = shelf.coupon_choices(mine, card.sku.category, amount, asked.coupon_id)
    coupon_id = asked.coupon_id if asked.chosen else shelf.best_coupon(choices)
    page: dict[str, Any] = {"asked": asked, "coupon_id": coupon_id, "unit_minor": unit}
    page["choices"] = shelf.coupon_choices(mine, card.sku.category, amount, coupon_id)
    try:
        page["quote"] = orders.quote(
            member_id=member_id, lines=[rules.Wanted(card.group_id, asked.quantity, asked.solo)], coupon_id=coupon_id
        )
    except Refusal as refused:
        page["error"] = told(refused, region)
    return page


def _sheet(request: HttpRequest, card: GroupCard, key: str, error: dict[str, str] | None = None) -> HttpResponse:
    page = {
        "group": shelf.group(card),
        "community": people.community(card.community_id),
        "key": key,
        **_priced(request, card, _asked(request)),
    }
    if error:
        page["error"] = error
    return shop_page(request, "phone/shop/sheet.html", "", page, status=422 if error else 200)


@allow("member")
@never_cache
@require_GET
def sheet(request: HttpRequest, group_id: int) -> HttpResponse:
    """Quantity, coupon and price before ordering. The form's key is made here: sent twice, it is one order."""
    return _sheet(request, own_group(request, group_id), new_key())


@allow("member")
@never_cache
@require_GET
def quote(request: HttpRequest, group_id: int) -> HttpResponse:
    """The price again, for another quantity or coupon."""
    card = own_group(request, group_id)
    return render(request, "phone/shop/part_quote.html", {"group": shelf.group(card), **_priced(request, card, _asked(request))})


@allow("member")
@require_POST
def place(request: HttpRequest, group_id: int) -> HttpResponse:
    """Order, and go on to the cashier. A refusal keeps what was filled in."""
    card, asked, key, actor = own_group(request, group_id), _asked(request), key_of(request), actor_of(request)
    line = rules.Wanted(card.group_id, asked.quantity, asked.solo)
    try:
        placed = orders.place(member_id=actor.member_id or 0, lines=[line], coupon_id=asked.coupon_id, key=key)
    except Refusal as refused:
        return _sheet(request, card, key, told(refused, actor.region))
    return _to_cashier(request, placed.order_id, key)


@allow("member")
@require_POST
def pay_again(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """To the cashier of an order that still waits for its money."""
    return _to_cashier(request, order_id, key_of(request))


def _to_cashier(request: HttpRequest, order_id: uuid.UUID, key: str) -> HttpResponse:
    """The channel's own page. A form may not be redirected off this site (form-action), so a script or a link goes."""
    actor = actor_of(request)
    back = request.build_absolute_uri(reverse("shop:return", args=[order_id]))
    try:
        started = pay.start(order_id=order_id, member_id=actor.member_id or 0, key=f"{order_id.hex}/{key}"[:80], return_url=back)
    except Refusal as refused:
        if refused.code == "trade.no_such_order":
            raise Http404 from refused
        if refused.code != "trade.already_paid":
            remember(request, refused, actor.region)
        return _go(request, reverse("shop:order", args=[order_id]))
    if request_is_part(request):
        return HttpResponseClientRedirect(started.pay_url)
    return shop_page(request, "phone/shop/cashier.html", "", {"pay_url": started.pay_url, "order_id": order_id})


def _go(request: HttpRequest, there: str) -> HttpResponse:
    return HttpResponseClientRedirect(there) if request_is_part(request) else HttpResponseRedirect(there)


def _state(request: HttpRequest, order_id: uuid.UUID) -> str:
    """The order's state, the channel asked when its callback has not come. Http404 for somebody else's."""
    try:
        return str(pay.refresh(order_id=order_id, member_id=actor_of(request).member_id or 0))
    except Refusal as refused:
        if refused.code == "trade.no_such_order":
            raise Http404 from refused
        return "placed"


@allow("member")
@never_cache
@require_GET
def returned(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Back from the cashier: paid at once, or a page that waits for it."""
    member_of(request)
    if _state(request, order_id) != "placed":
        return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
    return shop_page(request, "phone/shop/return.html", "", {"order_id": order_id, "tries": 1, "patient": True, "key": new_key()})


@allow("member")
@never_cache
@require_GET
def waiting(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """The return page's own question: is it paid by now?"""
    tries = (number(request.GET.get("tries"), 0) or 0) + 1
    if _state(request, order_id) != "placed":
        return HttpResponseClientRedirect(reverse("shop:order", args=[order_id]))
    return render(
        request, "phone/shop/part_waiting.html", {"order_id": order_id, "tries": tries, "patient": tries <= PATIENCE, "key": new_key()}
    )
