"""Partners in the console: terms, limited goods, services and their capacity, settlement, redemption links; vouchers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.goods import queries as goods
from linli.kernel import clocks, ids, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import capacity, days, groups, limits, partners, services, settlements
from linli.trade.queries import partners as reads
from linli.trade.queries import vouchers as voucher_reads
from linli.trade.rules import NewGroup
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused
from linli.web.console.people_of import currency_of

STATES = ("active", "redeemed", "refunded", "revoked", "expired")
TONES = {"active": "in", "redeemed": "ok", "refunded": "ye", "drawn": "ye", "approved": "in", "paid": "ok", "revoked": "nu"}
KEY = "key"


@allow("operator")
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """The region's partners with what each is owed; the form brings a new one in."""
    region = region_of(request)
    if request.method == "POST":
        try:
            new = _typed(request, region, partners.NewPartner(request.POST.get("code", "").strip(), "", ""))
            partners.put(region=region, partner=new, by=by(request))
        except Refusal as refused:
            say_refused(request, refused)
        else:
            messages.success(request, _("合作方存好了"))
            return HttpResponseRedirect(reverse("console:partner", args=[new.code]))
    found = reads.partners(region, currency_of(region))
    sums = {name: sum(getattr(p, name) for p in found) for name in ("owed_minor", "held_minor", "debt_minor", "paid_minor")}
    context = {"partners": found, "sums": sums, "kinds": partners.KINDS}
    return frame.page(request, "console/partners.html", "partners", context)


def _typed(request: HttpRequest, region: str, old: partners.NewPartner) -> partners.NewPartner:
    """The partner as the form says it. Raises Refusal: trade.bad_partner, kernel.cell_amount."""
    post = request.POST
    read = sheets.amount(currency_of(region))
    try:
        share = round(float(post.get("share", "0") or 0) * 100)
    except ValueError:
        raise Refusal("trade.bad_partner", partner=old.code, fields="share_bp") from None
    return replace(
        old,
        name_zh=post.get("name_zh", "").strip(),
        name_en=post.get("name_en", "").strip() or post.get("name_zh", "").strip(),
        kind=post.get("kind", old.kind),
        contact=post.get("contact", "").strip(),
        address_zh=post.get("address_zh", "").strip(),
        address_en=post.get("address_en", "").strip(),
        mode=post.get("mode", old.mode),
        share_bp=share,
        fixed_minor=read(post.get("fixed") or "0"),
        fee_minor=read(post.get("fee") or "0"),
        active=post.get("active") == "1",
    )


def _found(region: str, code: str) -> reads.PartnerInfo:
    found = reads.partner(region, code, currency_of(region))
    if found is None:
        raise Http404
    return found


@allow("operator")
@never_cache
@require_GET
def one(request: HttpRequest, code: str) -> HttpResponse:
    """One partner: money, terms, what is sold with it, who may redeem."""
    region = region_of(request)
    partner = _found(region, code)
    today = days.today(region)
    context = {
        "partner": partner,
        "kinds": partners.KINDS,
        "services": reads.services(region, code),
        "gifts": voucher_reads.gift_rules(region, code),
        "allotments": reads.allotments(region, code),
        "skus": goods.of_partner(region, code),
        "communities": people.communities(region),
        "statements": [(s, TONES.get(s.state, "nu")) for s in reads.statements(region, code)],
        "entries": reads.entries(region, code, limit=20),
        "accesses": reads.accesses(region, code),
        "link": request.session.pop("partner_link", ""),
        "due_minor": reads.unsettled(region, code, today),
        "today": today,
        "key": ids.new().hex,
        "crumb": frame.up("console:partners", _("合作方")),
    }
    return frame.page(request, "console/partner.html", "partners", context)


