"""Coupons: never used twice, never promised beyond their budget, back when all of an order is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.kernel import clocks, ledger, work
from linli.kernel.models import Event
from linli.trade import accounts, coupons, groups, orders, pay, queries, refunds
from linli.trade.work import HANDLERS
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy

OWNER = "playbook:wake"


@pytest.fixture
def five(shop: Shop) -> str:
    """5.00 off from 10.00, three days, with a budget for two."""
    coupons.put_issue(
        region=REGION,
        code="five",
        name_zh="回来券",
        name_en="Come back",
        face_minor=500,
        minimum_minor=1000,
        valid_days=3,
        budget_owner=OWNER,
    )
    coupons.fund(region=REGION, owner=OWNER, amount_minor=1000, key="launch")
    return "five"


def budget() -> tuple[int, int, int]:
    b = coupons.budget(REGION, OWNER)
    assert b.funded_minor == b.spent_minor + b.reserved_minor + b.free_minor
    return b.spent_minor, b.reserved_minor, b.free_minor


def states(member_id: int) -> list[str]:
    return [c.state for c in queries.coupons_of(member_id)]


def test_a_coupon_is_issued_once_a_key(shop: Shop, five: str) -> None:
    first = coupons.issue(issue_code=five, member_id=shop.alice, key="run1/step1/alice")
    assert coupons.issue(issue_code=five, member_id=shop.alice, key="run1/step1/alice") == first
    assert budget() == (0, 500, 500)
    with refused("trade.key_reused"):
        coupons.issue(issue_code=five, member_id=shop.bob, key="run1/step1/alice")
    with refused("trade.no_such_issue"):
        coupons.issue(issue_code="none", member_id=shop.alice, key="x")


def test_the_budget_covers_the_worst_case(shop: Shop, five: str) -> None:
    for who in (shop.alice, shop.bob):
        coupons.issue(issue_code=five, member_id=who, key=f"{who}")
    with refused("trade.budget_spent", face_minor=500, free_minor=0):
        coupons.issue(issue_code=five, member_id=shop.alice, key="third")
    coupons.fund(region=REGION, owner=OWNER, amount_minor=1000, key="launch")  # the same grant again is no grant
    with refused("trade.budget_spent"):
        coupons.issue(issue_code=five, member_id=shop.alice, key="third")
    coupons.fund(region=REGION, owner=OWNER, amount_minor=500, key="more")
    coupons.issue(issue_code=five, member_id=shop.alice, key="third")
    assert budget() == (0, 1500, 0)


def test_so_many_and_no_more(shop: Shop, five: str) -> None:
    coupons.put_issue(
        region=REGION, code="one", name_zh="独一张", name_en="One", face_minor=1, minimum_minor=2, valid_days=3, budget_owner=OWNER, most=1
    )
    coupons.issue(issue_code="one", member_id=shop.alice, key="a")
    with refused("trade.issue_used_up", most=1):
        coupons.issue(issue_code="one", member_id=shop.bob, key="b")


def test_a_coupon_takes_off_its_face_and_its_budget_pays(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    quote = orders.quote(member_id=shop.alice, lines=[(shop.cherries, 2), (shop.milk, 1)], coupon_id=coupon)
    assert (quote.total_minor, quote.discount_minor, quote.payable_minor) == (1133, 500, 633)
    assert sum(step.amount_minor for step in quote.steps) == quote.payable_minor
    assert [line.discount_minor for line in quote.lines] == [353, 147]
    buy(till, shop.alice, [(shop.cherries, 2), (shop.milk, 1)], key="k", coupon_id=coupon)
    assert (states(shop.alice), budget()) == (["redeemed"], (500, 0, 500))
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 1133
    assert Event.objects.get(kind="trade.order_paid").payload["coupon_issue"] == "five"


def test_a_coupon_is_never_used_twice_at_once(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    first = orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k1", coupon_id=coupon)
    with refused("trade.coupon_used"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k2", coupon_id=coupon)
    assert orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k1", coupon_id=coupon) == first
    orders.cancel(order_id=first.order_id, member_id=shop.alice, key="c")
    assert states(shop.alice) == ["issued"]
    buy(till, shop.alice, [(shop.cherries, 3)], key="k3", coupon_id=coupon)
    with refused("trade.coupon_used"):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k4", coupon_id=coupon)


def test_somebody_elses_coupon_is_none(shop: Shop, five: str) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    for who in (shop.bob, shop.charlie):
        with refused("trade.no_such_coupon"):
            orders.place(member_id=who, lines=[(shop.cherries, 3)], key="k", coupon_id=coupon)


def test_what_a_coupon_is_not_for(shop: Shop, five: str) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    with refused("trade.coupon_minimum", missing_minor=200):
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k", coupon_id=coupon)
    coupons.put_issue(
        region=REGION, code="dairy", name_zh="奶", name_en="Dairy", face_minor=100, minimum_minor=300, valid_days=3, budget_owner=OWNER,
        category="dairy_egg",
    )  # fmt: skip
    dairy = coupons.issue(issue_code="dairy", member_id=shop.alice, key="d")
    with refused("trade.coupon_category"):
        orders.quote(member_id=shop.alice, lines=[(shop.cherries, 2)], coupon_id=dairy)
    quote = orders.quote(member_id=shop.alice, lines=[(shop.cherries, 2), (shop.milk, 1)], coupon_id=dairy)
    assert [line.discount_minor for line in quote.lines] == [0, 100]


@pytest.mark.parametrize(
    "changes",
    [{"face_minor": 0}, {"minimum_minor": 500}, {"valid_days": 0}, {"budget_owner": ""}, {"budget_owner": "playbook:\x85"}, {"most": 0}],
)
def test_a_coupon_that_cannot_be_is_refused(shop: Shop, changes: dict[str, object]) -> None:
    sane = {"name_zh": "券", "name_en": "c", "face_minor": 500, "minimum_minor": 1000, "valid_days": 3, "budget_owner": OWNER}
    with refused("trade.bad_issue", fields=next(iter(changes))):
        coupons.put_issue(region=REGION, code="bad", **(sane | changes))  # type: ignore[arg-type]


def test_unused_it_runs_out_and_frees_its_budget(shop: Shop, five: str) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    last_moment = MONDAY.replace(day=5, hour=23, minute=59)
    with clocks.fixed(business=last_moment):
        assert coupons.expire_due(REGION) == 0
        assert queries.coupons_of(shop.alice, usable_only=True)
    after = last_moment + timedelta(minutes=1)
    with clocks.fixed(business=after):
        with refused("trade.group_closed"):
            orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k", coupon_id=coupon)
        work.run_due({kind: HANDLERS[kind] for kind in HANDLERS})
        assert coupons.expire_due(REGION) == 0  # its day's work had done it
    assert (states(shop.alice), budget()) == (["expired"], (0, 0, 1000))
    assert ledger.audit().ok


def test_past_its_day_it_is_no_good_even_before_anybody_cleaned_up(shop: Shop, five: str) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a", valid_days=1)
    later = groups.NewGroup("later", shop.maple, "cherries", 1, 9, 400, 400, NOON + timedelta(days=9), NOON + timedelta(days=9))
    group = groups.open(region=REGION, group=later)
    with clocks.fixed(business=MONDAY + timedelta(days=2)), refused("trade.coupon_expired"):
        orders.place(member_id=shop.alice, lines=[(group, 3)], key="k", coupon_id=coupon)


def test_taken_back_unused(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    assert coupons.revoke(coupon_id=coupon, key="undo") and coupons.revoke(coupon_id=coupon, key="undo")
    assert (states(shop.alice), budget()) == (["revoked"], (0, 0, 1000))
    used = coupons.issue(issue_code=five, member_id=shop.alice, key="b")
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k", coupon_id=used)
    with refused("trade.coupon_used"):
        coupons.revoke(coupon_id=used, key="undo")


def test_a_full_refund_brings_the_coupon_and_the_budget_back(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    for round_ in range(2):  # and it can be spent, and come back, again
        placed = buy(till, shop.alice, [(shop.cherries, 3)], key=f"k{round_}", coupon_id=coupon)
        assert (states(shop.alice), budget()) == (["redeemed"], (500, 0, 500))
        orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
        refunds.pursue()
        assert (states(shop.alice), budget()) == (["issued"], (0, 500, 500))
    assert list(till.refunds.values()) == [700, 700]
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 0
    assert ledger.audit().ok


def test_a_part_refund_gives_its_share_back_to_the_budget(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    buy(till, shop.alice, [(shop.cherries, 2), (shop.milk, 2)], key="k", coupon_id=coupon)  # 800 + 666 - 500
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    refunds.pursue()
    assert list(till.refunds.values()) == [800 - 273]
    assert (states(shop.alice), budget()) == (["redeemed"], (500 - 273, 0, 500 + 273))
    assert ledger.balance(accounts.revenue(REGION, "USD")).balance == 666
    assert ledger.audit().ok


def test_when_its_budget_has_gone_elsewhere_a_coupon_does_not_return(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    placed = buy(till, shop.alice, [(shop.cherries, 2), (shop.milk, 2)], key="k", coupon_id=coupon)
    refunds.request(order_id=placed.order_id, reason="operator", by="person:1", key="1", line_numbers=[1])
    coupons.put_issue(
        region=REGION, code="all", name_zh="全", name_en="All", face_minor=773, minimum_minor=900, valid_days=3, budget_owner=OWNER
    )
    coupons.issue(issue_code="all", member_id=shop.bob, key="b")  # promises all that is free, the share given back too
    refunds.request(order_id=placed.order_id, reason="operator", by="person:1", key="2")
    refunds.pursue()
    assert sum(till.refunds.values()) == 966  # the money comes back whatever the budget says
    assert (states(shop.alice), budget()) == (["redeemed"], (0, 773, 227))
    assert ledger.audit().ok


def test_an_unpaid_order_past_the_coupons_day_returns_it_and_then_it_runs_out(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k", coupon_id=coupon)
    with clocks.fixed(business=MONDAY + timedelta(days=9), machine=placed.pay_by):
        assert coupons.expire_due(REGION) == 0  # an order holds it
        pay.expire(placed.order_id)
        assert coupons.expire_due(REGION) == 1
    assert budget() == (0, 0, 1000)


def test_a_coupon_that_comes_back_after_its_day_was_cleaned_up_runs_out_by_itself(shop: Shop, five: str, till: Till) -> None:
    coupon = coupons.issue(issue_code=five, member_id=shop.alice, key="a")
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 3)], key="k", coupon_id=coupon)
    with clocks.fixed(business=MONDAY + timedelta(days=9), machine=placed.pay_by):
        assert work.run_due({coupons.EXPIRE: HANDLERS[coupons.EXPIRE]}) == 1  # its day is cleaned up while an order holds it
        pay.expire(placed.order_id)
        while work.run_due(HANDLERS):
            pass
    assert (states(shop.alice), budget()) == (["expired"], (0, 0, 1000))
