"""What a payment means for the groups and teams of its lines: who is in, whose team is full, what a late payer pays.

For pay, inside the transaction that settles it: the groups are locked before the order (`load.locked`), so two payments
that fill the same team come one after the other, and closing sees either all of a payment or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from linli.kernel import events, work
from linli.trade import refunds, rules
from linli.trade.events import OrderReady, TeamFull
from linli.trade.models import GroupBuy, Order, OrderLine, Team
from linli.trade.posting import Posting
from linli.trade.rules import outcomes

CLOSE_TEAMS = "trade.close_teams"
IN = (Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)


def enter(order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """Set the state of each line of an order that is being paid; whoever takes a team's last seat makes all of it ready.

    The lines are written by the caller; the other orders of a full team are written here.
    """
    teams = {
        t.pk: t for t in Team.objects.select_for_update().filter(pk__in=[line.team_id for line in lines if line.team_id]).order_by("pk")
    }
    for line in lines:
        team = teams[line.team_id] if line.team_id else None
        now_in = rules.line_once_paid(
            line.group.state, solo=line.solo, team_state=team.state if team else None, in_cases=line.group.case_size > 1
        )
        line.state = OrderLine.State(now_in)
        if team is not None and line.state == OrderLine.State.OPEN:
            _take_seat(order, line, team, now)


def _take_seat(order: Order, line: OrderLine, team: Team, now: datetime) -> None:
    others = list(OrderLine.objects.filter(team=team, state=OrderLine.State.OPEN, order__state__in=IN).exclude(order=order))
    if not others:  # somebody is in: from now on the team has something to lose
        work.schedule(CLOSE_TEAMS, key=team.pk.hex, due_at=team.deadline_at, region=team.region, payload={"team": str(team.pk)})
    if len(others) + 1 < team.size:
        return
    line.state = OrderLine.State.READY
    team.state, team.decided_at = Team.State.FULL, now
    team.save(update_fields=["state", "decided_at"])
    fact = TeamFull(str(team.pk), line.group_id, order.community_id, line.sku_code, team.size, team.started_by)
    events.append(fact, region=team.region, subject=f"group:{line.group_id}")
    kept = by_order(others)
    make_ready(kept, now)
    tell_ready(kept, line.group)


def by_order(lines: Sequence[OrderLine]) -> dict[Order, list[OrderLine]]:
    """Lines under their orders, which are locked by id."""
    found = {o.pk: o for o in Order.objects.select_for_update().filter(pk__in={line.order_id for line in lines}).order_by("pk")}
    orders: defaultdict[Order, list[OrderLine]] = defaultdict(list)
    for line in lines:
        line.order = found[line.order_id]
        orders[line.order].append(line)
    return dict(orders)


def make_ready(kept: dict[Order, list[OrderLine]], now: datetime) -> None:
    """These lines of paid orders can be picked up; three statements for any number."""
    for order, lines in kept.items():
        order.state, order.ready_at = Order.State.READY, order.ready_at or now
        for line in lines:
            line.state = OrderLine.State.READY
    OrderLine.objects.filter(pk__in=[line.pk for lines in kept.values() for line in lines]).update(state=OrderLine.State.READY)
    Order.objects.filter(pk__in=[o.pk for o in kept], ready_at=None).update(ready_at=now)
    Order.objects.filter(pk__in=[o.pk for o in kept]).update(state=Order.State.READY)


def tell_ready(kept: dict[Order, list[OrderLine]], group: GroupBuy) -> None:
    """Say of each order that what it has of the group can be picked up."""
    pickup = group.pickup_from.isoformat()
    events.append_many(
        [
            events.Told(OrderReady(str(o.pk), o.member_id, o.community_id, group.pk, pickup, "system"), o.region, f"member:{o.member_id}")
            for o in kept
        ]
    )


def settle(posting: Posting, order: Order, lines: Sequence[OrderLine]) -> None:
    """Money that came after its group was decided: the member pays what everybody pays, the difference goes back at once.

    After the lines are written as paid. Solo lines and gifts have their own price.
    """
    parts = []
    for line in lines:
        final = line.group.final_price_minor
        if final is None or line.solo or line.gift or line.state != OrderLine.State.READY:
            continue
        left = line.quantity - line.returned_pieces
        part = outcomes.settled_part(refunds.charge(line), left, final, line.unit_price_minor)
        parts += [part] if part is not None else []
    if parts:
        refunds.begin(posting, order, parts, reason="ladder", by="system", key=f"final/{order.pk.hex}")
