"""Reads of weekly boxes and the plans they follow."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import days
from linli.trade.models import Box, BoxPlan, BoxWeek
from linli.trade.rules import boxes as calendar


@dataclass(frozen=True)
class PlanInfo:
    """A weekly box that can be subscribed to. `boxes` are subscribed now."""

    slug: str
    sku: SkuInfo
    price_minor: int
    weekdays: list[int]
    contents_zh: str
    contents_en: str
    off_days: list[str]
    pieces_a_week: int
    active: bool
    boxes: int
    community_ids: list[int]


def plans(region: str, community_id: int | None = None, *, all_of: bool = False) -> list[PlanInfo]:
    """The plans offered in a community, or (`all_of`) every plan of the region."""
    found = [
        p
        for p in BoxPlan.objects.filter(region=region).order_by("slug")
        if all_of or (p.active and (not p.community_ids or community_id in p.community_ids))
    ]
    skus = goods.skus(region, {p.sku_code for p in found})
    return [
        PlanInfo(
            p.slug,
            skus[p.sku_code],
            p.price_minor,
            list(p.weekdays),
            p.contents_zh,
            p.contents_en,
            list(p.off_days),
            p.pieces_a_week,
            p.active,
            p.boxes.filter(state=Box.State.ACTIVE).count(),
            list(p.community_ids),
        )
        for p in found
    ]


@dataclass(frozen=True)
class WeekInfo:
    """A week of a box: "" is a state of one that isn't decided. `changes_until` is its cut-off."""

    week: str
    pickup_on: date
    state: str
    note: str
    order_id: uuid.UUID | None
    changes_until: datetime
    ordered_at: datetime


@dataclass(frozen=True)
class BoxInfo:
    """A member's weekly box, its next weeks (the first that can be changed on top) and those that were."""

    box_id: uuid.UUID
    member_id: int
    member_name: str
    plan: PlanInfo
    weekday: int
    quantity: int
    state: str
    paused_until: date | None
    began_at: datetime
    coming: list[WeekInfo]
    past: list[WeekInfo]

    @property
    def price_minor(self) -> int:
        return self.plan.price_minor * self.quantity


def _boxes(found: Iterable[Box], region: str, weeks: int) -> list[BoxInfo]:
    rows = list(found)
    if not rows:
        return []
    zone, now = days.zone(region), clocks.business_now()
    known = {p.slug: p for p in plans(region, all_of=True)}
    names = people.members({b.member_id for b in rows})
    made = []
    for b in rows:
        there = {w.week: w for w in b.weeks.order_by("-pickup_on")[:30]}
        ahead = list(islice(calendar.pickups(b.weekday, now, zone), weeks)) if b.state == Box.State.ACTIVE else []
        coming = [_week(day, there.get(calendar.week_of(day)), zone, b) for day in ahead]
        past = [_week(w.pickup_on, w, zone, b) for w in there.values() if w.pickup_on not in ahead]
        who = names[b.member_id].display_name if b.member_id in names else ""
        made.append(
            BoxInfo(
                b.pk, b.member_id, who, known[b.plan.slug], b.weekday, b.quantity, b.state, b.paused_until, b.began_at, coming, past[:12]
            )
        )
    return made


def _week(day: date, w: BoxWeek | None, zone: Any, b: Box) -> WeekInfo:
    state = w.state if w else ""
    if not state and b.paused_until is not None and day < b.paused_until:
        state = "paused"
    if not state and day.isoformat() in b.plan.off_days:
        state = "off"
    return WeekInfo(
        calendar.week_of(day),
        day,
        state,
        w.note if w else "",
        w.order_id if w else None,
        calendar.cut_off(day, zone),
        calendar.ordered_at(day, zone),
    )


def boxes_of(member_id: int, weeks: int = 4) -> list[BoxInfo]:
    """A member's boxes, the active first."""
    found = list(Box.objects.select_related("plan").filter(member_id=member_id).order_by("state", "-began_at"))
    return _boxes(found, found[0].region, weeks) if found else []


def box(box_id: uuid.UUID, member_id: int) -> BoxInfo | None:
    """A member's own box."""
    found = list(Box.objects.select_related("plan").filter(pk=box_id, member_id=member_id))
    return _boxes(found, found[0].region, 6)[0] if found else None


def boxes_in(region: str, *, state: str = "", plan: str = "", limit: int = 100) -> list[BoxInfo]:
    """The region's boxes, newest first."""
    found = Box.objects.select_related("plan").filter(region=region).order_by("-began_at")
    if state:
        found = found.filter(state=state)
    if plan:
        found = found.filter(plan__slug=plan)
    return _boxes(found[:limit], region, 1)
