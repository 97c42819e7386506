"""System: readers and their lag, work, the lake, the ledger's proof, the clocks, versions."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.contrib import messages
from django.db import connection
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.insight import queries as insight
from linli.kernel import clocks, events, ledger, work
from linli.kernel.models import Effect, WorkRow
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame

PACKAGES = ("linli", "django", "duckdb", "deltalake", "ibis-framework", "lightgbm")
WORK_STATES = ("failed", "due", "done")


def _versions() -> list[tuple[str, str]]:
    return [("Python", platform.python_version()), (connection.vendor, _database_version()), *_packages()]


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    """Versions of packages: they are those this process was started with, and are read from files."""
    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "—"))
    return tuple(found)


def _database_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        return str(cursor.fetchone()[0])


def readers() -> list[events.Standing]:
    """Every reader's standing, as the composition lists them."""
    return list(events.standings(events.readers()))


def _work(state: str) -> list[WorkRow]:
    found = WorkRow.objects.filter(state=state)
    return list(found.order_by("-finished_at", "-id")[:20] if state == "done" else found.order_by("due_at", "id")[:20])


@allow("operator")
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """The state of the machine under the shop."""
    from linli.insight import lake

    state = frame.chosen(request, "work", WORK_STATES, "due")
    standing = insight.standing(request.actor.region)  # type: ignore[attr-defined]
    counts = dict(WorkRow.objects.values_list("state").annotate(n=Count("id")))
    if not request.GET.get("work") and counts.get("failed"):
        state = "failed"
    return frame.page(
        request,
        "console/system.html",
        "system",
        {
            "readers": readers(),
            "work_state": state,
            "work_counts": [(name, counts.get(name, 0)) for name in WORK_STATES],
            "work_rows": _work(state),
            "effects": list(Effect.objects.values_list("state").annotate(n=Count("id")).order_by("-n")),
            "tables": _quietly(lake.tables, []),
            "business": clocks.business_now(),
            "machine": clocks.machine_now(),
            "stands": clocks.standing_at() is not None,
            "versions": _versions(),
            "standing": standing,
            "verdict": words.code(standing.model.note) if standing and standing.model else "",
            "argv": sys.argv[0].rpartition("/")[2],
        },
    )


def _quietly(read: Callable[[], Any], otherwise: Any) -> Any:
    """What `read` gives; a lake that is not there yet must not close the page that would say so."""
    try:
        return read()
    except FileNotFoundError:
        return otherwise


@allow("operator")
@require_POST
def audit(request: HttpRequest) -> HttpResponse:
    """Prove the books now and show what was found."""
    found = ledger.audit()
    return render(request, "console/part_audit.html", {"audit": found, "at": clocks.machine_now()})


@allow("operator")
@require_POST
def retry_reader(request: HttpRequest, name: str) -> HttpResponse:
    """Let a stopped reader try again."""
    if name not in events.readers():
        raise Http404
    events.retry(name)
    messages.success(request, _("{name} 接着读").format(name=name))
    return redirect("console:system")


@allow("operator")
@require_POST
def again(request: HttpRequest, row_id: int) -> HttpResponse:
    """Let failed work come due once more."""
    work.again(row_id)
    messages.success(request, _("已排上，马上再做一次"))
    return redirect("console:system")
