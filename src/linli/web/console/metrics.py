"""Metric cards: a figure with its unit, target, status, trend and definition; and the page of one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from linli.insight import queries as insight
from linli.insight import targets
from linli.insight.queries import MetricCard
from linli.kernel import ids, money
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import figures, frame
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import compact

LEVELS = {"community": gettext_lazy("小区"), "group": gettext_lazy("群"), "leader": gettext_lazy("团长"), "sku": gettext_lazy("商品")}
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
    if unit == "months":
        return f"{value:.1f}", _("个月")
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
    """One metric: 90 days, its definition, its parts, what is aimed at."""
    region = request.actor.region  # type: ignore[attr-defined]
    card = known(region, key)
    return _page(request, card)


def known(region: str, key: str) -> MetricCard:
    """A metric of the region; Http404 where there is none."""
    card = insight.metric_card(region, key)
    if card is None:
        raise Http404
    return card


def _page(request: HttpRequest, card: MetricCard, *, wrong: str = "", typed: str = "", status: int = 200) -> HttpResponse:
    region = request.actor.region  # type: ignore[attr-defined]
    currency = currency_of(region)
    parts = [(name, value) for name, value in card.detail.items() if isinstance(value, int | float)]
    points = [(p.day, "—" if p.value is None else worded(p.value, card.unit, currency)) for p in reversed(card.trend)]
    aims = targets.history(region, card.key)
    people_known = people.persons({a.set_by for a in aims})
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
            "levels": [(level, LEVELS[level]) for level in card.levels],
            "aims": [(a, "" if a.value is None else worded(a.value, card.unit, currency), people_known.get(a.set_by)) for a in aims],
            "typed": typed or ("" if card.target is None else typed_of(card.target, card.unit)),
            "unit_said": unit_said(card.unit, currency),
            "wrong": wrong,
            "key": ids.new().hex,
            "crumb": frame.up("console:metrics", _("指标")),
        },
        status=status,
    )


def unit_said(unit: str, currency: str) -> str:
    """The unit in which a target is typed."""
    if unit == "share":
        return "%"
    return currency if unit == "minor" else figure(0.0, unit, currency)[1]


def typed_of(value: float, unit: str) -> str:
    """A target as the operator types it: percents, whole currency."""
    return f"{value * 100:g}" if unit == "share" else f"{value / 100:g}" if unit == "minor" else f"{value:g}"


@allow("operator")
@require_POST
def aim(request: HttpRequest, key: str) -> HttpResponse:
    """Set or take away the target of a metric."""
    actor = request.actor  # type: ignore[attr-defined]
    card = known(actor.region, key)
    text = request.POST.get("target", "").strip().rstrip("%").replace(",", "")
    try:
        value = float(text) if text else None
        if value is not None and card.unit in ("share", "minor"):
            value = value / 100 if card.unit == "share" else value * 100
        targets.put(
            region=actor.region,
            metric=key,
            value=value,
            by=actor.person_id,
            key=request.POST.get("key", "").replace("\0", "")[:48] or ids.new().hex,
        )
    except (ValueError, Refusal) as problem:
        refused = problem if isinstance(problem, Refusal) else Refusal("insight.target_no_number")
        return _page(request, card, wrong=words.refusal(refused)[0], typed=request.POST.get("target", "")[:20], status=422)
    messages.success(request, _("目标改好了，从现在起按它判断"))
    return redirect("console:metric", key)
