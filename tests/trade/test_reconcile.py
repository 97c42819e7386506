"""The channel's bill against the books: the day adds up to the fen, and each way of not adding up has a name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from linli.kernel import clocks, events, ledger
from linli.sandbox_gateway.server import Gateway
from linli.trade import accounts, channels, orders, pay, reconcile, refunds, work
from linli.trade.models import BillDay, BillLine, Difference, PayAttempt, Refund
from linli.trade.rules.reconciling import Ours, Theirs, differences, fee
from support.payers import BOTH, notice, open_gateway, start, take
from support.refusing import refused
from support.shop import REGION, Shop

DAY = channels.day_of(datetime.fromtimestamp(time.time(), channels.DAY_ZONE))


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    with open_gateway(tmp_path, settings, bills_at_once=True) as found:
        found.wechat.refund_s = 0
        found.carry = lambda *_: (0, b"")
        yield found


def books(channel: str) -> tuple[int, int]:
    """What the channel's account holds for us, and what its fees have cost."""
    holds = ledger.balance(accounts.channel(REGION, "USD", channel)).balance
    return -holds, -ledger.balance(accounts.fees(REGION, "USD")).balance


def bought(shop: Shop, gateway: Gateway, channel: str, key: str, pieces: int = 2) -> tuple[orders.Placed, str]:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, pieces)], key=key)
    started = start(placed, shop.alice, channel)
    take(gateway, started)
    pay.confirm(notice(gateway, started.attempt_no), channel=channel)
    return placed, started.attempt_no


def given_back(gateway: Gateway, shop: Shop, placed: orders.Placed) -> str:
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    refunds.pursue()
    number = Refund.objects.get(order_id=placed.order_id).refund_no
    gateway.book.arrive(number)
    refunds.pursue()
    return number


def found(channel: str) -> list[tuple[str, str, str]]:
    return [(d.code, d.kind, d.state) for d in Difference.objects.filter(bill__channel=channel).order_by("code", "number")]


@pytest.mark.parametrize("channel", BOTH)
def test_the_day_adds_up_to_the_fen(shop: Shop, gateway: Gateway, channel: str) -> None:
    back, _ = bought(shop, gateway, channel, "a", 3)
    bought(shop, gateway, channel, "b", 1)
    bought(shop, gateway, channel, "c", 2)
    given_back(gateway, shop, back)
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert (day.region, day.lines, day.open_count, day.error) == (REGION, 4, 0, "")
    bill = BillDay.objects.get()
    assert (bill.bill_paid_minor, bill.bill_back_minor) == (bill.books_paid_minor, bill.books_back_minor) == (2400, 1200)
    kept = fee(1200, "0.006") + fee(400, "0.006") + fee(800, "0.006") - fee(1200, "0.006")
    assert bill.bill_fee_minor == bill.fee_posted_minor == kept == 7
    # What the channel holds for us by our own ledger is what its bill says, less what it kept.
    assert books(channel) == (2400 - 1200 - kept, kept)
    assert ledger.audit().ok
    raw = (Path(django_settings.HOME) / "bills" / channel / f"{DAY:%Y-%m-%d}.csv").read_bytes()
    assert bill.digest and raw
    if channel == "wechat":
        funds = channels.adapter("wechat").funds(DAY)
        assert funds.in_minor - funds.out_minor == books(channel)[0]


@pytest.mark.parametrize("channel", BOTH)
def test_again_it_is_the_same(shop: Shop, gateway: Gateway, channel: str) -> None:
    bought(shop, gateway, channel, "a")
    first = reconcile.day(channel=channel, day=DAY)
    before = books(channel), BillLine.objects.count(), BillDay.objects.get().revision
    assert reconcile.day(channel=channel, day=DAY, by="person:1") == first
    assert (books(channel), BillLine.objects.count(), BillDay.objects.get().revision) == before
    bought(shop, gateway, channel, "b")  # the day wasn't over
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert (day.lines, day.open_count) == (2, 0)
    assert books(channel) == (1600 - 10, 10) and ledger.audit().ok


def test_what_is_read_found_and_settled_is_told_once(shop: Shop, gateway: Gateway) -> None:
    bought(shop, gateway, "wechat", "a")
    channels.adapter("wechat").pay(channels.Asked("f" * 32, 5000, "USD", "x", "http://shop/", "http://shop/n", "native"))
    gateway.book.pay("f" * 32)
    for _ in range(2):
        reconcile.day(channel="wechat", day=DAY)
    [found] = Difference.objects.filter(state="open")
    for _ in range(2):
        reconcile.resolve(difference_id=found.pk, region=REGION, reason="accepted", note="not ours", by="person:1")
    told = list(reversed(events.about(f"bill:wechat/{DAY}", region=REGION)))
    assert [e.kind for e in told] == ["trade.difference_found", "trade.bill_read", "trade.difference_settled"]
    assert told[0].payload["number"] == "f" * 32 and (told[1].payload["line_count"], told[1].payload["open_count"]) == (2, 1)
    assert (told[2].payload["reason"], told[2].payload["by"]) == ("accepted", "person:1")


