"""Looking into a metric: by community, group, leader and product, and down to the rows it was counted from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from linli.goods import queries as goods
from linli.insight import behind
from linli.insight import parts as parts_of
from linli.insight.metrics import REGISTRY
from linli.insight.metrics import status as judged
from linli.insight.queries import MetricCard
from linli.people import queries as people
from linli.web.access import allow
from linli.web.console import frame, metrics
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import local_name

FIGURES = ("joined_days", "last_order_days", "orders", "amount_minor", "coupon_discount_minor")
"""Columns of rows that are numbers."""


def _parts(request: HttpRequest, card: MetricCard) -> tuple[str, int | None, list[dict[str, Any]]]:
    """(level, community, rows) that the address asks for: worst first, as the metric's direction has it."""
    region = request.actor.region  # type: ignore[attr-defined]
    level = frame.chosen(request, "level", card.levels, card.levels[0])
    places = {c.community_id: c for c in people.communities(region)}
    community = frame.number(request, "community")
    community = community if community in places else None
    held = parts_of.parts(region, card.key, level, community)
    held.sort(key=lambda p: (p.value is None, (p.value or 0) * (1 if card.direction == "up" else -1), p.part))
    named = _names(region, level, places)
    rows = []
    for part in held:
        status, _by = judged(replace(REGISTRY[card.key], target=card.target), part.value)
        rows.append({"part": part, "name": named(part.part), "missed": status == "missed", "level": level})
    return level, community, rows


def _names(region: str, level: str, places: dict[int, Any]) -> Callable[[str], str]:
    """What a part is called."""
    if level == "community":
        return lambda part: local_name(places[int(part)]) if int(part) in places else part
    if level == "group":
        groups = people.group_names(region)
        return lambda part: local_name(groups[int(part)]) if int(part) in groups else part
    if level == "leader":
        leaders = {str(p.person_id): p.display_name for p in people.leaders(region).values()}
        return lambda part: leaders.get(part, part)
    sold = goods.skus(region)
    of_type = {s.history_type: local_name(s) for s in sold.values() if s.history_type}
    return lambda part: of_type.get(part) or part.capitalize()


@allow("operator")
@require_GET
def parts(request: HttpRequest, key: str) -> HttpResponse:
    """One metric by community, group, leader or product: the same definition, the same day."""
    region = request.actor.region  # type: ignore[attr-defined]
    card = metrics.known(region, key)
    if not card.levels:
        raise Http404
    level, community, rows = _parts(request, card)
    currency = currency_of(region)
    for row in rows:
        row["figure"] = "—" if row["part"].value is None else metrics.worded(row["part"].value, card.unit, currency)
    place = next((c for c in people.communities(region) if c.community_id == community), None)
    return frame.page(
        request,
        "console/metric_parts.html",
        "metrics",
        {
            "shown": metrics.shown(card, currency),
            "name": metrics.name_of(card),
            "level": level,
            "levels": [(n, metrics.LEVELS[n]) for n in card.levels],
            "place": place,
            "rows": rows,
            "whole": metrics.worded(card.value, card.unit, currency) if card.value is not None else "—",
            "crumb": frame.Crumb(metrics.name_of(card), reverse("console:metric", args=[key])),
        },
    )


@allow("operator")
@require_GET
def parts_table(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """One metric's parts, as a file."""
    card = metrics.known(request.actor.region, key)  # type: ignore[attr-defined]
    if not card.levels:
        raise Http404
    level, _community, rows = _parts(request, card)
    told = ([r["name"], r["part"].part, r["part"].value, r["part"].numerator, r["part"].denominator, r["part"].as_of] for r in rows)
    return frame.table_file(form, f"{key}-{level}", ["name", level, "value", "numerator", "denominator", "as_of"], told)


def _day(request: HttpRequest, card: MetricCard) -> date:
    """The day asked for among the metric's own; the newest otherwise."""
    known = [p.day for p in card.trend]
    try:
        asked = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        asked = None
    if not known:
        raise Http404
    return asked if asked in known else known[-1]


@allow("operator")
@require_GET
def rows(request: HttpRequest, key: str) -> HttpResponse:
    """The rows behind a figure. The frame comes at once; the lake is asked by the part that the page then loads."""
    region = request.actor.region  # type: ignore[attr-defined]
    card = metrics.known(region, key)
    if not card.has_rows:
        raise Http404
    day, community = _day(request, card), frame.number(request, "community")
    place = next((c for c in people.communities(region) if c.community_id == community), None)
    context = {"name": metrics.name_of(card), "card": card, "day": day, "place": place, "days": [p.day for p in reversed(card.trend)]}
    if not getattr(request, "htmx", False) and not request.GET.get("now"):
        crumb = frame.Crumb(metrics.name_of(card), reverse("console:metric", args=[key]))
        return frame.page(request, "console/metric_rows.html", "metrics", {**context, "crumb": crumb})
    found = behind.page(region, key, day, place.community_id if place else None, number=frame.number(request, "page", 1, least=1) or 1)
    assert found is not None  # has_rows
    told = [{"cells": list(zip(found.head, row, strict=True)), **dict(zip(found.head, row, strict=True))} for row in found.rows]
    names = people.members({r["member_id"] for r in told if "member_id" in r})
    of_place = {c.community_id: c for c in people.communities(region)}
    for r in told:
        r["member"], r["place"] = names.get(r.get("member_id", 0)), of_place.get(r.get("community_id", 0))
    return render(request, "console/part_metric_rows.html", {**context, "found": found, "rows": told, "figures": FIGURES})


@allow("operator")
@require_GET
def rows_table(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """Every row behind a figure, as a file."""
    region = request.actor.region  # type: ignore[attr-defined]
    card = metrics.known(region, key)
    if not card.has_rows:
        raise Http404
    known = {c.community_id for c in people.communities(region)}
    community = frame.number(request, "community")
    head, told = behind.each(region, key, _day(request, card), community if community in known else None)
    return frame.table_file(form, f"{key}-rows", head, told)
