"""Handing over: what is ready goes to the member, by order or by pickup, and what is missing goes back as money."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.trade import commission, partners, pickups, refunds, rules
from linli.trade.events import LineShort, OrderHandedOver
from linli.trade.lines import order_no, sold_lines
from linli.trade.load import find, locked, locked_many
from linli.trade.models import HandOver, Order, OrderLine, Refund
from linli.trade.posting import Posting
from linli.trade.rules import returns

Chosen = Collection[tuple[uuid.UUID, int]]
"""Lines by order and number."""


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
    return _hand_over([(order, lines)], lines, by, key)[0]


@transaction.atomic
def hand_over_pickup(*, pickup_id: int, by: str, key: str, only: Chosen | None = None) -> list[Handed]:
    """Hand over what is ready under a pickup's code, of all its orders; `only` these lines where others are still missing.

    Again, with this key or when nothing is left, it tells what was handed over. Raises Refusal: trade.not_ready.
    """
    rules.check_key(key)
    under = OrderLine.objects.filter(pickup_id=pickup_id)
    found = locked_many(under.values_list("order_id", flat=True).distinct())
    lines = [line for _, of in found for line in of if line.pickup_id == pickup_id]
    if only is not None:
        lines = [line for line in lines if (line.order_id, line.number) in only]
    return _hand_over(found, lines, by, key)


def _hand_over(found: Sequence[tuple[Order, list[OrderLine]]], among: Sequence[OrderLine], by: str, key: str) -> list[Handed]:
    """Hand over what is ready `among` the lines of these orders, all locked."""
    before = list(HandOver.objects.filter(order__in=[order for order, _ in found]).order_by("pk"))
    ready = [line for line in among if line.state == OrderLine.State.READY]
    if same := [h for h in before if h.key == key] or ([] if ready else before):
        owners = {order.pk: order.member_id for order, _ in found}
        latest = {h.order_id: h for h in same}
        return [Handed(h.order_id, owners[h.order_id], h.line_numbers, h.at, again=True) for h in latest.values()]
    if not ready:
        raise Refusal("trade.not_ready")
    now, posting, done = clocks.business_now(), Posting(), []
    OrderLine.objects.filter(pk__in=[line.pk for line in ready]).update(state=OrderLine.State.HANDED)
    for order, lines in found:
        mine = [line for line in ready if line.order_id == order.pk]
        if mine:
            _of_order(posting, order, lines, mine, by, key, now)
            done.append(Handed(order.pk, order.member_id, [line.number for line in mine], now, again=False))
    posting.commit()
    return done


def _of_order(
    posting: Posting, order: Order, lines: Sequence[OrderLine], handed: list[OrderLine], by: str, key: str, now: datetime
) -> None:
    HandOver.objects.create(region=order.region, order=order, key=key, by=by, at=now, line_numbers=[line.number for line in handed])
    for line in handed:
        line.state = OrderLine.State.HANDED
    on_its_way = Refund.objects.filter(order=order, unwanted=False).exclude(state=Refund.State.SUCCEEDED).exists()
    order.state = Order.State(rules.order_state([line.state for line in lines], money_on_its_way=on_its_way))
    order.handed_at = now
    order.save(update_fields=["state", "handed_at"])
    pickups.close(order)
    fact = OrderHandedOver(str(order.pk), order.member_id, order.community_id, sold_lines(handed), by)
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    commission.accrue(posting, order, handed)
    partners.accrue(posting, order, handed)


@transaction.atomic
def short(*, order_id: uuid.UUID | str, number: int, pieces: int | None = None, by: str, key: str) -> str:
    """Pieces of a ready line (None: all of it) did not arrive: their money goes back; returns the refund's number. Once a key.

    Raises Refusal: trade.no_such_order, trade.not_ready, trade.bad_quantity(most), trade.key_reused.
    """
    rules.check_key(key)
    order, lines = locked(find(order_id).pk)
    full_key = f"short/{order_no(order)}/{key}"
    line = next((one for one in lines if one.number == number), None)
    if (before := Refund.objects.filter(region=order.region, key=full_key).first()) is not None:
        if before.line_numbers != [number]:
            raise Refusal("trade.key_reused")
        return before.refund_no
    if line is None or line.state != OrderLine.State.READY:
        raise Refusal("trade.not_ready")
    left = line.quantity - line.returned_pieces
    missing = left if pieces is None else pieces
    if type(missing) is not int or not 1 <= missing <= left:
        raise Refusal("trade.bad_quantity", most=left)
    posting = Posting()
    part = returns.per_piece(refunds.charge(line), missing)
    refund = refunds.begin(posting, order, [part], reason="line_short", by=by, key=full_key, lines=lines)
    fact = LineShort(
        str(order.pk), order.member_id, order.community_id, number, line.sku_code, missing, part.refund_minor, refund.refund_no, by
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    posting.commit()
    return refund.refund_no
