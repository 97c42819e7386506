"""The cart on a phone: lines of several group-buys in one basket, explained, checked out once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse

from linli.kernel import clocks
from linli.trade import carts, channels, groups, orders, policies, queries
from linli.trade.policies import Policy
from linli.trade.rules import Wanted
from support import shop as built
from support.partners import cleaners, gift
from support.phone import issue_coupon, signed_in
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


def held(member_id: int) -> list[tuple[int, int, bool]]:
    return [(line.group.group_id, line.quantity, line.solo) for line in carts.of(member_id).lines]


def put(group_id: int, quantity: int, **more: object) -> dict[str, str]:
    return {"group": str(group_id), "quantity": str(quantity)} | {k: str(v) for k, v in more.items()}


def test_a_cards_button_says_what_the_cart_shall_hold(shop: Shop) -> None:
    alice = signed_in("alice")
    page = alice.get("/shop/").content.decode()
    assert 'name="quantity" value="1"' in page
    form = put(shop.cherries, 1) | {"from": "card"}
    for _ in range(3):
        answer = alice.post(reverse("shop:cart-put"), form, headers=PART)
    part = answer.content.decode()
    assert held(shop.alice) == [(shop.cherries, 1, False)], "a tap that is sent three times is one"
    assert 'value="0"' in part and 'value="2"' in part, "the next taps say two, or none"
    assert re.search(r'id="cart-count"[^>]*hx-swap-oob[^>]*>1<', part)
    assert alice.post(reverse("shop:cart-put"), form).headers["Location"].startswith("/shop/")


def test_what_is_missing_to_a_gift_and_to_free_shipping_is_told(shop: Shop) -> None:
    cleaners()
    gift(1000)
    ship = Policy("ship", "shipping", "community", (("all", (300, 700)),))
    policies.put(region=REGION, policy=ship, starts_at=MONDAY, ends_at=MONDAY + timedelta(days=9), by="person:1")
    alice = signed_in("alice")
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 1))
    page = alice.get(reverse("shop:cart")).content.decode()
    assert "还差 $3 免运费" in page and "还差 $6 得深度清洁" in page and "运费" in page
    sheet = alice.get(reverse("shop:checkout")).content.decode()
    assert "还差 $3 免运费" in sheet and "还差 $6 得深度清洁" in sheet
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 3))
    page = alice.get(reverse("shop:checkout")).content.decode()
    assert "这一单送深度清洁" in page and "还差" not in page.split('class="nudges"')[-1][:200]


def test_the_stepper_ends_where_the_members_share_does(shop: Shop, till: Till) -> None:
    flash = groups.open(region=REGION, group=new_group(shop.maple, "milk", key="f", kind="flash", threshold=1, per_member_pieces=4))
    buy(till, shop.alice, [(flash, 1)], key="k")
    carts.put(member_id=shop.alice, line=Wanted(flash, 1))
    assert 'max="3"' in signed_in("alice").get(reverse("shop:cart")).content.decode()


def test_what_a_flash_sale_sold_waits_for_no_neighbours(shop: Shop, till: Till) -> None:
    flash = groups.open(region=REGION, group=new_group(shop.maple, "milk", key="f", kind="flash", threshold=1, per_member_pieces=4))
    order = buy(till, shop.alice, [(flash, 1)], key="k").order_id
    alice = signed_in("alice")
    cards = alice.get(reverse("shop:orders")).text.partition("<main")[2]
    assert "都归你了，到时来取" in cards and "归你了</b>" in cards and "等成团</b>" not in cards
    assert "付好了，归你了" in alice.get(reverse("shop:order", args=[order])).text
    buy(till, shop.alice, [(shop.cherries, 1), (flash, 1)], key="both")
    cards = alice.get(reverse("shop:orders")).text.partition("<main")[2]
    assert "，等成团" in cards and cards.count("等成团</b>") == 1  # the other one still does


def test_the_tab_counts_on_every_page(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 3))
    for view in ("shop:home", "shop:all", "shop:orders", "shop:me"):
        assert re.search(r'id="cart-count"[^>]*>3<', signed_in("alice").get(reverse(view)).content.decode()), view


def test_several_group_buys_two_days_one_price_explained(shop: Shop) -> None:
    [later] = groups.open_many(
        region=built.REGION, groups=[built.new_group(shop.maple, "milk", key="later", pickup_from=MONDAY + timedelta(days=2, hours=7))]
    )
    for line in (Wanted(shop.cherries, 2), Wanted(shop.milk, 1, solo=True), Wanted(later, 1)):
        carts.put(member_id=shop.alice, line=line)
    page = signed_in("alice").get(reverse("shop:cart")).content.decode()
    assert "明天 16:00 起取" in page and "后天 16:00 起取" in page
    assert "去结算（3）" in page
    # 2 x 4.00 in the group, 4.50 alone, 4.00 in the group
    assert "$12.00" in page and "$8.00" in page and "-$4.00" in page
    assert "$16.50" in page


def test_one_line_stays_behind(shop: Shop) -> None:
    for group_id in (shop.cherries, shop.milk):
        carts.put(member_id=shop.alice, line=Wanted(group_id, 1))
    alice = signed_in("alice")
    part = alice.post(reverse("shop:cart-choose"), {"group": str(shop.milk), "chosen": "0"}, headers=PART).content.decode()
    assert "去结算（1）" in part
    part = alice.post(reverse("shop:cart-choose"), {"group": "all", "chosen": "1"}, headers=PART).content.decode()
    assert "去结算（2）" in part
    part = alice.post(reverse("shop:cart-switch"), {"group": str(shop.milk), "solo": "1"}, headers=PART).content.decode()
    assert held(shop.alice) == [(shop.cherries, 1, False), (shop.milk, 1, True)]
    assert "改成参团" in part


def test_what_is_gone_is_explained_and_goes_with_one_tap(shop: Shop, till: Till) -> None:
    for group_id in (shop.cherries, shop.milk):
        carts.put(member_id=shop.alice, line=Wanted(group_id, 3))
    buy(till, shop.bob, [(shop.cherries, 10), (shop.milk, 8)], key="bob")
    alice = signed_in("alice")
    page = alice.get(reverse("shop:cart")).content.decode()
    assert "已抢完" in page and "清掉这 1 样" in page and "只剩 2 份" in page and "改成 2 份" in page
    alice.post(reverse("shop:cart-put"), put(shop.milk, 2), headers=PART)
    part = alice.post(reverse("shop:cart-clear"), headers=PART).content.decode()
    assert held(shop.alice) == [(shop.milk, 2, False)]
    assert "只剩" not in part
    with clocks.fixed(business=NOON):
        assert "已截单" in alice.get(reverse("shop:cart")).content.decode()
        assert alice.get(reverse("shop:checkout")).headers["Location"] == reverse("shop:cart")


def test_a_refusal_is_told_and_the_cart_stays(shop: Shop) -> None:
    carts.put(member_id=shop.alice, line=Wanted(shop.cherries, 2))
    alice = signed_in("alice")
    part = alice.post(reverse("shop:cart-put"), put(shop.cherries, 500), headers=PART).content.decode()
    assert "每样可以买 1 到 99 份" in part
    assert "没有这个团" in alice.post(reverse("shop:cart-put"), put(shop.far_milk, 1), headers=PART).content.decode()
    assert "没有这个团" in alice.post(reverse("shop:cart-put"), put(shop.far_milk, 1), follow=True).content.decode()
    assert held(shop.alice) == [(shop.cherries, 2, False)]


@pytest.mark.parametrize(
    "form", [{}, {"group": "x", "quantity": "1"}, {"group": "9" * 30, "quantity": "1"}, {"group": "0", "quantity": "0"}]
)
def test_a_silly_form_changes_nothing(shop: Shop, form: dict[str, str]) -> None:
    alice = signed_in("alice")
    for view in ("shop:cart-put", "shop:cart-choose", "shop:cart-switch"):
        assert alice.post(reverse(view), form, headers=PART).status_code == 200
    assert held(shop.alice) == []


def checked_out(shop: Shop, key: str = "k" * 32) -> dict[str, object]:
    lines = [line.wanted for line in carts.of(shop.alice).chosen]
    return {"line": [f"{w.group_id}:{w.quantity}:{int(w.solo)}:{w.tolerance_pieces}:" for w in lines], "key": key, "coupon": ""}


def test_the_checkout_places_one_order_and_empties_the_cart(shop: Shop, till: Till) -> None:
    for line in (Wanted(shop.cherries, 2), Wanted(shop.milk, 1)):
        carts.put(member_id=shop.alice, line=line)
    alice = signed_in("alice")
    page = alice.get(reverse("shop:checkout")).content.decode()
    assert f'name="line" value="{shop.cherries}:2:0:0:"' in page and "价钱怎么来的" in page
    form = checked_out(shop)
    answers = [alice.post(reverse("shop:checkout-place"), form, headers=PART) for _ in range(3)]
    assert {a.headers["HX-Redirect"] for a in answers} == {answers[0].headers["HX-Redirect"]}
    [order] = queries.orders_of(shop.alice)
    assert [(line.group_id, line.quantity) for line in order.lines] == [(shop.cherries, 2), (shop.milk, 1)]
    assert held(shop.alice) == []
    carts.put(member_id=shop.alice, line=Wanted(shop.milk, 1))
    alice.post(reverse("shop:checkout-place"), form, headers=PART)
    assert len(queries.orders_of(shop.alice)) == 1 and held(shop.alice) == [(shop.milk, 1, False)]
    assert "有一单等你付款" in alice.get(reverse("shop:cart")).content.decode(), "the unpaid order is resumed from here"


def test_sold_out_at_the_last_moment_keeps_everything(shop: Shop, till: Till) -> None:
    for line in (Wanted(shop.cherries, 2), Wanted(shop.milk, 1)):
        carts.put(member_id=shop.alice, line=line)
    form = checked_out(shop)
    buy(till, shop.bob, [(shop.cherries, 9)], key="bob")
    answer = signed_in("alice").post(reverse("shop:checkout-place"), form)
    page = answer.content.decode()
    assert answer.status_code == 422 and "只剩 1 份" in page and "k" * 32 in page
    assert len(held(shop.alice)) == 2 and not queries.orders_of(shop.alice)


def test_a_coupon_reaches_over_several_lines_of_its_category(shop: Shop) -> None:
    coupon = issue_coupon(shop.alice, minimum_minor=700)
    for line in (Wanted(shop.cherries, 1), Wanted(shop.milk, 1)):
        carts.put(member_id=shop.alice, line=line)
    page = signed_in("alice").get(reverse("shop:checkout")).content.decode()
    assert re.search(rf'value="{coupon}" checked', page)
    form = checked_out(shop) | {"coupon": ""}
    part = signed_in("alice").get(reverse("shop:checkout-quote"), form, headers=PART).content.decode()
    assert "-$1.00" not in part


def test_another_communitys_line_is_missing(shop: Shop) -> None:
    alice = signed_in("alice")
    assert alice.get(reverse("shop:checkout-quote"), {"line": f"{shop.far_milk}:1:0:0:"}).status_code == 404
    assert alice.post(reverse("shop:checkout-place"), {"line": f"{shop.far_milk}:1:0:0:", "key": "k" * 32}).status_code == 404
    assert alice.get(reverse("shop:checkout-quote"), {"line": "1:x:0:0:"}).status_code == 404
    assert not queries.orders_of(shop.alice)


def test_the_cart_asks_few_statements_however_long(shop: Shop, django_assert_max_num_queries: object) -> None:
    alice = signed_in("alice")
    opened = groups.open_many(region=built.REGION, groups=[built.new_group(shop.maple, "milk", key=f"m{n}") for n in range(12)])
    for group_id in opened:
        carts.put(member_id=shop.alice, line=Wanted(group_id, 1))
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        alice.get(reverse("shop:cart"))


def test_adding_to_an_order_of_the_same_day_says_so(shop: Shop, till: Till) -> None:
    buy(till, shop.alice, [(shop.cherries, 1)], key="first")
    code = queries.orders_of(shop.alice)[0].pickup_code or "-"
    carts.put(member_id=shop.alice, line=Wanted(shop.milk, 1))
    page = signed_in("alice").get(reverse("shop:checkout")).content.decode()
    assert "不用多跑一趟" in page and code in page
    placed = orders.place(member_id=shop.alice, lines=[(shop.milk, 1)], key="more")
    built.pay_for(till, placed, shop.alice)
    assert {o.pickup_code for o in queries.orders_of(shop.alice)} == {code}
