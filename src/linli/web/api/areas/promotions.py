"""Promotions: warm-up, burst, encore, and the board of the day."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from linli.trade import promotions as verbs
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Code, In, Minor, Out, PathCode, StrictId

area = Area("promotions", "Promotions")

Kind = Literal["warm_up", "burst", "encore"]


class StageTimes(In):
    """When a stage runs."""

    kind: Kind
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class PromotionFields(In):
    """A promotion: stages in their order, and the playbook that pays."""

    name_zh: Annotated[str, Field(min_length=1, max_length=64)]
    name_en: Annotated[str, Field(min_length=1, max_length=64)]
    stages: Annotated[list[StageTimes], Field(min_length=1, max_length=3)]
    budget_owner: Annotated[str, Field(min_length=1, max_length=96)]
    reserve_permille: Annotated[int, Field(strict=True, ge=0, le=1000)] = 200


class PromotionName(Out):
    """A promotion by name."""

    slug: str
    name_zh: str
    name_en: str


class Minute(Out):
    """Orders placed in a minute."""

    at: datetime
    orders: int


class PromotionStage(Out):
    """A stage now: of `stock` pieces `sold` are paid, `held` wait for money, `free` can be had."""

    kind: str
    starts_at: datetime
    ends_at: datetime
    running: bool
    group_count: int
    stock: int
    reserved: int
    released: int
    sold: int
    held: int
    free: int
    order_count: int
    paid_minor: int
    orders_per_minute: float
    peak_per_minute: int
    by_minute: list[Minute]


class PromotionBudget(Out):
    """What the promotion's playbook was granted, has spent, has promised, and has left."""

    funded_minor: int
    spent_minor: int
    reserved_minor: int
    free_minor: int


class PromotionBoard(PromotionName):
    """A promotion's day."""

    stages: list[PromotionStage]
    budget: PromotionBudget


class StageGroups(In):
    """Group-buys for a stage."""

    stage: Kind
    group_ids: Annotated[list[StrictId], Field(min_length=1, max_length=200)]


class Added(Out):
    """How many are new there."""

    added: int


class SellAhead(In):
    """A burst group-buy, and the price of what is kept back of it for the warm-up."""

    group_id: StrictId
    price_minor: Minor


class Presale(Out):
    """The pre-sale's group-buy."""

    group_id: int


@area.get("/promotions", who=("operator",), response=list[PromotionName])
def list_promotions(request: Call) -> Any:
    """The region's promotions, the newest first."""
    return [dict(zip(PromotionName.model_fields, row, strict=True)) for row in verbs.listed(request.actor.region)]


@area.put("/promotions/{slug}", who=("operator",), response=PromotionName)
def put_promotion(request: Call, slug: Code, body: PromotionFields) -> Any:
    """Write a promotion, or move the stages of the one under its slug."""
    fields = body.dict(exclude={"stages"})
    stages = [verbs.Stage(one.kind, one.starts_at, one.ends_at) for one in body.stages]
    verbs.put(region=request.actor.region, promotion=verbs.NewPromotion(slug=slug, stages=stages, **fields), by=request.by)
    return {"slug": slug, "name_zh": body.name_zh, "name_en": body.name_en}


@area.get("/promotions/{slug}", who=("operator",), response=PromotionBoard)
def get_promotion(request: Call, slug: PathCode) -> Any:
    """A promotion now: stock, orders and budget, stage by stage, with the last hour by minutes."""
    board = verbs.board(request.actor.region, slug)
    stages = [
        {name: getattr(one, name) for name in PromotionStage.model_fields}
        | {"by_minute": [{"at": at, "orders": count} for at, count in one.by_minute]}
        for one in board.stages
    ]
    return {"slug": board.slug, "name_zh": board.name_zh, "name_en": board.name_en, "stages": stages, "budget": board.budget}


@area.post("/promotions/{slug}/groups", who=("operator",), response=Added)
def add_to_promotion(request: Call, slug: PathCode, body: StageGroups) -> Any:
    """Let group-buys belong to a stage; one that belongs to a stage already stays where it is."""
    return {"added": verbs.add(region=request.actor.region, slug=slug, stage=body.stage, group_ids=body.group_ids)}


@area.post("/promotions/{slug}/sell-ahead", who=("operator",), response=Presale, status=201)
def sell_ahead(request: Call, slug: PathCode, body: SellAhead) -> Any:
    """Keep the promotion's share of a burst group's stock back and sell it through the warm-up; the rest comes back by itself."""
    region = request.actor.region
    made = verbs.sell_ahead(region=region, slug=slug, group_id=body.group_id, price_minor=body.price_minor, by=request.by)
    return {"group_id": made}
