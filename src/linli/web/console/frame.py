"""The console's frame: the places in its sidebar, what its bar says, and how a page is rendered inside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from linli.insight import queries as insight
from linli.kernel import clocks, tables
from linli.web.console import day


@dataclass(frozen=True)
class Place:
    """One line of the sidebar."""

    key: str
    label: str | Promise
    address: str
    icon: str


@dataclass(frozen=True)
class Section:
    """Lines of the sidebar under one heading."""

    title: str | Promise
    places: tuple[Place, ...]


SECTIONS = (
    Section(
        "",
        (
            Place("today", _("今天"), "console:today", icon="sun"),
            Place("groups", _("团购"), "console:groups", icon="shopping-bag"),
            Place("orders", _("订单"), "console:orders", icon="receipt"),
            Place("aftersale", _("售后"), "console:aftersale", icon="message-report"),
            Place("refunds", _("退款"), "console:refunds", icon="receipt-refund"),
            Place("payments", _("收款记录"), "console:payments", icon="wallet"),
            Place("bills", _("渠道对账"), "console:bills", icon="scale"),
        ),
    ),
    Section(
        _("商品"),
        (
            Place("catalog", _("商品目录"), "console:catalog", icon="package"),
            Place("forecasts", _("预测"), "console:forecasts", icon="chart-dots"),
            Place("promotions", _("大促"), "console:promotions", icon="speakerphone"),
            Place("selling", _("运费和满赠"), "console:selling", icon="truck-delivery"),
            Place("pyramid", _("价值金字塔"), "console:pyramid", icon="pyramid"),
        ),
    ),
    Section(
        _("合作"),
        (
            Place("partners", _("合作方"), "console:partners", icon="building-store"),
            Place("vouchers", _("服务券"), "console:vouchers", icon="ticket"),
            Place("kits", _("净菜套餐"), "console:kits", icon="salad"),
            Place("boxes", _("每周套餐"), "console:boxes", icon="calendar-repeat"),
            Place("trade-in", _("以旧换新"), "console:trade-in", icon="recycle"),
        ),
    ),
    Section(
        _("会员"),
        (
            Place("members", _("会员"), "console:members", icon="users"),
            Place("movement", _("人群流动"), "console:movement", icon="arrows-exchange"),
            Place("playbooks", _("活动剧本"), "console:playbooks", icon="route"),
        ),
    ),
    Section(
        _("小区"),
        (
            Place("communities", _("小区与团长"), "console:communities", icon="building-community"),
            Place("leaders-money", _("团长的钱"), "console:leaders-money", icon="wallet"),
        ),
    ),
    Section(
        _("看数"),
        (
            Place("metrics", _("指标"), "console:metrics", icon="chart-line"),
            Place("cohorts", _("留存"), "console:cohorts", icon="calendar-stats"),
            Place("places", _("时间与地点"), "console:places", icon="map-2"),
            Place("reports", _("报告"), "console:reports", icon="file-analytics"),
            Place("models", _("模型"), "console:models", icon="brain"),
            Place("terms", _("规矩"), "console:terms", icon="adjustments"),
            Place("imports", _("导入"), "console:imports", icon="database-import"),
            Place("system", _("系统"), "console:system", icon="server-2"),
            Place("programs", _("接口"), "console:programs", icon="webhook"),
        ),
    ),
)


def page(request: HttpRequest, template: str, here: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render `template` in the frame; `here` is the place that the sidebar marks."""
    region = request.actor.region  # type: ignore[attr-defined]
    if "standing" not in context:
        context["standing"] = insight.standing(region)
    framed = {
        "sections": SECTIONS,
        "here": here,
        "step": day.state(region),
        "clock_stands": clocks.standing_at() is not None,
        "debug": settings.DEBUG,
        **context,
    }
    return render(request, template, framed, status=status)


@dataclass(frozen=True)
class Crumb:
    """The page above this one, in the bar."""

    label: str | Promise
    href: str


def up(address: str, label: str | Promise) -> Crumb:
    """A crumb to a named address."""
    return Crumb(label, reverse(address))


def table_file(form: str, name: str, head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponseBase:
    """A table to take along: `form` is one of kernel.tables.FORMS, anything else is no address. Rows stream.

    What rows are given is the caller's: its view names the role, and its region is the actor's.
    """
    if form not in tables.FORMS:
        raise Http404
    if form == "csv":
        return csv_file(name, head, rows)
    kind, write = tables.WRITERS[form]
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it when it is sent
    write(file, name, head, rows)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.{form}", content_type=kind)


def csv_file(name: str, head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """Stream rows as CSV."""
    answer = StreamingHttpResponse(tables.csv_lines(head, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def number(request: HttpRequest, name: str, default: int | None = None, *, least: int = 0, most: int = 10**12) -> int | None:
    """A whole number of the query string; anything else is the default."""
    try:
        value = int(request.GET.get(name, ""))
    except ValueError:
        return default
    return min(max(value, least), most)


def chosen(request: HttpRequest, name: str, choices: Iterable[str], default: str = "") -> str:
    """One of `choices` from the query string; anything else is the default."""
    value = request.GET.get(name, "")
    return value if value in set(choices) else default
