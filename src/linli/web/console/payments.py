"""Payments and the channels' bills: find one, see all that is known of it, and make the day add up."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import channels, pay, reconcile
from linli.trade.queries import payments as reads
from linli.trade.rules.reconciling import REASONS
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame

STATES = ("open", "paid", "unwanted", "closed")
TONES = {"open": "ye", "paid": "ok", "unwanted": "or", "closed": "nu"}
DAY_TONES = {"even": "ok", "differs": "or", "waiting": "ye", "none": "nu"}
DIFFERENCE_TONES = {"open": "or", "resolved": "in", "gone": "nu"}
BACK_TONES = {"succeeded": "ok", "failed": "re"}


def _region(request: HttpRequest) -> str:
    return str(request.actor.region)  # type: ignore[attr-defined]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {
        "search": request.GET.get("q", "").strip()[:80],
        "channel": frame.chosen(request, "channel", channels.ORDER),
        "state": frame.chosen(request, "state", STATES),
        "day": _day(request.GET.get("day", "")),
    }


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The region's payments, newest first, and how the channels stand."""
    asked = _asked(request)
    page = reads.payments(_region(request), **asked, page=frame.number(request, "page", 1, least=1) or 1)
    context = {
        "asked": asked,
        "page": page,
        "rows": [(row, TONES[row.state]) for row in page.rows],
        "states": STATES,
        "channels": channels.ORDER,
        "standings": reads.standings(_region(request)),
    }
    return frame.page(request, "console/payments.html", "payments", context)


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered payments as a file."""
    rows = reads.payment_rows(_region(request), **_asked(request))
    head = list(reads.PaymentRow.__dataclass_fields__)
    return frame.table_file(form, "payments", head, (list(asdict(row).values()) for row in rows))


@allow("operator")
@require_GET
def one(request: HttpRequest, number: str) -> HttpResponse:
    """A payment with its refunds, its lines on the channel's bills and the order's other attempts."""
    story = reads.payment(_region(request), number)
    if story is None:
        raise Http404
    context = {
        "story": story,
        "row": story.row,
        "tone": TONES[story.row.state],
        "backs": [(back, BACK_TONES.get(back.state, "ye")) for back in story.backs],
        "siblings": [(row, TONES[row.state]) for row in story.siblings],
        "crumb": frame.up("console:payments", _("收款记录")),
    }
    return frame.page(request, "console/payment.html", "payments", context)


@allow("operator")
@require_POST
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """Ask the channel about a payment now; what it says is believed once."""
    story = reads.payment(_region(request), number)
    if story is None:
        raise Http404
    try:
        pay.ask_number(region=_region(request), out_trade_no=number)
    except channels.Unreachable:
        messages.error(request, _("渠道没有回应，过一会儿再问"))
    except channels.Declined as declined:
        messages.error(request, _("渠道拒绝了：%(said)s") % {"said": declined.code or declined})
    except Refusal as refused:
        messages.error(request, words.refusal(refused)[0])
    else:
        messages.success(request, _("问过了"))
    return HttpResponseRedirect(reverse("console:payment", args=[number]))


@allow("operator")
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """The last two weeks, channel by channel, and every difference that waits for somebody."""
    rows = [[(cell, DAY_TONES[cell.state]) for cell in row] for row in reads.board(_region(request))]
    context = {
        "rows": rows,
        "channels": [cell.channel for cell, _tone in rows[0]],
        "waiting": reads.differences(_region(request), open_only=True),
        "crumb": frame.up("console:payments", _("收款记录")),
    }
    return frame.page(request, "console/bills.html", "bills", context)


@allow("operator")
@require_GET
def bill(request: HttpRequest, channel: str, day: str) -> HttpResponse:
    """One day of one channel: the bill beside the books, and where they disagree."""
    of, found = _day(day), None
    if of is None or channel not in reconcile.BILLED:
        raise Http404
    found = reads.bill_day(_region(request), channel, of)
    rows = reads.differences(_region(request), channel, of)
    context = {
        "channel": channel,
        "day": of,
        "bill": found,
        "tone": DAY_TONES[found.state] if found else "nu",
        "rows": [(row, DIFFERENCE_TONES[row.state], _by(row.resolved_by), words.do(f"difference.{row.code}")) for row in rows],
        "reasons": REASONS,
        "crumb": frame.up("console:bills", _("渠道对账")),
    }
    return frame.page(request, "console/bill.html", "bills", context)


def _by(who: str) -> str:
    kind, _sep, number = who.partition(":")
    found = people.person(int(number)) if kind == "person" and number.isdigit() else None
    return found.display_name if found else ""


@allow("operator")
@require_POST
def fetch(request: HttpRequest, channel: str, day: str) -> HttpResponse:
    """Fetch a day's bill now and match it again."""
    of = _day(day)
    if of is None or channel not in reconcile.BILLED:
        raise Http404
    try:
        results = reconcile.day(channel=channel, day=of, by=f"person:{request.actor.person_id}")  # type: ignore[attr-defined]
    except Refusal as refused:
        messages.error(request, words.refusal(refused)[0])
        return HttpResponseRedirect(reverse("console:bills"))
    mine = next((r for r in results if r.region == _region(request)), None)
    if mine is None or mine.error:
        messages.error(request, _("账单还没有来，过一会儿再取"))
    elif mine.open_count:
        messages.error(request, _("有 %(n)s 条对不上") % {"n": mine.open_count})
    else:
        messages.success(request, _("对上了"))
    return HttpResponseRedirect(reverse("console:bill", args=[channel, day]))


@allow("operator")
@require_POST
def resolve(request: HttpRequest, difference_id: int) -> HttpResponse:
    """Say why a difference is one."""
    back = request.POST.get("back", "")
    there = back if back.startswith(reverse("console:bills")) else reverse("console:bills")
    try:
        reconcile.resolve(
            difference_id=difference_id,
            region=_region(request),
            reason=request.POST.get("reason", ""),
            note=request.POST.get("note", ""),
            by=f"person:{request.actor.person_id}",  # type: ignore[attr-defined]
        )
    except Refusal as refused:
        if refused.code == "trade.no_such_difference":
            raise Http404 from refused
        messages.error(request, "。".join(part for part in words.refusal(refused) if part))
    else:
        messages.success(request, _("记下了"))
    return HttpResponseRedirect(there)
