"""A playbook as values: who, when, steps, holdout, budget, metric. Read from YAML by reading.py; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from linli.kernel.refusals import Refusal

FORMAT = "linli.playbook/1"
CHANNELS = ("leader_task", "message", "coupon")
WAITS = {
    "purchase": ("trade.order_paid", "history.purchase"),
    "task_confirmed": ("engage.task_confirmed",),
    "task_skipped": ("engage.task_skipped",),
    "message_seen": ("engage.message_seen",),
    "coupon_redeemed": ("trade.coupon_redeemed",),
}
"""What a wait can wait for, and the event kinds that count as it."""

METRICS = ("amount", "orders", "returned")
GUARDRAILS = METRICS
Trigger = Literal["daily", "entering"]


@dataclass(frozen=True)
class Coupon:
    """A coupon of the pack: amounts by currency, in the minor unit; `category` "" is any goods."""

    name: str
    face_minor: dict[str, int]
    minimum_minor: dict[str, int]
    valid_days: int
    category: str = ""


@dataclass(frozen=True)
class Say:
    """Words of one language, best first: the first one whose placeholders are all known is said."""

    title: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """Something that reaches the member through the gate. `coupons` are issued when it is delivered: with a message at
    once, with a leader task at the leader's tap, so that only what was given costs."""

    name: str
    channel: str
    words: dict[str, Say] = field(default_factory=dict)
    coupons: tuple[str, ...] = ()
    expires_days: float = 3
    hold_days: float = 7
    failover: str = ""  # the channel that takes over when nobody did the task


@dataclass(frozen=True)
class Wait:
    """Stand still for `days`, or until `until` happens; then go to the next step, or where `goes` says (met, timeout)."""

    name: str
    days: float
    until: str = ""
    goes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """Go on by a rule (yes, no; unknown is no) or by a hash draw (`shares`). Only forward, so every run ends."""

    name: str
    test: str = ""
    goes: dict[str, str] = field(default_factory=dict)
    shares: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Exit:
    """The end, with its reason."""

    name: str
    reason: str


Step = Effect | Wait | Branch | Exit


@dataclass(frozen=True)
class Playbook:
    """A checked playbook. `version` is the hash of its text: other text is another version."""

    slug: str
    version: str
    name_zh: str
    name_en: str
    hypothesis_zh: str
    hypothesis_en: str
    audience: str
    trigger: Trigger
    enter_days: int
    holdout_share: float
    budget_minor: dict[str, int]
    coupons: tuple[Coupon, ...]
    steps: tuple[Step, ...]
    metric: str
    window_days: int
    guardrails: tuple[str, ...]
    text: str

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(s for s in self.steps if s.name == name)

    def after(self, name: str) -> Step | None:
        """The step below, None at the end."""
        names = [s.name for s in self.steps]
        at = names.index(name) + 1
        return self.steps[at] if at < len(self.steps) else None

    def coupon(self, name: str) -> Coupon:
        """The coupon of that name."""
        return next(c for c in self.coupons if c.name == name)

    def budget(self, currency: str) -> int:
        """The budget in a region's currency. Raises Refusal engage.no_amount."""
        return amount(self.budget_minor, currency, "budget_minor")

    def cost(self, step: Effect, currency: str) -> int:
        """The most that one delivery of the step can cost: every coupon of it is redeemed."""
        return sum(amount(self.coupon(name).face_minor, currency, name) for name in step.coupons)

    def worst_cost(self, currency: str) -> int:
        """The most that one member can cost, going through every step."""
        return sum(self.cost(s, currency) for s in self.steps if isinstance(s, Effect))


def amount(amounts: dict[str, int], currency: str, what: str) -> int:
    """The amount in a currency; a playbook without it can't start there: converting would invent a price."""
    if currency not in amounts:
        raise Refusal("engage.no_amount", what=what, currency=currency)
    return amounts[currency]
