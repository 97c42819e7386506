"""WeChat Pay and Alipay as they speak: the client libraries against our desks, both ways signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from linli.kernel import clocks
from linli.sandbox_gateway.mischief import RETRIES_S, Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import channels
from linli.trade.channels import Asked, Notification, alipay, breaker, wechat
from linli.trade.channels.merchants import Incomplete, minor
from linli.trade.channels.wechat.merchant import loaded
from support.payers import BOTH, METHOD, adapter, notice, open_gateway
from support.refusing import refused

NOTIFY = "http://127.0.0.1:9/notify"
N1 = "0192f0c8a1b27c3d9e4f5a6b7c8d9e01"


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    with open_gateway(tmp_path, settings, bills_at_once=True) as found:
        yield found


def asked(channel: str, number: str = N1, amount: int = 4990, **more) -> Asked:
    values = {"method": METHOD[channel], "expires_at": clocks.machine_now() + timedelta(minutes=15)} | more
    return Asked(number, amount, "CNY", "樱桃 {2 份} = 1/2 & 牛奶", "http://shop/o?a=1&b=2", NOTIFY, **values)


def opened(channel: str, number: str = N1, amount: int = 4990) -> str:
    """Open a payment and let the member's browser get to the cashier; returns its number."""
    way = adapter(channel).pay(asked(channel, number, amount))
    if way.kind == "redirect":
        assert httpx.get(way.target, trust_env=False).status_code == 302
    return number


@pytest.mark.parametrize("channel", BOTH)
def test_a_payment_lives_as_the_protocol_says(gateway: Gateway, channel: str) -> None:
    ours = adapter(channel)
    assert ours.seen(N1) is None and ours.close(N1) is None
    opened(channel)
    opened(channel)  # the same again is the same payment
    seen = ours.seen(N1)
    assert (seen.state, seen.amount_minor, seen.paid_at) == ("open", 4990, None)
    paid = gateway.book.pay(N1)
    seen = ours.seen(N1)
    assert (seen.state, seen.amount_minor, seen.currency, seen.channel_txn) == ("paid", 4990, "CNY", paid.txn)
    assert abs(seen.paid_at - clocks.machine_now()) < timedelta(seconds=5)
    assert ours.close(N1).state == "paid"  # too late to close


@pytest.mark.parametrize("channel", BOTH)
def test_a_closed_payment_is_closed(gateway: Gateway, channel: str) -> None:
    opened(channel)
    assert adapter(channel).close(N1).state == "closed"
    assert adapter(channel).close(N1).state == "closed"
    assert gateway.book.pay(N1) is None


@pytest.mark.parametrize("channel", BOTH)
def test_refunds_in_parts_each_once(gateway: Gateway, channel: str) -> None:
    ours = adapter(channel)
    opened(channel)
    assert ours.refund_state("refund01", N1) is None
    with pytest.raises(channels.Declined):
        ours.refund("refund01", N1, 100, total_minor=4990)
    gateway.book.pay(N1)
    gateway.wechat.refund_s = 0.0
    assert ours.refund_state("refund01", N1) is None
    first = ours.refund("refund01", N1, 4000, total_minor=4990)
    assert first == ("unknown" if channel == "wechat" else "succeeded")  # WeChat says PROCESSING
    ours.refund("refund01", N1, 4000)  # the total is asked for when it isn't given
    for number, amount in (("refund02", 991), ("refund01", 4001)):
        with pytest.raises(channels.Declined):
            ours.refund(number, N1, amount, total_minor=4990)
    assert ours.refund("refund03", N1, 990, total_minor=4990) in ("unknown", "succeeded")
    for number in ("refund01", "refund03"):
        gateway.book.arrive(number)
        assert ours.refund_state(number, N1) == "succeeded"
    assert sum(r.amount_minor for r in gateway.book.refunds_of(N1)) == 4990


@pytest.mark.parametrize(
    ("channel", "method", "kind"),
    [("wechat", "h5", "redirect"), ("wechat", "jsapi", "bridge"), ("alipay", "wap", "redirect"), ("alipay", "qr", "code")],
)
def test_each_method_opens_its_own_way(gateway: Gateway, channel: str, method: str, kind: str) -> None:
    way = adapter(channel).pay(asked(channel, method=method, payer="oMember", client_ip="203.0.113.7"))
    assert way.kind == kind
    if method == "h5":
        assert way.target.endswith("&redirect_url=http%3A%2F%2Fshop%2Fo%3Fa%3D1%26b%3D2")
        page = httpx.get(way.target, trust_env=False).text
        assert "¥49.90" in page and "微信支付" in page and "沙盒" in page
    if method == "jsapi":
        told = adapter(channel).bridge(way.target)
        assert told["package"] == f"prepay_id={way.target}" and told["signType"] == "RSA"
        from linli.sandbox_gateway import wire

        message = f"{told['appId']}\n{told['timeStamp']}\n{told['nonceStr']}\n{told['package']}\n"
        assert wire.verify(wire.public(gateway.wechat.keys.merchant_public), message, told["paySign"])
        with pytest.raises(channels.Declined):
            adapter(channel).pay(asked(channel, "another-number", method="jsapi"))  # WeChat must know who pays
    if method in ("wap", "qr"):
        page = httpx.get(way.target, trust_env=False, follow_redirects=True).text
        assert "¥49.90" in page and "支付宝" in page and "沙盒" in page


