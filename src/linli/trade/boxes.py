"""Weekly boxes: each week an order is placed for the member, who pays it before the cut-off or lets it pass.

A due row a week places the order (business time) and writes the next week's. The week's own row, unique, is what keeps
a week from being ordered twice, whoever asks and however often.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import islice

from django.db import IntegrityError, transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ids, work
from linli.kernel.events import Fact
from linli.kernel.models import Event, WorkRow
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import days, groups, orders, rules
from linli.trade.events import BoxBegan, BoxChanged, BoxOrdered, BoxPassed
from linli.trade.models import Box, BoxPlan, BoxWeek
from linli.trade.rules import NewGroup, boxes

log = logging.getLogger(__name__)

DUE = "trade.box_due"
MOST_PAUSE = timedelta(days=366)
Week = BoxWeek.State


@dataclass(frozen=True)
class NewPlan:
    """A box to subscribe to: what is packed (a SKU), its price, the ISO weekdays of pickup. `off_days`: ISO dates without one."""

    slug: str
    sku: str
    price_minor: int
    weekdays: Sequence[int]
    contents_zh: str = ""
    contents_en: str = ""
    off_days: Sequence[str] = ()
    community_ids: Sequence[int] = field(default_factory=list)
    pieces_a_week: int = 200
    active: bool = True


@transaction.atomic
def put_plan(*, region: str, plan: NewPlan) -> None:
    """Offer a plan, or change it: the price holds from the next order on, which shows it before it is paid.

    Raises Refusal: goods.no_such_sku(sku), trade.bad_plan(fields).
    """
    found = goods.sku(region, plan.sku)
    if found is None or found.kind != "good":
        raise Refusal("goods.no_such_sku", sku=plan.sku)
    good = {
        "slug": 0 < len(plan.slug) <= 48 and plan.slug.isascii() and plan.slug.replace("-", "").isalnum(),
        "price_minor": type(plan.price_minor) is int and 1 <= plan.price_minor < 2**53,
        "weekdays": bool(plan.weekdays) and all(type(d) is int and 1 <= d <= 7 for d in plan.weekdays),
        "off_days": all(_is_date(d) for d in plan.off_days),
        "pieces_a_week": type(plan.pieces_a_week) is int and 1 <= plan.pieces_a_week <= 100_000,
        "contents_zh": len(plan.contents_zh) <= 160,
        "contents_en": len(plan.contents_en) <= 160,
    }
    if wrong := [name for name, fine in good.items() if not fine]:
        raise Refusal("trade.bad_plan", fields=", ".join(wrong))
    fields = asdict(plan)
    fields["sku_code"] = fields.pop("sku")
    fields |= {name: sorted(set(fields[name])) for name in ("weekdays", "off_days", "community_ids")}
    BoxPlan.objects.update_or_create(region=region, slug=plan.slug, defaults=fields)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def begin(*, member_id: int, plan: str, weekday: int, quantity: int = 1, key: str) -> uuid.UUID:
    """Subscribe a member to a plan; the first order is placed a day before the next cut-off. Once a key.

    Raises Refusal: people.no_such_member, trade.no_such_plan, trade.bad_box(fields), trade.box_there, trade.bad_key.
    """
    rules.check_key(key)
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    found = BoxPlan.objects.filter(region=member.region, slug=plan, active=True).first()
    if found is None or (found.community_ids and member.community_id not in found.community_ids):
        raise Refusal("trade.no_such_plan")
    if weekday not in found.weekdays:
        raise Refusal("trade.bad_box", fields="weekday")
    if type(quantity) is not int or not 1 <= quantity <= 20:
        raise Refusal("trade.bad_box", fields="quantity")
    try:
        with transaction.atomic():
            same = Box.objects.filter(region=member.region, member_id=member_id, key=key).first()
            if same is not None:
                return same.pk
            box = Box.objects.create(
                id=ids.new(),
                region=member.region,
                member_id=member_id,
                plan=found,
                key=key,
                weekday=weekday,
                quantity=quantity,
                began_at=clocks.business_now(),
            )
            fact = BoxBegan(str(box.pk), member_id, member.community_id, plan, weekday, quantity, f"member:{member_id}")
            events.append(fact, region=box.region, subject=f"member:{member_id}")
            _schedule_next(box)
            return box.pk
    except IntegrityError:  # one active box a plan: another tap was faster
        same = Box.objects.filter(region=member.region, member_id=member_id, key=key).first()
        if same is None:
            raise Refusal("trade.box_there") from None
        return same.pk


def _schedule_next(box: Box) -> None:
    """The due row of the next week that hasn't been looked at."""
    seen = set(box.weeks.values_list("week", flat=True))
    zone = days.zone(box.region)
    now = clocks.business_now()
    for day in islice(boxes.pickups(box.weekday, now, zone), 60):
        if boxes.week_of(day) not in seen or box.weeks.filter(week=boxes.week_of(day), state=Week.SKIPPED, order=None).exists():
            key = f"{box.pk.hex}/{day.isoformat()}"
            payload = {"box": str(box.pk), "pickup_on": day.isoformat()}
            work.schedule(DUE, key=key, due_at=boxes.ordered_at(day, zone), region=box.region, payload=payload)
            return


