"""Sellable quota: what may be sold of a SKU at a place, on the ledger. Orders claim it; its floor is the judge.

Asset "sku:<code>". The place ("wave:<group id>") owns "quota" (floor 0) and "sold" (floor 0); the issuer is the
shop's "supply" (no floor: its negative balance is what was ever promised).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db import transaction

from linli.kernel import ledger
from linli.kernel.ledger import AccountRef
from linli.kernel.refusals import Refusal


@dataclass(frozen=True)
class NewQuota:
    """So many pieces of a SKU, sellable at a place; `key` makes it once."""

    sku: str
    place: str
    quantity: int
    key: str


@dataclass(frozen=True)
class Stock:
    """Pieces at a place: `free` can still be claimed, `held` waits for payment, `sold` is paid for."""

    free: int
    held: int
    sold: int


def supply(region: str, sku: str) -> AccountRef:
    """The issuer of the SKU's quota."""
    return AccountRef(region=region, asset=f"sku:{sku}", owner="shop", purpose="supply")


@lru_cache(maxsize=20_000)
def account(region: str, sku: str, place: str) -> AccountRef:
    """What may still be sold there."""
    return AccountRef(region=region, asset=f"sku:{sku}", owner=place, purpose="quota")


@lru_cache(maxsize=20_000)
def sold(region: str, sku: str, place: str) -> AccountRef:
    """What was sold there."""
    return AccountRef(region=region, asset=f"sku:{sku}", owner=place, purpose="sold")


def open(*, region: str, sku: str, place: str, quantity: int, key: str) -> None:
    """Open quota at one place. Raises Refusal: goods.bad_quantity, ledger.key_reused."""
    open_many(region=region, quotas=[NewQuota(sku, place, quantity, key)])


@transaction.atomic
def open_many(*, region: str, quotas: Sequence[NewQuota]) -> None:
    """Open quota at many places in one commit; the same key again changes nothing."""
    if any(q.quantity < 1 for q in quotas):
        raise Refusal("goods.bad_quantity")
    for code in sorted({q.sku for q in quotas}):
        ledger.open(supply(region, code), floor=None)
    ledger.commit(
        *(
            ledger.Move(
                key=f"quota/{q.key}",
                source=supply(region, q.sku),
                target=account(region, q.sku, q.place),
                amount=q.quantity,
                reason="goods.quota_opened",
            )
            for q in quotas
        )
    )


def stocks(region: str, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Stock]:
    """(sku, place) -> pieces there; places without quota are left out."""
    found: dict[tuple[str, str], Stock] = {}
    for code, place in places:
        left = ledger.balance(account(region, code, place))
        gone = ledger.balance(sold(region, code, place))
        found[code, place] = Stock(free=left.free, held=left.held, sold=gone.balance)
    return found
