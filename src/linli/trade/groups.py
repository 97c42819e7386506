"""Group-buys: opened in bulk, decided once at their deadline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef

from linli.goods import queries as goods
from linli.goods import quota
from linli.kernel import clocks, events, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders, pay, refunds, rules
from linli.trade.each import each
from linli.trade.events import GroupMissed, GroupOpened, GroupSucceeded, OrderReady
from linli.trade.models import GroupBuy, Order, OrderLine, PayAttempt
from linli.trade.posting import Posting
from linli.trade.rules import NewGroup

CLOSE = "trade.close_groups"


def open(*, region: str, group: NewGroup) -> int:
    """Open one group-buy; returns its id."""
    return open_many(region=region, groups=[group])[0]


@transaction.atomic
def open_many(*, region: str, groups: Sequence[NewGroup]) -> list[int]:
    """Open group-buys with their quota; returns ids in order. A key that is there gives the group that is there.

    Raises Refusal: trade.bad_group(key, fields), trade.no_such_sku(sku), people.no_such_community, trade.key_reused, and
    trade.not_enough_left(sku, left) when the reserve or the allotment they come from hasn't so much.
    """
    now = clocks.business_now()
    zone = orders.zone(region)
    there = {g.key: g for g in GroupBuy.objects.filter(region=region, key__in=[g.key for g in groups])}
    skus = goods.skus(region, {g.sku for g in groups})
    communities = {c.community_id for c in people.communities(region)}
    fresh = []
    for g in groups:
        if g.key in there:
            if not _same(there[g.key], g):
                raise Refusal("trade.key_reused")
            continue
        if g.sku not in skus:
            raise Refusal("trade.no_such_sku", sku=g.sku)
        if g.community_id not in communities:
            raise Refusal("people.no_such_community", community_id=g.community_id)
        if wrong := rules.group_faults(g, g.opens_at or now):
            raise Refusal("trade.bad_group", key=g.key, fields=", ".join(wrong))
        fresh.append(_row(region, g, g.opens_at or now, skus[g.sku].list_price_minor, zone))
    made = GroupBuy.objects.bulk_create(fresh, batch_size=2000)
    _fill(region, made)
    events.append_many([events.Told(_opened(g), region, f"group:{g.pk}") for g in made])
    for deadline in sorted({g.deadline_at for g in made}):
        work.schedule(CLOSE, key=deadline.isoformat(), due_at=deadline, region=region)
    there |= {g.key: g for g in made}
    return [there[g.key].pk for g in groups]


def _fill(region: str, made: Sequence[GroupBuy]) -> None:
    """Put the pieces at the groups' places: new supply, or what another place has (an allotment, a group's reserve)."""
    fresh = [g for g in made if not g.quota_from]
    quota.open_many(region=region, quotas=[quota.NewQuota(g.sku_code, place(g.pk), g.quota_pieces, f"group/{g.pk}") for g in fresh])
    taken = [
        ledger.Move(
            key=f"quota/group/{g.pk}",
            source=quota.account(region, g.sku_code, g.quota_from),
            target=quota.account(region, g.sku_code, place(g.pk)),
            amount=g.quota_pieces,
            reason="trade.quota_taken",
        )
        for g in made
        if g.quota_from
    ]
    if not taken:
        return
    try:
        ledger.commit(*taken)
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        account = refusal.facts["account"]
        sku = account.asset.removeprefix("sku:") if isinstance(account, ledger.AccountRef) else ""
        raise Refusal("trade.not_enough_left", sku=sku, left=refusal.facts.get("free", 0)) from refusal


def place(group_id: int) -> str:
    """Where a group-buy's quota lies on the ledger."""
    return f"wave:{group_id}"


def _row(region: str, g: NewGroup, opens_at: datetime, list_price_minor: int, zone: ZoneInfo) -> GroupBuy:
    return GroupBuy(
        region=region,
        key=g.key,
        community_id=g.community_id,
        sku_code=g.sku,
        kind=g.kind,
        threshold_by=g.threshold_by,
        threshold=g.threshold,
        quota_pieces=g.quota_pieces,
        opened_pieces=g.quota_pieces,
        quota_from=g.quota_from,
        per_member_pieces=g.per_member_pieces,
        case_size=g.case_size,
        price_minor=g.price_minor,
        ladder=[list(rung) for rung in g.ladder],
        solo_price_minor=g.solo_price_minor,
        list_price_minor=list_price_minor,
        team_size=g.team_size,
        team_hours=g.team_hours,
        on_miss=g.on_miss,
        extend_hours=g.extend_hours,
        reserve_of_id=g.reserve_of,
        policy_arms=dict(g.policy_arms),
        opens_at=opens_at,
        deadline_at=g.deadline_at,
        opened_deadline_at=g.deadline_at,
        pickup_from=g.pickup_from,
        wave_on=g.pickup_from.astimezone(zone).date(),
        opened_by=g.opened_by,
    )


def _same(row: GroupBuy, g: NewGroup) -> bool:
    """Whether what is there was opened by the same request; what its life changes since (times, pieces reserved) isn't compared."""
    asked = {
        "community_id": g.community_id,
        "sku_code": g.sku,
        "kind": g.kind,
        "threshold_by": g.threshold_by,
        "threshold": g.threshold,
        "per_member_pieces": g.per_member_pieces,
        "case_size": g.case_size,
        "price_minor": g.price_minor,
        "ladder": [list(rung) for rung in g.ladder],
        "solo_price_minor": g.solo_price_minor,
        "team_size": g.team_size,
        "team_hours": g.team_hours,
        "on_miss": g.on_miss,
        "extend_hours": g.extend_hours,
        "reserve_of_id": g.reserve_of,
        "quota_from": g.quota_from,
        "opened_deadline_at": g.deadline_at,
        "opened_pieces": g.quota_pieces,
    }
    return all(getattr(row, name) == value for name, value in asked.items())


