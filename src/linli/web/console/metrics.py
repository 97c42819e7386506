"""Metric cards: a figure with its unit, target, status, trend and definition; and the page of one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from linli.insight import queries as insight
from linli.insight.queries import MetricCard
from linli.kernel import money
from linli.web.access import allow
from linli.web.console import figures, frame
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import compact

DAILY = ("sales", "orders", "new_members", "repurchase_30d")


@dataclass(frozen=True)
class Card:
    """A metric card ready for a page."""

    card: MetricCard
    figure: str
    small: str
    target: str
    status: str
    tone: str
    spark: figures.Spark | None
    day: date | None


def figure(value: float | None, unit: str, currency: str) -> tuple[str, str]:
    """A metric's value as (figure, small unit beside it)."""
    if value is None:
        return "—", ""
    if unit == "share":
        return f"{value * 100:.1f}", "%"
    if unit == "minor":
        whole = value / 100
        text = compact(whole) if abs(whole) >= 1000 else f"{whole:,.2f}"
        return money.CURRENCIES[currency].symbol + text, ""
    if unit == "days":
        return f"{value:.1f}", _("天")
    if unit == "per_day":
        return f"{value:.1f}", _("单/天")
    if unit == "groups":
        return f"{value:.1f}", _("群")
    if unit == "score":
        return f"{value:.0f}", ""
    return (compact(value) if value == int(value) else f"{value:,.1f}"), ""


def worded(value: float, unit: str, currency: str) -> str:
    """A figure with its unit, for a sentence."""
    return "".join(figure(value, unit, currency))


def _status(card: MetricCard, currency: str) -> tuple[str, str]:
    if card.value is None or card.target is None or card.status not in ("ok", "missed"):
        return "", ""
    if card.status == "ok":
        return _("达标"), "good"
    if card.missed_by is None:
        return _("未达标"), "bad"
    by = (
        _("{points} 点").format(points=f"{card.missed_by * 100:.1f}")
        if card.unit == "share"
        else worded(card.missed_by, card.unit, currency)
    )
    return (_("差 {by}") if card.direction == "up" else _("超 {by}")).format(by=by), "bad"


def shown(card: MetricCard, currency: str) -> Card:
    """A metric ready for its card."""
    text, small = figure(card.value, card.unit, currency)
    status, tone = _status(card, currency)
    target = ""
    if card.target is not None:
        target = (_("目标 {figure}") if card.direction == "up" else _("上限 {figure}")).format(
            figure=worded(card.target, card.unit, currency)
        )
    return Card(
        card,
        text,
        small,
        target,
        status,
        tone,
        figures.spark([p.value for p in card.trend], card.target),
        card.trend[-1].day if card.trend else None,
    )


def arranged(cards: Sequence[MetricCard], currency: str) -> list[Card]:
    """The day's figures first, then what has a value, then what still waits for its event."""
    by_rank = sorted(cards, key=lambda c: (DAILY.index(c.key) if c.key in DAILY else len(DAILY), c.value is None))
    return [shown(card, currency) for card in by_rank]


def series(card: MetricCard, currency: str) -> dict[str, Any]:
    """A metric's trend as the chart's JSON."""
    scale = 0.01 if card.unit == "minor" else 1.0
    kind = "money" if card.unit == "minor" else "share" if card.unit == "share" else ""
    values = [None if p.value is None else round(p.value * scale, 4) for p in card.trend]
    told: dict[str, Any] = {
        "labels": [f"{p.day:%m-%d}" for p in card.trend],
        "sign": money.CURRENCIES[currency].symbol,
        "series": [{"name": card.key, "values": values, "unit": kind, "area": True, "color": "c1"}],
    }
    told["series"][0]["name"] = name_of(card)
    if card.target is not None:
        told["mark"] = {"value": card.target * scale, "label": shown(card, currency).target}
    return told


def name_of(card: MetricCard) -> str:
    """The metric's name as the page speaks."""
    from linli.web.context import english

    return card.en if english() else card.zh


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every metric with its definition."""
    region = request.actor.region  # type: ignore[attr-defined]
    currency = currency_of(region)
    cards = arranged(insight.metric_cards(region), currency)
    return frame.page(request, "console/metrics.html", "metrics", {"cards": cards})


@allow("operator")
@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One metric: 90 days, its definition, its parts."""
    region = request.actor.region  # type: ignore[attr-defined]
    currency = currency_of(region)
    card = insight.metric_card(region, key)
    if card is None:
        raise Http404
    parts = [(name, value) for name, value in card.detail.items() if isinstance(value, int | float)]
    points = [(p.day, "—" if p.value is None else worded(p.value, card.unit, currency)) for p in reversed(card.trend)]
    return frame.page(
        request,
        "console/metric.html",
        "metrics",
        {
            "shown": shown(card, currency),
            "name": name_of(card),
            "chart": series(card, currency),
            "points": points,
            "parts": parts,
            "crumb": frame.up("console:metrics", _("指标")),
        },
    )
