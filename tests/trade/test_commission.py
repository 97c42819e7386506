"""Commission: earned by what stays sold, taken back once and in proportion, of one level, and its statement is the ledger."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from linli.kernel import clocks, ledger, work
from linli.people import groups as people_groups
from linli.trade import accounts, commission, groups, load, orders, queries, refunds, terms, withdrawals
from linli.trade import work as handlers
from linli.trade.models import ClawBack, Commission, Refund, Withdrawal
from linli.trade.posting import Posting
from linli.trade.rules import commission as decide
from linli.trade.rules.returns import Part
from support.aftersales import SECOND_PHONE, appoint_operator, handed_order
from support.racing import at_once
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, new_group

AFTER = MONDAY + timedelta(days=8)


def earnings(shop: Shop) -> ledger.Balance:
    return ledger.balance(accounts.earnings(REGION, "USD", shop.leader))


def owed(shop: Shop) -> int:
    return -ledger.balance(accounts.owed(REGION, "USD", shop.leader)).balance


def cool_off() -> None:
    with clocks.fixed(business=AFTER):
        work.run_due({commission.POST: handlers.post_commission})


def give_back(order_id: uuid.UUID, minor: int, key: str = "r") -> str:
    with transaction.atomic():
        order, lines = load.locked(order_id)
        posting = Posting()
        refund = refunds.begin(posting, order, [Part(1, minor, 0, 0)], reason="quality", by="person:1", key=key, lines=lines)
        posting.commit()
    return refund.refund_no


def agree(shop: Shop) -> None:
    """The statement's lines add up to the ledger, and the ledger to itself."""
    said = queries.leader_money(REGION, shop.leader)
    assert said.available_minor == earnings(shop).free
    assert said.debt_minor == owed(shop)
    assert said.agrees, said
    assert ledger.audit().ok


def test_it_waits_for_the_cool_off(shop: Shop, till: Till) -> None:
    handed_order(shop, till)
    row = Commission.objects.get()
    assert (row.person_id, row.base_minor, row.rate_bp, row.amount_minor, row.state) == (shop.leader, 1200, 1000, 120, "pending")
    assert earnings(shop).balance == 0 and queries.leader_money(REGION, shop.leader).pending_minor == 120
    with clocks.fixed(business=MONDAY + timedelta(days=7)):
        work.run_due({commission.POST: handlers.post_commission})
    assert earnings(shop).balance == 0
    cool_off()
    cool_off()
    assert earnings(shop).balance == 120
    agree(shop)


def test_every_leaders_money_in_the_same_few_statements(shop: Shop, till: Till, django_assert_max_num_queries) -> None:
    handed_order(shop, till)
    cool_off()
    with django_assert_max_num_queries(10):
        mine, other = queries.leaders_money(REGION)
    assert mine == queries.leader_money(REGION, shop.leader) and (mine.available_minor, mine.name, mine.agrees) == (120, "Li", True)
    assert other == queries.leader_money(REGION, shop.other_leader) and (other.net_minor, other.agrees) == (0, True)


def test_a_refund_in_the_cool_off_takes_its_part_before_it_is_posted(shop: Shop, till: Till) -> None:
    order = handed_order(shop, till)
    give_back(order, 400)
    assert queries.leader_money(REGION, shop.leader).pending_minor == 80
    cool_off()
    assert earnings(shop).balance == 80
    agree(shop)


def test_all_of_it_back_leaves_nothing_to_post(shop: Shop, till: Till) -> None:
    order = handed_order(shop, till)
    give_back(order, 1200)
    assert Commission.objects.get().state == "void"
    cool_off()
    assert earnings(shop).balance == 0
    agree(shop)


def test_after_payout_it_becomes_a_debt_that_the_next_earnings_repay(shop: Shop, till: Till) -> None:
    """opencart #7703, dokan #2267, lms-front #498: what was paid out before the refund was simply lost."""
    order = handed_order(shop, till)
    cool_off()
    terms.put(region=REGION, by="person:1", withdraw_least_minor=1)
    operator = appoint_operator()
    asked = withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=120, key="w")
    withdrawals.approve(withdrawal_id=asked.withdrawal_id, region=REGION, by=operator)
    withdrawals.paid(withdrawal_id=asked.withdrawal_id, region=REGION, by=operator, reference="B1")
    give_back(order, 600)
    assert (owed(shop), earnings(shop).balance) == (60, 0)
    agree(shop)
    with clocks.fixed(business=MONDAY):
        again = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="again", threshold=1))
        handed_order(shop, till, [(again, 2)], key="k2")
    with clocks.fixed(business=AFTER):
        commission.post_due(REGION)
    assert (owed(shop), earnings(shop).balance) == (0, 20)
    agree(shop)


