"""The value pyramid of what is on offer: the actual mix against its target, and what to move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.insight import mix as sales
from linli.plan import rules
from linli.plan.rules import Mix, Proposal, Sold

DAYS = 7


@dataclass(frozen=True)
class Board:
    """A community's (or the region's) mix over the week before `as_of`."""

    as_of: datetime
    community_id: int | None
    skus: dict[str, SkuInfo]
    sold: dict[str, Sold]
    layers: list[Mix]
    proposals: list[Proposal]


def board(region: str, as_of: datetime, *, community_id: int | None = None, offered: Iterable[str] | None = None) -> Board:
    """The mix as of a moment, of the SKUs `offered` (None: all that are active); costs are today's.

    A history's product type may be several SKUs; its sales are shared among them equally, so that they are counted once.
    """
    known = goods.skus(region, offered)
    skus = {code: s for code, s in known.items() if s.active}
    found = sales.sales(region, as_of, days=DAYS, community_id=community_id)
    siblings: dict[str, int] = {}
    for s in skus.values():
        siblings[s.history_type] = siblings.get(s.history_type, 0) + 1
    sold = {code: _sold(s, found.get(s.history_type) if s.history_type else None, siblings[s.history_type]) for code, s in skus.items()}
    rows = list(sold.values())
    return Board(as_of, community_id, skus, sold, rules.mix(rows), rules.proposals(rows))


def _sold(s: SkuInfo, week: sales.Sales | None, siblings: int) -> Sold:
    pieces, amount, households = (week.pieces // siblings, week.amount_minor // siblings, week.households) if week else (0, 0, 0)
    return Sold(s.code, s.layer, s.list_price_minor, s.cost_minor, pieces, amount, households)
