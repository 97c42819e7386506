"""The tables of trade. Private to the room."""

from linli.trade.models.aftersale import AfterSale, AfterSalePhoto, AfterSaleStep, Weighing
from linli.trade.models.boxes import Box, BoxPlan, BoxWeek
from linli.trade.models.carts import CartLine
from linli.trade.models.commission import ClawBack, Commission, CommissionRate, Terms, TermsChange, Withdrawal
from linli.trade.models.coupons import Coupon, CouponIssue
from linli.trade.models.groups import GroupBuy, GroupTemplate, Team
from linli.trade.models.orders import HandOver, Order, OrderDiscount, OrderLine, Pickup
from linli.trade.models.partners import Allotment, Partner, PartnerAccess, PartnerChange, PartnerEntry, Statement
from linli.trade.models.pay import PayAttempt, Refund
from linli.trade.models.promotions import Policy, Promotion, PromotionGroup, PromotionStage
from linli.trade.models.reconcile import BillDay, BillLine, Difference
from linli.trade.models.tradein import ApplianceValue, TradeIn, TradeInStep
from linli.trade.models.vouchers import Bundle, GiftRule, Redemption, Referral, Service, Voucher

__all__ = [
    "AfterSale",
    "AfterSalePhoto",
    "AfterSaleStep",
    "Allotment",
    "ApplianceValue",
    "BillDay",
    "BillLine",
    "Box",
    "BoxPlan",
    "BoxWeek",
    "Bundle",
    "CartLine",
    "ClawBack",
    "Commission",
    "CommissionRate",
    "Coupon",
    "CouponIssue",
    "Difference",
    "GiftRule",
    "GroupBuy",
    "GroupTemplate",
    "HandOver",
    "Order",
    "OrderDiscount",
    "OrderLine",
    "Partner",
    "PartnerAccess",
    "PartnerChange",
    "PartnerEntry",
    "PayAttempt",
    "Pickup",
    "Policy",
    "Promotion",
    "PromotionGroup",
    "PromotionStage",
    "Redemption",
    "Referral",
    "Refund",
    "Service",
    "Statement",
    "Team",
    "Terms",
    "TermsChange",
    "TradeIn",
    "TradeInStep",
    "Voucher",
    "Weighing",
    "Withdrawal",
]
