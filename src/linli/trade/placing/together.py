"""Orders that threads of one process place at the same time go into one batch, written by one of them.

Nobody waits for company: who finds no batch under way writes its own order at once; who comes meanwhile waits, and the
first of those writes for all of them, in the order in which they came.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from django.db import connection

from linli.kernel import clocks
from linli.trade.placing.batch import Asking, Outcome, place_many

MOST = 64


@dataclass(slots=True, eq=False)
class _Waiting:
    """One order of one thread. `woken` when it has its outcome, or, without one, when it is this thread's turn to write."""

    asking: Asking
    outcome: Outcome | None = None
    alone: bool = False
    woken: threading.Event = field(default_factory=threading.Event)


class Together:
    """Who waits, and whether somebody writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._writing = False

    def place(self, asking: Asking) -> Outcome:
        """What becomes of it; raises what its own batch of one raises."""
        mine = _Waiting(asking)
        with self._lock:
            self._waiting.append(mine)
            first, self._writing = not self._writing, True
        if not first:
            mine.woken.wait()
        if mine.outcome is None and not mine.alone:
            self._write()
        if mine.outcome is None:  # the batch broke, which may be another's doing
            (mine.outcome,) = place_many([asking])
        return mine.outcome

    def _write(self) -> None:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            for one, outcome in zip(batch, place_many([one.asking for one in batch]), strict=True):
                one.outcome = outcome
        except Exception:
            if len(batch) == 1:
                raise
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._writing = following is not None
            for one in batch:
                one.alone = one.outcome is None
                one.woken.set()
            if following is not None:
                following.woken.set()


_TOGETHER = Together()


def place_one(asking: Asking) -> Outcome:
    """Place it, with those of other threads where that makes no difference to it.

    Within a transaction of the caller's, or at a time that the caller holds still, it is placed by itself; so it is on
    SQLite, where one process at a time writes anyhow.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block or clocks.held():
        (outcome,) = place_many([asking])
        return outcome
    return _TOGETHER.place(asking)
