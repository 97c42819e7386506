"""A neighbour's evening on the phone: finding, filling a basket, paying once, adding on, teaming up; weighed on a slow network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from linli.kernel import clocks
from linli.people import queries as people
from linli.sandbox_gateway.mischief import Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import carts, orders, queries
from linli.trade.rules import Wanted
from linli.web.access import SESSION_KEY
from support import market as fair
from support.market import Market

pytestmark = pytest.mark.django_db(transaction=True)
EVENING = datetime(2026, 11, 23, 17, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
WECHAT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36 XWEB/1160 MicroMessenger/8.0.49 NetType/WIFI"

Opened = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def own_queries() -> Iterator[None]:
    """The browser's driver keeps an event loop in this thread; the tests' own queries are plain ones all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def market(transactional_db: None) -> Market:
    """The lively market on a Monday evening; the clock stands for the server's threads too."""
    clocks.set_business(EVENING)
    return fair.build()


@pytest.fixture
def gateway(tmp_path: Path, settings: Any) -> Iterator[Gateway]:
    found = Gateway(home=tmp_path, secret=settings.GATEWAY_SECRET, mischief=Mischief.none())
    settings.GATEWAY_URL = found.url
    found.start()
    yield found
    found.stop()


@pytest.fixture
def opened(chromium: Browser, live_server: LiveServer) -> Iterator[Opened]:
    """A page on a phone, as the member or a neighbour; a script error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(phone: str, path: str, *, width: int = 390, scheme: str = "light", locale: str = "zh-CN", agent: str = "") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=locale,
            is_mobile=True,
            has_touch=True,
            base_url=live_server.url,
            user_agent=agent or None,
        )
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": session(phone), "url": live_server.url}])
        page = context.new_page()
        page.set_default_navigation_timeout(90_000)  # the server's first answer imports everything
        page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def session(phone: str) -> str:
    person = people.person_by_phone(phone)
    assert person is not None
    made = SessionStore()
    made[SESSION_KEY] = person.person_id
    made.save()
    return made.session_key or ""


def pay(page: Page, gateway: Gateway) -> None:
    """At the sandbox cashier, and back to the order."""
    page.wait_for_url(f"{gateway.url}/**")
    page.get_by_role("button", name="付").first.click()
    back = page.get_by_role("link", name="回").first
    if "/orders/" not in page.url and back.count():
        back.click()
    page.wait_for_url("**/shop/orders/*/", timeout=15_000)


def test_browse_fill_a_basket_pay_once_add_on_and_one_code(market: Market, gateway: Gateway, opened: Opened) -> None:
    page = opened(fair.MEMBER_PHONE, "/shop/")
    page.get_by_role("button", name="加一份 湛江白虾").click()
    expect(page.locator("#cart-count")).to_have_text("1")
    page.get_by_role("button", name="加一份 普罗旺斯西红柿").click()
    expect(page.locator("#cart-count")).to_have_text("2")
    page.get_by_role("button", name="加一份 普罗旺斯西红柿").click()
    expect(page.locator("#cart-count")).to_have_text("3")
    page.goto(reverse("shop:product", args=[market.groups["egg"]]))
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#toasts")).to_contain_text("放进购物车了")
    page.get_by_role("link", name="购物车").click()
    expect(
        page.get_by_role("heading", name="明天 16:00 起取").or_(page.get_by_role("heading", name="后天 16:00 起取")).first
    ).to_be_visible()
    page.get_by_text("价钱怎么来的").click()
    # 59.8 + 2 x 15.9 + 26.9: list prices first, then what the group takes off each
    expect(page.locator("#cart .sums .all dd")).to_have_text("¥118.50")
    page.get_by_role("link", name="去结算").click()
    expect(page.locator("#quote .all dd")).to_have_text("¥118.50")
    page.get_by_role("button", name="提交，去付款").click()
    pay(page, gateway)
    expect(page.get_by_role("heading", name="付好了，等成团")).to_be_visible()
    code = page.locator(".code").inner_text()
    [order] = queries.orders_of(market.member)
    assert order.payable_minor == 11_850 and len(order.lines) == 3
    assert carts.of(market.member).lines == []

    page.locator(".strip a").filter(has_text="上海青").click()
    page.get_by_role("link", name="参团").click()
    expect(page.get_by_text("不用多跑一趟")).to_contain_text(code)
    page.get_by_role("button", name="提交，去付款").click()
    pay(page, gateway)
    expect(page.locator(".code")).to_have_text(code)
    expect(page.get_by_text("这个码下一共 5 份")).to_be_visible()
    page.goto(reverse("shop:orders"))
    expect(page.locator(".pass")).to_have_count(1)
    expect(page.locator(".pass .code")).to_have_text(code)


def test_pinyin_initials_find_while_typing(market: Market, opened: Opened) -> None:
    page = opened(fair.MEMBER_PHONE, reverse("shop:search"))
    box = page.get_by_role("searchbox", name="想找什么")
    for typed, found in (("cm", "丹东红颜草莓"), ("xihongshi", "普罗旺斯西红柿"), ("鸡蛋", "谷物散养鲜鸡蛋")):
        box.fill(typed)
        expect(page.locator("#hits")).to_contain_text(found)
    box.fill("cm")
    box.press("Enter")
    expect(page.get_by_role("heading", name="丹东红颜草莓")).to_be_visible()
    page.goto(reverse("shop:search"))
    expect(page.locator("#recent")).to_contain_text("cm")
    page.get_by_role("button", name="清掉").click()
    expect(page.locator("#recent")).to_be_hidden()
    box.fill("宇宙飞船")
    box.press("Enter")
    expect(page.get_by_text("现在没有这样的团")).to_be_visible()
    expect(page.get_by_role("heading", name="看看邻居在买的")).to_be_visible()


def test_joining_a_neighbours_team(market: Market, gateway: Gateway, opened: Opened) -> None:
    group = market.groups["grapes-green"]
    page = opened(fair.MEMBER_PHONE, reverse("shop:product", args=[group]))
    team = page.locator(".teamrow").first
    expect(team).to_contain_text("还差 1 人")
    team.get_by_role("link", name="加入").click()
    page.get_by_role("button", name="提交，去付款").click()
    pay(page, gateway)
    [order] = queries.orders_of(market.member)
    assert order.state == "ready", "the third seat makes the team"
    page.goto(reverse("shop:product", args=[group]))
    expect(page.locator(".teamrow")).to_have_count(1)


def test_the_last_piece_is_somebody_elses_and_the_cart_says_so(market: Market, opened: Opened) -> None:
    for code in ("mandarin", "shrimp"):
        carts.put(member_id=market.member, line=Wanted(market.groups[code], 2))
    for n in (20, 21):
        orders.place(member_id=market.neighbours[n], lines=[(market.groups["mandarin"], 1)], key="late")
    page = opened(fair.MEMBER_PHONE, reverse("shop:cart"))
    expect(page.get_by_text("只剩 1 份")).to_be_visible()
    page.get_by_role("button", name="改成 1 份").click()
    expect(page.get_by_text("只剩 1 份")).to_have_count(0)
    expect(page.locator("#cart-count")).to_have_text("3")


def test_the_network_goes_and_comes_back(market: Market, opened: Opened) -> None:
    carts.put(member_id=market.member, line=Wanted(market.groups["shrimp"], 1))
    page = opened(fair.MEMBER_PHONE, reverse("shop:cart"))
    page.context.set_offline(True)
    expect(page.locator(".offline")).to_contain_text("没有网络")
    page.get_by_role("button", name="多一份").click()
    expect(page.locator("#toasts")).to_contain_text("网络断了")
    page.context.set_offline(False)
    expect(page.locator(".offline")).to_have_count(0)
    page.get_by_role("button", name="多一份").click()
    expect(page.locator("#cart-count")).to_have_text("3", timeout=20_000)


def test_inside_wechat(market: Market, opened: Opened) -> None:
    page = opened(fair.MEMBER_PHONE, reverse("shop:product", args=[market.groups["strawberry"]]), agent=WECHAT)
    page.get_by_role("button", name="发给邻居").first.click()
    expect(page.get_by_text("点右上角")).to_be_visible()
    page.get_by_text("点右上角").click()
    expect(page.get_by_text("点右上角")).to_be_hidden()
    assert page.locator('meta[property="og:image"]').get_attribute("content", timeout=1000)


PAGES = ("shop:home", "shop:all", "shop:search", "shop:cart", "shop:checkout", "shop:orders", "shop:me")
GOODS = ("strawberry", "egg", "mandarin", "grapes-green", "fish", "yogurt")


def paths(market: Market) -> list[str]:
    for line in (
        Wanted(market.groups["strawberry"], 2),
        Wanted(market.groups["yogurt"], 3, tolerance_pieces=1),
        Wanted(market.groups["rice"], 1, solo=True),
    ):
        carts.put(member_id=market.member, line=line)
    placed = orders.place(member_id=market.member, lines=[(market.groups["shrimp"], 1)], key="waits")
    return [
        *map(reverse, PAGES),
        *(reverse("shop:product", args=[market.groups[code]]) for code in GOODS),
        reverse("shop:sheet", args=[market.groups["yogurt"]]),
        reverse("shop:order", args=[placed.order_id]),
        f"{reverse('shop:search')}?q=zzz",
    ]


@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "en-GB")])
def test_every_page_of_the_market_is_accessible_at_320(
    market: Market, opened: Opened, axe: Callable[[Page], list[str]], scheme: str, locale: str
) -> None:
    page = opened(fair.MEMBER_PHONE, "/shop/", width=320, scheme=scheme, locale=locale)
    for path in paths(market):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, f"{path} scrolls sideways"
        assert axe(page) == [], path
        assert small_targets(page) == [], path


def small_targets(page: Page) -> list[str]:
    """What can be tapped on a region smaller than 44 px in both directions, links inside running text left out."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => [...document.querySelectorAll('main button, .bar button, .tabs a, .bar a.btn, main a.btn, .pay-bar a, .pay-bar button')]
        .filter(e => e.offsetParent && !e.closest('dialog:not([open])'))
        .map(e => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width && (r.height < 36 || r.width < 32))
        .map(([e, r]) => `${e.outerHTML.slice(0, 80)} ${Math.round(r.width)}x${Math.round(r.height)}`)"""
    )


def test_text_twice_as_large_still_fits(market: Market, opened: Opened) -> None:
    """200 % zoom of a 390 px phone is a page of 195 px: nothing runs out of it sideways but what scrolls by itself."""
    page = opened(fair.MEMBER_PHONE, "/shop/", width=240)
    for path in paths(market):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 240, f"{path} scrolls sideways"


def test_the_keyboard_fills_a_basket(market: Market, opened: Opened) -> None:
    page = opened(fair.MEMBER_PHONE, "/shop/")
    page.get_by_role("button", name="加一份 湛江白虾").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cart-count")).to_have_text("1")
    expect(page.get_by_role("button", name="少一份 湛江白虾")).to_be_visible()


def test_after_a_refusal_the_button_works_again(market: Market, gateway: Gateway, opened: Opened) -> None:
    page = opened(fair.MEMBER_PHONE, reverse("shop:sheet", args=[market.groups["egg"]]))
    page.get_by_role("spinbutton", name="份数").fill("99")
    page.get_by_role("button", name="提交，去付款").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="提交，去付款")).to_be_enabled()
