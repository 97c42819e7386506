"""Carts: what a member means to order, kept on the server so that it survives devices.

A cart holds nothing for anybody: it is neither a claim nor a fact, so it writes no event, and prices are asked of
`orders.quote` each time. Every change says what the line shall be, not by how much it grows: tapped twice, sent
again or gone back to, it comes to the same.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import load, rules
from linli.trade.models import GroupBuy
from linli.trade.models.carts import CartLine
from linli.trade.queries import groups as reads
from linli.trade.queries.groups import GroupCard
from linli.trade.rules import Wanted, carts

KEPT = timedelta(days=3)
"""How long a line stays after its group-buy closed, so that it can be explained before it goes."""


@dataclass(frozen=True)
class Line:
    """A line as it stands. `problem` is "" or one of rules.carts; `unit_minor` what a piece is charged."""

    group: GroupCard
    solo: bool
    quantity: int
    tolerance_pieces: int
    team: str
    chosen: bool
    problem: str

    @property
    def wanted_pieces(self) -> int:
        """What is wanted in any case, without the tolerance."""
        return self.quantity - self.tolerance_pieces

    @property
    def unit_minor(self) -> int:
        return self.group.solo_price_minor if self.solo else self.group.price_minor

    @property
    def lost(self) -> bool:
        """Whether the line can't be ordered whatever is changed about it."""
        return self.problem in carts.LOST

    @property
    def wanted(self) -> Wanted:
        """The line as orders take it."""
        return Wanted(self.group.group_id, self.quantity, self.solo, self.tolerance_pieces, self.team or None)


@dataclass(frozen=True)
class Cart:
    """A member's cart in the order in which it was filled."""

    lines: list[Line]

    @property
    def live(self) -> list[Line]:
        """Lines that can be ordered."""
        return [line for line in self.lines if not line.lost]

    @property
    def lost(self) -> list[Line]:
        """Lines that can't be ordered any more."""
        return [line for line in self.lines if line.lost]

    @property
    def chosen(self) -> list[Line]:
        """Lines that go along at the checkout."""
        return [line for line in self.live if line.chosen]


def _mine(member_id: int) -> QuerySet[CartLine]:
    return CartLine.objects.filter(member_id=member_id)


def put(*, member_id: int, line: Wanted, chosen: bool = True) -> int:
    """Let the cart hold exactly this line of the group-buy; returns how many pieces the cart holds in all.

    Raises Refusal: people.no_such_member, trade.no_such_group, trade.group_closed, trade.bad_quantity, trade.bad_tolerance,
    trade.no_such_team, trade.too_many_lines.
    """
    [wanted] = rules.basket([line])
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    group = GroupBuy.objects.filter(pk=wanted.group_id, region=member.region, community_id=member.community_id).first()
    if group is None:
        raise Refusal("trade.no_such_group")
    now = clocks.business_now()
    if group.state != GroupBuy.State.OPEN or now >= group.deadline_at:
        raise Refusal("trade.group_closed")
    _mine(member_id).filter(group__deadline_at__lt=now - KEPT).delete()
    others = _mine(member_id).exclude(group=group, solo=wanted.solo)
    if others.filter(group__state=GroupBuy.State.OPEN, group__deadline_at__gt=now).count() >= rules.MOST_LINES:
        raise Refusal("trade.too_many_lines", most=rules.MOST_LINES)
    at = clocks.machine_now()
    row = CartLine(
        region=member.region,
        member_id=member_id,
        group=group,
        solo=wanted.solo,
        quantity=wanted.quantity,
        tolerance_pieces=wanted.tolerance_pieces,
        team=wanted.team or "",
        chosen=chosen,
        added_at=at,
        touched_at=at,
    )
    CartLine.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["region", "member_id", "group", "solo"],
        update_fields=["quantity", "tolerance_pieces", "team", "chosen", "touched_at"],
    )
    return count(member_id)


def remove(*, member_id: int, group_id: int, solo: bool) -> None:
    """Take a line out of the cart. One that isn't there is as good as removed."""
    if rules.is_id(group_id):
        _mine(member_id).filter(group_id=group_id, solo=solo).delete()