@pytest.mark.parametrize("channel", BOTH)
def test_what_isnt_signed_by_us_is_refused(gateway: Gateway, channel: str, settings) -> None:
    opened(channel)
    mine = adapter(channel).merchant
    other = alipay.merchant() if channel == "wechat" else wechat.merchant()
    stranger = type(adapter(channel))(replace(mine, key=other.key))
    with pytest.raises(channels.Declined) as no:
        stranger.seen(N1)
    assert no.value.code in ("SIGN_ERROR", "isv.invalid-signature")
    assert httpx.post(f"{gateway.url}/v3/pay/transactions/native", json={}, trust_env=False).status_code == 401


@pytest.mark.parametrize("channel", BOTH)
def test_an_answer_that_isnt_signed_by_them_says_nothing(gateway: Gateway, channel: str) -> None:
    opened(channel)
    mine = adapter(channel).merchant
    other = alipay.merchant() if channel == "wechat" else wechat.merchant()
    misled = type(adapter(channel))(replace(mine, public_key=other.public_key))
    with pytest.raises(channels.Unreachable):
        misled.seen(N1)


@pytest.mark.parametrize("channel", BOTH)
@pytest.mark.parametrize("how", ["errors", "silent"])
def test_trouble_is_no_answer(gateway: Gateway, channel: str, how: str) -> None:
    opened(channel)
    gateway.mischief = Mischief.only("plain", **{how: 1.0})
    for ask in (adapter(channel).seen, adapter(channel).close):
        with pytest.raises(channels.Unreachable):
            ask(N1)
    gateway.mischief = Mischief.none()
    assert adapter(channel).seen(N1).state == ("closed" if how == "silent" else "open")  # a silent one had happened


@pytest.mark.parametrize("channel", BOTH)
def test_true_news_is_read_and_every_forgery_refused(gateway: Gateway, channel: str) -> None:
    opened(channel)
    gateway.book.pay(N1)
    ours = adapter(channel)
    news = ours.hear(notice(gateway, N1))
    assert (news.about, news.out_trade_no, news.seen.amount_minor, news.seen.state) == ("payment", N1, 4990, "paid")
    for kind, code in (
        ("forged", "trade.bad_signature"),
        ("altered", "trade.bad_signature"),
        ("probe", "trade.bad_signature"),
        ("stale", "trade.stale_notification"),
        ("elsewhere", "trade.bad_notification"),
    ):
        with refused(code):
            ours.hear(notice(gateway, N1, kind))
    assert ours.hear(notice(gateway, N1, "opened")).about in ("nothing", "payment")
    assert ours.hear(notice(gateway, N1, "wrong_amount")).seen.amount_minor == 5090  # judged where the attempt is known


def test_news_of_a_refund_is_told_apart(gateway: Gateway) -> None:
    for channel, number in zip(BOTH, (N1, N1[::-1]), strict=True):
        opened(channel, number)
        gateway.book.pay(number)
        adapter(channel).refund(f"refund-{channel}", number, 100, total_minor=4990)
        gateway.book.arrive(f"refund-{channel}")
        news = adapter(channel).hear(notice(gateway, number, "true", f"refund-{channel}"))
        assert (news.about, news.refund_no) == ("refund", f"refund-{channel}")


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b"a=b&sign=%FF&sign_type=RSA2", b"sign_type=RSA2&sign=AAAA", b"[" * 2000])
@pytest.mark.parametrize("channel", BOTH)
def test_senseless_news_is_refused_without_a_call(gateway: Gateway, channel: str, body: bytes) -> None:
    found = adapter(channel)
    serial = found.merchant.public_key_id if channel == "wechat" else ""
    for strange in ("", "7F" * 20, "nonsense", serial):
        with refused("trade.bad_signature"):
            found.hear(Notification(body, "1700000000", "n", "é€", strange))


def test_alipay_fields_that_were_not_signed_are_seen(gateway: Gateway) -> None:
    opened("alipay")
    gateway.book.pay(N1)
    fields = parse_qsl(notice(gateway, N1).body.decode())
    with refused("trade.bad_signature"):
        adapter("alipay").hear(Notification(urlencode([*fields, ("trade_status", "TRADE_SUCCESS"), ("extra", "1")]).encode()))