def place_due(row: WorkRow) -> None:
    """A week's order is due: place it, or note why not; then the next week's is due in its turn."""
    place_week(row.payload["box"], date.fromisoformat(row.payload["pickup_on"]))


@transaction.atomic
def place_week(box_id: uuid.UUID | str, pickup_on: date) -> str:
    """Place the order of a box's week; returns the week's state. Asked again, it only tells.

    The box's row is locked: the member's skip or pause is before it or after it. "" when the box has been cancelled.
    """
    box = Box.objects.select_for_update(of=("self",)).select_related("plan").get(pk=box_id)
    if box.state == Box.State.CANCELLED or pickup_on.isoweekday() != box.weekday:
        return ""
    week = boxes.week_of(pickup_on)
    there = box.weeks.filter(week=week).first()
    if there is not None:
        if there.state == Week.SKIPPED and there.order_id is None and not there.note:
            there.note = "told"
            there.save(update_fields=["note"])
            _pass(box, week, "skipped")
        _schedule_next(box)
        return there.state
    made = _place(box, pickup_on, week)
    _schedule_next(box)
    return made.state


def _place(box: Box, pickup_on: date, week: str) -> BoxWeek:
    made = BoxWeek(region=box.region, box=box, week=week, pickup_on=pickup_on, decided_at=clocks.business_now(), state=Week.PLACED)
    if box.paused_until is not None and pickup_on < box.paused_until:
        made.state = Week.PAUSED
    elif pickup_on.isoformat() in box.plan.off_days:
        made.state = Week.OFF
    else:
        try:
            with transaction.atomic():
                _order(box, made)
        except Refusal as refusal:
            log.warning("box %s, week %s: %s", box.pk, week, refusal)
            made.state, made.note, made.order_id = Week.FAILED, refusal.code[:64], None
    made.save(force_insert=True)
    if made.state != Week.PLACED:
        _pass(box, week, made.note or made.state)
    return made


