"""The tables of trade. Private to the room."""

from linli.trade.models.carts import CartLine
from linli.trade.models.coupons import Coupon, CouponIssue
from linli.trade.models.groups import GroupBuy, GroupTemplate, Team
from linli.trade.models.orders import HandOver, Order, OrderDiscount, OrderLine, Pickup
from linli.trade.models.pay import PayAttempt, Refund

__all__ = [
    "CartLine",
    "Coupon",
    "CouponIssue",
    "GroupBuy",
    "GroupTemplate",
    "HandOver",
    "Order",
    "OrderDiscount",
    "OrderLine",
    "PayAttempt",
    "Pickup",
    "Refund",
    "Team",
]
