"""Pickups: all that a member fetches of one wave, under one code that can be read aloud."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from linli.trade import rules
from linli.trade.models import Order, OrderLine, Pickup


def assign(order: Order, lines: Iterable[OrderLine]) -> None:
    """Put paid lines into the member's pickup of their wave, opened where there is none; orders of one wave share it."""
    found: dict[object, Pickup] = {}
    for line in lines:
        wave_on = line.group.wave_on
        if wave_on not in found:
            found[wave_on] = _pickup(order, wave_on)
        line.pickup = found[wave_on]


def _pickup(order: Order, wave_on: object) -> Pickup:
    place = {"region": order.region, "community_id": order.community_id, "member_id": order.member_id, "wave_on": wave_on}
    found = Pickup.objects.select_for_update().filter(**place).first()
    if found is None:
        return Pickup.objects.create(**place, code=_free(order.region, order.community_id))
    if found.state == Pickup.State.DONE:  # fetched already: what comes now is fetched again, under a code of its own
        found.state, found.code = Pickup.State.OPEN, _free(order.region, order.community_id)
        found.save(update_fields=["state", "code"])
    return found


def _free(region: str, community_id: int) -> str:
    """A code that is free now; its constraint judges when two payments find the same one at once."""
    live = Pickup.objects.filter(region=region, community_id=community_id, state=Pickup.State.OPEN)
    while True:
        code = rules.pickup_code([secrets.randbelow(len(rules.CODE_LETTERS)) for _ in range(rules.CODE_LENGTH)])
        if not live.filter(code=code).exists():
            return code


def close(order: Order) -> None:
    """Close the order's pickups of which nothing is left to fetch."""
    waiting = OrderLine.objects.filter(state__in=[OrderLine.State.OPEN, OrderLine.State.READY]).values("pickup")
    mine = OrderLine.objects.filter(order=order).exclude(pickup=None).values("pickup")
    Pickup.objects.filter(pk__in=mine, state=Pickup.State.OPEN).exclude(pk__in=waiting.exclude(pickup=None)).update(state=Pickup.State.DONE)
