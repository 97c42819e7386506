"""A launch's money and coupons by name: where its budget lies, what is set aside of it, which issues are its own."""

from __future__ import annotations

from linli.engage import models
from linli.kernel import ledger
from linli.kernel.ledger import AccountRef
from linli.trade import accounts


def owner(launch: models.Launch) -> str:
    """Who owns the launch's money on the ledger."""
    return f"playbook:{launch.slug}:{launch.pk}"


def budget_ref(launch: models.Launch) -> AccountRef:
    """What the launch may still give."""
    return accounts.budget(launch.region, launch.currency, owner(launch))


def reserved_ref(launch: models.Launch) -> AccountRef:
    """Where pendings for decided, not yet issued coupons point; nothing is ever posted to it."""
    return AccountRef(launch.region, launch.currency, owner(launch), "reserved")


def issue_code(launch: models.Launch, coupon: str) -> str:
    """The coupon issue of one coupon of one launch, so that its use is this launch's cost."""
    return f"{issue_prefix(launch)}{launch.slug[:20]}-{coupon[:14]}".replace("_", "-")


def issue_prefix(launch: models.Launch) -> str:
    """What the codes of all issues of a launch start with, and no others."""
    return f"l{launch.pk}-"


def give_back(launch: models.Launch) -> int:
    """Return the free part of an ended launch's budget to where it came from; what coupons hold stays. Returns the amount."""
    left = ledger.balance(budget_ref(launch)).free
    if left > 0:
        spent_before = ledger.balance(budget_ref(launch)).balance
        target = accounts.granted(launch.region, launch.currency, owner(launch))
        ledger.commit(ledger.Move(f"engage:{launch.pk}:back:{spent_before}", budget_ref(launch), target, left, "engage.give_back"))
    return max(left, 0)
