"""为你 and 大家都在买: what a member would likely want of what is on sale now, with why; nothing personal for who said no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from linli.insight import queries as insight
from linli.people import consent
from linli.trade.queries import GroupCard
from linli.web import words
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of

MOST = 6
LEAST = 2
"""A slot of one thing is no slot."""


@dataclass(frozen=True)
class Pick:
    """One group-buy of the slot and why it is there."""

    group: shelf.Group
    why: str
    explore: bool


@dataclass(frozen=True)
class Slot:
    """The slot of a page. `personal`: made from the member's own purchases; `agreed`: the member allows that."""

    personal: bool
    agreed: bool
    as_of: datetime | None
    picks: list[Pick]


def slot(request: HttpRequest, cards: Sequence[GroupCard]) -> Slot | None:
    """The slot for the member who asks, of these open group-buys; None where too little can be said.

    What the member's last word on profiling was is asked now, not as of the last refresh: who said no an hour ago sees
    what everybody sees.
    """
    actor = actor_of(request)
    if actor.member_id is None or actor.member_community_id is None:
        return None
    on_sale: dict[str, GroupCard] = {}
    for card in cards:
        if card.left_pieces > 0:
            on_sale.setdefault(card.sku.item, card)
    if len(on_sale) < LEAST:
        return None
    agreed = consent.has(actor.member_id, "profiling")
    found = insight.wanted(actor.region, actor.member_id, actor.member_community_id, personal=agreed)
    here = [w for w in found.items if w.item in on_sale]
    # Half of the places are for what they buy, as far as there is something new to show.
    new = [w for w in here if not w.repeat]
    again = [w for w in here if w.repeat][: max(MOST // 2, MOST - len(new))] if found.personal else []
    chosen = [*again, *new][:MOST]
    picks = [Pick(shelf.group(on_sale[w.item]), words.code(f"want.brief.{w.code}", **w.facts), not w.repeat) for w in chosen]
    return Slot(found.personal, agreed, found.as_of, picks) if len(picks) >= LEAST else None
