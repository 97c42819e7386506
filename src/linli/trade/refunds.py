"""Refunds: lines go back as they were charged; an answer that never came is asked for, never repeated blindly."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, Sum

from linli.goods import quota
from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.trade import accounts, channels, coupons, load, pickups, rules
from linli.trade.each import each
from linli.trade.events import OrderRefunded, RefundRequested, UnwantedReturned
from linli.trade.lines import holds, order_no, sold_lines
from linli.trade.models import Order, OrderLine, PayAttempt, Refund
from linli.trade.posting import Posting

log = logging.getLogger(__name__)

SEND = "trade.send_refund"
PATIENCE = timedelta(seconds=60)
"""After so long without an answer (a killed process) a refund is asked for."""

State = Refund.State


def begin(posting: Posting, order: Order, lines: Sequence[OrderLine], *, reason: str, by: str, key: str, sold: bool = True) -> Refund:
    """Give back `lines` of a paid order, already locked: pieces, discount and money. `sold` False: pieces are still only held.

    The money leaves the shop's revenue when the channel confirms; until then it is held.
    """
    back = rules.give_back([rules.Charge(line.number, line.amount_minor, line.discount_minor) for line in lines])
    attempt = order.attempts.get(state=PayAttempt.State.PAID)
    refund = _row(order, attempt, back.total_minor, reason=reason, by=by, key=key)
    refund.discount_back_minor, refund.line_numbers = back.discount_minor, sorted(back.refund_minor)
    for line in lines:
        line.state, line.refunded_minor = OrderLine.State.CANCELLED, back.refund_minor[line.number]
    OrderLine.objects.bulk_update(lines, ["state", "refunded_minor"])
    _post_lines(posting, lines, sold=sold)
    if back.discount_minor:
        _post_discount(posting, order, refund)
    _send_later(posting, refund, source=accounts.revenue(order.region, order.currency))
    _restate(order, posting)
    fact = RefundRequested(
        str(order.pk),
        order.member_id,
        order.community_id,
        refund.refund_no,
        refund.amount_minor,
        refund.discount_back_minor,
        reason,
        sold_lines(lines),
        by,
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    if not refund.amount_minor:
        _tell_refunded(order, refund)
    return refund


def unwanted(posting: Posting, order: Order, attempt: PayAttempt) -> Refund:
    """Money came for an order that no longer wants it: the whole attempt goes back."""
    refund = _row(order, attempt, attempt.amount_minor, reason="unwanted", by="system", key=f"unwanted/{attempt.out_trade_no}")
    refund.unwanted = True
    _send_later(posting, refund, source=accounts.unwanted(order.region, order.currency))
    return refund


def _row(order: Order, attempt: PayAttempt, amount_minor: int, *, reason: str, by: str, key: str) -> Refund:
    return Refund(
        id=ids.new(),
        region=order.region,
        order=order,
        attempt=attempt,
        channel=attempt.channel,
        key=key,
        refund_no=ids.named(f"refund/{order.region}/{key}").hex,
        amount_minor=amount_minor,
        reason=reason,
        by=by,
        requested_at=clocks.business_now(),
    )


def _post_lines(posting: Posting, lines: Iterable[OrderLine], *, sold: bool) -> None:
    for line in lines:
        if not sold:
            posting.must.append(ledger.Void(key=f"{holds(line)}/void", pending_key=holds(line), region=line.region))
            continue
        place = f"wave:{line.group_id}"
        posting.must.append(
            ledger.Move(
                key=f"{holds(line)}/back",
                source=quota.sold(line.region, line.sku_code, place),
                target=quota.account(line.region, line.sku_code, place),
                amount=line.quantity,
                reason="trade.order_refunded",
            )
        )


def _post_discount(posting: Posting, order: Order, refund: Refund) -> None:
    """The budget paid for a sale that isn't one: it gets that part back, and the coupon returns with the last line."""
    coupon = order.coupon
    if coupon is None:
        raise ValueError(f"order {order.pk} has a discount without a coupon")
    posting.must.append(
        ledger.Move(
            key=f"refund/{refund.refund_no}/discount",
            source=accounts.revenue(order.region, order.currency),
            target=accounts.budget(order.region, order.currency, coupon.issue.budget_owner),
            amount=refund.discount_back_minor,
            reason="trade.discount_back",
        )
    )


def _send_later(posting: Posting, refund: Refund, *, source: ledger.AccountRef) -> None:
    if not refund.amount_minor:  # the coupon had paid for all of these lines
        refund.state, refund.settled_at = State.SUCCEEDED, clocks.business_now()
        refund.save(force_insert=True)
        return
    refund.save(force_insert=True)
    target = accounts.channel(refund.region, refund.order.currency, refund.channel)
    posting.must.append(
        ledger.Move(key=_held_key(refund), source=source, target=target, amount=refund.amount_minor, reason="trade.refund", pending=True)
    )
    payload = {"refund": str(refund.pk)}
    work.schedule(SEND, key=refund.refund_no, due_at=clocks.machine_now(), region=refund.region, payload=payload, clock="machine")


def _held_key(refund: Refund) -> str:
    return f"refund/{refund.refund_no}"


def _restate(order: Order, posting: Posting | None = None) -> None:
    """Put the order where its lines and refunds say it stands; with the last line its coupon comes back."""
    lines = list(OrderLine.objects.filter(order=order))
    waiting = Refund.objects.filter(order=order, unwanted=False).exclude(state=State.SUCCEEDED).exists()
    order.state = Order.State(rules.order_state([line.state for line in lines], money_on_its_way=waiting))
    over = all(line.state == OrderLine.State.CANCELLED for line in lines)
    if over and order.ended_at is None:
        order.ended_at = clocks.business_now()
    order.save(update_fields=["state", "ended_at"])
    pickups.close(order)
    if over and posting is not None and order.coupon is not None:
        coupons.take_back(posting, order.coupon, order)


