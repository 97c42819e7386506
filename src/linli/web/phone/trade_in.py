"""Trade-in on the member's phone: what the old one brings, the order, and where it stands."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.trade import queries as trade
from linli.trade import tradein
from linli.trade.queries import tradein as reads
from linli.trade.rules.tradein import CONDITIONS
from linli.web.access import allow
from linli.web.phone.asking import key_of, member_of, new_key, number, remember, shop_page, told


def _asked(source: Any) -> dict[str, Any]:
    return {
        "category": source.get("category", "")[:24],
        "age_years": number(source.get("age"), -1),
        "condition": source.get("condition", "")[:8],
        "group_id": number(source.get("group"), 0) or 0,
    }


@allow("member")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The member's trade-ins, and the form: the old one, the new one, and what it would bring."""
    member = member_of(request)
    targets = [g for g in trade.open_groups(member.community_id) if g.sku.kind == "trade_in_target"]
    asked = _asked(request.GET)
    page: dict[str, Any] = {
        "mine": reads.trade_ins_of(member.member_id),
        "targets": targets,
        "categories": list(dict.fromkeys(w.category for w in tradein.values(member.region))),
        "conditions": CONDITIONS,
        "asked": asked,
        "brand": request.GET.get("brand", "")[:48],
        "key": new_key(),
    }
    if request.GET.get("category"):
        try:
            page["estimate"] = tradein.estimate(member_id=member.member_id, **asked)
        except Refusal as refused:
            page["error"] = told(refused, member.region)
    return shop_page(request, "phone/shop/trade_in.html", "me", page)


@allow("member")
@require_POST
def quote(request: HttpRequest) -> HttpResponse:
    """Take the offer: it is good for a week."""
    member = member_of(request)
    try:
        made = tradein.quote(member_id=member.member_id, brand=request.POST.get("brand", ""), key=key_of(request), **_asked(request.POST))
    except Refusal as refused:
        remember(request, refused, member.region)
        return HttpResponseRedirect(reverse("shop:trade-in"))
    return HttpResponseRedirect(reverse("shop:trade-in-one", args=[made]))


@allow("member")
@never_cache
@require_GET
def one(request: HttpRequest, trade_in_id: uuid.UUID) -> HttpResponse:
    """One trade-in with its steps."""
    member = member_of(request)
    found = reads.trade_in(trade_in_id, member_id=member.member_id)
    if found is None:
        raise Http404
    group = trade.group(found.group_id)
    return shop_page(request, "phone/shop/trade_in_one.html", "me", {"t": found, "group": group})


@allow("member")
@require_POST
def act(request: HttpRequest, trade_in_id: uuid.UUID) -> HttpResponse:
    """Order the new one, take the old one back, or drop the quote."""
    member = member_of(request)
    what = request.POST.get("what", "")
    try:
        if what == "order":
            placed = tradein.order(trade_in_id=trade_in_id, member_id=member.member_id)
            return HttpResponseRedirect(reverse("shop:order", args=[placed.order_id]))
        if what == "back":
            tradein.take_back(trade_in_id=trade_in_id, member_id=member.member_id, by=f"member:{member.member_id}")
            messages.success(request, _("旧机给你送回，付的钱原路退回"))
        elif what == "drop":
            tradein.drop(trade_in_id=trade_in_id, member_id=member.member_id)
            messages.success(request, _("这次估价取消了"))
        else:
            raise Http404
    except Refusal as refused:
        if refused.code == "trade.no_such_trade_in":
            raise Http404 from None
        remember(request, refused, member.region)
    return HttpResponseRedirect(reverse("shop:trade-in-one", args=[trade_in_id]))
