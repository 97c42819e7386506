"""What Linli believes of one member, drawn: value with its interval, rhythm and the next date, the next basket, hours, segments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import cos, pi, sin
from typing import Any

from django.utils.translation import gettext as _

from linli.goods import queries as goods
from linli.insight import queries as insight
from linli.kernel import money
from linli.trade import queries as trade
from linli.web import words
from linli.web.console import figures
from linli.web.console.people_of import why_of
from linli.web.templatetags.linli import local_name

SHOWN = 5
"""Goods in each list of the next basket."""
LEFT, RIGHT = 20.0, 380.0


@dataclass(frozen=True)
class Value:
    """The coming 90 days on a line of 0..400: the interval, its middle, and what was paid in the last 90."""

    worth: insight.Worth
    low_x: float
    middle_x: float
    high_x: float
    paid_minor: int
    paid_x: float
    top_minor: int


def value_of(detail: insight.MemberDetail) -> Value | None:
    """None where nothing is believed."""
    worth = detail.worth
    if worth is None:
        return None
    paid = detail.row.spend_90d_minor
    top = max(worth.high_minor, paid, 1)

    def at(minor: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * minor / top, 1)

    return Value(worth, at(worth.low_minor), at(worth.median_minor), at(worth.high_minor), paid, at(paid), top)


@dataclass(frozen=True)
class Rhythm:
    """Gaps between orders as bars, the open one last, the usual as a line; `late_days` over the expected date, else 0."""

    told: insight.Rhythm
    chart: figures.Columns
    late_days: int
    today: date


def rhythm_of(detail: insight.MemberDetail) -> Rhythm | None:
    """None with too few orders to have one."""
    told = detail.rhythm
    if told is None:
        return None
    lengths = [*(days for _day, days in told.gaps), told.open_days]
    today = told.last + timedelta(days=told.open_days)
    ends = [*(f"{day:%m-%d}" for day, _days in told.gaps), _("今天")]
    titles = [*(_("{day} 下单，隔了 {n} 天").format(day=f"{day:%m-%d}", n=days) for day, days in told.gaps),
              _("上次下单到今天 {n} 天").format(n=told.open_days)]  # fmt: skip
    labels = [end if (len(ends) - 1 - i) % 4 == 0 else "" for i, end in enumerate(ends)]
    top = figures.nice_top(max(*lengths, told.median_days))
    chart = figures.columns([float(n) for n in lengths], labels, titles, tuple(f"{n:g}" for n in (0, top / 2, top)), mean=told.median_days)
    return Rhythm(told, chart, max(0, (today - told.due).days), today)


@dataclass(frozen=True)
class Wanted:
    """One good of the next basket: its name, why, and whether it can be joined now."""

    name: str
    why: str
    on_sale: bool


@dataclass(frozen=True)
class Basket:
    """The next basket: what they will buy again, what they may try."""

    again: list[Wanted]
    new: list[Wanted]


def basket_of(detail: insight.MemberDetail, region: str, community_id: int) -> Basket | None:
    """None where nothing is believed."""
    if not detail.wants:
        return None
    catalogue = {s.item: s for s in goods.skus(region).values()}
    on_sale = trade.on_offer(region).get(community_id, set())

    def told(want: insight.Want) -> Wanted:
        facts = dict(want.facts)
        if beside := facts.get("beside"):
            facts["beside"] = local_name(catalogue[beside]) if beside in catalogue else str(beside).capitalize()
        sku = catalogue.get(want.item)
        name = local_name(sku) if sku else want.item.capitalize()
        return Wanted(name, words.code(f"want.{want.code}", **facts), sku is not None and sku.code in on_sale)

    again, new = ([w for w in detail.wants if w.repeat is repeat][:SHOWN] for repeat in (True, False))
    return Basket([told(w) for w in again], [told(w) for w in new])


@dataclass(frozen=True)
class Hour:
    """The usual hour as a hand on a dial of 100 x 100, as long as the hours agree."""

    hour: int
    agreement: float
    x: float
    y: float


def hour_of(known: dict[str, Any]) -> Hour | None:
    """None without a usual hour."""
    hour, agreement = known.get("preferred_hour"), known.get("hour_concentration")
    if hour is None or agreement is None:
        return None
    turn = 2 * pi * hour / 24
    return Hour(hour, agreement, round(50 + 38 * agreement * sin(turn), 1), round(50 - 38 * agreement * cos(turn), 1))


def segments_of(detail: insight.MemberDetail, currency: str) -> list[tuple[str, str, Any]]:
    """(segment, why, since) of those that hold."""
    return [(words.code(f"segment.{s.segment}"), why_of(s.reason, currency), s.at) for s in detail.stays]


def beliefs(detail: insight.MemberDetail | None, region: str, community_id: int, currency: str) -> dict[str, Any]:
    """Everything for the page; empty before anything is known."""
    if detail is None or not detail.profiled:
        return {}
    known = {f.name: f.value for f in detail.features}
    from linli.insight import verdicts  # a start loads no lake and no arrays: the first look does

    notes = {v.kind: words.code(v.note) for v in verdicts.of(region, detail.row.as_of)}
    return {
        "value_note": notes.get("value", ""),
        "basket_note": notes.get("basket", ""),
        "value": value_of(detail),
        "rhythm": rhythm_of(detail),
        "basket": basket_of(detail, region, community_id),
        "hour": hour_of(known),
        "coupons": known.get("coupon_share_90d"),
        "discounts": known.get("discount_share_90d"),
        "segments": segments_of(detail, currency),
        "symbol": money.CURRENCIES[currency].symbol,
    }
