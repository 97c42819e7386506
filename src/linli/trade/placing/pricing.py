"""What a basket costs: what was read, put before the pure rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import Home
from linli.trade import rules
from linli.trade.placing import reads
from linli.trade.placing.reads import Held, Known
from linli.trade.rules import Discount, Gift, Level, Shipping, Wanted, policies
from linli.trade.rules.policies import Policy

Lines = Iterable[Wanted | tuple[int, int] | tuple[int, int, bool]]


@dataclass(frozen=True)
class Terms:
    """What the member has a right to beside the shelf's prices; values that the caller looked up.

    `shipping` None is what the region asks; `FREE` is nothing, whatever the region asks.
    """

    level: Level | None = None
    discounts: Sequence[Discount] = ()
    shipping: Shipping | None = None
    gifts: Sequence[Gift] = ()


NO_TERMS = Terms()

FREE = Shipping()


@dataclass
class Read:
    """What a batch has read. `now` is business time."""

    now: datetime
    homes: Mapping[int, Home]
    groups: Mapping[int, Known]
    coupons: Mapping[int, Held]
    add_ons: Set[tuple[int, date]] = frozenset()
    shipping: Mapping[str, Policy] = field(default_factory=dict)
    _days: dict[str, date] = field(default_factory=dict)

    def today(self, time_zone: str) -> date:
        """The business day there."""
        if time_zone not in self._days:
            self._days[time_zone] = self.now.astimezone(_zone(time_zone)).date()
        return self._days[time_zone]


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def price(read: Read, home: Home, wanted: Sequence[Wanted], coupon_id: int | None, terms: Terms) -> rules.Quote:
    """Raises Refusal as rules.quote does, and trade.no_such_coupon: somebody else's coupon is as good as none."""
    held = None
    if coupon_id is not None:
        held = read.coupons.get(coupon_id) if rules.is_id(coupon_id) else None
        if held is None or held.member_id != home.member_id:
            raise Refusal("trade.no_such_coupon")
    return rules.quote(
        wanted,
        {id_: read.groups[id_].offer for id_ in group_ids(wanted, terms) if id_ in read.groups},
        held.voucher if held else None,
        community_id=home.community_id,
        now=read.now,
        today=read.today(home.time_zone),
        level=terms.level,
        discounts=terms.discounts,
        shipping=_shipping(read, home, wanted, terms),
        gifts=terms.gifts,
    )


def ships(terms: Terms, rule: Policy | None) -> bool:
    """Whether bringing the order may cost something, so that it matters what it travels with."""
    return rule is not None if terms.shipping is None else terms.shipping.fee_minor > 0


def _shipping(read: Read, home: Home, wanted: Sequence[Wanted], terms: Terms) -> Shipping | None:
    """What the region asks, or the terms say. What travels with an order of the same wave that is paid already is brought for nothing."""
    asked = terms.shipping
    if asked is None and (rule := read.shipping.get(home.region)) is not None:
        asked = policies.shipping([rule], home.community_id, read.today(home.time_zone))
    if asked is None:
        return None
    waves = {read.groups[w.group_id].wave_on for w in wanted if w.group_id in read.groups}
    beside = bool(waves) and all((home.member_id, wave) in read.add_ons for wave in waves)
    return replace(asked, free_from_minor=0) if beside else asked


def group_ids(wanted: Sequence[Wanted], terms: Terms) -> list[int]:
    """The group-buys that an order is about, its gifts' included."""
    return [*(w.group_id for w in wanted), *(g.group_id for g in terms.gifts)]


def quote(*, member_id: int, lines: Lines, coupon_id: int | None = None, terms: Terms = NO_TERMS) -> rules.Quote:
    """What the basket would cost now, explained; nothing is written or held.

    Raises Refusal as placing does, but for what is scarce.
    """
    homes = people.homes([member_id] if rules.is_id(member_id) else [])
    if member_id not in homes:
        raise Refusal("people.no_such_member")
    wanted = rules.basket(lines)
    coupons = reads.coupons([coupon_id] if coupon_id is not None and rules.is_id(coupon_id) else [])()
    now = clocks.business_now()
    groups, shipping = reads.groups(set(group_ids(wanted, terms)), now)()
    beside = reads.add_ons([member_id] if ships(terms, shipping.get(homes[member_id].region)) else [])
    read = Read(now, homes, groups, coupons, beside, shipping)
    return price(read, homes[member_id], wanted, coupon_id, terms)
