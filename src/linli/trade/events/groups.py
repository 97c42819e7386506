"""Facts about group-buys. `threshold` is in pieces, people or minor units, as `threshold_by` says; times are ISO."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.group_opened")
@dataclass(frozen=True)
class GroupOpened(Fact):
    """A group-buy opened in a community. `arms` are the policies' arms that gave its terms: "threshold=five"."""

    group_id: int
    community_id: int
    sku: str
    group_kind: str
    threshold: int
    threshold_by: str
    quota_pieces: int
    price_minor: int
    deadline_at: str
    arms: list[str]
    by: str


@fact("trade.group_succeeded")
@dataclass(frozen=True)
class GroupSucceeded(Fact):
    """A group-buy delivers. `outcome`: reached, short (shipped all the same), bought_in (a day later).

    What its `order_count` paid orders get for `final_price_minor` a piece can be picked up; `cases` is 0 where there are none.
    """

    group_id: int
    community_id: int
    sku: str
    outcome: str
    joined_pieces: int
    joined_people: int
    threshold: int
    threshold_by: str
    final_price_minor: int
    cases: int
    order_count: int


@fact("trade.group_missed")
@dataclass(frozen=True)
class GroupMissed(Fact):
    """A group-buy missed its threshold; `order_count` paid orders get their lines of it back."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    joined_people: int
    threshold: int
    threshold_by: str
    order_count: int


@fact("trade.group_extended")
@dataclass(frozen=True)
class GroupExtended(Fact):
    """A group-buy that would have missed has until `deadline_at`, once; members may leave it until then."""

    group_id: int
    community_id: int
    sku: str
    joined_pieces: int
    joined_people: int
    threshold: int
    threshold_by: str
    deadline_at: str


@fact("trade.order_extended")
@dataclass(frozen=True)
class OrderExtended(Fact):
    """A group of this paid order got more time, until `deadline_at` (ISO)."""

    order_id: str
    member_id: int
    community_id: int
    group_id: int
    deadline_at: str
    by: str


@fact("trade.group_moved")
@dataclass(frozen=True)
class GroupMoved(Fact):
    """What a group-buy missed is bought in with the next wave: all of it is picked up a day later, from `pickup_from`."""

    group_id: int
    community_id: int
    sku: str
    pickup_from: str
    wave_on: str


@fact("trade.stock_reserved")
@dataclass(frozen=True)
class StockReserved(Fact):
    """Pieces of a group were kept back for its pre-sale `presale_id`; `by` is who opened that."""

    group_id: int
    presale_id: int
    community_id: int
    sku: str
    pieces: int
    by: str


@fact("trade.stock_released")
@dataclass(frozen=True)
class StockReleased(Fact):
    """What `from_group_id` didn't sell went back: to group `group_id`, or (0) to the allotment `place` it came from."""

    group_id: int
    from_group_id: int
    community_id: int
    sku: str
    pieces: int
    place: str


@fact("trade.template_put")
@dataclass(frozen=True)
class TemplatePut(Fact):
    """A template of group-buys was written or changed; leaders open from it while it is `active`."""

    slug: str
    sku: str
    active: bool
    by: str
