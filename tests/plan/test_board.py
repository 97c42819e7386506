"""The pyramid's board reads the same facts as everything else: nothing recorded later, no other region, refunds taken off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from linli.goods import catalog
from linli.goods.catalog import NewSku
from linli.insight import lake, mix
from linli.kernel import clocks, events
from linli.kernel.events import Subscription
from linli.plan import pyramid
from linli.trade.events import OrderPaid, OrderRefunded, SoldLine

pytestmark = pytest.mark.django_db(transaction=True)  # readers see what is committed

START = datetime(2017, 10, 2, 13, tzinfo=UTC)
DAY = timedelta(days=1)
LAKE = {"lake": Subscription(lake.relay)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    catalog.put_many(region="us-demo", skus=[sku("milk", "hit", "MILK"), sku("oat", "profit", "MILK"), sku("ham", "profit", "HAM")])


def sku(code: str, layer: str, kind: str) -> NewSku:
    return NewSku(code, code, code, "other", layer, "1", "1", 1000, 400, code, 5, history_type=kind)


def tell(fact: Any, at: datetime, region: str = "us-demo") -> None:
    with clocks.fixed(business=at):
        events.append(fact, region=region)
        events.drain(LAKE)


def paid(order: str, member: int, pieces: int, community: int = 1) -> OrderPaid:
    line = SoldLine("milk", "other", "MILK", 1, pieces, pieces * 1000, 0)
    return OrderPaid(order, member, community, pieces * 1000, 0, "sandbox", "", [line], "member:1")


def test_a_weeks_sales() -> None:
    tell(paid("a", 1, 4), START)
    tell(paid("b", 2, 2, community=2), START + DAY)
    tell(paid("c", 3, 9), START + DAY, region="elsewhere")
    back = SoldLine("milk", "other", "MILK", 1, 1, 1000, 0)
    tell(OrderRefunded("a", 1, 1, "r", 1000, 0, "member", False, [back], "member:1"), START + 2 * DAY)
    assert mix.sales("us-demo", START) == {"MILK": mix.Sales("MILK", 4, 4000, 1)}
    assert mix.sales("us-demo", START + 2 * DAY) == {"MILK": mix.Sales("MILK", 5, 5000, 2)}
    assert mix.sales("us-demo", START + 2 * DAY, community_id=2) == {"MILK": mix.Sales("MILK", 2, 2000, 1)}
    assert mix.sales("us-demo", START + 9 * DAY) == {}


def test_the_board_counts_what_two_skus_share_once() -> None:
    tell(paid("a", 1, 4), START)
    found = pyramid.board("us-demo", START)
    assert {code: s.pieces for code, s in found.sold.items()} == {"milk": 2, "oat": 2, "ham": 0}
    shares = {m.layer: m.shares["sales"] for m in found.layers}
    assert shares == {"traffic": 0.0, "profit": 0.5, "hit": 0.5, "experience": 0.0}


def test_what_is_out_of_the_catalogue_is_out_of_the_pyramid() -> None:
    catalog.edit(region="us-demo", sku="ham", changes={"active": False}, by="person:1")
    assert set(pyramid.board("us-demo", START).skus) == {"milk", "oat"}
    assert set(pyramid.board("us-demo", START, offered=["oat", "ham"]).skus) == {"oat"}


def test_a_region_with_nothing_in_it() -> None:
    found = pyramid.board("elsewhere", START)
    assert (found.sold, [m.count for m in found.layers]) == ({}, [0, 0, 0, 0])
