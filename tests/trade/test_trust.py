"""What "Trust" measures of payments, with each real protocol: one posting whatever comes, none for a forgery, nothing lost."""

from __future__ import annotations

import itertools
import os
import signal
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from linli.kernel import clocks, ledger
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.sandbox_gateway.mischief import RETRIES_S, Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import accounts, channels, orders, pay, queries, refunds
from linli.trade.channels import breaker
from linli.trade.models import PayAttempt, Refund
from support.payers import BOTH, Clock, arrive, notice, open_gateway, start, take
from support.racing import at_once
from support.refusing import refused
from support.shop import REGION, Shop, new_group

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    """It answers, and calls nobody back by itself: the tests carry its notices."""
    clock = Clock(float(int(time.time())))
    with open_gateway(tmp_path, settings, clock=clock) as found:
        yield found


def earned() -> int:
    return ledger.balance(accounts.revenue(REGION, "USD")).balance


def holds(channel: str) -> int:
    return -ledger.balance(accounts.channel(REGION, "USD", channel)).balance


def state(placed: orders.Placed) -> str:
    found = queries.order(placed.order_id)
    assert found is not None
    return found.state


def ordered(shop: Shop, key: str = "k") -> orders.Placed:
    return orders.place(member_id=shop.alice, lines=[(shop.cherries, 2)], key=key)


def begun(shop: Shop, channel: str, key: str = "k") -> tuple[orders.Placed, pay.PayStart]:
    placed = ordered(shop, key)
    return placed, start(placed, shop.alice, channel)


@pytest.mark.parametrize("channel", BOTH)
def test_200_identical_callbacks_at_once_are_one_posting(shop: Shop, gateway: Gateway, channel: str) -> None:
    placed, started = begun(shop, channel)
    take(gateway, started)
    told = notice(gateway, started.attempt_no)
    outcomes = Counter(getattr(r, "outcome", r) for r in at_once(200, lambda n: pay.confirm(told, channel=channel), threads=12))
    assert outcomes == {"paid": 1, "again": 199}
    assert (earned(), holds(channel), state(placed)) == (800, 800, "paid")
    assert Event.objects.filter(kind="trade.order_paid").count() == 1


