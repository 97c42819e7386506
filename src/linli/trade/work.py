"""What trade does when its time has come."""

from __future__ import annotations

from datetime import timedelta

from linli.kernel.models import WorkRow
from linli.kernel.work import Handler, Long
from linli.people import erasure as people_erasure
from linli.trade import (
    boxes,
    commission,
    coupons,
    erasure,
    groups,
    orders,
    pay,
    presale,
    reconcile,
    redeeming,
    refunds,
    teams,
    vouchers,
    weighing,
)

SETTLE = "trade.settle"
BILLS = "trade.bills"


def close_groups(row: WorkRow) -> None:
    """A deadline has come (business time)."""
    groups.close_due(row.region)


def close_teams(row: WorkRow) -> None:
    """A team's time is up (business time)."""
    teams.close_due(row.region)


def release_stock(row: WorkRow) -> None:
    """Unpaid orders of a decided group may have ended (machine time)."""
    presale.release_rest(row.payload["group"])


def expire_order(row: WorkRow) -> None:
    """The time to pay is over (machine time)."""
    pay.expire(row.payload["order"])


def send_refund(row: WorkRow) -> None:
    """A refund was asked for."""
    refunds.send(row.payload["refund"])


def settle(row: WorkRow) -> None:
    """Every minute: whatever a channel owes an answer for, in all regions."""
    pay.reconcile()


def bills(row: WorkRow) -> None:
    """Every half an hour: channels' bills of days that are over, where they weren't fetched yet."""
    reconcile.due()


def expire_coupons(row: WorkRow) -> None:
    """A coupon day is over (business time)."""
    coupons.expire_due(row.region)


def expire_vouchers(row: WorkRow) -> None:
    """A voucher day is over (business time)."""
    redeeming.expire_due(row.region)


def post_commission(row: WorkRow) -> None:
    """A day on which cool-offs ended is over (business time)."""
    commission.post_due(row.region)


def settle_weight(row: WorkRow) -> None:
    """A weight was not corrected for some minutes (machine time)."""
    weighing.settle(row.payload["weighing"], row.payload["version"])


HANDLERS: dict[str, Handler | Long] = {
    groups.CLOSE: Long(close_groups),
    teams.CLOSE: Long(close_teams),
    presale.RELEASE: release_stock,
    orders.EXPIRE: Long(expire_order),
    refunds.SEND: Long(send_refund),
    SETTLE: Long(settle),
    BILLS: Long(bills),
    coupons.EXPIRE: expire_coupons,
    vouchers.EXPIRE: Long(expire_vouchers),
    boxes.DUE: Long(boxes.place_due),
    commission.POST: post_commission,
    weighing.SETTLE: settle_weight,
    people_erasure.WORK: erasure.erase_due,
}
"""For wiring: kind of work -> what does it. Long ones speak to a channel, outside a transaction."""

EVERY: dict[str, timedelta] = {SETTLE: timedelta(minutes=1), BILLS: timedelta(minutes=30)}
"""For wiring: what recurs, and how often (machine time)."""
