"""Weekly boxes: one order a week, paid or let pass; skipped, paused, resumed; calendars with their traps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linli.goods import catalog
from linli.kernel import clocks, events, ledger, work
from linli.kernel.models import Event, WorkRow
from linli.trade import boxes, groups, orders, pay
from linli.trade import work as due
from linli.trade.models import Box, BoxWeek, GroupBuy, Order
from linli.trade.rules import boxes as calendar
from support.racing import at_once
from support.refusing import refused
from support.shop import MONDAY, NEW_YORK, REGION, Shop, Till, pay_for, sku

FRIDAY = date(2017, 10, 6)
ORDERED = datetime(2017, 10, 4, 20, tzinfo=NEW_YORK)
CUT_OFF = datetime(2017, 10, 5, 20, tzinfo=NEW_YORK)


def plan(**changes: Any) -> None:
    catalog.put_many(region=REGION, skus=[sku("fruit-box", "fruit", 3900)])
    figures: dict[str, Any] = {"slug": "fruit", "sku": "fruit-box", "price_minor": 2900, "weekdays": [3, 5]}
    boxes.put_plan(region=REGION, plan=boxes.NewPlan(**(figures | changes)))


def begun(shop: Shop, **changes: Any) -> Any:
    plan(**changes)
    return boxes.begin(member_id=shop.alice, plan="fruit", weekday=5, key="b")


def read() -> None:
    boxes.on_orders(list(Event.objects.filter(kind__startswith="trade.order").order_by("pk")))


def run_at(at: datetime) -> None:
    with clocks.fixed(business=at):
        work.run_due({boxes.DUE: due.HANDLERS[boxes.DUE]})


def weeks() -> list[tuple[str, str]]:
    return list(BoxWeek.objects.order_by("week").values_list("week", "state"))


def test_each_week_an_order_waits_for_its_money_until_the_cut_off(shop: Shop, till: Till) -> None:
    begun(shop)
    run_at(ORDERED - timedelta(minutes=1))
    assert weeks() == []
    with clocks.fixed(machine=datetime(2026, 1, 1, tzinfo=UTC)):
        run_at(ORDERED)
        order = Order.objects.get()
        assert (order.source, order.state, order.payable_minor) == ("box", "placed", 2900)
        assert order.pay_by - clocks.machine_now() == timedelta(hours=24)
    assert weeks() == [("2017-W40", "placed")]
    told = [e for e in events.about(f"member:{shop.alice}", region=REGION) if e.kind == "trade.box_ordered"]
    assert len(told) == 1 and told[0].payload["pay_until"] == CUT_OFF.isoformat()
    nxt = WorkRow.objects.get(kind=boxes.DUE, state="due")
    assert nxt.due_at == ORDERED + timedelta(days=7)


def test_paid_it_is_picked_up_and_unpaid_it_counts_as_passed(shop: Shop, till: Till) -> None:
    begun(shop)
    with clocks.fixed(business=ORDERED):
        boxes.place_week(Box.objects.get().pk, FRIDAY)
        order = Order.objects.get()
        pay_for(till, orders.Placed(order.pk, 2900, order.pay_by), shop.alice)
        read()
    assert weeks() == [("2017-W40", "paid")]
    with clocks.fixed(business=CUT_OFF):
        groups.close_due(REGION)
    assert Order.objects.get().state == "ready"
    with clocks.fixed(business=ORDERED + timedelta(days=7)):
        boxes.place_week(Box.objects.get().pk, FRIDAY + timedelta(days=7))
        second = Order.objects.get(state="placed")
        with clocks.fixed(machine=second.pay_by):
            assert pay.expire(second.pk) == "expired"
        read()
        read()
    assert weeks()[1] == ("2017-W41", "unpaid")
    assert Event.objects.filter(kind="trade.box_passed").count() == 1 and ledger.audit().ok


def test_a_skipped_week_passes_and_may_be_wanted_again(shop: Shop, till: Till) -> None:
    box = begun(shop)
    for _ in range(2):
        boxes.skip(box_id=box, member_id=shop.alice, week="2017-W40")
    run_at(ORDERED)
    assert weeks() == [("2017-W40", "skipped")] and not Order.objects.exists()
    with clocks.fixed(business=CUT_OFF - timedelta(hours=1)):
        boxes.want_again(box_id=box, member_id=shop.alice, week="2017-W40")
        assert weeks() == [("2017-W40", "placed")] and Order.objects.count() == 1
        boxes.skip(box_id=box, member_id=shop.alice, week="2017-W40")
        assert Order.objects.get().state == "cancelled"
        read()
        with refused("trade.too_late"):
            boxes.want_again(box_id=box, member_id=shop.alice, week="2017-W40")
    with clocks.fixed(business=CUT_OFF):
        with refused("trade.too_late"):
            boxes.skip(box_id=box, member_id=shop.alice, week="2017-W40")
        with refused("trade.no_such_week"):
            boxes.skip(box_id=box, member_id=shop.alice, week="2030-W01")
    assert WorkRow.objects.filter(kind=boxes.DUE, state="due").count() == 1


def test_paused_holidays_and_a_cancelled_box_place_nothing(shop: Shop, till: Till) -> None:
    box = begun(shop, off_days=["2017-10-20"])
    boxes.pause(box_id=box, member_id=shop.alice, until=date(2017, 10, 13))
    with refused("trade.bad_pause"):
        boxes.pause(box_id=box, member_id=shop.alice, until=MONDAY.date())
    for n in range(3):
        run_at(ORDERED + timedelta(days=7 * n))
    assert weeks() == [("2017-W40", "paused"), ("2017-W41", "placed"), ("2017-W42", "off")]
    with clocks.fixed(business=ORDERED + timedelta(days=7)):
        boxes.cancel(box_id=box, member_id=shop.alice)
        boxes.cancel(box_id=box, member_id=shop.alice)
    assert Order.objects.get().state == "cancelled"
    run_at(ORDERED + timedelta(days=21))
    assert len(weeks()) == 3
    for verb in (boxes.resume, lambda **w: boxes.skip(week="2017-W43", **w)):
        with refused("trade.box_ended"):
            verb(box_id=box, member_id=shop.alice)


def test_a_resumed_box_comes_again(shop: Shop, till: Till) -> None:
    box = begun(shop)
    boxes.pause(box_id=box, member_id=shop.alice, until=date(2017, 12, 1))
    boxes.resume(box_id=box, member_id=shop.alice)
    run_at(ORDERED)
    assert weeks() == [("2017-W40", "placed")]


def test_what_cannot_be_ordered_is_told_and_the_next_week_is_tried(shop: Shop, till: Till) -> None:
    begun(shop)
    late = CUT_OFF + timedelta(minutes=1)
    run_at(late)
    assert weeks() == [("2017-W40", "failed")] and BoxWeek.objects.get().note == "trade.too_late"
    run_at(ORDERED + timedelta(days=7))
    assert weeks()[1] == ("2017-W41", "placed")


def test_a_new_price_is_charged_from_the_next_order(shop: Shop, till: Till) -> None:
    begun(shop)
    run_at(ORDERED)
    plan(price_minor=3100)
    run_at(ORDERED + timedelta(days=7))
    assert (
        sorted(Order.objects.values_list("payable_minor", flat=True)) == [2900, 3100]
        and GroupBuy.objects.filter(key__startswith="box/").count() == 2
    )


def test_somebody_elses_box_is_none(shop: Shop) -> None:
    box = begun(shop)
    for number in (box, "nonsense"):
        with refused("trade.no_such_box"):
            boxes.skip(box_id=number, member_id=shop.bob, week="2017-W40")
    with refused("trade.box_there"):
        boxes.begin(member_id=shop.alice, plan="fruit", weekday=3, key="b2")
    assert boxes.begin(member_id=shop.alice, plan="fruit", weekday=5, key="b") == box
    with refused("trade.bad_box", fields="weekday"):
        boxes.begin(member_id=shop.bob, plan="fruit", weekday=1, key="b")
    with refused("trade.bad_box", fields="quantity"):
        boxes.begin(member_id=shop.bob, plan="fruit", weekday=5, quantity=0, key="b")
    with refused("trade.no_such_plan"):
        boxes.begin(member_id=shop.bob, plan="none", weekday=5, key="b")
    with refused("trade.bad_plan", fields="weekdays"):
        plan(weekdays=[8])
    with refused("goods.no_such_sku"):
        plan(sku="none")


@pytest.mark.django_db(transaction=True)
def test_however_often_a_week_is_asked_for_there_is_one_order(shop: Shop, till: Till) -> None:
    box = begun(shop)
    with clocks.fixed(business=ORDERED):
        results = at_once(8, lambda n: boxes.place_week(box, FRIDAY))
    assert results == ["placed"] * 8 and Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_skipped_or_ordered_but_not_both(shop: Shop, till: Till) -> None:
    box = begun(shop)
    with clocks.fixed(business=ORDERED):
        at_once(
            6,
            lambda n: boxes.place_week(box, FRIDAY) if n % 2 else boxes.skip(box_id=box, member_id=shop.alice, week="2017-W40"),
        )
    assert weeks() == [("2017-W40", "skipped")] and not Order.objects.filter(state="placed").exists()


@given(
    st.integers(1_420_070_400, 2_240_524_800).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(1, 7),
    st.sampled_from(["America/New_York", "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_pickups_come_once_a_week_whatever_the_clocks_do(now: datetime, weekday: int, name: str) -> None:
    zone = ZoneInfo(name)
    found = list(islice(calendar.pickups(weekday, now, zone), 60))
    assert len({calendar.week_of(d) for d in found}) == 60
    assert all((b - a).days == 7 for a, b in pairwise(found)) and {d.isoweekday() for d in found} == {weekday}
    assert calendar.cut_off(found[0], zone) > now >= calendar.cut_off(found[0] - timedelta(days=7), zone)
    assert all(calendar.ordered_at(d, zone) < calendar.cut_off(d, zone) < calendar.pickup_from(d, zone) for d in found)


@pytest.mark.parametrize(
    ("day", "week"), [(date(2016, 2, 29), "2016-W09"), (date(2018, 12, 31), "2019-W01"), (date(2017, 1, 1), "2016-W52")]
)
def test_the_week_of_a_leap_day_and_of_a_turning_year(day: date, week: str) -> None:
    assert calendar.week_of(day) == week