def test_without_the_claim_they_are_many(shop: Shop, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: look, then post under a number of its own. The same race must then post more than once."""

    def look_then_post(attempt: PayAttempt, seen: channels.Seen) -> pay.Confirmed:
        if attempt.state == "open":
            time.sleep(0.02)
            source, target = accounts.channel(REGION, "USD", "wechat"), accounts.revenue(REGION, "USD")
            ledger.commit(ledger.Move(f"pay/{uuid.uuid4()}", source, target, attempt.amount_minor, "trade.payment"))
            PayAttempt.objects.filter(pk=attempt.pk).update(state="paid", channel_txn=seen.channel_txn)
        return pay.Confirmed("paid")

    monkeypatch.setattr(pay, "settle", look_then_post)
    _, started = begun(shop, "wechat")
    accounts.open_money(REGION, "USD", "wechat")
    take(gateway, started)
    told = notice(gateway, started.attempt_no)
    at_once(40, lambda n: pay.confirm(told, channel="wechat"), threads=12)
    assert earned() > 800


@pytest.mark.parametrize("channel", BOTH)
def test_replayed_on_its_whole_schedule_it_counts_once(shop: Shop, gateway: Gateway, client, channel: str) -> None:
    """The worst shop: it understands every time and its answers never arrive. All the retries come, at their times."""
    placed, started = begun(shop, channel)
    arrive(gateway, started)
    door, times, answers = f"/api/pay/{channel}/notify", [], []
    assert isinstance(gateway.clock, Clock)

    def carry(address: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        assert address == f"http://shop{door}"
        times.append(gateway.clock())
        with clocks.fixed(machine=gateway.clock.at):
            answer = client.post(
                door, body, content_type=headers["Content-Type"], headers={k: v for k, v in headers.items() if k != "Content-Type"}
            )
        answers.append((answer.status_code, answer.content))
        return 0, b""

    gateway.carry = carry
    assert gateway.pay(started.attempt_no) is not None
    gateway.tick()
    for after in RETRIES_S[channel]:
        gateway.clock.now += after - 1
        assert gateway.tick() == 0, "too early"
        gateway.clock.now += 1
        assert gateway.tick() == 1
    gateway.clock.now += 10 * 86400
    assert gateway.tick() == 0, "the schedule has an end"
    assert [b - a for a, b in itertools.pairwise(times)] == list(RETRIES_S[channel])
    assert set(answers) == {(204, b"") if channel == "wechat" else (200, b"success")}
    assert (earned(), holds(channel), state(placed)) == (800, 800, "paid")
    assert Event.objects.filter(kind="trade.order_paid").count() == 1 and ledger.audit().ok


@pytest.mark.parametrize("channel", BOTH)
def test_what_the_shop_answers_ends_the_schedule_or_not(shop: Shop, gateway: Gateway, client, channel: str) -> None:
    _, started = begun(shop, channel)
    arrive(gateway, started)
    gateway.book.pay(started.attempt_no)

    def knock(kind: str) -> tuple[int, bytes]:
        told = notice(gateway, started.attempt_no, kind)
        marks = {"Timestamp": told.timestamp, "Nonce": told.nonce, "Signature": told.signature, "Serial": told.serial}
        headers = {f"Wechatpay-{name}": value for name, value in marks.items()}
        kind_of = "application/json" if channel == "wechat" else "application/x-www-form-urlencoded"
        answer = client.post(f"/api/pay/{channel}/notify", told.body, content_type=kind_of, headers=headers)
        return answer.status_code, answer.content

    desk = gateway.desks[channel]
    for kind in ("forged", "altered", "probe", "stale", "elsewhere", "wrong_amount"):
        assert not desk.heard(*knock(kind)), kind
    assert earned() == 0
    assert desk.heard(*knock("true")) and desk.heard(*knock("true"))
    assert client.get(f"/api/pay/{channel}/notify").status_code == 405
    assert earned() == 800


@pytest.mark.parametrize("channel", BOTH)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("forged", "trade.bad_signature"),
        ("altered", "trade.bad_signature"),
        ("probe", "trade.bad_signature"),
        ("stale", "trade.stale_notification"),
        ("wrong_amount", "trade.wrong_amount"),
        ("elsewhere", "trade.bad_notification"),
    ],
)
def test_a_forgery_posts_nothing_and_is_refused(shop: Shop, gateway: Gateway, channel: str, kind: str, code: str) -> None:
    placed, started = begun(shop, channel)
    take(gateway, started)
    with refused(code):
        pay.confirm(notice(gateway, started.attempt_no, kind), channel=channel)
    assert (earned(), holds(channel), state(placed)) == (0, 0, "placed")


@pytest.mark.parametrize("channel", BOTH)
def test_another_channels_truth_is_a_lie_here(shop: Shop, gateway: Gateway, channel: str) -> None:
    _, started = begun(shop, channel)
    take(gateway, started)
    told = notice(gateway, started.attempt_no)
    for other in {"wechat", "alipay", "sandbox"} - {channel}:
        with refused("trade.bad_signature"):
            pay.confirm(told, channel=other)
    assert earned() == 0


@pytest.mark.parametrize("channel", BOTH)
def test_reordered_and_late_news_changes_nothing(shop: Shop, gateway: Gateway, channel: str) -> None:
    placed, started = begun(shop, channel)
    take(gateway, started)
    assert pay.confirm(notice(gateway, started.attempt_no, "opened"), channel=channel).outcome == "ignored"
    assert pay.confirm(notice(gateway, started.attempt_no), channel=channel).outcome == "paid"
    assert pay.confirm(notice(gateway, started.attempt_no, "opened"), channel=channel).outcome == "ignored"
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    refund_no = Refund.objects.get().refund_no
    refunds.pursue()
    gateway.book.arrive(refund_no)
    # The refund's news comes before and after the payment's is repeated; each is asked about, none is believed twice.
    for news in (refund_no, "", refund_no):
        outcome = pay.confirm(notice(gateway, started.attempt_no, "true", news), channel=channel).outcome
        assert outcome == ("refund" if news else "again")
    assert (earned(), holds(channel), state(placed)) == (0, 0, "refunded")
    assert ledger.audit().ok


@pytest.mark.parametrize("channel", BOTH)
def test_a_lost_callback_is_closed_by_reconciliation_within_ten_minutes(shop: Shop, gateway: Gateway, channel: str) -> None:
    from linli.trade.work import EVERY, SETTLE

    placed, started = begun(shop, channel)
    take(gateway, started)  # and nobody calls back
    assert EVERY[SETTLE] + pay.AGAIN <= timedelta(minutes=10)
    pay.reconcile()
    assert (earned(), holds(channel), state(placed)) == (800, 800, "paid")
    attempt = PayAttempt.objects.get()
    assert attempt.paid_at is not None and abs(attempt.paid_at - gateway.clock.at) < timedelta(seconds=5)


@pytest.mark.parametrize("channel", BOTH)
def test_money_that_comes_after_the_end_goes_back_by_itself(shop: Shop, gateway: Gateway, channel: str) -> None:
    placed, started = begun(shop, channel)
    arrive(gateway, started)
    with clocks.fixed(machine=placed.pay_by + pay.GRACE + timedelta(seconds=1)):
        pay.expire(placed.order_id)
    assert state(placed) == "expired"
    assert gateway.pay(started.attempt_no, anyway=True) is not None  # closed, and paid nevertheless
    assert pay.confirm(notice(gateway, started.attempt_no), channel=channel).outcome == "unwanted"
    assert pay.confirm(notice(gateway, started.attempt_no), channel=channel).outcome == "again"
    refunds.pursue()
    gateway.book.arrive(Refund.objects.get().refund_no)
    refunds.pursue()
    assert (earned(), holds(channel), state(placed), Refund.objects.get().state) == (0, 0, "expired", "succeeded")
    assert [r.amount_minor for r in gateway.book.refunds_of(started.attempt_no)] == [800]


@pytest.mark.parametrize(("first", "second"), [("wechat", "alipay"), ("alipay", "wechat")])
def test_another_channel_closes_the_first_attempt_there(shop: Shop, gateway: Gateway, first: str, second: str) -> None:
    placed, begun_first = begun(shop, first)
    arrive(gateway, begun_first)
    begun_second = start(placed, shop.alice, second, key="p2")
    assert begun_second.attempt_no != begun_first.attempt_no
    assert gateway.book.pay(begun_first.attempt_no) is None  # nobody can pay there any more
    assert PayAttempt.objects.filter(state="open").count() == 1
    take(gateway, begun_second)
    assert pay.confirm(notice(gateway, begun_second.attempt_no), channel=second).outcome == "paid"
    assert (earned(), holds(first), holds(second)) == (800, 0, 800)


@pytest.mark.parametrize("channel", BOTH)
def test_a_first_attempt_that_was_paid_is_found_when_switching(shop: Shop, gateway: Gateway, channel: str) -> None:
    """saleor #11133: two active payments. Here the second never begins."""
    placed, started = begun(shop, channel)
    take(gateway, started)
    other = "alipay" if channel == "wechat" else "wechat"
    with refused("trade.already_paid"):
        start(placed, shop.alice, other, key="p2")
    assert PayAttempt.objects.count() == 1 and state(placed) == "paid"


def test_while_the_first_channel_is_silent_nothing_is_switched(shop: Shop, gateway: Gateway) -> None:
    placed, started = begun(shop, "wechat")

    gateway.mischief = Mischief.only("plain", errors=1.0)
    with refused("trade.switch_waits"):
        start(placed, shop.alice, "alipay", key="p2")
    gateway.mischief = Mischief.none()
    assert PayAttempt.objects.get().out_trade_no == started.attempt_no
    breaker.reset()
    assert start(placed, shop.alice, "alipay", key="p3").channel == "alipay"
    with refused("trade.no_such_channel"):
        start(placed, shop.alice, "cheque", method="x", key="p4")


def test_switching_at_once_leaves_one_attempt(shop: Shop, gateway: Gateway) -> None:
    placed = ordered(shop)
    results = at_once(8, lambda n: start(placed, shop.alice, BOTH[n % 2], key=f"p{n}"), threads=8)
    assert PayAttempt.objects.filter(state="open").count() == 1
    assert {r.code for r in results if isinstance(r, Exception)} <= {"trade.switch_waits", "trade.channel_declined"}, results


def test_a_hanging_channel_costs_a_round_little_and_the_other_is_served(
    shop: Shop, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = _roomy(shop)
    for n in range(6):
        placed = orders.place(member_id=(shop.alice, shop.bob)[n % 2], lines=[(group, 1)], key=f"k{n}")
        start(placed, (shop.alice, shop.bob)[n % 2], "wechat")
    placed, started = orders.place(member_id=_third(shop), lines=[(group, 1)], key="k"), None
    started = start(placed, _third(shop), "alipay")
    take(gateway, started)
    asked = []

    class Hangs:
        name = "wechat"

        def seen(self, number: str) -> None:
            asked.append(number)
            time.sleep(0.2)
            raise channels.Unreachable("it hangs")

    true = channels.adapter
    monkeypatch.setattr(channels, "adapter", lambda name: Hangs() if name == "wechat" else true(name))
    began = time.monotonic()
    assert pay.reconcile() == 6
    assert time.monotonic() - began < 3 and len(asked) == breaker.SILENCES  # the breaker answered for the rest
    assert state(placed) == "paid"
    monkeypatch.setattr(pay, "ROUND_S", 0.0)
    PayAttempt.objects.update(asked_at=None)
    breaker.reset()
    assert pay.reconcile() == 6 and len(asked) == breaker.SILENCES  # no time: nobody is asked, nothing breaks


def _roomy(shop: Shop) -> int:
    from linli.trade import groups

    return groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="roomy", threshold=1, quota_pieces=900))


