"""The catalogue: find, edit one or many, take an edit back, bring a file in and out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.goods import catalog, imports, rules, undo
from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import money, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame, uploads
from linli.web.console.people_of import currency_of

UNDO = "catalog_undo"
SHOWN = 60
KEPT_UNDO = 2000
"""An edit of more SKUs than this is taken back with a file, not with a button."""


def region_of(request: HttpRequest) -> str:
    """The region the operator works in."""
    return str(request.actor.region)  # type: ignore[attr-defined]


def by(request: HttpRequest) -> str:
    """Who acts, as the log names them."""
    return f"person:{request.actor.person_id}"  # type: ignore[attr-defined]


def say_refused(request: HttpRequest, refused: Refusal) -> None:
    """Tell a refusal as a message: what, and what to do."""
    says, do = words.refusal(Refusal(refused.code, **{"currency": currency_of(region_of(request)), **refused.facts}))
    messages.error(request, _("%(says)s。%(do)s。") % {"says": says, "do": do} if do else says)


def _asked(request: HttpRequest) -> dict[str, str]:
    return {
        "q": request.GET.get("q", "").strip()[:80],
        "layer": frame.chosen(request, "layer", rules.LAYERS),
        "category": frame.chosen(request, "category", rules.CATEGORIES),
        "active": frame.chosen(request, "active", ("yes", "no"), "yes" if "q" not in request.GET else ""),
    }


def _found(region: str, asked: dict[str, str]) -> list[SkuInfo]:
    found = goods.search(region, asked["q"], limit=5000) if asked["q"] else list(goods.skus(region).values())
    return [
        s
        for s in found
        if asked["layer"] in ("", s.layer)
        and asked["category"] in ("", s.category)
        and (asked["active"] == "" or s.active == (asked["active"] == "yes"))
    ]


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The region's SKUs, to be searched, filtered, chosen and changed together."""
    region, asked = region_of(request), _asked(request)
    found = _found(region, asked)
    pages = max(1, -(-len(found) // SHOWN))
    at = min(frame.number(request, "page", 1, least=1) or 1, pages)
    page = {"rows": found[(at - 1) * SHOWN : at * SHOWN], "total": len(found), "page": at, "pages": pages}
    context = {"asked": asked, "page": page, "layers": rules.LAYERS, "categories": rules.CATEGORIES, "undo": request.session.get(UNDO)}
    return frame.page(request, "console/catalog.html", "catalog", context)


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered catalogue as a file; CSV and XLSX as the import reads them."""
    region = region_of(request)
    head, rows = imports.rows(region, currency_of(region), _found(region, _asked(request)))
    return frame.table_file(form, "catalog", head, rows)


def _wanted(request: HttpRequest, skus: dict[str, SkuInfo]) -> dict[str, dict[str, object]]:
    """The bulk edit that the form asks for: code -> field -> value. Raises Refusal: web.bad_form."""
    do = request.POST.get("do", "")
    value = request.POST.get(do, "")
    if do == "layer" and value in rules.LAYERS:
        return {code: {"layer": value} for code in skus}
    if do == "active" and value in ("yes", "no"):
        return {code: {"active": value == "yes"} for code in skus}
    if do == "price":
        try:
            percent = int(value)
        except ValueError:
            raise Refusal("web.bad_form") from None
        if -90 <= percent <= 500:
            return {code: {"list_price_minor": max(1, round(s.list_price_minor * (100 + percent) / 100))} for code, s in skus.items()}
    raise Refusal("web.bad_form")


@allow("operator")
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Change the chosen SKUs together; the listing then offers to take it back."""
    region = region_of(request)
    asked = request.POST.get("back", "")
    back = redirect(reverse("console:catalog") + (asked if asked.startswith("?") else ""))
    skus = goods.skus(region, request.POST.getlist("sku")[:5000])
    if not skus:
        messages.error(request, _("先在左边勾选要改的商品。"))
        return back
    try:
        edit(request, _wanted(request, skus))
    except Refusal as refused:
        say_refused(request, refused)
    return back


def edit(request: HttpRequest, wanted: dict[str, dict[str, object]]) -> int:
    """Make an edit that can be taken back from the listing; returns how many SKUs changed."""
    region = region_of(request)
    changes = undo.changes_of(region, wanted)
    count = catalog.edit_many(region=region, changes=wanted, by=by(request))
    _keep_undo(request, changes)
    messages.success(request, ngettext("已改 %(count)d 个商品", "已改 %(count)d 个商品", count) % {"count": count})
    return count


def _keep_undo(request: HttpRequest, changes: dict[str, dict[str, Any]]) -> None:
    if 0 < len(changes) <= KEPT_UNDO:
        request.session[UNDO] = {"changes": changes, "count": len(changes)}
    else:
        request.session.pop(UNDO, None)


@allow("operator")
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Take the last edit back, where nobody has changed it since."""
    last = request.session.pop(UNDO, None)
    if last:
        count = undo.take_back(region=region_of(request), changes=last["changes"], by=by(request))
        messages.success(request, ngettext("已改回 %(count)d 个商品", "已改回 %(count)d 个商品", count) % {"count": count})
    return redirect("console:catalog")


@dataclass(frozen=True)
class Field:
    """A field of a SKU's form: how it is asked, what stands in it, what is wrong with it."""

    name: str
    label: str
    value: object
    kind: str  # text, money, whole, choice, yes
    choices: tuple[str, ...] = ()
    wrong: str = ""


@dataclass(frozen=True)
class Past:
    """One change of a SKU, told."""

    at: datetime
    by: str
    fields: list[tuple[str, object, object]]


CHOICES = {"category": rules.CATEGORIES, "layer": rules.LAYERS, "kind": rules.KINDS}


def _form(request: HttpRequest, sku: SkuInfo, typed: dict[str, str], wrong: dict[str, str]) -> list[Field]:
    currency = currency_of(region_of(request))
    fields = []
    for column in imports.columns(currency):
        if column.field == "code":
            continue
        value = getattr(sku, column.field)
        kind = "choice" if column.field in CHOICES else "yes" if isinstance(value, bool) else "text"
        if column.field.endswith("_minor"):
            kind, value = "money", sheets.written(value, currency)
        elif column.field in ("shelf_life_days", "piece_g"):
            kind = "whole"
        shown = typed.get(column.field, "" if value is None else value)
        label = words.code(f"field.{column.field}")
        fields.append(Field(column.field, label, shown, kind, CHOICES.get(column.field, ()), wrong.get(column.field, "")))
    return fields


def _read(request: HttpRequest, currency: str) -> tuple[dict[str, object], dict[str, str]]:
    """(values by field, what is wrong by field) of a SKU's form. An empty text empties, a missing box is "no"."""
    values: dict[str, object] = {}
    wrong: dict[str, str] = {}
    for column in imports.columns(currency):
        if column.field == "code":
            continue
        text = request.POST.get(column.field, "").strip()
        if column.field in ("weighed", "active"):
            values[column.field] = bool(text)
        elif not text:
            values[column.field] = None if column.field == "piece_g" else ""
        else:
            try:
                values[column.field] = column.read(text)
            except Refusal as refused:
                wrong[column.field] = words.refusal(Refusal(refused.code, value=text[:40], **refused.facts))[0]
    return values, wrong


@allow("operator")
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, code: str) -> HttpResponse:
    """A SKU: its form, what it is like on the phone, who changed what."""
    region = region_of(request)
    sku = goods.sku(region, code)
    if sku is None:
        raise Http404
    typed: dict[str, str] = {}
    wrong: dict[str, str] = {}
    if request.method == "POST":
        values, wrong = _read(request, currency_of(region))
        whole = {name: getattr(sku, name) for name in catalog.FIELDS} | {"tags": list(sku.tags)} | values
        wrong |= {name: _("这里填得不对") for name in ([] if wrong else catalog.faults(code, whole))}
        if not wrong:
            edit(request, {code: values})
            return redirect("console:sku", code)
        typed = {name: request.POST.get(name, "") for name in request.POST}
    history = [
        Past(c.at, _who(c.by), [(words.code(f"field.{n}"), _told(n, b, region), _told(n, a, region)) for n, (b, a) in c.fields.items()])
        for c in catalog.history(region, code, limit=20)
    ]
    context = {"sku": sku, "fields": _form(request, sku, typed, wrong), "wrong": wrong, "history": history}
    context["crumb"] = frame.up("console:catalog", _("商品"))
    return frame.page(request, "console/sku.html", "catalog", context, status=422 if wrong else 200)


def _who(by: str) -> str:
    kind, _sep, number = by.partition(":")
    found = people.person(int(number)) if kind == "person" and number.isdigit() else None
    return found.display_name if found else words.code(f"by.{kind}")


def _told(field: str, value: object, region: str) -> str:
    if field.endswith("_minor") and isinstance(value, int):
        return money.plain(value, currency_of(region))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if field in CHOICES:
        return words.code(f"{field}.{value}")
    if isinstance(value, list):
        return "、".join(map(str, value)) or "—"
    return str(value) if value not in (None, "") else "—"


@allow("operator")
@require_http_methods(["GET", "POST"])
def bring_in(request: HttpRequest) -> HttpResponse:
    """A file for the catalogue: looked at whole first, shown as what it would change, then written whole."""
    region = region_of(request)
    currency = currency_of(region)
    context: dict[str, Any] = {"crumb": frame.up("console:catalog", _("商品")), "columns": imports.columns(currency)}
    if request.method == "GET":
        return frame.page(request, "console/catalog_import.html", "catalog", context)
    try:
        if token := request.POST.get("token", ""):
            content, filename = uploads.opened(token, region)
            before = imports.plan(region=region, currency=currency, content=content, filename=filename)
            done = imports.apply(region=region, currency=currency, content=content, filename=filename, by=by(request))
            _keep_undo(request, {c.code: {n: list(v) for n, v in c.fields.items()} for c in before.changed})
            messages.success(request, _("导入完成：新增 %(new)d，修改 %(changed)d") % {"new": len(done.new), "changed": len(done.changed)})
            return redirect("console:catalog")
        upload = request.FILES.get("file")
        if upload is None:
            raise Refusal("web.no_file")
        token = uploads.keep(upload, region)
        content, filename = uploads.opened(token, region)
        plan = imports.plan(region=region, currency=currency, content=content, filename=filename)
    except Refusal as refused:
        context["error"] = words.refusal(refused)
        return frame.page(request, "console/catalog_import.html", "catalog", context, status=422)
    problems = [(p.row, p.column, *words.refusal(Refusal(p.code, **p.facts))) for p in plan.problems[:200]]
    changed = [
        (c, [(words.code(f"field.{n}"), _told(n, b, region), _told(n, a, region)) for n, (b, a) in c.fields.items()])
        for c in plan.changed[:200]
    ]
    context |= {"plan": plan, "problems": problems, "changed": changed, "token": token, "filename": filename}
    return frame.page(request, "console/catalog_import.html", "catalog", context, status=422 if problems else 200)