@allow("operator")
@require_POST
def change(request: HttpRequest, code: str) -> HttpResponse:
    """What the partner's page can do; `what` says which."""
    region = region_of(request)
    _found(region, code)
    acts: dict[str, Callable[[HttpRequest, str, str], str]] = {
        "terms": _terms,
        "service": _service,
        "capacity": _capacity,
        "allot": _allot,
        "open": _open,
        "draw": _draw,
        "approve": _approve,
        "paid": _paid,
        "cancel": _cancel,
        "link": _link,
        "unlink": _unlink,
    }
    act = acts.get(request.POST.get("what", ""))
    if act is None:
        raise Http404
    try:
        messages.success(request, act(request, region, code))
    except Refusal as refused:
        say_refused(request, refused)
    return HttpResponseRedirect(reverse("console:partner", args=[code]))


def _terms(request: HttpRequest, region: str, code: str) -> str:
    p = _found(region, code)
    old = partners.NewPartner(code, p.name_zh, p.name_en, p.kind, mode=p.mode)
    partners.put(region=region, partner=_typed(request, region, old), by=by(request))
    return _("改好了，之后的交付和核销按新条件算")


def _whole(request: HttpRequest, name: str, most: int = 10**6) -> int:
    return sheets.whole(1, most)(request.POST.get(name, ""))


def _service(request: HttpRequest, region: str, code: str) -> str:
    post = request.POST
    new = services.NewService(
        post.get("service", "").strip(),
        code,
        post.get("name_zh", "").strip(),
        post.get("name_en", "").strip() or post.get("name_zh", "").strip(),
        sheets.amount(currency_of(region))(post.get("value", "")),
        _whole(request, "valid_days", 3660),
        _whole(request, "uses", 100),
        post.get("note_zh", "").strip(),
        post.get("note_en", "").strip(),
    )
    services.put(region=region, service=new)
    return _("服务存好了。接着给它加名额，再配到商品上")


def _capacity(request: HttpRequest, region: str, code: str) -> str:
    pieces = _whole(request, "pieces")
    capacity.add(region=region, service=request.POST.get("service", ""), pieces=pieces, key=request.POST.get(KEY, ids.new().hex)[:64])
    return _("加了 %(n)d 个名额") % {"n": pieces}


def _allot(request: HttpRequest, region: str, code: str) -> str:
    chosen = [int(c) for c in request.POST.getlist("community") if c.isascii() and c.isdigit() and len(c) < 12]
    pieces = _whole(request, "pieces")
    sku = request.POST.get("sku", "")
    found = goods.sku(region, sku)
    if found is None or found.partner != code:
        raise Refusal("goods.no_such_sku", sku=sku)
    limits.allot(
        region=region,
        sku=sku,
        community_ids=chosen,
        pieces=pieces,
        key=request.POST.get(KEY, ids.new().hex)[:64],
        note_zh=request.POST.get("note", "")[:96],
        note_en=request.POST.get("note", "")[:96],
    )
    return _("限量存好了，只能在这几个小区开团")


def _open(request: HttpRequest, region: str, code: str) -> str:
    sku = request.POST.get("sku", "")
    return open_from(request, region, sku, limits.place(sku))


def open_from(request: HttpRequest, region: str, sku: str, place: str) -> str:
    """Open tonight's group-buy of a SKU out of a place: until 22:00 (late in the evening, tomorrow's), fetched the day after."""
    price = sheets.amount(currency_of(region))(request.POST.get("price", ""))
    pieces = _whole(request, "pieces")
    zone, today = days.zone(region), days.today(region)
    deadline = datetime.combine(today, time(22), zone)
    if clocks.business_now() >= deadline:
        deadline += timedelta(days=1)
    found = goods.sku(region, sku)
    group = NewGroup(
        key=f"console/{request.POST.get(KEY, ids.new().hex)[:64]}",
        community_id=int(request.POST.get("community", "0")) if request.POST.get("community", "").isdigit() else 0,
        sku=sku,
        threshold=1,
        quota_pieces=pieces,
        price_minor=price,
        solo_price_minor=max(price, found.list_price_minor if found else price),
        deadline_at=deadline,
        pickup_from=datetime.combine(deadline.date() + timedelta(days=1), time(16), zone),
        quota_from=place,
        opened_by=by(request),
    )
    groups.open(region=region, group=group)
    return _("开团了，今晚 22:00 截单")