@pytest.mark.parametrize("channel", BOTH)
def test_bills_say_what_happened_to_the_fen(gateway: Gateway, channel: str) -> None:
    opened(channel)
    opened(channel, N1[::-1], 333)
    gateway.book.pay(N1), gateway.book.pay(N1[::-1])
    adapter(channel).refund("refund01", N1, 1000, total_minor=4990)
    gateway.book.arrive("refund01")
    bill = adapter(channel).bill(channels.day_of(clocks.machine_now()))
    assert (bill.paid_minor, bill.back_minor, bill.fee_minor, bill.exists) == (5323, 1000, 30 + 2 - 6, True)
    assert sorted((line.kind, line.number, line.amount_minor, line.fee_minor) for line in bill.lines) == sorted(
        [("paid", N1, 4990, 30), ("paid", N1[::-1], 333, 2), ("refund", "refund01", 1000, -6)]
    )
    assert all(abs(line.at - clocks.machine_now()) < timedelta(seconds=10) for line in bill.lines)
    if channel == "wechat":
        funds = adapter(channel).funds(channels.day_of(clocks.machine_now()))
        assert funds.in_minor - funds.out_minor == 5323 - 1000 - 26
    assert not adapter(channel).bill(date(2024, 2, 29)).exists


def test_a_bill_that_is_not_what_was_announced_is_none(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    opened("wechat")
    gateway.book.pay(N1)
    day = channels.day_of(clocks.machine_now())
    true = gateway.wechat.trade_bill
    answers = iter([true, lambda at: true(at).replace(b"49.90", b"48.90")])
    monkeypatch.setattr(gateway.wechat, "trade_bill", lambda at: next(answers)(at))
    with pytest.raises(channels.Unreachable):
        adapter("wechat").bill(day)


@pytest.mark.parametrize("raw", [b"", "交易时间\n".encode(), "交易时间,x\n`1,`2\n总交易单数,y\n`1,`2\n".encode(), b"\xff\xfe\x00"])
def test_a_bill_of_another_shape_is_no_bill(raw: bytes) -> None:
    from linli.trade.channels.alipay import bills as alipay_bills
    from linli.trade.channels.wechat import bills as wechat_bills

    with pytest.raises(channels.Unreachable):
        wechat_bills.trade(date(2026, 1, 1), raw)
    with pytest.raises(channels.Unreachable):
        alipay_bills.trade(date(2026, 1, 1), raw or b"#")


def test_before_ten_there_is_no_bill(tmp_path: Path, settings) -> None:
    with open_gateway(tmp_path, settings) as gateway:
        opened("wechat"), opened("alipay", N1[::-1])
        gateway.book.pay(N1), gateway.book.pay(N1[::-1])
        today = channels.day_of(clocks.machine_now())
        with pytest.raises(channels.Unreachable):
            adapter("wechat").bill(today)
        assert not adapter("alipay").bill(today).exists


@pytest.mark.parametrize(("yuan", "fen"), [("0.05000", 5), ("-0.06", -6), ("1234567.89", 123456789), ("", 0), ("0.005", 1)])
def test_yuan_become_fen_exactly(yuan: str, fen: int) -> None:
    assert minor(yuan) == fen
    for wrong in ("1e999", "NaN", "12,00", "x"):
        with pytest.raises(ValueError):
            minor(wrong)


def test_the_schedules_are_the_documented_ones() -> None:
    m, h = 60, 3600
    assert RETRIES_S["wechat"] == (15, 15, 30, 3 * m, 10 * m, 20 * m, 30 * m, 30 * m, 30 * m, 60 * m, 3 * h, 3 * h, 3 * h, 6 * h, 6 * h)
    assert sum(RETRIES_S["wechat"]) == 24 * h + 4 * m  # "总计 24h4m"
    assert RETRIES_S["alipay"] == (4 * m, 10 * m, 10 * m, 1 * h, 2 * h, 6 * h, 15 * h)


def test_what_is_half_set_up_is_not_offered_and_secrets_do_not_show(tmp_path: Path, settings) -> None:
    settings.MERCHANTS = {"LINLI_WECHAT_APPID": "wx1", "LINLI_WECHAT_KEY_FILE": str(tmp_path / "none.pem")}
    with pytest.raises(Incomplete) as found:
        loaded()
    assert "LINLI_WECHAT_KEY_FILE" in found.value.missing and "LINLI_WECHAT_MCHID" in found.value.missing
    assert wechat.merchant() is None
    with open_gateway(tmp_path, settings):
        for merchant in (wechat.merchant(), alipay.merchant()):
            assert "PRIVATE" not in repr(merchant) and getattr(merchant, "apiv3_key", "none") not in repr(merchant)
        assert channels.offered("CNY") == ["wechat", "alipay"]
        settings.SANDBOX = False
        assert channels.offered("CNY") == []


def test_a_silent_channel_is_left_alone_and_tried_again(gateway: Gateway) -> None:
    opened("wechat")
    gateway.mischief = Mischief.only("plain", errors=1.0)
    now = clocks.machine_now()
    for _ in range(breaker.SILENCES):
        with pytest.raises(channels.Unreachable):
            channels.of("wechat").seen(N1)
    gateway.mischief = Mischief.none()
    assert breaker.resting("wechat") and not breaker.resting("alipay")
    with pytest.raises(channels.Unreachable, match="left alone"):
        channels.of("wechat").seen(N1)
    with clocks.fixed(machine=now + breaker.REST[0] + timedelta(seconds=2)):
        # One question goes through; its answer opens the way again. (The desk judges times by the machine's own clock.)
        assert channels.of("wechat").seen(N1).state == "open"
    assert not breaker.resting("wechat")
