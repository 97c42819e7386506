"""Payment: attempts through a channel. Money is believed once, however often and in whatever order it is reported."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from linli.goods import queries as goods
from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.trade import accounts, channels, claims, coupons, joining, load, orders, pickups, refunds, rules, vouchers
from linli.trade.channels import Asked, Notification, Seen
from linli.trade.each import each, in_time
from linli.trade.events import OrderPaid, OrderReady, UnwantedPayment
from linli.trade.lines import order_no, sold_lines
from linli.trade.models import Order, OrderLine, PayAttempt, Refund
from linli.trade.posting import Posting

log = logging.getLogger(__name__)

CHANNEL = "sandbox"

GRACE = timedelta(minutes=15)
"""How long after `pay_by` an order waits for a channel that doesn't answer. Money that comes later goes back by itself."""

AGAIN = timedelta(seconds=50)
"""An open attempt is asked about once in so long; the rounds come every minute."""

ROUND_S = 20.0
"""How much of a round may go to asking channels, about payments and refunds: the rest wait for the next, first in the line."""

State = PayAttempt.State


@dataclass(frozen=True)
class PayStart:
    """How the member pays: `way` is redirect (to `pay_url`), code (a QR code of it) or bridge (it is WeChat's prepay id)."""

    pay_url: str
    attempt_no: str
    channel: str = CHANNEL
    way: str = "redirect"


@dataclass(frozen=True)
class Confirmed:
    """What a notification came to: paid, unwanted, again (known before), refund (asked about), ignored (it told of neither)."""

    outcome: str
    order_id: uuid.UUID | None = None


def start(
    *,
    order_id: uuid.UUID | str,
    member_id: int,
    key: str,
    return_url: str,
    channel: str = CHANNEL,
    method: str = "",
    payer: str = "",
    client_ip: str = "",
) -> PayStart:
    """Open the cashier for an order. An attempt that is still open is the one returned: there are never two at once.

    Another channel or method than the open attempt's closes that one first, at its channel. `payer` is who WeChat knows
    the member as (JSAPI). Call it outside a transaction. Raises Refusal: trade.no_such_order, trade.already_paid,
    trade.order_ended, trade.pay_too_late, trade.channel_silent, trade.channel_declined, trade.bad_return_url,
    trade.no_such_channel, trade.switch_waits.
    """
    rules.check_key(key)
    if urlsplit(return_url).scheme not in ("http", "https") or len(return_url) > 400:
        raise Refusal("trade.bad_return_url")
    if channel not in channels.ORDER:
        raise Refusal("trade.no_such_channel")
    order = load.own(order_id, member_id)
    for attempt in order.attempts.filter(state=State.OPEN):
        other = (attempt.channel, attempt.method) != (channel, method)
        if not ask_quietly(attempt, close=other) and other:
            raise Refusal("trade.switch_waits")
    attempt = _attempt(order.pk, key, return_url, channel, method)
    if (attempt.channel, attempt.method) != (channel, method):
        raise Refusal("trade.switch_waits")  # another tap of the member's was faster
    if not attempt.pay_url:
        _open(attempt, order, payer, client_ip)
    return PayStart(attempt.pay_url, attempt.out_trade_no, attempt.channel, attempt.way)


def _open(attempt: PayAttempt, order: Order, payer: str, client_ip: str) -> None:
    asked = Asked(
        attempt.out_trade_no,
        attempt.amount_minor,
        attempt.currency,
        _title(order),
        attempt.return_url,
        notify_url(attempt.channel, attempt.return_url),
        attempt.method,
        payer,
        client_ip,
        order.pay_by,
    )
    try:
        way = channels.of(attempt.channel).pay(asked)
    except channels.Unreachable:
        raise Refusal("trade.channel_silent") from None
    except channels.Declined as declined:
        log.warning("%s declined attempt %s: %s", attempt.channel, attempt.out_trade_no, declined)
        PayAttempt.objects.filter(pk=attempt.pk, state=State.OPEN).update(state=State.CLOSED)
        raise Refusal("trade.channel_declined") from None
    attempt.pay_url, attempt.way = way.target, way.kind
    PayAttempt.objects.filter(pk=attempt.pk).update(pay_url=attempt.pay_url, way=attempt.way)


