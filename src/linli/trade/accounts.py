"""The names of trade's accounts on the ledger, in one place."""

from __future__ import annotations

from datetime import date

from linli.kernel import ledger
from linli.kernel.ledger import AccountRef


def channel(region: str, currency: str, name: str) -> AccountRef:
    """What the channel has taken in for us and not paid back (no floor: below zero is what it holds for us)."""
    return AccountRef(region=region, asset=currency, owner=f"channel:{name}", purpose="receivable")


def revenue(region: str, currency: str) -> AccountRef:
    """What orders brought, discounts paid by budgets included (no floor: a refund is never refused for it)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="revenue")


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


def redeemed(region: str, issue: str) -> AccountRef:
    """Coupons used."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner="shop", purpose="redeemed")


def expired(region: str, issue: str) -> AccountRef:
    """Coupons that ran out."""
    return AccountRef(region=region, asset=f"coupon:{issue}", owner="shop", purpose="expired")


def open_money(region: str, currency: str, channel_name: str = "sandbox") -> None:
    """Open the accounts that have no floor, once; again changes nothing."""
    for ref in (channel(region, currency, channel_name), revenue(region, currency)):
        ledger.open(ref, floor=None)
