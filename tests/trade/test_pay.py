"""Payment: believed once, whatever the channel sends, how often and in which order."""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta

import httpx
import pytest

from linli.kernel import clocks, ledger
from linli.trade import accounts, channels, orders, pay, queries, refunds
from linli.trade.channels.sandbox import Sandbox
from linli.trade.models import PayAttempt, Refund
from support.refusing import refused
from support.shop import REGION, Shop, Till, buy, pay_for, signed


def earned() -> int:
    return ledger.balance(accounts.revenue(REGION, "USD")).balance


def state(placed: orders.Placed) -> str:
    found = queries.order(placed.order_id)
    assert found is not None
    return found.state


def started(shop: Shop, till: Till, key: str = "k") -> tuple[orders.Placed, str]:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key=key)
    attempt = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/o")
    return placed, attempt.attempt_no


def test_paying_posts_the_money_once(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.take(number)
    assert pay.confirm(till.notice(number)).outcome == "paid"
    assert [pay.confirm(till.notice(number)).outcome for _ in range(5)] == ["again"] * 5
    assert (earned(), state(placed)) == (800, "paid")
    assert ledger.audit().ok


def test_starting_twice_is_one_attempt(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    again = pay.start(order_id=placed.order_id, member_id=shop.alice, key="other tap", return_url="http://shop/o")
    assert again.attempt_no == number and len(till.payments) == 1
    till.take(number)
    pay.confirm(till.notice(number))
    with refused("trade.already_paid"):
        pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/o")


def test_a_start_whose_answer_was_lost_goes_on_with_the_same_attempt(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    till.silent = True
    with refused("trade.channel_silent"):
        pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/o")
    till.silent = False
    pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/o")
    assert PayAttempt.objects.count() == 1


@pytest.mark.parametrize("changes", [{"amount_minor": 799}, {"amount_minor": 80000}, {"currency": "CNY"}])
def test_a_wrong_amount_posts_nothing(shop: Shop, till: Till, changes: dict[str, object]) -> None:
    placed, number = started(shop, till)
    till.take(number)
    with refused("trade.wrong_amount"):
        pay.confirm(till.notice(number, **changes))
    assert (earned(), state(placed)) == (0, "placed")


def test_a_forged_notice_posts_nothing_and_leaves_no_personal_words(shop: Shop, till: Till, caplog: pytest.LogCaptureFixture) -> None:
    placed, number = started(shop, till)
    till.take(number)
    true = till.notice(number)
    forged = [
        signed(true.body, secret="guess"),
        pay.Notification(true.body.replace(b"800", b"801"), true.timestamp, true.nonce, true.signature),
        pay.Notification(true.body, str(int(true.timestamp) + 1), true.nonce, true.signature),
        pay.Notification(true.body, true.timestamp, "other", true.signature),
        pay.Notification(true.body, true.timestamp, true.nonce, ""),
        pay.Notification(true.body, true.timestamp, true.nonce, "é" * 64),
        pay.Notification(b"Alice +15550000001", true.timestamp, true.nonce, "x"),
    ]
    with caplog.at_level(logging.WARNING):
        for notice in forged:
            with refused("trade.bad_signature"):
                pay.confirm(notice)
    assert (earned(), state(placed)) == (0, "placed")
    assert "trade.bad_signature" in caplog.text and "Alice" not in caplog.text and number not in caplog.text


def test_a_stale_notice_posts_nothing(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.take(number)
    body = till.notice(number).body
    for away in (timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=-400)):
        with refused("trade.stale_notification"):
            pay.confirm(signed(body, at=clocks.machine_now() + away))
    with refused("trade.bad_notification"):
        pay.confirm(pay.Notification(body, "1e9", "n", signed_at("1e9", body)))
    assert (earned(), state(placed)) == (0, "placed")


def signed_at(timestamp: str, body: bytes) -> str:
    from django.conf import settings

    from linli.trade.channels.sandbox import sign

    return sign(settings.GATEWAY_SECRET, timestamp, "n", body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"paid"', b'{"state": "paid"}', b'{"state":"paid","out_trade_no":7}'])
def test_a_senseless_notice_is_refused(shop: Shop, till: Till, body: bytes) -> None:
    with refused("trade.bad_notification"):
        pay.confirm(signed(body))


def test_a_notice_about_nothing_is_refused_and_old_news_ignored(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    assert pay.confirm(till.notice(number)).outcome == "ignored"  # "open": older than what we know
    till.take(number)
    with refused("trade.unknown_attempt"):
        pay.confirm(till.notice(number, out_trade_no="somebody-elses"))
    pay.confirm(till.notice(number))
    with refused("trade.bad_notification"):
        pay.confirm(till.notice(number, channel_txn="another"))
    assert earned() == 800 and state(placed) == "paid"


def test_a_lost_callback_is_found_when_the_member_returns(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.take(number)
    assert pay.refresh(order_id=placed.order_id, member_id=shop.alice) == "paid"
    assert pay.confirm(till.notice(number)).outcome == "again"


def test_a_lost_callback_is_found_by_reconciliation(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.take(number)
    assert pay.reconcile() == 0
    assert (earned(), state(placed)) == (800, "paid")


def test_a_lost_callback_is_found_before_the_order_expires(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.take(number)
    with clocks.fixed(machine=placed.pay_by):
        assert pay.expire(placed.order_id) == "paid"


def test_unpaid_in_time_everything_is_let_go(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    with clocks.fixed(machine=placed.pay_by - timedelta(seconds=1)):
        assert pay.expire(placed.order_id) == "placed"
    with clocks.fixed(machine=placed.pay_by):
        assert pay.expire(placed.order_id) == "expired"
        assert pay.expire(placed.order_id) == "expired"
    card = queries.group(shop.cherries)
    assert card is not None and card.left_pieces == 10
    assert till.payments[number].state == "closed"  # nobody can pay for it any more


def test_while_the_channel_is_silent_an_order_waits_but_not_for_ever(shop: Shop, till: Till) -> None:
    placed, _ = started(shop, till)
    till.silent = True
    with clocks.fixed(machine=placed.pay_by + timedelta(minutes=1)):
        assert pay.expire(placed.order_id) == "placed"
    with clocks.fixed(machine=placed.pay_by + pay.GRACE):
        assert pay.expire(placed.order_id) == "expired"


def test_a_late_payment_goes_back_by_itself(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    till.silent = True
    with clocks.fixed(machine=placed.pay_by + pay.GRACE):
        pay.expire(placed.order_id)
    till.silent = False
    till.take(number)
    assert pay.confirm(till.notice(number)).outcome == "unwanted"
    assert pay.confirm(till.notice(number)).outcome == "again"
    refunds.pursue()
    assert list(till.refunds.values()) == [800]
    assert (earned(), state(placed)) == (0, "expired")
    assert ledger.balance(accounts.unwanted(REGION, "USD")).balance == 0
    assert ledger.balance(accounts.channel(REGION, "USD", "sandbox")).balance == 0
    assert ledger.audit().ok


def test_a_payment_for_a_cancelled_order_goes_back(shop: Shop, till: Till) -> None:
    placed, number = started(shop, till)
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    till.take(number)
    assert pay.confirm(till.notice(number)).outcome == "unwanted"
    refunds.pursue()
    assert list(till.refunds.values()) == [800] and earned() == 0


def test_a_second_attempt_that_is_paid_too_goes_back(shop: Shop, till: Till) -> None:
    placed, first = started(shop, till)
    till.close(first)
    second = pay.start(order_id=placed.order_id, member_id=shop.alice, key="p2", return_url="http://shop/o").attempt_no
    assert second != first
    for number in (second, first):  # the channel took both, whatever it had said
        till.take(number)
    assert pay.confirm(till.notice(second)).outcome == "paid"
    assert pay.confirm(till.notice(first)).outcome == "unwanted"
    refunds.pursue()
    assert (earned(), state(placed), list(till.refunds.values())) == (800, "paid", [800])
    assert set(PayAttempt.objects.values_list("state", flat=True)) == {"paid", "unwanted"}


def test_a_refund_without_an_answer_is_asked_about_not_repeated(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    till.loses_reply = True
    assert refunds.pursue() == 1
    assert (Refund.objects.get().state, state(placed)) == ("unknown", "refunding")
    asked = till.asked
    assert refunds.pursue(end=time.monotonic()) == 1 and till.asked == asked, "the round's time is up: nobody is asked"
    till.loses_reply = False
    sent = dict(till.refunds)
    assert refunds.pursue() == 0
    assert till.refunds == sent and state(placed) == "refunded" and earned() == 0


def test_a_refund_the_channel_never_heard_of_is_sent(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    # Killed between claim and call: the row says "sending", nothing was sent.
    Refund.objects.update(state="sending", sent_at=clocks.machine_now() - timedelta(minutes=2))
    assert refunds.pursue() == 0
    assert state(placed) == "refunded" and len(till.refunds) == 1


def test_a_declined_refund_stays_owed_until_it_is_sent_again(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    till.declines = True
    refunds.pursue()
    refund = Refund.objects.get()
    assert (refund.state, earned(), ledger.balance(accounts.revenue(REGION, "USD")).held) == ("failed", 800, 800)
    till.declines = False
    assert refunds.retry(refund_no=refund.refund_no, region=REGION) == "succeeded"
    assert (earned(), state(placed)) == (0, "refunded")
    with refused("trade.no_such_refund"):
        refunds.retry(refund_no="none", region=REGION)


def test_a_channel_that_refuses_the_question_leaves_a_refund_as_it_is(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2)], key="k")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    till.loses_reply = True
    refunds.pursue()

    def no(refund_no: str, out_trade_no: str) -> str:
        raise channels.Declined("signature")

    with monkeypatch.context() as refusing:
        refusing.setattr(till, "refund_state", no)
        assert refunds.pursue() == 1
    assert Refund.objects.get().state == "unknown"
    assert refunds.pursue() == 0 and state(placed) == "refunded"


def test_one_order_that_cannot_be_let_go_holds_nobody_up(shop: Shop, till: Till, caplog: pytest.LogCaptureFixture) -> None:
    broken, _ = started(shop, till)
    fine = orders.place(member_id=shop.bob, lines=[(shop.milk, 1)], key="k")
    back = buy(till, shop.bob, [(shop.milk, 1)], key="k2")
    orders.cancel(order_id=back.order_id, member_id=shop.bob, key="c")
    held = f"order/{broken.order_id.hex}/1/hold"
    ledger.commit(ledger.Void(key="by mistake", pending_key=held, region=REGION))
    with clocks.fixed(machine=fine.pay_by + timedelta(seconds=1)), refused("ledger.resolved"):
        pay.reconcile()
    assert (state(broken), state(fine), state(back)) == ("placed", "expired", "refunded")


@pytest.mark.parametrize("answer", [{}, {"state": "paid"}, {"state": "paid", "amount_minor": "x", "currency": "USD"}, []])
def test_an_answer_of_another_shape_is_none(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(httpx.Client, "request", lambda self, *a, **k: httpx.Response(200, json=answer))
    for ask in (Sandbox().seen, Sandbox().close):
        with pytest.raises(channels.Unreachable):
            ask("n1")
    with pytest.raises(channels.Unreachable):
        Sandbox().pay(channels.Asked("n1", 100, "USD", "milk", "http://shop/", "http://shop/notify"))


def test_an_operator_gives_one_line_back_once(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(shop.cherries, 2), (shop.milk, 1)], key="k")
    ask = {"order_id": placed.order_id, "reason": "operator", "by": "person:1", "key": "r", "line_numbers": [2]}
    assert refunds.request(**ask) == refunds.request(**ask)  # type: ignore[arg-type]
    with refused("trade.key_reused"):
        refunds.request(**(ask | {"line_numbers": [1]}))  # type: ignore[arg-type]
    with refused("trade.nothing_to_refund"):
        refunds.request(**(ask | {"key": "r2"}))  # type: ignore[arg-type]
    refunds.pursue()
    assert (earned(), state(placed), list(till.refunds.values())) == (800, "paid", [333])


def test_the_door_answers_what_a_channel_understands(shop: Shop, till: Till, client) -> None:
    _, number = started(shop, till)
    till.take(number)
    true = till.notice(number)

    def knock(notice: pay.Notification) -> int:
        headers = {"Linli-Timestamp": notice.timestamp, "Linli-Nonce": notice.nonce, "Linli-Signature": notice.signature}
        answer = client.post("/api/pay/sandbox/notify", notice.body, content_type="application/json", headers=headers)
        json.loads(answer.content)
        return int(answer.status_code)

    assert knock(signed(true.body, secret="guess")) == 401
    assert knock(signed(true.body, at=clocks.machine_now() - timedelta(hours=1))) == 401
    assert knock(till.notice(number, amount_minor=1)) == 400
    assert knock(till.notice(number, out_trade_no="nobody")) == 404
    assert [knock(true), knock(true)] == [200, 200]
    assert client.get("/api/pay/sandbox/notify").status_code == 405
    assert earned() == 800


def test_paying_needs_a_way_back(shop: Shop, till: Till) -> None:
    placed = orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key="k")
    with refused("trade.bad_return_url"):
        pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="javascript:alert(1)")
    with clocks.fixed(machine=placed.pay_by), refused("trade.pay_too_late"):
        pay.start(order_id=placed.order_id, member_id=shop.alice, key="p", return_url="http://shop/")
    pay_for(till, placed, shop.alice)