def _third(shop: Shop) -> int:
    from linli.people import members

    who = members.Newcomer(shop.maple, "+15550000077", "Dora", "Do", "7", external_id="h7")
    return members.join_many(region=REGION, newcomers=[who])[0]


# ---- killed anywhere


def _kill_at(point: int) -> None:
    """Die (SIGKILL) at the `point`th moment before or after a statement or a commit of this process."""
    passed = 0

    def tick() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(execute: Callable[..., Any], *arguments: Any) -> Any:
        tick()
        try:
            return execute(*arguments)
        finally:
            tick()

    connection.ensure_connection()
    connection.execute_wrappers.append(around)
    commit = connection._commit

    def committing() -> None:
        tick()
        commit()
        tick()  # committed, and nobody was told

    connection._commit = committing  # type: ignore[method-assign]


def _forked(step: Callable[[], object]) -> int:
    """Run it in a process of its own; how that ended."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            step()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def _die_at_every_point(prepare: Callable[[int], Any], act: Callable[[Any], object], check: Callable[[int, Any], None]) -> int:
    """Prepare, act and die at point 1, 2, ... until acting lives; look at the books each time. Returns the deaths."""
    for point in range(1, 300):
        made = prepare(point)

        def die(point: int = point, made: Any = made) -> None:
            _kill_at(point)
            act(made)

        status = _forked(die)
        assert os.WIFSIGNALED(status) or status == 0, f"point {point}: {status}"
        check(point, made)
        if not os.WIFSIGNALED(status):
            return point - 1
    raise AssertionError("it never ended")


@pytest.mark.parametrize("channel", BOTH)
def test_killed_anywhere_in_confirm_nothing_is_lost_or_doubled(shop: Shop, gateway: Gateway, channel: str) -> None:
    group = _roomy(shop)

    def prepare(point: int) -> Any:
        placed = orders.place(member_id=shop.alice, lines=[(group, 1)], key=f"k{point}")
        started = start(placed, shop.alice, channel)
        take(gateway, started)
        return placed, notice(gateway, started.attempt_no)

    def check(point: int, made: Any) -> None:
        assert pay.confirm(made[1], channel=channel).outcome in ("paid", "again")  # the channel calls again
        assert (state(made[0]), earned(), holds(channel)) == ("paid", 400 * point, 400 * point)
        assert Event.objects.filter(kind="trade.order_paid").count() == point

    deaths = _die_at_every_point(prepare, lambda made: pay.confirm(made[1], channel=channel), check)
    assert deaths > 10 and ledger.audit().ok


@pytest.mark.parametrize("channel", BOTH)
def test_killed_anywhere_in_a_refund_it_goes_back_once(shop: Shop, gateway: Gateway, channel: str) -> None:
    group = _roomy(shop)
    gateway.wechat.refund_s = 0

    def prepare(point: int) -> Any:
        placed = orders.place(member_id=shop.alice, lines=[(group, 1)], key=f"k{point}")
        started = start(placed, shop.alice, channel)
        take(gateway, started)
        pay.confirm(notice(gateway, started.attempt_no), channel=channel)
        orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
        return placed, started, Refund.objects.get(order_id=placed.order_id)

    def act(made: Any) -> None:
        refunds.send(made[2].pk)
        for refund in gateway.book.refunds_of(made[1].attempt_no):
            gateway.book.arrive(refund.refund_no)
        refunds.ask(made[2].pk)

    def check(point: int, made: Any) -> None:
        with clocks.fixed(machine=clocks.machine_now() + refunds.PATIENCE + timedelta(seconds=1)):
            for _ in range(3):
                for refund in gateway.book.refunds_of(made[1].attempt_no):
                    gateway.book.arrive(refund.refund_no)
                refunds.pursue()
        assert (state(made[0]), earned(), holds(channel)) == ("refunded", 0, 0)
        assert [r.amount_minor for r in gateway.book.refunds_of(made[1].attempt_no)] == [400]
        assert Event.objects.filter(kind="trade.order_refunded").count() == point

    deaths = _die_at_every_point(prepare, act, check)
    assert deaths > 10 and ledger.audit().ok


def test_a_refusal_leaves_no_trace_of_its_sender(shop: Shop, gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    _, started = begun(shop, "wechat")
    take(gateway, started)
    told = notice(gateway, started.attempt_no, "forged")
    with caplog.at_level("DEBUG"), pytest.raises(Refusal):
        pay.confirm(told, channel="wechat")
    assert started.attempt_no not in caplog.text and gateway.wechat.keys.apiv3_key not in caplog.text
    with transaction.atomic():
        assert PayAttempt.objects.get().state == "open"
