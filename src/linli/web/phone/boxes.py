"""The member's weekly boxes: subscribed to, skipped, paused, with each week's price before it is ordered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.trade import boxes
from linli.trade.queries import boxes as trade
from linli.web.access import allow
from linli.web.phone.asking import key_of, member_of, new_key, number, remember, shop_page


@allow("member")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The member's boxes, and the plans that can be subscribed to."""
    member = member_of(request)
    mine = trade.boxes_of(member.member_id)
    taken = {b.plan.slug for b in mine if b.state == "active"}
    plans = [p for p in trade.plans(member.region, member.community_id) if p.slug not in taken]
    return shop_page(request, "phone/shop/boxes.html", "me", {"boxes": mine, "plans": plans, "key": new_key()})


@allow("member")
@never_cache
@require_GET
def one(request: HttpRequest, box_id: uuid.UUID) -> HttpResponse:
    """One box: its next weeks, its history, pausing and ending."""
    member = member_of(request)
    found = trade.box(box_id, member.member_id)
    if found is None:
        raise Http404
    return shop_page(request, "phone/shop/box.html", "me", {"box": found})


@allow("member")
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Subscribe."""
    member = member_of(request)
    try:
        made = boxes.begin(
            member_id=member.member_id,
            plan=request.POST.get("plan", "")[:48],
            weekday=number(request.POST.get("weekday"), 0) or 0,
            quantity=number(request.POST.get("quantity"), 1) or 0,
            key=key_of(request),
        )
    except Refusal as refused:
        remember(request, refused, member.region)
        return HttpResponseRedirect(reverse("shop:boxes"))
    messages.success(request, _("订好了。每周截单前一天下单，你付款才算数"))
    return HttpResponseRedirect(reverse("shop:box", args=[made]))


@allow("member")
@require_POST
def change(request: HttpRequest, box_id: uuid.UUID) -> HttpResponse:
    """Skip a week or want it after all, pause, resume, end."""
    member = member_of(request)
    week = request.POST.get("week", "")[:8]
    verbs: dict[str, tuple[Callable[[], object], str]] = {
        "skip": (lambda: boxes.skip(box_id=box_id, member_id=member.member_id, week=week), _("这周跳过了")),
        "want": (lambda: boxes.want_again(box_id=box_id, member_id=member.member_id, week=week), _("这周照常")),
        "pause": (lambda: boxes.pause(box_id=box_id, member_id=member.member_id, until=_day(request)), _("先停着，到日子自动恢复")),
        "resume": (lambda: boxes.resume(box_id=box_id, member_id=member.member_id), _("恢复了")),
        "end": (lambda: boxes.cancel(box_id=box_id, member_id=member.member_id), _("退订了，已付款的照常取货")),
    }
    chosen = verbs.get(request.POST.get("what", ""))
    if chosen is None:
        raise Http404
    try:
        chosen[0]()
    except Refusal as refused:
        if refused.code == "trade.no_such_box":
            raise Http404 from None
        remember(request, refused, member.region)
    else:
        messages.success(request, chosen[1])
    return HttpResponseRedirect(reverse("shop:box", args=[box_id]))


def _day(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.POST.get("until", ""))
    except ValueError:
        raise Refusal("trade.bad_pause") from None
