"""What a leader may decide when opening a group-buy from a template: when, and how much; never what it costs or when it succeeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from linli.kernel.refusals import Refusal
from linli.trade.rules.groups import NewGroup, group_faults

TERMS = (
    *("threshold", "threshold_by", "quota_pieces", "price_minor", "solo_price_minor", "per_member_pieces", "case_size", "ladder"),
    *("team_size", "team_hours", "on_miss", "extend_hours"),
)
"""The terms of a group-buy that a template fixes (fields of NewGroup)."""

FREE = {"quota_pieces", "open_hours"}
"""What a template may leave to the leader, within `limits`: {"quota_pieces": [least, most], ...}."""


@dataclass(frozen=True)
class Template:
    """A group-buy without its community and times. `limits` are what the leader may choose between; without one, nothing."""

    slug: str
    sku: str
    terms: Mapping[str, Any]
    kind: str = "pooled"
    open_hours: int = 24
    pickup_days: int = 1
    pickup_hour: int = 16
    note_zh: str = ""
    note_en: str = ""
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    active: bool = True


@dataclass(frozen=True)
class Choice:
    """What the leader chose; None leaves it to the template. Times are aware business times."""

    opens_at: datetime | None = None
    deadline_at: datetime | None = None
    pickup_from: datetime | None = None
    quota_pieces: int | None = None


def template_faults(t: Template, now: datetime, zone: ZoneInfo) -> list[str]:
    """The names of the fields that can't be right: those of the group-buy it would open, and its own."""
    own = {
        "slug": 0 < len(t.slug) <= 48,
        "terms": set(t.terms) <= set(TERMS) and {"threshold", "quota_pieces", "price_minor", "solo_price_minor"} <= set(t.terms),
        "open_hours": 1 <= t.open_hours <= 24 * 14,
        "pickup_days": 0 <= t.pickup_days <= 30,
        "pickup_hour": 0 <= t.pickup_hour <= 23,
        "limits": set(t.limits) <= FREE and all(len(ends) == 2 and 1 <= ends[0] <= ends[1] for ends in t.limits.values()),
        "kind": t.kind != "presale",  # it needs the group whose stock it sells
        "note_zh": len(t.note_zh) <= 160 and len(t.note_en) <= 160,
    }
    wrong = [name for name, fine in own.items() if not fine]
    if wrong:
        return wrong
    try:
        opened = group_of(t, Choice(), key=t.slug, community_id=1, by="template", now=now, zone=zone)
    except (TypeError, ValueError):
        return ["terms"]
    return group_faults(opened, now)


def group_of(t: Template, choice: Choice, *, key: str, community_id: int, by: str, now: datetime, zone: ZoneInfo) -> NewGroup:
    """The group-buy that a template and a choice come to. Raises Refusal: trade.beyond_template(field, least, most)."""
    opens_at = choice.opens_at or now
    deadline_at = choice.deadline_at or opens_at + timedelta(hours=t.open_hours)
    hours = (deadline_at - opens_at) / timedelta(hours=1)
    if choice.deadline_at is not None:
        _within("open_hours", hours, t.limits.get("open_hours", (t.open_hours, t.open_hours)))
    terms = dict(t.terms)
    if choice.quota_pieces is not None:
        ends = t.limits.get("quota_pieces", (terms["quota_pieces"], terms["quota_pieces"]))
        _within("quota_pieces", choice.quota_pieces, ends)
        terms["quota_pieces"] = choice.quota_pieces
    last = deadline_at + timedelta(hours=terms.get("extend_hours", 0))
    earliest = datetime.combine(last.astimezone(zone).date() + timedelta(days=t.pickup_days), time(t.pickup_hour), zone)
    if earliest < last:
        earliest += timedelta(days=1)
    if choice.pickup_from is not None and choice.pickup_from < earliest:
        raise Refusal("trade.pickup_too_early", earliest=earliest.isoformat())
    return NewGroup(
        key=key,
        community_id=community_id,
        sku=t.sku,
        kind=t.kind,
        deadline_at=deadline_at,
        pickup_from=choice.pickup_from or earliest,
        opens_at=choice.opens_at,
        opened_by=by,
        **terms,
    )


def _within(name: str, value: float, ends: tuple[int, int]) -> None:
    least, most = ends
    if not least <= value <= most:
        raise Refusal("trade.beyond_template", field=name, least=least, most=most)
