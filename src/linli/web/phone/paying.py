"""To the cashier and back: the channels a member can choose from in this browser, and waiting until the money is believed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from linli.kernel.refusals import Refusal
from linli.trade import channels, pay
from linli.trade.rules import paying as fits
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone import wechat
from linli.web.phone.asking import actor_of, key_of, member_of, new_key, number, remember, request_is_part, shop_page
from linli.web.phone.codes import qr

PATIENCE = 20
"""How often the return page asks by itself before it lets the member decide."""

CHANNEL_COOKIE = "pays_with"
"""The channel chosen last, on this device: the next order begins with it."""


@dataclass(frozen=True)
class Choice:
    """A channel beside a form. `why_not` says in words why it can't be chosen here, "" when it can."""

    name: str
    title: str
    why_not: str
    chosen: bool


def browser_of(request: HttpRequest) -> str:
    """wechat, phone or desktop."""
    return fits.browser(request.headers.get("user-agent", ""))


def choices(request: HttpRequest, asked: str = "") -> list[Choice]:
    """What this member can pay with here; one is chosen whenever one fits."""
    info = region_info(actor_of(request).region)
    titles = {"wechat": _("微信支付"), "alipay": _("支付宝"), "sandbox": _("演示收银台")}
    found = channels.offered(info.currency if info else "")
    browser = browser_of(request)
    fit = [name for name in found if fits.method(name, browser)]
    wanted = next((name for name in (asked, request.COOKIES.get(CHANNEL_COOKIE, "")) if name in fit), fit[0] if fit else "")
    other = _("在微信里打不开，请用手机浏览器打开本店")
    return [Choice(name, titles.get(name, name), "" if name in fit else other, name == wanted) for name in found]


def _channel(request: HttpRequest, asked: str) -> str:
    return next((c.name for c in choices(request, asked) if c.chosen), pay.CHANNEL)


@allow("member")
@require_POST
def pay_again(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """To the cashier of an order that still waits for its money."""
    return to_cashier(request, order_id, key_of(request), request.POST.get("channel", ""))


def to_cashier(request: HttpRequest, order_id: uuid.UUID, key: str, asked: str = "") -> HttpResponse:
    """The channel's own page. A form may not be redirected off this site (form-action), so a script or a link goes."""
    actor, channel = actor_of(request), _channel(request, asked)
    if who := _asks_wechat(request, order_id, channel):
        return HttpResponseClientRedirect(who) if request_is_part(request) else HttpResponseRedirect(who)
    back = request.build_absolute_uri(reverse("shop:return", args=[order_id]))
    try:
        started = pay.start(
            order_id=order_id,
            member_id=actor.member_id or 0,
            key=f"{order_id.hex}/{key}"[:80],
            return_url=back,
            channel=channel,
            method=fits.method(channel, browser_of(request)),
            payer=wechat.known(request),
            client_ip=request.META.get("REMOTE_ADDR", ""),
        )
    except Refusal as refused:
        if refused.code == "trade.no_such_order":
            raise Http404 from refused
        if refused.code != "trade.already_paid":
            remember(request, refused, actor.region)
        return _go(request, reverse("shop:order", args=[order_id]))
    answer = _shown(request, order_id, started)
    answer.set_cookie(CHANNEL_COOKIE, channel, max_age=31_536_000, path=reverse("shop:home"), httponly=True, samesite="Lax")
    return answer


def _shown(request: HttpRequest, order_id: uuid.UUID, started: pay.PayStart) -> HttpResponse:
    """A redirect goes by itself; a code and WeChat's own bridge have a page, which asks until it is paid."""
    if started.way != "redirect":
        there = f"{reverse('shop:cashier', args=[order_id])}?channel={started.channel}"
        return _go(request, there)
    if request_is_part(request):
        return HttpResponseClientRedirect(started.pay_url)
    return shop_page(request, "phone/shop/cashier.html", "", {"pay_url": started.pay_url, "order_id": order_id, "way": started.way})


def _asks_wechat(request: HttpRequest, order_id: uuid.UUID, channel: str) -> str:
    """Inside WeChat its own cashier needs to know who pays: where to ask, once a session; empty when that is known."""
    needed = fits.method(channel, browser_of(request)) == "jsapi" and not wechat.known(request)
    return wechat.who_address(request, order_id) if needed else ""


def _go(request: HttpRequest, there: str) -> HttpResponse:
    return HttpResponseClientRedirect(there) if request_is_part(request) else HttpResponseRedirect(there)


@allow("member")
@never_cache
@require_GET
def cashier(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Paying by a code to scan, or through WeChat's bridge; opened again it shows the same attempt."""
    actor = actor_of(request)
    channel = _channel(request, request.GET.get("channel", ""))
    try:
        started = pay.start(
            order_id=order_id,
            member_id=actor.member_id or 0,
            key=f"{order_id.hex}/{new_key()}"[:80],
            return_url=request.build_absolute_uri(reverse("shop:return", args=[order_id])),
            channel=channel,
            method=fits.method(channel, browser_of(request)),
            payer=wechat.known(request),
        )
    except Refusal as refused:
        if refused.code == "trade.no_such_order":
            raise Http404 from refused
        if refused.code != "trade.already_paid":
            remember(request, refused, actor.region)
        return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
    page = {"pay_url": started.pay_url, "order_id": order_id, "way": started.way, "tries": 1}
    if started.way == "code":
        page["qr"] = qr(started.pay_url)
    if started.way == "bridge":
        page["bridge"] = wechat.bridge(started)
    page["sandbox_phone"] = wechat.sandbox_phone(request, order_id, started)
    return shop_page(request, "phone/shop/cashier.html", "", page)


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
    page = {"order_id": order_id, "tries": tries, "patient": tries <= PATIENCE, "key": new_key()}
    return render(request, "phone/shop/part_waiting.html", page)
