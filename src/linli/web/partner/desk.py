"""The redemption desk. Whoever holds a partner's link may redeem its vouchers, and do nothing else.

The link is changed for a mark in the session at once, so that its token is in no later address.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.trade import days, partners, redeeming
from linli.trade.queries import partners as reads
from linli.trade.queries import vouchers
from linli.trade.queries.partners import Door
from linli.web.access import allow
from linli.web.phone.asking import key_of, new_key, told

MARK = "partner_access"


def _door(request: HttpRequest) -> Door:
    """Who stands behind the session's mark. Http404 without one, or once the link was taken back."""
    number = request.session.get(MARK)
    found = reads.door(number) if isinstance(number, int) else None
    if found is None:
        raise Http404
    return found


@allow("anyone")
@never_cache
@require_GET
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The link itself: remembered, and out of the address. Http404 for one that opens nothing."""
    found = partners.access(token) if len(token) <= 128 else None
    if found is None:
        raise Http404
    request.session[MARK] = found
    answer = HttpResponseRedirect(reverse("partner:desk"))
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _page(request: HttpRequest, at: Door, page: dict[str, Any], status: int = 200) -> HttpResponse:
    with timezone.override(days.zone(at.region)):
        lately = vouchers.redeemed_at(at.access_id)
        return render(request, "partner/desk.html", {"door": at, "lately": lately, "key": new_key(), **page}, status=status)


@allow("anyone")
@never_cache
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Type or scan a code; the voucher under it, and what was redeemed lately."""
    at = _door(request)
    code = request.GET.get("code", "").strip()[:200]
    if not code:
        return _page(request, at, {})
    found = vouchers.voucher_at(at.access_id, code)
    if found is None:
        return _page(request, at, {"code": code[:40], "error": told(Refusal("trade.no_such_voucher"), at.region)}, status=404)
    expired = found.state == "active" and found.expires_on < days.today(at.region)
    return _page(request, at, {"code": found.spelled, "voucher": found, "expired": expired})


@allow("anyone")
@require_POST
def redeem(request: HttpRequest) -> HttpResponse:
    """The service was done: one use of the voucher, however often the button is pressed."""
    at = _door(request)
    code = request.POST.get("code", "")[:200]
    try:
        done = redeeming.redeem(access_id=at.access_id, code=code, key=key_of(request))
    except Refusal as refused:
        found = vouchers.voucher_at(at.access_id, code)
        return _page(request, at, {"code": code[:40], "voucher": found, "error": told(refused, at.region)}, status=409)
    return _page(request, at, {"done": done})


@allow("anyone")
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Forget the link on this phone."""
    request.session.pop(MARK, None)
    return HttpResponseRedirect(reverse("home"))
