"""What the gate decides, over values: no clock, no tables, no randomness. The twin runs the very same code.

The order of the questions is part of the experiment: what does not depend on the arm (is the member there, did they
allow it) is asked before the holdout, so both arms lose the same people; what only a real send uses up (quiet
hours, cap, the leader's day, the budget) is asked after it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["send", "hold", "drop", "withhold"]
Channel = Literal["leader_task", "message", "coupon"]

TREATED, HOLDOUT = "treated", "holdout"


@dataclass(frozen=True)
class Policy:
    """What a region allows itself. `caps`: sends a member and channel within `cap_days`; a channel not named has none."""

    quiet_from: time = time(22)
    quiet_until: time = time(8)
    cap_days: int = 7
    caps: tuple[tuple[str, int], ...] = (("leader_task", 1), ("message", 2))
    leader_tasks_per_day: int = 8

    def cap(self, channel: str) -> int | None:
        """The cap of a channel, None without one."""
        return dict(self.caps).get(channel)


@dataclass(frozen=True)
class Ask:
    """A step wants something to reach a member. `cost_minor` is the most it can cost; `asked_at` when it was first asked."""

    channel: Channel
    arm: str
    member_id: int
    community_id: int
    cost_minor: int
    asked_at: datetime
    hold_days: float = 7
    transactional: bool = False


@dataclass(frozen=True)
class Seen:
    """What the gate sees of the member and the moment."""

    now: datetime
    zone: str
    policy: Policy
    exists: bool = True
    running: bool = True
    may_message: bool = True
    may_profile: bool = True
    has_leader: bool = True


@dataclass(frozen=True)
class Answer:
    """send | hold until a time | drop | withhold (the holdout), with the reason's code."""

    kind: Kind
    reason: str = ""
    until: datetime | None = field(default=None)


SEND = Answer("send")


def judge(ask: Ask, seen: Seen) -> Answer:
    """Everything but the scarce things, which are claimed afterwards."""
    if not seen.exists:
        return Answer("drop", "member_gone")
    if ask.transactional:
        return SEND
    if not seen.running:
        return Answer("drop", "stopped")
    if not seen.may_profile:
        return Answer("drop", "profiling_declined")
    if ask.channel != "coupon" and not seen.may_message:
        return Answer("drop", "no_consent")
    if ask.channel == "leader_task" and not seen.has_leader:
        return Answer("drop", "no_leader")
    if ask.arm == HOLDOUT:
        return Answer("withhold", "holdout")
    if ask.channel != "coupon" and is_quiet(seen.now, seen.zone, seen.policy):
        return held_until(ask, quiet_ends(seen.now, seen.zone, seen.policy), "quiet_hours")
    return SEND


def held_until(ask: Ask, until: datetime, reason: str) -> Answer:
    """Hold, unless that is later than the step's patience: words for last week are worse than none."""
    if until - ask.asked_at > timedelta(days=ask.hold_days):
        return Answer("drop", reason)
    return Answer("hold", reason, until)


def is_quiet(now: datetime, zone: str, policy: Policy) -> bool:
    """Whether the local clock stands in the quiet hours; they may cross midnight; equal ends mean none."""
    at = now.astimezone(ZoneInfo(zone)).time()
    start, end = policy.quiet_from, policy.quiet_until
    if start == end:
        return False
    return start <= at < end if start < end else at >= start or at < end


def quiet_ends(now: datetime, zone: str, policy: Policy) -> datetime:
    """The next time the local clock shows the end of the quiet hours, after `now`."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.date() if local.time() < policy.quiet_until else local.date() + timedelta(days=1)
    return _at(day, policy.quiet_until, zone, after=now)


def day_opens(day: date, zone: str, policy: Policy) -> datetime:
    """When a day's quiet hours are over: from then on a leader may be given that day's tasks."""
    return _at(day, policy.quiet_until, zone)


def _at(day: date, at: time, zone: str, after: datetime | None = None) -> datetime:
    """A wall-clock time as a moment. The hour that comes twice is the first one, unless that lies before `after`."""
    moment = datetime.combine(day, at, ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    if after is not None and moment <= after:
        moment = datetime.combine(day, at.replace(fold=1), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    return moment


def local_day(now: datetime, zone: str) -> date:
    """The date on the region's calendar."""
    return now.astimezone(ZoneInfo(zone)).date()


def draw(salt: str, *what: object) -> float:
    """A number in [0, 1) that is the same for the same salt and subject, on every machine, for ever (SHA-256)."""
    text = "/".join([salt, *map(str, what)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def arm(salt: str, member_id: int, holdout_share: float) -> str:
    """The arm of a member in a launch: one draw for all its steps."""
    return HOLDOUT if draw(salt, member_id) < holdout_share else TREATED


def split(salt: str, step: str, member_id: int, shares: tuple[tuple[str, float], ...]) -> str:
    """Where a hash branch sends a member; shares add up to 1. Each step draws anew, independent of the arm."""
    drawn, total = draw(salt, step, member_id), 0.0
    for target, share in shares:
        total += share
        if drawn < total:
            return target
    return shares[-1][0]
