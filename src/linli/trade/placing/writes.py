"""What a batch of orders writes: each table once, the ledger's accounts last."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from linli.kernel import bulk, events, ledger, work
from linli.kernel.ledger import AccountRef, Move
from linli.people.queries import Home
from linli.trade import accounts, claims, rules
from linli.trade.claims import Claim
from linli.trade.events import OrderPlaced, SoldLine
from linli.trade.models import Order, OrderDiscount, OrderLine, Team
from linli.trade.placing.reads import Held, Known

EXPIRE = "trade.expire_order"

_ORDERS = bulk.Table(
    Order,
    (
        *("id", "region", "key", "digest", "member_id", "community_id", "slot", "currency"),
        *("total_minor", "discount_minor", "shipping_minor", "payable_minor", "steps", "coupon_id", "source", "placed_at", "pay_by"),
    ),
)
_LINES = bulk.Table(
    OrderLine,
    (
        *("region", "order_id", "number", "group_id", "team_id", "sku_code", "solo", "quantity", "tolerance_pieces"),
        *("list_price_minor", "unit_price_minor", "amount_minor", "discount_minor", "gift", "claims"),
    ),
)
_DISCOUNTS = bulk.Table(OrderDiscount, ("region", "order_id", "number", "code", "amount_minor", "budget_owner", "reference"))
_TEAMS = bulk.Table(Team, ("id", "region", "group_id", "started_by", "size", "deadline_at"))


@dataclass(frozen=True, slots=True)
class NewTeam:
    """A team that an order starts."""

    id: uuid.UUID
    group_id: int
    size: int
    deadline_at: datetime


@dataclass(slots=True)
class Draft:
    """An order that was priced and is about to be written."""

    id: uuid.UUID
    hex: str
    home: Home
    key: str
    digest: str
    slot: int
    source: str
    quote: rules.Quote
    coupon: Held | None
    groups: Sequence[Known]
    claims: list[Claim]
    new_teams: list[NewTeam]
    placed_at: datetime
    pay_by: datetime

    @property
    def moves(self) -> list[Move]:
        """All that it holds."""
        found = [move for claim in self.claims for move in claim.moves]
        if self.coupon is not None:
            found.append(_coupon_hold(self, self.coupon))
        found += claims.discounts(self.home.region, self.home.currency, self.hex, self.quote.discounts)
        return found

    @property
    def opens(self) -> dict[AccountRef, int | None]:
        """Accounts with a floor of their own that it claims from."""
        return {ref: floor for claim in self.claims for ref, floor in claim.opens.items()}


def _coupon_hold(d: Draft, c: Held) -> Move:
    return ledger.Move(
        key=f"coupon/{c.voucher.coupon_id}/hold/{d.hex}",
        source=accounts.wallet(c.region, c.issue, c.member_id, c.voucher.expires_on),
        target=accounts.redeemed(c.region, c.issue),
        amount=1,
        reason="trade.coupon_redeemed",
        pending=True,
    )


def order_rows(drafts: Iterable[Draft]) -> bulk.Rows:
    """The orders, in the order in which everybody claims keys and slots: two batches then wait in one direction."""
    ordered = sorted(drafts, key=lambda d: (d.home.region, d.home.member_id, d.key))
    return bulk.Rows(_ORDERS, [_order(d) for d in ordered])


def _order(d: Draft) -> tuple[object, ...]:
    q, home = d.quote, d.home
    steps = json.dumps([[s.code, s.amount_minor, s.facts] for s in q.steps])
    coupon_id = d.coupon.voucher.coupon_id if d.coupon else None
    return (
        *(d.hex, home.region, d.key, d.digest, home.member_id, home.community_id, d.slot, home.currency),
        *(q.total_minor, q.discount_minor, q.shipping_minor, q.payable_minor, steps, coupon_id, d.source, d.placed_at, d.pay_by),
    )


def detail_rows(drafts: Sequence[Draft]) -> list[bulk.Rows]:
    """All that goes with the orders: lines, discounts, new teams, the end of the time to pay, and the facts."""
    lines = [row for d in drafts for row in _lines(d)]
    discounts = [
        (d.home.region, d.hex, n, off.code, off.amount_minor, off.budget_owner, off.reference)
        for d in drafts
        for n, off in enumerate(d.quote.discounts, 1)
    ]
    teams = [(t.id.hex, d.home.region, t.group_id, d.home.member_id, t.size, t.deadline_at) for d in drafts for t in d.new_teams]
    due = [
        work.rows(
            EXPIRE, [(d.hex, d.pay_by, {"order": str(d.id)}) for d in drafts if d.home.region == region], region=region, clock="machine"
        )
        for region in {d.home.region for d in drafts}
    ]
    told = events.rows(events.Told(_placed(d), d.home.region, f"member:{d.home.member_id}", d.placed_at) for d in drafts)
    return [bulk.Rows(_TEAMS, teams), bulk.Rows(_LINES, lines), bulk.Rows(_DISCOUNTS, discounts), *due, told]


def _lines(d: Draft) -> Iterable[tuple[object, ...]]:
    for number, (q, c) in enumerate(zip(d.quote.lines, d.claims, strict=True), 1):
        yield (
            *(d.home.region, d.hex, number, q.group_id, c.team or None, q.sku, q.solo, q.quantity, q.tolerance_pieces),
            *(q.list_price_minor, q.unit_price_minor, q.amount_minor, q.discount_minor, q.gift, " ".join(c.kinds)),
        )


def _placed(d: Draft) -> OrderPlaced:
    return OrderPlaced(
        str(d.id),
        d.home.member_id,
        d.home.community_id,
        d.quote.payable_minor,
        d.quote.discount_minor,
        d.coupon.issue if d.coupon else "",
        [
            SoldLine(q.sku, q.category, g.product_type, q.group_id, q.quantity, q.amount_minor - q.discount_minor, q.discount_minor)
            for q, g in zip(d.quote.lines, d.groups, strict=True)
        ],
        f"member:{d.home.member_id}",
    )


_HOLD = """
UPDATE trade_coupon c SET state = 'held', order_id = wanted.order_id
FROM (
    SELECT k.id, a.order_id FROM unnest(%s::bigint[], %s::uuid[]) AS a (id, order_id)
    CROSS JOIN LATERAL (SELECT id FROM trade_coupon WHERE id = a.id AND state = 'issued' FOR NO KEY UPDATE) AS k
) AS wanted
WHERE c.id = wanted.id RETURNING c.order_id
"""
# Locked one after the other in the order given, which is by id: two batches then wait in one direction.


def hold_coupons(drafts: Iterable[Draft]) -> Callable[[], set[str]]:
    """Put their coupons into the orders; the answer tells the orders (hex) whose coupon was still the member's to use."""
    wanted = sorted((d.coupon.voucher.coupon_id, d.hex) for d in drafts if d.coupon is not None)
    if not wanted:
        return set
    if connection.vendor == "postgresql":
        ids, orders = zip(*wanted, strict=True)
        rows = bulk.later(_HOLD, [bulk.array(ids), bulk.array(orders)])
        return lambda: {bulk.hex_of(row[0]) for row in rows()}
    held = set()
    with bulk.cursor() as c:
        for coupon_id, order in wanted:
            c.execute("UPDATE trade_coupon SET state = 'held', order_id = %s WHERE id = %s AND state = 'issued'", [order, coupon_id])
            if c.rowcount:
                held.add(order)
    return lambda: held


def undo(orders: Collection[str], coupons: Collection[int]) -> None:
    """Take orders (hex) back in the transaction that claimed their keys, and let go of their coupons: nobody has seen them."""
    if orders:
        statement = "DELETE FROM trade_order WHERE id {}"
        _run(statement, orders, "uuid")
    if coupons:
        _run("UPDATE trade_coupon SET state = 'issued', order_id = NULL WHERE id {}", coupons, "bigint")


def _run(statement: str, ids: Collection[object], type_: str) -> None:
    with bulk.cursor() as c:
        c.execute(*bulk.bound(statement, ids, type_))
