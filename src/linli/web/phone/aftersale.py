"""After-sale on phones: a member asks with photos and follows the answer; a leader settles on the spot, and weighs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.fulfil import pickup
from linli.kernel import money, sheets
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import aftersale as verbs
from linli.trade import photos, terms, weighing
from linli.trade import queries as trade
from linli.trade.aftersale import Ask
from linli.trade.queries import AfterSaleInfo, LineInfo, OrderInfo
from linli.trade.rules import aftersale as rules
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, leader_page, member_of, new_key, number, remember, shop_page, told

SHARES = (30, 50, 100)


@dataclass(frozen=True)
class Way:
    """One answer to "how much is wrong": its value in the form, its words, and what it comes to."""

    value: str
    label: str
    comes_minor: int


def ways(order: OrderInfo, line: LineInfo) -> list[Way]:
    """Pieces where there are few, shares of the line, each with its money; what comes to nothing is left out."""
    asked = [(f"pieces:{n}", _("%(count)s 份") % {"count": n}) for n in range(1, min(line.quantity, 6) + 1)]
    asked += [(f"percent:{share}", _("整个的 %(share)s%%") % {"share": share}) for share in SHARES[: 2 if line.quantity <= 6 else 3]]
    found = []
    for value, label in asked:
        unit, _sep, amount = value.partition(":")
        try:
            want = Ask(line.number, "other", unit, int(amount))
            found.append(Way(value, label, verbs.preview(order_id=order.order_id, member_id=order.member_id, want=want)))
        except Refusal:
            continue
    return found


def wanted(request: HttpRequest, line_number: int) -> Ask:
    """What the form says. A unit or an amount that isn't one is refused by the verb."""
    unit, _sep, amount = request.POST.get("how", "").partition(":")
    if unit == "grams":
        amount = request.POST.get("grams", "")
    words = request.POST.get("words", "").strip()[: rules.MOST_WORDS + 1]
    return Ask(line_number, request.POST.get("reason", ""), unit, number(amount, 0) or 0, words)


@allow("member")
@never_cache
@require_GET
def of_order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """The lines of an order: what may be asked about, and the requests there are."""
    member = member_of(request)
    order = trade.order(order_id, member.member_id)
    if order is None:
        raise Http404
    can = {a.number: a for a in trade.askable(order_id)}
    asked = trade.after_sales_of_order(order_id)
    page = {
        "order": order,
        "lines": [(line, can.get(line.number), [a for a in asked if a.line_number == line.number]) for line in order.lines],
        "terms": terms.of(order.region),
        "leader": people.leader_of(order.community_id),
    }
    return shop_page(request, "phone/shop/aftersales.html", "orders", page)


