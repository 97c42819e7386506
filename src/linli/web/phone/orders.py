"""The member's orders: the list, one order with its pickup code, taking it back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import clocks, money
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders as verbs
from linli.trade import pay, rules
from linli.trade import queries as trade
from linli.trade.queries import GroupCard, OrderInfo
from linli.web.access import allow
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, new_key, remember, shop_page
from linli.web.phone.codes import qr

FILTERS = {
    "all": (),
    "pay": ("placed",),
    "wait": ("paid",),
    "pickup": ("ready",),
    "done": ("handed_over", "cancelled", "expired", "refunding", "refunded"),
}
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


@allow("member")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The member's orders, newest first."""
    show = request.GET.get("show", "all")
    wanted = FILTERS.get(show, ())
    found = trade.orders_of(actor_of(request).member_id or 0)
    counts = {name: sum(o.state in states for o in found) for name, states in FILTERS.items()}
    page = {"orders": [o for o in found if not wanted or o.state in wanted], "show": show, "counts": counts, "any": bool(found)}
    return shop_page(request, "phone/shop/orders.html", "orders", page)


@allow("member")
@never_cache
@require_GET
def order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """One order: where it stands, its code, what it cost, what happened, what can be done."""
    found = own_order(request, order_id)
    groups = {line.group_id: card for line in found.lines if (card := trade.group(line.group_id)) is not None}
    page: dict[str, Any] = {
        "order": found,
        "way": way(found.state),
        "groups": [shelf.group(card) for card in groups.values()],
        "community": people.community(found.community_id),
        "leader": people.leader_of(found.community_id),
        "history": trade.order_history(found.order_id),
        "refunds": trade.money_back(found.order_id),
        "left": shelf.machine_timer(found.pay_by) if found.state == "placed" else None,
        "may_cancel": may_cancel(found, groups),
        "pickup": shelf.moment_words(found.pickup_from) if found.pickup_from else "",
        "key": new_key(),
    }
    if found.pickup_code:
        page["qr"] = qr(request.build_absolute_uri(f"{reverse('leader:pickup')}?code={found.pickup_code}"))
    return shop_page(request, "phone/shop/order.html", "orders", page)


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
