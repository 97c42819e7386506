"""The guarantee of docs/prices.md: the same basket costs the same for everybody with the same rights, and every price explains itself."""

from __future__ import annotations

import inspect
import random
from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.people import members
from linli.trade import groups, orders, rules
from linli.trade.placing.pricing import Terms
from linli.trade.rules import Discount, Gift, Level, Offer, Quote, Shipping, Voucher, Wanted
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, new_group

CODES = {
    "price.list",
    "price.group",
    "price.solo",
    "price.level",
    "price.discount",
    "price.coupon",
    "price.shipping",
    "price.shipping_free",
    "price.gift",
}


def offer(n: int, price: int = 400, *, listed: int = 600, solo: int = 500, **more: object) -> Offer:
    return Offer(n, 1, f"s{n}", "fruit", "open", MONDAY, NOON, listed, price, solo, **more)  # type: ignore[arg-type]


def quoted(lines: list[Wanted], offers: list[Offer], **rights: object) -> Quote:
    voucher = rights.pop("voucher", None)
    known = {o.group_id: o for o in offers}
    return rules.quote(lines, known, voucher, community_id=1, now=MONDAY, today=MONDAY.date(), **rights)  # type: ignore[arg-type]


def explained(quote: Quote) -> list[tuple[str, int]]:
    assert sum(s.amount_minor for s in quote.steps) == quote.payable_minor
    assert {s.code for s in quote.steps} <= CODES
    return [(s.code, s.amount_minor) for s in quote.steps]


def test_every_step_of_a_full_basket_in_order() -> None:
    quote = quoted(
        [Wanted(1, 2), Wanted(2, 1, solo=True)],
        [offer(1), offer(2), offer(3)],
        level=Level("gold", 50),
        discounts=[Discount("199-30", 30, "playbook:autumn", "arm:a")],
        voucher=Voucher(9, 100, 300, "", "issued", MONDAY.date()),
        shipping=Shipping(200, 3000, "fee"),
        gifts=[Gift(3, 1, "welcome")],
    )
    assert explained(quote) == [
        ("price.list", 1200),
        ("price.group", -400),
        ("price.level", -40),
        ("price.list", 600),
        ("price.solo", -100),
        ("price.level", -25),
        ("price.discount", -30),
        ("price.coupon", -100),
        ("price.shipping", 200),
        ("price.list", 600),
        ("price.gift", -600),
    ]
    assert (quote.total_minor, quote.discount_minor, quote.coupon_minor, quote.shipping_minor) == (1235, 130, 100, 200)
    assert [(line.amount_minor, line.discount_minor, line.gift) for line in quote.lines] == [
        (760, 80, False),
        (475, 50, False),
        (0, 0, True),
    ]


def test_shipping_is_free_from_what_the_goods_come_to_before_discounts() -> None:
    terms = {"shipping": Shipping(200, 800), "discounts": [Discount("d", 700, "playbook:p")]}
    assert explained(quoted([Wanted(1, 2)], [offer(1)], **terms))[-2:] == [("price.shipping", 200), ("price.shipping_free", -200)]
    assert quoted([Wanted(1, 1)], [offer(1)], **terms).shipping_minor == 200


def test_a_policy_is_named_by_its_arm() -> None:
    quote = quoted([Wanted(1, 1)], [offer(1, arms={"ladder": "steep"})], shipping=Shipping(200, arm="two"))
    assert [s.facts.get("arm") for s in quote.steps] == ["steep", "steep", "two"]


def test_something_is_always_left_to_pay() -> None:
    quote = quoted([Wanted(1, 1)], [offer(1)], discounts=[Discount("a", 300, "playbook:a"), Discount("b", 300, "playbook:b")])
    assert (quote.payable_minor, [d.amount_minor for d in quote.discounts]) == (1, [300, 99])  # a budget pays only what was taken
    assert quoted([Wanted(1, 1)], [offer(1)], level=Level("free", 1000)).payable_minor == 1


def test_a_discount_for_some_goods_comes_off_those() -> None:
    off = Discount("fruit", 900, "playbook:p", group_ids=frozenset({2}))
    quote = quoted([Wanted(1, 1), Wanted(2, 1)], [offer(1), offer(2)], discounts=[off])
    assert [line.discount_minor for line in quote.lines] == [0, 400]


def test_a_coupons_minimum_counts_what_discounts_leave() -> None:
    rights = {"discounts": [Discount("d", 150, "playbook:p")], "voucher": Voucher(9, 100, 300, "", "issued", MONDAY.date())}
    with refused("trade.coupon_minimum", minimum_minor=300, missing_minor=50):
        quoted([Wanted(1, 1)], [offer(1)], **rights)


@pytest.mark.parametrize(
    ("wanted", "what", "code"),
    [
        (Wanted(1, 3), {"per_member_pieces": 2}, "trade.over_share"),
        (Wanted(1, 3, tolerance_pieces=1), {}, "trade.no_cases"),
        (Wanted(1, 1, solo=True), {"case_size": 5}, "trade.no_solo"),
        (Wanted(1, 1, team="new"), {}, "trade.no_teams"),
        (Wanted(1, 1), {"kind": "team"}, "trade.team_needed"),
        (Wanted(1, 1, solo=True, team="new"), {"kind": "team"}, "trade.no_teams"),
    ],
)
def test_what_cannot_be_ordered_so_is_told(wanted: Wanted, what: dict[str, object], code: str) -> None:
    with refused(code):
        quoted([wanted], [offer(1, **what)])


