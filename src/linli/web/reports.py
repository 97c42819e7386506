"""Scheduled reports: a week or a month as HTML and PDF, made by the worker when the operator wants it, kept as it was made.

The PDF is the same page through its print CSS (WeasyPrint, the optional extra `pdf`); where that is missing the HTML is kept and
the reason said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from linli.engage import queries as engage
from linli.insight import movement
from linli.insight import queries as insight
from linli.insight.metrics import FIRST_PAGE
from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web.models import Report, ReportPlan

KIND = "web.report"
PERIODS = ("weekly", "monthly")
LANGUAGES = ("zh-hans", "en")
LAUNCHES = 8
PATIENCE = timedelta(days=3)
"""How long a due report waits for its figures; after that its refusal is seen among failed work."""
STYLE = Path(__file__).parent / "static" / "linli" / "report.css"


@dataclass(frozen=True)
class Span:
    """The days of a report, both ends included."""

    since: date
    until: date


def span(period: str, today: date) -> Span:
    """The last whole week (Monday to Sunday) or month before a day."""
    if period == "weekly":
        until = today - timedelta(days=today.weekday() + 1)
        return Span(until - timedelta(days=6), until)
    until = today.replace(day=1) - timedelta(days=1)
    return Span(until.replace(day=1), until)


# ---- the plan


@transaction.atomic
def plan(*, region: str, period: str, day: int, hour: int, language: str, active: bool, by: int) -> ReportPlan:
    """Want a report from now on, on that day and hour of the shop's clock. The next one is scheduled with it.

    Raises Refusal: web.report_when(least, most): no such period, day, hour or language.
    """
    most = 6 if period == "weekly" else 28
    least = 0 if period == "weekly" else 1
    if period not in PERIODS or language not in LANGUAGES or not least <= day <= most or not 0 <= hour <= 23:
        raise Refusal("web.report_when", least=least, most=most)
    now = clocks.business_now()
    wanted = {"day": day, "hour": hour, "language": language, "active": active, "set_by": by, "set_at": now}
    row, _ = ReportPlan.objects.update_or_create(region=region, period=period, defaults=wanted)
    if active:
        _schedule(row, now)
    return row


def next_due(row: ReportPlan, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after `after` at which the plan wants its report."""
    day = after.astimezone(zone).date()
    while True:
        fits = day.weekday() == row.day if row.period == "weekly" else day.day == row.day
        at = datetime.combine(day, time(row.hour), zone)
        if fits and at > after:
            return at
        day += timedelta(days=1)


def _zone(region: str) -> ZoneInfo:
    found = people.region(region)
    return ZoneInfo(found.time_zone if found else settings.TIME_ZONE)


def _schedule(row: ReportPlan, after: datetime) -> None:
    at = next_due(row, after, _zone(row.region))
    work.schedule(KIND, key=f"{row.period}:{at.isoformat()}", due_at=at, region=row.region, payload={"at": at.isoformat()})


def ask(*, region: str, period: str, today: date, language: str) -> None:
    """Have the worker make the report of the last whole period before `today` now."""
    now = clocks.machine_now()
    payload = {"today": today.isoformat(), "language": language}
    key = f"{period}:{language}:{now.isoformat()}"
    work.schedule(KIND, key=key, due_at=now, region=region, payload=payload, clock=WorkRow.Clock.MACHINE)


def due(row: WorkRow) -> None:
    """Work handler of "web.report": make the report, and schedule the next. A plan that was changed or stopped meanwhile is let be."""
    if "today" in row.payload:  # asked for now, beside any plan
        asked = date.fromisoformat(row.payload["today"])
        make(region=row.region, period=row.key.split(":", 1)[0], today=asked, language=row.payload["language"])
        return
    period, at = row.key.split(":", 1)[0], datetime.fromisoformat(row.payload["at"])
    held = ReportPlan.objects.filter(region=row.region, period=period, active=True).first()
    if held is None or next_due(held, at - timedelta(seconds=1), _zone(row.region)) != at:
        return
    today = at.astimezone(_zone(row.region)).date()
    if not ready(row.region, period, today) and clocks.business_now() - at < PATIENCE:
        again = clocks.machine_now() + timedelta(minutes=5)  # the night's refresh is still to come
        work.schedule(
            KIND, key=f"{period}:{again.isoformat()}", due_at=again, region=row.region, payload=row.payload, clock=WorkRow.Clock.MACHINE
        )
        return
    _schedule(held, at)
    make(region=row.region, period=period, today=today, language=held.language)


def plans(region: str) -> dict[str, ReportPlan]:
    """The plans of a region by period, stopped ones too."""
    return {p.period: p for p in ReportPlan.objects.filter(region=region)}


def next_of(row: ReportPlan) -> datetime:
    """When a plan's next report is due."""
    return next_due(row, clocks.business_now(), _zone(row.region))


def made(region: str, most: int = 60) -> list[Report]:
    """Reports, newest first, without what they hold."""
    return list(Report.objects.filter(region=region).order_by("-until", "-pk").defer("html", "pdf")[:most])


def one(region: str, report_id: int) -> Report | None:
    """A report of the region."""
    return Report.objects.filter(region=region, pk=report_id).first()


# ---- making


def ready(region: str, period: str, today: date) -> bool:
    """Whether the period's last day is counted: a day's figures come with the first refresh after it."""
    standing = insight.standing(region)
    return standing is not None and standing.as_of.astimezone(_zone(region)).date() > span(period, today).until


