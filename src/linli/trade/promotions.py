"""Promotions: warm-up, burst, encore. Group-buys belong to a stage; a fifth of the burst's stock is sold ahead and comes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncMinute

from linli.kernel import clocks, events, ledger
from linli.kernel.refusals import Refusal
from linli.trade import coupons, groups, presale
from linli.trade.coupons import Budget
from linli.trade.events import PromotionPut
from linli.trade.models import GroupBuy, Order, OrderLine, Promotion, PromotionGroup, PromotionStage
from linli.trade.rules import NewGroup

WARM_UP, BURST, ENCORE = PromotionStage.Kind.values
ORDER = (WARM_UP, BURST, ENCORE)
SHOWN_MINUTES = 60
PAID = (Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)


@dataclass(frozen=True)
class Stage:
    """A stage in business time: warm_up, burst or encore."""

    kind: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class NewPromotion:
    """A promotion to be written. Stages come in their order and don't overlap; `budget_owner` is "playbook:<slug>"."""

    slug: str
    name_zh: str
    name_en: str
    stages: Sequence[Stage]
    budget_owner: str
    reserve_permille: int = presale.RESERVE_PERMILLE


@dataclass(frozen=True)
class StageBoard:
    """A stage now. Pieces: `stock` lies at its group-buys; of it `sold` is paid, `held` waits for money, `free` can be had.

    `reserved` was kept back for its pre-sales, `released` came back unsold. `by_minute` has every minute of the last hour.
    """

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
    by_minute: list[tuple[datetime, int]]

    @property
    def orders_per_minute(self) -> float:
        """The mean of the last five whole minutes."""
        return sum(n for _, n in self.by_minute[-5:]) / 5

    @property
    def peak_per_minute(self) -> int:
        return max((n for _, n in self.by_minute), default=0)


@dataclass(frozen=True)
class Board:
    """A promotion's day: its stages, and what its budget still has."""

    slug: str
    name_zh: str
    name_en: str
    stages: list[StageBoard]
    budget: Budget


@transaction.atomic
def put(*, region: str, promotion: NewPromotion, by: str) -> int:
    """Write a promotion, or move the stages of the one under its slug; returns its id.

    Raises Refusal: trade.bad_promotion(slug, fields).
    """
    if wrong := _faults(promotion):
        raise Refusal("trade.bad_promotion", slug=promotion.slug, fields=", ".join(wrong))
    row, _ = Promotion.objects.update_or_create(
        region=region,
        slug=promotion.slug,
        defaults={
            "name_zh": promotion.name_zh,
            "name_en": promotion.name_en,
            "reserve_permille": promotion.reserve_permille,
            "budget_owner": promotion.budget_owner,
            "by": by,
        },
    )
    for stage in promotion.stages:
        times = {"starts_at": stage.starts_at, "ends_at": stage.ends_at}
        PromotionStage.objects.update_or_create(region=region, promotion=row, kind=stage.kind, defaults=times)
    fact = PromotionPut(promotion.slug, [s.kind for s in promotion.stages], promotion.stages[0].starts_at.isoformat(), by)
    events.append(fact, region=region, subject=f"promotion:{promotion.slug}")
    return row.pk


def _faults(p: NewPromotion) -> list[str]:
    kinds = [s.kind for s in p.stages]
    ends = [at for s in p.stages for at in (s.starts_at, s.ends_at)]
    good = {
        "slug": 0 < len(p.slug) <= 48,
        "name_zh": 0 < len(p.name_zh) <= 64,
        "name_en": 0 < len(p.name_en) <= 64,
        "stages": bool(kinds) and kinds == [k for k in ORDER if k in kinds] and all(s.starts_at < s.ends_at for s in p.stages),
        "budget_owner": ledger.can_own(p.budget_owner),
        "reserve_permille": 0 <= p.reserve_permille <= 1000,
    }
    wrong = [name for name, fine in good.items() if not fine]
    return wrong or ([] if ends == sorted(ends) else ["stages"])


def _stage(region: str, slug: str, kind: str) -> PromotionStage:
    found = PromotionStage.objects.select_related("promotion").filter(region=region, promotion__slug=slug, kind=kind).first()
    if found is None:
        raise Refusal("trade.no_such_promotion")
    return found


@transaction.atomic
def add(*, region: str, slug: str, stage: str, group_ids: Sequence[int]) -> int:
    """Let group-buys belong to a stage; returns how many are new there. One that belongs to a stage already stays where it is.

    Raises Refusal: trade.no_such_promotion, trade.no_such_group.
    """
    found = _stage(region, slug, stage)
    wanted = set(group_ids)
    if GroupBuy.objects.filter(region=region, pk__in=wanted).count() != len(wanted):
        raise Refusal("trade.no_such_group")
    taken = set(PromotionGroup.objects.filter(region=region, group_id__in=wanted).values_list("group_id", flat=True))
    PromotionGroup.objects.bulk_create([PromotionGroup(region=region, stage=found, group_id=g) for g in sorted(wanted - taken)])
    return len(wanted - taken)


