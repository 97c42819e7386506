"""A member's events as a story: what happened, when, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from linli.goods import queries as goods
from linli.kernel import clocks, money
from linli.web import words
from linli.web.context import english

TABS = {
    "all": gettext_lazy("全部动态"),
    "orders": gettext_lazy("订单"),
    "reach": gettext_lazy("触达"),
    "labels": gettext_lazy("人群"),
    "account": gettext_lazy("账号"),
}


@dataclass(frozen=True)
class Face:
    """How a kind of event looks in the story: icon, colour and tab."""

    icon: str
    tone: str
    tab: str


FACES = {
    "history.purchase": Face(icon="shopping-bag", tone="g", tab="orders"),
    "history.campaign_received": Face(icon="mail", tone="b", tab="reach"),
    "history.coupon_redeemed": Face(icon="ticket", tone="y", tab="orders"),
    "trade.order_placed": Face(icon="shopping-cart", tone="", tab="orders"),
    "trade.order_paid": Face(icon="shopping-bag", tone="g", tab="orders"),
    "trade.order_handed_over": Face(icon="package", tone="g", tab="orders"),
    "trade.order_cancelled": Face(icon="x", tone="", tab="orders"),
    "trade.order_expired": Face(icon="clock-x", tone="", tab="orders"),
    "trade.order_refunded": Face(icon="receipt-refund", tone="r", tab="orders"),
    "trade.aftersale_asked": Face(icon="message-report", tone="r", tab="orders"),
    "trade.aftersale_escalated": Face(icon="message-report", tone="", tab="orders"),
    "trade.aftersale_answered": Face(icon="checkbox", tone="g", tab="orders"),
    "trade.line_weighed": Face(icon="scale", tone="", tab="orders"),
    "trade.coupon_issued": Face(icon="ticket", tone="y", tab="reach"),
    "trade.coupon_redeemed": Face(icon="ticket", tone="y", tab="orders"),
    "trade.coupon_expired": Face(icon="ticket-off", tone="", tab="reach"),
    "insight.segment_changed": Face(icon="filter", tone="b", tab="labels"),
    "people.member_joined": Face(icon="user-plus", tone="b", tab="account"),
    "people.consent_changed": Face(icon="shield-check", tone="", tab="account"),
    "people.erasure_requested": Face(icon="user-off", tone="r", tab="account"),
    "people.erasure_withdrawn": Face(icon="user-plus", tone="g", tab="account"),
    "people.member_erased": Face(icon="user-off", tone="r", tab="account"),
    "trade.line_short": Face(icon="package", tone="r", tab="orders"),
    "trade.voucher_issued": Face(icon="qrcode", tone="y", tab="reach"),
    "trade.voucher_redeemed": Face(icon="qrcode", tone="g", tab="orders"),
    "trade.trade_in_moved": Face(icon="recycle", tone="", tab="orders"),
    "trade.box_began": Face(icon="calendar-repeat", tone="g", tab="orders"),
    "trade.box_ordered": Face(icon="calendar-repeat", tone="", tab="orders"),
    "history.order_imported": Face(icon="shopping-bag", tone="g", tab="orders"),
    "people.signed_in": Face(icon="login-2", tone="", tab="account"),
}
NAMED = {"answer": "answer", "segment": "segment", "scope": "scope"}
NAMED_OF = {"trade.trade_in_moved": {"state": "trade_in_state"}}
"""Which fields of a fact are codes that have words, and under which prefix: "{scope_name}" in its words."""

ENGAGED = Face(icon="robot", tone="b", tab="reach")
OTHER = Face(icon="point", tone="", tab="account")


@dataclass(frozen=True)
class Entry:
    """One line of the story."""

    at: datetime
    icon: str
    tone: str
    tab: str
    says: str
    more: str
    source: str


@dataclass(frozen=True)
class Chapter:
    """Lines under one heading (today, a month)."""

    title: str
    entries: tuple[Entry, ...]


def _goods(payload: dict[str, Any], catalogue: dict[str, goods.SkuInfo], of_type: dict[str, goods.SkuInfo]) -> str:
    """Up to three things in the basket by the shop's names, dearest first; history's own names stand in where it sells none."""
    lines = sorted(payload.get("lines") or [], key=lambda line: -int(line.get("amount_minor", 0)))
    ours, theirs = [], []
    for line in lines:
        sku = catalogue.get(str(line.get("sku"))) or of_type.get(str(line.get("product_type")))
        if sku is not None:
            ours.append(sku.name_en if english() else sku.name_zh)
        elif line.get("product_type"):
            theirs.append(str(line["product_type"]).capitalize())
    named = list(dict.fromkeys([*ours, *theirs]))
    joint = ", " if english() else "、"
    more = _("等 {n} 样").format(n=len(named)) if len(named) > 3 else ""
    return joint.join(named[:3]) + (" " if more else "") + more


def entries(told: Sequence[Any], currency: str) -> list[Entry]:
    """Events as lines, newest first; an event without words of its own shows its kind, so that nothing is hidden."""
    found = []
    catalogue = goods.skus(told[0].region) if told else {}
    of_type = {sku.history_type: sku for sku in catalogue.values() if sku.history_type}
    for event in told:
        face = FACES.get(event.kind) or (ENGAGED if event.kind.startswith("engage.") else OTHER)
        facts: dict[str, Any] = {k: v for k, v in event.payload.items() if not isinstance(v, list | dict)}
        for field, prefix in {**NAMED, **NAMED_OF.get(event.kind, {})}.items():
            if isinstance(facts.get(field), str):
                facts[f"{field}_name"] = words.code(f"{prefix}.{facts[field]}")
        code = f"event.{event.kind}"
        for field, value in (("entered", facts.get("entered")), ("granted", facts.get("granted"))):
            if value is False:
                code += f".not_{field}"
        says = words.code(code, currency=currency, **facts)
        parts = [_goods(event.payload, catalogue, of_type)]
        if discount := facts.get("discount_minor"):
            parts.append(_("优惠 {amount}").format(amount=money.plain(int(discount), currency)))
        found.append(
            Entry(
                at=event.happened_at,
                icon=face.icon,
                tone=face.tone,
                tab=face.tab,
                says=says.removeprefix("event."),
                more=("; " if english() else "；").join(p for p in parts if p),
                source=event.source,
            )
        )
    return found


def tabs(told: Sequence[Entry]) -> list[tuple[str, Any, int]]:
    """(key, label, count) of every tab that has something in it."""
    counts = {key: sum(1 for e in told if e.tab == key) for key in TABS}
    counts["all"] = len(told)
    return [(key, label, counts[key]) for key, label in TABS.items() if counts[key] or key == "all"]


def by_time(told: Sequence[Entry], tab: str) -> list[Chapter]:
    """Lines of one tab, under today, this month by day... and months before."""
    today = timezone.localtime(clocks.business_now()).date()
    chapters: dict[str, list[Entry]] = {}
    for entry in told:
        if tab not in ("all", entry.tab):
            continue
        day = timezone.localtime(entry.at).date()
        if day == today:
            title = _("今天")
        elif (day.year, day.month) == (today.year, today.month):
            title = _("本月")
        elif english():
            title = f"{day:%B %Y}"
        else:
            title = f"{day.year} 年 {day.month} 月"
        chapters.setdefault(title, []).append(entry)
    return [Chapter(title, tuple(lines)) for title, lines in chapters.items()]
