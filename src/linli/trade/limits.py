"""Where a SKU may be offered at all: partners' limited products, kits, and goods that are only referred.

The pieces of a limited product lie at the allotment's own place; a group-buy can only be filled from it (`quota_from`),
so that all group-buys together can't offer more: the place's floor is the judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db import transaction

from linli.goods import queries as goods
from linli.goods import quota
from linli.goods.queries import SkuInfo
from linli.kernel import ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade.models import Allotment, Partner

STATION = "station:"
"""Where kits lie that were assembled: "station:<name>"."""


class Asked(Protocol):
    """What is looked at of a group-buy to be opened (rules.NewGroup)."""

    @property
    def sku(self) -> str: ...
    @property
    def community_id(self) -> int: ...
    @property
    def quota_from(self) -> str: ...


def place(sku: str) -> str:
    """Where a limited product's pieces lie."""
    return f"allotment:{sku}"


def check_open(region: str, asked: Sequence[Asked], skus: Mapping[str, SkuInfo]) -> None:
    """Refuse group-buys that may not be.

    Raises Refusal: trade.referral_only(sku), trade.kit_unassembled(sku), trade.not_in_this_community(sku), trade.only_from_allotment(sku).
    """
    limited = {a.sku_code: a for a in Allotment.objects.filter(region=region, active=True, sku_code__in={g.sku for g in asked})}
    for g in asked:
        kind = skus[g.sku].kind if g.sku in skus else ""
        if kind == "referral":
            raise Refusal("trade.referral_only", sku=g.sku)
        if kind == "kit" and not g.quota_from.startswith(STATION):
            raise Refusal("trade.kit_unassembled", sku=g.sku)
        if g.sku in limited:
            if g.community_id not in limited[g.sku].community_ids:
                raise Refusal("trade.not_in_this_community", sku=g.sku)
            if g.quota_from != place(g.sku):
                raise Refusal("trade.only_from_allotment", sku=g.sku)
        elif g.quota_from.startswith("allotment:"):
            raise Refusal("trade.only_from_allotment", sku=g.sku)


@transaction.atomic
def allot(*, region: str, sku: str, community_ids: Sequence[int], pieces: int, key: str, note_zh: str = "", note_en: str = "") -> None:
    """Limit a partner's product to communities and so many pieces in all; again with another key adds pieces and sets the communities.

    Raises Refusal: goods.no_such_sku(sku), trade.no_such_partner, people.no_such_community(community_id), goods.bad_quantity,
    ledger.key_reused.
    """
    found = goods.sku(region, sku)
    if found is None:
        raise Refusal("goods.no_such_sku", sku=sku)
    partner = Partner.objects.filter(region=region, code=found.partner).first()
    if partner is None:
        raise Refusal("trade.no_such_partner", partner=found.partner)
    here = {c.community_id for c in people.communities(region)}
    wanted = sorted(set(community_ids))
    for community_id in wanted:
        if community_id not in here:
            raise Refusal("people.no_such_community", community_id=community_id)
    if not wanted or type(pieces) is not int or not 0 <= pieces <= 10**6:
        raise Refusal("goods.bad_quantity")
    Allotment.objects.update_or_create(
        region=region,
        sku_code=sku,
        defaults={"partner": partner, "community_ids": wanted, "note_zh": note_zh[:96], "note_en": note_en[:96], "active": True},
    )
    if pieces:
        quota.open(region=region, sku=sku, place=place(sku), quantity=pieces, key=f"allotment/{sku}/{key}")


def left(region: str, sku: str) -> int:
    """Pieces of a limited product that no group-buy has yet."""
    return ledger.balance(quota.account(region, sku, place(sku))).free
