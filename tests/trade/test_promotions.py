"""Promotions with their day's board, and selling rules that are tried by community or week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from linli.kernel import clocks
from linli.kernel.models import Event
from linli.trade import coupons, groups, orders, policies, promotions, queries, templates
from linli.trade.models import GroupBuy
from linli.trade.placing.pricing import Terms
from linli.trade.policies import Policy
from linli.trade.promotions import NewPromotion, Stage
from linli.trade.rules.policies import arm_of
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group

HOUR = timedelta(hours=1)
WARM = Stage("warm_up", MONDAY, MONDAY + HOUR)
BURST = Stage("burst", MONDAY + HOUR, NOON)
AUTUMN = NewPromotion("autumn", "秋日大促", "Autumn", [WARM, BURST, Stage("encore", NOON, NOON + HOUR)], "playbook:autumn")


@pytest.fixture
def autumn(shop: Shop) -> Shop:
    promotions.put(region=REGION, promotion=AUTUMN, by="person:1")
    coupons.fund(region=REGION, owner="playbook:autumn", amount_minor=5000, key="f")
    promotions.add(region=REGION, slug="autumn", stage="burst", group_ids=[shop.cherries])
    return shop


def stages() -> dict[str, promotions.StageBoard]:
    return {s.kind: s for s in promotions.board(REGION, "autumn").stages}


def test_a_promotions_day(autumn: Shop, till: Till) -> None:
    pre = promotions.sell_ahead(region=REGION, slug="autumn", group_id=autumn.cherries, price_minor=380, by="person:1")
    assert pre == promotions.sell_ahead(region=REGION, slug="autumn", group_id=autumn.cherries, price_minor=380, by="person:1")
    buy(till, autumn.alice, [(pre, 1)], key="a")
    warm, burst = stages()["warm_up"], stages()["burst"]
    assert (warm.running, warm.reserved, warm.stock, warm.sold, warm.free, warm.paid_minor) == (True, 2, 2, 1, 1, 380)
    assert (burst.running, burst.stock, burst.free, burst.sold) == (False, 8, 8, 0)
    with clocks.fixed(business=MONDAY + HOUR):
        groups.close_due(REGION)
        buy(till, autumn.bob, [(autumn.cherries, 3)], key="b")
        orders.place(member_id=autumn.alice, lines=[(autumn.cherries, 2)], key="c")
    with clocks.fixed(business=MONDAY + HOUR + timedelta(minutes=3)):
        warm, burst = stages()["warm_up"], stages()["burst"]
        assert (warm.released, warm.stock, warm.free) == (1, 1, 0)  # the second piece is the burst's again
        assert (burst.stock, burst.sold, burst.held, burst.free, burst.order_count) == (9, 3, 2, 4, 1)
        assert (burst.orders_per_minute, burst.peak_per_minute) == (0.4, 2)
        assert dict(burst.by_minute)[MONDAY + HOUR] == 2 and len(burst.by_minute) == 60
    assert promotions.board(REGION, "autumn").budget.free_minor == 5000
    assert promotions.listed(REGION) == [("autumn", "秋日大促", "Autumn")]


def test_the_board_asks_the_same_however_many_groups(autumn: Shop, django_assert_max_num_queries: pytest.FixtureRequest) -> None:
    made = [groups.open(region=REGION, group=new_group(autumn.maple, "milk", key=f"m{n}")) for n in range(20)]
    assert promotions.add(region=REGION, slug="autumn", stage="burst", group_ids=made) == 20
    assert promotions.add(region=REGION, slug="autumn", stage="encore", group_ids=made) == 0  # it belongs to one
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        assert stages()["burst"].group_count == 21


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"stages": []}, "stages"),
        ({"stages": [BURST, WARM]}, "stages"),
        ({"stages": [WARM, replace(BURST, starts_at=MONDAY)]}, "stages"),  # they overlap
        ({"stages": [replace(WARM, ends_at=MONDAY)]}, "stages"),
        ({"reserve_permille": 1001}, "reserve_permille"),
        ({"budget_owner": ""}, "budget_owner"),
        ({"budget_owner": "playbook:\n"}, "budget_owner"),  # nothing that an account could be named after
        ({"name_zh": ""}, "name_zh"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused(shop: Shop, changes: dict[str, object], fields: str) -> None:
    with refused("trade.bad_promotion", fields=fields):
        promotions.put(region=REGION, promotion=replace(AUTUMN, **changes), by="person:1")  # type: ignore[arg-type]


def test_what_is_not_there_is_told(autumn: Shop) -> None:
    with refused("trade.no_such_promotion"):
        promotions.board(REGION, "spring")
    with refused("trade.no_such_group"):
        promotions.add(region=REGION, slug="autumn", stage="burst", group_ids=[987654])
    promotions.put(region=REGION, promotion=replace(AUTUMN, reserve_permille=50), by="person:1")
    with refused("trade.nothing_to_reserve"):
        promotions.sell_ahead(region=REGION, slug="autumn", group_id=autumn.cherries, price_minor=380, by="person:1")


THREE_OR_FIVE = Policy("size", "threshold", "community", (("three", 3), ("five", 5)))


def tried(policy: Policy) -> None:
    policies.put(region=REGION, policy=policy, starts_at=MONDAY, ends_at=MONDAY + timedelta(days=30), by="person:1")


def test_a_communitys_arm_is_everybodys_there_and_stays(shop: Shop) -> None:
    arms = {c: {arm_of(THREE_OR_FIVE, c, MONDAY.date() + timedelta(days=n)) for n in range(60)} for c in range(1, 200)}
    assert {len(found) for found in arms.values()} == {1}
    share = sum(found == {("five", 5)} for found in arms.values()) / len(arms)
    assert 0.35 < share < 0.65
    weekly = replace(THREE_OR_FIVE, unit="week")
    assert arm_of(weekly, 1, date(2017, 10, 2)) == arm_of(weekly, 2, date(2017, 10, 8))  # a Monday and its Sunday


def test_an_arm_gives_the_term_and_its_name(shop: Shop, till: Till) -> None:
    tried(THREE_OR_FIVE)
    tried(Policy("steep", "ladder", "week", (("a", ((4, 300),)), ("b", ((4, 300),))), sku="milk"))
    [cherries, milk] = policies.applied(REGION, [new_group(shop.maple, "cherries", key="x"), new_group(shop.maple, "milk", key="y")])
    name, threshold = arm_of(THREE_OR_FIVE, shop.maple, MONDAY.date())
    assert (cherries.threshold, dict(cherries.policy_arms), cherries.ladder) == (threshold, {"threshold": f"size:{name}"}, ())
    assert milk.ladder == ((4, 300),) and set(milk.policy_arms) == {"threshold", "ladder"}
    opened = groups.open(region=REGION, group=milk)
    told = Event.objects.get(kind="trade.group_opened", payload__group_id=opened).payload
    assert f"threshold=size:{name}" in told["arms"]
    quote = orders.quote(member_id=shop.alice, lines=[(opened, 1)])
    assert str(quote.steps[0].facts["arm"]).startswith("steep:")
    found = queries.group(opened)
    assert found is not None and found.arms == dict(milk.policy_arms)


def test_an_arm_that_does_not_fit_keeps_nobody_from_opening(shop: Shop) -> None:
    tried(Policy("dear", "ladder", "community", (("a", ((4, 900),)), ("b", ((4, 950),)))))
    terms = {"threshold": 8, "quota_pieces": 40, "price_minor": 400, "solo_price_minor": 500}
    templates.put(region=REGION, template=templates.Template("t", "cherries", terms), by="person:1")
    opened = groups.open_from_template("t", shop.maple, "person:8", region=REGION, key="k")
    assert (GroupBuy.objects.get(pk=opened).ladder, GroupBuy.objects.get(pk=opened).policy_arms) == ([], {})


def test_shipping_by_community_is_explained_by_its_arm(shop: Shop) -> None:
    assert policies.shipping(REGION, shop.maple) is None
    tried(Policy("ship", "shipping", "community", (("low", (100, 500)), ("high", (300, 900)))))
    found = policies.shipping(REGION, shop.maple)
    assert found is not None and found.arm in ("ship:low", "ship:high")
    quote = orders.quote(member_id=shop.alice, lines=[(shop.cherries, 1)], terms=Terms(shipping=found))
    assert (quote.shipping_minor, quote.steps[-1].facts["arm"]) == (found.fee_minor, found.arm)
    with clocks.fixed(business=MONDAY + timedelta(days=30)):
        assert policies.live(REGION) == []


def test_every_door_asks_the_same_for_shipping(shop: Shop) -> None:
    """Quoting and placing read the region's rule themselves, whoever calls them; what costs what its page says is brought for nothing."""
    tried(Policy("ship", "shipping", "community", (("all", (300, 900)),)))
    lines = [(shop.cherries, 1)]
    quote = orders.quote(member_id=shop.alice, lines=lines)
    assert (quote.shipping_minor, quote.steps[-1].facts) == (300, {"arm": "ship:all"})
    placed = orders.place(member_id=shop.alice, lines=lines, key="a")
    (many,) = orders.place_many([orders.Asking(shop.bob, lines, "b")])
    assert placed.payable_minor == quote.payable_minor == getattr(many, "payable_minor", None) == 700
    assert orders.quote(member_id=shop.alice, lines=[(shop.cherries, 3)]).shipping_minor == 0
    assert orders.quote(member_id=shop.alice, lines=lines, terms=Terms(shipping=orders.FREE)).shipping_minor == 0
    with refused("trade.policy_overlaps", other="ship"):
        tried(Policy("more", "shipping", "week", (("a", (1, None)), ("b", (2, None)))))
    with clocks.fixed(business=MONDAY + timedelta(days=30)), refused("trade.group_closed"):
        orders.quote(member_id=shop.alice, lines=lines)


