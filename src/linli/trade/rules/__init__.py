"""Pure decisions of trade: values in, values out."""

from linli.trade.rules.basket import MOST_LINES, MOST_PIECES, MOST_UNPAID, Wanted, basket, check_key, digest, is_id
from linli.trade.rules.codes import CODE_LENGTH, CODE_LETTERS, pickup_code
from linli.trade.rules.outcomes import line_once_paid, may_cancel, order_state, outcome
from linli.trade.rules.prices import Offer, Quote, QuotedLine, Step, Voucher, quote
from linli.trade.rules.returns import Charge, GiveBack, give_back

__all__ = [
    "CODE_LENGTH",
    "CODE_LETTERS",
    "MOST_LINES",
    "MOST_PIECES",
    "MOST_UNPAID",
    "Charge",
    "GiveBack",
    "Offer",
    "Quote",
    "QuotedLine",
    "Step",
    "Voucher",
    "Wanted",
    "basket",
    "check_key",
    "digest",
    "give_back",
    "is_id",
    "line_once_paid",
    "may_cancel",
    "order_state",
    "outcome",
    "pickup_code",
    "quote",
]
