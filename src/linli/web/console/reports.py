"""Reports: those that were made, when the next come, and one made now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.web import reports, words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.cohorts import WEEKDAYS
from linli.web.context import english
from linli.web.models import Report

NAMES = {"weekly": gettext_lazy("周报"), "monthly": gettext_lazy("月报")}
USUAL = {"weekly": (0, 8), "monthly": (1, 8)}
"""Day and hour that a form shows before anybody has chosen: Monday, or the first, at eight."""


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every report of the region, newest first, and the plans."""
    return _page(request)


def _page(request: HttpRequest, *, wrong: str = "", status: int = 200) -> HttpResponse:
    region = request.actor.region  # type: ignore[attr-defined]
    held = reports.plans(region)
    plans = [
        {
            "period": period,
            "name": name,
            "plan": held.get(period),
            "day": held[period].day if period in held else USUAL[period][0],
            "hour": held[period].hour if period in held else USUAL[period][1],
            "next": reports.next_of(held[period]) if period in held and held[period].active else None,
            "days": list(enumerate(WEEKDAYS)) if period == "weekly" else [(n, n) for n in range(1, 29)],
        }
        for period, name in NAMES.items()
    ]
    made = [{"report": r, "name": NAMES[r.period], "why": words.code(r.why) if r.why else ""} for r in reports.made(region)]
    context: dict[str, Any] = {"plans": plans, "made": made, "hours": range(24), "wrong": wrong}
    return frame.page(request, "console/reports.html", "reports", context, status=status)


@allow("operator")
@require_POST
def plan(request: HttpRequest, period: str) -> HttpResponse:
    """Set when a report is made, or stop it."""
    actor = request.actor  # type: ignore[attr-defined]

    def number(name: str) -> int:
        text = request.POST.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else -1

    try:
        reports.plan(
            region=actor.region, period=period, day=number("day"), hour=number("hour"), language="en" if english() else "zh-hans",
            active=request.POST.get("active") == "1", by=actor.person_id,
        )  # fmt: skip
    except Refusal as refused:
        return _page(request, wrong=words.refusal(refused)[0], status=422)
    messages.success(request, _("记下了，到时候会做好放在这里"))
    return redirect("console:reports")


@allow("operator")
@require_POST
def make(request: HttpRequest, period: str) -> HttpResponse:
    """Have the last whole period's report made now, by the worker."""
    if period not in NAMES:
        raise Http404
    today = timezone.localtime(clocks.business_now()).date()
    if not reports.ready(request.actor.region, period, today):  # type: ignore[attr-defined]
        return _page(request, wrong="，".join(words.refusal(Refusal("web.report_nothing"))), status=422)
    reports.ask(region=request.actor.region, period=period, today=today, language="en" if english() else "zh-hans")  # type: ignore[attr-defined]
    messages.success(request, _("正在做，几秒后刷新就在下面"))
    return redirect("console:reports")


def _report(request: HttpRequest, report_id: int) -> Report:
    found = reports.one(request.actor.region, report_id)  # type: ignore[attr-defined]
    if found is None:
        raise Http404
    return found


@allow("operator")
@require_GET
def one(request: HttpRequest, report_id: int) -> HttpResponse:
    """A report as a page. Its styles, inside the kept file, come from the site here: the policy for content allows no others."""
    before, _open, rest = _report(request, report_id).html.partition("<style>")
    link = f'<link rel="stylesheet" href="{static("linli/report.css")}">'
    return HttpResponse(before + link + rest.partition("</style>")[2])


@allow("operator")
@require_GET
def download(request: HttpRequest, report_id: int, form: str) -> HttpResponse:
    """A report as a file of its own: HTML that needs nothing beside it, or PDF."""
    report = _report(request, report_id)
    contents: dict[str, tuple[str, bytes | None]] = {
        "html": ("text/html; charset=utf-8", report.html.encode()),
        "pdf": ("application/pdf", bytes(report.pdf) if report.pdf is not None else None),
    }
    kind, content = contents.get(form, ("", None))
    if content is None:
        raise Http404
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="linli-{report.period}-{report.until}.{form}"'
    return answer
