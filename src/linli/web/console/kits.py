"""Kits in the console: what is in one, what a station can make, assembling, taking apart, losses, and opening from stock."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.goods import kits, quota
from linli.goods import queries as goods
from linli.kernel import ids, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused
from linli.web.console.partners import open_from


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every kit with its bill, its stations and its losses."""
    region = region_of(request)
    skus = goods.skus(region)
    rates = kits.loss_rates(region)
    found = [
        {
            "sku": sku,
            "bill": [(skus[p.sku], p.pieces) for p in kits.bill(region, sku.code) if p.sku in skus],
            "stock": kits.stock(region, sku.code),
            "losses": [(r, r.place.removeprefix("station:")) for r in rates if r.sku == sku.code],
            "runs": kits.runs(region, sku.code, limit=6),
        }
        for sku in goods.of_kind(region, "kit")
    ]
    context = {
        "kits": found,
        "losses": kits.LOSSES,
        "communities": people.communities(region),
        "components": [s for s in skus.values() if s.kind == "good" and s.active],
        "key": ids.new().hex,
    }
    return frame.page(request, "console/kits.html", "kits", context)


@allow("operator")
@require_POST
def change(request: HttpRequest, code: str) -> HttpResponse:
    """What can be done with a kit; `what` says which."""
    region = region_of(request)
    if goods.sku(region, code) is None:
        raise Http404
    acts: dict[str, Callable[[HttpRequest, str, str], str]] = {
        "bill": _bill,
        "stock": _stock,
        "assemble": _assemble,
        "apart": _apart,
        "lose": _lose,
        "open": _open,
    }
    act = acts.get(request.POST.get("what", ""))
    if act is None:
        raise Http404
    try:
        messages.success(request, act(request, region, code))
    except Refusal as refused:
        say_refused(request, refused)
    return HttpResponseRedirect(reverse("console:kits") + f"#{code}")


def _pieces(request: HttpRequest) -> int:
    return sheets.whole(1, kits.MOST)(request.POST.get("pieces", ""))


def _key(request: HttpRequest) -> str:
    return request.POST.get("key", "")[:48] or ids.new().hex


def _station(request: HttpRequest) -> str:
    return request.POST.get("station", "").strip()


def _bill(request: HttpRequest, region: str, code: str) -> str:
    part = request.POST.get("part", "").strip()
    found = {p.sku: p.pieces for p in kits.bill(region, code)}
    if request.POST.get("pieces", "") == "0":
        found.pop(part, None)
    else:
        found[part] = _pieces(request)
    kits.put_bill(region=region, kit=code, parts=found)
    return _("用料改好了")


def _stock(request: HttpRequest, region: str, code: str) -> str:
    part = request.POST.get("part", "").strip()
    if goods.sku(region, part) is None:
        raise Refusal("goods.no_such_sku", sku=part)
    quota.open(region=region, sku=part, place=kits.place(_station(request)), quantity=_pieces(request), key=f"station/{_key(request)}")
    return _("料入站了")


def _assemble(request: HttpRequest, region: str, code: str) -> str:
    made = kits.assemble(region=region, kit=code, station=_station(request), quantity=_pieces(request), by=by(request), key=_key(request))
    return _("装好 %(n)d 份，保质到 %(day)s") % {"n": made.quantity, "day": made.best_before}


def _apart(request: HttpRequest, region: str, code: str) -> str:
    kits.disassemble(region=region, kit=code, station=_station(request), quantity=_pieces(request), by=by(request), key=_key(request))
    return _("拆好了，料回到站里")


def _lose(request: HttpRequest, region: str, code: str) -> str:
    reason = request.POST.get("reason", "")
    kits.lose(
        region=region, sku=code, station=_station(request), quantity=_pieces(request), reason=reason, by=by(request), key=_key(request)
    )
    return _("损耗记下了")


def _open(request: HttpRequest, region: str, code: str) -> str:
    return open_from(request, region, code, kits.place(_station(request)))
