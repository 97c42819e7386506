"""Playbooks and what they earned, audiences, metrics with the time they are as of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.engage import preview as previews
from linli.engage import queries as engage
from linli.engage import runs, shapes
from linli.engage.audience import compile as read_rule
from linli.engage.knowledge import fitting, names
from linli.insight import queries as insight
from linli.insight.queries import MetricCard, SegmentCount
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Done, Id, In, Out, PathCode, PathId

playbooks_area = Area("playbooks", "Playbooks and audiences")
metrics_area = Area("metrics", "Metrics")

Answer = Literal["send", "hold", "drop", "withhold", "unknown"]


class Launched(Out):
    """A playbook is at work."""

    launch_id: int


class AudienceRule(In):
    """A rule over what is known of members, as playbooks write it."""

    rule: Annotated[str, Field(min_length=1, max_length=2000)]
    show: Annotated[int, Field(strict=True, ge=0, le=1000)] = 100


class Audience(Out):
    """Who fits a rule as of a moment: how many, and the first of them by what is at stake."""

    as_of: datetime | None
    count: int
    member_ids: list[int]


class Variable(Out):
    """A name that rules may use."""

    name: str
    type: str
    unit: str
    zh: str
    en: str


class MetricPoint(Out):
    """A metric on one day."""

    day: date
    value: float | None


class Metric(Out):
    """A metric with its definition, as of a moment. `value` null: the event it waits for has not come yet."""

    key: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    unit: str
    direction: str
    target: float | None
    value: float | None
    status: str
    waits_for: str
    as_of: datetime
    trend: list[MetricPoint]
    source_events: list[str]


class Segment(Out):
    """A segment of members with its size, value and movement."""

    key: str
    kind: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    members: int
    share: float
    spend_365d_minor: int
    entered: int
    left: int


@playbooks_area.get("/playbooks", who=("operator",), response=list[shapes.PlaybookCard])
def list_playbooks(request: Call) -> Any:
    """Every playbook, the running ones first."""
    return engage.playbooks(request.actor.region)


@playbooks_area.get("/playbooks/{slug}", who=("operator",), response=shapes.PlaybookPage)
def get_playbook(request: Call, slug: PathCode) -> Any:
    """A playbook with its steps and launches."""
    return engage.playbook(request.actor.region, slug)


@playbooks_area.ask("/playbooks/{slug}/preview", who=("operator",), response=shapes.Preview)
def preview_playbook(request: Call, slug: PathCode) -> Any:
    """What a launch would do now: whom it would reach, what it would cost, what it could show. Nothing is written."""
    return previews.preview(request.actor.region, slug)


@playbooks_area.post("/playbooks/{slug}/launch", who=("operator",), response=Launched, status=201)
def launch_playbook(request: Call, slug: PathCode) -> Any:
    """Set a playbook to work in the region."""
    return {"launch_id": runs.launch(region=request.actor.region, slug=slug, by=request.actor.person_id, key=request.key).launch_id}


@playbooks_area.get("/launches/{launch_id}", who=("operator",), response=shapes.LaunchPage)
def get_launch(request: Call, launch_id: PathId) -> Any:
    """A launch: its funnel, the gate's answers, what it earned beside its holdout."""
    return engage.launch(request.actor.region, launch_id)


@playbooks_area.post("/launches/{launch_id}/stop", who=("operator",), response=Done)
def stop_launch(request: Call, launch_id: PathId) -> Any:
    """Stop a launch: nobody new enters, nothing more goes out."""
    runs.stop(region=request.actor.region, launch_id=launch_id, by=request.actor.person_id, key=request.key)
    return {}


@playbooks_area.get("/decisions", who=("operator",), response=shapes.DecisionPage)
def list_decisions(
    request: Call,
    launch_id: Id | None = None,
    member_id: Id | None = None,
    answer: Answer | None = None,
    page: Annotated[int, Field(ge=1, le=100_000)] = 1,
) -> Any:
    """What the gate answered, newest first: sent, held, dropped, withheld, and why."""
    return engage.decisions(request.actor.region, launch_id=launch_id, member_id=member_id, answer=answer, page=page)


@playbooks_area.ask("/audiences/preview", who=("operator",), response=Audience)
def preview_audience(request: Call, body: AudienceRule) -> Any:
    """Who fits a rule now, most to lose first."""
    found = fitting(request.actor.region, read_rule(body.rule, names()))
    return {"as_of": found.as_of, "count": len(found.members), "member_ids": [m.member_id for m in found.members[: body.show]]}


@playbooks_area.get("/audiences/variables", who=("operator",), response=list[Variable])
def list_variables(request: Call) -> Any:
    """Every name that a rule may use."""
    return [{name: getattr(info, name, "") for name in Variable.model_fields} for info in insight.variables().values()]


@playbooks_area.get("/segments", who=("operator",), response=list[Segment])
def list_segments(request: Call) -> Any:
    """Segments of members with size, value and movement."""
    return [_segment(one) for one in insight.segment_counts(request.actor.region)]


def _segment(one: SegmentCount) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Segment.model_fields}


def _metric(card: MetricCard) -> dict[str, Any]:
    told = {name: getattr(card, name) for name in Metric.model_fields}
    return told | {"trend": [{"day": p.day, "value": p.value} for p in card.trend], "source_events": list(card.source_events)}


@metrics_area.get("/metrics", who=("operator",), response=list[Metric])
def list_metrics(request: Call, community_id: Id | None = None, days: Annotated[int, Field(ge=1, le=366)] = 28) -> Any:
    """Every metric with its definition and trend, as of the last refresh."""
    return [_metric(card) for card in insight.metric_cards(request.actor.region, community_id, days=days)]


@metrics_area.get("/metrics/{key}", who=("operator",), response=Metric)
def get_metric(request: Call, key: PathCode, community_id: Id | None = None, days: Annotated[int, Field(ge=1, le=366)] = 90) -> Any:
    """One metric with a longer trend."""
    card = insight.metric_card(request.actor.region, key, community_id, days=days)
    return _metric(card) if card else own.missing()
