"""What others read of knowledge, as values. Every one carries the moment it is as of; names of members are people's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Standing:
    """The last finished refresh of a region. `seconds` of machine time it took; `members` it knew."""

    region: str
    as_of: datetime
    finished_at: datetime
    seconds: float
    members: int
    model: ModelInfo | None


@dataclass(frozen=True)
class ModelInfo:
    """What is behind `risk`: `serves` is "model" or "baseline" (BG/NBD, where the model does not beat it or cannot be judged).

    The figures are the model's on days it had not seen, beside the better of two baselines; 0 where `judged` is False.
    """

    version: str
    trained_as_of: datetime
    members: int
    base_rate: float
    roc: float
    average_precision: float
    calibration_error: float
    baseline: str
    baseline_roc: float
    judged: bool
    note: str  # code: "model.good", "model.old", "model.no_history", "model.below_baseline", "model.unjudged"
    serves: str


@dataclass(frozen=True)
class Label:
    """One label of a member and why: words `[label.<code>]`, filled from `facts`. `tone` is info, brand, warn or hot."""

    code: str
    tone: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Reason:
    """One push on the risk, in percentage points (positive pushes toward silence): words `[reason.<code>]` from `facts`."""

    code: str
    points: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class MemberRow:
    """One member in a list. Amounts in the region's minor unit; `risk` None: not scored (why: `lifecycle`)."""

    member_id: int
    community_id: int
    external_id: str
    as_of: datetime
    lifecycle: str
    rfm: str  # "5-4-5": recency, frequency, money, 5 is best; "" without an order in 365 days
    segments: tuple[str, ...]
    labels: tuple[Label, ...]
    recency_days: int | None
    gap_median_days: float | None
    orders_90d: int
    spend_90d_minor: int
    spend_365d_minor: int
    value_rank: int | None  # 1 spends most
    risk: float | None
    response_level: int  # 0 none, 1 guide, 2 offer, 3 personal call
    reasons: tuple[Reason, ...]
    profiled: bool = True


@dataclass(frozen=True)
class Page:
    """One page of members; `total` of all pages."""

    rows: tuple[MemberRow, ...]
    total: int
    page: int
    pages: int
    per_page: int


@dataclass(frozen=True)
class FeatureValue:
    """One feature of one member with its definition. `value` None: it does not exist (yet) for this member."""

    name: str
    unit: str  # days, orders, minor, share, ratio, hour, weekday, date, text, list, count
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    value: Any


@dataclass(frozen=True)
class WeekSpend:
    """What a member paid in the week that starts on `start` (local Monday). The last week may be under way."""

    start: date
    orders: int
    spend_minor: int


@dataclass(frozen=True)
class Favourite:
    """A product type in the member's baskets of the last 180 days."""

    product_type: str
    baskets: int


@dataclass(frozen=True)
class SegmentStay:
    """When a member came into or left a segment, newest first."""

    segment: str
    entered: bool
    at: datetime
    reason: dict[str, Any]


@dataclass(frozen=True)
class Worth:
    """What a member is expected to pay in the coming 90 days, minor units; `low`..`high` hold four of five members."""

    expected_minor: int
    low_minor: int
    median_minor: int
    high_minor: int
    orders_low: int  # days with an order
    orders_median: int
    orders_high: int
    orders_expected: float
    amount_minor: int  # of one such day
    alive: float  # probability that they still buy here at all


@dataclass(frozen=True)
class Want:
    """One item (a product type, else a SKU's code) and why: words `[want.<code>]` filled from `facts`.

    `code`: repeat.due, repeat.rhythm, repeat.times, repeat.once (the member's own), explore.beside, explore.near,
    explore.popular, here (the community buys it), region.
    """

    item: str
    code: str
    facts: dict[str, Any]
    repeat: bool = False
    score: float = 0.0


@dataclass(frozen=True)
class Wants:
    """A list of wants as of a moment. `personal` False: it holds nothing of the member's own."""

    personal: bool
    as_of: datetime | None
    items: tuple[Want, ...]


@dataclass(frozen=True)
class Rhythm:
    """Days between a member's last orders, oldest first, and when the next is due by them.

    `gaps`: (day of the order that ended it, days). `due` is the last order's day plus the median gap, `early`..`late` plus
    the gaps' 20th and 80th percentile: as this member has been, not as the model expects.
    """

    gaps: tuple[tuple[date, int], ...]
    median_days: float
    last: date
    open_days: int
    early: date
    due: date
    late: date


