"""Exact sums: random baskets, coupons, misses and refunds; paid - refunded = kept, to the last minor unit.

LINLI_SEQUENCES=10000 makes the long run.
"""

from __future__ import annotations

import os
from datetime import timedelta

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linli.goods import quota
from linli.kernel import clocks, ledger, money
from linli.kernel.refusals import Refusal
from linli.trade import accounts, coupons, groups, orders, pay, queries, refunds, rules
from linli.trade.models import Coupon, Order, OrderLine, Refund
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group

prices = st.integers(1, 9_999)
pieces = st.integers(1, 9)


def quoted(lines: list[tuple[int, int]], face: int | None) -> rules.Quote:
    """A quote of lines (unit price, pieces), with a coupon of `face` where the basket allows it."""
    offers = {i: rules.Offer(i, 1, f"s{i}", "fruit", "open", MONDAY, NOON, unit, unit, unit) for i, (unit, _) in enumerate(lines)}
    voucher = rules.Voucher(1, face, face + 1, "", "issued", MONDAY.date()) if face else None
    wanted = [rules.Wanted(i, n) for i, (_, n) in enumerate(lines)]
    return rules.quote(wanted, offers, voucher, community_id=1, now=MONDAY, today=MONDAY.date())


@given(lines=st.lists(st.tuples(prices, pieces), min_size=1, max_size=8), part=st.floats(0, 1))
def test_the_explanation_adds_up_to_what_is_paid(lines: list[tuple[int, int]], part: float) -> None:
    total = sum(unit * n for unit, n in lines)
    quote = quoted(lines, int(part * (total - 1)) or None)
    assert sum(step.amount_minor for step in quote.steps) == quote.payable_minor == quote.total_minor - quote.discount_minor
    assert all(0 <= line.discount_minor <= line.amount_minor for line in quote.lines)


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_are_exact_and_within_one_of_proportional(total: int, weights: list[int]) -> None:
    if not sum(weights):
        return
    parts = money.share(total, weights)
    assert sum(parts) == total
    assert all(abs(p * sum(weights) - total * w) < sum(weights) for p, w in zip(parts, weights, strict=True))


steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "buy", "coupon", "place", "cancel", "refund", "expire"]),
        st.integers(0, 1),
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=3),
        st.integers(0, 7),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=int(os.environ.get("LINLI_SEQUENCES", "10")), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps, thresholds=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)))
def test_whatever_members_do_the_books_agree(shop: Shop, till: Till, steps: list, thresholds: tuple[int, int, int]) -> None:
    with transaction.atomic():
        till.payments.clear()
        till.refunds.clear()
        opened = [
            groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=f"r{i}", threshold=t, price_minor=p, solo_price_minor=p))
            for i, (t, p) in enumerate(zip(thresholds, (333, 101, 777), strict=True))
        ]
        coupons.put_issue(
            region=REGION, code="c", name_zh="券", name_en="c", face_minor=299, minimum_minor=300, valid_days=2, budget_owner="playbook:p"
        )
        coupons.fund(region=REGION, owner="playbook:p", amount_minor=900, key="f")
        for n, (what, who, lines, pick) in enumerate(steps):
            member = (shop.alice, shop.bob)[who]
            try:
                _do(till, shop, what, member, [(opened[g], q) for g, q in lines], n, pick)
            except Refusal as refusal:
                assert not refusal.code.startswith("ledger."), refusal
        with clocks.fixed(business=NOON):
            groups.close_due(REGION)
        refunds.pursue()
        with clocks.fixed(business=MONDAY + timedelta(days=9)):
            coupons.expire_due(REGION)
        _agree(till, opened)
        transaction.set_rollback(True)


def _do(till: Till, shop: Shop, what: str, member: int, lines: list[tuple[int, int]], n: int, pick: int) -> None:
    mine = list(queries.orders_of(member))
    chosen = mine[pick % len(mine)] if mine else None
    if what == "coupon":
        coupons.issue(issue_code="c", member_id=member, key=f"c{n}")
    elif what in ("buy", "place"):
        usable = queries.coupons_of(member, usable_only=True)
        coupon_id = usable[0].coupon_id if usable and pick % 2 else None
        if what == "buy":
            buy(till, member, lines, key=f"k{n}", coupon_id=coupon_id)
        else:
            orders.place(member_id=member, lines=lines, key=f"k{n}", coupon_id=coupon_id)
    elif chosen is not None and what == "cancel":
        orders.cancel(order_id=chosen.order_id, member_id=member, key=f"x{n}")
    elif chosen is not None and what == "refund":
        number = 1 + pick % len(chosen.lines)
        refunds.request(order_id=chosen.order_id, reason="operator", by="person:1", key=f"r{n}", line_numbers=[number])
    elif chosen is not None and what == "expire":
        with clocks.fixed(machine=chosen.pay_by):
            pay.expire(chosen.order_id)


def _agree(till: Till, opened: list[int]) -> None:
    assert ledger.audit().ok
    paid = sum(o.payable_minor for o in Order.objects.exclude(paid_at=None))
    back = sum(r.amount_minor for r in Refund.objects.all())
    kept = [line for line in OrderLine.objects.filter(order__paid_at__isnull=False) if line.state != "cancelled"]
    assert paid - back == sum(line.amount_minor - line.discount_minor for line in kept)
    assert back == sum(till.refunds.values()) == sum(line.refunded_minor for line in OrderLine.objects.all())
    assert -ledger.balance(accounts.channel(REGION, "USD", "sandbox")).balance == paid - back
    revenue = ledger.balance(accounts.revenue(REGION, "USD"))
    assert (revenue.balance, revenue.held) == (sum(line.amount_minor for line in kept), 0)
    budget = coupons.budget(REGION, "playbook:p")
    assert budget.spent_minor == sum(line.discount_minor for line in kept)
    assert budget.reserved_minor == 299 * Coupon.objects.filter(state__in=["issued", "held"]).count()
    for group_id in opened:
        card = queries.group(group_id)
        assert card is not None
        stock = quota.stocks(REGION, [("cherries", groups.place(group_id))])["cherries", groups.place(group_id)]
        assert card.left_pieces == stock.free  # what the page says is what the ledger holds
