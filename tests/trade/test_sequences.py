"""Random sequences over every kind of group-buy: whatever members do, the books are audited and every member's money is explained.

LINLI_SEQUENCES=10000 makes the long run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from linli.goods import quota
from linli.kernel import clocks, ledger
from linli.kernel.refusals import Refusal
from linli.people import members
from linli.trade import accounts, claims, coupons, groups, orders, pay, queries, refunds, teams
from linli.trade.models import GroupBuy, Order, OrderLine, Refund, Team
from linli.trade.rules import Wanted
from support.shop import NOON, REGION, Shop, Till, buy, new_group, pay_for

LATER = NOON + timedelta(hours=3)
LADDER = ((4, 350), (7, 277))
KINDS: list[dict[str, object]] = [
    {},
    {"ladder": LADDER},
    {"case_size": 5},
    {"case_size": 5, "ladder": LADDER, "on_miss": "ship_short"},
    {"case_size": 2, "on_miss": "buy_in", "threshold_by": "people", "threshold": 2},
    {"on_miss": "extend", "extend_hours": 3, "threshold_by": "amount", "threshold": 2000, "ladder": LADDER},
    {"kind": "team", "team_size": 2, "team_hours": 2, "threshold": 2, "threshold_by": "people"},
    {"kind": "flash", "threshold": 1, "per_member_pieces": 3},
]

lines = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=3)
steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "join", "join", "place", "pay", "cancel", "refund", "expire"]),
        st.integers(0, 3),
        lines,
        st.integers(0, 7),
    ),
    min_size=3,
    max_size=14,
)
TEAM = 6
picked = st.tuples(st.sampled_from([TEAM, *range(len(KINDS))]), *[st.sampled_from(range(len(KINDS)))] * 2)


@dataclass
class World:
    """One sequence: the groups that are open, who takes part, and what was placed."""

    till: Till
    who: list[int]
    opened: list[int]
    placed: list[tuple[int, orders.Placed]] = field(default_factory=list)

    def wanted(self, asked: list[tuple[int, int, int]], pick: int) -> list[Wanted]:
        """What was drawn, as the group it is of takes it."""
        found = []
        for n, quantity, tolerance in asked:
            group = GroupBuy.objects.get(pk=self.opened[n])
            team = None
            if group.kind == "team":
                live = list(Team.objects.filter(group=group, state="open").order_by("pk"))
                team = str(live[pick % len(live)].pk) if live and pick % 3 else "new"
            spare = min(tolerance, quantity - 1) if group.case_size > 1 else 0
            found.append(Wanted(group.pk, quantity, False, spare, team))
        return found

    def do(self, what: str, who: int, asked: list[tuple[int, int, int]], n: int, pick: int) -> None:
        member = self.who[who]
        chosen = self.placed[pick % len(self.placed)] if self.placed else None
        if what == "buy":
            usable = queries.coupons_of(member, usable_only=True)
            coupon_id = usable[0].coupon_id if usable and pick % 2 else None
            self.placed.append((member, buy(self.till, member, self.wanted(asked, pick), key=f"k{n}", coupon_id=coupon_id)))  # type: ignore[arg-type]
        elif what == "join":  # the first group alone: what comes in teams gets a chance to fill one
            wanted = self.wanted([(0, *asked[0][1:])], pick)
            self.placed.append((member, buy(self.till, member, wanted, key=f"k{n}")))  # type: ignore[arg-type]
        elif what == "place":
            self.placed.append((member, orders.place(member_id=member, lines=self.wanted(asked, pick), key=f"k{n}")))
        elif chosen is None:
            return
        elif what == "pay":
            pay_for(self.till, chosen[1], chosen[0])
        elif what == "cancel":
            orders.cancel(order_id=chosen[1].order_id, member_id=chosen[0], key=f"x{n}")
        elif what == "refund":
            refunds.request(order_id=chosen[1].order_id, reason="operator", by="person:1", key=f"r{n}", line_numbers=[1])
        elif what == "expire":
            with clocks.fixed(machine=chosen[1].pay_by):
                pay.expire(chosen[1].order_id)

    def attempt(self, *step: object) -> None:
        """A refusal is an answer; only the ledger may never have to give it."""
        try:
            with transaction.atomic():
                self.do(*step)  # type: ignore[arg-type]
        except Refusal as refusal:
            assert not refusal.code.startswith("ledger."), refusal


@settings(max_examples=int(os.environ.get("LINLI_SEQUENCES", "8")), deadline=None, suppress_health_check=list(HealthCheck))
@given(chosen=picked, steps=steps, late=st.lists(st.integers(0, 7), max_size=3))
def test_whatever_happens_every_members_money_is_explained(
    shop: Shop, till: Till, chosen: tuple[int, int, int], steps: list, late: list[int]
) -> None:
    with transaction.atomic():
        till.payments.clear()
        till.refunds.clear()
        opened = [
            groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=f"r{n}", **KINDS[kind])) for n, kind in enumerate(chosen)
        ]
        two_more = [members.Newcomer(shop.maple, f"+155530000{n}", f"N{n}", "N", "1", external_id=f"s{n}") for n in range(2)]
        world = World(till, [shop.alice, shop.bob, *members.join_many(region=REGION, newcomers=two_more)], opened)
        coupons.put_issue(
            region=REGION, code="c", name_zh="券", name_en="c", face_minor=299, minimum_minor=300, valid_days=2, budget_owner="playbook:p"
        )
        coupons.fund(region=REGION, owner="playbook:p", amount_minor=900, key="f")
        for member in world.who[:3]:
            coupons.issue(issue_code="c", member_id=member, key=f"c{member}")
        for n, (what, who, asked, pick) in enumerate(steps):
            world.attempt(what, who, asked, n, pick)
        _close(NOON)
        for n, pick in enumerate(late):  # money that was on its way
            world.attempt("pay", 0, [], 100 + n, pick)
        _close(LATER)
        with clocks.fixed(machine=clocks.machine_now() + timedelta(minutes=16)):
            for _, placed in world.placed:
                pay.expire(placed.order_id)
        refunds.pursue()
        _explain(world)
        transaction.set_rollback(True)


def _close(at: object) -> None:
    with clocks.fixed(business=at):  # type: ignore[arg-type]
        teams.close_due(REGION)
        groups.close_due(REGION)
        refunds.pursue()


def _explain(world: World) -> None:
    assert ledger.audit().ok
    found = list(OrderLine.objects.select_related("order", "group", "team"))
    assert not GroupBuy.objects.filter(pk__in=world.opened, state="open").exists()
    assert not [line for line in found if line.state == "open" and line.order.paid_at and line.group_id in world.opened]
    kept = [line for line in found if line.order.paid_at and line.state != "cancelled"]
    for line in kept:
        event(f"{line.group.kind}/{line.group.outcome}/{'less' if line.returned_pieces else 'all'}")
        final = line.unit_price_minor if line.group.final_price_minor is None else min(line.unit_price_minor, line.group.final_price_minor)
        pieces = line.quantity - line.returned_pieces
        assert pieces >= line.quantity - line.tolerance_pieces or line.group.case_size > 1
        assert line.amount_minor - line.refunded_minor - line.discount_back_minor == pieces * final
    for member in world.who:
        paid = sum(o.payable_minor for o in Order.objects.filter(member_id=member).exclude(paid_at=None))
        back = sum(r.amount_minor for r in Refund.objects.filter(order__member_id=member, unwanted=False))
        mine = [line for line in kept if line.order.member_id == member]
        worth = sum(line.amount_minor - line.refunded_minor - line.discount_back_minor for line in mine)
        by_coupon = sum(line.discount_minor - line.discount_back_minor for line in mine)
        assert paid - back == worth - by_coupon
    unwanted = sum(r.amount_minor for r in Refund.objects.filter(unwanted=True))
    assert sum(r.amount_minor for r in Refund.objects.all()) == sum(world.till.refunds.values())
    received = sum(o.payable_minor for o in Order.objects.exclude(paid_at=None)) + unwanted
    assert -ledger.balance(accounts.channel(REGION, "USD", "sandbox")).balance == received - sum(world.till.refunds.values())
    for group_id in world.opened:
        _goods(GroupBuy.objects.get(pk=group_id), [line for line in kept if line.group_id == group_id])


def _goods(group: GroupBuy, kept: list[OrderLine]) -> None:
    pieces = sum(line.quantity - line.returned_pieces for line in kept)
    stock = quota.stocks(REGION, [("cherries", groups.place(group.pk))])["cherries", groups.place(group.pk)]
    assert (stock.sold, stock.held, stock.free) == (pieces, 0, group.quota_pieces - pieces)
    if group.case_size > 1 and group.on_miss == "refund" and not Refund.objects.filter(reason="operator").exists():
        assert pieces % group.case_size == 0
    for team in Team.objects.filter(group=group):
        seated = ledger.balance(claims.seated(REGION, team.pk.hex)).balance
        assert seated == sum(line.team_id == team.pk for line in kept) <= team.size
        assert team.state in ("full", "missed") and (team.state == "full" or seated == 0)
    if group.per_member_pieces:
        taken = dict.fromkeys({line.order.member_id for line in kept}, 0)
        for line in kept:
            taken[line.order.member_id] += line.quantity - line.returned_pieces
        assert all(n <= group.per_member_pieces for n in taken.values())
