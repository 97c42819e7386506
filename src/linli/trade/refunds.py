"""Refunds: parts of lines go back as they were charged; an answer that never came is asked for, never repeated blindly."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, Sum

from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.trade import accounts, channels, claims, commission, coupons, load, partners, pickups, rules, vouchers
from linli.trade.each import each, in_time
from linli.trade.events import OrderRefunded, RefundRequested, SoldLine, UnwantedReturned
from linli.trade.lines import order_no, sold_lines
from linli.trade.models import Order, OrderLine, PayAttempt, Refund
from linli.trade.posting import Posting
from linli.trade.rules import returns

log = logging.getLogger(__name__)

SEND = "trade.send_refund"
PATIENCE = timedelta(seconds=60)
"""After so long without an answer (a killed process) a refund is asked for."""

State = Refund.State


def charge(line: OrderLine) -> returns.Charge:
    """The line as the rules of giving back see it."""
    return returns.Charge(
        line.number,
        line.amount_minor,
        line.discount_minor,
        line.quantity,
        line.refunded_minor,
        line.discount_back_minor,
        line.returned_pieces,
    )


def whole(lines: Sequence[OrderLine]) -> list[returns.Part]:
    """All that is left of the lines. What has been handed over is nobody's to sell again: its pieces stay gone."""
    parts = [returns.whole(charge(line)) for line in lines]
    handed = {line.number for line in lines if line.state == OrderLine.State.HANDED}
    return [replace(part, pieces=0) if part.number in handed else part for part in parts]


