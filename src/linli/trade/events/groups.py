"""Facts about group-buys."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.group_opened")
@dataclass(frozen=True)
class GroupOpened(Fact):
    """A group-buy opened in a community. `deadline_at` is an ISO time."""

    group_id: int
    community_id: int
    sku: str
    threshold_pieces: int
    quota_pieces: int
    price_minor: int
    deadline_at: str


@fact("trade.group_succeeded")
@dataclass(frozen=True)
class GroupSucceeded(Fact):
    """A group-buy reached its threshold by its deadline; `order_count` paid orders can be picked up."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    threshold_pieces: int
    order_count: int


@fact("trade.group_missed")
@dataclass(frozen=True)
class GroupMissed(Fact):
    """A group-buy missed its threshold; `order_count` paid orders get their lines of it back."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    threshold_pieces: int
    order_count: int