def notify_url(channel: str, beside: str) -> str:
    """Where the channel reports: at the public address, or on the host of `beside` where none is set."""
    return urljoin(settings.PUBLIC_URL or beside, f"/api/pay/{channel}/notify")


def _title(order: Order) -> str:
    """What the cashier says is being paid for."""
    lines = list(order.lines.order_by("number"))
    skus = goods.skus(order.region, {line.sku_code for line in lines})
    return "、".join(f"{skus[line.sku_code].name_zh} × {line.quantity}" for line in lines)[:80]


def _attempt(order_id: uuid.UUID, key: str, return_url: str, channel: str, method: str) -> PayAttempt:
    """The order's open attempt, or a new one, written before the channel hears of it."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state in (Order.State.CANCELLED, Order.State.EXPIRED):
            raise Refusal("trade.order_ended")
        if order.state != Order.State.PLACED:
            raise Refusal("trade.already_paid")
        if (there := order.attempts.filter(state=State.OPEN).first()) is not None:
            return there
        if order.pay_by <= clocks.machine_now():
            raise Refusal("trade.pay_too_late")
        number = ids.new()
        return PayAttempt.objects.create(
            id=number,
            region=order.region,
            order=order,
            channel=channel,
            method=method,
            key=key,
            out_trade_no=number.hex,
            amount_minor=order.payable_minor,
            currency=order.currency,
            return_url=return_url,
            started_at=clocks.machine_now(),
        )


def confirm(notification: Notification, *, channel: str = CHANNEL) -> Confirmed:
    """Take a channel's word for a payment, when it is the channel's, fresh, and about the right amount.

    News of a refund is asked about, not believed. Raises Refusal, with nothing posted: trade.bad_signature,
    trade.stale_notification, trade.bad_notification, trade.unknown_attempt, trade.wrong_amount.
    """
    try:
        news = channels.of(channel).hear(notification)
        if news.about == "refund":
            return _heard_of_refund(channel, news.refund_no)
        if news.about != "payment" or news.seen is None or news.seen.state != "paid":
            return Confirmed("ignored")
        attempt = PayAttempt.objects.filter(channel=channel, out_trade_no=news.out_trade_no).first()
        if attempt is None:
            raise Refusal("trade.unknown_attempt")
        return settle(attempt, news.seen)
    except channels.Unreachable:
        raise Refusal("trade.bad_signature") from None  # a channel that isn't set up has no signature
    except Refusal as refusal:
        log.warning("payment notification refused: %s", refusal.code)  # the code alone: the body may be anybody's
        raise


def _heard_of_refund(channel: str, refund_no: str) -> Confirmed:
    refund = Refund.objects.filter(channel=channel, refund_no=refund_no).first()
    if refund is None:
        raise Refusal("trade.unknown_attempt")
    refunds.ask(refund.pk)
    return Confirmed("refund", refund.order_id)


def settle(attempt: PayAttempt, seen: Seen) -> Confirmed:
    """Believe that an attempt was paid: once, whatever its order has become in the meantime."""
    if (seen.amount_minor, seen.currency) != (attempt.amount_minor, attempt.currency):
        raise Refusal("trade.wrong_amount")
    if attempt.state in (State.PAID, State.UNWANTED) and attempt.channel_txn == seen.channel_txn:
        return Confirmed("again", attempt.order_id)  # the commonest duplicate needs no lock
    for _ in range(orders.TRIES):
        try:
            with transaction.atomic():
                return _settle_once(attempt.pk, seen)
        except IntegrityError:
            continue  # another payment took this pickup code, or this transaction number, this moment
    raise Refusal("trade.bad_notification")


def _settle_once(attempt_id: uuid.UUID, seen: Seen) -> Confirmed:
    order, lines = load.locked(PayAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id))
    wanted = order.state == Order.State.PLACED
    now = clocks.business_now()
    changed = PayAttempt.objects.filter(pk=attempt_id, state__in=[State.OPEN, State.CLOSED]).update(
        state=State.PAID if wanted else State.UNWANTED,
        channel_txn=seen.channel_txn,
        settled_at=now,
        paid_at=seen.paid_at or clocks.machine_now(),
    )
    attempt = PayAttempt.objects.get(pk=attempt_id)
    if not changed:
        if attempt.channel_txn != seen.channel_txn:
            raise Refusal("trade.bad_notification")
        return Confirmed("again", order.pk)
    accounts.open_money(order.region, order.currency, attempt.channel)
    posting = Posting()
    if wanted:
        _pay(posting, order, lines, attempt, now)
    else:
        _send_back(posting, order, attempt)
    posting.commit()
    return Confirmed("paid" if wanted else "unwanted", order.pk)


def _received(attempt: PayAttempt, target: ledger.AccountRef) -> ledger.Move:
    return ledger.Move(
        key=f"pay/{attempt.out_trade_no}",
        source=accounts.channel(attempt.region, attempt.currency, attempt.channel),
        target=target,
        amount=attempt.amount_minor,
        reason="trade.payment",
    )


def _pay(posting: Posting, order: Order, lines: list[OrderLine], attempt: PayAttempt, now: datetime) -> None:
    """The order is paid: what was held is its own. Lines whose group missed while the money travelled go back at once."""
    by = f"channel:{attempt.channel}"
    joining.enter(order, lines, now)
    kept = [line for line in lines if line.state != OrderLine.State.CANCELLED]
    lost = [line for line in lines if line.state == OrderLine.State.CANCELLED]
    pickups.assign(order, kept)
    OrderLine.objects.bulk_update(lines, ["state", "pickup"])
    order.state = Order.State(rules.order_state([line.state for line in lines], money_on_its_way=True))
    order.paid_at = now
    order.ready_at = now if order.state == Order.State.READY else None
    order.save(update_fields=["state", "paid_at", "ready_at"])
    work.cancel(orders.EXPIRE, key=order_no(order), region=order.region)
    posting.must.append(_received(attempt, accounts.revenue(order.region, order.currency)))
    posting.must += [entry for line in kept for entry in claims.settle(line)]
    posting.must += claims.settle_discounts(order)
    vouchers.on_paid(posting, order, kept)
    if order.coupon is not None:
        coupons.spend(posting, order.coupon, order)
    _tell_paid(order, lines, attempt, by)
    if lost:
        refunds.begin(posting, order, lost, reason="group_missed", by="system", key=f"late/{order_no(order)}", sold=False)
    joining.settle(posting, order, kept)


def _tell_paid(order: Order, lines: list[OrderLine], attempt: PayAttempt, by: str) -> None:
    subject = f"member:{order.member_id}"
    fact = OrderPaid(
        str(order.pk),
        order.member_id,
        order.community_id,
        order.payable_minor,
        order.discount_minor,
        attempt.channel,
        order.coupon.issue.code if order.coupon else "",
        sold_lines(lines),
        by,
    )
    told = [events.Told(fact, order.region, subject)]
    for line in lines:
        if line.state == OrderLine.State.READY:
            pickup = line.group.pickup_from.isoformat()
            ready = OrderReady(str(order.pk), order.member_id, order.community_id, line.group_id, pickup, by)
            told.append(events.Told(ready, order.region, subject))
    events.append_many(told)


def _send_back(posting: Posting, order: Order, attempt: PayAttempt) -> None:
    posting.must.append(_received(attempt, accounts.unwanted(order.region, order.currency)))
    refund = refunds.unwanted(posting, order, attempt)
    fact = UnwantedPayment(
        str(order.pk), order.member_id, order.community_id, attempt.amount_minor, refund.refund_no, f"channel:{attempt.channel}"
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")


def ask(attempt: PayAttempt, *, close: bool = False) -> str:
    """Ask the channel about an attempt (and `close` it when it isn't paid); returns the attempt's state.

    Call it outside a transaction. Raises channels.Unreachable.
    """
    channel = channels.of(attempt.channel)
    seen = channel.close(attempt.out_trade_no) if close else channel.seen(attempt.out_trade_no)
    if seen is not None and seen.state == "paid":
        settle(attempt, seen)
    elif (seen is not None and seen.state == "closed") or (seen is None and close):
        PayAttempt.objects.filter(pk=attempt.pk, state=State.OPEN).update(state=State.CLOSED, settled_at=clocks.business_now())
    return PayAttempt.objects.values_list("state", flat=True).get(pk=attempt.pk)


def ask_number(*, region: str, out_trade_no: str) -> str:
    """Ask about one payment now, whatever it is for us: the operator's button. Returns its state; nothing without one.

    Raises channels.Unreachable, channels.Declined, Refusal trade.wrong_amount.
    """
    attempt = PayAttempt.objects.filter(region=region, out_trade_no=out_trade_no).first()
    return ask(attempt) if attempt is not None else ""


def ask_quietly(attempt: PayAttempt, *, close: bool = False) -> bool:
    """As `ask`; False when the channel doesn't answer or answers nonsense, which is logged."""
    try:
        ask(attempt, close=close)
    except (channels.Unreachable, channels.Declined, Refusal) as error:
        log.warning("attempt %s: %s", attempt.out_trade_no, error)
        return False
    return True


def refresh(*, order_id: uuid.UUID | str, member_id: int) -> str:
    """The order's state, the channel asked when a payment may be on its way: the member's page after paying.

    Raises Refusal: trade.no_such_order.
    """
    order = load.own(order_id, member_id)
    for attempt in order.attempts.filter(state=State.OPEN):
        ask_quietly(attempt)
    return Order.objects.values_list("state", flat=True).get(pk=order.pk)


def expire(order_id: uuid.UUID | str) -> str:
    """End an order whose time to pay is over, after asking its channel; returns the order's state.

    A lost callback doesn't lose the payment: the attempt is closed at the channel first, which says if it was paid.
    """
    order = load.find(order_id)
    now = clocks.machine_now()
    if order.state != Order.State.PLACED or now < order.pay_by:
        return order.state
    answered = [ask_quietly(attempt, close=True) for attempt in order.attempts.filter(state=State.OPEN)]
    if not all(answered) and now < order.pay_by + GRACE:
        return order.state
    with transaction.atomic():
        order, _ = load.locked(order.pk)
        if order.state != Order.State.PLACED:
            return order.state
        posting = Posting()
        orders.let_go(posting, order, Order.State.EXPIRED, reason="unpaid", by="system")
        posting.commit()
    return order.state


def reconcile() -> int:
    """Ask about every open attempt, end unpaid orders, pursue refunds; returns how much still waits for an answer.

    Whatever is wrong with one of them, the others are settled; then the first error is raised. A channel that hangs
    costs a few silences, then its breaker answers for it, and asking stops after `ROUND_S` in any case, which all of
    the round's questions share.
    """
    end = time.monotonic() + ROUND_S
    parts: list[Callable[[float], int | None]] = [_ask_open, _expire_overdue, refunds.pursue]

    def part_of_round(part: Callable[[float], int | None]) -> int | None:
        return part(end)

    *_, refunds_waiting = each(parts, part_of_round)
    return PayAttempt.objects.filter(state=State.OPEN).count() + (refunds_waiting or 0)


def _ask_open(end: float) -> None:
    now = clocks.machine_now()
    due = PayAttempt.objects.select_related("order").filter(Q(asked_at=None) | Q(asked_at__lte=now - AGAIN), state=State.OPEN)
    each(due.order_by(F("asked_at").asc(nulls_first=True), "started_at"), in_time(_ask_once, end))


def _ask_once(attempt: PayAttempt) -> None:
    PayAttempt.objects.filter(pk=attempt.pk).update(asked_at=clocks.machine_now())
    ask_quietly(attempt, close=attempt.order.state != Order.State.PLACED)


def _expire_overdue(end: float) -> None:
    overdue = Order.objects.filter(state=Order.State.PLACED, pay_by__lte=clocks.machine_now())
    each(overdue.order_by("pay_by").values_list("pk", flat=True), in_time(expire, end))
