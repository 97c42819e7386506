"""What the API leaves to the worker: webhooks to send, and what is old to sweep."""

from __future__ import annotations

from datetime import timedelta

from linli.kernel import work
from linli.kernel.events import Subscription
from linli.kernel.models import WorkRow
from linli.web.api import answers, limits
from linli.web.api.webhooks import sending

SWEEP = "web.sweep"


def sweep_due(row: WorkRow) -> None:
    """Forget answers older than a day, windows that are over, deliveries older than a month."""
    answers.sweep()
    limits.sweep()
    sending.sweep()


READERS: dict[str, Subscription] = {
    "web.webhooks": Subscription(sending.on_events, batch=500),
    "web.erased": Subscription(sending.on_erased, kinds=("people.member_erased",)),
}
HANDLERS: dict[str, work.Handler | work.Long] = {sending.SEND: work.Long(sending.send_due), SWEEP: sweep_due}
EVERY: dict[str, timedelta] = {SWEEP: timedelta(hours=1)}
