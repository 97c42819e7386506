"""What selling asks and gives: the fee for bringing an order, gifts over an amount, goods that bring a partner's service along.

Each rule is data with a preview of what a member sees and pays; the last change can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from linli.goods import queries as goods
from linli.kernel import clocks, ids, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import days, policies, services
from linli.trade.policies import Policy, Tried
from linli.trade.queries import partners as partner_reads
from linli.trade.queries import vouchers as reads
from linli.trade.rules import policies as pure
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import local_name

UNDO = "selling_undo"
BASKETS = (1_000, 3_000, 5_000, 10_000)
"""Baskets of so much, in the minor unit of a currency of two decimals, whose fee a preview tells."""


@dataclass(frozen=True)
class Row:
    """What an order of a community, or of a week, costs to bring: by the arm that it falls to."""

    where: str
    arm: str
    fee_minor: int
    free_from_minor: int | None


@dataclass(frozen=True)
class Seen:
    """A shipping rule as members meet it."""

    rows: list[Row]
    baskets: list[tuple[int, list[int]]]
    arms: list[tuple[str, int, int | None]]


def seen(region: str, policy: Policy) -> Seen:
    """By community, or by this week and the next three: the arm; and what some baskets pay under each arm."""
    today = days.today(region)
    arms = [(name, int(value[0]), value[1]) for name, value in policy.arms]
    rows = []
    if policy.unit == "week" and len(arms) > 1:
        for n in range(4):
            day = today + timedelta(weeks=n)
            name, (fee, free) = pure.arm_of(policy, 0, day)
            rows.append(Row(_("第 %(n)d 周") % {"n": day.isocalendar().week}, name, fee, free))
    elif len(arms) > 1:
        for c in people.communities(region):
            name, (fee, free) = pure.arm_of(policy, c.community_id, today)
            rows.append(Row(local_name(c), name, fee, free))
    baskets = [(b, [0 if free is not None and b >= free else fee for _arm, fee, free in arms]) for b in BASKETS]
    return Seen(rows, baskets, arms)


@allow("operator")
@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Shipping, gifts and bundles with what is set and what could be; a form that can't be saved keeps what was typed."""
    region = region_of(request)
    wrong: dict[str, str] = {}
    what = request.POST.get("what", "") if request.method == "POST" else ""
    if request.method == "POST":
        act = ACTS.get(what)
        if act is None:
            raise Http404
        try:
            said, undo = act(request, region)
        except Refusal as refused:
            says, do = words.refusal(Refusal(refused.code, **{"currency": currency_of(region), **refused.facts}))
            wrong = {what: f"{says}。{do}" if do else says}
        else:
            request.session[UNDO] = undo
            messages.success(request, said)
            return HttpResponseRedirect(reverse("console:selling"))
    return frame.page(request, "console/selling.html", "selling", _context(request, region, wrong), status=422 if wrong else 200)


def _context(request: HttpRequest, region: str, wrong: dict[str, str]) -> dict[str, Any]:
    rules = [t for t in policies.listed(region) if t.policy.kind == "shipping"]
    skus = goods.skus(region)
    brought = reads.brought(region)
    today = days.today(region)
    return {
        "rules": [(t, seen(region, t.policy)) for t in rules],
        "others": [t for t in policies.listed(region) if t.policy.kind != "shipping"],
        "live": next((t for t in rules if t.state == "live"), None),
        "gifts": [(g, _gift_state(g)) for g in reads.gift_rules(region)],
        "services": partner_reads.services(region),
        "bundles": [(skus[code], b) for code, b in brought.items() if code in skus],
        "loose": [s for s in skus.values() if s.kind in ("bundle", "service") and s.code not in brought],
        "today_text": today.isoformat(),
        "until_text": (today + timedelta(days=30)).isoformat(),
        "typed": request.POST if wrong else {},
        "wrong": wrong,
        "undo": request.session.get(UNDO),
        "slug": f"gift-{ids.new().hex[-6:]}",
    }


def _gift_state(gift: reads.GiftInfo) -> str:
    now = clocks.business_now()
    if not gift.active:
        return "off"
    return "coming" if now < gift.starts_at else "over" if now >= gift.ends_at else "live" if gift.left else "empty"


def _days(request: HttpRequest, region: str) -> tuple[datetime, datetime]:
    """From the first day's midnight until the last day is over. Raises Refusal: trade.bad_days."""
    try:
        first, last = (date.fromisoformat(request.POST.get(name, "")) for name in ("first", "last"))
        return days.midnight(region, first), days.midnight(region, last + timedelta(days=1))
    except (ValueError, OverflowError):
        raise Refusal("trade.bad_days") from None


def _money(request: HttpRequest, region: str, name: str) -> int:
    text = request.POST.get(name, "").strip()
    try:
        return sheets.amount(currency_of(region))(text)
    except Refusal as refused:
        raise Refusal(refused.code, value=text[:20]) from None


def _shipping(request: HttpRequest, region: str) -> Policy:
    """The rule about shipping that was typed. Raises Refusal: kernel.cell_amount."""

    def arm(letter: str) -> tuple[str, tuple[int, int | None]]:
        free = request.POST.get(f"free_{letter}", "").strip()
        return letter.upper(), (_money(request, region, f"fee_{letter}"), _money(request, region, f"free_{letter}") if free else None)

    unit = request.POST.get("unit", "all")
    arms = (arm("a"),) if unit == "all" else (arm("a"), arm("b"))
    slug = f"ship-{days.today(region):%Y%m%d}-{ids.new().hex[-4:]}"
    return Policy(slug, "shipping", "week" if unit == "week" else "community", arms)


