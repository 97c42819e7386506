"""Facts about promotions and selling rules under trial."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.promotion_put")
@dataclass(frozen=True)
class PromotionPut(Fact):
    """A promotion was written or moved; its first stage starts at `starts_at` (ISO)."""

    slug: str
    stages: list[str]
    starts_at: str
    by: str


@fact("trade.policy_put")
@dataclass(frozen=True)
class PolicyPut(Fact):
    """A selling rule (`rule`: threshold, ladder, shipping) is tried in `arms` by `unit` (community, week) until `ends_at` (ISO)."""

    slug: str
    rule: str
    unit: str
    arms: list[str]
    ends_at: str
    by: str