@transaction.atomic
def request(*, order_id: uuid.UUID | str, reason: str, by: str, key: str, line_numbers: Sequence[int] | None = None) -> str:
    """An operator gives lines of a paid order back (None: all that are left); returns the refund number. Once a key.

    Raises Refusal: trade.no_such_order, trade.nothing_to_refund, trade.key_reused.
    """
    rules.check_key(key)
    order, lines = load.locked(load.find(order_id).pk)
    full_key = f"asked/{order_no(order)}/{key}"
    left = [line for line in lines if line.state != OrderLine.State.CANCELLED]
    chosen = left if line_numbers is None else [line for line in left if line.number in line_numbers]
    if (before := Refund.objects.filter(region=order.region, key=full_key).first()) is not None:
        if line_numbers is not None and sorted(set(line_numbers)) != before.line_numbers:
            raise Refusal("trade.key_reused")
        return before.refund_no
    paid = order.state in (Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER)
    if not paid or not chosen or (line_numbers is not None and len(chosen) != len(set(line_numbers))):
        raise Refusal("trade.nothing_to_refund")
    posting = Posting()
    refund = begin(posting, order, chosen, reason=reason[:32], by=by, key=full_key)
    posting.commit()
    return refund.refund_no


def send(refund_id: uuid.UUID | str) -> str:
    """Send a requested refund to its channel; returns its state. Call it outside a transaction.

    Claimed first: a crash before the answer leaves it "sending", which is asked about and not sent again.
    """
    won = Refund.objects.filter(pk=refund_id, state=State.REQUESTED).update(state=State.SENDING, sent_at=clocks.machine_now())
    refund = Refund.objects.select_related("order", "attempt").get(pk=refund_id)
    if not won:
        return refund.state
    try:
        answer = channels.of(refund.channel).refund(refund.refund_no, refund.attempt.out_trade_no, refund.amount_minor)
    except channels.Unreachable:
        answer = "unknown"
    except channels.Declined as declined:
        answer = "failed"
        Refund.objects.filter(pk=refund.pk).update(error=str(declined)[:200])
    return _answered(refund, answer)


def ask(refund_id: uuid.UUID | str) -> str:
    """Ask the channel what became of a refund; one it has never heard of is free to be sent (its number makes it once)."""
    refund = Refund.objects.select_related("order", "attempt").get(pk=refund_id)
    if refund.state not in (State.SENDING, State.UNKNOWN):
        return refund.state
    try:
        answer = channels.of(refund.channel).refund_state(refund.refund_no)
    except (channels.Unreachable, channels.Declined):  # a question refused (a clock, a secret) says nothing about the money
        return refund.state
    if answer is None:
        Refund.objects.filter(pk=refund.pk, state=refund.state).update(state=State.REQUESTED)
        return send(refund.pk)
    return _answered(refund, answer)


@transaction.atomic
def _answered(refund: Refund, answer: str) -> str:
    if answer != "succeeded":
        state = State.FAILED if answer == "failed" else State.UNKNOWN
        Refund.objects.filter(pk=refund.pk, state__in=[State.SENDING, State.UNKNOWN]).update(state=state)
        return state
    order = Order.objects.select_for_update().select_related(None).get(pk=refund.order_id)
    now = clocks.business_now()
    if not Refund.objects.filter(pk=refund.pk, state__in=[State.SENDING, State.UNKNOWN]).update(state=State.SUCCEEDED, settled_at=now):
        return Refund.objects.values_list("state", flat=True).get(pk=refund.pk)
    refund.state = State.SUCCEEDED
    if refund.unwanted:
        fact = UnwantedReturned(str(order.pk), order.member_id, order.community_id, refund.amount_minor, refund.refund_no, "system")
        events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    else:
        _restate(order)
        _tell_refunded(order, refund)
    ledger.commit(ledger.Post(key=f"{_held_key(refund)}/post", pending_key=_held_key(refund), region=refund.region))
    return State.SUCCEEDED


def _tell_refunded(order: Order, refund: Refund) -> None:
    lines = list(OrderLine.objects.filter(order=order, number__in=refund.line_numbers).order_by("number"))
    fact = OrderRefunded(
        str(order.pk),
        order.member_id,
        order.community_id,
        refund.refund_no,
        refund.amount_minor,
        refund.discount_back_minor,
        refund.reason,
        order.state == Order.State.REFUNDED,
        sold_lines(lines),
        refund.by,
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")


def retry(*, refund_no: str, region: str) -> str:
    """Send a failed refund once more (the operator's button); returns its state."""
    refund = Refund.objects.filter(region=region, refund_no=refund_no).first()
    if refund is None:
        raise Refusal("trade.no_such_refund")
    Refund.objects.filter(pk=refund.pk, state=State.FAILED).update(state=State.REQUESTED, error="")
    return send(refund.pk)


def pursue() -> int:
    """Ask about what was never answered, send what was never sent; returns how many are still on their way."""
    late = clocks.machine_now() - PATIENCE
    unheard = Refund.objects.filter(Q(state=State.UNKNOWN) | Q(state=State.SENDING, sent_at__lt=late))
    each(unheard.values_list("pk", flat=True), ask)
    each(Refund.objects.filter(state=State.REQUESTED).values_list("pk", flat=True), send)
    return Refund.objects.filter(state__in=[State.REQUESTED, State.SENDING, State.UNKNOWN]).count()


def refunded(order: Order) -> int:
    """What has gone, or is going, back of an order."""
    return Refund.objects.filter(order=order, unwanted=False).aggregate(sum=Sum("amount_minor"))["sum"] or 0
