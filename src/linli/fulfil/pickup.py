"""Pickup: the member names a code, the leader of that community hands over what is ready, once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from linli.fulfil import rules
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders, queries
from linli.trade.queries import LineInfo, OrderInfo


@dataclass(frozen=True)
class HandedOver:
    """What was handed over. `again`: it had been before, and nothing happened now."""

    order_id: uuid.UUID
    member_id: int
    lines: list[LineInfo]
    at: datetime
    again: bool


def lookup(*, code: str, community_id: int) -> OrderInfo:
    """The order under a code as somebody typed it, in this community alone.

    Raises Refusal: fulfil.no_such_code.
    """
    found = queries.order_by_code(rules.read_code(code), community_id)
    if found is None:
        raise Refusal("fulfil.no_such_code")
    return found


def hand_over(*, code: str, community_id: int, by: int, key: str) -> HandedOver:
    """The leader `by` (person id) hands over what is ready; a double tap gives the same answer.

    A leader of another community is refused like a wrong code. Raises Refusal: fulfil.no_such_code, trade.not_ready.
    """
    if not people.leads(by, community_id):
        raise Refusal("fulfil.no_such_code")
    order = lookup(code=code, community_id=community_id)
    handed = orders.hand_over(order_id=order.order_id, by=f"person:{by}", key=key)
    lines = [line for line in order.lines if line.number in handed.line_numbers]
    return HandedOver(order.order_id, order.member_id, lines, handed.at, handed.again)
