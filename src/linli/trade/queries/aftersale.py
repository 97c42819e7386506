"""Reads of after-sale: a member's requests, what waits for a leader or the operator, weighed lines, and who may see a picture."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks, ledger
from linli.people import queries as people
from linli.trade import accounts, terms
from linli.trade.days import today
from linli.trade.models import AfterSale, AfterSalePhoto, AfterSaleStep, HandOver, Order, OrderLine, Weighing

WAITING = (AfterSale.State.OPEN, AfterSale.State.ESCALATED)


@dataclass(frozen=True)
class AfterSaleStepInfo:
    """Who did what, when and why. `by`: member, leader, operator or system; `name` for the people among them."""

    what: str
    by: str
    name: str
    why: str
    amount_minor: int | None
    at: datetime


@dataclass(frozen=True)
class AfterSaleInfo:
    """A request with its line, pictures and history. `waited`: business time since it was asked, or until it was answered."""

    aftersale_id: uuid.UUID
    region: str
    order_id: uuid.UUID
    order_no: str
    line_number: int
    sku: SkuInfo
    quantity: int
    paid_minor: int
    currency: str
    member_id: int
    display_name: str
    surname: str
    community_id: int
    community_zh: str
    community_en: str
    reason: str
    unit: str
    amount: int
    asked_minor: int
    granted_minor: int | None
    words: str
    state: str
    why: str
    asked_at: datetime
    answered_at: datetime | None
    waited: timedelta
    photos: list[uuid.UUID]
    steps: list[AfterSaleStepInfo]
    refund_state: str

    @property
    def waits(self) -> bool:
        return self.state in WAITING


@dataclass(frozen=True)
class SpotLimit:
    """What a leader may still refund on the spot today, and the most of one order."""

    day_minor: int
    day_left_minor: int
    order_minor: int


@dataclass(frozen=True)
class ToWeigh:
    """A weighed line on the list of a leader or the warehouse."""

    order_id: uuid.UUID
    number: int
    community_id: int
    pickup_code: str
    surname: str
    building: str
    sku: SkuInfo
    pieces: int
    most_g: int
    most_minor: int
    grams: int | None
    charged_minor: int | None
    returned_minor: int
    state: str

    @property
    def back_minor(self) -> int:
        """The difference that goes, or went, back."""
        return 0 if self.charged_minor is None else self.most_minor - self.charged_minor


@dataclass(frozen=True)
class Askable:
    """A line that may be asked about until `until` (business time), or why not: open (a request waits), late, gone."""

    number: int
    until: datetime | None
    no: str


def _infos(found: QuerySet[AfterSale]) -> list[AfterSaleInfo]:
    """Requests with everything around them; seven statements for any number."""
    rows = list(found.select_related("order", "line", "refund"))
    photos: defaultdict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for pk, owner in AfterSalePhoto.objects.filter(after_sale__in=rows).order_by("number").values_list("pk", "after_sale_id"):
        photos[owner].append(pk)
    steps = _steps(rows)
    members = people.members({r.member_id for r in rows})
    skus = {region: goods.skus(region, {r.line.sku_code for r in rows if r.region == region}) for region in {r.region for r in rows}}
    now = clocks.business_now()
    return [
        AfterSaleInfo(
            aftersale_id=r.pk,
            region=r.region,
            order_id=r.order_id,
            order_no=r.order_id.hex[-8:].upper(),
            line_number=r.line.number,
            sku=skus[r.region][r.line.sku_code],
            quantity=r.line.quantity,
            paid_minor=r.line.amount_minor - r.line.discount_minor,
            currency=r.order.currency,
            member_id=r.member_id,
            display_name=members[r.member_id].display_name,
            surname=members[r.member_id].surname,
            community_id=r.community_id,
            community_zh=members[r.member_id].community_zh,
            community_en=members[r.member_id].community_en,
            reason=r.reason,
            unit=r.unit,
            amount=r.amount,
            asked_minor=r.asked_minor,
            granted_minor=r.granted_minor,
            words=r.words,
            state=r.state,
            why=r.why,
            asked_at=r.asked_at,
            answered_at=r.answered_at,
            waited=(r.answered_at or now) - r.asked_at,
            photos=photos[r.pk],
            steps=steps[r.pk],
            refund_state=r.refund.state if r.refund else "",
        )
        for r in rows
    ]


def _steps(rows: Sequence[AfterSale]) -> dict[uuid.UUID, list[AfterSaleStepInfo]]:
    found: defaultdict[uuid.UUID, list[AfterSaleStepInfo]] = defaultdict(list)
    names: dict[str, tuple[str, str]] = {}
    region = rows[0].region if rows else ""
    for step in AfterSaleStep.objects.filter(after_sale__in=rows).order_by("at", "pk"):
        if step.by not in names:
            names[step.by] = _who(step.by, region)
        by, name = names[step.by]
        found[step.after_sale_id].append(AfterSaleStepInfo(step.what, by, name, step.why, step.amount_minor, step.at))
    return found


def _who(by: str, region: str) -> tuple[str, str]:
    kind, _, number = by.partition(":")
    if kind == "member" and (member := people.member(int(number))):
        return "member", member.surname
    if kind == "person" and (person := people.person(int(number))):
        leads = any(r.kind == "leader" and r.region == region for r in people.roles_of(person.person_id))
        return ("leader" if leads else "operator"), person.display_name
    return "system", ""


def after_sale(aftersale_id: uuid.UUID) -> AfterSaleInfo | None:
    """One request; whose it is, the caller judges."""
    return next(iter(_infos(AfterSale.objects.filter(pk=aftersale_id))), None)


def after_sales_of_order(order_id: uuid.UUID) -> list[AfterSaleInfo]:
    """The requests of an order, newest first."""
    return _infos(AfterSale.objects.filter(order_id=order_id).order_by("-asked_at", "-pk"))


def after_sales_of_communities(community_ids: Iterable[int], *, waiting: bool, limit: int = 50) -> list[AfterSaleInfo]:
    """What waits in a leader's communities, oldest first; or what was decided there, newest first."""
    found = AfterSale.objects.filter(community_id__in=list(community_ids))
    if waiting:
        return _infos(found.filter(state__in=WAITING).order_by("asked_at", "pk")[:limit])
    return _infos(found.exclude(state__in=WAITING).order_by("-answered_at", "-pk")[:limit])