def _draw(request: HttpRequest, region: str, code: str) -> str:
    try:
        until = date.fromisoformat(request.POST.get("until", ""))
    except ValueError:
        raise Refusal("trade.period_open") from None
    settlements.draw_up(region=region, partner=code, until=until, by=by(request), key=request.POST.get(KEY, ids.new().hex)[:64])
    return _("结算单开好了，等审批")


def _approve(request: HttpRequest, region: str, code: str) -> str:
    settlements.approve(region=region, statement_id=request.POST.get("statement", ""), by=by(request))
    return _("批准了，打款后登记单号")


def _paid(request: HttpRequest, region: str, code: str) -> str:
    settlements.paid(
        region=region, statement_id=request.POST.get("statement", ""), reference=request.POST.get("reference", ""), by=by(request)
    )
    return _("登记好了")


def _cancel(request: HttpRequest, region: str, code: str) -> str:
    settlements.cancel(region=region, statement_id=request.POST.get("statement", ""), by=by(request))
    return _("撤回了，里面的账回到待结算")


def _link(request: HttpRequest, region: str, code: str) -> str:
    token = partners.make_access(region=region, partner=code, label=request.POST.get("label", "").strip(), by=by(request))
    # Shown once, on the next page: only its digest is kept.
    request.session["partner_link"] = request.build_absolute_uri(reverse("partner:enter", args=[token]))
    return _("链接做好了，只显示这一次")


def _unlink(request: HttpRequest, region: str, code: str) -> str:
    text = request.POST.get("access", "")
    mine = {a.access_id for a in reads.accesses(region, code)}
    if not text.isdigit() or int(text) not in mine:
        raise Refusal("trade.no_such_access")
    partners.revoke_access(region=region, access_id=int(text))
    return _("这个链接停用了")


HEAD = ("at", "kind", "sku", "name", "order", "pieces", "worth", "owed", "statement")


@allow("operator")
@require_GET
def export(request: HttpRequest, code: str) -> HttpResponseBase:
    """A partner's entries as a spreadsheet: all, or those of `?statement=`."""
    region = region_of(request)
    _found(region, code)
    statement: uuid.UUID | None = None
    if text := request.GET.get("statement", ""):
        try:
            statement = uuid.UUID(text)
        except ValueError:
            raise Http404 from None
    zone, scale = days.zone(region), 100
    rows = [
        [
            e.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            e.kind,
            e.sku,
            e.name_zh,
            str(e.order_id or ""),
            e.pieces,
            e.worth_minor / scale,
            e.amount_minor / scale,
            str(e.statement_id or ""),
        ]
        for e in reads.entries(region, code, statement=statement, limit=None)
    ]
    return frame.csv_file(f"partner-{code}", HEAD, rows)


@allow("operator")
@require_GET
def vouchers(request: HttpRequest) -> HttpResponse:
    """The region's vouchers; found by code, state and partner."""
    region = region_of(request)
    asked: dict[str, Any] = {
        "search": request.GET.get("q", "").strip()[:40],
        "state": frame.chosen(request, "state", STATES),
        "partner": request.GET.get("partner", "")[:48],
    }
    found = voucher_reads.vouchers(region, **asked)
    names = people.members({v.member_id for v in found})
    context = {
        "asked": asked,
        "states": STATES,
        "rows": [(v, TONES.get(v.state, "nu"), names.get(v.member_id)) for v in found],
        "partners": reads.partners(region, currency_of(region)),
    }
    return frame.page(request, "console/vouchers.html", "vouchers", context)
