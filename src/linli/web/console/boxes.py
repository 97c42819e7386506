"""Weekly boxes in the console: who has subscribed, and the plans, made, changed and paused with a preview of what members see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import boxes as verbs
from linli.trade import days
from linli.trade.boxes import NewPlan
from linli.trade.queries import boxes as reads
from linli.trade.queries.boxes import PlanInfo
from linli.trade.rules import boxes as calendar
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import region_of, say_refused
from linli.web.console.people_of import currency_of
from linli.web.templatetags.together import typed

UNDO = "box_undo"


@allow("operator")
@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Weekly boxes: the plans, and who has subscribed to them."""
    region = region_of(request)
    asked: dict[str, Any] = {"state": frame.chosen(request, "state", ("active", "cancelled")), "plan": request.GET.get("plan", "")[:48]}
    context = {
        "asked": asked,
        "plans": sorted(reads.plans(region, all_of=True), key=lambda p: not p.active),
        "boxes": reads.boxes_in(region, **asked),
        "undo": request.session.get(UNDO),
    }
    return frame.page(request, "console/boxes.html", "boxes", context)


@dataclass(frozen=True)
class Week:
    """A pickup that a member would be told of: when it is ordered, and until when it can be paid or skipped."""

    pickup_on: date
    ordered_at: datetime
    until: datetime
    off: bool


def _new(plan: PlanInfo, **changes: Any) -> NewPlan:
    """A plan as it stands, to be put again."""
    fields = {name: getattr(plan, name) for name in NewPlan.__dataclass_fields__ if name != "sku"}
    return NewPlan(**{**fields, "sku": plan.sku.code, **changes})


def _found(region: str, slug: str) -> PlanInfo:
    found = next((p for p in reads.plans(region, all_of=True) if p.slug == slug), None)
    if found is None:
        raise Http404
    return found


def _read(request: HttpRequest, region: str, slug: str) -> tuple[NewPlan | None, dict[str, str]]:
    """The plan that was typed, or what is wrong with it by field."""
    post, wrong = request.POST, {}
    price = pieces = 0
    try:
        price = sheets.amount(currency_of(region))(post.get("price", ""))
    except Refusal:
        wrong["price"] = _("填金额，比如 39.90")
    if not wrong and price < 1:
        wrong["price"] = _("价钱要大于零")
    try:
        pieces = sheets.whole(1, 100_000)(post.get("pieces", "").strip())
    except Refusal:
        wrong["pieces"] = _("填 1 到 100000 之间的整数")
    weekdays = sorted({int(d) for d in post.getlist("weekday") if d in "1234567" and len(d) == 1})
    if not weekdays:
        wrong["weekdays"] = _("至少选一天")
    off = [day for day in post.get("off_days", "").replace("，", ",").replace("、", ",").replace(",", " ").split() if day]
    if bad := [day for day in off if not _is_day(day)]:
        wrong["off_days"] = _("%(day)s 不是日期，写成 2026-10-01") % {"day": bad[0][:20]}
    if not slug:
        slug = post.get("slug", "").strip().lower()[:48]
        if not (slug and slug.isascii() and slug.replace("-", "").isalnum()):
            wrong["slug"] = _("用小写字母、数字和横线，比如 fruit-weekly")
        elif slug in ("new", "undo", "preview") or any(p.slug == slug for p in reads.plans(region, all_of=True)):
            wrong["slug"] = _("这个代号用过了，换一个")
    sku = goods.sku(region, post.get("sku", "").strip())
    if sku is None or sku.kind != "good":
        wrong["sku"] = _("从目录里选一个普通商品")
    if wrong or sku is None:
        return None, wrong
    communities = {c.community_id for c in people.communities(region)}
    plan = NewPlan(
        slug,
        sku.code,
        price,
        weekdays,
        post.get("contents_zh", "").strip()[:160],
        post.get("contents_en", "").strip()[:160],
        off,
        sorted({int(c) for c in post.getlist("community") if c.isascii() and c.isdigit() and len(c) < 12} & communities),
        pieces,
        post.get("active") == "1",
    )
    return plan, {}


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _typed(request: HttpRequest, plan: PlanInfo | None, currency: str) -> dict[str, Any]:
    """What stands in the form."""
    if request.method == "POST":
        post = request.POST
        told: dict[str, Any] = {
            name: post.get(name, "") for name in ("slug", "sku", "price", "pieces", "contents_zh", "contents_en", "off_days")
        }
        return told | {"weekdays": post.getlist("weekday"), "communities": post.getlist("community"), "active": post.get("active") == "1"}
    if plan is None:
        empty = {"slug": "", "sku": "", "price": "", "pieces": "200", "contents_zh": "", "contents_en": "", "off_days": ""}
        return empty | {"weekdays": ["5"], "communities": [], "active": True}
    return {
        "slug": plan.slug,
        "sku": plan.sku.code,
        "price": typed(plan.price_minor, currency),
        "pieces": str(plan.pieces_a_week),
        "contents_zh": plan.contents_zh,
        "contents_en": plan.contents_en,
        "off_days": ", ".join(plan.off_days),
        "weekdays": [str(d) for d in plan.weekdays],
        "communities": [str(c) for c in plan.community_ids],
        "active": plan.active,
    }


