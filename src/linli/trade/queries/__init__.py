"""What members, leaders and other rooms may read of trade. Few statements a page, however long it is."""

from linli.trade.queries.coupons import CouponInfo, coupon, coupons_of
from linli.trade.queries.groups import (
    GroupCard,
    Neighbour,
    Progress,
    cards_of,
    group,
    on_offer,
    open_groups,
    progress,
)
from linli.trade.queries.orders import (
    Handout,
    LineInfo,
    OrderInfo,
    OrderStep,
    handouts,
    money_back,
    order,
    order_by_code,
    order_history,
    orders_of,
)

__all__ = [
    "CouponInfo",
    "GroupCard",
    "Handout",
    "LineInfo",
    "Neighbour",
    "OrderInfo",
    "OrderStep",
    "Progress",
    "cards_of",
    "coupon",
    "coupons_of",
    "group",
    "handouts",
    "money_back",
    "on_offer",
    "open_groups",
    "order",
    "order_by_code",
    "order_history",
    "orders_of",
    "progress",
]
