"""Paying inside WeChat: who the member is there, and what its bridge is handed."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from linli.trade import channels
from linli.trade.channels.wechat import openid
from linli.trade.pay import PayStart
from linli.web.access import allow

_KNOWN, _STATE = "wechat_openid", "wechat_state"


def known(request: HttpRequest) -> str:
    """The member's openid of this session; empty when WeChat hasn't been asked."""
    return str(request.session.get(_KNOWN, ""))


def who_address(request: HttpRequest, order_id: uuid.UUID) -> str:
    """Where to send WeChat's browser to learn who pays; empty where no official account is set up."""
    if not openid.possible():
        return ""
    state = request.session[_STATE] = secrets.token_hex(16)
    return openid.address(request.build_absolute_uri(reverse("shop:wechat", args=[order_id])), state)


@allow("member")
@never_cache
@require_GET
def heard(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Back from WeChat with a code: the openid is kept for this session, and the cashier goes on.

    A code with another state than the session's was not fetched by this browser: somebody else's openid is not taken on.
    """
    state = request.session.pop(_STATE, "")
    if state and secrets.compare_digest(state.encode(), request.GET.get("state", "").encode()):
        try:
            request.session[_KNOWN] = openid.of_code(request.GET.get("code", ""))
        except channels.Unreachable:
            return HttpResponseRedirect(reverse("shop:order", args=[order_id]))
    return HttpResponseRedirect(f"{reverse('shop:cashier', args=[order_id])}?channel=wechat")


def bridge(started: PayStart) -> dict[str, str]:
    """What WeixinJSBridge takes for this payment, signed now. Raises channels.Unreachable."""
    from linli.trade.channels import wechat

    return wechat.channel().bridge(started.pay_url)


def sandbox_phone(request: HttpRequest, order_id: uuid.UUID, started: PayStart) -> str:
    """In the sandbox nobody has a phone that scans: the page it would come to. Empty in earnest."""
    if not settings.SANDBOX or started.way == "redirect":
        return ""
    if started.pay_url.startswith("http"):
        return started.pay_url
    back = {"redirect_url": request.build_absolute_uri(reverse("shop:return", args=[order_id]))} if started.way == "bridge" else {}
    return f"{settings.GATEWAY_URL}/scan?{urlencode({'code': started.pay_url, **back})}"
