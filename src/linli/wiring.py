"""Who hears what: readers of events, handlers of due work, and what recurs. Dicts, no logic."""

from __future__ import annotations

from datetime import timedelta

from linli.engage import runs, tasks
from linli.insight import demand, erasing, keeping, lake, refresh
from linli.insight.imports import runs as imports
from linli.kernel import ledger, work
from linli.kernel.events import Subscription
from linli.trade import reading
from linli.trade import work as trade
from linli.web import reports
from linli.web.api import work as api

READERS: dict[str, Subscription] = {
    "lake": Subscription(erasing.relay, batch=20_000, raw=True),
    "insight.members": Subscription(refresh.on_purchase, kinds=("trade.order_paid", "trade.order_refunded"), batch=200),
    "trade.orders": Subscription(reading.on_orders, kinds=reading.KINDS, batch=200),
    "engage.runs": Subscription(runs.on_event, kinds=runs.KINDS, batch=200),
    **api.READERS,
}

WORK: dict[str, work.Handler | work.Long] = {
    **trade.HANDLERS,
    **api.HANDLERS,
    "ledger.void_expired": ledger.void_expired_due,
    "insight.touch": work.Long(refresh.touch_due),
    keeping.KIND: work.Long(keeping.due),
    "insight.compact": work.Long(lake.compact_due),
    "insight.learn": work.Long(refresh.learn_due),
    "insight.demand": work.Long(demand.hourly),
    "insight.import": work.Long(imports.import_due),
    "insight.withdrawn": work.Long(imports.withdrawn_due),
    reports.KIND: work.Long(reports.due),
    "engage.expire_task": tasks.expire_due,
    "engage.step": work.Long(runs.step_due),
}

EVERY: dict[str, timedelta] = {
    **trade.EVERY,
    **api.EVERY,
    "ledger.void_expired": timedelta(minutes=1),
    "insight.compact": timedelta(hours=1),
    "insight.learn": timedelta(hours=1),
    "insight.demand": timedelta(hours=1),
}
