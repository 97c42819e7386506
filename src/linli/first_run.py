"""The first run: tables are there, now bring history in, open the shop, train, and refresh what is known.

Each part is idempotent, so a first run that was killed is finished by the next one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from linli import ready, settings, wiring
from linli.insight import history, refresh
from linli.kernel import clocks, events

START = datetime(2017, 10, 1, 9, tzinfo=ZoneInfo("America/New_York"))
FIRST = "churn"
"""What the first page needs; the other models are learnt by the worker while people look at it."""

Told = Callable[[int, int, str], None]


def run(tell: Told) -> None:
    """History in, clock set, shop open, model trained, first refresh; `tell(done, total, label)` says how far."""
    report = history.import_history(tell)
    if clocks.standing_at() is None:
        clocks.set_business(START)
    now = clocks.business_now()
    training = _train_beside(FIRST)
    parts: list[tuple[str, Callable[[], object]]] = [
        ("opening the shop", lambda: history.seed_shop(now)),
        ("bringing in partners", history.seed_together),
        ("handing events on", lambda: events.drain(wiring.READERS)),
        ("training the models", training.wait),  # what it could not train is due, and the refresh trains it
        ("getting to know every member", lambda: refresh.refresh(history.REGION, now, learns=(FIRST,))),
        ("handing events on", lambda: events.drain(wiring.READERS)),
    ]
    for n, (label, part) in enumerate(parts):
        tell(n, len(parts), label)
        part()
    tell(len(parts), len(parts), "done")
    (settings.HOME / ready.STAMP).write_text("\n".join(f"{name}: {count:,}" for name, count in report.lines()) + "\n")


def _train_beside(name: str) -> subprocess.Popen[bytes]:
    """Train on the imported history in a process of its own: it reads the lake and writes files, and the shop opens meanwhile."""
    return subprocess.Popen([sys.executable, "-m", "linli.cli", "train", name], stdout=subprocess.DEVNULL)  # noqa: S603 (own name)


def summary() -> list[str]:
    """What the first run brought in, a line each."""
    return (settings.HOME / ready.STAMP).read_text().splitlines()
