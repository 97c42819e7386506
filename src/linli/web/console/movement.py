"""Who moved between segments: the flows between two days, who is in each and why; and the month's re-grading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from linli.insight import movement
from linli.insight import queries as insight
from linli.insight.movement import ELSE, TIERS, Flow, Mover
from linli.insight.segments import REGISTRY
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.people_of import currency_of, why_of
from linli.web.context import english
from linli.web.templatetags.linli import day_words

VIEWS = {"lifecycle": gettext_lazy("生命周期"), "value": gettext_lazy("价值")}
COLOURS = {
    "new": "c2", "active": "c1", "slowing": "c5", "silent": "c3", "lapsed": "c4", "lost": "c6", "unconverted": "c6", "registered": "c2",
    "vip": "c3", "high_value": "c1", ELSE: "c6", "": "c2",
}  # fmt: skip


def segment_name(key: str, *, before: bool = True) -> str:
    """A segment in words; "" is somebody not known then, or not known any more."""
    if key == ELSE:
        return _("其他会员")
    if not key:
        return _("还不认识") if before else _("不再计入")
    return words.code(f"segment.{key}")


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None


def _window(request: HttpRequest, region: str) -> tuple[list[datetime], tuple[datetime, datetime] | None]:
    known = movement.moments(region)
    return known, movement.between(known, region, _day(request, "since"), _day(request, "until"))


def _local(at: datetime) -> date:
    return timezone.localtime(at).date()


def _asked(since: datetime, until: datetime, **more: str) -> str:
    return "?" + urlencode({"since": _local(since).isoformat(), "until": _local(until).isoformat(), **more})


@allow("operator")
@require_GET
def flows(request: HttpRequest) -> HttpResponse:
    """The flows of a view between two days, the other segments beside, and one segment's history by day."""
    region = request.actor.region  # type: ignore[attr-defined]
    view = frame.chosen(request, "view", VIEWS, "lifecycle")
    known, window = _window(request, region)
    shown: dict[str, Any] = {"view": view, "views": VIEWS.items(), "window": None}
    if window:
        since, until = window
        told = movement.movement(region, view, since, until)
        others = movement.nets(region, since, until, [s.key for s in REGISTRY.values() if s.kind in ("risk", "potential", "silent")])
        here = reverse("console:movement-members")
        rows = [
            {
                "flow": flow,
                "source": segment_name(flow.source),
                "target": segment_name(flow.target, before=False),
                "href": here + _asked(since, until, view=view, source=flow.source, target=flow.target),
            }
            for flow in told.flows
        ]
        segment = frame.chosen(request, "segment", REGISTRY, "active" if view == "lifecycle" else "vip")
        shown |= {
            "window": window,
            "days": sorted({_local(at) for at in known}, reverse=True),
            "since": _local(since),
            "until": _local(until),
            "told": told,
            "rows": rows,
            "people": sum(told.after.values()),
            "chart": _sankey(rows, told),
            "others": [
                {
                    "net": net,
                    "name": segment_name(net.segment),
                    "came": here + _asked(since, until, segment=net.segment, way="came"),
                    "left": here + _asked(since, until, segment=net.segment, way="left"),
                }
                for net in others
            ],
            "segment": segment,
            "segments": [(key, segment_name(key)) for key in REGISTRY],
            "history": _history(region, segment),
        }
    return frame.page(request, "console/movement.html", "movement", shown)


def _sankey(rows: Sequence[dict[str, Any]], told: movement.Movement) -> dict[str, Any]:
    """The flows as the chart's JSON: where they were on the left, where they are on the right."""

    def node(key: str, side: str) -> dict[str, Any]:
        before = side == "a"
        size = (told.before if before else told.after).get(key)
        name = segment_name(key, before=before)
        return {"name": f"{side}:{key}", "label": name if size is None else f"{name} {size:,}", "color": COLOURS[key]}

    order = list(told.before)  # the stages' own order on both sides: a band that falls is a member who cooled
    used = {(f.source, "a") for f in told.flows} | {(f.target, "b") for f in told.flows}
    sides = sorted(used, key=lambda one: (one[1], order.index(one[0]) if one[0] in order else len(order)))
    return {
        "kind": "sankey",
        "nodes": [node(key, side) for key, side in sides],
        "links": [
            {"source": f"a:{r['flow'].source}", "target": f"b:{r['flow'].target}", "value": r["flow"].members, "href": r["href"],
             "label": f"{r['source']} → {r['target']}"}
            for r in rows
        ],
    }  # fmt: skip


def _history(region: str, segment: str) -> dict[str, Any] | None:
    told = movement.history(region, segment)
    if len(told) < 2:
        return None
    labels = [f"{_local(d.as_of):%m-%d}" for d in told]
    return {
        "rows": list(reversed(told)),
        "name": segment_name(segment),
        "data": {
            "labels": labels,
            "floor": "auto",
            "series": [{"name": segment_name(segment), "values": [d.members for d in told], "unit": "", "area": False, "color": "c1"}],
        },
    }


@allow("operator")
@require_GET
def flow_table(request: HttpRequest, form: str) -> HttpResponseBase:
    """The flows of a view between two days, as a file."""
    region = request.actor.region  # type: ignore[attr-defined]
    view = frame.chosen(request, "view", VIEWS, "lifecycle")
    _known, window = _window(request, region)
    found: Iterable[Flow] = movement.movement(region, view, *window).flows if window else ()
    return frame.table_file(form, "movement", ["source", "target", "members"], ([f.source, f.target, f.members] for f in found))


