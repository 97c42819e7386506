"""The phone in a real browser, against a live server and the real sandbox gateway on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from linli.kernel import clocks
from linli.people import queries as people
from linli.sandbox_gateway.mischief import Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import channels, groups, queries
from linli.web.access import SESSION_KEY
from support import shop as built
from support.phone import PHONES, issue_coupon, leader_task
from support.shop import MONDAY, NOON, Shop, Till, buy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def own_queries() -> Iterator[None]:
    """The browser's driver keeps an event loop in this thread; the tests' own queries are plain ones all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    """The small shop, its clock standing at MONDAY for the server's threads too."""
    clocks.set_business(MONDAY)
    return built.build()


@pytest.fixture
def gateway(tmp_path: Path, settings: Any) -> Iterator[Gateway]:
    found = Gateway(home=tmp_path, secret=settings.GATEWAY_SECRET, mischief=Mischief.none())
    settings.GATEWAY_URL = found.url
    found.start()
    yield found
    found.stop()


Opened = Callable[..., Page]


@pytest.fixture
def opened(chromium: Browser, live_server: LiveServer) -> Iterator[Opened]:
    """Open a page as somebody of the cast on a phone; a script error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(name: str, path: str, *, width: int = 390, scheme: str = "light") -> Page:
        person = people.person_by_phone(PHONES[name])
        assert person is not None
        session = SessionStore()
        session[SESSION_KEY] = person.person_id
        session.save()
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="zh-CN",
            is_mobile=True,
            has_touch=True,
            base_url=live_server.url,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": session.session_key or "", "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_member_joins_pays_and_gets_a_code(shop: Shop, gateway: Gateway, opened: Opened) -> None:
    issue_coupon(shop.alice)
    page = opened("alice", "/shop/")
    page.locator(f'a[href="{reverse("shop:product", args=[shop.cherries])}"]').click()
    page.get_by_role("link", name="参团，还差 3 份").click()
    page.get_by_role("button", name="多一份").click()
    expect(page.locator("#quote .all dd")).to_contain_text("$7")
    expect(page.locator("#sum")).to_contain_text("7")
    page.get_by_role("button", name="提交，去付款").click()
    page.wait_for_url(f"{gateway.url}/**")
    page.get_by_role("button", name="付").first.click()
    back = page.get_by_role("link", name="回").first
    if "/orders/" not in page.url and back.count():
        back.click()
    page.wait_for_url("**/shop/orders/*/", timeout=15_000)
    expect(page.get_by_role("heading", name="付好了，等成团")).to_be_visible()
    [order] = queries.orders_of(shop.alice)
    assert order.state == "paid" and order.payable_minor == 700
    expect(page.locator(".code")).to_have_text(order.pickup_code or "-")


def test_a_lost_network_is_told_and_the_next_tap_is_the_same_order(shop: Shop, gateway: Gateway, opened: Opened) -> None:
    page = opened("alice", reverse("shop:sheet", args=[shop.cherries]))
    page.context.set_offline(True)
    button = page.get_by_role("button", name="提交，去付款")
    button.click()
    expect(page.locator("#toasts")).to_contain_text("不会重复")
    expect(button).to_be_enabled()
    page.context.set_offline(False)
    button.dblclick()
    page.wait_for_url(f"{gateway.url}/**")
    assert len(queries.orders_of(shop.alice)) == 1


def test_a_refusal_leaves_the_sheet_filled_in(shop: Shop, gateway: Gateway, opened: Opened) -> None:
    page = opened("alice", reverse("shop:sheet", args=[shop.cherries]))
    page.get_by_label("份数", exact=True).last.fill("30")
    page.get_by_role("button", name="提交，去付款").click()
    expect(page.get_by_role("alert")).to_contain_text("只剩 10 份")
    expect(page.locator("[name=quantity]")).to_have_value("30")


def test_the_leader_confirms_undoes_and_hands_out(shop: Shop, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    till = Till()
    monkeypatch.setattr(channels, "of", lambda name: till)
    buy(till, shop.alice, [(shop.cherries, 3)], key="alice-1")
    clocks.set_business(NOON)
    groups.close_due(built.REGION)
    code = queries.orders_of(shop.alice)[0].pickup_code or ""
    task = leader_task(shop.alice, shop.maple)

    page = opened("leader", "/leader/")
    card = page.locator(f"#task-{task}")
    card.get_by_role("button", name="改话").click()
    card.get_by_role("textbox").fill("樱桃来了，给您留了些。")
    card.get_by_role("button", name="复制去发").click()
    expect(card).to_have_count(0)
    assert page.evaluate("navigator.clipboard.readText()") == "樱桃来了，给您留了些。"
    page.locator("#toasts").get_by_role("button", name="撤销").click()
    expect(page.locator(f"#task-{task}")).to_be_visible()
    page.locator(f"#task-{task}").get_by_role("button", name="跳过").click()
    page.get_by_role("dialog").get_by_text("等过一阵").or_(page.get_by_role("dialog").locator("label").nth(1)).first.click()
    page.get_by_role("dialog").get_by_role("button", name="跳过", exact=True).click()
    expect(page.locator(f"#task-{task}")).to_have_count(0)

    page.get_by_role("link", name="自提").click()
    page.get_by_role("textbox", name="取货码").fill(code.lower())
    page.get_by_role("button", name="查").click()
    page.get_by_role("button", name="货交给对方了").click()
    expect(page.get_by_text("已交货，共 3 份")).to_be_visible()
    assert queries.orders_of(shop.alice)[0].state == "handed_over"


SHOP_PAGES = ("shop:home", "shop:all", "shop:search", "shop:orders", "shop:coupons", "shop:inbox", "shop:me")
LEADER_PAGES = ("leader:today", "leader:groups", "leader:pickup", "leader:me")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_320(
    shop: Shop, opened: Opened, axe: Callable[[Page], list[str]], monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    till = Till()
    monkeypatch.setattr(channels, "of", lambda name: till)
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="alice-1")
    issue_coupon(shop.alice)
    leader_task(shop.bob, shop.maple)
    own = [
        reverse("shop:product", args=[shop.cherries]),
        reverse("shop:sheet", args=[shop.milk]),
        reverse("shop:order", args=[placed.order_id]),
    ]
    for name, paths in (("alice", [*map(reverse, SHOP_PAGES), *own]), ("leader", [reverse(v) for v in LEADER_PAGES])):
        page = opened(name, paths[0], width=320, scheme=scheme)
        for path in paths:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, f"{path} scrolls sideways"
            assert axe(page) == [], path
