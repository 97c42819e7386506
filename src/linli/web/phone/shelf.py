"""How group-buys are laid out for a member: the hero, the list, the categories, the words of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from linli.kernel import clocks
from linli.trade.queries import CouponInfo, GroupCard, Neighbour
from linli.web.context import region_info
from linli.web.phone import terms
from linli.web.templatetags.linli import moment

CATEGORIES = {
    "fruit": "orange",
    "vegetable": "broccoli",
    "meat_seafood": "shrimp",
    "dairy_egg": "milk",
    "bakery": "baguette",
    "grain_oil": "rice",
    "other": "orange-juice",
}
"""Category -> the picture that stands for it, in the order of the shelf."""

SHOWN_CATEGORIES = 5
FEW = 5
EVENING_HOUR = 18


def category_name(code: str) -> str:
    """A category in the page's language; "" for one that is not sold here."""
    names = {
        "fruit": _("水果"),
        "vegetable": _("蔬菜"),
        "meat_seafood": _("肉禽水产"),
        "dairy_egg": _("乳品蛋类"),
        "bakery": _("面包糕点"),
        "grain_oil": _("粮油"),
        "other": _("其他"),
    }
    return names.get(code, "")


@dataclass(frozen=True)
class Category:
    """A category of the shelf with how many group-buys are open in it."""

    code: str
    name: str
    picture: str
    count: int


def categories(cards: Sequence[GroupCard]) -> list[Category]:
    """The categories that have anything open, in the order of the shelf."""
    counts = Counter(c.sku.category for c in cards)
    return [Category(code, category_name(code), picture, counts[code]) for code, picture in CATEGORIES.items() if counts[code]]


@dataclass(frozen=True)
class Timer:
    """Time left until a deadline. `ticks` is False while the business clock stands: a countdown would lie."""

    days: int
    hours: int
    minutes: int
    seconds: int
    total_seconds: int
    ticks: bool


