"""Facts about a leader's earnings. `person_id` is the leader."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.commission_accrued")
@dataclass(frozen=True)
class CommissionAccrued(Fact):
    """A line was handed over: its commission waits for the end of the cool-off, `due_at`."""

    person_id: int
    community_id: int
    order_id: str
    sku: str
    base_minor: int
    rate_bp: int
    amount_minor: int
    due_at: str


@fact("trade.commission_posted")
@dataclass(frozen=True)
class CommissionPosted(Fact):
    """The cool-off of so many lines of a leader is over: their commission is earned."""

    person_id: int
    amount_minor: int
    lines: int


@fact("trade.commission_repaid")
@dataclass(frozen=True)
class CommissionRepaid(Fact):
    """Earnings repaid what had been clawed back after it was paid out."""

    person_id: int
    amount_minor: int


@fact("trade.commission_clawed_back")
@dataclass(frozen=True)
class CommissionClawedBack(Fact):
    """Money of a line went back, and with it the commission on it."""

    person_id: int
    community_id: int
    order_id: str
    sku: str
    refund_no: str
    refund_minor: int
    amount_minor: int
    after_posting: bool


@fact("trade.withdrawal_requested")
@dataclass(frozen=True)
class WithdrawalRequested(Fact):
    """A leader wants earnings paid out; they are held."""

    withdrawal_id: str
    person_id: int
    amount_minor: int
    by: str


@fact("trade.withdrawal_decided")
@dataclass(frozen=True)
class WithdrawalDecided(Fact):
    """An operator decided, or paid. `outcome`: approved, refused, paid."""

    withdrawal_id: str
    person_id: int
    amount_minor: int
    outcome: str
    reference: str
    by: str


@fact("trade.commission_rate_changed")
@dataclass(frozen=True)
class CommissionRateChanged(Fact):
    """From now on lines of this SKU or layer earn so much; `rate_bp` -1: as everything else."""

    scope: str
    target: str
    rate_bp: int
    by: str
