"""Weighed goods: held and charged at the most, and what the scales say less goes back by itself.

A weight may be corrected within the business day. The difference goes back some minutes after the last correction
(`terms.weigh_minutes`), so that a slip of the finger costs nobody anything; what has gone back stays back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, work
from linli.kernel.refusals import Refusal
from linli.trade import load, refunds, terms
from linli.trade.days import today, zone
from linli.trade.events import LineWeighed
from linli.trade.lines import order_no
from linli.trade.models import Order, OrderLine, Weighing
from linli.trade.posting import Posting
from linli.trade.rules import returns, weights

SETTLE = "trade.settle_weight"


@dataclass(frozen=True)
class Weighed:
    """What a line came to; `back_minor` goes (or went) back, of which budgets get their share."""

    grams: int
    most_g: int
    charged_minor: int
    back_minor: int


@transaction.atomic
def weigh(*, order_id: uuid.UUID | str, number: int, grams: int, by: str) -> Weighed:
    """Write down what the scales say of a line that is ready or handed over. The same weight again changes nothing.

    Raises Refusal: trade.no_such_order, trade.not_weighed (not such goods, or not ready), trade.bad_weight(most_g),
    trade.weigh_too_late (another day), trade.weigh_settled (lighter was settled: what went back stays back).
    """
    order, lines = load.locked(load.find(order_id).pk)
    line = next((one for one in lines if one.number == number), None)
    sku = goods.sku(order.region, line.sku_code) if line is not None else None
    if line is None or sku is None or not sku.weighed or line.state not in (OrderLine.State.READY, OrderLine.State.HANDED):
        raise Refusal("trade.not_weighed")
    row = Weighing.objects.filter(region=order.region, line=line).first()
    if row is None:
        row = _first(line, sku.piece_g or 0, by)
    weights.check(grams, row.most_g)
    if row.pk is not None and row.grams == grams:
        return _weighed(row)
    _correct(row, grams, by)
    row.save()
    OrderLine.objects.filter(pk=line.pk).update(weighed_g=grams)
    due_at = clocks.machine_now() + timedelta(minutes=terms.of(order.region).weigh_minutes)
    payload = {"weighing": row.pk, "version": row.version}
    work.schedule(SETTLE, key=f"{line.pk}/{row.version}", due_at=due_at, region=order.region, payload=payload, clock="machine")
    fact = LineWeighed(
        str(order.pk),
        order.member_id,
        order.community_id,
        line.sku_code,
        grams,
        row.most_g,
        max(0, grams - row.most_g),
        row.most_minor,
        row.charged_minor,
        by,
    )
    events.append(fact, region=order.region, subject=f"member:{order.member_id}")
    return _weighed(row)


def _first(line: OrderLine, piece_g: int, by: str) -> Weighing:
    """The line at its most: the pieces that are delivered, at what they cost after the group's close."""
    charge, now = refunds.charge(line), clocks.business_now()
    return Weighing(
        region=line.region,
        line=line,
        pieces=charge.left_pieces,
        most_g=charge.left_pieces * piece_g,
        most_minor=charge.left_worth_minor,
        version=0,
        by=by,
        weighed_at=now,
        changed_at=now,
    )


def _correct(row: Weighing, grams: int, by: str) -> None:
    now = clocks.business_now()
    if row.weighed_at.astimezone(zone(row.region)).date() != today(row.region):
        raise Refusal("trade.weigh_too_late")
    charged = weights.charged(row.most_minor, row.most_g, grams)
    if row.most_minor - charged < row.returned_minor:
        raise Refusal("trade.weigh_settled")
    row.grams, row.charged_minor, row.by, row.changed_at = grams, charged, by, now
    row.version += 1


def _weighed(row: Weighing) -> Weighed:
    return Weighed(row.grams, row.most_g, row.charged_minor, row.most_minor - row.charged_minor)


def charge(line: OrderLine) -> returns.Charge:
    """The line as charged, less the difference of its weight that is on its way back."""
    charged = refunds.charge(line)
    row = Weighing.objects.filter(region=line.region, line=line).first()
    due = row.most_minor - row.charged_minor - row.returned_minor if row else 0
    return returns.after(charged, returns.portion(charged, due)) if due > 0 else charged


@transaction.atomic
def settle(weighing_id: int, version: int) -> str | None:
    """The difference of a weight that was not corrected since goes back; returns the refund's number, None when nothing does."""
    line = Weighing.objects.select_related("line").get(pk=weighing_id).line
    order, lines = load.locked(line.order_id)
    row = Weighing.objects.select_for_update().get(pk=weighing_id)
    due = row.most_minor - row.charged_minor - row.returned_minor
    if row.version != version or due <= 0 or order.state not in (Order.State.PAID, Order.State.READY, Order.State.HANDED_OVER):
        return None
    row.returned_minor += due
    row.save(update_fields=["returned_minor"])
    current = next(one for one in lines if one.pk == line.pk)
    part = returns.portion(refunds.charge(current), due)  # at most what is left: more of it may have gone back meanwhile
    if not part.refund_minor + part.discount_back_minor:
        return None
    posting = Posting()
    key = f"weight/{order_no(order)}/{line.number}/{version}"
    refund = refunds.begin(posting, order, [part], reason="weight", by=row.by, key=key, lines=lines)
    posting.commit()
    return refund.refund_no
