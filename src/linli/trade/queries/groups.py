"""Reads of group-buys: what can be joined, how far it is, who is in."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Greatest

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks, ledger
from linli.people import consent
from linli.people import queries as people
from linli.trade import claims, rules
from linli.trade.models import GroupBuy, Order, OrderLine, Team

NEIGHBOURS_SHOWN = 6
LIVE = (Order.State.PLACED, Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)
PAID = LIVE[1:]


@dataclass(frozen=True)
class Neighbour:
    """Somebody who has joined; `surname` is "" without their consent."""

    member_id: int
    surname: str


@dataclass(frozen=True)
class Rung:
    """A price of the ladder: what a piece costs from `from_pieces` on, and how many are missing to it (0: reached)."""

    from_pieces: int
    price_minor: int
    missing_pieces: int


@dataclass(frozen=True)
class TeamInfo:
    """A team as it stands: `members` have paid, `seats_left` nobody holds. Times are business times."""

    team_id: str
    group_id: int
    size: int
    seats_left: int
    members: list[Neighbour]
    started_by: int
    deadline_at: datetime
    state: str

    @property
    def missing_members(self) -> int:
        return max(0, self.size - len(self.members))


@dataclass(frozen=True)
class GroupCard:
    """A group-buy as it stands. Only what is paid has joined; `left_pieces` can still be had.

    `threshold`, `progress` and `missing` are in its own measure: pieces, people (households) or minor units, as `threshold_by`
    says. `threshold_pieces` and `missing_pieces` are the same figures under the names they have where pieces are the measure.
    """

    group_id: int
    region: str
    community_id: int
    sku: SkuInfo
    kind: str
    price_minor: int
    solo_price_minor: int
    list_price_minor: int
    final_price_minor: int | None
    threshold_by: str
    threshold: int
    joined_pieces: int
    joined_households: int
    joined_minor: int
    left_pieces: int
    per_member_pieces: int | None
    ladder: list[tuple[int, int]]
    case_size: int
    tolerance_pieces: int
    team_size: int | None
    team_hours: int | None
    teams: list[TeamInfo]
    on_miss: str
    extend_hours: int
    extended: bool
    outcome: str
    reserve_of: int | None
    arms: dict[str, str]
    opens_at: datetime
    deadline_at: datetime
    pickup_from: datetime
    state: str
    neighbours: list[Neighbour]

    @property
    def progress(self) -> int:
        """How far it is, in its own measure."""
        return {"people": self.joined_households, "amount": self.joined_minor}.get(self.threshold_by, self.joined_pieces)

    @property
    def missing(self) -> int:
        return max(0, self.threshold - self.progress)

    @property
    def threshold_pieces(self) -> int:
        return self.threshold

    @property
    def missing_pieces(self) -> int:
        return self.missing

    @property
    def rungs(self) -> list[Rung]:
        """The ladder, the joining price first."""
        steps = [(0, self.price_minor), *self.ladder]
        return [Rung(pieces, price, max(0, pieces - self.joined_pieces)) for pieces, price in steps]

    @property
    def price_now_minor(self) -> int:
        """What everybody would pay if it closed now; what it came to once it has."""
        if self.final_price_minor is not None:
            return self.final_price_minor
        return rules.rung(self.price_minor, self.ladder, self.joined_pieces)

    @property
    def next_rung(self) -> Rung | None:
        """The next lower price, None on the last."""
        return next((rung for rung in self.rungs if rung.missing_pieces), None)

    @property
    def cases(self) -> int:
        """Full cases as it stands; 0 where it comes by the piece."""
        return rules.cases_of(self.joined_pieces, self.tolerance_pieces, self.case_size) if self.case_size > 1 else 0

    @property
    def case_missing_pieces(self) -> int:
        """Pieces that the case being filled still needs (what others would take beside is counted in); 0: none is being filled."""
        return rules.missing_to_case(self.joined_pieces, self.tolerance_pieces, self.case_size)

    @property
    def sells_alone(self) -> bool:
        """Whether it can be bought at the solo price: what comes in cases can't."""
        return self.case_size == 1


@dataclass(frozen=True)
class Progress:
    """One group: `taken` pieces are held or sold; `joined` are paid, in the group and wanted, `tolerance` could be taken beside."""

    taken: int = 0
    joined: int = 0
    households: int = 0
    tolerance: int = 0
    joined_minor: int = 0


