"""What a member fetches, by the day on which it is fetched: one code each, however many orders lie under it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.trade.models import GroupBuy, OrderLine, Pickup


@dataclass(frozen=True)
class PassLine:
    """Pieces of one SKU under a code; `ready` once they may be fetched."""

    order_id: uuid.UUID
    group_id: int
    sku: SkuInfo
    pieces: int
    ready: bool
    sure: bool = False  # from a flash sale: it waits for its day, not for neighbours


@dataclass(frozen=True)
class Pass:
    """A pickup code with everything that still waits under it. `pickup_from` is when the first of it can be fetched."""

    code: str
    wave_on: date
    pickup_from: datetime
    lines: list[PassLine]

    @property
    def sure(self) -> bool:
        """Whether nothing under it waits for neighbours any more."""
        return all(line.ready or line.sure for line in self.lines)

    @property
    def ready_pieces(self) -> int:
        return sum(line.pieces for line in self.lines if line.ready)

    @property
    def pieces(self) -> int:
        return sum(line.pieces for line in self.lines)


WAITS = (OrderLine.State.OPEN, OrderLine.State.READY)


def passes(member_id: int, order_id: uuid.UUID | None = None) -> list[Pass]:
    """The member's codes with something to fetch, the next day first; with `order_id` only those its lines lie under.

    A code is shown with all of its lines, also of other orders: they are handed over together. Two statements.
    """
    found = OrderLine.objects.filter(order__member_id=member_id, state__in=WAITS, pickup__state=Pickup.State.OPEN)
    found = found.select_related("pickup", "group").order_by("pickup__wave_on", "pickup_id", "order__placed_at", "number")
    by_pickup: defaultdict[int, list[OrderLine]] = defaultdict(list)
    for line in found:
        by_pickup[line.pickup_id or 0].append(line)
    kept = [lines for lines in by_pickup.values() if order_id is None or any(line.order_id == order_id for line in lines)]
    if not kept:
        return []
    skus = goods.skus(kept[0][0].region, {line.sku_code for lines in kept for line in lines})
    return [_pass(lines, skus) for lines in kept]


def _pass(lines: list[OrderLine], skus: dict[str, SkuInfo]) -> Pass:
    pickup = lines[0].pickup
    assert pickup is not None, "found by its pickup"
    return Pass(
        pickup.code,
        pickup.wave_on,
        min(line.group.pickup_from for line in lines),
        [
            PassLine(
                line.order_id,
                line.group_id,
                skus[line.sku_code],
                line.quantity - line.returned_pieces,
                line.state == OrderLine.State.READY,
                line.group.kind == GroupBuy.Kind.FLASH,
            )
            for line in lines
        ],
    )
