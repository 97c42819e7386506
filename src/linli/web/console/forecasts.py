"""Forecasts: what will be wanted in the coming days with its uncertainty, and one SKU's why, where and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from linli.goods import queries as goods
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import figures, frame

if TYPE_CHECKING:
    from linli.insight import forecasts

DRIVERS: dict[str, str | Promise] = {
    "history": gettext_lazy("近来走势"),
    "weekday": gettext_lazy("星期几"),
    "holiday": gettext_lazy("节假日"),
    "temperature": gettext_lazy("气温"),
    "rain": gettext_lazy("下雨"),
    "price": gettext_lazy("价格"),
    "promotion": gettext_lazy("促销"),
    "members": gettext_lazy("活跃会员"),
    "leader": gettext_lazy("团长活跃"),
    "presold": gettext_lazy("预订"),
    "substitutes": gettext_lazy("替代品"),
    "stockout": gettext_lazy("缺货"),
    "peers": gettext_lazy("同类商品走势"),
}
"""What moves a forecast, as the pages call it."""
FORECASTS: dict[str, str | Promise] = {
    "model": gettext_lazy("模型"),
    "prior": gettext_lazy("同类和星期的通常情况"),
    "share": gettext_lazy("单品预测按小区近 13 周占比分"),
    "ma4": gettext_lazy("近四周同一星期几的平均"),
    "mean7": gettext_lazy("近 7 天平均"),
    "ses": gettext_lazy("指数平滑"),
    "naive": gettext_lazy("上周同一天"),
    "served": gettext_lazy("加总对齐之后"),
    "bgnbd": "BG/NBD",
    "recency": gettext_lazy("多久没来"),
    "rhythm": gettext_lazy("只看购买节奏"),
    "rate": gettext_lazy("照过去的速度"),
    "tifu": "TIFU-KNN",
    "frequency": gettext_lazy("自己买得最多的"),
    "popular": gettext_lazy("大家买得最多的"),
    "baseline": gettext_lazy("基准"),
}
"""What can serve, as the pages call it."""
HEAD = (
    "sku",
    "name_zh",
    "name_en",
    "category",
    "next_day",
    "next_7_days",
    "low_10",
    "high_90",
    "last_7_days",
    "wape_28_days",
    "poisson_floor",
)


@dataclass(frozen=True)
class Row:
    """A SKU of the list, drawn."""

    told: forecasts.SkuForecast
    spark: figures.Spark | None
    change: float | None

    @property
    def rough(self) -> bool:
        """Whether its error is more than half again as large as anybody's would be."""
        found = self.told.accuracy
        return found is not None and found.wape > 1.5 * found.floor


def _region(request: HttpRequest) -> str:
    return str(request.actor.region)  # type: ignore[attr-defined]


