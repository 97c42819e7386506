"""Reads of group-buys: what can be joined, how far it is, who is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks
from linli.people import consent
from linli.people import queries as people
from linli.trade.models import GroupBuy, Order, OrderLine

NEIGHBOURS_SHOWN = 6
LIVE = (Order.State.PLACED, Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)
PAID = LIVE[1:]


@dataclass(frozen=True)
class Neighbour:
    """Somebody who has joined; `surname` is "" without their consent."""

    member_id: int
    surname: str


@dataclass(frozen=True)
class GroupCard:
    """A group-buy as it stands: `missing_pieces` to its threshold, `left_pieces` still to be had. Only paid pieces join."""

    group_id: int
    region: str
    community_id: int
    sku: SkuInfo
    price_minor: int
    solo_price_minor: int
    list_price_minor: int
    joined_pieces: int
    joined_households: int
    threshold_pieces: int
    missing_pieces: int
    left_pieces: int
    opens_at: datetime
    deadline_at: datetime
    pickup_from: datetime
    state: str
    neighbours: list[Neighbour]


@dataclass(frozen=True)
class Progress:
    """Pieces of one group: `taken` are held or sold, `joined` are paid and in the group."""

    taken: int
    joined: int
    households: int


def progress(group_ids: Sequence[int]) -> dict[int, Progress]:
    """Group id -> its pieces, for groups that anybody ordered from; one statement."""
    joined = Q(solo=False, order__state__in=PAID)
    rows = (
        OrderLine.objects.filter(group_id__in=group_ids, order__state__in=LIVE)
        .exclude(state=OrderLine.State.CANCELLED)
        .values("group_id")
        .annotate(
            taken=Sum("quantity"),
            joined=Sum("quantity", filter=joined, default=0),
            households=Count("order__member_id", filter=joined, distinct=True),
        )
    )
    return {r["group_id"]: Progress(r["taken"], r["joined"], r["households"]) for r in rows}


def open_groups(community_id: int, limit: int | None = None) -> list[GroupCard]:
    """What can be joined in a community now: the next deadline first, and then what is nearest to success."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(community_id=community_id, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    cards = cards_of(list(found))
    cards.sort(key=lambda c: (c.deadline_at, c.missing_pieces == 0, c.missing_pieces / c.threshold_pieces, c.group_id))
    return cards[:limit]


def on_offer(region: str) -> dict[int, set[str]]:
    """Community id -> codes of the SKUs that can be joined there now; one statement."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(region=region, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    offered: dict[int, set[str]] = {}
    for community_id, code in found.values_list("community_id", "sku_code"):
        offered.setdefault(community_id, set()).add(code)
    return offered


def group(group_id: int) -> GroupCard | None:
    """One group-buy, whatever its state."""
    found = GroupBuy.objects.filter(pk=group_id).first()
    return cards_of([found])[0] if found else None


def cards_of(found: list[GroupBuy]) -> list[GroupCard]:
    """Group-buys with goods, progress and neighbours, in their order; five statements for any number."""
    if not found:
        return []
    skus = goods.skus(found[0].region, {g.sku_code for g in found})
    standing = progress([g.pk for g in found])
    beside = _neighbours([g.pk for g in found])
    return [_card(g, skus[g.sku_code], standing.get(g.pk, Progress(0, 0, 0)), beside.get(g.pk, [])) for g in found]


def _card(g: GroupBuy, sku: SkuInfo, now: Progress, beside: list[Neighbour]) -> GroupCard:
    joined = now.joined if g.state != GroupBuy.State.MISSED else g.joined_pieces
    return GroupCard(
        group_id=g.pk,
        region=g.region,
        community_id=g.community_id,
        sku=sku,
        price_minor=g.price_minor,
        solo_price_minor=g.solo_price_minor,
        list_price_minor=g.list_price_minor,
        joined_pieces=joined,
        joined_households=now.households,
        threshold_pieces=g.threshold,
        missing_pieces=max(0, g.threshold - joined),
        left_pieces=max(0, g.quota_pieces - now.taken),
        opens_at=g.opens_at,
        deadline_at=g.deadline_at,
        pickup_from=g.pickup_from,
        state=g.state,
        neighbours=beside,
    )


def _neighbours(group_ids: list[int]) -> dict[int, list[Neighbour]]:
    """The latest to join each group, with the surname where they allowed it."""
    joined = OrderLine.objects.filter(group_id__in=group_ids, solo=False, order__state__in=PAID).exclude(state=OrderLine.State.CANCELLED)
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for group_id, member_id in joined.order_by("-order__paid_at", "-pk").values_list("group_id", "order__member_id"):
        if member_id not in by_group[group_id] and len(by_group[group_id]) < NEIGHBOURS_SHOWN:
            by_group[group_id].append(member_id)
    shown = {m for members in by_group.values() for m in members}
    if not shown:
        return {}
    willing = consent.has_many(shown, "neighbours")
    names = people.members(willing)
    return {g: [Neighbour(m, names[m].surname if m in names else "") for m in members] for g, members in by_group.items()}
