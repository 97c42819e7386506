"""What to buy for a wave: every SKU's forecast, its cost and shelf life, and what is ordered and in stock already.

Nothing here writes: a proposal is a value that a person adopts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.insight import forecasts
from linli.insight.forecasts import Expected
from linli.plan import rules
from linli.plan.rules import Buying, Purchase

CASES = 181
"""Cases that stand for a day's demand: quantiles from 5 to 95 %, half a point apart."""


@dataclass(frozen=True)
class Proposal:
    """What to buy of one SKU for the orders of one day, with the forecast it was decided on."""

    sku: SkuInfo
    day: date
    expected: Expected
    purchase: Purchase
    cost_minor: int


def propose(
    region: str,
    day: date,
    *,
    presold: Mapping[str, int] | None = None,
    stock: Mapping[str, int] | None = None,
    as_of: datetime | None = None,
) -> list[Proposal]:
    """Purchases for what is ordered on `day`, the dearest first; [] where that day has not been forecast.

    `presold`: pieces of that day paid for already; `stock`: pieces that lie there. Both by SKU, none missing means 0. A SKU
    of the catalogue that is no longer sold, or that is not a good, is not bought.
    """
    known = goods.skus(region)
    found = []
    for code, days in forecasts.expected_of(region, as_of=as_of).items():
        at = next((n for n, e in enumerate(days) if e.day == day), None)
        if at is None or code not in known or not known[code].active or known[code].kind != "good":
            continue
        s = known[code]
        later = sum(e.mean for e in days[at + 1 : at + max(s.shelf_life_days, 1)])
        cases = [days[at].quantile(0.05 + 0.9 * n / (CASES - 1)) for n in range(CASES)]
        owed, there = (presold or {}).get(code, 0), (stock or {}).get(code, 0)
        bought = rules.purchase(Buying(code, s.list_price_minor, s.cost_minor, cases, later, owed, there))
        found.append(Proposal(s, day, days[at], bought, bought.pieces * s.cost_minor))
    return sorted(found, key=lambda p: (-p.cost_minor, p.sku.code))
