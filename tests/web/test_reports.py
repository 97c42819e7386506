"""Scheduled reports: the worker makes the last whole period, once, keeps it and plans the next; whoever asks gets what was kept."""

from __future__ import annotations

import os
import re
import sys
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from linli.insight.models import MetricValue, Refresh
from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal
from linli.people import groups
from linli.people import queries as people
from linli.web import reports
from linli.web.access import SESSION_KEY
from linli.web.models import Report
from support import shop as built
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("America/New_York")
TODAY = MONDAY.astimezone(ZONE).date()
HANDLERS = {reports.KIND: work.Long(reports.due)}


def _as(phone: str, region: str) -> Client:
    groups.appoint(phone=phone, display_name="Op", kind="operator", region=region)
    client = Client()
    session = client.session
    person = people.person_by_phone(phone)
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(reports, "_pdf", lambda html: (b"%PDF-", ""))  # what it costs is tested once, below
    clocks.set_business(MONDAY)
    return built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    return _as("+15550000099", REGION)


def known(until: datetime = MONDAY) -> None:
    for back in range(16):
        day = TODAY - timedelta(days=back + 1)
        MetricValue.objects.create(region=REGION, metric="sales", day=day, as_of=until, value=10_000 + back)
        MetricValue.objects.create(region=REGION, metric="silent_share", day=day, as_of=until, value=0.2)
    Refresh.objects.create(region=REGION, as_of=until, finished_at=until, seconds=1, members=1)


@pytest.mark.parametrize(
    ("period", "today", "since", "until"),
    [("weekly", date(2026, 11, 23), date(2026, 11, 16), date(2026, 11, 22)), ("weekly", date(2026, 11, 22), date(2026, 11, 9),
       date(2026, 11, 15)),
     ("monthly", date(2026, 3, 1), date(2026, 2, 1), date(2026, 2, 28)), ("monthly", date(2026, 1, 31), date(2025, 12, 1),
       date(2025, 12, 31))],
)  # fmt: skip
def test_a_report_is_of_the_last_whole_period(period: str, today: date, since: date, until: date) -> None:
    assert reports.span(period, today) == reports.Span(since, until)


def test_the_worker_makes_it_when_it_is_due_and_plans_the_next(shop: Shop) -> None:
    row = reports.plan(region=REGION, period="weekly", day=TODAY.weekday(), hour=23, language="en", active=True, by=1)
    due = reports.next_due(row, MONDAY, ZONE)
    assert work.run_due(HANDLERS) == 0  # not yet
    clocks.set_business(due)
    work.run_due(HANDLERS)
    assert not Report.objects.exists()  # the night's figures are still to come: it waits
    assert WorkRow.objects.filter(kind=reports.KIND, clock="machine", state="due").count() == 1
    known()
    WorkRow.objects.filter(kind=reports.KIND).update(due_at=MONDAY - timedelta(days=9000))
    work.run_due(HANDLERS)
    report = Report.objects.get()
    assert (report.period, report.until, report.language) == ("weekly", reports.span("weekly", TODAY).until, "en")
    week = sum(10_000 + (TODAY - report.until).days - 1 + n for n in range(7)) / 100
    assert f"${week:,.2f}" in report.html and "Weekly report" in report.html and "20.0%" in report.html
    assert [r.payload["at"] for r in WorkRow.objects.filter(kind=reports.KIND, state="due")] == [(due + timedelta(days=7)).isoformat()]


def test_a_changed_or_stopped_plan_makes_nothing_at_its_old_time(shop: Shop) -> None:
    known()
    wanted: dict[str, Any] = {"region": REGION, "period": "weekly", "language": "en", "by": 1}
    row = reports.plan(day=TODAY.weekday(), hour=23, active=True, **wanted)
    due = reports.next_due(row, MONDAY, ZONE)
    reports.plan(day=(TODAY.weekday() + 3) % 7, hour=5, active=True, **wanted)
    clocks.set_business(due)
    work.run_due(HANDLERS)
    assert not Report.objects.exists()
    reports.plan(day=TODAY.weekday(), hour=23, active=False, **wanted)
    clocks.set_business(due + timedelta(days=9))
    work.run_due(HANDLERS)
    assert not Report.objects.exists()


