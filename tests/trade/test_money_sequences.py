"""Random lives of orders: pay, refund, hand over, weigh, ask back, withdraw, claw back; every invariant after every step.

LINLI_SEQUENCES=10000 makes the long run. The shop is built once, and each life is undone at its end: nothing is committed.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import date, timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from linli.kernel import clocks, ledger
from linli.kernel.models import Account
from linli.kernel.refusals import Refusal
from linli.trade import accounts, aftersale, channels, commission, groups, load, orders, queries, refunds, terms, weighing, withdrawals
from linli.trade.aftersale import Ask
from linli.trade.models import ClawBack, Commission, Order, OrderLine, Refund, Weighing, Withdrawal
from linli.trade.posting import Posting
from linli.trade.rules import returns
from support import shop as built
from support.aftersales import appoint_operator, crabs
from support.shop import MONDAY, REGION, Shop, Till, buy, new_group

SEEN: Counter[str] = Counter()
"""How often each step did something, or was declined: a sequence that never meets one proves nothing about it."""

WHICH = st.integers(0, 10**6)
PRICES = st.tuples(st.sampled_from([999, 1777, 333, 1]), st.sampled_from([400, 1999, 333, 7]))


class Lives(RuleBasedStateMachine):
    """A shop, a leader, a member, and whatever may happen to their orders and their money."""

    shop: Shop
    operator: int

    def __init__(self) -> None:
        super().__init__()
        self.hours, self.steps = 0, 0
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.till = Till()
        self.real, channels.of = channels.of, lambda name: self.till  # type: ignore[assignment]

    def teardown(self) -> None:
        channels.of = self.real
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(prices=PRICES, rate_bp=st.sampled_from([1000, 333, 5000, 1]))
    def open(self, prices: tuple[int, int], rate_bp: int) -> None:
        with clocks.fixed(business=MONDAY):
            late = MONDAY + timedelta(days=900)
            given = {"spot_order_minor": 1_000, "spot_day_minor": 1_000, "withdraw_least_minor": 1}
            terms.put(region=REGION, by="person:1", commission_bp=rate_bp, **given)
            changes = {"threshold": 1, "quota_pieces": 900, "deadline_at": late, "pickup_from": late}
            self.groups = [crabs(self.shop, price_minor=prices[0], quota_pieces=900, deadline_at=late)]
            cherries = new_group(self.shop.maple, "cherries", key="c", price_minor=prices[1], solo_price_minor=prices[1], **changes)
            self.groups.append(groups.open(region=REGION, group=cherries))
        # Something to give back, weigh and withdraw from the first step on.
        self.sell(3, 2)
        self.hours = 24 * 8
        self._do("posted", commission.post_due, REGION)
        self.sell(2, 0)

    def _do(self, name: str, act: object, *args: object, **facts: object) -> None:
        self.steps += 1
        try:
            with transaction.atomic(), clocks.fixed(business=MONDAY + timedelta(hours=self.hours)):
                act(*args, **facts)  # type: ignore[operator]
            SEEN[name] += 1
        except Refusal as refusal:
            assert not refusal.code.startswith("ledger."), refusal
            SEEN[refusal.code] += 1

    def _order(self, which: int) -> Order | None:
        found = list(Order.objects.exclude(paid_at=None).order_by("placed_at", "pk"))
        return found[which % len(found)] if found else None

    @rule(pieces=st.tuples(st.integers(1, 4), st.integers(0, 3)))
    def pay(self, pieces: tuple[int, int]) -> None:
        lines = [(g, n, True) for g, n in zip(self.groups, pieces, strict=True) if n]
        self._do("paid", buy, self.till, self.shop.alice, lines, key=f"k{self.steps}")

    @rule(pieces=st.integers(1, 4), also=st.integers(0, 2))
    def sell(self, pieces: int, also: int) -> None:
        """Paid and fetched: what commission lives on."""
        lines = [(self.groups[0], also, True)] if also else []
        self._do("sold", self._sell, [*lines, (self.groups[1], pieces, True)])

    def _sell(self, lines: list[tuple[int, int, bool]]) -> None:
        placed = buy(self.till, self.shop.alice, lines, key=f"s{self.steps}")  # type: ignore[arg-type]
        orders.hand_over(order_id=placed.order_id, by="person:8", key=f"s{self.steps}")

    @rule()
    def a_week_later(self) -> None:
        self.hours += 24 * 8
        self._do("posted", commission.post_due, REGION)

    @rule(which=WHICH)
    def hand_over(self, which: int) -> None:
        if order := self._order(which):
            self._do("handed", orders.hand_over, order_id=order.pk, by="person:8", key=f"h{self.steps}")

    @rule(which=WHICH, worth=st.integers(1, 3_000))
    def refund(self, which: int, worth: int) -> None:
        order = self._order(which)
        if order is not None:
            self._do("refunded", self._give_back, order, which, worth)

    def _give_back(self, order: Order, which: int, worth: int) -> None:
        locked, lines = load.locked(order.pk)
        line = lines[which % len(lines)]
        part = returns.portion(refunds.charge(line), worth)
        posting = Posting()
        refunds.begin(posting, locked, [part], reason="quality", by="person:1", key=f"r{self.steps}", lines=lines)
        posting.commit()

    @rule(which=WHICH)
    def refund_all(self, which: int) -> None:
        if order := self._order(which):
            self._do("all back", refunds.request, order_id=order.pk, reason="operator", by="person:1", key=f"a{self.steps}")

    @rule(which=WHICH, grams=st.integers(1, 1_100))
    def weigh(self, which: int, grams: int) -> None:
        if order := self._order(which):
            self._do("weighed", weighing.weigh, order_id=order.pk, number=1, grams=grams, by="person:8")

    @rule(which=WHICH)
    def settle_weight(self, which: int) -> None:
        rows = list(Weighing.objects.order_by("pk"))
        if rows:
            row = rows[which % len(rows)]
            self._do("weight settled", weighing.settle, row.pk, row.version)

    @rule(which=WHICH, share=st.integers(1, 100), answer=st.sampled_from(["spot", "spot", "approve", "refuse", "withdraw"]))
    def ask_back(self, which: int, share: int, answer: str) -> None:
        order = self._order(-1 - which % 3)  # one of the latest: for the rest it is mostly too late
        if order is not None:
            self._do(f"asked, {answer}", self._ask_back, order, which, share, answer)

    @rule(which=WHICH)
    def complain_of_everything(self, which: int) -> None:
        """Each line by itself is within the leader's limit for an order; all of them together mostly are not."""
        order = self._order(-1 - which % 3)
        for line in order.lines.order_by("number") if order is not None else ():
            self._do("asked, spot", self._on_the_spot, order, line.number)

    def _on_the_spot(self, order: Order, number: int) -> None:
        want = Ask(number, "quality", "percent", 100)
        aftersale.refund_on_the_spot(order_id=order.pk, leader=self.shop.leader, want=want, key=f"s{self.steps}")

    def _ask_back(self, order: Order, which: int, share: int, answer: str) -> None:
        want = Ask(1 + which % order.lines.count(), "quality", "percent", share)
        asked = aftersale.ask(order_id=order.pk, member_id=order.member_id, want=want, key=f"q{self.steps}")
        amount = max(1, asked.asked_minor * (1 + which % 3) // 3)
        if answer == "spot":
            aftersale.settle_on_the_spot(aftersale_id=asked.aftersale_id, leader=self.shop.leader, amount_minor=amount)
        elif answer == "approve":
            aftersale.approve(aftersale_id=asked.aftersale_id, region=REGION, by=self.operator, amount_minor=amount)
        elif answer == "refuse":
            aftersale.refuse(aftersale_id=asked.aftersale_id, region=REGION, by=self.operator, why="x")
        else:
            aftersale.withdraw(aftersale_id=asked.aftersale_id, member_id=order.member_id)

    @rule(hours=st.sampled_from([1, 5, 24]))
    def later(self, hours: int) -> None:
        self.hours += hours
        self._do("posted", commission.post_due, REGION)

    @rule(amount=st.sampled_from([1, 20, 60, 150, 400]))
    def withdraw(self, amount: int) -> None:
        ask = {"region": REGION, "person_id": self.shop.leader, "amount_minor": amount, "key": f"w{self.steps}"}
        self._do("withdrawal", withdrawals.request, **ask)

    @rule(which=WHICH, what=st.sampled_from(["approve", "approve", "paid", "paid", "refuse"]))
    def decide(self, which: int, what: str) -> None:
        rows = list(Withdrawal.objects.order_by("requested_at", "pk"))
        if not rows:
            return
        facts = {"withdrawal_id": rows[which % len(rows)].pk, "region": REGION, "by": self.operator}
        if what == "paid":
            facts["reference"] = "B1"
        elif what == "refuse":
            facts["why"] = "x"
        self._do(what, getattr(withdrawals, what), **facts)

    @rule()
    def channel_answers(self) -> None:
        self._do("answered", refunds.pursue)

    @rule(lost=st.booleans())
    def channel_stumbles(self, lost: bool) -> None:
        self.till.loses_reply = lost

    @invariant()
    def everything_adds_up(self) -> None:
        audit = ledger.audit()
        assert audit.ok, audit.findings
        self.every_line_adds_up()
        self.the_money_is_where_it_should_be()
        self.commission_is_what_is_kept()
        self.the_statement_is_the_ledger()

    def every_line_adds_up(self) -> None:
        back: defaultdict[tuple[object, int], list[int]] = defaultdict(lambda: [0, 0])
        for order_id, parts in Refund.objects.values_list("order_id", "parts"):
            for number, refund_minor, _, pieces in parts:
                back[order_id, number][0] += refund_minor
                back[order_id, number][1] += pieces
        for line in OrderLine.objects.exclude(order__paid_at=None):
            money, pieces = back[line.order_id, line.number]
            assert line.refunded_minor == money <= line.amount_minor - line.discount_minor
            assert line.returned_pieces == pieces

    def the_money_is_where_it_should_be(self) -> None:
        paid = Order.objects.exclude(paid_at=None).aggregate(s=Sum("payable_minor", default=0))["s"]
        sums = dict(Refund.objects.values_list("state").annotate(s=Sum("amount_minor")))
        settled, asked = sums.get("succeeded", 0), sum(sums.values())
        revenue = ledger.balance(accounts.revenue(REGION, "USD"))
        assert (revenue.balance, revenue.held) == (paid - settled, asked - settled)
        assert settled <= sum(self.till.refunds.values()) <= asked

    def commission_is_what_is_kept(self) -> None:
        backs = dict(ClawBack.objects.values_list("commission_id").annotate(s=Sum("amount_minor")))
        for row in Commission.objects.select_related("line"):
            kept = row.base_minor - row.base_back_minor
            assert row.clawed_minor == row.amount_minor - row.amount_minor * kept // row.base_minor
            assert backs.get(row.pk, 0) == row.clawed_minor
            paid = row.line.amount_minor - row.line.discount_minor - row.line.refunded_minor
            assert kept == paid  # what the leader's base has left is what the member has left in the line

    def the_statement_is_the_ledger(self) -> None:
        with clocks.fixed(business=MONDAY + timedelta(hours=self.hours)):
            said = queries.leader_money(REGION, self.shop.leader)
            whole = queries.statement(REGION, self.shop.leader, date(2017, 1, 1), date(2030, 1, 1))
        assert said.agrees and whole.closing_minor == said.net_minor, (said, whole)
        pending = ledger.balance(accounts.commission(REGION, "USD")).held
        assert pending == said.pending_minor
        assert said.debt_minor >= 0 and (said.debt_minor == 0 or said.available_minor == 0)
        assert not Account.objects.filter(floor=0, balance__lt=0).exists()


@pytest.mark.django_db
def test_every_life_adds_up() -> None:
    number = int(os.environ.get("LINLI_SEQUENCES", "6"))
    Lives.shop, Lives.operator = built.build(), appoint_operator()
    quiet = settings(
        derandomize="LINLI_SEQUENCES" not in os.environ,
        max_examples=number,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Lives, settings=quiet)
    met = {"paid", "sold", "refunded", "posted"}
    assert len(SEEN) > 8, f"too little happened: {SEEN}"
    if number >= 60:  # the short run is too short to meet everything
        met |= {"handed", "all back", "weighed", "weight settled", "withdrawal", "approve", "refuse", "asked, spot", "asked, approve"}
        met |= {"trade.too_little_earned", "trade.nothing_to_refund", "trade.withdrawal_not_approved", "trade.spot_limit"}
    assert not met - SEEN.keys(), f"these outcomes were never met: {met - SEEN.keys()} of {SEEN}"
