"""Closing: a group is decided once, at its deadline, and everybody gets what that comes to: goods, a difference, or the money back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum

from linli.kernel import clocks, events, work
from linli.trade import joining, orders, pay, pickups, presale, refunds, teams
from linli.trade.each import each
from linli.trade.events import GroupExtended, GroupMissed, GroupMoved, GroupSucceeded, OrderExtended
from linli.trade.models import GroupBuy, Order, OrderLine, PayAttempt, Pickup
from linli.trade.posting import Posting
from linli.trade.rules import outcomes, returns
from linli.trade.rules.outcomes import Decision

CLOSE = "trade.close_groups"


@dataclass(frozen=True)
class Members:
    """Who is in a group when it is decided: undecided lines by paid order, and the orders that haven't paid; all locked."""

    paid: dict[Order, list[OrderLine]]
    unpaid: list[Order]

    @property
    def lines(self) -> list[OrderLine]:
        return [line for lines in self.paid.values() for line in lines]


def close_due(region: str) -> int:
    """Decide every group whose deadline has passed; returns how many. Call it outside a transaction.

    Payments on their way are asked for first: a lost callback must not make a group miss its threshold.
    """
    now = clocks.business_now()
    due = GroupBuy.objects.filter(region=region, state=GroupBuy.State.OPEN, deadline_at__lte=now)
    closed = _close_empty(region, now)
    ids = list(due.order_by("deadline_at", "pk").values_list("pk", flat=True))
    for attempt in PayAttempt.objects.filter(state=PayAttempt.State.OPEN, order__lines__group_id__in=ids).distinct():
        pay.ask_quietly(attempt)
    # The earliest deadline comes first: a group that can't be decided would otherwise keep all later ones open for ever.
    return closed + sum(state is not None for state in each(ids, close))


@transaction.atomic
def _close_empty(region: str, now: datetime) -> int:
    """Groups that nobody ordered from, in one statement: they are most of them on a quiet day."""
    ordered = Exists(OrderLine.objects.filter(group_id=OuterRef("pk")))
    own = GroupBuy.objects.filter(quota_from="")  # what came from elsewhere goes back there, group by group
    empty = own.filter(~ordered, region=region, state=GroupBuy.State.OPEN, deadline_at__lte=now)
    found = list(empty.select_for_update(of=("self",)).order_by("pk"))
    GroupBuy.objects.filter(pk__in=[g.pk for g in found]).update(
        state=GroupBuy.State.MISSED, outcome=outcomes.MISSED, closed_at=now, final_price_minor=None
    )
    events.append_many([events.Told(_missed(g, 0), region, f"group:{g.pk}") for g in found])
    return len(found)


@transaction.atomic
def close(group_id: int) -> str | None:
    """Decide one group: the state it is in afterwards ("succeeded", "missed", "open" when it got more time).

    None when it isn't due or was decided before. The row's lock is the claim: a second run finds it decided, and a payment
    arriving now waits and sees the outcome.
    """
    group = _locked(group_id)
    now = clocks.business_now()
    if group.state != GroupBuy.State.OPEN or now < group.deadline_at:
        return None
    if group.kind == GroupBuy.Kind.TEAM:
        return _close_teams(group, now)
    members = _members(group)
    decision = outcomes.decide(terms(group), [paid_line(line, order) for order, lines in members.paid.items() for line in lines])
    if decision.outcome == outcomes.EXTENDED:
        _extend(group, members, decision)
        return group.state
    group.outcome, group.closed_at = decision.outcome, now
    group.joined_pieces, group.joined_people, group.joined_minor = decision.joined_pieces, decision.joined_people, decision.joined_minor
    posting = Posting()
    if decision.outcome in outcomes.DELIVERS:
        group.state, group.final_price_minor = GroupBuy.State.SUCCEEDED, decision.final_price_minor
        if decision.outcome == outcomes.BOUGHT_IN:
            _move_pickup(group)
        _deliver(posting, group, members, decision, now)
    else:
        group.state = GroupBuy.State.MISSED
        _give_all_back(posting, group, members)
    group.save()
    posting.commit()
    presale.release(group)
    return group.state


