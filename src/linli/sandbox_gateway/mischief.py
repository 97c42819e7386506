"""How the gateway misbehaves: decided by a seed and the how-manieth payment or refund it is, so that it can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIES_S = (2.0, 5.0, 15.0, 60.0, 300.0)
"""A true callback that isn't answered with 2xx comes again after these (WeChat Pay's schedule, shortened)."""


@dataclass(frozen=True)
class Delivery:
    """One callback, `after_s` seconds from the payment.

    kind: true; opened (old news: not paid yet); forged (a wrong signature); altered (the amount changed after it was
    signed); wrong_amount (signed, but about another amount); stale (signed an hour ago).
    """

    after_s: float
    kind: str


PLANS: dict[str, tuple[Delivery, ...]] = {
    "plain": (Delivery(0, "true"),),
    "lost": (),
    "doubled": (Delivery(0, "true"), Delivery(0, "true"), Delivery(0.3, "true")),
    "delayed": (Delivery(4, "true"),),
    "reordered": (Delivery(0, "true"), Delivery(0.3, "opened")),
    "forged": (Delivery(0, "forged"), Delivery(0, "altered"), Delivery(0, "wrong_amount"), Delivery(0, "stale"), Delivery(0.5, "true")),
}
WEIGHTS = {"plain": 8, "lost": 2, "doubled": 3, "delayed": 3, "reordered": 2, "forged": 2}


@dataclass(frozen=True)
class Mischief:
    """The schedule. `weights` by plan; `lost_replies` is the share of refunds that happen without their answer arriving."""

    seed: int
    weights: tuple[tuple[str, int], ...] = tuple(WEIGHTS.items())
    lost_replies: float = 0.2

    @classmethod
    def none(cls) -> Mischief:
        """A gateway that behaves."""
        return cls(0, (("plain", 1),), 0.0)

    @classmethod
    def only(cls, plan: str, *, lost_replies: float = 0.0) -> Mischief:
        """Every callback goes the same way (tests)."""
        return cls(0, ((plan, 1),), lost_replies)

    def plan(self, ordinal: int) -> str:
        """The name of the plan for the `ordinal`th payment that was paid."""
        names, weights = zip(*self.weights, strict=True)
        return str(random.Random(f"{self.seed}/pay/{ordinal}").choices(names, weights)[0])

    def loses_reply(self, ordinal: int) -> bool:
        """Whether the answer to the `ordinal`th refund gets lost."""
        return random.Random(f"{self.seed}/refund/{ordinal}").random() < self.lost_replies
