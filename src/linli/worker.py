"""The worker: one loop that performs due work, hands events to readers and settles effects."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

from django.db import close_old_connections

from linli import day, wiring
from linli.kernel import effects, events, work

log = logging.getLogger(__name__)

HANDLERS: dict[str, work.Handler | work.Long] = {**wiring.WORK, "day.step": work.Long(day.step)}
IDLE_SECONDS = 0.25


def once() -> int:
    """One round. Returns how much was done, 0 when nothing was due."""
    work.every(wiring.EVERY)
    done = work.run_due(HANDLERS)
    done += events.drain(wiring.READERS, rounds=1)
    return done + effects.lost()


def run(stop: threading.Event | None = None) -> None:
    """Rounds until told to stop (SIGINT, SIGTERM or `stop`); what is under way is finished first."""
    stop = stop or threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
    while not stop.is_set():
        close_old_connections()
        try:
            done = once()
        except Exception:  # the database went away, or a bug: say so and go on; leases bring lost rows back
            log.exception("the worker's round failed")
            done = 0
        if not done:
            stop.wait(IDLE_SECONDS)