Done = tuple[str, dict[str, Any]]


def _ship(request: HttpRequest, region: str) -> Done:
    policy = _shipping(request, region)
    starts_at, ends_at = _days(request, region)
    policies.put(region=region, policy=policy, starts_at=starts_at, ends_at=ends_at, by=by(request))
    return _("运费存好了，购物车和结算马上按它算"), {"kind": "ship", "slug": policy.slug, "label": _("新的运费")}


def _stop(request: HttpRequest, region: str) -> Done:
    was = policies.stop(region=region, slug=request.POST.get("slug", "")[:48], by=by(request))
    told = {"kind": "stop", "label": _("停掉的运费")} | _kept(was)
    return _("停了。之后下的单不收这个运费"), told


def _kept(was: Tried) -> dict[str, Any]:
    """A rule as the session keeps it, to be put again."""
    arms = [[name, list(value)] for name, value in was.policy.arms]
    times = {"starts_at": was.starts_at.isoformat(), "ends_at": was.ends_at.isoformat()}
    return {"slug": was.policy.slug, "unit": was.policy.unit, "arms": arms} | times


def _gift(request: HttpRequest, region: str) -> Done:
    slug = request.POST.get("slug", "").strip()[:48]
    before = next((g for g in reads.gift_rules(region) if g.slug == slug), None)
    starts_at, ends_at = _days(request, region)
    services.put_gift(
        region=region,
        slug=slug,
        service=request.POST.get("service", "")[:48],
        from_minor=_money(request, region, "from"),
        starts_at=starts_at,
        ends_at=ends_at,
    )
    return _("满赠存好了，购物车里会说还差多少"), {"kind": "gift", "label": _("满赠"), "slug": slug, "was": _gift_kept(before)}


def _gift_kept(gift: reads.GiftInfo | None) -> dict[str, Any] | None:
    if gift is None:
        return None
    times = {"starts_at": gift.starts_at.isoformat(), "ends_at": gift.ends_at.isoformat()}
    return {"service": gift.service, "from_minor": gift.from_minor, "active": gift.active} | times


def _switch(request: HttpRequest, region: str) -> Done:
    slug = request.POST.get("slug", "")[:48]
    gift = next((g for g in reads.gift_rules(region) if g.slug == slug), None)
    if gift is None:
        raise Refusal("trade.no_such_policy")
    kept = _gift_kept(gift) or {}
    _put_gift(region, slug, kept | {"active": not gift.active})
    return (_("停了，已经送的不变") if gift.active else _("又开始送了")), {"kind": "gift", "label": _("满赠"), "slug": slug, "was": kept}


def _put_gift(region: str, slug: str, kept: dict[str, Any]) -> None:
    times = {name: datetime.fromisoformat(kept[name]) for name in ("starts_at", "ends_at")}
    services.put_gift(region=region, slug=slug, **(kept | times))


def _bundle(request: HttpRequest, region: str) -> Done:
    sku = request.POST.get("sku", "")[:48]
    services.bundle(region=region, sku=sku, service=request.POST.get("service", "")[:48])
    return _("配好了，以后每卖一份就带一张券"), {"kind": "bundle", "label": _("套装"), "slug": sku}


def _unbundle(request: HttpRequest, region: str) -> Done:
    sku = request.POST.get("sku", "")[:48]
    service = services.unbundle(region=region, sku=sku)
    return _("拆开了，这样东西不再带券"), {"kind": "unbundle", "label": _("套装"), "slug": sku, "service": service}


ACTS: dict[str, Callable[[HttpRequest, str], Done]] = {
    "ship": _ship,
    "stop": _stop,
    "gift": _gift,
    "switch": _switch,
    "bundle": _bundle,
    "unbundle": _unbundle,
}


@allow("operator")
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What members would pay for bringing under the rule that is being typed."""
    region = region_of(request)
    try:
        policy = _shipping(request, region)
    except Refusal as refused:
        return render(request, "console/part_ship.html", {"missing": words.refusal(refused)[0]})
    return render(request, "console/part_ship.html", {"seen": seen(region, policy), "unit": request.POST.get("unit", "all")})


@allow("operator")
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Take the last change back."""
    region, was = region_of(request), request.session.pop(UNDO, None)
    if was:
        try:
            _take_back(request, region, was)
            messages.success(request, _("改回去了"))
        except Refusal as refused:
            messages.error(request, words.refusal(Refusal(refused.code, **{"currency": currency_of(region), **refused.facts}))[0])
    return HttpResponseRedirect(reverse("console:selling"))


def _take_back(request: HttpRequest, region: str, was: dict[str, Any]) -> None:
    kind, slug = was["kind"], was["slug"]
    if kind == "ship":
        policies.stop(region=region, slug=slug, by=by(request))
    elif kind == "stop":
        policy = Policy(slug, "shipping", was["unit"], tuple((name, value) for name, value in was["arms"]))
        starts_at, ends_at = (datetime.fromisoformat(was[name]) for name in ("starts_at", "ends_at"))
        policies.put(region=region, policy=policy, starts_at=starts_at, ends_at=ends_at, by=by(request))
    elif kind == "gift" and was["was"]:
        _put_gift(region, slug, was["was"])
    elif kind == "gift":
        gift = next(g for g in reads.gift_rules(region) if g.slug == slug)
        _put_gift(region, slug, (_gift_kept(gift) or {}) | {"active": False})
    elif kind == "bundle":
        services.unbundle(region=region, sku=slug)
    elif kind == "unbundle":
        services.bundle(region=region, sku=slug, service=was["service"])
