"""Pure decisions of trade: values in, values out."""

from linli.trade.rules.basket import MOST_LINES, MOST_PIECES, MOST_UNPAID, NEW_TEAM, Wanted, basket, check_key, digest, is_id
from linli.trade.rules.cases import cases_of, missing_to_case
from linli.trade.rules.codes import CODE_LENGTH, CODE_LETTERS, pickup_code
from linli.trade.rules.groups import NewGroup, group_faults
from linli.trade.rules.outcomes import line_once_paid, may_cancel, order_state, rung
from linli.trade.rules.partners import MOST_BP, VOUCHER_LENGTH, PartnerTerms, clawed, owed, partner_faults, unused, used_share, voucher_code
from linli.trade.rules.prices import Discount, Gift, Level, Offer, Quote, QuotedLine, Shipping, Step, Voucher, quote, unit_price
from linli.trade.rules.returns import Charge, Part

__all__ = [
    "CODE_LENGTH",
    "CODE_LETTERS",
    "MOST_BP",
    "MOST_LINES",
    "MOST_PIECES",
    "MOST_UNPAID",
    "NEW_TEAM",
    "VOUCHER_LENGTH",
    "Charge",
    "Discount",
    "Gift",
    "Level",
    "NewGroup",
    "Offer",
    "Part",
    "PartnerTerms",
    "Quote",
    "QuotedLine",
    "Shipping",
    "Step",
    "Voucher",
    "Wanted",
    "basket",
    "cases_of",
    "check_key",
    "clawed",
    "digest",
    "group_faults",
    "is_id",
    "line_once_paid",
    "may_cancel",
    "missing_to_case",
    "order_state",
    "owed",
    "partner_faults",
    "pickup_code",
    "quote",
    "rung",
    "unit_price",
    "unused",
    "used_share",
    "voucher_code",
]
