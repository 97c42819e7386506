"""Trade: group-buys, orders, pay, refunds, coupons."""
