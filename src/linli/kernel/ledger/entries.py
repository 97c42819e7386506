"""What may be asked of the ledger, as values: accounts by name, entries by key, outcomes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b

from linli.kernel import ids
from linli.kernel.refusals import Refusal

NEVER = date(9999, 12, 31)
"""The expiry of an account that doesn't expire (a value, so that unique constraints see it)."""

MOST = 10**15
"""The largest amount of one entry. Sums of them stay far inside 64 bits (SQLite would turn to floats beyond)."""

KEY_LENGTH, REASON_LENGTH = 128, 64
_LENGTHS = {"region": 32, "asset": 64, "owner": 96, "purpose": 32}


def _fits(text: object, length: int) -> bool:
    """Text that both databases store as it is: no control characters, no lone surrogates, not empty."""
    return isinstance(text, str) and 0 < len(text) <= length and text.isprintable()


def can_own(owner: object) -> bool:
    """Whether an account may have this owner: to be asked of an owner who is written down now and pays later."""
    return _fits(owner, _LENGTHS["owner"])


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account by name: an asset of an owner for a purpose; what expires has an account per expiry.

    Raises ValueError for a name that no account can have.
    """

    region: str
    asset: str
    owner: str
    purpose: str
    expires_on: date = NEVER
    _id: str = field(default="", init=False, repr=False, compare=False)  # once it was asked for

    def __post_init__(self) -> None:
        for name, length in _LENGTHS.items():
            if not _fits(getattr(self, name), length):
                raise ValueError(f"an account's {name} has 1 to {length} printable characters, not {getattr(self, name)!r}")

    def __str__(self) -> str:
        until = "" if self.expires_on == NEVER else f"@{self.expires_on.isoformat()}"
        return f"{self.region}/{self.owner}/{self.purpose}/{self.asset}{until}"


@dataclass(frozen=True, slots=True)
class Move:
    """Move `amount` from `source` to `target`; pending: hold it at the source until posted, voided or expired.

    `expires_at` (aware, business time, only of pendings) is part of the content: repeat the recorded one.
    """

    key: str
    source: AccountRef
    target: AccountRef
    amount: int
    reason: str
    expires_at: datetime | None = None
    pending: bool = False

    @property
    def region(self) -> str:
        return self.source.region


@dataclass(frozen=True, slots=True)
class Post:
    """Carry out the pending `pending_key`: whole, or `amount` of it, and the rest is given back by the same row."""

    key: str
    pending_key: str
    amount: int | None = None
    _: KW_ONLY
    region: str


@dataclass(frozen=True, slots=True)
class Void:
    """Give the pending `pending_key` back."""

    key: str
    pending_key: str
    _: KW_ONLY
    region: str


@dataclass(frozen=True, slots=True)
class Reverse:
    """A new transfer that takes the posted transfer `of_key` back, whole and once."""

    key: str
    of_key: str
    _: KW_ONLY
    region: str


Entry = Move | Post | Void | Reverse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one group. `replayed`: all of it had been written before, so nothing was written now."""

    refusal: Refusal | None = None
    replayed: bool = False

    @property
    def ok(self) -> bool:
        return self.refusal is None


def account_id(ref: AccountRef) -> str:
    """The id (hex) that this account always has, so that a move need not look it up."""
    if not ref._id:
        name = "\n".join((ref.region, ref.owner, ref.asset, ref.purpose, ref.expires_on.isoformat()))
        object.__setattr__(ref, "_id", ids.named_hex(name))
    return ref._id


def transfer_id(region: str, key: str) -> str:
    """The id (hex) that this key always has."""
    return ids.named_hex(f"{region}/{key}")


def refers_to(entry: Entry) -> str | None:
    """The transfer that a Post, Void or Reverse is about."""
    if isinstance(entry, Move):
        return None
    return transfer_id(entry.region, entry.of_key if isinstance(entry, Reverse) else entry.pending_key)


def digest(entry: Entry) -> str:
    """32 hex characters that are the same only for the same content. Names are printable, so "\\n" parts them."""
    if isinstance(entry, Move):
        until = entry.expires_at.astimezone(UTC).isoformat() if entry.expires_at else ""
        ends = account_id(entry.source), account_id(entry.target)
        parts = ["move", *ends, str(entry.amount), entry.reason, until, str(entry.pending)]
    elif isinstance(entry, Post):
        parts = ["post", entry.pending_key, "" if entry.amount is None else str(entry.amount)]
    elif isinstance(entry, Void):
        parts = ["void", entry.pending_key]
    else:
        parts = ["reverse", entry.of_key]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def malformed(entry: Entry) -> Refusal | None:
    """Why the entry could never be written, whatever the books say; None when it could."""
    if not _fits(entry.key, KEY_LENGTH):
        return Refusal("ledger.malformed", field="key")
    if isinstance(entry, Move):
        return _malformed_move(entry)
    if not _fits(entry.region, _LENGTHS["region"]):
        return Refusal("ledger.malformed", field="region")
    if not _fits(entry.of_key if isinstance(entry, Reverse) else entry.pending_key, KEY_LENGTH):
        return Refusal("ledger.malformed", field="of_key" if isinstance(entry, Reverse) else "pending_key")
    if isinstance(entry, Post) and entry.amount is not None and not _is_amount(entry.amount):
        return Refusal("ledger.amount", amount=entry.amount)
    return None


def _malformed_move(move: Move) -> Refusal | None:
    if not _fits(move.reason, REASON_LENGTH):
        return Refusal("ledger.malformed", field="reason")
    if move.expires_at is not None and (not move.pending or move.expires_at.tzinfo is None):
        return Refusal("ledger.malformed", field="expires_at")
    if not _is_amount(move.amount):
        return Refusal("ledger.amount", amount=move.amount)
    if move.source.region != move.target.region:
        return Refusal("ledger.region_mismatch", source=move.source.region, target=move.target.region)
    if move.source.asset != move.target.asset:
        return Refusal("ledger.asset_mismatch", source=move.source.asset, target=move.target.asset)
    if account_id(move.source) == account_id(move.target):
        return Refusal("ledger.same_account", account=str(move.source))
    return None


def _is_amount(amount: object) -> bool:
    return type(amount) is int and 0 < amount <= MOST
