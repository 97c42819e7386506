"""Asked twice, done once: the first answer comes again byte for byte, also when the process died in between."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import override_settings

from linli.kernel import clocks
from linli.trade import orders
from linli.trade.models import Order
from linli.web.api import answers, gate
from linli.web.models import ApiAnswer
from race.kills import _kill_at
from support.calling import Caller, Cast
from support.racing import at_once
from support.shop import Shop, Till


def basket(group_id: int, quantity: int = 1) -> dict[str, Any]:
    return {"lines": [{"group_id": group_id, "quantity": quantity}]}


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_same_key_gives_the_same_bytes(self, shop: Shop, callers: Cast) -> None:
        first = callers.alice.post("/orders", basket(shop.cherries), key="k")
        again = callers.alice.post("/orders", basket(shop.cherries), key="k")
        assert first.status_code == again.status_code == 201
        assert first.content == again.content and first["Content-Type"] == again["Content-Type"]
        assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
        assert Order.objects.count() == 1

    def test_the_key_with_another_body_is_refused(self, shop: Shop, callers: Cast) -> None:
        callers.alice.post("/orders", basket(shop.cherries), key="k")
        other = callers.alice.post("/orders", basket(shop.cherries, 2), key="k")
        assert (other.status_code, other.json()["code"]) == (422, "api.key_reused")
        elsewhere = callers.alice.post(f"/orders/{uuid.uuid4()}/cancel", key="k")
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "api.key_reused")
        assert Order.objects.count() == 1

    def test_a_key_is_its_callers_own(self, shop: Shop, callers: Cast) -> None:
        numbers = {who.post("/orders", basket(shop.cherries), key="k").json()["order_id"] for who in (callers.alice, callers.bob)}
        assert len(numbers) == 2

    def test_a_write_without_a_key_is_refused(self, shop: Shop, callers: Cast) -> None:
        answer = callers.alice.post("/orders", basket(shop.cherries))
        assert (answer.status_code, answer.json()["code"]) == (400, "api.key_needed")
        assert not Order.objects.exists()

    @pytest.mark.parametrize("key", ["a" * 256, "sch\u00f6n", "a\tb"])
    def test_a_key_that_can_not_be(self, key: str, shop: Shop, callers: Cast) -> None:
        answer = callers.alice.post("/orders", basket(shop.cherries), key=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "api.bad_key")

    def test_the_longest_key_and_the_drafts_quotes_are_taken(self, shop: Shop, callers: Cast) -> None:
        assert callers.alice.post("/orders", basket(shop.cherries), key="~" * 255).status_code == 201
        first = callers.alice.post("/orders", basket(shop.cherries), key='"8e03978e"')
        assert callers.alice.post("/orders", basket(shop.cherries), key="8e03978e").content == first.content

    def test_a_refusal_that_will_not_change_is_kept(self, shop: Shop, callers: Cast) -> None:
        first = callers.alice.post("/orders", {"lines": []}, key="k")
        again = callers.alice.post("/orders", {"lines": []}, key="k")
        assert first.status_code == 422 and first.content == again.content and again["Idempotent-Replayed"] == "true"

    def test_not_now_is_not_kept(self, shop: Shop, callers: Cast) -> None:
        """Sold out today: the same key may try again when there is some."""
        full = callers.alice.post("/orders", basket(shop.cherries, 11), key="k")
        assert (full.status_code, full.json()["code"]) == (409, "trade.sold_out")
        assert full.json()["facts"] == {"sku": "cherries", "left": 10}
        assert not ApiAnswer.objects.exists()

    def test_what_broke_is_not_kept(self, shop: Shop, callers: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**kwargs: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(orders, "place", broken)
            answer = callers.alice.post("/orders", basket(shop.cherries), key="k")
        assert (answer.status_code, answer.json()["code"]) == (500, "api.broken")
        assert callers.alice.post("/orders", basket(shop.cherries), key="k").status_code == 201

    def test_while_the_first_is_under_way_its_twin_is_told_to_come_back(self, shop: Shop, callers: Cast) -> None:
        caller = f"token:{callers.alice.secret.split('_')[1]}"
        body = b'{"lines": [{"group_id": %d, "quantity": 1}]}' % shop.cherries
        asked = answers.fingerprint("POST", "/api/v1/orders", body)
        claimed = answers.claim(region="us-demo", caller=caller, key="k", asked=asked)
        assert isinstance(claimed, answers.Claim)
        twin = callers.alice.call("POST", "/orders", raw=body, key="k")
        assert (twin.status_code, twin["Retry-After"], twin.json()["code"]) == (409, "1", "api.in_progress")
        with clocks.fixed(machine=clocks.machine_now() + answers.CLAIM + timedelta(seconds=1)):
            assert callers.alice.call("POST", "/orders", raw=body, key="k").status_code == 201
        # The sleeper wakes up: the answer that was given stays the answer.
        answers.keep(claimed, HttpResponse(b"late", status=200))
        assert callers.alice.call("POST", "/orders", raw=body, key="k").status_code == 201

    def test_answers_are_swept_after_a_day_and_the_effect_is_still_one(self, shop: Shop, callers: Cast) -> None:
        first = callers.alice.post("/orders", basket(shop.cherries), key="k")
        with clocks.fixed(machine=clocks.machine_now() + timedelta(hours=23)):
            assert answers.sweep() == 0
        with clocks.fixed(machine=clocks.machine_now() + timedelta(hours=25)):
            assert answers.sweep() == 1
            late = callers.alice.post("/orders", basket(shop.cherries), key="k")
        assert late.json()["order_id"] == first.json()["order_id"]
        assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_64_twins_are_one_order_and_one_answer(self, shop: Shop, callers: Cast) -> None:
        got = at_once(64, lambda n: callers.alice.post("/orders", basket(shop.cherries), key="k"), threads=16)
        told = Counter(answer.status_code for answer in got)
        assert set(told) <= {201, 409} and told[201] >= 1, told
        assert len({answer.content for answer in got if answer.status_code == 201}) == 1
        assert all(answer["Retry-After"] == "1" for answer in got if answer.status_code == 409)
        assert Order.objects.count() == 1

    def test_without_the_claim_twins_act_more_than_once(self, shop: Shop, callers: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        """The control: nobody claims, and the verbs get a key each; the same race must double."""
        monkeypatch.setattr(answers, "claim", lambda **told: answers.Claim(0, ""))
        monkeypatch.setattr(answers, "own_key", lambda caller, key: uuid.uuid4().hex)
        at_once(64, lambda n: callers.alice.post("/orders", basket(shop.cherries), key="k"), threads=16)
        assert Order.objects.count() > 1

    def test_twins_that_take_over_a_dead_claim_are_one(self, shop: Shop, callers: Cast) -> None:
        """The first died before it answered; of those who come then, one acts."""
        body = b'{"lines": [{"group_id": %d, "quantity": 1}]}' % shop.cherries
        caller = f"token:{callers.alice.secret.split('_')[1]}"
        answers.claim(region="us-demo", caller=caller, key="k", asked=answers.fingerprint("POST", "/api/v1/orders", body))
        acted: list[int] = []
        with pytest.MonkeyPatch.context() as patched:
            place = orders.place

            def counted(**told: Any) -> Any:
                acted.append(1)
                return place(**told)

            patched.setattr(orders, "place", counted)
            with clocks.fixed(machine=clocks.machine_now() + timedelta(seconds=61)):
                got = at_once(16, lambda n: callers.alice.call("POST", "/orders", raw=body, key="k"))
        assert {answer.status_code for answer in got} <= {201, 409}
        assert len(acted) == 1 and Order.objects.count() == 1

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    @override_settings(API_PER_MINUTE=0, API_ADDRESS_PER_MINUTE=0)  # the limits' windows go to and fro with the clock here
    def test_killed_at_every_point_and_asked_again_it_is_one_order(self, shop: Shop, till: Till, callers: Cast) -> None:
        deaths = point = 0
        while True:
            point += 1
            key = f"k{point}"
            died = _killed_at(point, callers.alice, basket(shop.cherries), key)
            deaths += died
            with clocks.fixed(machine=clocks.machine_now() + timedelta(seconds=61)):
                answer = callers.alice.post("/orders", basket(shop.cherries), key=key)
            assert answer.status_code == 201, (point, answer.content)
            [order] = Order.objects.filter(state="placed")
            assert str(order.pk) == answer.json()["order_id"]
            orders.cancel(order_id=order.pk, member_id=shop.alice, key="end")
            if not died:
                break
        assert deaths > 20, "a placed order has more points than that: is the hook still in place?"


def _killed_at(point: int, caller: Caller, body: dict[str, Any], key: str) -> bool:
    """Whether a process that asks died at its `point`-th statement or commit."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            from django.db import connection

            connection.ensure_connection()
            _kill_at(point)
            caller.post("/orders", body, key=key)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_every_write_is_under_a_key_or_comes_to_the_same() -> None:
    """What an operation promises in the schema is what the gate asks for."""
    from linli.web.api import v1

    for operation in v1.operations():
        if operation.method == "POST" and operation.scope.endswith(":write"):
            assert operation.keyed, operation.name
    assert {"POST", "PUT", "PATCH", "DELETE"} == gate.WRITES
