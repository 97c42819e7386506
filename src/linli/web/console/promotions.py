"""Promotions: the three stages of a big day, and the board that is watched while it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.goods import queries as goods
from linli.kernel import clocks, sheets
from linli.kernel.refusals import Refusal
from linli.trade import desk, imports, orders, promotions
from linli.trade.promotions import Board, NewPromotion, Stage, StageBoard
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused
from linli.web.console.people_of import currency_of

WIDTH, HEIGHT = 360, 56


@dataclass(frozen=True)
class Shown:
    """A stage on the board: its stock as parts of a bar of 1,000, and its last hour as a line."""

    stage: StageBoard
    parts: list[tuple[str, int, int]]  # css class, x, width
    line: str
    area: str
    live: bool


def shown(stage: StageBoard) -> Shown:
    """The stage ready for the page."""
    whole = max(1, stage.stock + stage.reserved - stage.released)
    parts, x = [], 0
    for css, pieces in (
        ("f-ok", stage.sold),
        ("f-ye", stage.held),
        ("f-in", max(0, stage.reserved - stage.released)),
        ("track", stage.free),
    ):
        width = round(1000 * pieces / whole)
        parts.append((css, x, min(width, 1000 - x)))
        x += width
    most = max(1, stage.peak_per_minute)
    step = WIDTH / max(1, len(stage.by_minute) - 1)
    dots = [f"{round(n * step, 1)} {round(HEIGHT - 4 - (HEIGHT - 10) * count / most, 1)}" for n, (_at, count) in enumerate(stage.by_minute)]
    line = "M" + " L".join(dots) if dots else ""
    return Shown(stage, parts, line, f"{line} L{WIDTH} {HEIGHT} L0 {HEIGHT} Z" if line else "", stage.running)


def _board(region: str, slug: str) -> Board:
    if slug not in {s for s, _zh, _en in promotions.listed(region)}:
        raise Http404
    return promotions.board(region, slug)


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every promotion, and the form for the next."""
    region = region_of(request)
    boards = [promotions.board(region, slug) for slug, _zh, _en in promotions.listed(region)[:30]]
    return frame.page(request, "console/promotions.html", "promotions", {"boards": boards})


def _plain(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


def _blank(region: str) -> dict[str, str]:
    """Three days' warm-up from tomorrow, one day of burst, two of encore."""
    day = clocks.business_now().astimezone(orders.zone(region)).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    ends = {"warm_up": (0, 3), "burst": (3, 4), "encore": (4, 6)}
    return {f"{k}_{e}": _plain(day + timedelta(days=d)) for k, days in ends.items() for e, d in zip(("from", "to"), days, strict=True)}


def _read(request: HttpRequest, region: str) -> NewPromotion:
    """The promotion that the form tells. Raises Refusal: trade.cell_moment, kernel.cell_whole."""
    at = imports.moment(orders.zone(region))
    stages = []
    for kind in promotions.ORDER:
        ends = [request.POST.get(f"{kind}_{end}", "").strip() for end in ("from", "to")]
        if any(ends):
            try:
                stages.append(Stage(kind, at(ends[0]), at(ends[1])))
            except Refusal as refused:
                raise Refusal(refused.code, value=" – ".join(ends)) from refused
    name = request.POST.get("name", "").strip()[:64]
    slug = re.sub(r"[^a-z0-9]+", "-", request.POST.get("slug", "").strip().lower()).strip("-")[:48]
    percent = sheets.whole(0, 100)(request.POST.get("reserve", "20").strip() or "20")
    return NewPromotion(slug, name, request.POST.get("name_en", "").strip()[:64] or name, stages, f"promotion:{slug}", percent * 10)


@allow("operator")
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """The form of a promotion: names, the three stages, the share kept back for the pre-sale."""
    region = region_of(request)
    error: tuple[str, str] | None = None
    if request.method == "POST":
        try:
            promotion = _read(request, region)
            promotions.put(region=region, promotion=promotion, by=by(request))
        except Refusal as refused:
            error = words.refusal(refused)
        else:
            messages.success(request, _("活动存好了，接着把团放进各个阶段"))
            return redirect("console:promotion", promotion.slug)
    typed: dict[str, Any] = {**_blank(region), "reserve": "20"} if request.method == "GET" else dict(request.POST.items())
    stages = [(kind, typed.get(f"{kind}_from", ""), typed.get(f"{kind}_to", "")) for kind in promotions.ORDER]
    context = {"typed": typed, "stages": stages, "error": error, "crumb": frame.up("console:promotions", _("大促"))}
    return frame.page(request, "console/promotion_edit.html", "promotions", context, status=422 if error else 200)


@allow("operator")
@require_GET
def one(request: HttpRequest, slug: str) -> HttpResponse:
    """The board of the day; asked for by htmx, the part that moves."""
    region = region_of(request)
    board = _board(region, slug)
    context: dict[str, Any] = {"board": board, "stages": [shown(s) for s in board.stages], "now": clocks.business_now()}
    if getattr(request, "htmx", False):
        return render(request, "console/part_promotion.html", context)
    context |= {"skus": [s for s in goods.skus(region).values() if s.active], "crumb": frame.up("console:promotions", _("大促"))}
    return frame.page(request, "console/promotion.html", "promotions", context)


@allow("operator")
@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Put every open group-buy of a SKU into a stage; with a price, keep a share back and sell it ahead."""
    region = region_of(request)
    _board(region, slug)
    sku, stage = request.POST.get("sku", "").strip(), request.POST.get("stage", "")
    found = [row.group_id for row in desk.group_rows(region, state="open") if row.sku == sku]
    try:
        if not found or stage not in promotions.ORDER:
            raise Refusal("trade.no_such_group")
        count = promotions.add(region=region, slug=slug, stage=stage, group_ids=found)
        messages.success(request, ngettext("放进了 %(count)d 个团", "放进了 %(count)d 个团", count) % {"count": count})
        if price := request.POST.get("price", "").strip():
            _sell_ahead(request, region, slug, found, sheets.amount(currency_of(region))(price))
    except Refusal as refused:
        say_refused(request, Refusal(refused.code, **{"value": request.POST.get("price", "")[:20], **refused.facts}))
    return redirect("console:promotion", slug)


def _sell_ahead(request: HttpRequest, region: str, slug: str, group_ids: list[int], price_minor: int) -> None:
    """A pre-sale beside each of the groups; what can't be kept back of one doesn't keep the others."""
    made = 0
    for group_id in group_ids:
        try:
            promotions.sell_ahead(region=region, slug=slug, group_id=group_id, price_minor=price_minor, by=by(request))
            made += 1
        except Refusal as refused:
            if refused.code != "trade.nothing_to_reserve":
                raise
    messages.success(request, ngettext("开了 %(count)d 个预售", "开了 %(count)d 个预售", made) % {"count": made})
