"""The shop on a phone: Alice's orders are hers, a tap counts once, a refusal says what to do."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse

from linli.kernel import clocks
from linli.people import consent
from linli.trade import channels, groups, orders, pay, queries, refunds
from linli.web import pictures
from support import shop as built
from support.phone import issue_coupon, letter, signed_in
from support.shop import MONDAY, Shop, Till, buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def monday() -> Iterator[None]:
    with clocks.fixed(business=MONDAY):
        yield


@pytest.fixture
def shop(db: None, monday: None) -> Shop:
    return built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


def form(quantity: int = 1, key: str = "a" * 32, coupon: str = "", solo: str = "0") -> dict[str, str]:
    return {"quantity": str(quantity), "key": key, "coupon": coupon, "solo": solo}


def test_home_shows_what_can_be_joined_here(shop: Shop, till: Till) -> None:
    buy(till, shop.bob, [(shop.cherries, 2)], key="bob-1")
    page = signed_in("alice").get("/shop/").content.decode()
    assert "枫林苑" in page
    assert "再来 1 份就成团" in page
    assert "邻居 1 户在团" in page
    assert reverse("shop:product", args=[shop.milk]) in page
    assert reverse("shop:product", args=[shop.far_milk]) not in page


def test_a_surname_is_shown_only_with_consent(shop: Shop, till: Till) -> None:
    buy(till, shop.alice, [(shop.cherries, 1)], key="alice-1")
    there = reverse("shop:product", args=[shop.cherries])
    assert "Ai家" in signed_in("bob").get(there).content.decode()
    consent.withdraw(member_id=shop.alice, scope="neighbours")
    page = signed_in("bob").get(there).content.decode()
    assert "Ai家" not in page
    assert "邻居 1 户在团" in page


def test_nothing_open_says_so(shop: Shop) -> None:
    with clocks.fixed(business=MONDAY.replace(hour=23)):
        groups.close_due(built.REGION)
        page = signed_in("alice").get("/shop/").content.decode()
    assert "今天还没有开团" in page


def test_the_english_page_has_no_chinese_of_ours(shop: Shop) -> None:
    page = signed_in("alice", "en").get("/shop/").content.decode()
    told = re.sub(r"<[^>]*>", " ", page)
    assert not re.search(r"[\u4e00-\u9fff]", told.replace("中文", "").replace("邻里", "").replace("1 份", ""))


def test_another_communitys_group_is_missing(shop: Shop) -> None:
    alice = signed_in("alice")
    for name in ("shop:product", "shop:sheet", "shop:quote"):
        assert alice.get(reverse(name, args=[shop.far_milk])).status_code == 404
    assert alice.post(reverse("shop:place", args=[shop.far_milk]), form()).status_code == 404


def test_the_sheet_explains_the_price_line_by_line(shop: Shop) -> None:
    coupon_id = issue_coupon(shop.alice)
    page = signed_in("alice").get(reverse("shop:sheet", args=[shop.cherries])).content.decode()
    assert "$6.00" in page and "-$2.00" in page and "-$1.00" in page and "$3.00" in page
    assert re.search(rf'value="{coupon_id}" checked', page), "the best coupon is chosen already"


def test_a_coupon_that_does_not_reach_says_what_is_missing(shop: Shop) -> None:
    issue_coupon(shop.alice, minimum_minor=900)
    page = signed_in("alice").get(reverse("shop:sheet", args=[shop.cherries])).content.decode()
    assert "再买 $5" in page
    two = signed_in("alice").get(reverse("shop:quote", args=[shop.cherries]), {"quantity": "3", "solo": "0"}).content.decode()
    assert "再买" not in two


def test_order_pay_and_the_code_comes(shop: Shop, till: Till) -> None:
    alice = signed_in("alice")
    answer = alice.post(reverse("shop:place", args=[shop.cherries]), form(2), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("http://till/")
    [order] = queries.orders_of(shop.alice)
    waiting = alice.get(reverse("shop:return", args=[order.order_id]))
    assert "正在等收银台的消息" in waiting.content.decode()
    till.take(answer.headers["HX-Redirect"].rpartition("/")[2])
    asked = alice.get(reverse("shop:waiting", args=[order.order_id]), headers={"HX-Request": "true"})
    there = reverse("shop:order", args=[order.order_id])
    assert asked.headers["HX-Redirect"] == there
    page = alice.get(there).content.decode()
    code = queries.orders_of(shop.alice)[0].pickup_code
    assert code and code in page and "<svg" in page and "未满 3 份，全额退回" in page


def test_without_script_the_cashier_is_a_link(shop: Shop, till: Till) -> None:
    answer = signed_in("alice").post(reverse("shop:place", args=[shop.cherries]), form())
    assert 'href="http://till/' in answer.content.decode()


def test_a_double_tap_is_one_order(shop: Shop, till: Till) -> None:
    alice = signed_in("alice")
    for _ in range(3):
        alice.post(reverse("shop:place", args=[shop.cherries]), form(key="b" * 32))
    assert len(queries.orders_of(shop.alice)) == 1
    assert len(till.payments) == 1


def test_the_longest_key_a_form_may_have_reaches_the_cashier(shop: Shop, till: Till) -> None:
    answer = signed_in("alice").post(reverse("shop:place", args=[shop.cherries]), form(key="a" * 64), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("http://till/")


def test_a_refusal_keeps_what_was_filled_in(shop: Shop, till: Till) -> None:
    answer = signed_in("alice").post(reverse("shop:place", args=[shop.cherries]), form(50, key="c" * 32))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "只剩 10 份" in page and "改成 10 份以内" in page
    assert 'value="50"' in page and "c" * 32 in page
    assert not queries.orders_of(shop.alice)


@pytest.mark.parametrize("quantity", ["", "0", "-3", "1.5", "１", "99999999999999999999", "x"])
def test_a_silly_quantity_is_refused_in_words(shop: Shop, till: Till, quantity: str) -> None:
    answer = signed_in("alice").post(reverse("shop:place", args=[shop.cherries]), form() | {"quantity": quantity})
    assert answer.status_code in (200, 422)
    assert len(queries.orders_of(shop.alice)) <= 1


def test_a_silent_cashier_leaves_an_order_that_can_be_paid_later(shop: Shop, till: Till) -> None:
    till.silent = True
    alice = signed_in("alice")
    page = alice.post(reverse("shop:place", args=[shop.cherries]), form(), follow=True).content.decode()
    assert "付款通道没有回应" in page and "去付款" in page
    till.silent = False
    [order] = queries.orders_of(shop.alice)
    again = alice.post(reverse("shop:pay", args=[order.order_id]), {"key": "d" * 32}, headers={"HX-Request": "true"})
    assert again.headers["HX-Redirect"].startswith("http://till/")


def test_a_strangers_order_is_as_missing_as_none(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="alice-9")
    code = queries.orders_of(shop.alice)[0].pickup_code or "-"
    for name in ("charlie", "bob"):
        other = signed_in(name)
        for view in ("shop:order", "shop:return", "shop:waiting"):
            answer = other.get(reverse(view, args=[placed.order_id]))
            assert answer.status_code == 404
            assert code not in answer.content.decode()
        for view in ("shop:pay", "shop:cancel"):
            assert other.post(reverse(view, args=[placed.order_id]), {"key": "e" * 32}).status_code == 404
    assert queries.orders_of(shop.alice)[0].state == "paid"


def test_cancel_says_what_comes_back(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="alice-2")
    alice, there = signed_in("alice"), reverse("shop:order", args=[placed.order_id])
    assert "取消以后退 $4" in alice.get(there).content.decode()
    page = alice.post(reverse("shop:cancel", args=[placed.order_id]), {"key": "f" * 32}, follow=True).content.decode()
    assert "原路退回" in page
    again = alice.post(reverse("shop:cancel", args=[placed.order_id]), {"key": "f" * 32}, follow=True)
    assert again.status_code == 200
    assert len(queries.money_back(placed.order_id)) == 1


def test_cancel_of_an_order_that_ran_out_promises_no_money(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="alice-4")
    with clocks.fixed(machine=placed.pay_by):
        pay.expire(placed.order_id)
    page = cancelled(placed)
    assert "没有扣钱" in page and "原路退回" not in page


def test_cancel_after_paying_says_that_the_money_comes_back_though_the_notice_is_late(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="alice-5")
    till.take(pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/").attempt_no)
    page = cancelled(placed)
    assert "$4" in page and "原路退回" in page and "没有扣钱" not in page


def test_cancel_promises_no_more_than_is_left(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1), (shop.milk, 1)], key="alice-6")
    refunds.request(order_id=placed.order_id, reason="operator", by="person:1", key="r", line_numbers=[1])
    assert "$3.33 原路退回" in cancelled(placed)


def cancelled(placed: orders.Placed) -> str:
    """The page after Alice cancels."""
    there = reverse("shop:cancel", args=[placed.order_id])
    return signed_in("alice").post(there, {"key": "f" * 32}, follow=True).content.decode()


def test_too_late_to_cancel_is_said(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="alice-3")
    with clocks.fixed(business=MONDAY.replace(hour=13)):
        alice = signed_in("alice")
        assert "取消订单" not in alice.get(reverse("shop:order", args=[placed.order_id])).content.decode()
        page = alice.post(reverse("shop:cancel", args=[placed.order_id]), {"key": "g" * 32}, follow=True).content.decode()
    assert "不能取消" in page


def test_inbox_is_seen_by_being_opened(shop: Shop) -> None:
    letter(shop.alice)
    alice = signed_in("alice")
    assert "1 条未读" in alice.get("/shop/").content.decode()
    assert "樱桃到站了" in alice.get("/shop/inbox/").content.decode()
    assert "条未读" not in alice.get("/shop/").content.decode()
    assert "樱桃到站了" not in signed_in("bob").get("/shop/inbox/").content.decode()


def test_consent_says_what_it_wants_so_a_double_tap_changes_nothing(shop: Shop) -> None:
    alice = signed_in("alice")
    for _ in range(2):
        alice.post("/shop/me/consent/", {"scope": "profiling", "on": "1"})
    assert consent.has(shop.alice, "profiling")
    assert alice.post("/shop/me/consent/", {"scope": "everything", "on": "1"}).status_code == 404


def test_search_finds_by_either_name(shop: Shop) -> None:
    alice = signed_in("alice")
    assert reverse("shop:product", args=[shop.milk]) in alice.get("/shop/search/", {"q": "MILK"}).content.decode()
    assert "现在没有这样的团" in alice.get("/shop/search/", {"q": "<script>"}).content.decode()


@pytest.mark.parametrize("path", ["/shop/", "/shop/orders/", "/shop/coupons/", "/shop/inbox/", "/shop/me/"])
def test_only_members_come_in(shop: Shop, path: str) -> None:
    assert signed_in("alice").get(path).status_code == 200
    assert signed_in("leader").get(path).status_code == 403
    from django.test import Client

    assert Client().get(path).status_code == 302


def test_pages_carry_no_inline_style_or_script(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 1)], key="alice-4")
    alice = signed_in("alice")
    for path in (
        "/shop/",
        reverse("shop:product", args=[shop.cherries]),
        reverse("shop:sheet", args=[shop.cherries]),
        reverse("shop:order", args=[placed.order_id]),
    ):
        page = alice.get(path).content.decode()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\bsrc=)", page)


def test_the_first_page_is_light(shop: Shop) -> None:
    """Everything the first page loads, compressed: the page, its styles and scripts, and all its pictures."""
    page = signed_in("alice").get("/shop/").content
    total = len(gzip.compress(page))
    assert b"echarts" not in page
    for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.decode())):
        total += _weight(address.removeprefix(settings.STATIC_URL).partition("?")[0])
    assert total < 150_000, f"{total:,} bytes"


def _weight(name: str) -> int:
    """Bytes of a static file, compressed; a drawing is drawn here when the assets are not built."""
    found = finders.find(name)
    if found:
        return len(gzip.compress(Path(str(found)).read_bytes()))
    slug = Path(name).stem
    assert slug.removeprefix("avatar-") in pictures.AVATARS or slug.removesuffix("-wide") in pictures.GOODS, name
    return 2_500