def _asked(request: HttpRequest) -> dict[str, Any]:
    from linli.insight import forecasts  # a start loads no lake and no arrays: the first look does

    region = _region(request)
    place = frame.number(request, "community")
    return {
        "search": request.GET.get("q", "").replace("\0", "").strip()[:80],
        "category": frame.chosen(request, "category", forecasts.categories(region)),
        "community_id": place if place in {c.community_id for c in people.communities(region)} else None,
    }


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every SKU with its next days, to be searched and narrowed to a category or a community."""
    from linli.insight import forecasts

    region, asked = _region(request), _asked(request)
    standing = forecasts.standing(region)
    rows = [Row(told, figures.spark(told.recent), _change(told)) for told in forecasts.listed(region, **asked)]
    context = {
        "stand": standing,
        "verdict": words.code(standing.note) if standing else "",
        "rows": rows,
        "asked": asked,
        "first": rows[0].told.tomorrow.day if rows else None,
        "categories": forecasts.categories(region),
        "communities": people.communities(region),
        "total": round(sum(r.told.week.mean for r in rows)),
        "before": round(sum(r.told.last_week for r in rows)),
        "filtered": any(asked.values()),
    }
    return frame.page(request, "console/forecasts.html", "forecasts", context)


def _change(told: forecasts.SkuForecast) -> float | None:
    return told.week.mean / told.last_week - 1 if told.last_week >= 1 else None


@allow("operator")
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """The filtered forecasts as a file."""
    from linli.insight import forecasts

    found = forecasts.listed(_region(request), **_asked(request))
    return frame.table_file(form, "forecasts", HEAD, forecasts.exported(found))


@allow("operator")
@require_GET
def one(request: HttpRequest) -> HttpResponse:
    """One SKU: two weeks ahead beside eight weeks back, why, where, and how far to trust it."""
    from linli.insight import forecasts

    region = _region(request)
    found = forecasts.detail(region, request.GET.get("sku", "").replace("\0", ""))
    standing = forecasts.standing(region)
    if found is None or standing is None:
        known = goods.sku(region, request.GET.get("sku", "").replace("\0", ""))
        if known is None:
            raise Http404
        empty = {"good": known, "crumb": frame.up("console:forecasts", _("预测"))}
        return frame.page(request, "console/forecast.html", "forecasts", empty)
    at = frame.number(request, "ahead", 1, least=1, most=len(found.days)) or 1
    day, usual, pushes = found.why[at - 1]
    verdict = standing.artefact.verdict or {}
    places = {c.community_id: c for c in people.communities(region)}
    most = max((abs(p.share) for p in pushes), default=1.0)
    context = {
        "found": found,
        "good": found.row.good,
        "stand": standing,
        "verdict": words.code(standing.note),
        "serves": FORECASTS.get(standing.artefact.serves.get("sku", ""), ""),
        "chart": _chart(found),
        "at": at,
        "chosen": found.days[at - 1],
        "day": day,
        "usual": usual,
        "pushes": [(figures.push(100 * p.share, 100 * most, _driver(p.driver, day)), f"{p.pieces:+.1f}".replace("-", "−")) for p in pushes],
        "buckets": verdict.get("buckets", {}).get("sku", []),
        "rate": sum(found.row.recent) / len(found.row.recent),
        "coverage": verdict.get("coverage", {}).get("sku"),
        "past": list(reversed(found.past)),
        "places": [(places.get(p.community_id), p) for p in found.places],
        "crumb": frame.up("console:forecasts", _("预测")),
    }
    return frame.page(request, "console/forecast.html", "forecasts", context)


def _driver(name: str, day: date) -> str:
    if name == "weekday":
        return _("周末") if day.weekday() >= 5 else _("不是周末")
    return str(DRIVERS.get(name, name))


def _chart(found: forecasts.SkuDetail) -> dict[str, Any]:
    """Columns by day, past then coming; what is not there is null."""
    told: dict[str, list[Any]] = {
        name: [] for name in ("labels", "happened", "out", "mean", "low", "high", "inner_low", "inner_high", "really")
    }
    for past in found.past:
        told["labels"].append(f"{past.day:%m-%d}")
        told["happened"].append(round(past.pieces, 2))
        told["out"].append(past.sold_out)
        told["really"].append(past.really)
        _band(told, past.said)
    for coming in found.days:
        told["labels"].append(f"{coming.day:%m-%d}")
        told["happened"].append(None)
        told["out"].append(False)
        told["really"].append(False)
        _band(told, coming)
    says = {
        "happened": _("卖了"),
        "mean": _("预测"),
        "band": _("80% 的可能"),
        "inner": _("一半的可能"),
        "out": _("卖断货"),
        "cut": _("数据截至"),
        "pieces": _("份"),
        "judged": _("检验时会这样说"),
    }
    return {**told, "cut": len(found.past) - 1, "words": says}


def _band(told: dict[str, list[Any]], said: forecasts.Expected | None) -> None:
    told["mean"].append(None if said is None else round(said.mean, 2))
    for name, tau in (("low", 0.1), ("high", 0.9), ("inner_low", 0.25), ("inner_high", 0.75)):
        told[name].append(None if said is None else round(said.quantile(tau), 2))
