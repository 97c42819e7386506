"""Whom to sign in as in the sandbox: one operator, two leaders and three households of the history."""

from __future__ import annotations

from dataclasses import dataclass

from linli.insight.history import neighbourhood
from linli.insight.history.completejourney import REGION, kept_report
from linli.people import queries as people


@dataclass(frozen=True)
class Face:
    """Somebody of the sandbox: `kind` is operator, leader or member; the note says what this person gets to see."""

    kind: str
    phone: str
    name_zh: str
    name_en: str
    note_zh: str
    note_en: str


_MEMBERS = {
    "faithful": ("买得最多、这几天还在买的住户", "Buys most, and did so this week"),
    "lapsed": ("以前常买，45 天没来了", "Used to buy often, silent for 45 days"),
    "new": ("最近才来，下过几单", "Came lately, a few orders so far"),
}


def faces() -> list[Face]:
    """The people of the sandbox, or none before history is imported."""
    report = kept_report()
    if report is None:
        return []
    sees = ("看全部小区、会员和打法", "Sees every community, member and playbook")
    found = [Face("operator", neighbourhood.OPERATOR_PHONE, "运营", "Operator", *sees)]
    leaders = people.leaders(REGION)
    communities = {c.community_id: c for c in people.communities(REGION)}
    by_phone = {p.phone: (p, communities[c]) for c, p in leaders.items()}
    for rank in (0, 1):
        if (pair := by_phone.get(neighbourhood.leader(rank)[0])) is not None:
            person, place = pair
            found.append(
                Face(
                    "leader",
                    person.phone,
                    f"{person.display_name}（{place.name_zh}）",
                    f"{person.display_name} ({place.name_en})",
                    f"{place.name_zh}的团长",
                    f"Leads {place.name_en}",
                )
            )
    for kind, household in report.faces.items():
        note = _MEMBERS[kind]
        phone = neighbourhood.member_phone(household)
        found.append(Face("member", phone, f"会员 {household}", f"Household {household}", *note))
    return found
