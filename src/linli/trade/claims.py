"""What a line keeps from others while its order lives, on the ledger: pieces, and where they count, a member's share and a seat.

One place says it, so that placing, paying, letting go and giving back can't disagree. Each claim is a pending transfer
named after its line; what is posted is sold. A line remembers which claims it made (`OrderLine.claims`), so that a
group whose terms change later still lets go of what was taken under the old ones.

    lines = load.locked(order_id)[1]           # each with its group and order
    posting.must += claims.settle(line)        # paid
    posting.must += claims.release(line)       # let go unpaid
    posting.must += claims.back(line, 2, reference=refund_no)  # two pieces come back, after it was settled
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linli.goods import quota
from linli.kernel import ledger
from linli.kernel.ledger import AccountRef, Entry, Move
from linli.trade import accounts
from linli.trade import capacity as capacities
from linli.trade.lines import holds, key_of_hold
from linli.trade.models import GroupBuy, Order, OrderLine
from linli.trade.rules import Discount

CAP, SEAT, TICKET, VOUCHER = "cap", "seat", "ticket", "voucher"
"""Claims beside the pieces: a member's share of a group, a team's seat, one seat a member, a partner's capacity."""

PLACED = "trade.order_placed"
BACK = "trade.order_refunded"


@dataclass(frozen=True, slots=True)
class Claim:
    """A line about to claim. `order` is the order's id in hex, `team` the team's, "" without one."""

    region: str
    order: str
    number: int
    group_id: int
    sku: str
    quantity: int
    member_id: int
    per_member_pieces: int | None = None
    team: str = ""
    team_size: int = 0
    capacity: AccountRef | None = None

    @property
    def kinds(self) -> list[str]:
        """What it claims beside its pieces, in order."""
        cap = [CAP] if self.per_member_pieces is not None else []
        return [*cap, *([SEAT, TICKET] if self.team else []), *([VOUCHER] if self.capacity else [])]

    @property
    def opens(self) -> dict[AccountRef, int | None]:
        """Accounts that must be there before it claims, with their floors."""
        found: dict[AccountRef, int | None] = {}
        if self.per_member_pieces is not None:
            found[share(self.region, self.group_id, self.member_id)] = -self.per_member_pieces
        if self.team:
            found[seats(self.region, self.team)] = -self.team_size
            found[ticket(self.region, self.team, self.member_id)] = -1
        return found

    @property
    def moves(self) -> list[Move]:
        """The pending moves. No expiry on the ledger: the order's own work row lets go of them."""
        key = key_of_hold(self.order, self.number)
        place = f"wave:{self.group_id}"
        pieces = quota.account(self.region, self.sku, place), quota.sold(self.region, self.sku, place), self.quantity
        return [_hold(key, *pieces), *(_hold(f"{key}/{kind}", *_ends(self, kind)) for kind in self.kinds)]


def _hold(key: str, source: AccountRef, target: AccountRef, amount: int) -> Move:
    return Move(key=key, source=source, target=target, amount=amount, reason=PLACED, pending=True)


def _ends(c: Claim, kind: str) -> tuple[AccountRef, AccountRef, int]:
    """From where to where a claim beside the pieces goes, and how much of it."""
    if kind == CAP:
        return share(c.region, c.group_id, c.member_id), shared(c.region, c.group_id), c.quantity
    if kind == SEAT:
        return seats(c.region, c.team), seated(c.region, c.team), 1
    if kind == TICKET:
        return ticket(c.region, c.team, c.member_id), ticketed(c.region, c.team), 1
    if c.capacity is None:
        raise ValueError(f"line {c.number} of order {c.order} claims a capacity that it doesn't name")
    return c.capacity, used(c.capacity), c.quantity


def share(region: str, group_id: int, member_id: int) -> AccountRef:
    """How much one member may have of a group: opened with the floor -per_member_pieces, and claimed below zero."""
    return AccountRef(region=region, asset=f"share:{group_id}", owner=f"member:{member_id}", purpose="share")


def shared(region: str, group_id: int) -> AccountRef:
    """What members have of a group that limits them."""
    return AccountRef(region=region, asset=f"share:{group_id}", owner=f"wave:{group_id}", purpose="taken")


def seats(region: str, team: str) -> AccountRef:
    """A team's free seats: opened with the floor -size, and claimed below zero."""
    return AccountRef(region=region, asset=f"seat:{team}", owner=f"team:{team}", purpose="free")


def seated(region: str, team: str) -> AccountRef:
    """A team's seats that are paid for: its balance is the headcount."""
    return AccountRef(region=region, asset=f"seat:{team}", owner=f"team:{team}", purpose="taken")


