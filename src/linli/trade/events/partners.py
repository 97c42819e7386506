"""Facts about partners, vouchers, trade-ins and boxes."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.partner_put")
@dataclass(frozen=True)
class PartnerPut(Fact):
    """A partner came in, or its terms changed: which fields."""

    partner: str
    fields: list[str]
    by: str


@fact("trade.statement_drawn")
@dataclass(frozen=True)
class StatementDrawn(Fact):
    """What a partner is owed until a day was added up; its total is held."""

    partner: str
    statement_id: str
    until: str
    total_minor: int
    by: str


@fact("trade.statement_ended")
@dataclass(frozen=True)
class StatementEnded(Fact):
    """A partner's statement was paid or cancelled (`outcome`)."""

    partner: str
    statement_id: str
    outcome: str
    total_minor: int
    reference: str
    by: str


@fact("trade.voucher_issued")
@dataclass(frozen=True)
class VoucherIssued(Fact):
    """A member got a voucher for a partner's service, bought (`value_minor`) or as a gift (0)."""

    voucher_id: int
    member_id: int
    community_id: int
    order_id: str
    service: str
    partner: str
    value_minor: int
    expires_on: str
    by: str


@fact("trade.voucher_redeemed")
@dataclass(frozen=True)
class VoucherRedeemed(Fact):
    """A partner did its service for a voucher: use `number` of it."""

    voucher_id: int
    member_id: int
    community_id: int
    service: str
    partner: str
    number: int
    owed_minor: int
    by: str


@fact("trade.voucher_ended")
@dataclass(frozen=True)
class VoucherEnded(Fact):
    """A voucher ended without its partner: `reason` refunded, revoked or expired; `refunded_minor` goes back."""

    voucher_id: int
    member_id: int
    community_id: int
    service: str
    reason: str
    refunded_minor: int
    by: str


@fact("trade.member_referred")
@dataclass(frozen=True)
class MemberReferred(Fact):
    """A member asked for something that isn't sold here and was told of a partner."""

    member_id: int
    community_id: int
    partner: str
    sku: str
    by: str


@fact("trade.trade_in_moved")
@dataclass(frozen=True)
class TradeInMoved(Fact):
    """A trade-in reached a state; `amount_minor` is what that was about (credit, due, what the recycler paid)."""

    trade_in_id: str
    member_id: int
    community_id: int
    category: str
    state: str
    amount_minor: int
    by: str


@fact("trade.box_began")
@dataclass(frozen=True)
class BoxBegan(Fact):
    """A member subscribed to a weekly box."""

    box_id: str
    member_id: int
    community_id: int
    plan: str
    weekday: int
    quantity: int
    by: str


@fact("trade.box_changed")
@dataclass(frozen=True)
class BoxChanged(Fact):
    """A weekly box was paused, resumed, cancelled, or a week of it skipped or wanted again (`change`)."""

    box_id: str
    member_id: int
    community_id: int
    plan: str
    change: str
    week: str
    by: str


@fact("trade.box_ordered")
@dataclass(frozen=True)
class BoxOrdered(Fact):
    """A week's box was ordered for the member and waits for money until `pay_until` (ISO time): the time to remind them."""

    box_id: str
    member_id: int
    community_id: int
    plan: str
    week: str
    order_id: str
    payable_minor: int
    pay_until: str
    by: str


@fact("trade.box_passed")
@dataclass(frozen=True)
class BoxPassed(Fact):
    """A week went by without a box: `reason` skipped, unpaid, paused, off (a holiday) or why it couldn't be ordered."""

    box_id: str
    member_id: int
    community_id: int
    plan: str
    week: str
    reason: str
    by: str
