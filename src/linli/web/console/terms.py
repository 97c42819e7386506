"""A region's terms in the console: every figure with what it means, who changed it from what to what, and a way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import money, sheets
from linli.kernel.refusals import Refusal
from linli.trade import commission, orders, rules
from linli.trade import terms as verbs
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.catalog import by, region_of, say_refused
from linli.web.console.leaders_money import basis_points
from linli.web.console.orders import name_of
from linli.web.console.people_of import currency_of
from linli.web.templatetags.linli import local_name
from linli.web.templatetags.together import bp, typed

Words = str | Promise


@dataclass(frozen=True)
class Term:
    """A figure of the terms: its `unit` is money, rate, hours, minutes, days or count; `says` what it does to whom."""

    name: str
    unit: str
    label: Words
    says: Words


GROUPS: tuple[tuple[str, Words, tuple[Term, ...]], ...] = (
    (
        "message-report",
        gettext_lazy("售后"),
        (
            Term(
                "ask_hours", "hours", gettext_lazy("取货后多久内可以申请"), gettext_lazy("过了这个时间，会员页面上的“申请售后”就没有了。")
            ),
            Term("photos_most", "count", gettext_lazy("一次最多几张照片"), gettext_lazy("照片越多越好判断；每张都会去掉位置信息再存。")),
            Term(
                "spot_order_minor",
                "money",
                gettext_lazy("团长现场退，一单最多"),
                gettext_lazy("不超过这个数，团长当场就能退；超过的到运营这里来。"),
            ),
            Term(
                "spot_day_minor",
                "money",
                gettext_lazy("团长现场退，一天最多"),
                gettext_lazy("一位团长一天加起来的上限，两次同时点也超不过。"),
            ),
        ),
    ),
    (
        "scale",
        gettext_lazy("称重"),
        (
            Term(
                "weigh_minutes", "minutes", gettext_lazy("称完多久退差价"), gettext_lazy("这段时间里重量还可以改；过了就把少的钱退给会员。")
            ),
        ),
    ),
    (
        "wallet",
        gettext_lazy("团长佣金"),
        (
            Term("commission_bp", "rate", gettext_lazy("默认比例"), gettext_lazy("没有单独定比例的商品都按它算，按会员实付的钱算。")),
            Term("cool_off_days", "days", gettext_lazy("交货后几天结算"), gettext_lazy("这几天里退了货，佣金自动减少；过了才能提现。")),
            Term("withdraw_least_minor", "money", gettext_lazy("一次最少提现"), gettext_lazy("不到这个数，团长的提现按钮是灰的。")),
        ),
    ),
)
TERMS = {t.name: t for _icon, _label, terms in GROUPS for t in terms}


@dataclass(frozen=True)
class Field:
    """A term on the page: what it is, what was typed, what it is where nobody changed it, and what is wrong with it."""

    term: Term
    value: str
    usual: str
    changed: bool
    wrong: str = ""


@dataclass(frozen=True)
class Past:
    """A change in words."""

    change: verbs.Change
    label: str
    before: str
    after: str
    who: str
    at: datetime


def unit_words(unit: str, currency: str) -> str:
    """What a field's figure is counted in."""
    return {
        "money": money.CURRENCIES[currency].symbol,
        "rate": "%",
        "hours": _("小时"),
        "minutes": _("分钟"),
        "days": _("天"),
        "count": _("张"),
    }[unit]


def told(unit: str, value: int | None, currency: str) -> str:
    """A figure with its unit, as a sentence says it."""
    if value is None:
        return _("跟默认")
    if unit == "money":
        return money.plain(value, currency)
    if unit == "rate":
        return bp(value)
    return f"{value} {unit_words(unit, currency)}"


def _written(unit: str, value: int, currency: str) -> str:
    """A figure as it is typed into its field."""
    if unit == "money":
        return typed(value, currency)
    return f"{value / 100:g}" if unit == "rate" else str(value)


def _read(term: Term, text: str, currency: str) -> int:
    """The figure that was typed. Raises Refusal: kernel.cell_amount, kernel.cell_whole, trade.bad_rate, trade.bad_terms."""
    if term.unit == "money":
        value = sheets.amount(currency)(text)
    elif term.unit == "rate":
        value = basis_points(text) or 0
    else:
        value = sheets.whole(0, verbs.MOST[term.name])(text)
    if not 0 <= value <= verbs.MOST[term.name]:
        raise Refusal("trade.bad_terms", names=str(term.label))
    return value


