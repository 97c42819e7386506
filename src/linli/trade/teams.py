"""Teams (拼团) inside a group-buy: so many neighbours, seats claimed, each team decided by itself.

A team starts with an order whose line says so, and its seats are an account of their own on the ledger (`claims.seats`): 64 who
want the last one are judged by its floor. A seat is free again with the order that held it. Full and paid, a team is ready at
once (`joining.enter`); short of members at its deadline it gives its own members their money back, and nobody else.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from linli.kernel import clocks, events
from linli.trade import joining, orders, pay, refunds
from linli.trade.each import each
from linli.trade.events import TeamMissed
from linli.trade.models import GroupBuy, Order, OrderLine, PayAttempt, Team
from linli.trade.posting import Posting

CLOSE = joining.CLOSE_TEAMS


def close_due(region: str) -> int:
    """Decide every team that somebody paid for and whose time is up; returns how many. Call it outside a transaction.

    Payments on their way are asked for first: a lost callback must not cost a team its last member.
    """
    due = Team.objects.filter(region=region, state=Team.State.OPEN, deadline_at__lte=clocks.business_now())
    due = due.filter(lines__order__state__in=joining.IN).distinct()
    ids = list(due.order_by("deadline_at", "pk").values_list("pk", flat=True))
    for attempt in PayAttempt.objects.filter(state=PayAttempt.State.OPEN, order__lines__team__in=ids).distinct():
        pay.ask_quietly(attempt)
    return sum(bool(done) for done in each(ids, close))


@transaction.atomic
def close(team_id: uuid.UUID) -> bool:
    """Decide one team; False when it isn't due or was decided before. The locks of its group and its row are the claim."""
    group_id = Team.objects.values_list("group_id", flat=True).get(pk=team_id)
    group = GroupBuy.objects.select_for_update().get(pk=group_id)
    team = Team.objects.select_for_update().get(pk=team_id)
    now = clocks.business_now()
    if team.state != Team.State.OPEN or now < team.deadline_at:
        return False
    dissolve(group, [team], now)
    return True


def dissolve(group: GroupBuy, teams: list[Team], now: datetime) -> None:
    """These open teams of a group weren't full in time. All of them are locked by the caller."""
    posting = Posting()
    lines = list(OrderLine.objects.filter(team__in=teams, state=OrderLine.State.OPEN).order_by("order__placed_at", "pk"))
    members = joining.by_order(lines)
    seats = dict.fromkeys([t.pk for t in teams], 0)
    for order, found in members.items():
        if order.state == Order.State.PLACED:
            orders.let_go(posting, order, Order.State.CANCELLED, reason="team_missed", by="system")
        elif order.state in joining.IN:
            teams_of = sorted({line.team_id for line in found if line.team_id})
            for team_id in teams_of:
                seats[team_id] += 1
            key = f"team/{teams_of[0].hex}/{order.pk.hex}"
            refunds.begin(posting, order, refunds.whole(found), reason="team_missed", by="system", key=key)
    for team in teams:
        team.state, team.decided_at = Team.State.MISSED, now
    Team.objects.bulk_update(teams, ["state", "decided_at"])
    told = [(t, TeamMissed(str(t.pk), group.pk, group.community_id, group.sku_code, t.size, seats[t.pk])) for t in teams]
    events.append_many([events.Told(fact, team.region, f"group:{group.pk}") for team, fact in told if fact.paid_seats])
    posting.commit()


def close_all(group: GroupBuy, now: datetime) -> tuple[int, int]:
    """The group's time is up, and so is every team's in it; returns (full teams, members in them)."""
    dissolve(group, list(Team.objects.select_for_update().filter(group=group, state=Team.State.OPEN).order_by("pk")), now)
    full = list(Team.objects.filter(group=group, state=Team.State.FULL).values_list("size", flat=True))
    return len(full), sum(full)
