"""Opening group-buys from the console: one form for many communities, or a table for everything."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from linli.goods import queries as goods
from linli.kernel import clocks, ids, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import groups, imports, orders, rules
from linli.trade.rules import NewGroup
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame, uploads
from linli.web.console.catalog import by, region_of
from linli.web.console.people_of import currency_of

ASKED = ("sku", "kind", "threshold_by", "threshold", "quota_pieces", "price_minor", "solo_price_minor", "ladder", "case_size")
MORE = ("per_member_pieces", "on_miss", "extend_hours", "team_size", "team_hours", "opens_at", "deadline_at", "pickup_from")


def _plain(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


def _blank(region: str) -> dict[str, str]:
    """What an untouched form says: open until tonight, picked up tomorrow afternoon."""
    now = clocks.business_now().astimezone(orders.zone(region))
    tonight = now.replace(hour=22, minute=0, second=0, microsecond=0)
    deadline = tonight if tonight > now else tonight + timedelta(days=1)
    pickup = (deadline + timedelta(days=1)).replace(hour=16)
    plain = {"kind": "pooled", "threshold_by": "pieces", "on_miss": "refund", "case_size": "1"}
    return plain | {"deadline_at": _plain(deadline), "pickup_from": _plain(pickup)}


def _read(request: HttpRequest, region: str) -> tuple[dict[str, Any], dict[str, str]]:
    """(terms by field, what is wrong by field) of the form; a field left empty is left out."""
    currency = currency_of(region)
    readers = {c.field: c.read for c in imports.columns(currency, orders.zone(region))}
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    by_amount = request.POST.get("threshold_by") == "amount"
    for name in (*ASKED, *MORE):
        text = request.POST.get(name, "").strip()
        read = readers[name]
        if name == "threshold":
            read = sheets.amount(currency) if by_amount else sheets.whole(1, 10**6)
        if text:
            try:
                values[name] = read(text)
            except Refusal as refused:
                wrong[name] = words.refusal(Refusal(refused.code, value=text[:40], **refused.facts))[0]
        elif name in ("sku", "threshold", "quota_pieces", "price_minor", "deadline_at", "pickup_from"):
            wrong[name] = words.refusal(Refusal("kernel.cell_empty"))[0]
    return values, wrong


def _judged(request: HttpRequest, region: str, community_ids: list[int]) -> tuple[list[NewGroup], dict[str, str]]:
    """The groups the form asks for, or what is wrong with it."""
    values, wrong = _read(request, region)
    if not community_ids:
        wrong["community"] = _("至少选一个小区")
    if "sku" in values and goods.sku(region, values["sku"]) is None:
        wrong["sku"] = words.refusal(Refusal("trade.no_such_sku", sku=values["sku"]))[0]
    if wrong:
        return [], wrong
    values.setdefault("solo_price_minor", values["price_minor"])
    # The same form sent twice opens once; the same terms in another form are another group.
    form = hashlib.blake2b(request.POST.get("key", "").encode(), digest_size=8).hexdigest()
    first = NewGroup(key=f"console/{form}/{community_ids[0]}", community_id=community_ids[0], opened_by=by(request), **values)
    for name in rules.group_faults(first, first.opens_at or clocks.business_now()):
        wrong[name] = words.refusal(Refusal("trade.cell_term", value=request.POST.get(name, "")[:40]))[0]
    return [replace(first, key=f"console/{form}/{c}", community_id=c) for c in community_ids], wrong


@allow("operator")
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest) -> HttpResponse:
    """The form: one SKU, its terms, and the communities in which it opens."""
    region = region_of(request)
    communities = people.communities(region)
    known = {c.community_id for c in communities}
    chosen = [int(c) for c in request.POST.getlist("community") if c.isascii() and c.isdigit() and int(c) in known]
    wrong: dict[str, str] = {}
    if request.method == "POST":
        found, wrong = _judged(request, region, chosen)
        if not wrong:
            try:
                count = len(groups.open_many(region=region, groups=found))
            except Refusal as refused:
                wrong[""] = "。".join(filter(None, words.refusal(refused)))
            else:
                messages.success(request, ngettext("开了 %(count)d 个团", "开了 %(count)d 个团", count) % {"count": count})
                return redirect("console:groups")
    typed = {name: request.POST.get(name, "") for name in (*ASKED, *MORE)} if request.method == "POST" else _blank(region)
    context = {
        "typed": typed,
        "wrong": wrong,
        "communities": [(c, c.community_id in chosen) for c in communities],
        "skus": [s for s in goods.skus(region).values() if s.active],
        "kinds": list(imports.KINDS.values())[:3],
        "measures": ("pieces", "people", "amount"),
        "misses": tuple(imports.MISSES.values()),
        "key": request.POST.get("key") or ids.new().hex,
        "crumb": frame.up("console:groups", _("团购")),
    }
    return frame.page(request, "console/opening.html", "groups", context, status=422 if wrong else 200)


@allow("operator")
@require_http_methods(["GET", "POST"])
def table(request: HttpRequest) -> HttpResponse:
    """A table of group-buys: looked at whole, shown, then opened whole."""
    region = region_of(request)
    columns = imports.columns(currency_of(region), orders.zone(region))
    context: dict[str, Any] = {"crumb": frame.up("console:groups", _("团购")), "columns": columns}
    if request.method == "GET":
        return frame.page(request, "console/opening_table.html", "groups", context)
    try:
        if token := request.POST.get("token", ""):
            content, filename = uploads.opened(token, region)
            count = imports.apply(region=region, content=content, filename=filename, by=by(request))
            messages.success(request, ngettext("开了 %(count)d 个团", "开了 %(count)d 个团", count) % {"count": count})
            return redirect("console:groups")
        upload = request.FILES.get("file")
        if upload is None:
            raise Refusal("web.no_file")
        token = uploads.keep(upload, region)
        content, filename = uploads.opened(token, region)
        plan = imports.plan(region=region, content=content, filename=filename, by=by(request))
    except Refusal as refused:
        context["error"] = words.refusal(refused)
        return frame.page(request, "console/opening_table.html", "groups", context, status=422)
    problems = [(p.row, p.column, *words.refusal(Refusal(p.code, **p.facts))) for p in plan.problems[:200]]
    names = {c.community_id: c for c in people.communities(region)}
    skus = goods.skus(region, {g.sku for g in plan.groups})
    rows = [(g, skus[g.sku], names[g.community_id]) for g in plan.groups[:200]]
    context |= {"plan": plan, "problems": problems, "rows": rows, "token": token, "filename": filename}
    return frame.page(request, "console/opening_table.html", "groups", context, status=422 if problems else 200)


@allow("operator")
@require_GET
def sample(request: HttpRequest) -> HttpResponseBase:
    """An empty table with the right headings and one row that shows how each is filled."""
    region = region_of(request)
    columns = imports.columns(currency_of(region), orders.zone(region))
    blank = _blank(region)
    community = next(iter(people.communities(region)), None)
    sku = next(iter(goods.skus(region).values()), None)
    shown = {
        "community": community.name_zh if community else "",
        "sku": sku.code if sku else "",
        "kind": "普通团",
        "threshold_by": "份",
        "threshold": 10,
        "quota_pieces": 40,
        "price_minor": "4.50",
        "solo_price_minor": "5.00",
        "ladder": "20:4.30, 30:4.00",
        "on_miss": "退款",
        "deadline_at": blank["deadline_at"].replace("T", " "),
        "pickup_from": blank["pickup_from"].replace("T", " "),
    }
    return frame.table_file("xlsx", "groups", [c.headings[0] for c in columns], [[shown.get(c.field, "") for c in columns]])
