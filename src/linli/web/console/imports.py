"""Files of other systems: a file in, its columns matched beside a preview, checked whole, written, taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.insight.imports import columns, queries, runs
from linli.insight.imports.queries import ImportInfo
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused

SHOWN = 200
COUNTS = (
    "orders", "members", "new", "changed", "same", "not_bought", "buyers", "new_members", "new_places", "days", "senders", "named", "told"
)  # fmt: skip
"""What a preview shows of an import's counts, in this order."""


@dataclass(frozen=True)
class Choice:
    """One field of the mapping: what it is, where it stands, the first values under that heading."""

    name: str
    label: str
    heading: str
    required: bool
    samples: tuple[str, ...]


@allow("operator")
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """A new file, and the files before it."""
    region = region_of(request)
    context: dict[str, Any] = {"kinds": columns.KINDS, "origins": list(columns.ORIGINS), "kind": request.POST.get("kind", "orders")}
    status = 200
    if request.method == "POST":
        try:
            upload = request.FILES.get("file")
            if upload is None:
                raise Refusal("web.no_file")
            run = runs.begin(
                region=region,
                kind=context["kind"],
                content=upload.read(),
                filename=upload.name or "",
                origin=request.POST.get("origin", ""),
                by=by(request),
            )
            return redirect("console:import", run.pk)
        except Refusal as refused:
            context["error"], status = words.refusal(refused), 422
    context["imports"] = queries.listed(region)
    return frame.page(request, "console/imports.html", "imports", context, status=status)


def _one(request: HttpRequest, import_id: int) -> ImportInfo:
    found = queries.one(import_id, region_of(request))
    if found is None:
        raise Http404
    return found


def _choices(found: ImportInfo, rows: list[list[str]]) -> list[Choice]:
    def samples(heading: str) -> tuple[str, ...]:
        if heading not in found.headings:
            return ()
        place = found.headings.index(heading)
        return tuple(row[place][:40] for row in rows[1:4] if place < len(row) and row[place].strip())

    return [
        Choice(
            f.name, words.code(f"import.field.{f.name}"), found.mapping.get(f.name, ""), f.required, samples(found.mapping.get(f.name, ""))
        )
        for f in columns.fields(found.kind)
    ]


@allow("operator")
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, import_id: int) -> HttpResponse:
    """One import: its columns while they can be matched, what it would do, what is wrong, what it has done."""
    found, region = _one(request, import_id), region_of(request)
    error = None
    if request.method == "POST":
        try:
            mapping = {f.name: request.POST.get(f"col-{f.name}", "") for f in columns.fields(found.kind)}
            said = {name: heading for name, heading in mapping.items() if heading}
            runs.map_columns(
                import_id=import_id,
                region=region,
                mapping=said,
                origin=request.POST.get("origin", found.origin),
                place=request.POST.get("new_place", "").strip() or request.POST.get("place", ""),
                profiling=request.POST.get("profiling") == "yes",
            )
            runs.ask(import_id=import_id, region=region, write=False)
            return redirect("console:import", import_id)
        except Refusal as refused:
            error = words.refusal(refused)
    context: dict[str, Any] = {
        "run": found,
        "progress": queries.progress(import_id, region),
        "counts": [(words.code(f"import.count.{n}"), found.counts[n]) for n in COUNTS if n in found.counts],
        "problems": _told(found.problems[:SHOWN]),
        "origins": list(columns.ORIGINS),
        "communities": people.communities(region),
        "crumb": frame.up("console:imports", _("导入")),
        "error": error,
    }
    if found.state in ("mapping", "checked"):
        try:
            rows = runs.head_of(import_id=import_id, region=region)
        except Refusal as refused:
            rows, context["error"] = [list(found.headings)], words.refusal(refused)
        context |= {"choices": _choices(found, rows), "rows": rows}
    return frame.page(request, "console/import.html", "imports", context, status=422 if error else 200)


def _told(problems: Iterable[tuple[int, str, str, Any]]) -> list[tuple[int, str, str, str]]:
    return [(row, column, *words.refusal(Refusal(code, **facts))) for row, column, code, facts in problems]


@allow("operator")
@never_cache
@require_GET
def progress(request: HttpRequest, import_id: int) -> HttpResponse:
    """How far the worker is; when it has ended the page is told to load again."""
    found = _one(request, import_id)
    told = queries.progress(import_id, found.region)
    answer = render(request, "console/part_import.html", {"run": found, "progress": told})
    if told is None or told.failed:
        answer["HX-Refresh"] = "true"
    return answer


@allow("operator")
@require_POST
def write(request: HttpRequest, import_id: int) -> HttpResponse:
    """Let the worker write what was checked."""
    found = _one(request, import_id)
    try:
        runs.ask(import_id=import_id, region=found.region, write=True)
    except Refusal as refused:
        say_refused(request, refused)
    return redirect("console:import", import_id)


@allow("operator")
@require_POST
def undo(request: HttpRequest, import_id: int) -> HttpResponse:
    """Take an import back."""
    found = _one(request, import_id)
    try:
        count = runs.withdraw(import_id=import_id, region=found.region, by=by(request))
        messages.success(request, _("撤回了 %(count)d 条。会员和小区还在，数字正在重算。") % {"count": count})
    except Refusal as refused:
        say_refused(request, refused)
    return redirect("console:import", import_id)


@allow("operator")
@require_GET
def problems(request: HttpRequest, import_id: int) -> HttpResponseBase:
    """Every problem that was kept, as CSV."""
    found = _one(request, import_id)
    return frame.csv_file(f"problems-{import_id}", [_("行"), _("列"), _("问题"), _("怎么改")], _told(found.problems))
