"""The names of trade's accounts on the ledger, in one place."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from linli.kernel import ledger
from linli.kernel.ledger import AccountRef


def channel(region: str, currency: str, name: str) -> AccountRef:
    """What the channel has taken in for us and not paid back (no floor: below zero is what it holds for us)."""
    return AccountRef(region=region, asset=currency, owner=f"channel:{name}", purpose="receivable")


def revenue(region: str, currency: str) -> AccountRef:
    """What orders brought, discounts paid by budgets included (no floor: a refund is never refused for it)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="revenue")


def fees(region: str, currency: str) -> AccountRef:
    """What channels have kept for themselves (no floor: below zero is what they cost)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="fees")


def unwanted(region: str, currency: str) -> AccountRef:
    """Money that came for orders that no longer wanted it: owed, not earned."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="unwanted")


def granted(region: str, currency: str, owner: str) -> AccountRef:
    """Where a budget is filled from (no floor: its negative balance is what the owner was ever granted)."""
    return AccountRef(region=region, asset=currency, owner=owner, purpose="granted")


def budget(region: str, currency: str, owner: str) -> AccountRef:
    """What a playbook may still give away; coupons out there are held in it at their full face."""
    return AccountRef(region=region, asset=currency, owner=owner, purpose="budget")


def issuer(region: str, issue: str) -> AccountRef:
    """Where an issue's coupons come from; its floor is the most there may be."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner="shop", purpose="issue")


def wallet(region: str, issue: str, member_id: int, expires_on: date) -> AccountRef:
    """A member's coupons of an issue, by expiry."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner=f"member:{member_id}", purpose="coupons", expires_on=expires_on)


@lru_cache(maxsize=1000)
def redeemed(region: str, issue: str) -> AccountRef:
    """Coupons used."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner="shop", purpose="redeemed")


def expired(region: str, issue: str) -> AccountRef:
    """Coupons that ran out."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner="shop", purpose="expired")


def commission(region: str, currency: str) -> AccountRef:
    """What leaders' commission has cost (no floor: it is an expense)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="commission")


def earnings(region: str, currency: str, person_id: int) -> AccountRef:
    """What a leader has earned and not withdrawn; withdrawals being decided are held in it."""
    return AccountRef(region=region, asset=currency, owner=f"leader:{person_id}", purpose="earnings")


def owed(region: str, currency: str, person_id: int) -> AccountRef:
    """What a leader owes for commission clawed back after it was paid out (no floor: below zero is the debt)."""
    return AccountRef(region=region, asset=currency, owner=f"leader:{person_id}", purpose="owed")


def withdrawn(region: str, currency: str, person_id: int) -> AccountRef:
    """What was ever paid out to a leader."""
    return AccountRef(region=region, asset=currency, owner=f"leader:{person_id}", purpose="withdrawn")


def spot_of_day(region: str, person_id: int, day: date) -> AccountRef:
    """What a leader may refund on the spot that day: opened with the floor -limit, and claimed below zero."""
    return AccountRef(region=region, asset="spot", owner=f"leader:{person_id}", purpose="spot-day", expires_on=day)


def spot_of_order(region: str, order: str) -> AccountRef:
    """What may be refunded on the spot of one order, as above."""
    return AccountRef(region=region, asset="spot", owner=f"order:{order}", purpose="spot-order")


def spot_used(region: str) -> AccountRef:
    """What leaders refunded on the spot, counted against both limits."""
    return AccountRef(region=region, asset="spot", owner="shop", purpose="spot-used")


def open_money(region: str, currency: str, channel_name: str = "sandbox") -> None:
    """Open the accounts that have no floor, once; again changes nothing."""
    for ref in (channel(region, currency, channel_name), revenue(region, currency)):
        ledger.open(ref, floor=None)


def partner_cost(region: str, currency: str) -> AccountRef:
    """What partners' goods and services cost the shop (no floor: its negative balance is the cost)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="partner-cost")


def payable(region: str, currency: str, partner: str) -> AccountRef:
    """What a partner is owed and hasn't been paid."""
    return AccountRef(region=region, asset=currency, owner=f"partner:{partner}", purpose="payable")


def owing(region: str, currency: str, partner: str) -> AccountRef:
    """What a partner owes after a refund of what it was already paid for (no floor: its negative balance is the debt)."""
    return AccountRef(region=region, asset=currency, owner=f"partner:{partner}", purpose="owing")


def paid_out(region: str, currency: str, partner: str) -> AccountRef:
    """What a partner was paid."""
    return AccountRef(region=region, asset=currency, owner=f"partner:{partner}", purpose="paid-out")
