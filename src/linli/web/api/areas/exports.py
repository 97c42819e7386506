"""Exports: the console's lists, whole, as CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from linli.trade import desk
from linli.web.api.areas import groups, orders
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Id, Search
from linli.web.console.frame import csv_file

area = Area("orders", "Exports")


@area.get("/exports/orders.csv", who=("operator",), response=None)
def export_orders(request: Call, state: orders.State | None = None, community_id: Id | None = None, search: Search = "") -> Any:
    """The region's orders as CSV (UTF-8 with a byte-order mark)."""
    rows = desk.order_rows(request.actor.region, state=state or "", community_id=community_id, search=search)
    return csv_file("orders", list(desk.OrderRow.__dataclass_fields__), (list(asdict(row).values()) for row in rows))


@area.get("/exports/groups.csv", who=("operator",), response=None)
def export_groups(request: Call, state: groups.State | None = None, community_id: Id | None = None, search: Search = "") -> Any:
    """The region's group-buys as CSV (UTF-8 with a byte-order mark)."""
    rows = desk.group_rows(request.actor.region, state=state or "", community_id=community_id, search=search)
    return csv_file("groups", list(desk.GroupRow.__dataclass_fields__), (list(asdict(row).values()) for row in rows))
