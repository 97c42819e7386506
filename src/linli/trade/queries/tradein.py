"""Reads of trade-ins with their legs."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.people import queries as people
from linli.trade.models import TradeIn


@dataclass(frozen=True)
class TradeInStepInfo:
    """One thing that happened to a trade-in."""

    state: str
    at: datetime
    by: str
    amount_minor: int | None
    note: str


@dataclass(frozen=True)
class TradeInInfo:
    """A trade-in with its legs."""

    trade_in_id: uuid.UUID
    region: str
    member_id: int
    member_name: str
    community_id: int
    category: str
    age_years: int
    condition: str
    brand: str
    sku: SkuInfo
    group_id: int
    value_minor: int
    subsidy_minor: int
    inspected_minor: int | None
    due_minor: int
    recycled_minor: int | None
    recycler: str
    state: str
    order_id: uuid.UUID | None
    quoted_at: datetime
    good_until: date
    steps: list[TradeInStepInfo]

    @property
    def credit_minor(self) -> int:
        return self.value_minor + self.subsidy_minor


def _trade_ins(found: QuerySet[TradeIn]) -> list[TradeInInfo]:
    rows = list(found.select_related("recycler").prefetch_related("steps"))
    if not rows:
        return []
    skus = goods.skus(rows[0].region, {t.sku_code for t in rows})
    names = people.members({t.member_id for t in rows})
    return [
        TradeInInfo(
            t.pk,
            t.region,
            t.member_id,
            names[t.member_id].display_name if t.member_id in names else "",
            t.community_id,
            t.category,
            t.age_years,
            t.condition,
            t.brand,
            skus[t.sku_code],
            t.group_id,
            t.value_minor,
            t.subsidy_minor,
            t.inspected_minor,
            t.due_minor,
            t.recycled_minor,
            t.recycler.code if t.recycler else "",
            t.state,
            t.order_id,
            t.quoted_at,
            t.good_until,
            [TradeInStepInfo(s.state, s.at, s.by, s.amount_minor, s.note) for s in sorted(t.steps.all(), key=lambda s: s.pk)],
        )
        for t in rows
    ]


def trade_ins_of(member_id: int) -> list[TradeInInfo]:
    """A member's trade-ins, newest first."""
    return _trade_ins(TradeIn.objects.filter(member_id=member_id).order_by("-quoted_at"))


def trade_in(trade_in_id: uuid.UUID, *, member_id: int | None = None, region: str | None = None) -> TradeInInfo | None:
    """One trade-in: its member's own, or one of a region."""
    found = TradeIn.objects.filter(pk=trade_in_id)
    if member_id is not None:
        found = found.filter(member_id=member_id)
    if region is not None:
        found = found.filter(region=region)
    rows = _trade_ins(found)
    return rows[0] if rows else None


def trade_ins(region: str, *, state: str = "", limit: int = 100) -> list[TradeInInfo]:
    """The region's trade-ins, newest first."""
    found = TradeIn.objects.filter(region=region).order_by("-quoted_at")
    return _trade_ins((found.filter(state=state) if state else found)[:limit])


def differences(region: str, communities: Collection[int] | None = None) -> list[TradeInInfo]:
    """Trade-ins whose old appliance was worth less, so that the member has a difference to pay; the longest waiting first."""
    found = TradeIn.objects.filter(region=region, state=TradeIn.State.LOWERED).order_by("quoted_at")
    return _trade_ins(found if communities is None else found.filter(community_id__in=list(communities)))