def _seen(region: str, plan: NewPlan, sku: SkuInfo | None, boxes: int) -> dict[str, Any]:
    """What a member would see and pay, with the next pickups of each weekday."""
    zone, now = days.zone(region), clocks.business_now()
    ahead = sorted(day for weekday in plan.weekdays for day in islice(calendar.pickups(weekday, now, zone), 3))[:4]
    weeks = [Week(d, calendar.ordered_at(d, zone), calendar.cut_off(d, zone), d.isoformat() in plan.off_days) for d in ahead]
    return {"plan": plan, "sku": sku, "weeks": weeks, "subscribers": boxes}


@allow("operator")
@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The form of a plan, a new one without `slug`; saved, the list says so and offers the way back."""
    region = region_of(request)
    currency = currency_of(region)
    there = _found(region, slug) if slug else None
    wrong: dict[str, str] = {}
    if request.method == "POST":
        plan, wrong = _read(request, region, slug)
        if plan is not None:
            try:
                verbs.put_plan(region=region, plan=plan)
            except Refusal as refused:
                wrong["form"] = words.refusal(refused)[0]
            else:
                _keep(request, there, plan.slug)
                messages.success(request, _("套餐存好了") if there else _("套餐开卖了，会员在“我的 → 每周套餐”里能订"))
                return HttpResponseRedirect(reverse("console:boxes"))
    skus = [s for s in goods.skus(region).values() if s.kind == "good" and s.active]
    filled = _typed(request, there, currency)
    communities = [(c, str(c.community_id) in filled["communities"]) for c in people.communities(region)]
    weekdays = [(d, str(d) in filled["weekdays"]) for d in range(1, 8)]
    context: dict[str, Any] = {
        "there": there,
        "typed": filled,
        "wrong": wrong,
        "skus": skus,
        "communities": communities,
        "weekdays": weekdays,
    }
    context["crumb"] = frame.up("console:boxes", _("每周套餐"))
    if there is not None:
        context |= _seen(region, _new(there), there.sku, there.boxes)
    return frame.page(request, "console/box_plan.html", "boxes", context, status=422 if wrong else 200)


@allow("operator")
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What a member would see of the plan that is being typed."""
    region = region_of(request)
    there = next((p for p in reads.plans(region, all_of=True) if p.slug == request.POST.get("there", "")), None)
    plan, wrong = _read(request, region, there.slug if there else request.POST.get("slug", "") or "x")
    wrong.pop("slug", None)
    if plan is None:
        return render(request, "console/part_box.html", {"missing": list(wrong.values())})
    return render(request, "console/part_box.html", _seen(region, plan, goods.sku(region, plan.sku), there.boxes if there else 0))


def _keep(request: HttpRequest, before: PlanInfo | None, slug: str) -> None:
    """Keep what the plan was, so that the last change can be taken back; a new one is taken back by pausing it."""
    was: dict[str, Any] = {"slug": slug, "new": before is None}
    if before is not None:
        new = _new(before)
        was["plan"] = {name: getattr(new, name) for name in NewPlan.__dataclass_fields__}
    request.session[UNDO] = was


@allow("operator")
@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Offer a plan no longer, or again. Who subscribed keeps their box."""
    region = region_of(request)
    there = _found(region, slug)
    on = request.POST.get("on") == "1"
    try:
        verbs.put_plan(region=region, plan=_new(there, active=on))
    except Refusal as refused:
        say_refused(request, refused)
    else:
        _keep(request, there, slug)
        messages.success(request, _("又能订了") if on else _("停了新订；已经订的照旧，每周还会有"))
    return HttpResponseRedirect(reverse("console:boxes"))


@allow("operator")
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Put the plan back to what it was before the last change."""
    region = region_of(request)
    was = request.session.pop(UNDO, None)
    if was:
        there = _found(region, was["slug"])
        plan = NewPlan(**was["plan"]) if not was["new"] else _new(there, active=False)
        try:
            verbs.put_plan(region=region, plan=plan)
            messages.success(request, _("改回去了"))
        except Refusal as refused:
            say_refused(request, refused)
    return HttpResponseRedirect(reverse("console:boxes"))