def _close_teams(group: GroupBuy, now: datetime) -> str:
    """Its teams are decided, each by itself; the group succeeded when any of them did."""
    full, people = teams.close_all(group, now)
    pieces = OrderLine.objects.filter(team__group=group, team__state="full").exclude(state=OrderLine.State.CANCELLED)
    orders_ready = set(pieces.values_list("order_id", flat=True))
    group.closed_at, group.joined_people = now, people
    group.joined_pieces = pieces.aggregate(n=Sum("quantity", default=0))["n"]
    group.state, group.outcome = GroupBuy.State.MISSED, outcomes.MISSED
    if full:
        group.state, group.outcome, group.final_price_minor = GroupBuy.State.SUCCEEDED, outcomes.REACHED, group.price_minor
    group.save()
    fact = _succeeded(group, len(orders_ready)) if full else _missed(group, 0)
    events.append(fact, region=group.region, subject=f"group:{group.pk}")
    presale.release(group)
    return group.state


def _locked(group_id: int) -> GroupBuy:
    return GroupBuy.objects.select_for_update().get(pk=group_id)


def terms(group: GroupBuy) -> outcomes.Terms:
    """What the group is decided by."""
    return outcomes.Terms(
        group.threshold_by, group.threshold, group.price_minor, group.on_miss, group.extended, group.case_size, group.ladder
    )


def paid_line(line: OrderLine, order: Order) -> outcomes.PaidLine[int]:
    """A line as the decision sees it; what an operator gave back before is taken off its tolerance first."""
    left = line.quantity - line.returned_pieces
    tolerance = max(0, line.tolerance_pieces - line.returned_pieces)
    return outcomes.PaidLine(line.pk, order.member_id, left - tolerance, tolerance, line.unit_price_minor, order.placed_at)


def _members(group: GroupBuy) -> Members:
    lines = list(OrderLine.objects.filter(group=group, state=OrderLine.State.OPEN, solo=False).order_by("order__placed_at", "pk"))
    return grouped(lines)


def grouped(lines: Sequence[OrderLine]) -> Members:
    """Undecided lines under their orders, which are locked."""
    found = joining.by_order(lines)
    paid = {o: lines for o, lines in found.items() if o.state in (Order.State.PAID, Order.State.READY)}
    return Members(paid, [o for o in found if o.state == Order.State.PLACED])


def _extend(group: GroupBuy, members: Members, decision: Decision[int]) -> None:
    """More time, once: everybody stays in, and may still leave."""
    group.extended = True
    group.deadline_at += timedelta(hours=group.extend_hours)
    group.save(update_fields=["extended", "deadline_at"])
    work.schedule(CLOSE, key=group.deadline_at.isoformat(), due_at=group.deadline_at, region=group.region)
    fact = GroupExtended(
        group.pk,
        group.community_id,
        group.sku_code,
        decision.joined_pieces,
        decision.joined_people,
        group.threshold,
        group.threshold_by,
        group.deadline_at.isoformat(),
    )
    told = [
        (o, OrderExtended(str(o.pk), o.member_id, o.community_id, group.pk, group.deadline_at.isoformat(), "system")) for o in members.paid
    ]
    events.append_many(
        [events.Told(fact, group.region, f"group:{group.pk}"), *(events.Told(f, o.region, f"member:{o.member_id}") for o, f in told)]
    )


def _move_pickup(group: GroupBuy) -> None:
    """What is missing comes with the next wave: the whole group is picked up a day later."""
    group.pickup_from += timedelta(days=1)
    group.wave_on += timedelta(days=1)
    fact = GroupMoved(group.pk, group.community_id, group.sku_code, group.pickup_from.isoformat(), group.wave_on.isoformat())
    events.append(fact, region=group.region, subject=f"group:{group.pk}")