def after_sale_queue(
    region: str, *, state: str = "waiting", search: str = "", page: int = 1, size: int = 30
) -> tuple[list[AfterSaleInfo], int]:
    """(One page of a region's requests, how many there are): waiting oldest first, any other state newest first."""
    found = AfterSale.objects.filter(region=region)
    if state == "waiting":
        found = found.filter(state__in=WAITING).order_by("asked_at", "pk")
    else:
        found = (found.filter(state=state) if state else found).order_by("-asked_at", "-pk")
    if text := search.replace("\0", "").strip():
        codes = [s.code for s in goods.search(region, text)]
        found = found.filter(Q(line__sku_code__in=codes) | Q(member_id__in=people.search_ids(region, text)) | Q(words__icontains=text))
    return _infos(found[(page - 1) * size : page * size]), found.count()


def after_sale_counts(region: str) -> dict[str, int]:
    """How many requests are in each state, and "waiting" in all."""
    counts = {state: AfterSale.objects.filter(region=region, state=state).count() for state in AfterSale.State.values}
    return counts | {"waiting": counts["open"] + counts["escalated"]}


def spot_limit(region: str, leader: int) -> SpotLimit:
    """What a leader may still refund on the spot today."""
    given = terms.of(region)
    used = -ledger.balance(accounts.spot_of_day(region, leader, today(region))).balance
    return SpotLimit(given.spot_day_minor, max(0, given.spot_day_minor - used), given.spot_order_minor)


def askable(order_id: uuid.UUID) -> list[Askable]:
    """Which lines of an order may be asked about, and until when."""
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        return []
    hours = terms.of(order.region).ask_hours
    handed = {n: h.at for h in HandOver.objects.filter(order=order).order_by("-pk") for n in h.line_numbers}
    waits = set(AfterSale.objects.filter(order=order, state__in=WAITING).values_list("line_id", flat=True))
    now, rows = clocks.business_now(), []
    for line in OrderLine.objects.filter(order=order, number__in=handed).order_by("number"):
        until = handed[line.number] + timedelta(hours=hours)
        left = line.amount_minor - line.discount_minor - line.refunded_minor
        no = "open" if line.pk in waits else "gone" if left <= 0 else "late" if now > until else ""
        rows.append(Askable(line.number, until, no))
    return rows


def photo_owner(photo_id: uuid.UUID) -> tuple[str, int, int] | None:
    """(region, member, community) of a picture: who may see it, the caller judges."""
    found = AfterSalePhoto.objects.select_related("after_sale").filter(pk=photo_id).first()
    return (found.region, found.after_sale.member_id, found.after_sale.community_id) if found else None


def to_weigh(region: str, community_ids: Iterable[int] | None = None, day: date | None = None) -> list[ToWeigh]:
    """Weighed lines that are ready, and those handed over that were weighed today: by goods, then pickup code."""
    weighed = {code: sku for code, sku in goods.skus(region).items() if sku.weighed}
    found = OrderLine.objects.filter(region=region, sku_code__in=weighed).select_related("order", "pickup")
    if community_ids is not None:
        found = found.filter(order__community_id__in=list(community_ids))
    if day is not None:
        found = found.filter(pickup__wave_on=day)
    at = clocks.business_now() - timedelta(hours=24)
    recent = Q(state=OrderLine.State.HANDED, weighings__weighed_at__gte=at)
    rows = list(found.filter(Q(state=OrderLine.State.READY) | recent).distinct())
    scales = {w.line_id: w for w in Weighing.objects.filter(region=region, line__in=rows)}
    members = people.members({line.order.member_id for line in rows})
    listed = [_to_weigh(line, weighed[line.sku_code], members[line.order.member_id], scales.get(line.pk)) for line in rows]
    return sorted(listed, key=lambda row: (row.sku.code, row.pickup_code, str(row.order_id), row.number))


def _to_weigh(line: OrderLine, sku: SkuInfo, member: people.MemberInfo, scales: Weighing | None) -> ToWeigh:
    pieces = line.quantity - line.returned_pieces
    return ToWeigh(
        line.order_id,
        line.number,
        line.order.community_id,
        line.pickup.code if line.pickup else "",
        member.surname,
        member.building,
        sku,
        pieces,
        scales.most_g if scales else pieces * (sku.piece_g or 0),
        scales.most_minor if scales else line.amount_minor - line.refunded_minor - line.discount_back_minor,
        scales.grams if scales else None,
        scales.charged_minor if scales else None,
        scales.returned_minor if scales else 0,
        line.state,
    )
