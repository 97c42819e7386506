"""Facts as of a moment: history and live alike, refunds taken off, and nothing of what came later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from insight_support.history_frames import START_UTC, frames
from linli.insight import facts, history, lake
from linli.insight.history import source
from linli.kernel import clocks, events
from linli.kernel.events import Subscription
from linli.trade.events import OrderPaid, OrderRefunded, SoldLine

pytestmark = pytest.mark.django_db(transaction=True)  # readers see what is committed

START = START_UTC.replace(tzinfo=UTC)
ALICE = 900
LAKE = {"lake": Subscription(lake.relay)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(source, "HOME_TO_AT_LEAST", 2)


def rows(table: Any) -> list[dict[str, Any]]:
    found = table.order_by(table.columns).to_pyarrow().to_pylist()
    return list(found)


def everything(as_of: datetime) -> list[list[dict[str, Any]]]:
    return [rows(table(as_of)) for table in (facts.purchases, facts.lines, facts.members)]


def sold(sku: str, quantity: int, amount: int, discount: int = 0) -> SoldLine:
    return SoldLine(sku, "fruit", "BANANAS", 1, quantity, amount, discount)


def pays(order: str, at: datetime, *lines: SoldLine) -> None:
    money, off = sum(line.amount_minor for line in lines), sum(line.discount_minor for line in lines)
    with clocks.fixed(business=at):
        events.append(OrderPaid(order, ALICE, 7, money, off, "sandbox", "", list(lines), "member:900"), region="us-demo")
        events.drain(LAKE)


def gets_back(order: str, at: datetime, *lines: SoldLine) -> None:
    money, off = sum(line.amount_minor for line in lines), sum(line.discount_minor for line in lines)
    with clocks.fixed(business=at):
        fact = OrderRefunded(order, ALICE, 7, f"r-{order}", money, off, "member", False, list(lines), "member:900")
        events.append(fact, region="us-demo")
        events.drain(LAKE)


def test_an_order_counts_from_its_payment_and_less_what_went_back() -> None:
    day = timedelta(days=1)
    pays("a", START, sold("bananas", 3, 300, 60), sold("milk", 1, 199))
    gets_back("a", START + day, sold("bananas", 1, 100, 20))
    assert rows(facts.purchases(START - day)) == []
    (first,) = rows(facts.purchases(START))
    assert (first["basket_id"], first["amount_minor"], first["coupon_discount_minor"], first["source"]) == ("a", 559, 60, "live")
    (later,) = rows(facts.purchases(START + day))
    assert (later["amount_minor"], later["coupon_discount_minor"], later["recorded_at"]) == (439, 40, START)
    assert {(r["quantity"], r["amount_minor"]) for r in rows(facts.lines(START + day))} == {(2, 240), (1, 199)}


def test_an_order_given_back_whole_is_no_purchase() -> None:
    pays("a", START, sold("milk", 1, 199))
    gets_back("a", START + timedelta(hours=1), sold("milk", 1, 199))
    later = START + timedelta(hours=2)
    assert rows(facts.purchases(later)) == rows(facts.lines(later)) == []
    assert len(rows(facts.purchases(START))) == 1


def test_history_and_live_are_one_table() -> None:
    history.import_history(frames=frames())
    pays("a", START + timedelta(hours=1), sold("bananas", 1, 94))
    found = rows(facts.purchases(START + timedelta(hours=2)))
    assert {r["source"] for r in found} == {"history", "live"} and all(r["basket_id"] for r in found)
    categories = {(r["product_type"], r["category"]) for r in rows(facts.lines(START + timedelta(hours=2)))}
    assert categories == {("BANANAS", "fruit"), ("FLUID MILK WHITE ONLY", "dairy_egg"), (None, "other")}
    assert {r["external_id"] for r in rows(facts.members(START))} == {"1", "2", "3"}


def test_nothing_at_t_sees_beyond_t() -> None:
    """The future is first absent, then there, then altered, then deleted: the past answers the same to the last row."""
    history.import_history(frames=frames())
    t, end = START + timedelta(days=2), START + timedelta(days=30)
    with clocks.fixed(business=t):
        history.reveal(t)
    pays("a", t - timedelta(hours=3), sold("bananas", 2, 188))
    asked = [START - timedelta(days=9), START, t]
    without = [everything(as_of) for as_of in asked]
    assert all(all(tables) for tables in without)

    with clocks.fixed(business=end):
        history.reveal(end)
    gets_back("a", t + timedelta(days=1), sold("bananas", 2, 188))
    pays("b", t + timedelta(days=2), sold("bananas", 1, 94))
    assert everything(end) != without[-1]
    assert [everything(as_of) for as_of in asked] == without

    future = f"recorded_at > arrow_cast('{t:%Y-%m-%dT%H:%M:%S+00:00}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    for name in lake.names():
        table = DeltaTable(lake.folder(name))
        if "amount_minor" in (f.name for f in table.schema().fields):
            table.update({"amount_minor": "amount_minor * 1000"}, predicate=future)
    assert [everything(as_of) for as_of in asked] == without

    for name in lake.names():
        DeltaTable(lake.folder(name)).delete(future)
    assert [everything(as_of) for as_of in asked] == without
    assert everything(end) == without[-1]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        facts.purchases(START_UTC)
