"""Orders: placed with everything they need held, cancelled, let go unpaid, handed over."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from linli.kernel import clocks, events, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import claims, coupons, refunds, rules
from linli.trade.events import OrderCancelled
from linli.trade.handing import Handed, hand_over, hand_over_pickup, short
from linli.trade.lines import order_no
from linli.trade.load import locked, own
from linli.trade.models import Order, OrderLine
from linli.trade.placing import FREE, NO_TERMS, TIME_TO_PAY, TRIES, Asking, Lines, Outcome, Placed, Terms, place_many, place_one, quote
from linli.trade.placing.writes import EXPIRE
from linli.trade.posting import Posting

__all__ = [
    "EXPIRE",
    "FREE",
    "TIME_TO_PAY",
    "TRIES",
    "Asking",
    "Handed",
    "Outcome",
    "Placed",
    "Terms",
    "cancel",
    "hand_over",
    "hand_over_pickup",
    "let_go",
    "place",
    "place_many",
    "quote",
    "short",
    "today",
    "zone",
]


def place(
    *,
    member_id: int,
    lines: Lines,
    coupon_id: int | None = None,
    key: str,
    source: str = "shop",
    terms: Terms = NO_TERMS,
    pay_by: datetime | None = None,
) -> Placed:
    """Place an order: prices, quota and coupon are held with it. The same key gives the same order, for ever.

    A batch of one, or with those of other threads at this moment: raises the Refusal that `place_many` gives.
    """
    answer = place_one(Asking(member_id, lines, key, coupon_id, source, terms, pay_by))
    if isinstance(answer, Refusal):
        raise answer
    return answer


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
    posting.must += claims.release_discounts(order)
    if order.coupon is not None:
        coupons.release(posting, order.coupon, order)
    work.cancel(EXPIRE, key=order_no(order), region=order.region)
    fact = OrderCancelled(str(order.pk), order.member_id, order.community_id, order.payable_minor, reason, by)
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