def test_a_channel_that_hangs_holds_no_matching(shop: Shop, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    take(gateway, start(placed, shop.alice, "wechat"))
    monkeypatch.setattr(reconcile, "ASKING_S", 0.0)  # its time is up: nobody is asked, and the bill is matched all the same
    (day,) = reconcile.day(channel="wechat", day=DAY)
    assert (day.lines, day.open_count, PayAttempt.objects.get().state) == (1, 1, "open")
    monkeypatch.undo()


@pytest.mark.parametrize("channel", BOTH)
def test_a_payment_that_nobody_told_of_is_found_on_the_bill(shop: Shop, gateway: Gateway, channel: str) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    take(gateway, start(placed, shop.alice, channel))
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert day.open_count == 0 and PayAttempt.objects.get().state == "paid"
    assert books(channel)[0] == 800 - 5


@pytest.mark.parametrize("channel", BOTH)
def test_money_that_is_none_of_ours_is_named(shop: Shop, gateway: Gateway, channel: str) -> None:
    bought(shop, gateway, channel, "a")
    stranger = "feedfacefeedfacefeedfacefeedface"
    asked = channels.Asked(
        stranger, 5000, "USD", "paid elsewhere", "http://shop/", "http://shop/n", {"wechat": "native"}.get(channel, "qr")
    )
    channels.adapter(channel).pay(asked)
    gateway.book.pay(stranger)
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert day.open_count == 1 and found(channel) == [("missing_here", "paid", "open")]
    bill = BillDay.objects.get()
    assert bill.bill_paid_minor - bill.books_paid_minor == 5000 == Difference.objects.get().theirs_minor


@pytest.mark.parametrize("channel", BOTH)
def test_what_the_channel_does_not_know_is_named(shop: Shop, gateway: Gateway, channel: str) -> None:
    bought(shop, gateway, channel, "a")
    _, number = bought(shop, gateway, channel, "b", 1)
    gateway.book._rows("UPDATE payment SET state = 'open', paid_at = NULL WHERE out_trade_no = ?", number)
    PayAttempt.objects.update(paid_at=_noon())
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert day.open_count == 1 and found(channel) == [("missing_there", "paid", "open")]
    gateway.book._rows("UPDATE payment SET state = 'paid', paid_at = ? WHERE out_trade_no = ?", int(time.time()), number)
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert day.open_count == 0 and found(channel) == [("missing_there", "paid", "gone")]


def _noon() -> datetime:
    return datetime.combine(DAY, datetime.min.time(), channels.DAY_ZONE) + timedelta(hours=12)


@pytest.mark.parametrize("channel", BOTH)
def test_a_bill_missing_as_a_whole_names_every_payment(shop: Shop, gateway: Gateway, channel: str) -> None:
    _, number = bought(shop, gateway, channel, "a")
    gateway.book._rows("UPDATE payment SET paid_at = NULL")
    PayAttempt.objects.update(paid_at=_noon())
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert number and found(channel) == [("missing_there", "paid", "open")] and day.lines == 0


@pytest.mark.parametrize("channel", BOTH)
def test_amounts_fees_and_books_that_differ_are_named(shop: Shop, gateway: Gateway, channel: str) -> None:
    _, altered = bought(shop, gateway, channel, "a")
    bought(shop, gateway, channel, "b", 1)
    gateway.book._rows("UPDATE payment SET amount_minor = 799 WHERE out_trade_no = ?", altered)
    assert reconcile.day(channel=channel, day=DAY)[0].open_count == 1
    assert found(channel) == [("amount", "paid", "open")]
    one = Difference.objects.get()
    assert (one.ours_minor, one.theirs_minor, one.number) == (800, 799, altered)


def test_a_fee_that_is_not_the_agreed_one_is_named(shop: Shop, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    from linli.sandbox_gateway import wire

    monkeypatch.setattr(wire, "FEE_PPM", 10_000)
    bought(shop, gateway, "wechat", "a")
    reconcile.day(channel="wechat", day=DAY)
    one = Difference.objects.get()
    assert (one.code, one.ours_minor, one.theirs_minor) == ("fee", 5, 8)
    assert books("wechat") == (792, 8)  # booked as the channel kept it; the difference is to be claimed


@pytest.mark.parametrize("channel", BOTH)
def test_a_refund_still_on_its_way_is_no_difference(shop: Shop, gateway: Gateway, channel: str) -> None:
    placed, _ = bought(shop, gateway, channel, "a")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    refunds.pursue()
    (day,) = reconcile.day(channel=channel, day=DAY)
    assert (day.lines, day.open_count) == (2, 0)


def test_a_refund_that_somebody_made_at_the_channel_is_named(shop: Shop, gateway: Gateway) -> None:
    _, number = bought(shop, gateway, "wechat", "a")
    gateway.book.refund("made-by-hand-01", number, 300)
    reconcile.day(channel="wechat", day=DAY)
    assert found("wechat") == [("missing_here", "refund", "open")]


def test_a_difference_is_laid_to_rest_with_a_reason_and_stays(shop: Shop, gateway: Gateway) -> None:
    _, number = bought(shop, gateway, "wechat", "a")
    gateway.book.refund("made-by-hand-01", number, 300)
    reconcile.day(channel="wechat", day=DAY)
    one = Difference.objects.get()
    how = {"difference_id": one.pk, "region": REGION, "by": "person:3"}
    for reason, note in (("", "why"), ("because", "why"), ("our_error", " ")):
        with refused("trade.reason_needed"):
            reconcile.resolve(**how, reason=reason, note=note)
    with refused("trade.no_such_difference"):
        reconcile.resolve(**(how | {"region": "elsewhere"}), reason="accepted", note="small")
    for _ in range(2):
        reconcile.resolve(**how, reason="paid_outside", note="前台退的")
    with refused("trade.difference_closed"):
        reconcile.resolve(**how, reason="accepted", note="small")
    assert reconcile.day(channel="wechat", day=DAY)[0].open_count == 0  # explained stays explained
    one.refresh_from_db()
    assert (one.state, one.resolved_by, one.note) == ("resolved", "person:3", "前台退的") and one.resolved_at
    gateway.book._rows("UPDATE refund SET amount_minor = 301 WHERE refund_no = 'made-by-hand-01'")
    assert reconcile.day(channel="wechat", day=DAY)[0].open_count == 1  # other figures were not what was explained


def test_around_midnight_a_payment_may_be_on_either_days_bill(shop: Shop, gateway: Gateway) -> None:
    _, number = bought(shop, gateway, "wechat", "a")
    gateway.book._rows("UPDATE payment SET paid_at = NULL WHERE out_trade_no = ?", number)
    PayAttempt.objects.update(paid_at=datetime.combine(DAY, datetime.max.time(), channels.DAY_ZONE) - timedelta(seconds=3))
    assert reconcile.day(channel="wechat", day=DAY)[0].open_count == 0  # tomorrow's bill isn't in yet
    BillDay.objects.create(region=REGION, channel="wechat", day=DAY + timedelta(days=1), currency="USD", fetched_at=clocks.machine_now())
    assert reconcile.day(channel="wechat", day=DAY)[0].open_count == 1


def test_without_a_bill_the_day_waits_and_says_why(shop: Shop, tmp_path: Path, settings) -> None:
    with open_gateway(tmp_path, settings) as gateway:  # bills at ten tomorrow, as in earnest
        bought(shop, gateway, "wechat", "a")
        (day,) = reconcile.day(channel="wechat", day=DAY)
    assert "bill is being made" in day.error
    waiting = BillDay.objects.get()
    assert waiting.fetched_at is None and waiting.error == day.error


def test_each_day_comes_by_itself_once_its_bill_is_made(shop: Shop, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(reconcile, "day", lambda *, channel, day, **more: asked.append((channel, day)))
    tomorrow = datetime.combine(DAY + timedelta(days=1), datetime.min.time(), channels.DAY_ZONE)
    with clocks.fixed(machine=tomorrow + timedelta(hours=10)):
        assert reconcile.due() == 2 * (reconcile.DAYS_BACK - 1)
        assert ("wechat", DAY) not in asked
    with clocks.fixed(machine=tomorrow + timedelta(hours=11)):
        BillDay.objects.create(region=REGION, channel="alipay", day=DAY, currency="USD", fetched_at=clocks.machine_now())
        asked.clear()
        reconcile.due()
        assert ("wechat", DAY) in asked and ("alipay", DAY) not in asked
    assert work.BILLS in work.HANDLERS and work.EVERY[work.BILLS] <= timedelta(hours=1)


def test_senseless_days_are_refused(shop: Shop, gateway: Gateway) -> None:
    with refused("trade.no_such_channel"):
        reconcile.day(channel="sandbox", day=DAY)
    with refused("trade.day_not_over"):
        reconcile.day(channel="wechat", day=DAY + timedelta(days=2))


def test_the_rules_by_hand() -> None:
    key, back = ("paid", "1"), ("refund", "2")
    mine = {key: Ours(key, 1000, "settled", 1000), back: Ours(back, 300, "waiting", 0)}
    right = [Theirs(key, 1000, 6, "SUCCESS"), Theirs(back, 300, -2, "PROCESSING")]
    assert differences(mine, right, {key}, "0.006") == []
    codes = lambda *a: [f.code for f in differences(*a)]  # noqa: E731
    assert codes(mine, [Theirs(back, 300, -2, "SUCCESS")], {key}, "0.006") == ["state", "missing_there"]
    assert codes({key: Ours(key, 1000, "settled", 0)}, right[:1], {key}, "0.006") == ["books"]
    assert codes({key: Ours(key, 1000, "none", 0)}, right[:1], set(), "0.006") == ["state"]
    assert codes({}, right, set(), "0.006") == ["missing_here", "missing_here"]
    assert [fee(a, "0.006") for a in (0, 83, 84, 4990)] == [0, 0, 1, 30]
