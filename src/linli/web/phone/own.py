"""What is the member's own: coupons, messages, profile and consent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.engage import inbox as letters
from linli.engage import queries as engage
from linli.people import consent as consents
from linli.people import erasure
from linli.people import queries as people
from linli.trade import queries as trade
from linli.web.access import allow
from linli.web.phone.asking import actor_of, member_of, shop_page
from linli.web.phone.orders import FILTERS


@allow("member")
@require_GET
def coupons(request: HttpRequest) -> HttpResponse:
    """Coupons that can be used, then those that no longer can."""
    mine = trade.coupons_of(actor_of(request).member_id or 0)
    usable = {c.coupon_id for c in trade.coupons_of(actor_of(request).member_id or 0, usable_only=True)}
    page = {
        "usable": [c for c in mine if c.coupon_id in usable],
        "past": [c for c in reversed(mine) if c.coupon_id not in usable],
    }
    return shop_page(request, "phone/shop/coupons.html", "me", page)


@allow("member")
@never_cache
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """Messages, newest first. Opening the page is seeing them; what was new keeps its mark this once."""
    actor = actor_of(request)
    found = engage.inbox(actor.region, actor.member_id or 0)
    answer = shop_page(request, "phone/shop/inbox.html", "inbox", {"messages_in": found, "unread": 0})
    if any(m.seen_at is None for m in found):
        letters.see_all(region=actor.region, member_id=actor.member_id or 0)
    return answer


@dataclass(frozen=True)
class Switch:
    """A consent in plain words."""

    scope: str
    title: str
    means: str
    on: bool


def switches(member_id: int) -> list[Switch]:
    """The member's consents as they stand."""
    told = {
        "messages": (_("可以给我发消息"), _("店里和团长可以给你发优惠和到货消息。取货、退款通知不受影响，总会发。")),
        "profiling": (_("按我买过的东西挑活动"), _("用你的购买记录判断哪些优惠适合你。关掉以后，大家看到什么你就看到什么。")),
        "neighbours": (_("让邻居看见我的姓"), _("参团时邻居能看到你的姓。关掉以后只算一户，不显示姓。")),
    }
    return [Switch(scope, title, means, consents.has(member_id, scope)) for scope, (title, means) in told.items()]


@dataclass(frozen=True)
class Page:
    """A further page of the member's own: its route, its name, its icon."""

    name: str
    title: str
    icon: str

    @property
    def address(self) -> str:
        """Where it is; "" in a shop without it."""
        try:
            return reverse(self.name)
        except NoReverseMatch:
            return ""


def more() -> list[Page]:
    """The pages beside coupons and messages, as far as this shop has them."""
    pages = (
        Page("shop:aftersales", _("退款和售后"), icon="receipt-refund"),
        Page("shop:vouchers", _("服务券"), icon="qrcode"),
        Page("shop:boxes", _("每周套餐"), icon="calendar-repeat"),
        Page("shop:trade-in", _("以旧换新"), icon="recycle"),
    )
    return [page for page in pages if page.address]


@allow("member")
@never_cache
@require_GET
def me(request: HttpRequest) -> HttpResponse:
    """Profile, consent, language, signing out."""
    member = member_of(request)
    page = {
        "member": member,
        "phone_tail": member.phone[-4:],
        "community": people.community(member.community_id),
        "switches": switches(member.member_id),
        "coupon_count": len(trade.coupons_of(member.member_id, usable_only=True)),
        "counts": Counter(state for o in trade.orders_of(member.member_id) for state, held in FILTERS.items() if o.state in held),
        "more": more(),
        "leaving": erasure.waiting(member.member_id) is not None,
    }
    return shop_page(request, "phone/shop/me.html", "me", page)


@allow("member")
@require_POST
def consent(request: HttpRequest) -> HttpResponse:
    """Give or withdraw one consent: the form says which state it wants, so a double tap changes nothing."""
    member_id, scope = actor_of(request).member_id or 0, request.POST.get("scope", "")
    if scope not in consents.SCOPES:
        raise Http404
    if request.POST.get("on") == "1":
        consents.give(member_id=member_id, scope=scope)
    else:
        consents.withdraw(member_id=member_id, scope=scope)
    return HttpResponseRedirect(reverse("shop:me") + "#consent")