def choose(*, member_id: int, group_id: int, solo: bool, chosen: bool) -> None:
    """Let a line go along at the next checkout, or wait in the cart."""
    if rules.is_id(group_id):
        _mine(member_id).filter(group_id=group_id, solo=solo).update(chosen=chosen, touched_at=clocks.machine_now())


def choose_all(*, member_id: int, chosen: bool) -> None:
    """Let every line go along, or none."""
    _mine(member_id).update(chosen=chosen, touched_at=clocks.machine_now())


def switch(*, member_id: int, group_id: int, solo: bool) -> None:
    """Buy alone what was to be joined, or the other way round; two lines of one group-buy become one.

    Raises Refusal as `put` does; one that isn't there is left alone.
    """
    line = _mine(member_id).filter(group_id=group_id, solo=not solo).first() if rules.is_id(group_id) else None
    if line is None:
        return
    there = _mine(member_id).filter(group_id=group_id, solo=solo).first()
    quantity = min(rules.MOST_PIECES, line.quantity + (there.quantity if there else 0))
    put(member_id=member_id, line=Wanted(group_id, quantity, solo), chosen=line.chosen)
    remove(member_id=member_id, group_id=group_id, solo=not solo)


def clear_lost(*, member_id: int) -> int:
    """Take out every line that can't be ordered any more; returns how many."""
    lost = of(member_id).lost
    for line in lost:
        remove(member_id=member_id, group_id=line.group.group_id, solo=line.solo)
    return len(lost)


def ordered(*, member_id: int, lines: list[Wanted], before: datetime) -> None:
    """These lines were ordered at `before` (machine time): they leave the cart, unless they were put in again since.

    A form that is sent once more finds its order there already, and must not take out what was put in for the next one.
    """
    for line in lines:
        _mine(member_id).filter(group_id=line.group_id, solo=line.solo, touched_at__lte=before).delete()


def of(member_id: int) -> Cart:
    """The member's cart with every line as it stands; few statements, however long it is."""
    rows = list(_mine(member_id).select_related("group").order_by("added_at", "pk"))
    cards = {card.group_id: card for card in reads.cards_of([row.group for row in rows])}
    now = clocks.business_now()
    return Cart([_line(row, cards[row.group_id], now) for row in rows])


def _line(row: CartLine, card: GroupCard, now: datetime) -> Line:
    problem = carts.standing(
        state=card.state,
        opens_at=card.opens_at,
        deadline_at=card.deadline_at,
        left_pieces=card.left_pieces,
        quantity=row.quantity,
        now=now,
    )
    return Line(card, row.solo, row.quantity, row.tolerance_pieces, row.team, row.chosen, problem)


def count(member_id: int) -> int:
    """How many pieces of open group-buys the cart holds: the figure on the tab."""
    now = clocks.business_now()
    found = _mine(member_id).filter(group__state=GroupBuy.State.OPEN, group__deadline_at__gt=now)
    return int(found.aggregate(pieces=Sum("quantity"))["pieces"] or 0)


def pieces(member_id: int) -> dict[int, int]:
    """Group id -> pieces in the cart to be joined: the figure on a card."""
    found = _mine(member_id).filter(solo=False)
    return dict(found.values_list("group_id", "quantity"))


def again(*, member_id: int, order_id: uuid.UUID | str) -> tuple[int, int]:
    """Put what an order held into the cart, where its goods can be joined now; returns (lines put, lines not to be had).

    The group-buys of the past are over: each line is matched with an open one of the same SKU in the member's community.
    Raises Refusal: trade.no_such_order, people.no_such_member.
    """
    order = load.own(order_id, member_id)
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    now = clocks.business_now()
    open_now = GroupBuy.objects.filter(
        region=member.region, community_id=member.community_id, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now
    )
    there = {g.sku_code: g for g in open_now.order_by("-deadline_at")}
    lines = list(order.lines.filter(gift=False).order_by("number"))
    done = 0
    for line in lines:
        group = there.get(line.sku_code)
        if group is None:
            continue
        quantity = min(rules.MOST_PIECES, max(1, line.quantity - line.tolerance_pieces))
        put(member_id=member_id, line=Wanted(group.pk, quantity))
        done += 1
    return done, len(lines) - done
