"""Pure decisions for goods: the value pyramid's mix and which SKUs would bring it nearer its target; how many pieces to buy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LAYERS = ("traffic", "profit", "hit", "experience")
TARGET = {"traffic": 0.05, "profit": 0.60, "hit": 0.30, "experience": 0.05}
"""The operations plan's pyramid, as shares of the number of SKUs on offer."""

MEASURES = ("count", "sales", "margin")
NEAR = 0.02
"""A layer within two points of its target is on target: nobody moves goods for less."""


@dataclass(frozen=True)
class Sold:
    """A SKU on offer and what a week of it came to. Money in minor units; `households` that bought it."""

    code: str
    layer: str
    price_minor: int
    cost_minor: int
    pieces: int
    amount_minor: int
    households: int

    @property
    def margin_minor(self) -> int:
        """What was earned: sales less cost."""
        return self.amount_minor - self.pieces * self.cost_minor

    @property
    def margin_share(self) -> float:
        """Of each piece's price, what is left after its cost: realised where it sold, else as priced."""
        if self.pieces and self.amount_minor:
            return self.margin_minor / self.amount_minor
        return (self.price_minor - self.cost_minor) / self.price_minor


@dataclass(frozen=True)
class Mix:
    """One layer as it stands: its shares by count, sales and margin, and the gap of its count to the target."""

    layer: str
    count: int
    shares: Mapping[str, float | None]  # by measure; None where nothing was sold
    target: float

    @property
    def gap(self) -> float:
        """Share of SKUs over (+) or under (-) the target."""
        return (self.shares["count"] or 0.0) - self.target


@dataclass(frozen=True)
class Proposal:
    """Move a SKU, or (with `code` "") add some to a layer that nothing fits. `why` is a code, `facts` its figures."""

    code: str
    source: str
    target: str
    count: int
    why: str
    facts: Mapping[str, object]


def mix(sold: Sequence[Sold]) -> list[Mix]:
    """Each layer's shares, in the order of LAYERS. A loss-making layer has a negative share of the margin."""
    totals = {"count": len(sold), "sales": sum(s.amount_minor for s in sold), "margin": sum(s.margin_minor for s in sold)}
    found = []
    for layer in LAYERS:
        mine = [s for s in sold if s.layer == layer]
        parts = {"count": len(mine), "sales": sum(s.amount_minor for s in mine), "margin": sum(s.margin_minor for s in mine)}
        shares = {m: parts[m] / totals[m] if totals[m] > 0 else None for m in MEASURES}
        found.append(Mix(layer, len(mine), shares, TARGET[layer]))
    return found


def proposals(sold: Sequence[Sold]) -> list[Proposal]:
    """Moves that bring the counts to the target, the best-fitting SKU first; what can't be moved is to be added.

    How well a SKU fits a layer is how it ranks among all on offer: traffic by many households at a low margin, profit by
    margin earned, hit by households, experience by price among what few have bought. A SKU moves only from a layer that has
    too many, to one that has too few, and only where it fits better than where it is.
    """
    spare = {m.layer: round(m.gap * len(sold)) for m in mix(sold) if abs(m.gap) > NEAR}
    fits = _fits(sold)
    moves = sorted(
        (
            (fits[s.code][layer] - fits[s.code][s.layer], s.code, s, layer)
            for s in sold
            for layer in LAYERS
            if spare.get(s.layer, 0) > 0 and spare.get(layer, 0) < 0
        ),
        key=lambda move: (-move[0], move[1], move[3]),
    )
    found: list[Proposal] = []
    moved: set[str] = set()
    for gain, code, s, layer in moves:
        if gain <= 0 or code in moved or spare[s.layer] <= 0 or spare[layer] >= 0:
            continue
        moved.add(code)
        spare[s.layer] -= 1
        spare[layer] += 1
        facts = {"margin_share": round(s.margin_share, 4), "households": s.households, "price_minor": s.price_minor}
        found.append(Proposal(code, s.layer, layer, 1, f"plan.pyramid.to_{layer}", facts))
    found += [Proposal("", "", layer, -short, "plan.pyramid.add", {"count": -short}) for layer, short in spare.items() if short < 0]
    return found


def _fits(sold: Sequence[Sold]) -> dict[str, dict[str, float]]:
    """Code -> layer -> how well it fits there, 0 to 1."""
    crowd = _ranks((s.code, s.households) for s in sold)
    cheap = _ranks((s.code, -s.margin_share) for s in sold)
    earned = _ranks((s.code, s.margin_minor) for s in sold)
    rich = _ranks((s.code, s.margin_share) for s in sold)
    dear = _ranks((s.code, s.price_minor) for s in sold)
    return {
        s.code: {
            "traffic": (crowd[s.code] + cheap[s.code]) / 2,
            "profit": (earned[s.code] + rich[s.code]) / 2,
            "hit": crowd[s.code],
            "experience": (dear[s.code] + 1 - crowd[s.code]) / 2,
        }
        for s in sold
    }


def _ranks(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Mid-ranks scaled to 0..1: equals rank equally, so that a week without sales proposes nothing by accident of the code."""
    rows = list(values)
    ordered = sorted(value for _, value in rows)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for place, value in enumerate(ordered):
        first.setdefault(value, place)
        last[value] = place
    most = max(len(rows) - 1, 1)
    return {code: (first[value] + last[value]) / 2 / most for code, value in rows}


# ---- how many pieces to buy

HOLDING = 0.01
"""What keeping a piece for the next wave costs, as a share of its cost: cooling, hands, money."""


@dataclass(frozen=True)
class Buying:
    """What is known of a SKU before a wave. Money in minor units.

    `demand`: pieces of the wave as equally likely cases, those already ordered included; `later`: pieces expected in the
    waves that a leftover lives to see; `presold` are owed whatever comes; `stock` lies there already.
    """

    code: str
    price_minor: int
    cost_minor: int
    demand: Sequence[float]
    later: float
    presold: int = 0
    stock: int = 0


@dataclass(frozen=True)
class Purchase:
    """Pieces to buy, and what is to be expected of it: pieces short and left to spoil, the chance to run out, profit against
    buying only what is ordered already."""

    code: str
    pieces: int
    supply: int
    short_probability: float
    spoilt: float
    gain_minor: int


def purchase(b: Buying) -> Purchase:
    """The supply of greatest expected profit, and what of it must be bought.

    A newsvendor (Arrow, Harris & Marschak 1951) whose leftovers are worth their cost while later waves want them, less
    HOLDING, and nothing beyond: with a shelf life of one wave it is the critical ratio (price - cost) / price, with a longer
    one it buys more. What is owed is always supplied; what sells at a loss is not bought beyond it.
    """
    import numpy as np  # the pyramid's page needs none of it

    cases = np.maximum(np.asarray(b.demand, np.float64), b.presold)
    supplies = np.arange(max(b.presold, 0), max(b.presold, int(np.ceil(cases.max(initial=0.0)))) + 1)
    left = np.maximum(supplies[:, None] - cases[None, :], 0.0)
    kept = np.minimum(left, max(b.later, 0.0))
    profit = b.price_minor * (supplies[:, None] - left) - b.cost_minor * (supplies[:, None] - (1 - HOLDING) * kept)
    mean = profit.mean(axis=1)
    best = int(mean.argmax())
    supply = int(supplies[best])
    return Purchase(
        b.code,
        max(0, supply - b.stock),
        supply,
        float((cases > max(supply, b.stock)).mean()),
        float((left[best] - kept[best]).mean()),
        round(float(mean[best] - mean[0])),
    )
