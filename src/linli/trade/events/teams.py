"""Facts about the teams inside a group-buy. `team` is the team's id."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("trade.team_full")
@dataclass(frozen=True)
class TeamFull(Fact):
    """The last seat of a team is paid: all of it can be picked up, whatever becomes of other teams."""

    team: str
    group_id: int
    community_id: int
    sku: str
    size: int
    started_by: int


@fact("trade.team_missed")
@dataclass(frozen=True)
class TeamMissed(Fact):
    """A team wasn't full in time: its `paid_seats` members get their money back, nobody else does."""

    team: str
    group_id: int
    community_id: int
    sku: str
    size: int
    paid_seats: int
