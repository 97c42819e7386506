"""What insight reports: the facts of imported history, and members who change segments."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@dataclass(frozen=True)
class HistoryLine:
    """One product in a basket of history. `amount_minor` is what the shop got for it; `discount_minor` what it took
    off the shelf price. Types and categories are the history's own words, None where it has none."""

    product_id: int
    product_type: str | None
    category: str | None
    department: str | None
    quantity: int
    amount_minor: int
    discount_minor: int


@fact("history.purchase")
@dataclass(frozen=True)
class HistoryPurchase(Fact):
    """A basket of imported history was bought. The member paid `amount_minor - coupon_discount_minor`."""

    basket_id: int
    member_id: int
    community_id: int
    store_id: int
    amount_minor: int
    discount_minor: int
    coupon_discount_minor: int
    lines: tuple[HistoryLine, ...]


@fact("history.campaign_received")
@dataclass(frozen=True)
class HistoryCampaignReceived(Fact):
    """A member of history was sent a campaign (type A, B or C); told on the campaign's first day."""

    member_id: int
    campaign_id: int
    campaign_type: str


@fact("history.coupon_redeemed")
@dataclass(frozen=True)
class HistoryCouponRedeemed(Fact):
    """A member of history redeemed a coupon of a campaign."""

    member_id: int
    coupon_upc: int
    campaign_id: int


@fact("insight.segment_changed")
@dataclass(frozen=True)
class SegmentChanged(Fact):
    """A member entered or left a segment; `reason` holds the features that say why, `as_of` (ISO time) when they held."""

    member_id: int
    community_id: int
    segment: str
    entered: bool
    as_of: str
    reason: dict[str, object]