@dataclass(frozen=True)
class MemberDetail:
    """Everything known about one member."""

    row: MemberRow
    features: tuple[FeatureValue, ...]
    weeks: tuple[WeekSpend, ...]  # 26, oldest first
    week_average_minor: int  # over the weeks since the first order, at most 26
    favourites: tuple[Favourite, ...]
    changes: tuple[SegmentStay, ...]
    peers_median_risk: float | None
    model: ModelInfo | None
    spend_share: float | None  # of the region's sales in 365 days
    profiled: bool  # False: the member does not want to be profiled; no features, segments or risk
    worth: Worth | None = None
    wants: tuple[Want, ...] = ()
    rhythm: Rhythm | None = None
    stays: tuple[SegmentStay, ...] = ()  # those that hold, with why


@dataclass(frozen=True)
class TrendPoint:
    day: date
    value: float | None


@dataclass(frozen=True)
class MetricCard:
    """One metric with target and trend. `value` None: show "—" and, if `waits_for`, the event it waits for."""

    key: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    unit: str  # share, minor, orders, per_day, groups, count, days, score
    direction: str  # "up": more is better, "down": less is better
    target: float | None
    value: float | None
    status: str  # ok, missed, none (no target or no value)
    missed_by: float | None  # in the metric's unit, positive
    waits_for: str  # event kind, "" when it has a value
    detail: dict[str, Any]  # e.g. {"volatility": .21}, {"numerator": 812, "denominator": 2401}
    trend: tuple[TrendPoint, ...]  # oldest first, one a day
    as_of: datetime
    source_events: tuple[str, ...] = ()
    causal: bool = False  # what an action changed: exists only where a holdout was kept
    levels: tuple[str, ...] = ()  # where it may be looked into: community, group, leader, sku
    has_rows: bool = False  # the rows it was counted from can be listed
    aimed: bool = False  # the operator's own target


@dataclass(frozen=True)
class SegmentCount:
    """One segment now, with its movement since the refresh before (and over 7 days)."""

    key: str
    kind: str  # lifecycle | value | potential | silent | risk
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    members: int
    share: float  # of the members known
    spend_365d_minor: int
    spend_share: float  # of the region's sales in 365 days
    entered: int
    left: int
    entered_7d: int
    left_7d: int
    waits_for: str
    as_of: datetime


@dataclass(frozen=True)
class CommunityRow:
    """One community. `silent_share`: of its members who ever ordered, those without an order in 30 days."""

    community_id: int
    members: int
    active_30d: int
    silent_share: float | None
    sales_30d_minor: int
    orders_30d: int
    at_risk: int
    at_risk_valuable: int
    vips: int
    as_of: datetime


@dataclass(frozen=True)
class Alert:
    """Something that needs a person: words `[alert.<code>]` from `facts`. `link` is (page, argument) for web to resolve."""

    code: str
    level: str  # red, orange, yellow
    facts: dict[str, Any]
    link: tuple[str, str]
    at: datetime


@dataclass(frozen=True)
class Today:
    """The operator's first page: what needs a person, what changed since the refresh before."""

    standing: Standing | None
    alerts: tuple[Alert, ...]
    changes: tuple[SegmentCount, ...]  # segments with movement, most first
    at_risk: int
    at_risk_valuable: int
    silent: int
    members: int
    since: datetime | None
    cards: tuple[MetricCard, ...] = ()
    came: CameTrue | None = None


@dataclass(frozen=True)
class Columns:
    """Features and state of many members as columns, for audience rules: `values[name][i]` belongs to `member_ids[i]`."""

    as_of: datetime | None
    member_ids: tuple[int, ...]
    values: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureInfo:
    """A name of the rule language: `type` is int, float, text, date or list (of text). `choices` where they are few."""

    name: str
    type: str
    unit: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Band:
    """Members whose risk was in [low, high), and to how many of them it happened. `predicted_share` is their mean risk."""

    low: float
    high: float
    members: int
    predicted_share: float
    happened_share: float
    happened_count: int


@dataclass(frozen=True)
class CameTrue:
    """What was said and what happened.

    `ordered`: by the risk members had at `since`, who ordered between `since` and `as_of` (one day after a step; the
    riskier, the fewer should have). `matured`: by the risk at `matured_cutoff`, who was silent for the 45 days after;
    scored by a model that had not seen those days (`matured_kind` "backtest"), or by the scores kept then ("kept").
    """

    since: datetime
    as_of: datetime
    ordered: tuple[Band, ...]
    matured: tuple[Band, ...]
    matured_cutoff: datetime | None
    matured_kind: str
