"""The member's orders: the list, one order with its pickup code, taking it back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import clocks, money
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import carts, pay, rules
from linli.trade import orders as verbs
from linli.trade import queries as trade
from linli.trade.queries import GroupCard, OrderInfo, passes
from linli.web.access import allow
from linli.web.phone import offers, paying, shelf
from linli.web.phone.asking import actor_of, key_of, new_key, remember, shop_page
from linli.web.phone.codes import qr

FILTERS = {
    "all": (),
    "pay": ("placed",),
    "wait": ("paid",),
    "pickup": ("ready",),
    "done": ("handed_over", "cancelled", "expired", "refunding", "refunded"),
}
ADDED = 6
"""How many group-buys of the same day stand beside an order."""

WAY = ("placed", "paid", "ready", "handed_over")
"""The way of an order that goes well: ordered, paid, its group succeeded, handed over."""


@dataclass(frozen=True)
class Milestone:
    """A station of the way: passed, or the one where the order stands."""

    state: str
    done: bool
    current: bool


def way(state: str) -> list[Milestone]:
    """The stations; empty for an order that ended on another road."""
    if state not in WAY:
        return []
    here = WAY.index(state)
    return [Milestone(s, i < here or state == "handed_over", i == here and state != "handed_over") for i, s in enumerate(WAY)]


def own_order(request: HttpRequest, order_id: uuid.UUID) -> OrderInfo:
    """The member's order; Http404 for somebody else's, as for one that never was."""
    found = trade.order(order_id, actor_of(request).member_id or 0)
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True)
class Ticket:
    """A pickup code on a page: where and when, what lies under it, and the code as an image."""

    code: str
    pickup: str
    pieces: int
    ready_pieces: int
    sure: bool
    lines: list[passes.PassLine]
    qr: SafeString

    @property
    def ready(self) -> bool:
        """Whether all of it can be fetched."""
        return self.ready_pieces == self.pieces


def tickets(request: HttpRequest, order_id: uuid.UUID | None = None) -> list[Ticket]:
    """The member's pickup codes, one a day; the image is the address under which a leader's camera opens the hand-out."""
    there = request.build_absolute_uri(reverse("leader:pickup"))
    return [
        Ticket(p.code, shelf.moment_words(p.pickup_from), p.pieces, p.ready_pieces, p.sure, p.lines, qr(f"{there}?code={p.code}"))
        for p in passes.passes(actor_of(request).member_id or 0, order_id)
    ]


@allow("member")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The member's orders, newest first, under the codes that are to be shown at the pickup place."""
    show = request.GET.get("show", "all")
    wanted = FILTERS.get(show, ())
    found = trade.orders_of(actor_of(request).member_id or 0)
    counts = {name: sum(o.state in states for o in found) for name, states in FILTERS.items()}
    page = {
        "orders": [(o, shelf.machine_timer(o.pay_by)) for o in found if not wanted or o.state in wanted],
        "show": show,
        "counts": counts,
        "any": bool(found),
        "tickets": tickets(request) if show in ("all", "pickup") else [],
        "community": people.community(actor_of(request).member_community_id or 0),
    }
    return shop_page(request, "phone/shop/orders.html", "orders", page)


@allow("member")
@never_cache
@require_GET
def order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """One order: where it stands, its codes, what it cost, what happened, what can be done."""
    found = own_order(request, order_id)
    groups = {line.group_id: card for line in found.lines if (card := trade.group(line.group_id)) is not None}
    page: dict[str, Any] = {
        "order": found,
        "way": way(found.state),
        "groups": [shelf.group(card) for card in groups.values()],
        "teams": [t for card in groups.values() if (t := offers.own_team(card, found.member_id)) is not None],
        "community": people.community(found.community_id),
        "leader": people.leader_of(found.community_id),
        "history": list(reversed(trade.order_history(found.order_id))),
        "refunds": trade.money_back(found.order_id),
        "left": shelf.machine_timer(found.pay_by) if found.state == "placed" else None,
        "may_cancel": may_cancel(found, groups),
        "pickup": shelf.moment_words(found.pickup_from) if found.pickup_from else "",
        "tickets": tickets(request, found.order_id) if found.state in ("paid", "ready") else [],
        "beside": _beside(found) if found.state in ("paid", "ready") else [],
        "channels": paying.choices(request) if found.state == "placed" else [],
        "key": new_key(),
    }
    return shop_page(request, "phone/shop/order.html", "orders", page)


def _beside(found: OrderInfo) -> list[shelf.Group]:
    """What can still be had for the same day: it comes along under the same code."""
    mine = {line.group_id for line in found.lines}
    days = {shelf.local_day(card.pickup_from) for g in mine if (card := trade.group(g)) is not None}
    open_now = trade.open_groups(found.community_id)
    return [
        shelf.group(c)
        for c in open_now
        if shelf.local_day(c.pickup_from) in days and c.group_id not in mine and c.left_pieces and c.kind != "team"
    ][:ADDED]


@allow("member")
@require_POST
def again(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """What an order held goes into the cart, where it can be had now."""
    found = own_order(request, order_id)
    try:
        done, gone = carts.again(member_id=found.member_id, order_id=order_id)
    except Refusal as refused:
        remember(request, refused, found.region)
        return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
    if not done:
        messages.info(request, _("这几样今天没有开团，开了会在首页"))
        return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
    if gone:
        messages.info(request, _("%(done)s 样放进了购物车，%(gone)s 样今天没有") % {"done": done, "gone": gone})
    return HttpResponseRedirect(reverse("shop:cart"))


def may_cancel(found: OrderInfo, groups: dict[int, GroupCard]) -> bool:
    """Whether the button is worth showing; the verb decides again."""
    if found.state == "placed":
        return True
    kept = [line for line in found.lines if line.state != "cancelled"]
    if found.state not in ("paid", "ready") or not kept:
        return False
    deadlines = [groups[line.group_id].deadline_at for line in kept if line.group_id in groups]
    return rules.may_cancel([line.state for line in kept], deadlines, clocks.business_now())


@allow("member")
@require_POST
def cancel(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Take the order back; paid money returns whole."""
    found = own_order(request, order_id)
    try:
        # A payment whose message is still on its way must not be told as "nothing was charged".
        pay.refresh(order_id=order_id, member_id=found.member_id)
        state = verbs.cancel(order_id=order_id, member_id=found.member_id, key=key_of(request))
    except Refusal as refused:
        remember(request, refused, found.region)
    else:
        if state in ("cancelled", "expired"):
            messages.success(request, _("已取消，没有扣钱"))
        else:
            # All of what had been paid and not gone back before; tapped again, what is going back.
            back = found.payable_minor - (found.refunded_minor if found.state in ("paid", "ready") else 0)
            messages.success(request, _("已取消，%(amount)s 原路退回") % {"amount": money.plain(back, found.currency)})
    return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
