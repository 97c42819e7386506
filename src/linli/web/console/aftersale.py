"""After-sale in the console: the queue with its pictures and decisions, and the refunds."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import aftersale as verbs
from linli.trade import desk, refunds, terms
from linli.trade import queries as trade
from linli.trade.desk import Page
from linli.trade.queries import AfterSaleInfo
from linli.web.access import allow
from linli.web.console import frame
from linli.web.phone.aftersale import minor
from linli.web.phone.asking import remember

STATES = ("waiting", "escalated", "open", "settled", "refused", "withdrawn")
REFUND_STATES = ("requested", "sending", "unknown", "succeeded", "failed")
TONES = {"open": "ye", "escalated": "or", "settled": "ok", "refused": "nu", "withdrawn": "nu"}
REFUND_TONES = {"requested": "in", "sending": "in", "unknown": "ye", "succeeded": "ok", "failed": "red"}
SIZE = 30


@allow("operator")
@never_cache
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What members ask back: what waits first, the oldest on top."""
    region = request.actor.region  # type: ignore[attr-defined]
    state = frame.chosen(request, "state", STATES, "waiting")
    search = request.GET.get("q", "").strip()[:80]
    page = frame.number(request, "page", 1, least=1) or 1
    rows, total = trade.after_sale_queue(region, state=state, search=search, page=page, size=SIZE)
    shown = {
        "rows": [(row, TONES[row.state]) for row in rows],
        "page": Page(rows, total, page, max(1, -(-total // SIZE))),
        "counts": trade.after_sale_counts(region),
        "states": STATES,
        "state": state,
        "search": search,
        "terms": terms.of(region),
    }
    return frame.page(request, "console/aftersale_queue.html", "aftersale", shown)


def _own(request: HttpRequest, aftersale_id: uuid.UUID) -> AfterSaleInfo:
    found = trade.after_sale(aftersale_id)
    if found is None or found.region != request.actor.region:  # type: ignore[attr-defined]
        raise Http404
    return found


@allow("operator")
@never_cache
@require_GET
def one(request: HttpRequest, aftersale_id: uuid.UUID) -> HttpResponse:
    """One request: pictures, words, the line, who did what, and the decision."""
    found = _own(request, aftersale_id)
    order = trade.order(found.order_id)
    shown = {
        "a": found,
        "tone": TONES[found.state],
        "steps": found.steps[::-1],
        "order": order,
        "line": next((line for line in order.lines if line.number == found.line_number), None) if order else None,
        "leader": people.leader_of(found.community_id),
        "others": [other for other in trade.after_sales_of_order(found.order_id) if other.aftersale_id != aftersale_id],
        "crumb": frame.up("console:aftersale", _("售后")),
    }
    return frame.page(request, "console/aftersale.html", "aftersale", shown)


@allow("operator")
@require_POST
def decide(request: HttpRequest, aftersale_id: uuid.UUID) -> HttpResponse:
    """Grant a request, whole or in part, or refuse it with a reason."""
    found, actor = _own(request, aftersale_id), request.actor  # type: ignore[attr-defined]
    why, by = request.POST.get("why", ""), actor.person_id or 0
    try:
        if request.POST.get("refuse"):
            verbs.refuse(aftersale_id=aftersale_id, region=actor.region, by=by, why=why)
            messages.success(request, _("已拒绝，原因会给会员看"))
        else:
            amount = minor(request.POST.get("amount", ""), found.currency)
            verbs.approve(aftersale_id=aftersale_id, region=actor.region, by=by, amount_minor=amount, why=why)
            messages.success(request, _("已同意，正在原路退款"))
    except Refusal as refused:
        remember(request, refused, actor.region)
        return HttpResponseRedirect(reverse("console:aftersale-one", args=[aftersale_id]))
    return HttpResponseRedirect(reverse("console:aftersale"))


@allow("operator")
@require_POST
def approve_many(request: HttpRequest) -> HttpResponse:
    """Grant all of what was ticked; what can't be granted any more is said, the others are."""
    actor = request.actor  # type: ignore[attr-defined]
    done, missed = 0, 0
    for which in request.POST.getlist("pick")[:SIZE]:
        try:
            verbs.approve(aftersale_id=which, region=actor.region, by=actor.person_id or 0)
            done += 1
        except Refusal:
            missed += 1
    if done:
        messages.success(request, _("已同意 %(count)s 个，正在原路退款") % {"count": done})
    if missed:
        messages.error(request, _("有 %(count)s 个已经有结果，没有再退") % {"count": missed})
    return HttpResponseRedirect(reverse("console:aftersale"))


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {"search": request.GET.get("q", "").strip()[:80], "state": frame.chosen(request, "state", REFUND_STATES)}


@allow("operator")
@never_cache
@require_GET
def refund_list(request: HttpRequest) -> HttpResponse:
    """Money on its way back, newest first."""
    region, asked = request.actor.region, _asked(request)  # type: ignore[attr-defined]
    page = desk.refunds(region, **asked, page=frame.number(request, "page", 1, least=1) or 1)
    shown = {
        "asked": asked,
        "page": page,
        "rows": [(row, REFUND_TONES[row.state]) for row in page.rows],
        "states": REFUND_STATES,
        "failed": desk.refunds(region, state="failed", size=1).total,
    }
    return frame.page(request, "console/refunds.html", "refunds", shown)


@allow("operator")
@require_GET
def refund_export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered refunds as a file."""
    rows = desk.refund_rows(request.actor.region, **_asked(request))  # type: ignore[attr-defined]
    head = list(desk.RefundRow.__dataclass_fields__)
    return frame.table_file(form, "refunds", head, (list(asdict(row).values()) for row in rows))


@allow("operator")
@require_POST
def refund_retry(request: HttpRequest, refund_no: str) -> HttpResponse:
    """Send a failed refund once more, under its own number: it arrives once at most."""
    region = request.actor.region  # type: ignore[attr-defined]
    try:
        state = refunds.retry(refund_no=refund_no, region=region)
    except Refusal as refused:
        remember(request, refused, region)
    else:
        if state == "failed":
            messages.error(request, _("渠道又没退成，看看原因"))
        else:
            messages.success(request, _("已重新发给渠道"))
    return HttpResponseRedirect(reverse("console:refunds"))
