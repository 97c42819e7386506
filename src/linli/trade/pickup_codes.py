"""Pickup codes: six letters that can be read aloud, one of a kind among what a community still has to hand over."""

from __future__ import annotations

import secrets

from linli.trade import rules
from linli.trade.models import Order


def free(region: str, community_id: int) -> str:
    """A code that is free now; its constraint judges when two orders find the same one at once."""
    live = Order.objects.filter(region=region, community_id=community_id, state__in=[Order.State.PAID, Order.State.READY])
    while True:
        code = rules.pickup_code([secrets.randbelow(len(rules.CODE_LETTERS)) for _ in range(rules.CODE_LENGTH)])
        if not live.filter(pickup_code=code).exists():
            return code
