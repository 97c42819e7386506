"""Today: what needs a person, how the shop does, who is about to fall silent, what changed, what came true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from linli.engage import queries as engage
from linli.engage.shapes import LaunchCard, PlaybookCard
from linli.insight import queries as insight
from linli.kernel import money
from linli.people import queries as people
from linli.trade import desk
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame, metrics
from linli.web.console.people_of import currency_of, listed
from linli.web.templatetags.linli import local_name

SALES, ORDERS = "sales", "orders"
ICONS = {"red": "filled/alert-circle", "orange": "filled/alert-triangle", "yellow": "filled/alert-circle"}
PLACES = {"members": "console:members", "communities": "console:communities", "system": "console:system", "orders": "console:orders"}


@dataclass(frozen=True)
class Alert:
    """Something that needs a person, in words, with where to do it."""

    level: str
    says: str
    do: str
    icon: str
    href: str
    at: Any


@dataclass(frozen=True)
class Decision:
    """Something that waits for the operator."""

    title: str
    text: str
    verb: str
    href: str
    due: str = ""
    second: str = ""
    second_href: str = ""
    preview: str = ""


def address(link: tuple[str, str]) -> str:
    """The address of a (page, argument) that a lower room named."""
    name, argument = link
    if name == "member" and argument.isdigit():
        return reverse("console:member", args=[int(argument)])
    if name == "members" and argument:
        return f"{reverse('console:members')}?segment={argument}"
    if name == "metric" and argument:
        return reverse("console:metric", args=[argument])
    if name in ("playbook", "playbooks") and argument:
        return reverse("console:playbook", args=[argument])
    if name == "community" and argument.isdigit():
        return f"{reverse('console:members')}?community={argument}"
    return reverse(PLACES.get(name, "console:today"))


def _alerts(told: insight.Today, currency: str) -> list[Alert]:
    return [
        Alert(
            level=a.level,
            says=words.code(f"alert.{a.code}", currency=currency, **a.facts),
            do=words.do(f"alert.{a.code}", currency=currency, **a.facts),
            icon=ICONS.get(a.level, "filled/alert-circle"),
            href=address(a.link),
            at=a.at,
        )
        for a in told.alerts
    ]


def _decisions(region: str) -> list[Decision]:
    """What waits: playbooks worth starting, launches under way, tasks about to expire, money that got stuck."""
    waiting, trade = engage.waiting(region), desk.today(region)
    cards = {c.slug: c for c in engage.playbooks(region)}
    found = [
        Decision(
            title=_("要不要启动「{name}」").format(name=local_name(cards[slug])),
            text=local_name(cards[slug], "hypothesis"),
            verb=_("看预演"),
            href=reverse("console:playbook", args=[slug]),
            preview=reverse("console:playbook-preview", args=[slug]) + "?brief=1",
        )
        for slug in waiting.not_started
        if slug in cards and not cards[slug].problem
    ]
    found += [_under_way(card, card.running) for card in cards.values() if card.running is not None]
    if waiting.expiring_today_count:
        found.append(
            Decision(
                title=ngettext("{n} 条团长任务今天到期", "{n} 条团长任务今天到期", waiting.expiring_today_count).format(
                    n=waiting.expiring_today_count
                ),
                text=_("还有 {n} 条没办，过期就不再提醒").format(n=waiting.open_tasks_count),
                verb=_("看团长"),
                href=reverse("console:communities"),
                due=_("今天"),
            )
        )
    found += _stuck(waiting, trade)
    return found


def _under_way(card: PlaybookCard, run: LaunchCard) -> Decision:
    return Decision(
        title=_("「{name}」进行中").format(name=local_name(card)),
        text=_("已进 {entered} 人，其中对照 {holdout} 人；花了 {spent}").format(
            entered=run.entered_count, holdout=run.holdout_count, spent=money.plain(run.spent_minor, run.currency)
        ),
        verb=_("看进展"),
        href=reverse("console:launch", args=[run.launch_id]),
    )


def _stuck(waiting: Any, trade: Any) -> list[Decision]:
    """What failed or hangs and will not move by itself."""
    found = []
    if waiting.failed_runs_count:
        found.append(
            Decision(
                _("{n} 次剧本步骤没走成").format(n=waiting.failed_runs_count),
                _("看清原因后可以重试"),
                _("看系统"),
                reverse("console:system"),
            )
        )
    if trade.failed_refunds:
        found.append(
            Decision(
                _("{n} 笔退款没退成").format(n=trade.failed_refunds),
                _("渠道拒绝了，钱还在店里"),
                _("看订单"),
                reverse("console:orders") + "?state=refunding",
            )
        )
    if trade.short_groups:
        found.append(
            Decision(
                _("{n} 个团快截单还没成").format(n=trade.short_groups),
                _("未满就全额退回，可以请团长在群里喊一声"),
                _("看团购"),
                reverse("console:groups") + "?state=open",
                due=_("今天"),
            )
        )
    return found


def _chart(cards: dict[str, Any], currency: str) -> dict[str, Any] | None:
    """The last 28 days' sales as bars, with the orders in the table beside."""
    sales, orders = cards.get(SALES), cards.get(ORDERS)
    if sales is None or not any(p.value for p in sales.trend):
        return None
    symbol = money.CURRENCIES[currency].symbol
    values = [None if p.value is None else round(p.value / 100, 2) for p in sales.trend]
    known = [v for v in values if v is not None]
    mean = sum(known) / len(known)
    counts = {p.day: p.value for p in orders.trend} if orders else {}
    return {
        "card": sales,
        "mean_minor": round(mean * 100),
        "data": {
            "labels": [f"{p.day:%m-%d}" for p in sales.trend],
            "sign": symbol,
            "series": [{"name": _("成交额"), "kind": "bar", "values": values, "unit": "money", "color": "c1"}],
            "mark": {"value": round(mean, 2)},
        },
        "rows": [(p.day, p.value, counts.get(p.day)) for p in reversed(sales.trend)],
    }


@allow("operator")
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """The operator's first page."""
    region = request.actor.region  # type: ignore[attr-defined]
    currency = currency_of(region)
    told = insight.today(region)
    by_key = {card.key: card for card in told.cards}
    return frame.page(
        request,
        "console/today.html",
        "today",
        {
            "standing": told.standing,
            "told": told,
            "alerts": _alerts(told, currency),
            "cards": metrics.arranged(told.cards, currency),
            "chart": _chart(by_key, currency),
            "decisions": _decisions(region),
            "risks": listed(region, insight.risk_list(region, limit=8)),
            "came": told.came,
            "communities_count": len(people.communities(region)),
        },
    )
