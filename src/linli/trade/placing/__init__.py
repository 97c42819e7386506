"""Placing orders, many at a time: the one path from a basket to what is held for it.

A batch is read once, priced, and written hopefully: orders, lines, work and facts in one statement, coupons in the next,
the ledger last, and its floors judge. When anything objects (a key that is there, a slot, a coupon, too few pieces), all
of it is undone and the batch is decided exactly: keys are claimed first, waiting for whoever claims them too, and each
order is judged by itself in the order of arrival. Nothing is checked beforehand and then written.
"""

from linli.trade.placing.batch import TIME_TO_PAY, TRIES, Asking, Outcome, Placed, place_many
from linli.trade.placing.pricing import FREE, NO_TERMS, Lines, Terms, quote
from linli.trade.placing.together import place_one

__all__ = ["FREE", "NO_TERMS", "TIME_TO_PAY", "TRIES", "Asking", "Lines", "Outcome", "Placed", "Terms", "place_many", "place_one", "quote"]
