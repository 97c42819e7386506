"""What engage hands out: frozen values, without tables. Money in the minor unit; codes instead of words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Reason:
    """Why, as a code of web/words ("engage.reason.silent") and the facts that fill it."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CouponView:
    """A coupon of a pack: `face_minor` off when the basket reaches `minimum_minor`, for `valid_days`."""

    name: str
    face_minor: int
    minimum_minor: int
    category: str
    valid_days: int
    issue_code: str = ""


# --- leader -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TaskCard:
    """One task as the leader sees it. `surname` is "" where the history has no names."""

    task_id: int
    state: str  # open confirmed skipped expired withdrawn
    kind: str  # contact (later: post, pickup)
    community_id: int
    member_id: int
    surname: str
    building: str
    purchases_count: int | None
    badge: str  # a segment code, such as "at_risk"
    usual_goods: tuple[str, ...]  # items (product types, else codes), web turns them to words
    likely_goods: tuple[str, ...]  # what they will likely want next, best first
    reasons: tuple[Reason, ...]
    words: str
    said: str  # what was really said, once confirmed
    coupons: tuple[CouponView, ...]
    currency: str
    playbook: str
    playbook_name_zh: str
    playbook_name_en: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    skip_reason: str
    can_undo: bool


@dataclass(frozen=True)
class TaskBoard:
    """A leader's today: the tasks that match the filter, and the counts of every filter."""

    tasks: tuple[TaskCard, ...]
    counts: dict[str, int]  # open, contact, done_today, skipped_today, expires_today
    day: date


# --- shop -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MessageCard:
    """A message in a member's inbox."""

    message_id: int
    title: str
    words: str
    coupons: tuple[CouponView, ...]
    currency: str
    sent_at: datetime
    seen_at: datetime | None
    transactional: bool


# --- console: the gate's log ------------------------------------------------------------------------------


@dataclass(frozen=True)
class DecisionRow:
    """One answer of the gate."""

    effect_key: str
    at: datetime
    launch_id: int
    playbook: str
    playbook_name_zh: str
    playbook_name_en: str
    step: str
    channel: str  # leader_task message coupon
    member_id: int
    community_id: int
    arm: str  # treated holdout
    answer: str  # send hold drop withhold, and unknown while a delivery is being reconciled
    reason: str  # a code, "" for a plain send: engage.gate.<reason>
    hold_until: datetime | None
    words: str
    outcome: str  # of the task or message: open confirmed skipped expired unseen seen, "" when nothing went out
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class DecisionPage:
    """A page of the log with the counts that its filters would find."""

    rows: tuple[DecisionRow, ...]
    total_count: int
    page: int
    pages: int
    by_answer: dict[str, int]
    by_reason: dict[str, int]


# --- console: playbooks, preview, launch ------------------------------------------------------------------


