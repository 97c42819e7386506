"""Orders: placed with everything they need held, cancelled, let go unpaid, handed over."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from linli.goods import queries as goods
from linli.goods import quota
from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import claims, coupons, offers, pickups, refunds, rules
from linli.trade.events import OrderCancelled, OrderHandedOver, OrderPlaced
from linli.trade.lines import holds, order_no, sold_lines
from linli.trade.load import find, locked, own
from linli.trade.models import Coupon, GroupBuy, HandOver, Order, OrderLine
from linli.trade.posting import Posting
from linli.trade.rules import Wanted

EXPIRE = "trade.expire_order"
TIME_TO_PAY = timedelta(minutes=15)
TRIES = 4

Lines = Iterable[Wanted | tuple[int, int] | tuple[int, int, bool]]


@dataclass(frozen=True)
class Placed:
    """An order waits for its money until `pay_by` (machine time)."""

    order_id: uuid.UUID
    payable_minor: int
    pay_by: datetime


def quote(*, member_id: int, lines: Lines, coupon_id: int | None = None) -> rules.Quote:
    """What the basket would cost now, explained; nothing is written or held.

    Raises Refusal as `place` does, but for what is scarce.
    """
    member = _member(member_id)
    return _quote(member, rules.basket(lines), _coupon(member, coupon_id))


def place(*, member_id: int, lines: Lines, coupon_id: int | None = None, key: str) -> Placed:
    """Place an order: prices, quota and coupon are held with it. The same key gives the same order, for ever.

    Raises Refusal: trade.key_reused, trade.busy, trade.sold_out(sku, left), trade.too_many_unpaid(most), trade.no_such_coupon,
    people.no_such_member, trade.bad_key, and those of rules.basket and rules.quote.
    """
    rules.check_key(key)
    member = _member(member_id)
    wanted = rules.basket(lines)
    digest = rules.digest(wanted, coupon_id)
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _placed_before(member, key, digest) or _place(member, wanted, coupon_id, key, digest)
        except IntegrityError:
            continue  # the same key, slot or coupon was claimed this moment: look again
    raise Refusal("trade.busy")


def _place(member: people.MemberInfo, wanted: list[Wanted], coupon_id: int | None, key: str, digest: str) -> Placed:
    coupon = _coupon(member, coupon_id)
    quote = _quote(member, wanted, coupon)
    order = Order.objects.create(
        id=ids.new(),
        region=member.region,
        key=key,
        digest=digest,
        member_id=member.member_id,
        community_id=member.community_id,
        slot=_free_slot(member),
        currency=_region(member.region).currency,
        total_minor=quote.total_minor,
        discount_minor=quote.discount_minor,
        payable_minor=quote.payable_minor,
        coupon=coupon,
        placed_at=clocks.business_now(),
        pay_by=clocks.machine_now() + TIME_TO_PAY,
    )
    lines = OrderLine.objects.bulk_create([_line(order, n, q) for n, q in enumerate(quote.lines, 1)])
    posting = Posting([hold for line in lines for hold in [_hold(line)]])
    if coupon is not None:
        coupons.hold(posting, coupon, order)
    work.schedule(EXPIRE, key=order_no(order), due_at=order.pay_by, region=order.region, clock="machine", payload={"order": str(order.pk)})
    fact = OrderPlaced(
        str(order.pk),
        order.member_id,
        order.community_id,
        order.payable_minor,
        order.discount_minor,
        coupon.issue.code if coupon else "",
        sold_lines(lines),
        f"member:{order.member_id}",
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    _claim(posting)
    return Placed(order.pk, order.payable_minor, order.pay_by)


def _hold(line: OrderLine) -> ledger.Move:
    """The line's pieces, held out of what may be sold. No expiry there: the order's own work row lets go of them."""
    place = f"wave:{line.group_id}"
    return ledger.Move(
        key=holds(line),
        source=quota.account(line.region, line.sku_code, place),
        target=quota.sold(line.region, line.sku_code, place),
        amount=line.quantity,
        reason="trade.order_placed",
        pending=True,
    )


def _claim(posting: Posting) -> None:
    try:
        posting.commit()
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        account = refusal.facts["account"]
        asset = account.asset if isinstance(account, ledger.AccountRef) else ""
        if asset.startswith("coupon:"):
            raise Refusal("trade.coupon_used") from refusal
        raise Refusal("trade.sold_out", sku=asset.removeprefix("sku:"), left=refusal.facts.get("free", 0)) from refusal


def _line(order: Order, number: int, q: rules.QuotedLine) -> OrderLine:
    return OrderLine(
        region=order.region,
        order=order,
        number=number,
        group_id=q.group_id,
        sku_code=q.sku,
        solo=q.solo,
        quantity=q.quantity,
        list_price_minor=q.list_price_minor,
        unit_price_minor=q.unit_price_minor,
        amount_minor=q.amount_minor,
        discount_minor=q.discount_minor,
    )


def _free_slot(member: people.MemberInfo) -> int:
    """A free place for an unpaid order. Two at once may find the same: its constraint lets one through."""
    unpaid = Order.objects.filter(region=member.region, member_id=member.member_id, state=Order.State.PLACED)
    free = set(range(1, rules.MOST_UNPAID + 1)) - set(unpaid.values_list("slot", flat=True))
    if not free:
        raise Refusal("trade.too_many_unpaid", most=rules.MOST_UNPAID)
    return min(free)


def _placed_before(member: people.MemberInfo, key: str, digest: str) -> Placed | None:
    order = Order.objects.filter(region=member.region, member_id=member.member_id, key=key).first()
    if order is None:
        return None
    if order.digest != digest:
        raise Refusal("trade.key_reused")
    return Placed(order.pk, order.payable_minor, order.pay_by)


def _member(member_id: int) -> people.MemberInfo:
    if (member := people.member(member_id)) is None:
        raise Refusal("people.no_such_member")
    return member


def _region(slug: str) -> people.RegionInfo:
    if (region := people.region(slug)) is None:
        raise Refusal("people.no_such_region", region=slug)
    return region


def today(region: str) -> date:
    """The business day in the region."""
    return clocks.business_now().astimezone(zone(region)).date()


def zone(region: str) -> ZoneInfo:
    """The region's time zone."""
    return ZoneInfo(_region(region).time_zone)