def test_arms_that_were_seen_stay_what_they_were(shop: Shop) -> None:
    tried(THREE_OR_FIVE)
    tried(THREE_OR_FIVE)
    with refused("trade.key_reused"):
        tried(replace(THREE_OR_FIVE, arms=(("three", 3), ("six", 6))))
    policies.put(region=REGION, policy=THREE_OR_FIVE, starts_at=MONDAY, ends_at=MONDAY + HOUR, by="person:1")  # it may end early
    with clocks.fixed(business=MONDAY + HOUR):
        assert policies.live(REGION) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"unit": "member"}, "unit"),  # never by person
        ({"kind": "price"}, "kind"),
        ({"arms": (("one", 3),)}, "arms"),
        ({"arms": (("one", 3), ("one", 5))}, "arms"),
        ({"arms": (("one", 3), ("two", "5"))}, "arms"),
        ({"kind": "shipping", "sku": "milk", "arms": (("a", (1, None)), ("b", (2, None)))}, "sku"),
        ({"kind": "shipping", "arms": (("a", (1,)), ("b", (2, None)))}, "arms"),
        ({"slug": ""}, "slug"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(shop: Shop, changes: dict[str, object], fields: str) -> None:
    with refused("trade.bad_policy", fields=fields):
        tried(replace(THREE_OR_FIVE, **changes))  # type: ignore[arg-type]
    with refused("trade.bad_policy", fields="ends_at"):
        policies.put(region=REGION, policy=THREE_OR_FIVE, starts_at=MONDAY, ends_at=MONDAY, by="person:1")
