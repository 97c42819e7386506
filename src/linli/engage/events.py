"""What engage tells: facts, past tense, versioned."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("engage.launch_started")
@dataclass(frozen=True)
class LaunchStarted(Fact):
    """A playbook was set to work: which version, how many are held out, with what budget."""

    launch_id: int
    playbook: str
    playbook_version: str
    holdout_share: float
    budget_minor: int
    by: int | None


@fact("engage.launch_stopped")
@dataclass(frozen=True)
class LaunchStopped(Fact):
    """A launch ended: stopped by a person, or finished because nobody is left in it."""

    launch_id: int
    playbook: str
    reason: str
    by: int | None


@fact("engage.run_entered")
@dataclass(frozen=True)
class RunEntered(Fact):
    """A member entered a launch and was given an arm: the experiment's assignment."""

    launch_id: int
    playbook: str
    member_id: int
    community_id: int
    arm: str


@fact("engage.effect_decided")
@dataclass(frozen=True)
class EffectDecided(Fact):
    """The gate answered: send, hold, drop or withhold, and why. A held effect is told again when it is settled."""

    effect_key: str
    launch_id: int
    playbook: str
    step: str
    channel: str
    member_id: int
    community_id: int
    arm: str
    answer: str
    reason: str


@fact("engage.task_confirmed")
@dataclass(frozen=True)
class TaskConfirmed(Fact):
    """A leader said the words to the member; the coupons named were issued with the same tap."""

    task_id: int
    launch_id: int
    playbook: str
    member_id: int
    community_id: int
    by: int
    coupon_ids: list[str]


@fact("engage.task_skipped")
@dataclass(frozen=True)
class TaskSkipped(Fact):
    """A leader decided not to do a task, and said why."""

    task_id: int
    launch_id: int
    playbook: str
    member_id: int
    community_id: int
    by: int
    reason: str


@fact("engage.task_undone")
@dataclass(frozen=True)
class TaskUndone(Fact):
    """A leader took a confirmation or a skip back; coupons of it were taken back too."""

    task_id: int
    launch_id: int
    playbook: str
    member_id: int
    community_id: int
    by: int


@fact("engage.task_expired")
@dataclass(frozen=True)
class TaskExpired(Fact):
    """Nobody did a task before it expired."""

    task_id: int
    launch_id: int
    playbook: str
    member_id: int
    community_id: int


@fact("engage.message_seen")
@dataclass(frozen=True)
class MessageSeen(Fact):
    """A member opened a message of the inbox."""

    message_id: int
    member_id: int
    origin: str


@fact("engage.run_finished")
@dataclass(frozen=True)
class RunFinished(Fact):
    """A member's way through a launch ended, with its reason code."""

    launch_id: int
    playbook: str
    member_id: int
    community_id: int
    arm: str
    reason: str