def _coupon(member: people.MemberInfo, coupon_id: int | None) -> Coupon | None:
    """The member's own coupon; somebody else's is as good as none."""
    if coupon_id is None:
        return None
    mine = Coupon.objects.select_related("issue").filter(member_id=member.member_id)
    found = mine.filter(pk=coupon_id).first() if rules.is_id(coupon_id) else None
    if found is None:
        raise Refusal("trade.no_such_coupon")
    return found


def _quote(member: people.MemberInfo, wanted: Sequence[Wanted], coupon: Coupon | None) -> rules.Quote:
    groups = list(GroupBuy.objects.filter(region=member.region, pk__in={w.group_id for w in wanted}))
    skus = goods.skus(member.region, {g.sku_code for g in groups})
    known = {g.pk: offers.of(g, skus[g.sku_code].category) for g in groups}
    return rules.quote(
        wanted,
        known,
        coupons.voucher(coupon) if coupon else None,
        community_id=member.community_id,
        now=clocks.business_now(),
        today=today(member.region),
    )


@transaction.atomic
def cancel(*, order_id: uuid.UUID | str, member_id: int, key: str) -> str:
    """The member takes the order back: unpaid it ends; paid, with every group still open, the money returns.

    Returns the order's state afterwards; cancelling again gives the same. Raises Refusal: trade.no_such_order, trade.too_late.
    """
    rules.check_key(key)
    order, lines = locked(own(order_id, member_id).pk)
    by = f"member:{member_id}"
    posting = Posting()
    if order.state == Order.State.PLACED:
        let_go(posting, order, Order.State.CANCELLED, reason="member", by=by)
    elif order.state in (Order.State.PAID, Order.State.READY):
        kept = [line for line in lines if line.state != OrderLine.State.CANCELLED]
        if not rules.may_cancel([line.state for line in kept], [line.group.deadline_at for line in kept], clocks.business_now()):
            raise Refusal("trade.too_late")
        refunds.begin(posting, order, kept, reason="member", by=by, key=f"cancel/{order_no(order)}/{key}")
    elif order.state == Order.State.HANDED_OVER:
        raise Refusal("trade.too_late")
    posting.commit()
    return order.state


def let_go(posting: Posting, order: Order, state: Order.State, *, reason: str, by: str) -> None:
    """End an unpaid order, already locked: its quota and coupon are free again."""
    order.state, order.ended_at = state, clocks.business_now()
    order.save(update_fields=["state", "ended_at"])
    for line in order.lines.order_by("number"):
        posting.must += claims.release(line)
    if order.coupon is not None:
        coupons.release(posting, order.coupon, order)
    work.cancel(EXPIRE, key=order_no(order), region=order.region)
    fact = OrderCancelled(str(order.pk), order.member_id, order.community_id, order.payable_minor, reason, by)
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")


@dataclass(frozen=True)
class Handed:
    """What was handed over, and when. `again`: it had been before."""

    order_id: uuid.UUID
    member_id: int
    line_numbers: list[int]
    at: datetime
    again: bool


@transaction.atomic
def hand_over(*, order_id: uuid.UUID | str, by: str, key: str) -> Handed:
    """Hand over what is ready of the order. Again, with this key or when nothing is left, it tells what was handed over.

    Raises Refusal: trade.no_such_order, trade.not_ready.
    """
    rules.check_key(key)
    order, lines = locked(find(order_id).pk)
    before = HandOver.objects.filter(order=order).order_by("-pk")
    ready = [line for line in lines if line.state == OrderLine.State.READY]
    if (same := before.filter(key=key).first()) is not None or (not ready and (same := before.first()) is not None):
        return Handed(order.pk, order.member_id, same.line_numbers, same.at, again=True)
    if not ready:
        raise Refusal("trade.not_ready")
    done = HandOver.objects.create(
        region=order.region, order=order, key=key, by=by, at=clocks.business_now(), line_numbers=[line.number for line in ready]
    )
    OrderLine.objects.filter(pk__in=[line.pk for line in ready]).update(state=OrderLine.State.HANDED)
    for line in ready:
        line.state = OrderLine.State.HANDED
    order.state, order.handed_at = rules.order_state([line.state for line in lines], money_on_its_way=False), done.at
    order.save(update_fields=["state", "handed_at"])
    pickups.close(order)
    fact = OrderHandedOver(str(order.pk), order.member_id, order.community_id, sold_lines(ready), by)
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    return Handed(order.pk, order.member_id, done.line_numbers, done.at, again=False)
