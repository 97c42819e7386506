"""The one ledger: double entry in integers, one asset per account, floors judged by the database.

Verbs: `open`, `commit` (all or nothing, raises), `batch` (each group judged by itself), `void_expired`.
Reads: `balance`, `balances`, `written`, `history`, `audit`. `docs/rooms/kernel.md` tells the rules.
"""

from linli.kernel.ledger.audit import Audit, Finding, audit
from linli.kernel.ledger.entries import NEVER, AccountRef, Entry, Move, Outcome, Post, Reverse, Void, can_own
from linli.kernel.ledger.posting import Misfit, attempt, batch, commit, open, open_many, void_expired, void_expired_due
from linli.kernel.ledger.queries import Balance, TransferRow, balance, balances, history, written

__all__ = [
    "NEVER",
    "AccountRef",
    "Audit",
    "Balance",
    "Entry",
    "Finding",
    "Misfit",
    "Move",
    "Outcome",
    "Post",
    "Reverse",
    "TransferRow",
    "Void",
    "attempt",
    "audit",
    "balance",
    "balances",
    "batch",
    "can_own",
    "commit",
    "history",
    "open",
    "open_many",
    "void_expired",
    "void_expired_due",
    "written",
]