def test_a_refund_claws_once_however_often_it_is_told(shop: Shop, till: Till) -> None:
    """lms-front #511: the claw-back that was missing came twice."""
    order = handed_order(shop, till)
    cool_off()
    give_back(order, 600, key="one")
    refund = Refund.objects.get()
    for _ in range(2):
        refunds.send(refund.pk)
        refunds.ask(refund.pk)
    assert earnings(shop).balance == 60 and ClawBack.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        locked, lines = load.locked(order)
        commission.claw_back(Posting(), locked, [Part(1, 600, 0, 0)], lines, refund)
    agree(shop)


@given(base=st.integers(1, 10**6), rate_bp=st.integers(1, 5000), backs=st.lists(st.integers(1, 10**6), max_size=10))
def test_any_series_of_refunds_claws_as_one(base: int, rate_bp: int, backs: list[int]) -> None:
    amount, gone, taken = decide.earned(base, rate_bp), 0, 0
    for back in [*backs, base]:
        gone = min(base, gone + back)
        now = decide.clawed(amount, base, gone)
        assert taken <= now <= amount
        taken = now
    assert taken == amount


def test_the_rate_is_the_skus_or_its_layers_or_the_regions(shop: Shop) -> None:
    put = {"region": REGION, "by": "person:1"}
    commission.put_rate(kind="layer", target="hit", rate_bp=500, **put)
    commission.put_rate(kind="sku", target="milk", rate_bp=0, **put)
    found = commission.rates(REGION)
    assert decide.rate("cherries", "hit", found, 1000) == 500
    assert decide.rate("milk", "hit", found, 1000) == 0
    assert decide.rate("rice", "profit", found, 1000) == 1000
    commission.put_rate(kind="layer", target="hit", rate_bp=None, **put)
    assert ("layer", "hit") not in commission.rates(REGION)


@pytest.mark.parametrize(
    ("kind", "target", "rate_bp"),
    [
        ("level", "2", 100),
        ("upline", "1", 100),
        ("leader", "8", 100),
        ("layer", "second", 100),
        ("sku", "nothing", 1),
        ("sku", "milk", 5001),
    ],
)
def test_there_is_no_second_level_to_configure(shop: Shop, kind: str, target: str, rate_bp: int) -> None:
    with refused("trade.bad_rate"):
        commission.put_rate(region=REGION, kind=kind, target=target, rate_bp=rate_bp, by="person:1")


def test_nobody_else_can_earn_by_a_line(shop: Shop, till: Till) -> None:
    """The law is a constraint: a second commission of one line can't be written."""
    handed_order(shop, till)
    row = Commission.objects.get()
    row.pk, row.person_id = None, shop.other_leader
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert not {f.name for f in Commission._meta.get_fields()} & {"level", "parent", "upline", "inviter", "depth"}


def test_a_discount_is_nobodys_turnover(shop: Shop, till: Till) -> None:
    order = handed_order(shop, till)
    assert Commission.objects.get().base_minor == 1200
    assert orders.hand_over(order_id=order, by="person:8", key="again").again
    assert Commission.objects.count() == 1


@pytest.fixture
def earned(shop: Shop, till: Till) -> int:
    """The leader has 1.20 to withdraw; an operator's id."""
    handed_order(shop, till)
    cool_off()
    terms.put(region=REGION, by="person:1", withdraw_least_minor=10)
    return appoint_operator()


def test_what_is_asked_for_is_held(shop: Shop, earned: int) -> None:
    ask = {"region": REGION, "person_id": shop.leader, "key": "w"}
    first = withdrawals.request(amount_minor=100, **ask)
    assert withdrawals.request(amount_minor=100, **ask) == first
    with refused("trade.key_reused"):
        withdrawals.request(amount_minor=90, **ask)
    with refused("trade.too_little_earned", free_minor=20):
        withdrawals.request(amount_minor=21, **(ask | {"key": "w2"}))
    with refused("trade.withdraw_least", least_minor=10):
        withdrawals.request(amount_minor=9, **(ask | {"key": "w3"}))
    with refused("trade.no_such_leader"):
        withdrawals.request(amount_minor=10, **(ask | {"person_id": earned}))
    assert Withdrawal.objects.count() == 1
    agree(shop)


