"""Ordering: one good or the cart's choice, its price explained, placed once however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import carts, orders
from linli.trade.queries import GroupCard, passes
from linli.trade.rules import Wanted
from linli.web.access import allow
from linli.web.phone import paying, pricing, shelf
from linli.web.phone.asking import actor_of, key_of, new_key, number, shop_page, told
from linli.web.phone.browse import own_group


@dataclass(frozen=True)
class Asked:
    """What the member filled in. `single` is the group-buy of a sheet, None for the cart's choice; `coupon_id` None
    without one; `touched` once they chose a coupon (or none) themselves."""

    lines: list[Wanted]
    single: int | None
    coupon_id: int | None
    touched: bool
    channel: str

    @property
    def line(self) -> Wanted:
        """The one line of a sheet."""
        return self.lines[0]


def _asked(request: HttpRequest, single: int | None) -> Asked:
    sent = request.POST if request.method == "POST" else request.GET
    if single is not None:
        solo = sent.get("solo") == "1"
        tolerance = 0 if solo else (number(sent.get("tolerance"), 0) or 0)
        quantity = (number(sent.get("quantity"), 1) or 0) + tolerance
        lines = [Wanted(single, quantity, solo, tolerance, sent.get("team", "")[:36] or None)]
    elif "line" in sent:
        lines = [line for line in map(pricing.line_of, sent.getlist("line")) if line is not None]
    else:
        lines = [line.wanted for line in carts.of(actor_of(request).member_id or 0).chosen]
    return Asked(lines, single, number(sent.get("coupon")), "coupon" in sent, sent.get("channel", ""))


def _cards(request: HttpRequest, asked: Asked) -> dict[int, GroupCard]:
    """The group-buys asked for. Http404 when one is not of the member's community."""
    return {line.group_id: own_group(request, line.group_id) for line in asked.lines}


def _priced(request: HttpRequest, asked: Asked, cards: dict[int, GroupCard]) -> dict[str, Any]:
    actor = actor_of(request)
    page = pricing.priced(
        member_id=actor.member_id or 0,
        region=actor.region,
        community_id=actor.member_community_id or 0,
        cards=cards,
        lines=asked.lines,
        coupon_id=asked.coupon_id,
        chosen=asked.touched,
    )
    groups = {group_id: shelf.group(card) for group_id, card in cards.items()}
    rows = [(line, groups[line.group_id], pricing.text_of(line)) for line in asked.lines]
    return page | {
        "asked": asked,
        "rows": rows,
        "group": groups[asked.single] if asked.single else None,
        "wave_list": _waves(rows, _codes(request)),
    }


Row = tuple[Wanted, shelf.Group, str]


@dataclass(frozen=True)
class Wave:
    """What is fetched on one day. `code` is the one under which the member fetches goods of that day already, "" for none."""

    pickup: str
    code: str
    rows: list[Row]


def _waves(rows: list[Row], codes: dict[date, str]) -> list[Wave]:
    """The rows by pickup day: each is one way and one code."""
    found: dict[date, Wave] = {}
    for row in sorted(rows, key=lambda r: r[1].card.pickup_from):
        day = shelf.local_day(row[1].card.pickup_from)
        found.setdefault(day, Wave(row[1].pickup, codes.get(day, ""), [])).rows.append(row)
    return list(found.values())


def _codes(request: HttpRequest) -> dict[date, str]:
    """Pickup day -> the member's code of that day: what is added needs no further way."""
    return {p.wave_on: p.code for p in passes.passes(actor_of(request).member_id or 0)}


def _form(request: HttpRequest, asked: Asked, cards: dict[int, GroupCard], key: str, error: dict[str, str] | None = None) -> HttpResponse:
    page = _priced(request, asked, cards) | {
        "community": people.community(actor_of(request).member_community_id or 0),
        "key": key,
        "channels": paying.choices(request, asked.channel),
    }
    if error:
        page["error"] = error
    return shop_page(request, "phone/shop/sheet.html", "", page, status=422 if error else 200)


@allow("member")
@never_cache
@require_GET
def sheet(request: HttpRequest, group_id: int) -> HttpResponse:
    """Quantity, coupon and price before ordering. The form's key is made here: sent twice, it is one order."""
    asked = _asked(request, group_id)
    return _form(request, asked, _cards(request, asked), new_key())


@allow("member")
@never_cache
@require_GET
def quote(request: HttpRequest, group_id: int) -> HttpResponse:
    """The price again, for another quantity or coupon."""
    asked = _asked(request, group_id)
    return render(request, "phone/shop/part_quote.html", _priced(request, asked, _cards(request, asked)))


@allow("member")
@require_POST
def place(request: HttpRequest, group_id: int) -> HttpResponse:
    """Order one good, and go on to the cashier. A refusal keeps what was filled in."""
    return _place(request, _asked(request, group_id))


@allow("member")
@never_cache
@require_GET
def checkout(request: HttpRequest) -> HttpResponse:
    """The cart's choice before ordering; back to the cart when nothing is chosen."""
    asked = _asked(request, None)
    if not asked.lines:
        return HttpResponseRedirect(reverse("shop:cart"))
    return _form(request, asked, _cards(request, asked), new_key())


@allow("member")
@never_cache
@require_GET
def checkout_quote(request: HttpRequest) -> HttpResponse:
    """The price of the same lines again, with another coupon."""
    asked = _asked(request, None)
    if not asked.lines:
        raise Http404
    return render(request, "phone/shop/part_quote.html", _priced(request, asked, _cards(request, asked)))


@allow("member")
@require_POST
def checkout_place(request: HttpRequest) -> HttpResponse:
    """Order what the form names, not what the cart holds by now: sent again, it is the same order."""
    asked = _asked(request, None)
    return _place(request, asked) if asked.lines else HttpResponseRedirect(reverse("shop:cart"))


def _place(request: HttpRequest, asked: Asked) -> HttpResponse:
    cards, key, actor = _cards(request, asked), key_of(request), actor_of(request)
    try:
        placed = orders.place(member_id=actor.member_id or 0, lines=asked.lines, coupon_id=asked.coupon_id, key=key)
    except Refusal as refused:
        return _form(request, asked, cards, key, told(refused, actor.region))
    carts.ordered(member_id=actor.member_id or 0, lines=asked.lines, before=placed.pay_by - orders.TIME_TO_PAY)
    return paying.to_cashier(request, placed.order_id, key, asked.channel)
