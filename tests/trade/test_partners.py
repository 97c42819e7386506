"""Partners: limited goods, what each is owed, taken back, settled; every sum against the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.goods import catalog
from linli.kernel import clocks, ledger
from linli.trade import accounts, groups, limits, load, orders, partners, refunds, rules, settlements
from linli.trade.models import GroupBuy, OrderLine, Statement
from linli.trade.posting import Posting
from support.partners import BY, JAM, jam, jam_group
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, sku

TOMORROW = MONDAY.date() + timedelta(days=1)


def owed() -> int:
    return ledger.balance(accounts.payable(REGION, "USD", "oldjar")).balance


def debt() -> int:
    return -ledger.balance(accounts.owing(REGION, "USD", "oldjar")).balance


def handed(shop: Shop, till: Till, jars: int = 3, *, key: str = "k") -> Any:
    """Alice buys jam, the group succeeds, the leader hands it over."""
    group = GroupBuy.objects.filter(sku_code=JAM, state="open").first()
    placed = buy(till, shop.alice, [(group.pk if group else jam_group(shop.maple, key=key), jars)], key=key)
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        orders.hand_over(order_id=placed.order_id, by="person:9", key="h")
    return placed


def sums() -> None:
    assert settlements.difference(REGION, "USD", "oldjar") == 0 and ledger.audit().ok


def test_a_limited_product_is_offered_where_it_may_be_and_no_more_of_it(shop: Shop) -> None:
    jam(shop, pieces=20)
    with refused("trade.not_in_this_community", sku=JAM):
        jam_group(shop.oak)
    with refused("trade.only_from_allotment", sku=JAM):
        jam_group(shop.maple, quota_from="")
    with refused("trade.only_from_allotment", sku="milk"):
        groups.open(region=REGION, group=new_group(shop.maple, "milk", key="m2", quota_from="allotment:jam"))
    jam_group(shop.maple, key="a", quota_pieces=15)
    with refused("trade.not_enough_left", left=5):
        jam_group(shop.maple, key="b", quota_pieces=10)
    assert limits.left(REGION, JAM) == 5
    limits.allot(region=REGION, sku=JAM, community_ids=[shop.maple, shop.oak], pieces=5, key="second")
    jam_group(shop.oak, key="b", quota_pieces=10)
    assert limits.left(REGION, JAM) == 0 and ledger.audit().ok


def test_an_allotment_that_cannot_be_is_refused(shop: Shop) -> None:
    jam(shop)
    with refused("goods.no_such_sku", sku="none"):
        limits.allot(region=REGION, sku="none", community_ids=[shop.maple], pieces=1, key="k")
    with refused("trade.no_such_partner"):
        limits.allot(region=REGION, sku="milk", community_ids=[shop.maple], pieces=1, key="k")
    with refused("people.no_such_community", community_id=999_999):
        limits.allot(region=REGION, sku=JAM, community_ids=[999_999], pieces=1, key="k")
    with refused("goods.bad_quantity"):
        limits.allot(region=REGION, sku=JAM, community_ids=[], pieces=1, key="k")
    with refused("ledger.key_reused"):
        limits.allot(region=REGION, sku=JAM, community_ids=[shop.maple], pieces=7, key="first")


def test_prescription_goods_and_unassembled_kits_are_in_no_group_buy(shop: Shop) -> None:
    for code, kind, refusal in (("pills", "referral", "trade.referral_only"), ("hotpot", "kit", "trade.kit_unassembled")):
        catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku(code, "other", 900)) | {"kind": kind})])
        with refused(refusal, sku=code):
            groups.open(region=REGION, group=new_group(shop.maple, code))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"share_bp": 7000}, 840),
        ({"share_bp": 7000, "fee_minor": 50}, 690),
        ({"mode": "fixed", "fixed_minor": 250}, 750),
        ({"share_bp": 0}, 0),
    ],
)
def test_a_partner_is_owed_at_the_hand_over_by_its_terms(shop: Shop, till: Till, terms: dict[str, Any], expected: int) -> None:
    jam(shop, **terms)
    placed = buy(till, shop.alice, [(jam_group(shop.maple), 3)], key="k")
    assert owed() == 0
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        for _ in range(2):
            orders.hand_over(order_id=placed.order_id, by="person:9", key="h")
    assert owed() == expected
    sums()


def test_a_refund_takes_back_the_partners_part_and_a_series_of_them_all_of_it(shop: Shop, till: Till) -> None:
    jam(shop)
    placed = handed(shop, till)
    assert owed() == 840
    for n, (back, left) in enumerate([(100, 770), (500, 420), (600, 0)]):
        order, lines = load.locked(placed.order_id)
        posting = Posting()
        refunds.begin(posting, order, [rules.Part(1, back, 0, 0)], reason="quality", by=BY, key=f"r{n}", lines=lines)
        posting.commit()
        assert owed() == left
        sums()
    assert OrderLine.objects.get().refunded_minor == 1200


def test_a_refund_after_the_settlement_is_a_debt_and_set_off_next_time(shop: Shop, till: Till) -> None:
    jam(shop)
    first = handed(shop, till)
    with clocks.fixed(business=MONDAY + timedelta(days=1)):
        number = settlements.draw_up(region=REGION, partner="oldjar", until=TOMORROW, by=BY, key="w1")
        assert settlements.draw_up(region=REGION, partner="oldjar", until=TOMORROW, by=BY, key="w1") == number
        with refused("trade.statement_open"):
            settlements.draw_up(region=REGION, partner="oldjar", until=TOMORROW, by=BY, key="w2")
        with refused("trade.statement_not_approved"):
            settlements.paid(region=REGION, statement_id=number, reference="T1", by=BY)
        settlements.approve(region=REGION, statement_id=number, by=BY)
        with refused("trade.no_reference"):
            settlements.paid(region=REGION, statement_id=number, reference=" ", by=BY)
        for _ in range(2):
            assert settlements.paid(region=REGION, statement_id=number, reference="T1", by=BY) == "paid"
        assert owed() == 0 and ledger.balance(accounts.paid_out(REGION, "USD", "oldjar")).balance == 840
        refunds.request(order_id=first.order_id, reason="quality", by=BY, key="back")
        assert debt() == 840
    with clocks.fixed(business=MONDAY + timedelta(days=2)):
        with refused("trade.nothing_to_settle", total_minor=-840):
            settlements.draw_up(region=REGION, partner="oldjar", until=TOMORROW + timedelta(days=1), by=BY, key="w2")
        with refused("trade.period_open"):
            settlements.draw_up(region=REGION, partner="oldjar", until=TOMORROW + timedelta(days=9), by=BY, key="w2")
        sums()
    later = MONDAY + timedelta(days=2)
    with clocks.fixed(business=later):
        again = groups.open(
            region=REGION,
            group=new_group(
                shop.maple,
                JAM,
                key="later",
                threshold=1,
                quota_from=limits.place(JAM),
                deadline_at=later + timedelta(hours=1),
                pickup_from=later + timedelta(hours=1),
            ),
        )
        placed = buy(till, shop.bob, [(again, 5)], key="b")
    with clocks.fixed(business=later + timedelta(hours=2)):
        groups.close_due(REGION)
        orders.hand_over(order_id=placed.order_id, by="person:9", key="h")
        assert (owed(), debt()) == (1400, 840)
        sums()
    with clocks.fixed(business=later + timedelta(days=1)):
        second = settlements.draw_up(region=REGION, partner="oldjar", until=later.date() + timedelta(days=1), by=BY, key="w3")
        assert Statement.objects.get(pk=second).total_minor == 560 and (owed(), debt()) == (560, 0)
        sums()
        settlements.cancel(region=REGION, statement_id=second, by=BY)
        with refused("trade.statement_ended"):
            settlements.approve(region=REGION, statement_id=second, by=BY)
        third = settlements.draw_up(region=REGION, partner="oldjar", until=later.date() + timedelta(days=1), by=BY, key="w4")
        settlements.approve(region=REGION, statement_id=third, by=BY)
        settlements.paid(region=REGION, statement_id=third, reference="T2", by=BY)
        with refused("trade.statement_ended"):
            settlements.cancel(region=REGION, statement_id=third, by=BY)
        assert (owed(), debt()) == (0, 0)
        sums()
        with refused("trade.no_such_statement"):
            settlements.approve(region="elsewhere", statement_id=third, by=BY)
        with refused("trade.no_such_statement"):
            settlements.approve(region=REGION, statement_id="nonsense", by=BY)


@given(
    accrued=st.integers(0, 10**6),
    extra=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 10**6), max_size=6),
)
def test_any_series_of_refunds_takes_back_no_more_than_was_owed_and_in_the_end_all(accrued: int, extra: int, cuts: list[int]) -> None:
    worth = accrued + extra + 1
    left, taken = worth, 0
    for cut in [*cuts, worth]:
        left = max(0, left - cut)
        back = rules.clawed(accrued, worth, left_minor=left, clawed_before_minor=taken)
        assert back >= 0
        taken += back
        assert taken == accrued - accrued * left // worth
    assert taken == accrued


@given(value=st.integers(0, 10**7), uses=st.integers(1, 30))
def test_the_uses_of_a_voucher_add_up_to_its_value(value: int, uses: int) -> None:
    shares = [rules.used_share(value, uses, n) for n in range(1, uses + 1)]
    assert sum(shares) == value and all(rules.unused(value, uses, left) == value - sum(shares[: uses - left]) for left in range(uses + 1))


def test_terms_that_cannot_be_are_refused_and_changes_are_kept(shop: Shop) -> None:
    for wrong in ({"share_bp": 10_001}, {"fee_minor": -1}, {"mode": "x"}, {"name_zh": ""}, {"kind": "x"}, {"code": "a b"}):
        new = partners.NewPartner(**({"code": "p", "name_zh": "甲", "name_en": "P"} | wrong))  # type: ignore[arg-type]
        with refused("trade.bad_partner", fields=next(iter(wrong))):
            partners.put(region=REGION, partner=new, by=BY)
    for share in (7000, 7000, 6500):
        partners.put(region=REGION, partner=partners.NewPartner("p", "甲", "P", share_bp=share), by=BY)
    changes = list(partners.find(REGION, "p").changes.order_by("pk"))
    assert len(changes) == 2 and changes[1].fields == {"share_bp": [7000, 6500]}
    with refused("trade.no_such_partner", partner="q"):
        partners.find(REGION, "q")
