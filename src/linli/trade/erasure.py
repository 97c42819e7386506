"""A member is erased: first everything of theirs is finished, then trade forgets what they wrote and showed."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Model

from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.kernel.refusals import Refusal
from linli.people import erasure
from linli.trade import boxes, photos
from linli.trade.models import AfterSale, AfterSalePhoto, AfterSaleStep, Box, CartLine, Order, PayAttempt, Refund, TradeIn, TradeInStep

DAILY = timedelta(days=1)

_ENDED: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "orders": (Order, (Order.State.HANDED_OVER, Order.State.CANCELLED, Order.State.EXPIRED, Order.State.REFUNDED)),
    "aftersales": (AfterSale, (AfterSale.State.SETTLED, AfterSale.State.REFUSED, AfterSale.State.WITHDRAWN)),
    "trade_ins": (TradeIn, (TradeIn.State.QUOTED, TradeIn.State.SETTLED, TradeIn.State.RETURNED, TradeIn.State.CANCELLED)),
}


def unfinished(member_id: int) -> dict[str, int]:
    """How many of a member's orders, aftersales, trade_ins and refunds still move goods or money."""
    found = {
        name: model._default_manager.filter(member_id=member_id).exclude(state__in=ended).count() for name, (model, ended) in _ENDED.items()
    }
    return found | {"refunds": Refund.objects.filter(order__member_id=member_id).exclude(state=Refund.State.SUCCEEDED).count()}


@transaction.atomic
def erase(*, member_id: int, by: str) -> None:
    """Erase a member now, who has nothing unfinished: their words and pictures go, subscriptions end, and people forgets them.

    Raises Refusal: trade.unfinished(orders, aftersales, trade_ins, refunds), people.no_such_member, people.has_duties.
    """
    for box in Box.objects.filter(member_id=member_id).exclude(state=Box.State.CANCELLED):
        boxes.cancel(box_id=box.pk, member_id=member_id)
    left = unfinished(member_id)
    if any(left.values()):
        raise Refusal("trade.unfinished", **left)
    CartLine.objects.filter(member_id=member_id).delete()
    _redact(member_id)
    erasure.erase(member_id=member_id, by=by)


def _redact(member_id: int) -> None:
    asked = AfterSale.objects.filter(member_id=member_id)
    shown = list(AfterSalePhoto.objects.filter(after_sale__in=asked).values_list("region", "pk"))
    AfterSalePhoto.objects.filter(pk__in=[pk for _, pk in shown]).delete()
    AfterSaleStep.objects.filter(after_sale__in=asked).update(why="")
    asked.update(words="", why="")
    TradeInStep.objects.filter(trade_in__member_id=member_id).update(note="")
    PayAttempt.objects.filter(order__member_id=member_id).update(pay_url="", return_url="")
    for region, photo_id in shown:
        transaction.on_commit(lambda region=region, photo_id=photo_id: photos.drop(region, photo_id))  # type: ignore[misc]


def erase_due(row: WorkRow) -> None:
    """A member's cooling-off is over: erased, or looked at again tomorrow while something is unfinished."""
    if not erasure.due(row.payload["erasure"]):
        return
    try:
        erase(member_id=row.payload["member"], by="system")
    except Refusal as refusal:
        if refusal.code != "trade.unfinished":
            raise
        again = clocks.business_now() + DAILY
        work.schedule(erasure.WORK, key=f"{row.key.partition('@')[0]}@{again:%Y%m%d}", due_at=again, region=row.region, payload=row.payload)
