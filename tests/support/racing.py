"""The same moment, several threads, a connection each."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def at_once(count: int, act: Callable[[int], Any], *, threads: int = 8) -> list[Any]:
    """Call `act(0..count-1)` from `threads` threads that start together; an exception is a result. Clocks are the test's."""
    start = threading.Barrier(min(threads, count))
    first = threading.local()

    def run(number: int) -> Any:
        if not getattr(first, "done", False):
            first.done = True
            start.wait(20)
        try:
            return act(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    contexts = [contextvars.copy_context() for _ in range(count)]
    with ThreadPoolExecutor(min(threads, count)) as pool:
        return [f.result() for f in [pool.submit(c.run, run, n) for n, c in enumerate(contexts)]]
