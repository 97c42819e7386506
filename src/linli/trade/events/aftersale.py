"""Facts about what members ask for after the hand-over, and about weighed lines."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.aftersale_asked")
@dataclass(frozen=True)
class AfterSaleAsked(Fact):
    """A member wants something back of a line. `amount` of `unit` (pieces, grams, percent) is wrong."""

    aftersale_id: str
    order_id: str
    member_id: int
    community_id: int
    sku: str
    reason: str
    unit: str
    amount: int
    asked_minor: int
    photos: int
    by: str


@fact("trade.aftersale_escalated")
@dataclass(frozen=True)
class AfterSaleEscalated(Fact):
    """The request waits for an operator: it is over the leader's limit, or the leader passed it on."""

    aftersale_id: str
    order_id: str
    member_id: int
    community_id: int
    asked_minor: int
    by: str


@fact("trade.aftersale_answered")
@dataclass(frozen=True)
class AfterSaleAnswered(Fact):
    """The request is decided. `outcome`: settled, refused, withdrawn; `answer_s`: business seconds since it was asked."""

    aftersale_id: str
    order_id: str
    member_id: int
    community_id: int
    sku: str
    reason: str
    outcome: str
    asked_minor: int
    granted_minor: int
    answer_s: int
    on_spot: bool
    by: str


@fact("trade.line_weighed")
@dataclass(frozen=True)
class LineWeighed(Fact):
    """The scales said what a weighed line came to; `over_g` is what the shop gave away. Told again by a correction."""

    order_id: str
    member_id: int
    community_id: int
    sku: str
    grams: int
    most_g: int
    over_g: int
    most_minor: int
    charged_minor: int
    by: str


@fact("trade.terms_changed")
@dataclass(frozen=True)
class TermsChanged(Fact):
    """A region decided otherwise about after-sale, weighing or commission."""

    names: list[str]
    by: str