@dataclass(frozen=True)
class StepView:
    """A step of a playbook, ready to be drawn top to bottom."""

    name: str
    kind: str  # leader_task message coupon wait branch exit
    words: str = ""
    title: str = ""
    coupons: tuple[CouponView, ...] = ()
    wait_kind: str = ""
    days: float | None = None
    test: str = ""
    goes_to: dict[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class LaunchCard:
    """A launch in a list."""

    launch_id: int
    slug: str
    version: str
    state: str  # running stopped finished
    started_at: datetime
    stopped_at: datetime | None
    holdout_share: float
    entered_count: int
    treated_count: int
    holdout_count: int
    active_count: int
    budget_minor: int
    committed_minor: int  # lies in coupons that can still be used, or waits with a leader
    spent_minor: int  # coupons redeemed
    currency: str


@dataclass(frozen=True)
class PlaybookCard:
    """A playbook in the list. `problem` is the refusal's text when its file can't be read."""

    slug: str
    version: str
    name_zh: str
    name_en: str
    hypothesis_zh: str
    hypothesis_en: str
    audience: str
    trigger: str
    holdout_share: float
    budget_minor: int
    currency: str
    metric: str
    window_days: int
    running: LaunchCard | None
    launches_count: int
    problem: str = ""


@dataclass(frozen=True)
class PlaybookPage:
    """A playbook with its steps, guardrails and launches, newest first."""

    card: PlaybookCard
    steps: tuple[StepView, ...]
    caps: dict[str, int]
    guardrails: tuple[str, ...]
    enter_days: int
    text: str
    launches: tuple[LaunchCard, ...]


@dataclass(frozen=True)
class Range:
    """A low, middle and high figure."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class LeaderLoad:
    """How many tasks a community's leader would get on a day."""

    community_id: int
    day: date
    tasks_count: int
    most_count: int


@dataclass(frozen=True)
class Power:
    """What the arms can show: the smallest effect found in 80 % of such trials at 5 % (two-sided).

    `baseline` is the metric's mean a member among the audience in the window before; `mde` in the metric's unit, computed
    on that window with the arms the launch would draw. `worthwhile` is the effect a member that would pay for the pack.
    `enough` is False when an effect of that size would go unseen: the screen says "too small to tell" beforehand.
    """

    metric: str
    unit: str
    window_days: int
    baseline: float | None
    mde: float | None
    mde_share: float | None
    worthwhile: float | None
    treated_count: int
    holdout_count: int
    enough: bool
    reason: str  # engage.power.<reason> when there is nothing to compute, else ""


@dataclass(frozen=True)
class SampleMember:
    """A member the preview names, with the reasons and what the gate would say today."""

    member_id: int
    community_id: int
    arm: str
    answer: str
    reason: str
    reasons: tuple[Reason, ...]
    words: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Preview:
    """What a launch would do now: the same code path as the launch, writing nothing."""

    slug: str
    version: str
    region: str
    as_of: datetime
    currency: str
    audience_count: int
    treated_count: int
    holdout_count: int
    answers: dict[str, int]  # send, hold, drop, withhold: of the first effect, on the first day
    drops: dict[str, int]  # by reason
    holds: dict[str, int]  # by reason
    worst_cost_minor: int  # every coupon of every treated member is redeemed
    expected_cost_minor: Range | None  # by the redemption share that is known; None when nothing is known
    redemption_basis: str  # engage.basis.own (this playbook before), engage.basis.history, engage.basis.none
    budget_minor: int
    over_budget: bool
    workload: tuple[LeaderLoad, ...]
    days_to_reach_all: int
    power: Power
    samples: tuple[SampleMember, ...]
    waits_for: str = ""  # engage.preview.<reason> when nothing can be said yet (no features at this time)


@dataclass(frozen=True)
class StepCount:
    """The funnel's row: how many runs of an arm came to a step, and with which outcomes."""

    step: str
    kind: str
    treated: dict[str, int]
    holdout: dict[str, int]
    waiting_count: int


@dataclass(frozen=True)
class Estimate:
    """Treated against holdout, per member; `low`..`high` is the 95 % interval of the difference."""

    metric: str
    unit: str
    treated_mean: float | None
    holdout_mean: float | None
    detectable: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    verdict: str  # too_early too_small no_effect up down: words engage.verdict.<verdict>


@dataclass(frozen=True)
class Outcome:
    """What a launch has earned so far. Intention to treat: every member entered counts in the arm drawn."""

    as_of: datetime
    treated_count: int
    holdout_count: int
    complete_count: int  # members whose window of `window_days` has passed
    window_days: int
    estimates: tuple[Estimate, ...]
    guardrails: tuple[Estimate, ...]
    given_count: int  # members a task was confirmed for or a message reached
    issued_count: int  # coupons
    redeemed_count: int
    cost_minor: int  # from the ledger: the discounts that coupons of this launch have really paid
    profit_minor: Range | None  # incremental margin less cost; None while it can't be computed
    profit_per_yuan: Range | None
    margin_share: float | None  # of the shop's goods, what profit is computed with
    note: str  # engage.outcome.<note>: the plain sentence: nothing_given too_early too_small no_effect up down


@dataclass(frozen=True)
class LaunchPage:
    """A launch with its funnel, its budget and what it has earned."""

    card: LaunchCard
    playbook: PlaybookCard
    funnel: tuple[StepCount, ...]
    answers: dict[str, int]
    drops: dict[str, int]
    ends: dict[str, int]
    tasks: dict[str, int]  # open confirmed skipped expired withdrawn
    workload: tuple[LeaderLoad, ...]
    failed_count: int
    outcome: Outcome | None
    due_count: int = 0  # runs that the worker is about to move; 0 when all is quiet


@dataclass(frozen=True)
class Waiting:
    """What waits for a person, for the console's Today."""

    open_tasks_count: int
    expiring_today_count: int
    running_launches_count: int
    held_count: int
    failed_runs_count: int
    not_started: tuple[str, ...]  # slugs of shipped playbooks nobody has started