@allow("member")
@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, order_id: uuid.UUID, line_number: int) -> HttpResponse:
    """The form for one line, and sending it. Nothing that was written is lost when it is refused."""
    member = member_of(request)
    order = trade.order(order_id, member.member_id)
    line = next((one for one in order.lines if one.number == line_number), None) if order else None
    if order is None or line is None:
        raise Http404
    page: dict[str, Any] = {"key": new_key()}
    status = 200
    if request.method == "POST":
        try:
            sent = request.FILES.getlist("photos")
            if any((file.size or 0) > photos.MOST_BYTES for file in sent):
                raise Refusal("trade.photo_too_large", most_mb=photos.MOST_BYTES // 1024 // 1024)
            given = terms.of(order.region)
            pictures = [file.read() for file in sent[: given.photos_most + 1]]
            done = verbs.ask(
                order_id=order_id, member_id=member.member_id, want=wanted(request, line_number), pictures=pictures, key=key_of(request)
            )
            messages.success(request, _("已经交给团长，有结果会告诉你"))
            return HttpResponseRedirect(reverse("shop:aftersale-one", args=[done.aftersale_id]))
        except Refusal as refused:
            page = {"error": told(refused, order.region), "key": key_of(request), "sent": request.POST}
            status = 422
    found = {a.number: a for a in trade.askable(order_id)}.get(line_number)
    weighed_g = line.weighed_g or (line.sku.piece_g * (line.quantity - line.returned_pieces) if line.sku.piece_g else None)
    given = terms.of(order.region)
    page |= {
        "order": order,
        "line": line,
        "askable": found,
        "until": shelf.moment_words(found.until) if found and found.until else "",
        "ways": ways(order, line),
        "most_g": weighed_g,
        "reasons": rules.REASONS,
        "terms": given,
    }
    return shop_page(request, "phone/shop/ask.html", "orders", page, status)


def own(request: HttpRequest, aftersale_id: uuid.UUID) -> AfterSaleInfo:
    """The member's request; Http404 for somebody else's."""
    found = trade.after_sale(aftersale_id)
    if found is None or found.member_id != actor_of(request).member_id:
        raise Http404
    return found


@allow("member")
@never_cache
@require_GET
def progress(request: HttpRequest, aftersale_id: uuid.UUID) -> HttpResponse:
    """Where a request stands, and how it came there."""
    found = own(request, aftersale_id)
    return shop_page(request, "phone/shop/aftersale.html", "orders", {"a": found, "steps": found.steps[::-1], "key": new_key()})


@allow("member")
@require_POST
def withdraw(request: HttpRequest, aftersale_id: uuid.UUID) -> HttpResponse:
    """Take a request back."""
    found = own(request, aftersale_id)
    try:
        verbs.withdraw(aftersale_id=aftersale_id, member_id=found.member_id)
    except Refusal as refused:
        remember(request, refused, found.region)
    else:
        messages.success(request, _("已撤回，48 小时内还可以再申请"))
    return HttpResponseRedirect(reverse("shop:aftersale-one", args=[aftersale_id]))


def _desk(request: HttpRequest, page: dict[str, Any], status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    shown = {
        "requests": trade.after_sales_of_communities(actor.community_ids, waiting=True),
        "decided": trade.after_sales_of_communities(actor.community_ids, waiting=False, limit=10),
        "limit": trade.spot_limit(actor.region, actor.person_id or 0),
        "key": new_key(),
        **page,
    }
    return leader_page(request, "phone/leader/aftersale.html", "pickup", shown, status)


@allow("leader")
@never_cache
@require_GET
def leader_desk(request: HttpRequest) -> HttpResponse:
    """What waits for the leader, what was decided; and the lines under a pickup code, to refund on the spot."""
    code = request.GET.get("code", "").strip()[:16]
    if not code:
        return _desk(request, {})
    for community_id in actor_of(request).community_ids:
        try:
            order = pickup.lookup(code=code, community_id=community_id)
        except Refusal:
            continue
        return _desk(request, {"code": code, **_handed(order)})
    return _desk(request, {"code": code, "error": told(Refusal("fulfil.no_such_code"), actor_of(request).region)}, 404)


def _handed(order: OrderInfo) -> dict[str, Any]:
    can = {a.number for a in trade.askable(order.order_id) if not a.no}
    return {"order": order, "lines": [(line, ways(order, line)) for line in order.lines if line.number in can], "reasons": rules.REASONS}


@allow("leader")
@require_POST
def spot(request: HttpRequest) -> HttpResponse:
    """Refund a line on the spot, without waiting for the member to ask."""
    actor = actor_of(request)
    line_number = number(request.POST.get("line"), 0) or 0
    try:
        done = verbs.refund_on_the_spot(
            order_id=request.POST.get("order", ""), leader=actor.person_id or 0, want=wanted(request, line_number), key=key_of(request)
        )
    except Refusal as refused:
        if refused.code == "trade.no_such_order":
            raise Http404 from None
        remember(request, refused, actor.region)
    else:
        _say_refunded(request, done.aftersale_id, done.granted_minor or 0)
    return HttpResponseRedirect(reverse("leader:aftersale"))


def _say_refunded(request: HttpRequest, aftersale_id: uuid.UUID, amount_minor: int) -> None:
    found = trade.after_sale(aftersale_id)
    if found is not None:
        messages.success(
            request,
            _("已退 %(amount)s 给%(name)s，原路退回") % {"amount": money.plain(amount_minor, found.currency), "name": found.display_name},
        )


def currency_of(region: str) -> str:
    """The region's currency."""
    info = region_info(region)
    return info.currency if info else "USD"


def minor(text: str, currency: str) -> int:
    """An amount as somebody typed it ("12", "12.5", "¥12.50"), in the minor unit; 0 for what is none."""
    try:
        return sheets.amount(currency)(text)
    except Refusal:
        return 0


@allow("leader")
@require_POST
def settle(request: HttpRequest, aftersale_id: uuid.UUID) -> HttpResponse:
    """Settle a request on the spot, or pass it to the operator."""
    actor = actor_of(request)
    found = trade.after_sale(aftersale_id)
    if found is None or found.community_id not in actor.community_ids:
        raise Http404
    why = request.POST.get("why", "")
    try:
        if request.POST.get("pass"):
            verbs.escalate(aftersale_id=aftersale_id, leader=actor.person_id or 0, why=why)
            messages.success(request, _("已转给运营，结果会告诉邻居"))
        else:
            amount = minor(request.POST.get("amount", ""), found.currency)
            done = verbs.settle_on_the_spot(aftersale_id=aftersale_id, leader=actor.person_id or 0, amount_minor=amount, why=why)
            _say_refunded(request, aftersale_id, done.granted_minor or 0)
    except Refusal as refused:
        remember(request, refused, actor.region)
    return HttpResponseRedirect(reverse("leader:aftersale"))


@allow("leader")
@never_cache
@require_http_methods(["GET", "POST"])
def weigh(request: HttpRequest) -> HttpResponse:
    """Lines to weigh, one row each; the difference goes back by itself."""
    actor = actor_of(request)
    rows = trade.to_weigh(actor.region, actor.community_ids)
    page: dict[str, Any] = {}
    if request.method == "POST":
        which = (request.POST.get("order", ""), number(request.POST.get("line"), 0) or 0)
        if which not in {(str(row.order_id), row.number) for row in rows}:
            raise Http404
        try:
            said = weighing.weigh(
                order_id=which[0], number=which[1], grams=number(request.POST.get("grams"), 0) or 0, by=f"person:{actor.person_id}"
            )
        except Refusal as refused:
            page = {"error": told(refused, actor.region), "at": which}
        else:
            back = money.plain(said.back_minor, currency_of(actor.region))
            messages.success(request, _("记下了，退差价 %(back)s") % {"back": back} if said.back_minor else _("记下了，没有差价"))
            return HttpResponseRedirect(reverse("leader:weigh"))
    page |= {"rows": rows, "left": sum(row.grams is None for row in rows), "terms": terms.of(actor.region)}
    return leader_page(request, "phone/leader/weigh.html", "pickup", page, 422 if "error" in page else 200)