def progress(group_ids: Sequence[int]) -> dict[int, Progress]:
    """Group id -> how far it is, for groups that anybody ordered from; one statement.

    A line whose money went back after it was fetched keeps its pieces: they are nobody's to sell again. Of one that went
    back with its pieces nothing is left to count.
    """
    joined = Q(solo=False, order__paid_at__isnull=False, quantity__gt=F("returned_pieces"))
    left = F("quantity") - F("returned_pieces")
    spare = Greatest(F("tolerance_pieces") - F("returned_pieces"), 0)
    rows = (
        OrderLine.objects.filter(Q(order__state=Order.State.PLACED) | Q(order__paid_at__isnull=False), group_id__in=group_ids)
        .values("group_id")
        .annotate(
            taken=Sum(left),
            joined=Sum(left - spare, filter=joined & Q(state=OrderLine.State.OPEN), default=0)
            + Sum(left, filter=joined & ~Q(state=OrderLine.State.OPEN), default=0),
            spare=Sum(spare, filter=joined & Q(state=OrderLine.State.OPEN), default=0),
            worth=Sum(left * F("unit_price_minor"), filter=joined, default=0),
            households=Count("order__member_id", filter=joined, distinct=True),
        )
    )
    return {r["group_id"]: Progress(r["taken"], r["joined"], r["households"], r["spare"], r["worth"]) for r in rows}


