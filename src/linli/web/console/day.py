"""The business date in the bar: ask for the next day, follow its progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.web.access import allow

KIND = "day.step"


@dataclass(frozen=True)
class Step:
    """A day's step under way, or the one that failed. `label` is a code of words."""

    row_id: int
    failed: bool
    done: int
    total: int
    label: str
    error: str


def state(region: str) -> Step | None:
    """The step that is under way or has failed; None when the day stands quietly. Days are the whole shop's."""
    row = WorkRow.objects.filter(kind=KIND).order_by("-id").first()
    if row is None or row.state not in (WorkRow.State.DUE, WorkRow.State.FAILED):
        return None
    told = row.progress or {}
    return Step(
        row_id=row.pk,
        failed=row.state == WorkRow.State.FAILED,
        done=int(told.get("done", 0)),
        total=max(int(told.get("total", 1)), 1),
        label=str(told.get("label") or "day.waiting"),
        error=row.error,
    )


@allow("operator")
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the next day. The row's key is the day asked for, so a double tap asks once."""
    if clocks.standing_at() is not None and state(request.actor.region) is None:  # type: ignore[attr-defined]
        to = (clocks.business_now() + timedelta(days=1)).isoformat()
        work.schedule(KIND, key=to, due_at=clocks.machine_now(), region="", payload={"until": to}, clock=WorkRow.Clock.MACHINE)
    if getattr(request, "htmx", False):
        return render(request, "console/part_day.html", {"step": state(""), "clock_stands": True})
    back = request.POST.get("back", "")
    return redirect(back if back.startswith("/console/") else "console:today")


@allow("operator")
@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Let a failed step try again."""
    if (step := state("")) is not None and step.failed:
        work.again(step.row_id)
    return redirect("console:today")


@allow("operator")
@never_cache
@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """The bar's progress; when the step has ended the whole page is told to load again."""
    step = state("")
    answer = render(request, "console/part_day.html", {"step": step, "clock_stands": True})
    if step is None or step.failed:
        answer["HX-Refresh"] = "true"
    return answer