def begin(
    posting: Posting,
    order: Order,
    parts: Sequence[returns.Part] | Sequence[OrderLine],
    *,
    reason: str,
    by: str,
    key: str,
    sold: bool = True,
    lines: Sequence[OrderLine] | None = None,
) -> Refund:
    """Give `parts` of a paid order's lines back: pieces, discount and money. The order is locked by the caller.

    `lines` of the order, if the caller has read them under its lock, spare a statement; lines in place of parts go back
    whole. `sold` False: their pieces are still only held. The money leaves the shop's revenue when the channel confirms;
    until then it is held. The shipping fee goes back with the last line. Raises Refusal as `returns.check` does.
    """
    given = [part for part in parts if isinstance(part, OrderLine)]
    wanted = whole(given) if given else [part for part in parts if isinstance(part, returns.Part)]
    all_of = list(lines) if lines is not None else _lines_of(order)
    returns.check([charge(line) for line in all_of], wanted)
    attempt = order.attempts.get(state=PayAttempt.State.PAID)
    refund = _row(order, attempt, sum(p.refund_minor for p in wanted), reason=reason, by=by, key=key)
    refund.discount_back_minor = sum(p.discount_back_minor for p in wanted)
    refund.parts = sorted([p.number, p.refund_minor, p.discount_back_minor, p.pieces] for p in wanted)
    refund.line_numbers = [number for number, *_ in refund.parts]
    by_line = {p.number: p for p in wanted}
    partners.claw_back(posting, order, all_of, wanted, reference=refund.refund_no)
    vouchers.revoke(posting, order, all_of, wanted, reference=refund.refund_no)
    _post_pieces(posting, by_line, all_of, refund, sold=sold)
    changed = _take_back(by_line, all_of)
    _same_state(given, changed)
    commission.claw_back(posting, order, wanted, changed, refund)
    if order.ended_at is None and all(line.state == OrderLine.State.CANCELLED for line in all_of):
        refund.shipping_minor = order.shipping_minor
        refund.amount_minor += order.shipping_minor
    _post_discount(posting, order, refund)
    _send_later(posting, refund, source=accounts.revenue(order.region, order.currency))
    _restate(order, posting, all_of)
    fact = RefundRequested(
        str(order.pk),
        order.member_id,
        order.community_id,
        refund.refund_no,
        refund.amount_minor,
        refund.discount_back_minor,
        reason,
        _changed(refund, changed),
        by,
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    if not refund.amount_minor:
        _tell_refunded(order, refund)
    return refund


def _lines_of(order: Order) -> list[OrderLine]:
    found = list(OrderLine.objects.select_related("group").filter(order=order).order_by("number"))
    for line in found:
        line.order = order
    return found


def _take_back(parts: dict[int, returns.Part], lines: Sequence[OrderLine]) -> list[OrderLine]:
    """Write the parts on their lines; one of which nothing is left is cancelled. CHECKs stand behind the sums."""
    changed = [line for line in lines if line.number in parts]
    for line in changed:
        part = parts[line.number]
        line.refunded_minor += part.refund_minor
        line.discount_back_minor += part.discount_back_minor
        line.returned_pieces += part.pieces
        if returns.is_over(charge(line)):
            line.state = OrderLine.State.CANCELLED
    OrderLine.objects.bulk_update(changed, ["state", "refunded_minor", "discount_back_minor", "returned_pieces"])
    return changed


def _same_state(held: Sequence[OrderLine], changed: Sequence[OrderLine]) -> None:
    """The caller's own copies of the lines tell the same."""
    fresh = {line.pk: line for line in changed}
    for line in held:
        now = fresh[line.pk]
        line.state, line.refunded_minor = now.state, now.refunded_minor
        line.discount_back_minor, line.returned_pieces = now.discount_back_minor, now.returned_pieces


def _changed(refund: Refund, lines: Iterable[OrderLine]) -> list[SoldLine]:
    """The lines as the facts carry them, with what this refund changes of each."""
    changes = {number: rest for number, *rest in refund.parts}
    found = [line for line in lines if line.number in changes]
    return [
        replace(sold, quantity=pieces, amount_minor=refund_minor, discount_minor=discount_minor)
        for line, sold in zip(found, sold_lines(found), strict=True)
        for refund_minor, discount_minor, pieces in [changes[line.number]]
    ]


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


def _post_pieces(posting: Posting, parts: dict[int, returns.Part], lines: Iterable[OrderLine], refund: Refund, *, sold: bool) -> None:
    """Pieces, and what was claimed with them, are free again; asked for before the lines are changed."""
    for line in lines:
        if line.number not in parts:
            continue
        if not sold:
            posting.must += claims.release(line)
        elif pieces := parts[line.number].pieces:
            posting.must += claims.back(line, pieces, reference=refund.refund_no)


def _post_discount(posting: Posting, order: Order, refund: Refund) -> None:
    """Budgets paid for a sale that isn't one: each gets its part back, and a coupon returns with the last line."""
    if not refund.discount_back_minor:
        return
    refund.discounts = returns.to_funders(refund.discount_back_minor, _funded(order))
    posting.must += [
        ledger.Move(
            key=f"refund/{refund.refund_no}/discount/{n}",
            source=accounts.revenue(order.region, order.currency),
            target=accounts.budget(order.region, order.currency, owner),
            amount=minor,
            reason="trade.discount_back",
        )
        for n, (owner, minor) in enumerate(sorted(refund.discounts.items()))
    ]


def _funded(order: Order) -> dict[str, int]:
    """Owner of a budget -> what it still has in the order."""
    funded: dict[str, int] = {}
    for owner, minor in order.discounts.values_list("budget_owner", "amount_minor"):
        funded[owner] = funded.get(owner, 0) + minor
    if order.coupon is not None:  # what nothing else explains was the coupon's
        owner = order.coupon.issue.budget_owner
        funded[owner] = funded.get(owner, 0) + order.discount_minor - sum(funded.values())
    for back in Refund.objects.filter(order=order, discount_back_minor__gt=0).values_list("discounts", flat=True):
        for owner, minor in back.items():
            funded[owner] -= minor
    return funded


def _send_later(posting: Posting, refund: Refund, *, source: ledger.AccountRef) -> None:
    if not refund.amount_minor:  # budgets had paid for all of it
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


def _restate(order: Order, posting: Posting | None = None, known: Sequence[OrderLine] | None = None) -> None:
    """Put the order where its lines and refunds say it stands; with the last line its coupon comes back."""
    lines = known if known is not None else list(OrderLine.objects.filter(order=order))
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
    refund = begin(posting, order, whole(chosen), reason=reason[:32], by=by, key=full_key, lines=lines)
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
        answer = channels.of(refund.channel).refund(
            refund.refund_no,
            refund.attempt.out_trade_no,
            refund.amount_minor,
            total_minor=refund.attempt.amount_minor,
            currency=refund.attempt.currency,
        )
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
        answer = channels.of(refund.channel).refund_state(refund.refund_no, refund.attempt.out_trade_no)
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
        _changed(refund, lines),
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


def pursue(end: float = math.inf) -> int:
    """Ask about what was never answered, send what was never sent; returns how many are still on their way.

    After `end` (of the monotonic clock) nothing more is asked: a channel that hangs holds nobody longer. What was asked
    longest ago comes first in the next round.
    """
    late = clocks.machine_now() - PATIENCE
    unheard = Refund.objects.filter(Q(state=State.UNKNOWN) | Q(state=State.SENDING, sent_at__lt=late))
    each(unheard.order_by("requested_at").values_list("pk", flat=True), in_time(ask, end))
    each(Refund.objects.filter(state=State.REQUESTED).order_by("requested_at").values_list("pk", flat=True), in_time(send, end))
    return Refund.objects.filter(state__in=[State.REQUESTED, State.SENDING, State.UNKNOWN]).count()


def refunded(order: Order) -> int:
    """What has gone, or is going, back of an order."""
    return Refund.objects.filter(order=order, unwanted=False).aggregate(sum=Sum("amount_minor"))["sum"] or 0