def _order(box: Box, made: BoxWeek) -> None:
    """Place the week's order in the community's group of it. Its time to pay ends at the cut-off."""
    member = people.member(box.member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    if not box.plan.active:
        raise Refusal("trade.no_such_plan")
    zone, now = days.zone(box.region), clocks.business_now()
    ends = boxes.cut_off(made.pickup_on, zone)
    if now >= ends:
        raise Refusal("trade.too_late")
    group = groups.open(region=box.region, group=_group(box.plan, member.community_id, made.pickup_on))
    placed = orders.place(
        member_id=box.member_id,
        lines=[(group, box.quantity)],
        key=f"box/{box.pk.hex}/{made.week}",
        source="box",
        terms=orders.Terms(shipping=orders.FREE),  # a box costs what its plan says
        pay_by=clocks.machine_now() + (ends - now),
    )
    made.order_id = placed.order_id
    fact = BoxOrdered(
        str(box.pk),
        box.member_id,
        member.community_id,
        box.plan.slug,
        made.week,
        str(placed.order_id),
        placed.payable_minor,
        ends.isoformat(),
        "system",
    )
    events.append(fact, region=box.region, subject=f"member:{box.member_id}")


def _group(plan: BoxPlan, community_id: int, pickup_on: date) -> NewGroup:
    zone = days.zone(plan.region)
    return NewGroup(
        # The price is part of the key: boxes ordered after it changed are in a group of their own.
        key=f"box/{plan.slug}/{community_id}/{pickup_on.isoformat()}/{plan.price_minor}",
        community_id=community_id,
        sku=plan.sku_code,
        threshold=1,
        quota_pieces=plan.pieces_a_week,
        price_minor=plan.price_minor,
        solo_price_minor=plan.price_minor,
        opens_at=boxes.ordered_at(pickup_on, zone),
        deadline_at=boxes.cut_off(pickup_on, zone),
        pickup_from=boxes.pickup_from(pickup_on, zone),
    )


def _pass(box: Box, week: str, reason: str) -> None:
    member = people.member(box.member_id)
    fact = BoxPassed(str(box.pk), box.member_id, member.community_id if member else 0, box.plan.slug, week, reason, "system")
    events.append(fact, region=box.region, subject=f"member:{box.member_id}")


def own(box_id: uuid.UUID | str, member_id: int, *, lock: bool = False) -> Box:
    """The member's box. Raises Refusal: trade.no_such_box (somebody else's too)."""
    try:
        number = box_id if isinstance(box_id, uuid.UUID) else uuid.UUID(str(box_id))
    except ValueError:
        raise Refusal("trade.no_such_box") from None
    found = Box.objects.select_for_update(of=("self",)) if lock else Box.objects.all()
    box = found.select_related("plan").filter(pk=number, member_id=member_id).first()
    if box is None:
        raise Refusal("trade.no_such_box")
    return box


@transaction.atomic
def skip(*, box_id: uuid.UUID | str, member_id: int, week: str) -> None:
    """Leave a week out; an order that waits for money is let go, a paid one goes back as long as its group is open. Again changes nothing.

    Raises Refusal: trade.no_such_box, trade.box_ended, trade.no_such_week, trade.too_late.
    """
    box = _live(box_id, member_id)
    pickup_on = _upcoming(box, week)
    there = box.weeks.filter(week=week).first()
    if there is not None and there.state == Week.SKIPPED:
        return
    if there is not None and there.order_id is not None:
        orders.cancel(order_id=there.order_id, member_id=member_id, key=f"skip/{week}")
        there.state, there.decided_at, there.note = Week.SKIPPED, clocks.business_now(), "told"
        there.save(update_fields=["state", "decided_at", "note"])
    elif there is None:
        BoxWeek.objects.create(
            region=box.region, box=box, week=week, pickup_on=pickup_on, state=Week.SKIPPED, decided_at=clocks.business_now()
        )
    _tell(box, "skipped", week)


@transaction.atomic
def want_again(*, box_id: uuid.UUID | str, member_id: int, week: str) -> None:
    """A week that was skipped, and not ordered yet, is wanted after all. Again changes nothing.

    Raises Refusal: trade.no_such_box, trade.box_ended, trade.no_such_week, trade.too_late.
    """
    box = _live(box_id, member_id)
    pickup_on = _upcoming(box, week)
    there = box.weeks.filter(week=week).first()
    if there is None:
        return
    if there.state != Week.SKIPPED or there.order_id is not None:
        raise Refusal("trade.too_late")
    there.delete()
    _tell(box, "wanted", week)
    if clocks.business_now() >= boxes.ordered_at(pickup_on, days.zone(box.region)):
        _place(box, pickup_on, week)
    _schedule_next(box)


@transaction.atomic
def pause(*, box_id: uuid.UUID | str, member_id: int, until: date) -> None:
    """No box before `until`; orders that are there stay as they are.

    Raises Refusal: trade.no_such_box, trade.box_ended, trade.bad_pause.
    """
    box = _live(box_id, member_id)
    today = days.today(box.region)
    if not today < until <= today + MOST_PAUSE:
        raise Refusal("trade.bad_pause")
    if box.paused_until != until:
        box.paused_until = until
        box.save(update_fields=["paused_until"])
        _tell(box, "paused", boxes.week_of(until))


@transaction.atomic
def resume(*, box_id: uuid.UUID | str, member_id: int) -> None:
    """Boxes come again, from the next week whose order hasn't been due. Again changes nothing.

    Raises Refusal: trade.no_such_box, trade.box_ended.
    """
    box = _live(box_id, member_id)
    if box.paused_until is not None:
        box.paused_until = None
        box.save(update_fields=["paused_until"])
        _tell(box, "resumed", "")
    _schedule_next(box)


@transaction.atomic
def cancel(*, box_id: uuid.UUID | str, member_id: int) -> None:
    """End a subscription; an order that waits for money is let go, a paid one stays. Again changes nothing.

    Raises Refusal: trade.no_such_box.
    """
    box = own(box_id, member_id, lock=True)
    if box.state == Box.State.CANCELLED:
        return
    box.state, box.ended_at = Box.State.CANCELLED, clocks.business_now()
    box.save(update_fields=["state", "ended_at"])
    for week in box.weeks.filter(state=Week.PLACED, order__state="placed"):
        if week.order_id is not None:
            orders.cancel(order_id=week.order_id, member_id=member_id, key="box-cancelled")
            week.state, week.decided_at = Week.SKIPPED, clocks.business_now()
            week.save(update_fields=["state", "decided_at"])
    _tell(box, "cancelled", "")


def _live(box_id: uuid.UUID | str, member_id: int) -> Box:
    box = own(box_id, member_id, lock=True)
    if box.state == Box.State.CANCELLED:
        raise Refusal("trade.box_ended")
    return box


def _upcoming(box: Box, week: str) -> date:
    """The pickup day of a week that can still be changed."""
    zone, now = days.zone(box.region), clocks.business_now()
    for day in islice(boxes.pickups(box.weekday, now, zone), 12):
        if boxes.week_of(day) == week:
            return day
    if box.weeks.filter(week=week).exists():
        raise Refusal("trade.too_late")
    raise Refusal("trade.no_such_week")


def _tell(box: Box, change: str, week: str) -> None:
    member = people.member(box.member_id)
    fact: Fact = BoxChanged(
        str(box.pk), box.member_id, member.community_id if member else 0, box.plan.slug, change, week, f"member:{box.member_id}"
    )
    events.append(fact, region=box.region, subject=f"member:{box.member_id}")


def on_orders(told: Sequence[Event]) -> None:
    """What became of the weeks' orders: paid, let pass, taken back. A reader of trade's own facts; idempotent."""
    by_order = {e.payload.get("order_id"): e for e in told}
    weeks = BoxWeek.objects.select_related("box__plan", "order").filter(order_id__in=[o for o in by_order if o])
    for week in weeks.select_for_update(of=("self",)).order_by("pk"):
        order = week.order
        if order is None or week.state not in (Week.PLACED, Week.PAID):
            continue
        if order.state in ("paid", "ready", "handed_over"):
            state = Week.PAID
        elif order.state == "expired":
            state = Week.UNPAID
        elif order.state in ("cancelled", "refunding", "refunded"):
            state = Week.SKIPPED
        else:
            continue
        if state != week.state:
            week.state, week.decided_at = state, clocks.business_now()
            week.save(update_fields=["state", "decided_at"])
            if state != Week.PAID:
                _pass(week.box, week.week, state)
