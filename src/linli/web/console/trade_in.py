"""The trade-in desk: every old appliance on its way, one step at a time, and the table of what they are worth."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import tradein
from linli.trade.queries import partners as partner_reads
from linli.trade.queries import tradein as reads
from linli.trade.rules.tradein import CONDITIONS
from linli.web import differences
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused
from linli.web.console.orders import name_of
from linli.web.console.people_of import currency_of

STATES = ("quoted", "ordered", "paid", "picked_up", "lowered", "inspected", "settled", "returned", "cancelled")
TONES = {"paid": "in", "picked_up": "in", "lowered": "hot", "inspected": "ye", "settled": "ok", "ordered": "ye"}
LEGS = ("quoted", "ordered", "paid", "picked_up", "inspected", "settled")


@allow("operator")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Trade-ins, newest first, and the table."""
    region = region_of(request)
    state = frame.chosen(request, "state", STATES)
    found = reads.trade_ins(region, state=state)
    table: dict[tuple[str, int], dict[str, object]] = {}
    for w in tradein.values(region):
        table.setdefault((w.category, w.up_to_years), {})[w.condition] = w
    context = {
        "rows": [(t, TONES.get(t.state, "nu")) for t in found],
        "differences": reads.differences(region),
        "ways": differences.choices(),
        "state": state,
        "states": STATES,
        "conditions": CONDITIONS,
        "table": [(category, years, [row.get(c) for c in CONDITIONS]) for (category, years), row in table.items()],
    }
    return frame.page(request, "console/trade_in.html", "trade-in", context)


@allow("operator")
@never_cache
@require_GET
def one(request: HttpRequest, trade_in_id: uuid.UUID) -> HttpResponse:
    """One trade-in: where it stands and what can be done now."""
    region = region_of(request)
    found = reads.trade_in(trade_in_id, region=region)
    if found is None:
        raise Http404
    reached = {s.state for s in found.steps}
    context = {
        "t": found,
        "tone": TONES.get(found.state, "nu"),
        "legs": [(leg, leg in reached) for leg in LEGS],
        "steps": [(s, name_of(s.by)) for s in found.steps],
        "community": people.community(found.community_id),
        "recyclers": [p for p in partner_reads.partners(region, currency_of(region)) if p.kind == "recycler" and p.active],
        "ways": differences.choices(),
        "crumb": frame.up("console:trade-in", _("以旧换新")),
    }
    return frame.page(request, "console/trade_in_one.html", "trade-in", context)


@allow("operator")
@require_POST
def act(request: HttpRequest, trade_in_id: uuid.UUID) -> HttpResponse:
    """The next step; `what` says which."""
    region, what = region_of(request), request.POST.get("what", "")
    who = by(request)
    read = sheets.amount(currency_of(region))
    try:
        if what == "pick_up":
            tradein.pick_up(by=who, region=region, trade_in_id=trade_in_id)
        elif what == "inspect":
            note = request.POST.get("note", "").strip()
            tradein.inspect(value_minor=read(request.POST.get("value", "")), by=who, note=note, region=region, trade_in_id=trade_in_id)
        elif what == "difference":
            paid = differences.reference(request.POST.get("how", ""), request.POST.get("reference", ""))
            tradein.pay_difference(reference=paid, by=who, region=region, trade_in_id=trade_in_id)
        elif what == "back":
            tradein.take_back(by=who, region=region, trade_in_id=trade_in_id)
        elif what == "settle":
            tradein.settle(
                region=region,
                trade_in_id=trade_in_id,
                recycler=request.POST.get("recycler", ""),
                amount_minor=read(request.POST.get("amount", "")),
                reference=request.POST.get("reference", ""),
                by=who,
            )
        else:
            raise Http404
    except Refusal as refused:
        if refused.code == "trade.no_such_trade_in":
            raise Http404 from None
        say_refused(request, refused)
    else:
        messages.success(request, _("记好了"))
    if request.POST.get("from") == "list":
        return HttpResponseRedirect(reverse("console:trade-in"))
    return HttpResponseRedirect(reverse("console:trade-in-one", args=[trade_in_id]))


@allow("operator")
@require_POST
def value(request: HttpRequest) -> HttpResponse:
    """Change what a kind of old appliance is taken for."""
    region, post = region_of(request), request.POST
    read = sheets.amount(currency_of(region))
    try:
        tradein.put_value(
            region=region,
            category=post.get("category", ""),
            up_to_years=sheets.whole(1, 50)(post.get("years", "")),
            condition=post.get("condition", ""),
            value_minor=read(post.get("value", "")),
            subsidy_minor=read(post.get("subsidy", "")),
            by=by(request),
        )
    except Refusal as refused:
        say_refused(request, refused)
    else:
        messages.success(request, _("改好了，之后的估价按新的算"))
    return HttpResponseRedirect(reverse("console:trade-in") + "#table")