@transaction.atomic
def sell_ahead(*, region: str, slug: str, group_id: int, price_minor: int, by: str) -> int:
    """Keep the promotion's share of a burst group's stock back and sell it through the warm-up; returns the pre-sale's id.

    What isn't sold when the warm-up ends goes back to the group by itself. Again gives the same pre-sale. Raises Refusal:
    trade.no_such_promotion, trade.no_such_group, trade.nothing_to_reserve, and those of groups.open_many.
    """
    stage = _stage(region, slug, WARM_UP)
    main = GroupBuy.objects.filter(region=region, pk=group_id).first()
    if main is None:
        raise Refusal("trade.no_such_group")
    pieces = presale.reserve_of(group_id, stage.promotion.reserve_permille)
    if not pieces:
        raise Refusal("trade.nothing_to_reserve")
    made = groups.open(
        region=region,
        group=NewGroup(
            key=f"promotion/{slug}/{group_id}",
            community_id=main.community_id,
            sku=main.sku_code,
            kind="presale",
            threshold=1,
            quota_pieces=pieces,
            case_size=main.case_size,
            price_minor=price_minor,
            solo_price_minor=max(price_minor, main.solo_price_minor),
            opens_at=stage.starts_at,
            deadline_at=stage.ends_at,
            pickup_from=main.pickup_from,
            reserve_of=group_id,
            opened_by=by,
        ),
    )
    add(region=region, slug=slug, stage=WARM_UP, group_ids=[made])
    return made


def listed(region: str) -> list[tuple[str, str, str]]:
    """(slug, Chinese name, English name) of the region's promotions, the newest first."""
    return list(Promotion.objects.filter(region=region).order_by("-pk").values_list("slug", "name_zh", "name_en"))


def board(region: str, slug: str) -> Board:
    """A promotion now: stock, orders and budget, stage by stage; the same few statements however many group-buys it has.

    Raises Refusal: trade.no_such_promotion.
    """
    found = Promotion.objects.filter(region=region, slug=slug).first()
    if found is None:
        raise Refusal("trade.no_such_promotion")
    now = clocks.business_now()
    stages = sorted(found.stages.all(), key=lambda s: ORDER.index(s.kind))
    by_stage: defaultdict[int, list[int]] = defaultdict(list)
    for stage_id, group_id in PromotionGroup.objects.filter(stage__in=stages).values_list("stage_id", "group_id"):
        by_stage[stage_id].append(group_id)
    ids = [g for found_ids in by_stage.values() for g in found_ids]
    sums = _sums(ids)
    minutes = _minutes(ids, now)
    return Board(
        found.slug,
        found.name_zh,
        found.name_en,
        [_stage_board(s, by_stage[s.pk], sums, minutes, now) for s in stages],
        coupons.budget(region, found.budget_owner),
    )


def _sums(ids: list[int]) -> dict[int, dict[str, int]]:
    """Group-buy -> its stock, and what was sold of it; two statements."""
    stock = GroupBuy.objects.filter(pk__in=ids).values("pk", "quota_pieces", "released_pieces", "reserve_of_id", "opened_pieces")
    found = {
        r["pk"]: {
            "stock": r["quota_pieces"],
            "released": r["released_pieces"],
            "reserved": r["opened_pieces"] if r["reserve_of_id"] else 0,
            "sold": 0,
            "held": 0,
            "paid": 0,
        }
        for r in stock
    }
    left = F("quantity") - F("returned_pieces")
    worth = F("amount_minor") - F("discount_minor") - F("refunded_minor")
    lines = OrderLine.objects.filter(group_id__in=ids).exclude(state=OrderLine.State.CANCELLED).values("group_id")
    for r in lines.annotate(
        sold=Sum(left, filter=Q(order__state__in=PAID), default=0),
        held=Sum(left, filter=Q(order__state=Order.State.PLACED), default=0),
        paid=Sum(worth, filter=Q(order__state__in=PAID), default=0),
    ):
        found[r["group_id"]] |= {"sold": r["sold"], "held": r["held"], "paid": r["paid"]}
    return found


def _minutes(ids: list[int], now: datetime) -> dict[tuple[int, datetime], int]:
    """(Group-buy, minute) -> orders placed in it, over the last hour; one statement."""
    lines = OrderLine.objects.filter(
        group_id__in=ids, order__placed_at__gt=now - timedelta(minutes=SHOWN_MINUTES), order__placed_at__lte=now
    )
    rows = lines.annotate(minute=TruncMinute("order__placed_at")).values("group_id", "minute").annotate(n=Count("order_id", distinct=True))
    return {(r["group_id"], r["minute"]): r["n"] for r in rows}


def _stage_board(
    stage: PromotionStage, ids: list[int], sums: dict[int, dict[str, int]], minutes: dict[tuple[int, datetime], int], now: datetime
) -> StageBoard:
    total = {name: sum(sums[g][name] for g in ids) for name in ("stock", "released", "reserved", "sold", "held", "paid")}
    last = now.replace(second=0, microsecond=0)
    shown = [last - timedelta(minutes=n) for n in reversed(range(SHOWN_MINUTES))]
    orders = (
        OrderLine.objects.filter(group_id__in=ids, order__state__in=PAID).aggregate(n=Count("order_id", distinct=True))["n"] if ids else 0
    )
    return StageBoard(
        kind=stage.kind,
        starts_at=stage.starts_at,
        ends_at=stage.ends_at,
        running=stage.starts_at <= now < stage.ends_at,
        group_count=len(ids),
        stock=total["stock"],
        reserved=total["reserved"],
        released=total["released"],
        sold=total["sold"],
        held=total["held"],
        free=total["stock"] - total["sold"] - total["held"],
        order_count=orders,
        paid_minor=total["paid"],
        by_minute=[(at, sum(minutes.get((g, at), 0) for g in ids)) for at in shown],
    )