def ticket(region: str, team: str, member_id: int) -> AccountRef:
    """A member's one seat in a team: opened with the floor -1, so that nobody fills a team alone."""
    return AccountRef(region=region, asset=f"ticket:{team}", owner=f"member:{member_id}", purpose="free")


def ticketed(region: str, team: str) -> AccountRef:
    """Members that have their seat."""
    return AccountRef(region=region, asset=f"ticket:{team}", owner=f"team:{team}", purpose="taken")


def used(capacity: AccountRef) -> AccountRef:
    """What was taken of a partner's capacity."""
    return AccountRef(capacity.region, capacity.asset, capacity.owner, f"{capacity.purpose}-used", capacity.expires_on)


def claim(line: OrderLine, group: GroupBuy, capacity: AccountRef | None = None) -> Claim:
    """The line as it claims; its order must be at hand."""
    return Claim(
        line.region,
        line.order_id.hex,
        line.number,
        group.pk,
        line.sku_code,
        line.quantity,
        line.order.member_id,
        group.per_member_pieces,
        line.team_id.hex if line.team_id else "",
        group.team_size or 0,
        capacity,
    )


def for_line(line: OrderLine, group: GroupBuy, capacity: AccountRef | None = None) -> list[Move]:
    """The pending moves of a line, pieces first."""
    return claim(line, group, capacity).moves


def discounts(region: str, currency: str, order: str, given: Sequence[Discount]) -> list[Move]:
    """What an order's discounts hold in the budgets that answer for them."""
    return [
        ledger.Move(
            key=key_of_discount(order, number),
            source=accounts.budget(region, currency, off.budget_owner),
            target=accounts.revenue(region, currency),
            amount=off.amount_minor,
            reason="trade.discount",
            pending=True,
        )
        for number, off in enumerate(given, 1)
    ]


def key_of_discount(order: str, number: int) -> str:
    """The ledger key of a discount being held; `order` in hex."""
    return f"order/{order}/discount/{number}"


def settle_discounts(order: Order) -> list[Entry]:
    """The order is paid: the budgets pay its discounts."""
    return [ledger.Post(key=f"{key}/post", pending_key=key, region=order.region) for key in _discount_keys(order)]


def release_discounts(order: Order) -> list[Entry]:
    """The order ends unpaid: the budgets are free of its discounts."""
    return [ledger.Void(key=f"{key}/void", pending_key=key, region=order.region) for key in _discount_keys(order)]


def _discount_keys(order: Order) -> list[str]:
    if order.discount_minor == 0:
        return []
    return [key_of_discount(order.pk.hex, d.number) for d in order.discounts.order_by("number")]


def _keys(line: OrderLine) -> list[str]:
    return [holds(line), *(f"{holds(line)}/{kind}" for kind in line.claims.split())]


def settle(line: OrderLine) -> list[Entry]:
    """The line is paid: what it held is its own."""
    return [ledger.Post(key=f"{key}/post", pending_key=key, region=line.region) for key in _keys(line)]


def release(line: OrderLine) -> list[Entry]:
    """The line ends before it was settled: what it held is free again."""
    return [ledger.Void(key=f"{key}/void", pending_key=key, region=line.region) for key in _keys(line)]


def back(line: OrderLine, pieces: int, *, reference: str, capacity: AccountRef | None = None) -> list[Entry]:
    """`pieces` of a settled line are free again; its seat with the last of them. `reference` (a refund's number) makes it once.

    Call it before they are added to `line.returned_pieces`. Raises ValueError for more pieces than are left.
    """
    left = line.quantity - line.returned_pieces
    if not 0 < pieces <= left:
        raise ValueError(f"{pieces} of {left} pieces of {holds(line)} can't come back")
    if capacity is None and VOUCHER in line.claims.split():
        capacity = capacities.of(line.region, [line.sku_code])[line.sku_code]
    place = f"wave:{line.group_id}"
    ends = [("", quota.account(line.region, line.sku_code, place), quota.sold(line.region, line.sku_code, place), pieces)]
    made = claim(line, line.group, capacity)
    for kind in line.claims.split():
        free, taken, _ = _ends(made, kind)
        if kind in (CAP, VOUCHER):
            ends.append((f"/{kind}", free, taken, pieces))
        elif pieces == left:
            ends.append((f"/{kind}", free, taken, 1))
    return [
        Move(key=f"{holds(line)}{kind}/back/{reference}", source=taken, target=free, amount=amount, reason=BACK)
        for kind, free, taken, amount in ends
    ]
