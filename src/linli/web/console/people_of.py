"""Knowledge joined with names: insight knows numbers of members, people knows who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from linli.insight import queries as insight
from linli.insight.queries import Label, MemberRow, Reason
from linli.kernel import money
from linli.people import queries as people
from linli.web import words
from linli.web.console.figures import risk_tone
from linli.web.context import english, region_info


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


def why_of(reason: Mapping[str, Any], currency: str) -> str:
    """The facts kept with a segment change, in words: 距上次下单 35 天，平时间隔 4 天. Works for coming and for leaving."""
    known = insight.variables()
    parts = []
    for name, value in reason.items():
        info = known.get("risk" if name == "risk_percent" else name.replace("percent", "share"))
        if info is None:
            continue
        label = info.en if english() else info.zh
        if name.endswith("_percent") or "_percent_" in name:
            said = f"{value}%"
        elif info.unit == "minor":
            said = money.plain(int(value), currency)
        elif info.unit == "days":
            said = _("{n} 天").format(n=value)
        elif info.unit == "orders":
            said = _("{n} 单").format(n=value)
        elif name == "top_category":
            said = words.code(f"category.{value}").removeprefix("category.")
        else:
            said = str(value)
        parts.append(f"{label} {said}")
    return (", " if english() else "，").join(parts)