def timer(until: datetime, now: datetime, *, ticks: bool) -> Timer:
    """What is left at `now`, never below zero."""
    left = max(0, int((until - now).total_seconds()))
    return Timer(left // 86_400, left % 86_400 // 3600, left % 3600 // 60, left % 60, left, ticks)


def shop_timer(until: datetime) -> Timer:
    """Time left by the shop's clock."""
    return timer(until, clocks.business_now(), ticks=clocks.standing_at() is None)


def machine_timer(until: datetime) -> Timer:
    """Time left by the machine's clock, which always runs: the minutes an order waits for its money."""
    return timer(until, clocks.machine_now(), ticks=True)


def moment_words(at: datetime) -> str:
    """今晚 22:00 in the evening of the shop's day, otherwise as everywhere: 明天 16:00."""
    local, today = timezone.localtime(at), timezone.localtime(clocks.business_now())
    if local.date() == today.date() and local.hour >= EVENING_HOUR:
        return _("今晚 %(clock)s") % {"clock": f"{local:%H:%M}"}
    if local.date() == today.date() + timedelta(days=2):
        return _("后天 %(clock)s") % {"clock": f"{local:%H:%M}"}
    return moment(at)


def day_words(at: datetime) -> str:
    """今天, 明天, 后天 or the date."""
    day = local_day(at)
    return _("后天") if day == local_day(clocks.business_now()) + timedelta(days=2) else moment(day)


def local_day(at: datetime) -> date:
    """The region's day: what is fetched on one day is fetched in one go."""
    return timezone.localtime(at).date()


def neighbours_words(neighbours: Sequence[Neighbour], households: int) -> str:
    """邻居 12 户在团; surnames only of those who agreed to be seen."""
    named = [n.surname for n in neighbours if n.surname][:2]
    if not households:
        return _("还没有邻居参团")
    if named and len(named) >= households:
        return _("%s在团") % _("、").join(_("%s家") % n for n in named)
    if named:
        return _("%(names)s等 %(count)s 户在团") % {"names": _("、").join(_("%s家") % n for n in named), "count": households}
    return ngettext("邻居 %(count)s 户在团", "邻居 %(count)s 户在团", households) % {"count": households}


@dataclass(frozen=True)
class Group:
    """A group-buy on a page: the card of trade with its words."""

    card: GroupCard
    goal: terms.Goal
    neighbours: str
    deadline: str
    pickup: str
    saved_minor: int
    sold_out: bool
    badge: str
    miss: str

    @property
    def reached(self) -> bool:
        return self.goal.reached

    @property
    def kind(self) -> str:
        """pooled, team, flash or presale."""
        return self.card.kind

    @property
    def faces(self) -> list[int]:
        """The members whose avatars stand beside it."""
        return [n.member_id for n in self.card.neighbours[:4]]

    @property
    def sells_alone(self) -> bool:
        """Whether a single piece is sold: one out of a case isn't."""
        return self.case_size == 1

    @property
    def case_size(self) -> int:
        return self.card.case_size

    @property
    def sold(self) -> int:
        """Pieces that were joined: what a flash sale counts."""
        return self.card.joined_pieces

    @property
    def stock(self) -> int:
        """What there was of it in all, as far as can still be seen."""
        return max(1, self.sold + self.card.left_pieces)

    @property
    def few_left(self) -> bool:
        """So few that it is worth saying; the figure is the quota's, nobody's invention."""
        return 0 < self.card.left_pieces <= FEW


def group(card: GroupCard) -> Group:
    """The card with its words."""
    info = region_info(card.region)
    aim = terms.goal(card, info.currency if info else "CNY")
    return Group(
        card=card,
        goal=aim,
        neighbours=neighbours_words(card.neighbours, card.joined_households),
        deadline=moment_words(card.deadline_at),
        pickup=moment_words(card.pickup_from),
        saved_minor=max(0, card.solo_price_minor - card.price_minor),
        sold_out=card.left_pieces == 0,
        badge=terms.badge(card),
        miss=terms.miss_words(card, aim),
    )


@dataclass(frozen=True)
class Front:
    """The shop's first page. `near` says whether the hero is about to succeed or just new."""

    hero: Group | None
    near: bool
    rest: list[Group]
    count: int
    categories: list[Category]
    deadline: str
    arrives: str
    left: Timer | None


def front(cards: Sequence[GroupCard], most: int = 24) -> Front:
    """The hero is what lacks least, among those that somebody has joined and that can still be had."""
    groups = [group(c) for c in cards]
    started = [g for g in groups if g.card.joined_pieces > 0 and not g.reached and not g.sold_out and g.kind != terms.TEAM]
    hero = min(started, key=lambda g: (g.goal.near, g.card.deadline_at), default=groups[0] if groups else None)
    rest = [g for g in groups if g is not hero]
    soonest = min(cards, key=lambda c: c.deadline_at, default=None)
    return Front(
        hero=hero,
        near=bool(started),
        rest=rest[:most],
        count=len(cards),
        categories=categories(cards)[:SHOWN_CATEGORIES],
        deadline=moment_words(soonest.deadline_at) if soonest else "",
        arrives=day_words(soonest.pickup_from) if soonest else "",
        left=shop_timer(soonest.deadline_at) if soonest else None,
    )


@dataclass(frozen=True)
class CouponChoice:
    """A coupon at a checkout: usable now, or what it lacks."""

    coupon: CouponInfo
    usable: bool
    missing_minor: int
    wrong_category: bool
    chosen: bool


def coupon_choices(coupons: Sequence[CouponInfo], amounts: Mapping[str, int], chosen: int | None) -> list[CouponChoice]:
    """Every usable coupon of the member beside this basket (category -> amount), the usable ones first, the largest first."""
    rows = []
    for c in coupons:
        good_for = sum(amounts.values()) if not c.category else amounts.get(c.category, 0)
        missing = max(0, c.minimum_minor - good_for)
        wrong = not good_for
        rows.append(CouponChoice(c, not wrong and not missing, missing, wrong, c.coupon_id == chosen))
    return sorted(rows, key=lambda r: (not r.usable, -r.coupon.face_minor, r.coupon.expires_on))


def best_coupon(choices: Sequence[CouponChoice]) -> int | None:
    """The usable coupon that takes most off."""
    return next((c.coupon.coupon_id for c in choices if c.usable), None)
