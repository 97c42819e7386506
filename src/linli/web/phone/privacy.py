"""What a member may ask of a shop that knows them: a copy of it all, and to be erased (PIPL, articles 45 and 47)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from linli.kernel.refusals import Refusal
from linli.people import erasure
from linli.trade import erasure as trade_erasure
from linli.trade import queries as trade
from linli.web.access import allow
from linli.web.copies import as_file
from linli.web.phone.asking import actor_of, member_of, remember, shop_page


@allow("member")
@never_cache
@require_GET
def copy(request: HttpRequest) -> HttpResponse:
    """A copy of what the shop knows of the member, as a file."""
    actor = actor_of(request)
    return as_file(actor.member_id or 0, actor.region)


@allow("member")
@never_cache
@require_http_methods(["GET", "POST"])
def leaving(request: HttpRequest) -> HttpResponse:
    """Ask to be erased, or take that back. The page says what goes, what stays and what must be finished first."""
    member = member_of(request)
    if request.method == "POST":
        by = f"person:{actor_of(request).person_id}"
        try:
            if request.POST.get("what") == "stay":
                erasure.withdraw(member_id=member.member_id, by=by)
                messages.success(request, _("留下来了，真好。要收优惠消息的话，到“我的”里重新打开。"))
            elif request.POST.get("sure") == "1":
                erasure.request(member_id=member.member_id, by=by)
        except Refusal as refused:
            remember(request, refused, member.region)
        return HttpResponseRedirect(reverse("shop:leaving"))
    left = trade_erasure.unfinished(member.member_id)
    page = {
        "waiting": erasure.waiting(member.member_id),
        "left": {name: count for name, count in left.items() if count},
        "coupon_count": len(trade.coupons_of(member.member_id, usable_only=True)),
        "days": erasure.COOLING_OFF.days,
    }
    return shop_page(request, "phone/shop/leaving.html", "me", page)