# ---- the members of a flow


class _Behind:
    """Whom the address asks for: a flow of a view, or who came to or left one segment."""

    def __init__(self, request: HttpRequest) -> None:
        self.region: str = request.actor.region  # type: ignore[attr-defined]
        _known, window = _window(request, self.region)
        if window is None:
            raise Http404
        self.since, self.until = window
        self.segment = frame.chosen(request, "segment", REGISTRY)
        self.came = request.GET.get("way") != "left"
        self.view = frame.chosen(request, "view", VIEWS, "lifecycle")
        self.source, self.target = request.GET.get("source", "")[:24], request.GET.get("target", "")[:24]
        if not self.segment and movement.code_of(self.view, self.source, self.target) is None:
            raise Http404

    def title(self) -> str:
        if self.segment:
            return (_("新进「{name}」的人") if self.came else _("离开「{name}」的人")).format(name=segment_name(self.segment))
        return f"{segment_name(self.source)} → {segment_name(self.target, before=False)}"

    def page(self, number: int) -> movement.MoverPage:
        if self.segment:
            return movement.net_members(self.region, self.segment, came=self.came, since=self.since, until=self.until, page=number)
        return movement.flow_members(self.region, self.view, self.since, self.until, self.source, self.target, page=number)

    def rows(self, movers: Sequence[Mover]) -> Iterator[dict[str, Any]]:
        """Movers with names and why, in words; a member that people no longer knows is left out."""
        currency = currency_of(self.region)
        known = people.members([m.member_id for m in movers])
        now = insight.rows_of([m.member_id for m in movers])
        for mover in movers:
            if mover.member_id in known:
                yield {
                    "mover": mover,
                    "info": known[mover.member_id],
                    "now": now.get(mover.member_id),
                    "did": (_("进入「{name}」") if mover.entered else _("离开「{name}」")).format(name=segment_name(mover.segment)),
                    "why": why_of(mover.reason, currency),
                }


@allow("operator")
@require_GET
def members(request: HttpRequest) -> HttpResponse:
    """The members of one flow, with why."""
    behind = _Behind(request)
    page = behind.page(frame.number(request, "page", 1, least=1, most=10**6) or 1)
    return frame.page(
        request,
        "console/movement_members.html",
        "movement",
        {
            "title": behind.title(),
            "since": _local(behind.since),
            "until": _local(behind.until),
            "page": page,
            "rows": list(behind.rows(page.rows)),
            "crumb": frame.Crumb(_("人群流动"), reverse("console:movement") + _asked(behind.since, behind.until, view=behind.view)),
        },
    )


@allow("operator")
@require_GET
def members_table(request: HttpRequest, form: str) -> HttpResponseBase:
    """The members of one flow, as a file."""
    behind = _Behind(request)

    def rows() -> Iterator[list[Any]]:
        number, pages = 1, 1
        while number <= pages:
            page = behind.page(number)
            pages = page.pages
            for r in behind.rows(page.rows):
                m, info = r["mover"], r["info"]
                spent = r["now"].spend_365d_minor if r["now"] else None
                yield [m.member_id, info.display_name, info.community_en if english() else info.community_zh, m.segment, m.entered, m.at,
                       r["why"], spent]  # fmt: skip
            number += 1

    head = ["member_id", "name", "community", "segment", "entered", "at", "why", "spend_365d_minor"]
    return frame.table_file(form, "movement-members", head, rows())


# ---- the month


def _month(request: HttpRequest, known: Sequence[date]) -> date | None:
    """The month asked for, or the newest; None without any."""
    try:
        asked = date.fromisoformat(request.GET.get("month", "") + "-01")
    except ValueError:
        asked = None
    return asked if asked in known else known[0] if known else None


@allow("operator")
@require_GET
def grading(request: HttpRequest) -> HttpResponse:
    """The month's re-grading: promoted, demoted, how concentrated value is, potential and silent kinds."""
    region = request.actor.region  # type: ignore[attr-defined]
    known = movement.months(region)
    month = _month(request, known)
    told = movement.grading(region, month) if month else None
    shown: dict[str, Any] = {"told": told, "months": known, "month": month}
    if told:
        shown |= graded(told)
    return frame.page(request, "console/grading.html", "movement", shown)


def graded(told: movement.Grading) -> dict[str, Any]:
    """A re-grading ready for a page: each flow with its way, and where its members are listed."""
    here = reverse("console:movement-members")

    def row(flow: Flow) -> dict[str, Any]:
        return {
            "flow": flow,
            "source": segment_name(flow.source),
            "target": segment_name(flow.target),
            "up": TIERS.index(flow.target) < TIERS.index(flow.source),
            "href": here + _asked(told.since, told.until, view="value", source=flow.source, target=flow.target),
        }

    kinds = [
        (title, [{"net": n, "name": segment_name(n.segment)} for n in told.kinds[kind]])
        for kind, title in (("potential", _("潜力会员")), ("silent", _("沉默会员")))
    ]
    return {
        "rows": [row(f) for f in told.movement.flows],
        "kinds": kinds,
        "since": day_words(_local(told.since)),
        "until": day_words(_local(told.until)),
        "crumb": frame.up("console:movement", _("人群流动")),
        "here": here,
        "window": _asked(told.since, told.until),
    }
