"""Pickup: the member names a code, the leader of that community hands over what is ready, once."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from linli.fulfil import rules
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders, queries
from linli.trade.queries import LineInfo, OrderInfo, PickupInfo


@dataclass(frozen=True)
class HandedOver:
    """What was handed over, of one order or several (`order_id` is the first). `again`: it had been before."""

    order_id: uuid.UUID
    member_id: int
    lines: list[LineInfo]
    at: datetime
    again: bool
    order_ids: list[uuid.UUID]


def found(*, code: str, community_id: int) -> PickupInfo:
    """All that lies under a code as somebody typed it, in this community alone. Raises Refusal: fulfil.no_such_code."""
    there = queries.pickup_by_code(rules.read_code(code), community_id)
    if there is None or not there.orders:
        raise Refusal("fulfil.no_such_code")
    return there


def lookup(*, code: str, community_id: int) -> OrderInfo:
    """The order under a code, or the first that still waits of several. Raises Refusal: fulfil.no_such_code."""
    orders_ = found(code=code, community_id=community_id).orders
    return next((o for o in orders_ if any(line.state in ("open", "ready") for line in o.lines)), orders_[-1])


def hand_over(*, code: str, community_id: int, by: int, key: str, only: Collection[tuple[uuid.UUID, int]] | None = None) -> HandedOver:
    """The leader `by` (person id) hands over what is ready under the code, of all its orders; a double tap answers the same.

    `only` these lines (order, number) when others are still missing. A leader of another community is refused like a
    wrong code. Raises Refusal: fulfil.no_such_code, trade.not_ready.
    """
    there = _own(code, community_id, by)
    handed = orders.hand_over_pickup(pickup_id=there.pickup_id, by=f"person:{by}", key=key, only=only)
    numbers = {(h.order_id, n) for h in handed for n in h.line_numbers}
    lines = [line for o in there.orders for line in o.lines if (o.order_id, line.number) in numbers]
    first = handed[0]
    return HandedOver(first.order_id, first.member_id, lines, max(h.at for h in handed), first.again, [h.order_id for h in handed])


def short(*, code: str, community_id: int, by: int, order_id: uuid.UUID | str, number: int, pieces: int | None = None, key: str) -> str:
    """The leader says that pieces of a line (None: all of it) are missing: their money goes back; returns the refund's number.

    Raises Refusal: fulfil.no_such_code (also for a line that doesn't lie under it), trade.not_ready, trade.bad_quantity(most),
    trade.key_reused.
    """
    there = _own(code, community_id, by)
    if not any(str(o.order_id) == str(order_id) and line.number == number for o in there.orders for line in o.lines):
        raise Refusal("fulfil.no_such_code")
    return orders.short(order_id=order_id, number=number, pieces=pieces, by=f"person:{by}", key=key)


def _own(code: str, community_id: int, by: int) -> PickupInfo:
    if not people.leads(by, community_id):
        raise Refusal("fulfil.no_such_code")
    return found(code=code, community_id=community_id)