def open_groups(community_id: int, limit: int | None = None) -> list[GroupCard]:
    """What can be joined in a community now: the next deadline first, and then what is nearest to success."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(community_id=community_id, state=GroupBuy.State.OPEN, opens_at__lte=now, deadline_at__gt=now)
    cards = cards_of(list(found))
    cards.sort(key=lambda c: (c.deadline_at, c.missing == 0, c.missing / c.threshold, c.group_id))
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


def upcoming(community_id: int, limit: int | None = None) -> list[GroupCard]:
    """What opens later in a community (a flash sale's window, the group of a pre-sale), the next first."""
    now = clocks.business_now()
    found = GroupBuy.objects.filter(community_id=community_id, state=GroupBuy.State.OPEN, opens_at__gt=now).order_by("opens_at", "pk")
    return cards_of(list(found[:limit] if limit else found))


def shares_left(cards: Iterable[GroupCard], member_id: int) -> dict[int, int]:
    """Group id -> how many pieces the member may still have of it; groups without a limit are left out. One statement."""
    limited = [card for card in cards if card.per_member_pieces is not None]
    if not limited:
        return {}
    held = ledger.balances(limited[0].region, owner=f"member:{member_id}", asset_prefix="share:", purpose="share")
    taken = {balance.ref: balance.held - balance.balance for balance in held}
    return {
        card.group_id: max(0, (card.per_member_pieces or 0) - taken.get(claims.share(card.region, card.group_id, member_id), 0))
        for card in limited
    }


def team(team_id: str) -> TeamInfo | None:
    """One team, whatever its state; None for one that isn't there."""
    try:
        found = Team.objects.filter(pk=uuid.UUID(team_id)).first()
    except ValueError:
        return None
    if found is None:
        return None
    seats = _seats([found])
    names = _names({m for held in seats.values() for m in held.paid})
    return _team(found, seats[found.pk], names)


def cards_of(found: list[GroupBuy]) -> list[GroupCard]:
    """Group-buys with goods, progress, neighbours and teams, in their order; five statements for any number, seven with teams."""
    if not found:
        return []
    skus = goods.skus(found[0].region, {g.sku_code for g in found})
    ids = [g.pk for g in found]
    standing = progress(ids)
    open_ids = [g.pk for g in found if g.kind == GroupBuy.Kind.TEAM and g.state == GroupBuy.State.OPEN]
    joinable = Team.objects.filter(group_id__in=open_ids, state=Team.State.OPEN, deadline_at__gt=clocks.business_now())
    teams = list(joinable.order_by("deadline_at", "pk")) if open_ids else []
    seats = _seats(teams)
    beside = _latest(ids)
    shown = {m for members in beside.values() for m in members} | {m for held in seats.values() for m in held.paid}
    names = _names(shown)
    by_group: defaultdict[int, list[TeamInfo]] = defaultdict(list)
    for t in teams:
        # Nobody is shown an empty team: whoever started it may never pay.
        if seats[t.pk].paid and seats[t.pk].held < t.size:
            by_group[t.group_id].append(_team(t, seats[t.pk], names))
    for of_group in by_group.values():
        of_group.sort(key=lambda t: (t.missing_members, t.deadline_at))
    return [
        _card(g, skus[g.sku_code], standing.get(g.pk, Progress()), [names[m] for m in beside.get(g.pk, [])], by_group[g.pk]) for g in found
    ]


def _card(g: GroupBuy, sku: SkuInfo, now: Progress, beside: list[Neighbour], teams: list[TeamInfo]) -> GroupCard:
    missed = g.state == GroupBuy.State.MISSED  # its lines are cancelled: what it had come to is on its row
    return GroupCard(
        group_id=g.pk,
        region=g.region,
        community_id=g.community_id,
        sku=sku,
        kind=g.kind,
        price_minor=g.price_minor,
        solo_price_minor=g.solo_price_minor,
        list_price_minor=g.list_price_minor,
        final_price_minor=g.final_price_minor,
        threshold_by=g.threshold_by,
        threshold=g.threshold,
        joined_pieces=g.joined_pieces if missed else now.joined,
        joined_households=g.joined_people if missed else now.households,
        joined_minor=g.joined_minor if missed else now.joined_minor,
        left_pieces=max(0, g.quota_pieces - now.taken),
        per_member_pieces=g.per_member_pieces,
        ladder=[(pieces, price) for pieces, price in g.ladder],
        case_size=g.case_size,
        tolerance_pieces=now.tolerance,
        team_size=g.team_size,
        team_hours=g.team_hours,
        teams=teams,
        on_miss=g.on_miss,
        extend_hours=g.extend_hours,
        extended=g.extended,
        outcome=g.outcome,
        reserve_of=g.reserve_of_id,
        arms=dict(g.policy_arms),
        opens_at=g.opens_at,
        deadline_at=g.deadline_at,
        pickup_from=g.pickup_from,
        state=g.state,
        neighbours=beside,
    )


@dataclass
class _Seats:
    """A team's seats: how many are held in all, and the members who paid for theirs, the first first."""

    held: int = 0
    paid: list[int] = field(default_factory=list)


def _seats(teams: Sequence[Team]) -> dict[uuid.UUID, _Seats]:
    """Team -> its seats; one statement, none without teams."""
    found = {t.pk: _Seats() for t in teams}
    if not found:
        return found
    lines = OrderLine.objects.filter(team__in=list(found), order__state__in=LIVE).exclude(state=OrderLine.State.CANCELLED)
    for team_id, member_id, state in lines.order_by("order__placed_at", "pk").values_list("team_id", "order__member_id", "order__state"):
        found[team_id].held += 1
        if state in PAID:
            found[team_id].paid.append(member_id)
    return found


def _team(t: Team, seats: _Seats, names: dict[int, Neighbour]) -> TeamInfo:
    return TeamInfo(
        str(t.pk),
        t.group_id,
        t.size,
        max(0, t.size - seats.held) if t.state == Team.State.OPEN else 0,
        [names[m] for m in seats.paid],
        t.started_by,
        t.deadline_at,
        t.state,
    )


def _latest(group_ids: list[int]) -> dict[int, list[int]]:
    """The latest members to join each group."""
    joined = OrderLine.objects.filter(group_id__in=group_ids, solo=False, order__state__in=PAID).exclude(state=OrderLine.State.CANCELLED)
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for group_id, member_id in joined.order_by("-order__paid_at", "-pk").values_list("group_id", "order__member_id"):
        if member_id not in by_group[group_id] and len(by_group[group_id]) < NEIGHBOURS_SHOWN:
            by_group[group_id].append(member_id)
    return by_group


def _names(member_ids: set[int]) -> dict[int, Neighbour]:
    """Members with the surname where they allowed it; two statements, none without members."""
    if not member_ids:
        return {}
    willing = people.members(consent.has_many(member_ids, "neighbours"))
    return {m: Neighbour(m, willing[m].surname if m in willing else "") for m in member_ids}
