"""Orders of several threads at once: one batch, each its own answer, and what breaks one breaks no other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.trade import orders
from linli.trade.models import Order
from linli.trade.placing import batch, together
from support.racing import at_once
from support.shop import Shop


class Recorded:
    """`place_many` with what it was asked; the first batch waits until `after` others are in line."""

    def __init__(self, gather: together.Together, after: int) -> None:
        self.gather, self.after = gather, after
        self.batches: list[list[str]] = []

    def __call__(self, asked: Sequence[orders.Asking]) -> list[Any]:
        self.batches.append([one.key for one in asked])
        until = time.monotonic() + 10
        while len(self.batches) == 1 and len(self.gather._waiting) < self.after and time.monotonic() < until:
            time.sleep(0.005)
        return batch.place_many(asked)


@pytest.fixture
def gather(monkeypatch: pytest.MonkeyPatch) -> together.Together:
    made = together.Together()
    monkeypatch.setattr(together, "_TOGETHER", made)
    return made


def place(gather: together.Together, shop: Shop, n: int) -> Any:
    try:
        return gather.place(orders.Asking((shop.alice, shop.bob)[n % 2], [(shop.cherries if n else 987654, 1)], f"k{n}"))
    except ZeroDivisionError as error:
        return error
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_who_comes_while_one_writes_is_written_together(shop: Shop, gather: together.Together, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Recorded(gather, after=5)
    monkeypatch.setattr(together, "place_many", recorded)
    told = at_once(6, lambda n: place(gather, shop, n), threads=6)
    assert sorted(map(len, recorded.batches)) == [1, 5]
    assert isinstance(told[0], Refusal) and told[0].code == "trade.no_such_group"
    assert len({one.order_id for one in told[1:]}) == Order.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_breaks_is_tried_one_by_one(shop: Shop, gather: together.Together, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Recorded(gather, after=3)

    def breaks(asked: Sequence[orders.Asking]) -> list[Any]:
        told = recorded(asked)  # written, and then it breaks: the second time finds the order by its key
        if len(asked) > 1:
            raise ZeroDivisionError
        return told

    monkeypatch.setattr(together, "place_many", breaks)
    told = at_once(4, lambda n: place(gather, shop, n + 1), threads=4)
    assert {one.payable_minor for one in told} and Order.objects.count() == 4
    assert not gather._waiting and not gather._writing


@pytest.mark.django_db(transaction=True)
def test_the_line_moves_on_after_an_error(shop: Shop, gather: together.Together, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(asked: Sequence[orders.Asking]) -> list[Any]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(together, "place_many", breaks)
        told = at_once(4, lambda n: place(gather, shop, n), threads=4)
    assert {type(one) for one in told} == {ZeroDivisionError}
    assert place(gather, shop, 1).payable_minor > 0


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_or_at_a_held_time_nobody_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Line:
        def place(self, asking: orders.Asking) -> Any:
            asked.append(asking.key)
            return batch.place_many([asking])[0]

    monkeypatch.setattr(together, "_TOGETHER", Line())
    assert clocks.held()  # by the test
    orders.place(member_id=shop.bob, lines=[(shop.cherries, 1)], key="held")
    monkeypatch.setattr(clocks, "held", lambda: False)
    orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="plain")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        orders.place(member_id=shop.alice, lines=[(shop.cherries, 1)], key="inside")
        raise ZeroDivisionError
    assert asked == (["plain"] if connection.vendor == "postgresql" else [])  # SQLite has one writer: nothing is gathered
    assert set(Order.objects.values_list("key", flat=True)) == {"plain", "held"}
