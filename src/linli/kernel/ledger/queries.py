"""Reads of the books for other rooms: what an account holds, and how it came to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from linli.kernel.ledger.entries import AccountRef, account_id, transfer_id
from linli.kernel.models import Account, Transfer


@dataclass(frozen=True, slots=True)
class Balance:
    """Where an account stands: `free` is what may still be moved or held (of an unguarded one: balance - held)."""

    ref: AccountRef
    balance: int = 0
    held: int = 0
    floor: int | None = 0

    @property
    def free(self) -> int:
        return self.balance - self.held - (self.floor or 0)


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer as it is written. `state` of a pending: open, post or void; of a posted one: posted or reversed."""

    id: UUID
    key: str
    kind: str
    state: str
    source: AccountRef
    target: AccountRef
    amount: int
    reason: str
    happened_at: datetime
    expires_at: datetime | None
    pending_id: UUID | None
    reverses_id: UUID | None


_NAME = ("region", "asset", "owner", "purpose", "expires_on")


def balance(ref: AccountRef) -> Balance:
    """The account's standing; zeros for one that was never opened."""
    row = _accounts(Q(pk=account_id(ref))).first()
    return Balance(AccountRef(*row[:5]), *row[5:]) if row else Balance(ref)


def balances(
    region: str, *, owner: str | None = None, owners: Collection[str] | None = None, asset_prefix: str = "", purpose: str | None = None
) -> list[Balance]:
    """The accounts of a region, by owner, asset, purpose and expiry: "what does this member hold", or what do these `owners`."""
    wanted = Q(region=region)
    if owner is not None:
        wanted &= Q(owner=owner)
    if owners is not None:
        wanted &= Q(owner__in=owners)
    if asset_prefix:
        wanted &= Q(asset__startswith=asset_prefix)
    if purpose is not None:
        wanted &= Q(purpose=purpose)
    return [Balance(AccountRef(*row[:5]), *row[5:]) for row in _accounts(wanted).order_by("owner", "asset", "purpose", "expires_on")]


def _accounts(wanted: Q):  # type: ignore[no-untyped-def]  # a values_list's type has no name
    return Account.objects.filter(wanted).values_list(*_NAME, "balance", "held", "floor")


def written(region: str, keys: Collection[str]) -> dict[str, int]:
    """What was moved under these keys of a region, by key; what only holds, or was voided, moved nothing and isn't there."""
    found: dict[str, int] = {}
    wanted = list(keys)
    for first in range(0, len(wanted), 500):
        ids = [transfer_id(region, key) for key in wanted[first : first + 500]]
        rows = Transfer.objects.filter(pk__in=ids, kind__in=["posted", "post"], reversals=None)
        found |= dict(rows.values_list("key", "amount"))
    return found


def history(ref: AccountRef, limit: int = 100) -> list[TransferRow]:
    """The account's latest transfers, newest first: what it gave, holds or gave back, and what came in."""
    ends = [f"{end}__{field}" for end in ("source", "target") for field in _NAME]
    fields = ["id", "key", "kind", "amount", "reason", "happened_at", "expires_at", "pending_id", "reverses_id", "written_at"]
    found: list[Any] = []
    ends_here = Q(source=account_id(ref)), Q(target=account_id(ref), kind__in=["posted", "post"])
    for here in ends_here:  # apart, so that each is one index scan
        rows = Transfer.objects.filter(here).annotate(resolved=F("resolutions__kind"), reversed=F("reversals__pk"))
        found += rows.order_by("-written_at").values_list(*fields, "resolved", "reversed", *ends)[:limit]
    found.sort(key=lambda row: row[9], reverse=True)
    return [_transfer_row(row) for row in found[:limit]]


def _transfer_row(row: tuple[Any, ...]) -> TransferRow:
    id_, key, kind, amount, reason, happened_at, expires_at, pending_id, reverses_id, _, resolved, reversed_, *names = row
    state = (resolved or "open") if kind == "pending" else ("reversed" if reversed_ else kind)
    source, target = AccountRef(*names[:5]), AccountRef(*names[5:])
    return TransferRow(id_, key, kind, state, source, target, amount, reason, happened_at, expires_at, pending_id, reverses_id)
