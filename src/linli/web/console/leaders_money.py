"""Leaders' money in the console: balances, withdrawals to decide, statements, rates."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.goods import queries as goods
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import commission, terms, withdrawals
from linli.trade import queries as trade
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.people_of import currency_of
from linli.web.phone.asking import remember
from linli.web.phone.earnings import statement_file

TONES = {"requested": "or", "approved": "in", "paid": "ok", "refused": "nu"}
LAYERS = ("traffic", "profit", "hit", "experience")


@allow("operator")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Who has what, what waits for a decision, and the rates."""
    actor = request.actor  # type: ignore[attr-defined]
    leaders = trade.leaders_money(actor.region)
    rates = commission.rates(actor.region)
    skus = goods.skus(actor.region, [target for kind, target in rates if kind == "sku"])
    shown = {
        "leaders": leaders,
        "pending_minor": sum(m.pending_minor for m in leaders),
        "available_minor": sum(m.available_minor for m in leaders),
        "held_minor": sum(m.held_minor for m in leaders),
        "debt_minor": sum(m.debt_minor for m in leaders),
        "withdrawals": [(w, TONES[w.state]) for w in trade.withdrawals(actor.region, limit=60)],
        "waiting": sum(w.state in ("requested", "approved") for w in trade.withdrawals(actor.region)),
        "terms": terms.of(actor.region),
        "layers": [(layer, rates.get(("layer", layer))) for layer in LAYERS],
        "own": [(skus[target], rate) for (kind, target), rate in sorted(rates.items()) if kind == "sku" and target in skus],
        "me": actor.person_id,
        "communities": {p.person_id: c for c in people.communities(actor.region) if (p := people.leader_of(c.community_id)) is not None},
    }
    return frame.page(request, "console/leaders_money.html", "leaders-money", shown)


@allow("operator")
@require_POST
def decide(request: HttpRequest, withdrawal_id: uuid.UUID) -> HttpResponse:
    """Approve a withdrawal, refuse it with a reason, or write down that it was paid."""
    actor = request.actor  # type: ignore[attr-defined]
    what, by = request.POST.get("what", ""), actor.person_id or 0
    which = {"withdrawal_id": withdrawal_id, "region": actor.region, "by": by}
    try:
        if what == "approve":
            withdrawals.approve(**which)
            messages.success(request, _("已批准，打款后填流水号"))
        elif what == "refuse":
            withdrawals.refuse(**which, why=request.POST.get("why", ""))
            messages.success(request, _("已拒绝，钱回到团长余额"))
        elif what == "paid":
            withdrawals.paid(**which, reference=request.POST.get("reference", ""))
            messages.success(request, _("已记为打款"))
        else:
            raise Http404
    except Refusal as refused:
        remember(request, refused, actor.region)
    return HttpResponseRedirect(reverse("console:leaders-money"))


@allow("operator")
@never_cache
@require_GET
def statement(request: HttpRequest, person_id: int) -> HttpResponse:
    """One leader's statement of a month, with what is pending."""
    region = request.actor.region  # type: ignore[attr-defined]
    person = people.person(person_id)
    if person is None or person_id not in {m.person_id for m in trade.leaders_money(region)}:
        raise Http404
    first, until = trade.month_of(region, request.GET.get("month", ""))
    found = trade.statement(region, person_id, first, until)
    shown = {
        "person": person,
        "money": trade.leader_money(region, person_id),
        "statement": found,
        "lines": found.lines[::-1],
        "pending": trade.pending(region, person_id, limit=100),
        "month": f"{first:%Y-%m}",
        "crumb": frame.up("console:leaders-money", _("团长的钱")),
    }
    return frame.page(request, "console/leader_statement.html", "leaders-money", shown)


@allow("operator")
@require_GET
def export(request: HttpRequest, person_id: int) -> HttpResponseBase:
    """One leader's month or year as CSV."""
    region = request.actor.region  # type: ignore[attr-defined]
    if person_id not in {m.person_id for m in trade.leaders_money(region)}:
        raise Http404
    first, until = trade.month_of(region, request.GET.get("month", ""))
    return statement_file(trade.statement(region, person_id, first, until), currency_of(region))


@allow("operator")
@require_POST
def set_rate(request: HttpRequest) -> HttpResponse:
    """The rate of a layer or a SKU, in percent; empty: as everything else."""
    actor = request.actor  # type: ignore[attr-defined]
    try:
        rate_bp = basis_points(request.POST.get("rate", ""))
        kind, target = request.POST.get("kind", ""), request.POST.get("target", "").strip()
        if kind == "default":
            terms.put(region=actor.region, by=f"person:{actor.person_id}", commission_bp=rate_bp or 0)
        else:
            commission.put_rate(region=actor.region, kind=kind, target=target, rate_bp=rate_bp, by=f"person:{actor.person_id}")
        messages.success(request, _("已改，从下一次交货起按新的算"))
    except Refusal as refused:
        remember(request, refused, actor.region)
    return HttpResponseRedirect(reverse("console:leaders-money"))


def basis_points(text: str) -> int | None:
    """ "8.5" or "8.5%" as 850; None for an empty field. Raises Refusal: trade.bad_rate."""
    typed = text.strip().removesuffix("%").strip()
    if not typed:
        return None
    whole, dot, rest = typed.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) < 4) or (dot and not (rest.isascii() and rest.isdigit())) or len(rest) > 2:
        raise Refusal("trade.bad_rate", most_bp=commission.MOST_BP)
    return int(whole) * 100 + int((rest + "00")[:2])
