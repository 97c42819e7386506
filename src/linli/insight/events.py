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


@fact("insight.target_set")
@dataclass(frozen=True)
class TargetSet(Fact):
    """The operator (`by`, a person's number) aims at `value` with a metric from now on, in its unit; None: at nothing."""

    metric: str
    value: float | None
    by: int


@dataclass(frozen=True)
class ImportedLine:
    """One of the goods of an imported order; `amount_minor` is its part of what was paid, `category` one of the shop's."""

    product_name: str
    sku: str
    category: str
    quantity: int
    amount_minor: int


@fact("history.order_imported")
@dataclass(frozen=True)
class OrderImported(Fact):
    """An order stood in another system's export. `order_id` is named by the system and its number; a later file that says
    something else of it tells the next `revision`, and the highest that was not withdrawn counts. `pieces` 0: not bought."""

    order_id: str
    import_id: int
    revision: int
    order_no: str
    member_id: int
    community_id: int
    amount_minor: int
    pieces: int
    lines: tuple[ImportedLine, ...]


@fact("history.messages_counted")
@dataclass(frozen=True)
class MessagesCounted(Fact):
    """How many messages one sender wrote in a community's group on one local day; never what. `member_id` None: no member is
    known by that name. The highest `revision` that was not withdrawn counts."""

    count_id: str
    import_id: int
    revision: int
    member_id: int | None
    community_id: int
    messages: int


@fact("history.import_withdrawn")
@dataclass(frozen=True)
class ImportWithdrawn(Fact):
    """An import was taken back: what it told counts no more, as of any moment. Recorded as of its first fact, since its facts
    were recorded as of the days they tell of."""

    import_id: int
