"""The member's service vouchers: shown to the partner as a code, given back as long as nobody has used them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.goods import queries as goods
from linli.kernel import money
from linli.kernel.refusals import Refusal
from linli.trade import redeeming, rules, services
from linli.trade.queries import partners as reads
from linli.trade.queries import vouchers as trade
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone.asking import actor_of, key_of, member_of, new_key, remember, shop_page
from linli.web.phone.codes import qr


@allow("member")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Vouchers that can be used, then those that can't; what an order could bring along; the pharmacy corner."""
    member = member_of(request)
    found = trade.vouchers_of(member.member_id)
    page = {
        "usable": [v for v in found if v.state == "active"],
        "past": [v for v in found if v.state != "active"],
        "gifts": services.gifts(member.region, 0),
        "referrals": [s for s in goods.of_kind(member.region, "referral") if s.active],
    }
    return shop_page(request, "phone/shop/vouchers.html", "me", page)


@allow("member")
@never_cache
@require_GET
def one(request: HttpRequest, voucher_id: int) -> HttpResponse:
    """One voucher with its code."""
    member = member_of(request)
    found = trade.voucher(voucher_id, member.member_id)
    if found is None:
        raise Http404
    page = {
        "v": found,
        "qr": qr(request.build_absolute_uri(f"{reverse('partner:desk')}?code={found.code}")),
        "worth": rules.unused(found.value_minor, found.uses, found.uses_left),
        "key": new_key(),
    }
    return shop_page(request, "phone/shop/voucher.html", "me", page)


@allow("member")
@require_POST
def give_back(request: HttpRequest, voucher_id: int) -> HttpResponse:
    """What is unused goes back as money."""
    member = member_of(request)
    try:
        back = redeeming.give_back(voucher_id=voucher_id, member_id=member.member_id, key=key_of(request))
    except Refusal as refused:
        if refused.code == "trade.no_such_voucher":
            raise Http404 from None
        remember(request, refused, member.region)
    else:
        info = region_info(member.region)
        messages.success(request, _("%(amount)s 原路退回") % {"amount": money.plain(back, info.currency if info else "CNY")})
    return HttpResponseRedirect(reverse("shop:voucher", args=[voucher_id]))


@allow("member")
@require_POST
def refer(request: HttpRequest) -> HttpResponse:
    """Which partner to ask for something that isn't sold here."""
    actor = actor_of(request)
    try:
        partner = services.refer(member_id=actor.member_id or 0, sku=request.POST.get("sku", "")[:48])
    except Refusal as refused:
        remember(request, refused, actor.region)
        return HttpResponseRedirect(reverse("shop:vouchers"))
    found = reads.partner(actor.region, partner.code, "CNY")
    sku = goods.sku(actor.region, request.POST.get("sku", "")[:48])
    return shop_page(request, "phone/shop/referral.html", "me", {"partner": found, "sku": sku})
