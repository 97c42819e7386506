"""Group-buys as pricing sees them."""

from __future__ import annotations

from linli.trade import rules
from linli.trade.models import GroupBuy


def of(group: GroupBuy, category: str) -> rules.Offer:
    """The group-buy as an offer; `category` is its goods'."""
    return rules.Offer(
        group.pk,
        group.community_id,
        group.sku_code,
        category,
        group.state,
        group.opens_at,
        group.deadline_at,
        group.list_price_minor,
        group.price_minor,
        group.solo_price_minor,
        group.kind,
        group.case_size,
        group.per_member_pieces,
        group.policy_arms,
    )
