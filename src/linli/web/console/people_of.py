"""Knowledge joined with names: insight knows numbers of members, people knows who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from linli.insight.queries import Label, MemberRow, Reason
from linli.people import queries as people
from linli.web import words
from linli.web.console.figures import risk_tone
from linli.web.context import region_info


@dataclass(frozen=True)
class Told:
    """Words with a tone, and why in a sentence."""

    code: str
    says: str
    why: str
    tone: str = ""
    points: float = 0.0


@dataclass(frozen=True)
class Listed:
    """A member in a list, ready for a page."""

    row: MemberRow
    info: people.MemberInfo
    leader: people.PersonInfo | None
    tone: str
    percent: int | None
    labels: tuple[Told, ...]
    reasons: tuple[Told, ...]


def currency_of(region: str) -> str:
    """The region's currency code."""
    found = region_info(region)
    return found.currency if found else "USD"


def reason(told: Reason, currency: str) -> Told:
    """A reason in words."""
    return Told(told.code, words.code(f"reason.{told.code}", currency=currency, **told.facts), "", points=told.points)


def label(told: Label, currency: str) -> Told:
    """A label in words: short, and why."""
    return Told(
        told.code,
        words.code(f"label.{told.code}", currency=currency, **told.facts),
        words.why(f"label.{told.code}", currency=currency, **told.facts),
        tone=told.tone,
    )


def listed(region: str, rows: Sequence[MemberRow]) -> list[Listed]:
    """Rows with names, leaders and words; a member that people no longer knows is left out."""
    known = people.members([row.member_id for row in rows])
    leaders = people.leaders(region)
    currency = currency_of(region)
    return [
        Listed(
            row=row,
            info=known[row.member_id],
            leader=leaders.get(row.community_id),
            tone=risk_tone(row.risk),
            percent=None if row.risk is None else round(row.risk * 100),
            labels=tuple(label(one, currency) for one in row.labels),
            reasons=tuple(reason(one, currency) for one in sorted(row.reasons, key=lambda r: r.code.startswith("other"))),
        )
        for row in rows
        if row.member_id in known
    ]


def names(member_ids: Sequence[int]) -> dict[int, Any]:
    """MemberInfo by id."""
    return people.members(set(member_ids))
