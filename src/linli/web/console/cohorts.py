"""Who came back month after month, and where and when people order: heat tables, small counts left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from linli.insight import cohorts
from linli.people import queries as people
from linli.web.access import allow
from linli.web.console import frame
from linli.web.templatetags.linli import local_name

SHADES = 6
"""Steps of the heat's colour: words in the cell always say the figure, the shade only helps the eye."""
WEEKDAYS = (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))
BIGGEST_PX = 26.0


def shade(part: float) -> int:
    """0 (none) to SHADES for a part of the most."""
    return 0 if part <= 0 else min(SHADES, 1 + int(part * SHADES))


@allow("operator")
@require_GET
def retention(request: HttpRequest) -> HttpResponse:
    """Cohorts by the month of the first purchase."""
    found, as_of = cohorts.retention(request.actor.region)  # type: ignore[attr-defined]
    most = max((len(c.cells) for c in found), default=0)
    rows = [
        {
            "cohort": c,
            "cells": [(cell, 0 if cell.share is None else shade(cell.share)) for cell in c.cells],
            "rest": range(most - len(c.cells)),
        }
        for c in found
    ]
    return frame.page(request, "console/cohorts.html", "cohorts", {"rows": rows, "ages": range(most), "at": as_of, "small": cohorts.SMALL})


@allow("operator")
@require_GET
def retention_table(request: HttpRequest, form: str) -> HttpResponseBase:
    """The cohorts as a file; small counts are left out there as well."""
    found, _as_of = cohorts.retention(request.actor.region)  # type: ignore[attr-defined]
    rows = ([c.month, c.members, cell.age, cell.bought, cell.share, cell.whole] for c in found for cell in c.cells)
    return frame.table_file(form, "cohorts", ["month", "members", "age", "bought", "share", "whole"], rows)


@dataclass(frozen=True)
class Spot:
    """A community on the map: place in a 760 x 420 box, radius by its orders, shade by the busiest."""

    x: float
    y: float
    radius: float
    shade: int
    name: str
    orders: int | None


def _asked(request: HttpRequest) -> tuple[int | None, int | None]:
    return frame.number(request, "weekday", most=6), frame.number(request, "hour", most=23)


@allow("operator")
@require_GET
def places(request: HttpRequest) -> HttpResponse:
    """Orders by community and hour: a map where coordinates are known, and the table."""
    region = request.actor.region  # type: ignore[attr-defined]
    weekday, hour = _asked(request)
    found, as_of = cohorts.places(region, weekday)
    known = {c.community_id: c for c in people.communities(region)}
    rows = [row for row in found if row.community_id in known]
    return frame.page(
        request,
        "console/places.html",
        "places",
        {
            "rows": [
                {"info": known[r.community_id], "row": r, "cells": [(h, shade((h.orders or 0) / _busiest(r))) for h in r.hours]}
                for r in rows
            ],
            "spots": _spots(rows, known, hour),
            "hours": range(24),
            "hour": hour,
            "weekday": weekday,
            "weekdays": list(enumerate(WEEKDAYS)),
            "at": as_of,
            "days": cohorts.PLACE_DAYS,
            "small": cohorts.SMALL,
            "peak": _peak(rows),
        },
    )


def _busiest(row: cohorts.PlaceRow) -> int:
    """The most orders of an hour: a row's shades are its own, or one large community would leave the others pale."""
    return max((h.orders or 0 for h in row.hours), default=0) or 1


def _peak(rows: list[cohorts.PlaceRow]) -> int | None:
    """The hour with most orders."""
    sums = [sum(row.hours[h].orders or 0 for row in rows) for h in range(24)]
    return sums.index(max(sums)) if any(sums) else None


def _spots(rows: list[cohorts.PlaceRow], known: dict[int, Any], hour: int | None) -> list[Spot]:
    """Communities with coordinates, smallest first so that none hides another."""
    placed = [
        (row, known[row.community_id])
        for row in rows
        if known[row.community_id].lat is not None and known[row.community_id].lng is not None
    ]
    if len(placed) < 2:
        return []
    orders = {row.community_id: row.orders if hour is None else row.hours[hour].orders for row, _info in placed}
    most = max((n or 0 for n in orders.values()), default=0) or 1
    lats, lngs = [i.lat for _r, i in placed], [i.lng for _r, i in placed]
    tall, wide = (max(lats) - min(lats)) or 1.0, (max(lngs) - min(lngs)) or 1.0
    spots = []
    for row, info in placed:
        n = orders[row.community_id]
        shown = n if n is None or n == 0 or n >= cohorts.SMALL else None
        spots.append(
            Spot(
                x=round(40 + 680 * (info.lng - min(lngs)) / wide, 1),
                y=round(380 - 340 * (info.lat - min(lats)) / tall, 1),
                radius=round(3 + (BIGGEST_PX - 3) * ((shown or 0) / most) ** 0.5, 1),
                shade=shade((shown or 0) / most),
                name=local_name(info),
                orders=shown,
            )
        )
    return sorted(spots, key=lambda s: -s.radius)


@allow("operator")
@require_GET
def places_table(request: HttpRequest, form: str) -> HttpResponseBase:
    """Orders by community and hour as a file; small counts are left out there as well."""
    region = request.actor.region  # type: ignore[attr-defined]
    weekday, _hour = _asked(request)
    found, _as_of = cohorts.places(region, weekday)
    known = {c.community_id: c for c in people.communities(region)}

    def rows() -> Iterator[list[Any]]:
        for row in found:
            if row.community_id in known:
                yield from ([known[row.community_id].code, local_name(known[row.community_id]), h.hour, h.orders] for h in row.hours)

    return frame.table_file(form, "places", ["code", "name", "hour", "orders"], rows())
