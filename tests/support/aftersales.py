"""Orders that have been handed over, in the small shop: what after-sale, weighing and commission begin with."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from linli.goods import catalog
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.trade import groups, orders
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, sku

OPERATOR_PHONE, SECOND_PHONE = "+15550000010", "+15550000011"


def appoint_operator(phone: str = OPERATOR_PHONE) -> int:
    """An operator of the region; returns the person's id."""
    return people_groups.appoint(phone=phone, display_name="Op", kind="operator", region=REGION)


def handed_order(shop: Shop, till: Till, lines: list[tuple[int, int]] | None = None, *, key: str = "k", member: int = 0) -> uuid.UUID:
    """Alice (or `member`) bought 3 cherries at 4.00 (or `lines`), their groups succeeded, and it was handed over at noon."""
    placed = buy(till, member or shop.alice, lines or [(shop.cherries, 3)], key=key)
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        orders.hand_over(order_id=placed.order_id, by=f"person:{shop.leader}", key="h")
    return placed.order_id


def crabs(shop: Shop, *, price_minor: int = 999, piece_g: int = 250, quota_pieces: int = 90, deadline_at: datetime = NOON) -> int:
    """A group-buy of something weighed; returns its id."""
    item = replace(sku("crabs", "meat_seafood", 2_000), weighed=True, piece_g=piece_g)
    catalog.put_many(region=REGION, skus=[item])
    figures = {"threshold": 1, "quota_pieces": quota_pieces, "price_minor": price_minor, "solo_price_minor": price_minor}
    when = {"deadline_at": deadline_at, "pickup_from": max(deadline_at, MONDAY + timedelta(days=1))}
    made = new_group(shop.maple, "crabs", key="crabs", **figures, **when)
    return groups.open(region=REGION, group=made)