def _deliver(posting: Posting, group: GroupBuy, members: Members, decision: Decision[int], now: datetime) -> None:
    """Ready for pickup: the pieces that were filled, at the final price. The rest of the money goes back by itself."""
    kept = {order: [line for line in lines if decision.pieces[line.pk]] for order, lines in members.paid.items()}
    kept = {order: lines for order, lines in kept.items() if lines}
    joining.make_ready(kept, now)
    if decision.outcome == outcomes.BOUGHT_IN:
        _reassign(group, kept)
    events.append(
        _succeeded(group, len(kept), decision.cases if group.case_size > 1 else 0), region=group.region, subject=f"group:{group.pk}"
    )
    joining.tell_ready(kept, group)
    _settle(posting, group, members, partial(_part, decision))
    if group.case_size > 1:  # the cases are counted: what is paid later can be in none of them
        for order in members.unpaid:
            orders.let_go(posting, order, Order.State.CANCELLED, reason="group_closed", by="system")


def _reassign(group: GroupBuy, kept: dict[Order, list[OrderLine]]) -> None:
    """Put the lines into the pickups of the day they moved to; a pickup that is empty now is over."""
    before = {line.pickup_id for lines in kept.values() for line in lines if line.pickup_id}
    for order, lines in kept.items():
        for line in lines:
            line.group = group
        pickups.assign(order, lines)
    OrderLine.objects.bulk_update([line for lines in kept.values() for line in lines], ["pickup"])
    waiting = OrderLine.objects.filter(pickup_id__in=before, state__in=[OrderLine.State.OPEN, OrderLine.State.READY])
    empty = before - set(waiting.values_list("pickup_id", flat=True))
    Pickup.objects.filter(pk__in=empty).update(state=Pickup.State.DONE)


def _part(decision: Decision[int], line: OrderLine) -> returns.Part | None:
    return outcomes.settled_part(refunds.charge(line), decision.pieces[line.pk], decision.final_price_minor, line.unit_price_minor)


def _settle(posting: Posting, group: GroupBuy, members: Members, part_of: partial[returns.Part | None]) -> None:
    """Give back what the outcome leaves of each order, once an order."""
    parts = {order: [p for p in map(part_of, lines) if p is not None] for order, lines in members.paid.items()}
    parts = {order: found for order, found in parts.items() if found}
    all_of: defaultdict[object, list[OrderLine]] = defaultdict(list)
    for line in OrderLine.objects.filter(order__in=[o.pk for o in parts]).order_by("order_id", "number"):
        if line.group_id == group.pk:
            line.group = group
        all_of[line.order_id].append(line)
    for order, found in parts.items():
        for line in all_of[order.pk]:
            line.order = order
        refunds.begin(
            posting,
            order,
            found,
            reason=_why(found, members.paid[order]),
            by="system",
            key=f"group/{group.pk}/{order.pk.hex}",
            lines=all_of[order.pk],
        )


def _why(parts: Iterable[returns.Part], lines: Sequence[OrderLine]) -> str:
    """Whether the price fell, pieces were left over, or both."""
    pieces = sum(p.pieces for p in parts)
    by_number = {line.number: line for line in lines}
    worth = sum(p.refund_minor + p.discount_back_minor - p.pieces * by_number[p.number].unit_price_minor for p in parts)
    if pieces and worth > 0:
        return "settled"
    return "cases" if pieces else "ladder"


def _give_all_back(posting: Posting, group: GroupBuy, members: Members) -> None:
    for order, lines in members.paid.items():
        refunds.begin(posting, order, refunds.whole(lines), reason="group_missed", by="system", key=f"group/{group.pk}/{order.pk.hex}")
    for order in members.unpaid:
        orders.let_go(posting, order, Order.State.CANCELLED, reason="group_missed", by="system")
    events.append(_missed(group, len(members.paid)), region=group.region, subject=f"group:{group.pk}")


def _succeeded(group: GroupBuy, order_count: int, cases: int = 0) -> GroupSucceeded:
    return GroupSucceeded(
        group.pk,
        group.community_id,
        group.sku_code,
        group.outcome,
        group.joined_pieces,
        group.joined_people,
        group.threshold,
        group.threshold_by,
        group.final_price_minor or group.price_minor,
        cases,
        order_count,
    )


def _missed(group: GroupBuy, order_count: int) -> GroupMissed:
    return GroupMissed(
        group.pk,
        group.community_id,
        group.sku_code,
        group.joined_pieces,
        group.joined_people,
        group.threshold,
        group.threshold_by,
        order_count,
    )