def _save(request: HttpRequest, region: str, currency: str) -> dict[str, str]:
    """Put what was typed; returns what is wrong by name."""
    changes: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for name, term in TERMS.items():
        if (text := request.POST.get(name)) is None:
            continue
        try:
            changes[name] = _read(term, text.strip(), currency)
        except Refusal:
            most = told(term.unit, verbs.MOST[name], currency)
            wrong[name] = _("填 0 到 %(most)s 之间的数") % {"most": most}
    if wrong:
        return wrong
    before = verbs.of(region)
    count = sum(getattr(before, name) != value for name, value in changes.items())
    verbs.put(region=region, by=by(request), **changes)
    if count:
        messages.success(request, ngettext("改了 %(n)d 项，从现在起按新的算", "改了 %(n)d 项，从现在起按新的算", count) % {"n": count})
    else:
        messages.info(request, _("和原来一样，没有改"))
    return {}


def _past(region: str, currency: str) -> list[Past]:
    found = verbs.history(region)
    targets = {c.name.removeprefix("rate:sku:") for c in found if c.name.startswith("rate:sku:")}
    skus = goods.skus(region, targets) if targets else {}
    shown = []
    for c in found:
        unit = TERMS[c.name].unit if c.name in TERMS else "rate"
        shown.append(Past(c, _label(c.name, skus), told(unit, c.before, currency), told(unit, c.after, currency), name_of(c.by), c.at))
    return shown


def _label(name: str, skus: dict[str, SkuInfo]) -> str:
    if name in TERMS:
        return str(TERMS[name].label)
    _rate, kind, target = (name + "::").split(":")[:3]
    what = words.code(f"layer.{target}") if kind == "layer" else local_name(skus[target]) if target in skus else target
    return _("佣金比例：%(what)s") % {"what": what}


def _fixed() -> list[tuple[str, str, str]]:
    """What is the same everywhere, and why it can't be changed: (what, how much, why)."""
    minutes = int(orders.TIME_TO_PAY.total_seconds() // 60)
    return [
        (_("下单后多久付款"), _("%(n)d 分钟") % {"n": minutes}, _("到时不付，份数马上还给别人。")),
        (_("一位会员最多几单没付"), str(rules.MOST_UNPAID), _("占着不付的人拿不走更多。")),
        (_("一样最多几份"), str(rules.MOST_PIECES), _("每个团还可以另设每户限购。")),
        (_("佣金比例最高"), bp(commission.MOST_BP), _("只有一级，没有上下线。")),
    ]


@allow("operator")
@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Every figure of the region's terms; posted, they change together or not at all."""
    region = region_of(request)
    currency = currency_of(region)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        wrong = _save(request, region, currency)
        if not wrong:
            return HttpResponseRedirect(reverse("console:terms"))
    now, usual = verbs.of(region), verbs.Terms()
    groups = []
    for icon, label, terms in GROUPS:
        fields = []
        for t in terms:
            value, plain = getattr(now, t.name), getattr(usual, t.name)
            text = request.POST.get(t.name, "") if wrong else _written(t.unit, value, currency)
            fields.append(
                (Field(t, text, told(t.unit, plain, currency), value != plain, wrong.get(t.name, "")), unit_words(t.unit, currency))
            )
        groups.append((icon, label, fields))
    context = {"groups": groups, "wrong": wrong, "past": _past(region, currency), "fixed": _fixed()}
    return frame.page(request, "console/terms.html", "terms", context, status=422 if wrong else 200)


@allow("operator")
@require_POST
def take_back(request: HttpRequest, change_id: int) -> HttpResponse:
    """Put a figure back to what it was before a change that still stands."""
    region = region_of(request)
    try:
        done = commission.take_back(region=region, change_id=change_id, by=by(request))
    except Refusal as refused:
        say_refused(request, refused)
    else:
        unit = TERMS[done.name].unit if done.name in TERMS else "rate"
        messages.success(request, _("改回 %(before)s 了") % {"before": told(unit, done.before, currency_of(region))})
    return HttpResponseRedirect(reverse("console:terms"))
