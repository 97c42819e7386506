"""The console's payments and bills: an operator of the region finds every payment and makes the day add up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse

from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.sandbox_gateway.server import Gateway
from linli.trade import channels, orders, pay, reconcile
from linli.trade.models import Difference, PayAttempt
from support import shop as built
from support.payers import notice, open_gateway, start, take
from support.shop import MONDAY, REGION, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    with open_gateway(tmp_path, settings, bills_at_once=True) as found:
        found.carry = lambda *_: (0, b"")
        yield found


@pytest.fixture
def operator(client, shop: Shop):
    person = people_groups.appoint(phone="+15550000900", display_name="Ops", kind="operator", region=REGION)
    session = client.session
    session["person_id"] = person
    session.save()
    return client


def paid(shop: Shop, gateway: Gateway, channel: str) -> str:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key=channel)
    started = start(placed, shop.alice, channel)
    take(gateway, started)
    pay.confirm(notice(gateway, started.attempt_no), channel=channel)
    return started.attempt_no


def today() -> str:
    return f"{channels.day_of(clocks.machine_now()):%Y-%m-%d}"


def test_payments_are_found_and_told(operator, shop: Shop, gateway: Gateway) -> None:
    assert "还没有人付过款" in operator.get(reverse("console:payments")).content.decode()
    first, second = paid(shop, gateway, "wechat"), paid(shop, gateway, "alipay")
    page = operator.get(reverse("console:payments")).content.decode()
    assert first[-10:].upper() in page and second[-10:].upper() in page and "微信支付" in page
    for query, there in (("channel=alipay", second), (f"q={first[-8:]}", first), ("q=Alice&state=paid", first), ("q=%00", first)):
        assert there[-10:].upper() in operator.get(f"{reverse('console:payments')}?{query}").content.decode()
    assert first[-10:].upper() not in operator.get(f"{reverse('console:payments')}?channel=alipay").content.decode()
    for query in ("day=2001-01-01", "state=closed", "q=nobody"):
        assert "没有符合的收款" in operator.get(f"{reverse('console:payments')}?{query}").content.decode()
    told = b"".join(operator.get(reverse("console:payments-export", args=["csv"]))).decode()
    assert first in told and second in told
    reconcile.day(channel="wechat", day=channels.day_of(clocks.machine_now()))
    story = operator.get(reverse("console:payment", args=[first])).content.decode()
    txn = PayAttempt.objects.get(out_trade_no=first).channel_txn
    assert "钱到了" in story and txn in story and "账单上" in story
    assert operator.get(reverse("console:payment", args=["nothing"])).status_code == 404


def test_a_lost_callback_is_asked_for_by_hand(operator, shop: Shop, gateway: Gateway) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    started = start(placed, shop.alice, "wechat")
    take(gateway, started)
    page = operator.post(reverse("console:payment-ask", args=[started.attempt_no]), follow=True).content.decode()
    assert "问过了" in page and PayAttempt.objects.get().state == "paid"


def test_the_day_is_fetched_and_a_difference_explained(operator, shop: Shop, gateway: Gateway) -> None:
    number = paid(shop, gateway, "wechat")
    gateway.book.refund("made-by-hand-01", number, 300)
    day = reverse("console:bill", args=["wechat", today()])
    assert "现在取账单" in operator.get(day).content.decode()
    page = operator.post(reverse("console:bill-fetch", args=["wechat", today()]), follow=True).content.decode()
    assert "有 1 条对不上" in page and "渠道有，我们没有" in page and "$8.00" in page
    assert "渠道有，我们没有" in operator.get(reverse("console:bills")).content.decode()
    one = Difference.objects.get()
    there = reverse("console:difference-resolve", args=[one.pk])
    assert "还没说明原因" in operator.post(there, {"reason": "accepted", "note": "", "back": day}, follow=True).content.decode()
    page = operator.post(there, {"reason": "our_error", "note": "前台手工退的", "back": "//evil.example"}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("console:bills") and "每一笔都对得上" in page.content.decode()
    page = operator.get(day).content.decode()
    assert "前台手工退的" in page and "Ops" in page
    assert operator.post(reverse("console:difference-resolve", args=[one.pk + 1]), {"reason": "accepted", "note": "xx"}).status_code == 404
    for wrong in (("sandbox", today()), ("wechat", "yesterday"), ("wechat", "2026-13-01")):
        assert operator.get(reverse("console:bill", args=wrong)).status_code == 404


def test_another_regions_payments_are_not_there(operator, shop: Shop, gateway: Gateway) -> None:
    number = paid(shop, gateway, "wechat")
    reconcile.day(channel="wechat", day=channels.day_of(clocks.machine_now()))
    PayAttempt.objects.update(region="elsewhere")
    assert operator.get(reverse("console:payment", args=[number])).status_code == 404
    assert operator.post(reverse("console:payment-ask", args=[number])).status_code == 404
    assert number[-10:].upper() not in operator.get(reverse("console:payments")).content.decode()
