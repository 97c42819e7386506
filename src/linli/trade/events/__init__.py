"""What trade tells the others."""

from linli.trade.events.coupons import CouponExpired, CouponIssued, CouponRedeemed, CouponReturned, CouponRevoked
from linli.trade.events.groups import GroupMissed, GroupOpened, GroupSucceeded
from linli.trade.events.money import OrderRefunded, RefundRequested, UnwantedPayment, UnwantedReturned
from linli.trade.events.orders import OrderCancelled, OrderHandedOver, OrderPaid, OrderPlaced, OrderReady, SoldLine

__all__ = [
    "CouponExpired",
    "CouponIssued",
    "CouponRedeemed",
    "CouponReturned",
    "CouponRevoked",
    "GroupMissed",
    "GroupOpened",
    "GroupSucceeded",
    "OrderCancelled",
    "OrderHandedOver",
    "OrderPaid",
    "OrderPlaced",
    "OrderReady",
    "OrderRefunded",
    "RefundRequested",
    "SoldLine",
    "UnwantedPayment",
    "UnwantedReturned",
]