def test_it_is_made_once_and_stays_as_it_was_made(shop: Shop) -> None:
    with pytest.raises(Refusal, match=r"web.report_nothing"):
        reports.make(region=REGION, period="weekly", today=TODAY, language="en")
    known()
    first = reports.make(region=REGION, period="weekly", today=TODAY, language="en")
    MetricValue.objects.update(value=1)
    assert reports.make(region=REGION, period="weekly", today=TODAY, language="en").html == first.html and Report.objects.count() == 1


def test_a_period_before_the_history_of_segments_shows_no_movement(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    days = reports.Span(date(2017, 9, 1), date(2017, 9, 30))
    noon = [datetime(2017, 10, n, 16, tzinfo=UTC) for n in (2, 1)]
    monkeypatch.setattr(reports.movement, "moments", lambda region: noon)
    assert reports._window(REGION, days) is None
    inside = [datetime(2017, 9, n, 16, tzinfo=UTC) for n in (30, 2)]
    monkeypatch.setattr(reports.movement, "moments", lambda region: [*noon, *inside])
    assert reports._window(REGION, days) == (inside[1], inside[0])


@pytest.mark.parametrize(
    "wrong", [{"day": 7}, {"day": -1}, {"hour": 24}, {"period": "daily"}, {"language": "fr"}, {"period": "monthly", "day": 29}]
)
def test_a_time_that_cannot_be(wrong: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"region": REGION, "period": "weekly", "day": 0, "hour": 8, "language": "en", "active": True, "by": 1, **wrong}
    with pytest.raises(Refusal, match=r"web.report_when"):
        reports.plan(**asked)


def test_the_pages_plan_make_show_and_hand_out(operator: Client, shop: Shop) -> None:
    assert "还没有报告" in operator.get("/console/reports/").text
    assert operator.post("/console/reports/plan/weekly/", {"day": "0", "hour": "8", "active": "1"}).status_code == 302
    assert "下一份" in operator.get("/console/reports/").text
    assert operator.post("/console/reports/plan/weekly/", {"day": "x", "hour": "99", "active": "1"}).status_code == 422
    assert operator.post("/console/reports/make/weekly/").status_code == 422  # nothing is known
    known()
    assert operator.post("/console/reports/make/weekly/").status_code == 302
    assert operator.post("/console/reports/make/daily/").status_code == 404
    work.run_due(HANDLERS)
    report = Report.objects.get()
    page = operator.get(f"/console/reports/{report.pk}/").text
    assert "周报" in page and "<style>" not in page and "linli/report" in page
    assert "<style>" in operator.get(f"/console/reports/{report.pk}/report.html").content.decode()
    assert operator.get(f"/console/reports/{report.pk}/report.pdf").content == b"%PDF-"
    assert operator.get(f"/console/reports/{report.pk}/report.doc").status_code == 404
    groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="USD", time_zone="America/New_York")
    far = _as("+15550000098", "elsewhere")
    for path in ("", "report.html", "report.pdf"):
        assert far.get(f"/console/reports/{report.pk}/{path}").status_code == 404


def test_without_the_library_the_html_is_kept_and_the_reason_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert reports._pdf("<p>x</p>") == (None, "web.no_pdf")


def test_a_pdf_holds_its_own_chinese_font_and_fetches_nothing() -> None:
    """On a machine without Pango the answer is the refusal, which the test above holds."""
    content, why = reports._pdf('<meta charset="utf-8"><p>邻里周报</p><img src="http://127.0.0.1:9/x.png"><img src="file:///etc/hostname">')
    assert (content is None) == (why == "web.no_pdf")
    assert content is not None or "CI" not in os.environ, "Debian: apt install libpango-1.0-0 libpangoft2-1.0-0"
    if content is not None:
        every = content + b"".join(_unpacked(part) for part in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL))
        assert content.startswith(b"%PDF-") and b"/FontFile" in every
        assert b"/Subtype /Image" not in every and b"/Subtype/Image" not in every


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""