def test_no_price_knows_who_asks() -> None:
    asked = set(inspect.signature(rules.quote).parameters)
    assert asked == {"wanted", "offers", "voucher", "community_id", "now", "today", "level", "discounts", "shipping", "gifts"}
    fields = {name for kind in (Offer, Level, Discount, Shipping, Gift, Wanted, Voucher) for name in kind.__dataclass_fields__}
    assert not {n for n in fields if "member" in n and n != "per_member_pieces"}


money = st.integers(1, 99_999)
baskets = st.lists(st.tuples(money, st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 9), st.booleans()), min_size=1, max_size=8)


@given(
    rows=baskets,
    off=st.lists(st.integers(1, 50_000), max_size=3),
    permille=st.integers(0, 1000),
    fee=st.integers(0, 3000),
    free_from=st.none() | st.integers(0, 50_000),
    face=st.integers(0, 9999),
    gift=st.booleans(),
)
def test_whatever_comes_together_the_steps_add_up(
    rows: list[tuple[int, int, int, int, bool]], off: list[int], permille: int, fee: int, free_from: int | None, face: int, gift: bool
) -> None:
    offers = [offer(n, price, listed=price + more, solo=price + alone) for n, (price, more, alone, _, _) in enumerate(rows, 1)]
    lines = [Wanted(n, quantity, solo) for n, (_, _, _, quantity, solo) in enumerate(rows, 1)]
    rights: dict[str, object] = {
        "level": Level("l", permille),
        "discounts": [Discount(f"d{n}", amount, f"playbook:{n}") for n, amount in enumerate(off)],
        "shipping": Shipping(fee, free_from),
        "gifts": [Gift(1, 1)] if gift else [],
    }
    plain = quoted(lines, offers, **rights)
    left = plain.total_minor - plain.discount_minor
    if face and face < left:  # a coupon costs less than its minimum, so it fits whatever is left
        rights["voucher"] = Voucher(1, face, face + 1, "", "issued", MONDAY.date())
    quote = quoted(lines, offers, **rights)
    explained(quote)
    assert quote.payable_minor >= 1 and quote.payable_minor == quote.total_minor - quote.discount_minor + quote.shipping_minor
    assert quote.total_minor == sum(line.amount_minor for line in quote.lines)
    assert quote.discount_minor == sum(line.discount_minor for line in quote.lines)
    assert all(0 <= line.discount_minor <= line.amount_minor for line in quote.lines)
    assert quote.discount_minor == quote.coupon_minor + sum(d.amount_minor for d in quote.discounts)
    assert all(line.unit_price_minor >= 1 for line in quote.lines if not line.gift)
    dearer = rules.quote(lines, {o.group_id: o for o in offers}, None, community_id=1, now=MONDAY, today=MONDAY.date())
    assert quote.payable_minor - quote.shipping_minor <= dearer.payable_minor  # a right never makes anything dearer


def test_a_thousand_neighbours_pay_the_same_for_the_same(shop: Shop) -> None:
    """Through the verb: everything that a member is (name, building, language, since when, which phone) changes nothing."""
    dice = random.Random(20171002)
    who = [
        members.Newcomer(
            shop.maple,
            f"+1555200{n:04}",
            f"{dice.choice(['Zhang', 'Li', 'O', 'Wang'])}{n}",
            dice.choice("ABCDEFG"),
            str(dice.randint(1, 40)),
            external_id=f"p{n}",
            language=dice.choice(["zh-hans", "en"]),
            joined_at=MONDAY - timedelta(days=dice.randint(0, 2000)),
            consents=tuple(c for c in ("messages", "profiling", "neighbours") if dice.random() < 0.5),
        )
        for n in range(1000)
    ]
    profiles = members.join_many(region=REGION, newcomers=who)
    boxed = groups.open(region=REGION, group=new_group(shop.maple, "milk", key="boxed", case_size=5, ladder=((5, 350),)))
    baskets = [[(shop.cherries, 2)], [(shop.cherries, 1, True), (shop.milk, 3)], [Wanted(boxed, 5, tolerance_pieces=2), (shop.milk, 1)]]
    rights = [
        Terms(),
        Terms(level=Level("gold", 50), shipping=Shipping(300, 1000)),
        Terms(discounts=[Discount("d", 111, "playbook:p")]),
    ]
    prices: defaultdict[tuple[int, int], set[object]] = defaultdict(set)
    for n, member in enumerate(profiles):
        basket, right = n % 3, n // 3 % 3
        found = orders.quote(member_id=member, lines=baskets[basket], terms=rights[right])
        prices[basket, right].add((found.payable_minor, str(found.steps)))
    assert len(prices) == 9 and {len(seen) for seen in prices.values()} == {1}