def test_four_eyes(shop: Shop, earned: int) -> None:
    people_groups.appoint(phone="+15550000008", display_name="Li", kind="operator", region=REGION)
    asked = withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=100, key="w")
    which = {"withdrawal_id": asked.withdrawal_id, "region": REGION}
    for act in (
        lambda by: withdrawals.approve(by=by, **which),
        lambda by: withdrawals.refuse(by=by, why="x", **which),
        lambda by: withdrawals.paid(by=by, reference="x", **which),
    ):
        with refused("trade.own_withdrawal"):
            act(shop.leader)
    with pytest.raises(IntegrityError), transaction.atomic():  # what stands behind it
        Withdrawal.objects.update(decided_by=shop.leader)
    with refused("trade.withdrawal_not_approved"):
        withdrawals.paid(by=earned, reference="x", **which)
    with refused("trade.no_such_withdrawal"):
        withdrawals.approve(withdrawal_id=asked.withdrawal_id, region="elsewhere", by=earned)
    with refused("trade.no_such_withdrawal"):
        withdrawals.approve(withdrawal_id="nonsense", region=REGION, by=earned)


def test_a_withdrawal_is_paid_once_under_its_number(shop: Shop, earned: int) -> None:
    asked = withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=100, key="w")
    which = {"withdrawal_id": asked.withdrawal_id, "region": REGION}
    assert withdrawals.approve(by=earned, **which) == withdrawals.approve(by=appoint_operator(SECOND_PHONE), **which)
    with refused("trade.no_reference"):
        withdrawals.paid(by=earned, reference=" ", **which)
    for _ in range(2):
        assert withdrawals.paid(by=earned, reference="B-1", **which).state == "paid"
    with refused("trade.withdrawal_decided", state="paid"):
        withdrawals.paid(by=earned, reference="B-2", **which)
    with refused("trade.withdrawal_decided", state="paid"):
        withdrawals.refuse(by=earned, why="x", **which)
    with refused("trade.withdrawal_decided", state="paid"):
        withdrawals.approve(by=earned, **which)
    assert (earnings(shop).balance, ledger.balance(accounts.withdrawn(REGION, "USD", shop.leader)).balance) == (20, 100)
    agree(shop)


def test_refused_with_a_reason_it_is_the_leaders_again(shop: Shop, earned: int) -> None:
    asked = withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=100, key="w")
    which = {"withdrawal_id": asked.withdrawal_id, "region": REGION, "by": earned}
    with refused("trade.no_reason"):
        withdrawals.refuse(why="", **which)
    for _ in range(2):
        assert withdrawals.refuse(why="银行卡号不对", **which).state == "refused"
    assert earnings(shop).free == 120
    agree(shop)


def test_what_is_held_while_it_is_clawed_back_repays_when_it_is_refused(shop: Shop, earned: int) -> None:
    asked = withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=120, key="w")
    give_back(Commission.objects.get().line.order_id, 600)
    assert owed(shop) == 60
    agree(shop)
    withdrawals.refuse(withdrawal_id=asked.withdrawal_id, region=REGION, by=earned, why="x")
    assert (owed(shop), earnings(shop).free) == (0, 60)
    agree(shop)


@pytest.mark.django_db(transaction=True)
def test_two_taps_cannot_withdraw_more_than_there_is(shop: Shop, till: Till) -> None:
    handed_order(shop, till)
    cool_off()
    terms.put(region=REGION, by="person:1", withdraw_least_minor=10)
    at_once(8, lambda n: withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=100, key=f"w{n}"))
    assert Withdrawal.objects.count() == 1 and earnings(shop).free == 20


@pytest.mark.django_db(transaction=True)
def test_without_the_hold_they_would(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same taps, with the ledger not asked."""
    handed_order(shop, till)
    cool_off()
    terms.put(region=REGION, by="person:1", withdraw_least_minor=10)
    monkeypatch.setattr(withdrawals.ledger, "commit", lambda *entries: None)
    at_once(8, lambda n: withdrawals.request(region=REGION, person_id=shop.leader, amount_minor=100, key=f"w{n}"))
    assert Withdrawal.objects.count() > 1


def test_terms_are_figures(shop: Shop) -> None:
    assert terms.of(REGION) == terms.Terms()
    assert terms.put(region=REGION, by="person:1", ask_hours=24).ask_hours == 24 == terms.of(REGION).ask_hours
    for wrong in ({"ask_hours": -1}, {"second_level_bp": 1}, {"commission_bp": 5001}):
        with refused("trade.bad_terms"):
            terms.put(region=REGION, by="person:1", **wrong)


def test_handed_over_at_noon_is_due_after_the_cool_off(shop: Shop, till: Till) -> None:
    handed_order(shop, till)
    assert Commission.objects.get().due_at == NOON + timedelta(days=7)
