"""Payment: attempts through a channel. Money is believed once, however often and in whatever order it is reported."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import call
from urllib.parse import urljoin, urlsplit

from django.db import IntegrityError, transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.trade import accounts, channels, claims, coupons, load, orders, pickups, refunds, rules
from linli.trade.channels import Seen
from linli.trade.each import each
from linli.trade.events import OrderPaid, OrderReady, UnwantedPayment
from linli.trade.lines import order_no, sold_lines
from linli.trade.models import Order, OrderLine, PayAttempt
from linli.trade.posting import Posting

log = logging.getLogger(__name__)

CHANNEL = "sandbox"
NOTIFY = "/api/pay/sandbox/notify"
FRESH = timedelta(minutes=5)
"""How old a notification may be: an older one is a replay, and whatever it told can be asked for."""

GRACE = timedelta(minutes=15)
"""How long after `pay_by` an order waits for a channel that doesn't answer. Money that comes later goes back by itself."""

State = PayAttempt.State


@dataclass(frozen=True)
class PayStart:
    """Where the member pays, on the channel's own page."""

    pay_url: str
    attempt_no: str


@dataclass(frozen=True)
class Notification:
    """What a channel sent: the body as it came, and what it is signed with."""

    body: bytes
    timestamp: str
    nonce: str
    signature: str


@dataclass(frozen=True)
class Confirmed:
    """What a notification came to: paid, unwanted, again (known before), ignored (it told of no payment)."""

    outcome: str
    order_id: uuid.UUID | None = None


def start(*, order_id: uuid.UUID | str, member_id: int, key: str, return_url: str) -> PayStart:
    """Open the cashier for an order. An attempt that is still open is the one returned: there are never two at once.

    Call it outside a transaction. Raises Refusal: trade.no_such_order, trade.already_paid, trade.order_ended,
    trade.pay_too_late, trade.channel_silent, trade.channel_declined, trade.bad_return_url.
    """
    rules.check_key(key)
    if urlsplit(return_url).scheme not in ("http", "https") or len(return_url) > 400:
        raise Refusal("trade.bad_return_url")
    order = load.own(order_id, member_id)
    for attempt in order.attempts.filter(state=State.OPEN):
        ask_quietly(attempt)
    attempt = _attempt(order.pk, key, return_url)
    if not attempt.pay_url:
        channel = channels.of(attempt.channel)
        try:
            attempt.pay_url = channel.pay(
                attempt.out_trade_no,
                attempt.amount_minor,
                attempt.currency,
                _title(order),
                attempt.return_url,
                urljoin(attempt.return_url, NOTIFY),
            )
        except channels.Unreachable:
            raise Refusal("trade.channel_silent") from None
        except channels.Declined:
            PayAttempt.objects.filter(pk=attempt.pk, state=State.OPEN).update(state=State.CLOSED)
            raise Refusal("trade.channel_declined") from None
        PayAttempt.objects.filter(pk=attempt.pk).update(pay_url=attempt.pay_url)
    return PayStart(attempt.pay_url, attempt.out_trade_no)


def _title(order: Order) -> str:
    """What the cashier says is being paid for."""
    lines = list(order.lines.order_by("number"))
    skus = goods.skus(order.region, {line.sku_code for line in lines})
    return "、".join(f"{skus[line.sku_code].name_zh} × {line.quantity}" for line in lines)[:80]


def _attempt(order_id: uuid.UUID, key: str, return_url: str) -> PayAttempt:
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
            channel=CHANNEL,
            key=key,
            out_trade_no=number.hex,
            amount_minor=order.payable_minor,
            currency=order.currency,
            return_url=return_url,
            started_at=clocks.machine_now(),
        )


def confirm(notification: Notification, *, channel: str = CHANNEL) -> Confirmed:
    """Take a channel's word for a payment, when it is the channel's, fresh, and about the right amount.

    Raises Refusal, with nothing posted: trade.bad_signature, trade.stale_notification, trade.bad_notification,
    trade.unknown_attempt, trade.wrong_amount.
    """
    try:
        told = _read(notification, channel)
        if told.get("state") != "paid":
            return Confirmed("ignored")
        seen = Seen("paid", _text(told, "channel_txn"), _number(told, "amount_minor"), _text(told, "currency"))
        number = _text(told, "out_trade_no")
        attempt = PayAttempt.objects.filter(channel=channel, out_trade_no=number).first()
        if attempt is None:
            raise Refusal("trade.unknown_attempt")
        return _settle(attempt, seen)
    except Refusal as refusal:
        log.warning("payment notification refused: %s", refusal.code)  # the code alone: the body may be anybody's
        raise


def _read(notification: Notification, channel: str) -> dict[str, object]:
    if not channels.of(channel).genuine(notification.body, notification.timestamp, notification.nonce, notification.signature):
        raise Refusal("trade.bad_signature")
    try:
        sent_at = datetime.fromtimestamp(int(notification.timestamp), UTC)
        told = json.loads(notification.body)
    except (ValueError, OverflowError, OSError):
        raise Refusal("trade.bad_notification") from None
    if abs(clocks.machine_now() - sent_at) > FRESH:
        raise Refusal("trade.stale_notification")
    if not isinstance(told, dict):
        raise Refusal("trade.bad_notification")
    return told


def _text(told: dict[str, object], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise Refusal("trade.bad_notification")
    return value


def _number(told: dict[str, object], name: str) -> int:
    value = told.get(name)
    if type(value) is not int:
        raise Refusal("trade.bad_notification")
    return value


def _settle(attempt: PayAttempt, seen: Seen) -> Confirmed:
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
        state=State.PAID if wanted else State.UNWANTED, channel_txn=seen.channel_txn, settled_at=now
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
    for line in lines:
        line.state = rules.line_once_paid(line.group.state, solo=line.solo)
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
    if order.coupon is not None:
        coupons.spend(posting, order.coupon, order)
    _tell_paid(order, lines, attempt, by)
    if lost:
        refunds.begin(posting, order, lost, reason="group_missed", by="system", key=f"late/{order_no(order)}", sold=False)


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
        _settle(attempt, seen)
    elif (seen is not None and seen.state == "closed") or (seen is None and close):
        PayAttempt.objects.filter(pk=attempt.pk, state=State.OPEN).update(state=State.CLOSED, settled_at=clocks.business_now())
    return PayAttempt.objects.values_list("state", flat=True).get(pk=attempt.pk)


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

    Whatever is wrong with one of them, the others are settled; then the first error is raised.
    """
    *_, refunds_waiting = each((_ask_open, _expire_overdue, refunds.pursue), call)
    return PayAttempt.objects.filter(state=State.OPEN).count() + (refunds_waiting or 0)


def _ask_open() -> None:
    attempts = PayAttempt.objects.select_related("order").filter(state=State.OPEN)
    each(attempts, lambda attempt: ask_quietly(attempt, close=attempt.order.state != Order.State.PLACED))


def _expire_overdue() -> None:
    each(Order.objects.filter(state=Order.State.PLACED, pay_by__lte=clocks.machine_now()).values_list("pk", flat=True), expire)