def _opened(g: GroupBuy) -> GroupOpened:
    return GroupOpened(g.pk, g.community_id, g.sku_code, g.threshold, g.quota_pieces, g.price_minor, g.deadline_at.isoformat())


def close_due(region: str) -> int:
    """Decide every group whose deadline has passed; returns how many. Call it outside a transaction.

    Payments on their way are asked for first: a lost callback must not make a group miss its threshold.
    """
    now = clocks.business_now()
    due = GroupBuy.objects.filter(region=region, state=GroupBuy.State.OPEN, deadline_at__lte=now)
    closed = _close_empty(region, now)
    ids = list(due.order_by("deadline_at", "pk").values_list("pk", flat=True))
    waiting = PayAttempt.objects.filter(region=region, state=PayAttempt.State.OPEN, order__lines__group_id__in=ids)
    for attempt in waiting.distinct():
        pay.ask_quietly(attempt)
    # The earliest deadline comes first: a group that can't be decided would otherwise keep all later ones open for ever.
    return closed + sum(state is not None for state in each(ids, close))


@transaction.atomic
def _close_empty(region: str, now: datetime) -> int:
    """Groups that nobody ordered from, in one statement: they are most of them on a quiet day."""
    ordered = Exists(OrderLine.objects.filter(group_id=OuterRef("pk")))
    empty = GroupBuy.objects.filter(~ordered, region=region, state=GroupBuy.State.OPEN, deadline_at__lte=now)
    found = list(empty.select_for_update(of=("self",)).order_by("pk"))
    GroupBuy.objects.filter(pk__in=[g.pk for g in found]).update(state=GroupBuy.State.MISSED, closed_at=now)
    events.append_many([events.Told(_missed(g, 0, 0), region, f"group:{g.pk}") for g in found])
    return len(found)


@transaction.atomic
def close(group_id: int) -> str | None:
    """Decide one group: "succeeded" or "missed"; None when it isn't due or was decided before.

    The row's lock is the claim: a second run finds it decided, and a payment arriving now waits and sees the outcome.
    """
    group = GroupBuy.objects.select_for_update().get(pk=group_id)
    now = clocks.business_now()
    if group.state != GroupBuy.State.OPEN or now < group.deadline_at:
        return None
    paid, unpaid = _orders_of(group)
    joined = sum(line.quantity for lines in paid.values() for line in lines)
    group.state, group.joined_pieces, group.closed_at = rules.outcome(group.threshold, joined), joined, now
    group.save(update_fields=["state", "joined_pieces", "closed_at"])
    if group.state == GroupBuy.State.SUCCEEDED:
        _succeed(group, paid, now)
    else:
        _miss(group, paid, unpaid)
    return group.state


def _orders_of(group: GroupBuy) -> tuple[dict[Order, list[OrderLine]], list[Order]]:
    """The group's undecided lines by paid order, and the orders that haven't paid yet; orders locked by id."""
    lines = list(OrderLine.objects.filter(group=group, state=OrderLine.State.OPEN, solo=False))
    found = {o.pk: o for o in Order.objects.select_for_update().filter(pk__in={line.order_id for line in lines}).order_by("pk")}
    paid: defaultdict[Order, list[OrderLine]] = defaultdict(list)
    for line in lines:
        order = found[line.order_id]
        if order.state in (Order.State.PAID, Order.State.READY):
            paid[order].append(line)
    return dict(paid), [o for o in found.values() if o.state == Order.State.PLACED]


def _succeed(group: GroupBuy, paid: dict[Order, list[OrderLine]], now: datetime) -> None:
    OrderLine.objects.filter(pk__in=[line.pk for lines in paid.values() for line in lines]).update(state=OrderLine.State.READY)
    Order.objects.filter(pk__in=[o.pk for o in paid]).update(state=Order.State.READY, ready_at=now)
    pickup = group.pickup_from.isoformat()
    told = [
        events.Told(OrderReady(str(o.pk), o.member_id, o.community_id, group.pk, pickup, "system"), o.region, f"member:{o.member_id}")
        for o in paid
    ]
    fact = GroupSucceeded(group.pk, group.community_id, group.sku_code, group.joined_pieces, group.threshold, len(paid))
    events.append_many([events.Told(fact, group.region, f"group:{group.pk}"), *told])


def _miss(group: GroupBuy, paid: dict[Order, list[OrderLine]], unpaid: list[Order]) -> None:
    posting = Posting()
    for order, lines in paid.items():
        refunds.begin(posting, order, lines, reason="group_missed", by="system", key=f"group/{group.pk}/{order.pk.hex}")
    for order in unpaid:
        orders.let_go(posting, order, Order.State.CANCELLED, reason="group_missed", by="system")
    events.append(_missed(group, group.joined_pieces, len(paid)), region=group.region, subject=f"group:{group.pk}")
    posting.commit()


def _missed(group: GroupBuy, joined: int, order_count: int) -> GroupMissed:
    return GroupMissed(group.pk, group.community_id, group.sku_code, joined, group.threshold, order_count)