def make(*, region: str, period: str, today: date, language: str) -> Report:
    """The report of the last whole period before `today`; made once, then the one that was made.

    Raises Refusal: web.report_nothing: the figures of the period's last day are not counted yet.
    """
    days = span(period, today)
    held = Report.objects.filter(region=region, period=period, until=days.until, language=language).first()
    if held:
        return held
    standing, zone = insight.standing(region), _zone(region)
    if standing is None or not ready(region, period, today):
        raise Refusal("web.report_nothing")
    with translation.override(language), timezone.override(zone):
        html = render_to_string("report/report.html", {**told(region, period, days), "standing": standing, "style": _style()})
        content, why = _pdf(html)
    made = {"since": days.since, "as_of": standing.as_of, "made_at": clocks.business_now(), "html": html, "pdf": content, "why": why}
    row, _ = Report.objects.get_or_create(region=region, period=period, until=days.until, language=language, defaults=made)
    return row


def told(region: str, period: str, days: Span) -> dict[str, Any]:
    """What the report says: figures against the period before, movement, what was done and earned."""
    from linli.web.console import metrics as pages
    from linli.web.console import movement as moving
    from linli.web.console.people_of import currency_of

    currency = currency_of(region)
    length = (days.until - days.since).days + 1
    figures = [
        _figure(card, days, currency, pages) for card in insight.metric_cards(region, days=3 * length + 35) if card.key in FIRST_PAGE
    ]
    window = _window(region, days)
    flows: dict[str, Any] = {}
    if window:
        for view in movement.VIEWS:
            moved = movement.movement(region, view, *window)
            flows[view] = [(moving.segment_name(f.source), moving.segment_name(f.target, before=False), f.members) for f in moved.flows[:8]]
    grade = movement.grading(region, days.since) if period == "monthly" else None
    return {
        "period": period,
        "days": days,
        "region_name": people.region(region),
        "currency": currency,
        "figures": [f for f in figures if f["now"] != "—"],
        "waiting": [f for f in figures if f["now"] == "—"],
        "sales": _chart(region, days, currency),
        "window": window,
        "flows": flows,
        "grade": grade,
        "launches": _launches(region, days),
    }


def _window(region: str, days: Span) -> tuple[datetime, datetime] | None:
    """The refreshes that stand for the ends of the period; None where the history of segments does not reach over it."""
    zone, eve = _zone(region), days.since - timedelta(days=1)
    found = movement.between(movement.moments(region), region, eve, days.until)
    return found if found and all(eve <= at.astimezone(zone).date() <= days.until for at in found) else None


def _figure(card: insight.MetricCard, days: Span, currency: str, pages: Any) -> dict[str, Any]:
    """A metric on the last day of the period, and on the last day of the one before."""
    from dataclasses import replace

    from linli.insight.metrics import REGISTRY
    from linli.insight.metrics import status as judged

    values = {p.day: p.value for p in card.trend}
    now, before = values.get(days.until), values.get(days.since - timedelta(days=1))
    inside: list[float | None] = []
    if card.key in ("sales", "orders", "new_members"):  # of a day each: a period is their sum
        length = (days.until - days.since).days + 1
        inside = [values.get(days.since + timedelta(days=n)) for n in range(length)]
        earlier = [values.get(days.since - timedelta(days=n + 1)) for n in range(length)]
        now = sum(v or 0 for v in inside) if any(v is not None for v in inside) else None
        before = sum(v or 0 for v in earlier) if all(v is not None for v in earlier) else None
        target = None
    else:
        target = card.target
    status, _by = judged(replace(REGISTRY[card.key], target=target), now)
    trend = [p.value for p in card.trend if p.day <= days.until]
    return {
        "name": pages.name_of(card),
        "now": "—" if now is None else pages.worded(now, card.unit, currency),
        "gaps": sum(v is None for v in inside) if now is not None else 0,
        "before": "—" if before is None else pages.worded(before, card.unit, currency),
        "target": "" if target is None else pages.worded(target, card.unit, currency),
        "up": card.direction == "up",
        "status": status,
        "waits_for": card.waits_for,
        "spark": pages.figures.spark(trend[-35:], target),
    }


def _chart(region: str, days: Span, currency: str) -> Any:
    """The period's daily sales as bars; None without any."""
    from linli.kernel import money
    from linli.web.console import figures

    card = insight.metric_card(region, "sales", days=400)
    values = {p.day: p.value or 0 for p in card.trend} if card else {}
    length = (days.until - days.since).days + 1
    each = [(days.since + timedelta(days=n), values.get(days.since + timedelta(days=n), 0) / 100) for n in range(length)]
    if not any(v for _d, v in each):
        return None
    step, symbol = (1 if length < 10 else 5), money.CURRENCIES[currency].symbol
    top = figures.nice_top(max(v for _d, v in each))
    labels = [f"{d:%m-%d}" if n % step == 0 else "" for n, (d, _v) in enumerate(each)]
    says = (f"{symbol}0", f"{symbol}{top / 2:g}", f"{symbol}{top:g}")
    return figures.columns([v for _d, v in each], labels, [f"{d:%m-%d} {symbol}{v:,.0f}" for d, v in each], says)


def _launches(region: str, days: Span) -> list[Any]:
    """Launches that ran in the period, newest first, each with what it has earned so far."""
    zone = _zone(region)

    def ran(card: Any) -> bool:
        began = card.started_at.astimezone(zone).date()
        ended = card.stopped_at.astimezone(zone).date() if card.stopped_at else days.until
        return bool(began <= days.until and ended >= days.since)

    return [engage.launch(region, c.launch_id) for c in [c for c in engage.launches(region) if ran(c)][:LAUNCHES]]


@lru_cache(maxsize=1)
def _style() -> str:
    return STYLE.read_text()


def _pdf(html: str) -> tuple[bytes | None, str]:
    """(the PDF, "") or (None, the code of why there is none). Nothing is fetched: the page holds all it shows."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):  # OSError: the package is there, Pango is not
        return None, "web.no_pdf"
    return HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(), ""
