"""A year of history in, its days revealed, and events from the log to Parquet.

    python bench/history.py [--json FILE] [--days 7] [--events 100000]

The import runs in a process of its own on an empty home (SQLite and lake), so its time includes starting Python and its
memory is that process's peak. The relay is the reader the worker runs: it reads the log through the ORM, writes Delta
commits and moves its cursor; "columns only" leaves the log out. Everything lies in a folder that is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

LINES_AN_ORDER = 3
BATCH = 20_000


def ready(home: Path) -> None:
    """Let this process work on `home`."""
    os.environ.update(LINLI_HOME=str(home), LINLI_DATABASE=f"sqlite:///{home}/linli.sqlite3", DJANGO_SETTINGS_MODULE="linli.settings")
    import django

    django.setup()


def import_all(home: Path) -> dict[str, Any]:
    """The import, in this process: seconds by step and the peak of its memory."""
    ready(home)
    from django.core.management import call_command

    from linli.insight import history

    call_command("migrate", run_syncdb=True, verbosity=0)
    began = time.perf_counter()
    report = history.import_history()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds = {f"import: {step}": round(s, 2) for step, s in report.seconds.items()}
    counts = report.counts
    return {
        "import, s": round(time.perf_counter() - began, 1),
        "import, CPU s": round(time.process_time(), 1),
        "import, peak GB": round(peak, 2),
        **seconds,
        "lines": counts["lines kept"],
        "baskets": counts["baskets kept"],
        "members": counts["members joined"],
        "rows in the lake": counts["rows in the lake"],
    }


def sizes(home: Path) -> dict[str, Any]:
    """What the import takes on disk."""

    def megabytes(path: Path) -> float:
        return round(sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) / 1e6, 1)

    return {
        "log and records, MB": round(sum(p.stat().st_size for p in home.glob("linli.sqlite3*")) / 1e6, 1),
        "lake, MB": megabytes(home / "lake"),
        "staged, MB": megabytes(home / "history"),
    }


def reveal(days: int) -> dict[str, Any]:
    """Days revealed one by one, and what the lake's reader makes of them."""
    from linli.insight import history, lake
    from linli.kernel import clocks, events

    reader = {"lake": events.Subscription(lake.relay, batch=BATCH)}
    told, revealing, reading = 0, 0.0, 0.0
    for day in range(1, days + 1):
        to = history.START + timedelta(days=day)
        with clocks.fixed(business=to):
            began = time.perf_counter()
            told += sum(history.reveal(to).values())
            revealed = time.perf_counter()
            events.drain(reader)
            revealing, reading = revealing + revealed - began, reading + time.perf_counter() - revealed
    return {
        "facts a revealed day": round(told / days),
        "reveal, s/day": round(revealing / days, 3),
        "relay of a revealed day, s": round(reading / days, 3),
    }


def relay(count: int) -> dict[str, Any]:
    """Paid orders of three lines from the log to the lake, events a second."""
    from linli.insight import history, lake
    from linli.kernel import clocks, events
    from linli.kernel.models import Reader
    from linli.trade.events import OrderPaid, SoldLine

    lines = [SoldLine(f"sku-{n}", "fruit", "BANANAS", n, 1, 100, 0) for n in range(LINES_AN_ORDER)]
    with clocks.fixed(business=history.START + timedelta(days=30)):
        for start in range(0, count, 10_000):
            events.append_many(
                events.Told(OrderPaid(f"o{n}", n % 2000, 7, 300, 0, "sandbox", "", lines, f"member:{n % 2000}"), history.REGION)
                for n in range(start, min(start + 10_000, count))
            )
    reader = {"lake": events.Subscription(lake.relay, kinds=("trade.order_paid",), batch=BATCH)}
    began, working = time.perf_counter(), time.process_time()
    events.drain(reader)
    whole, working = time.perf_counter() - began, time.process_time() - working
    assert lake.table("trade.order_paid").count().execute() == count

    Reader.objects.all().delete()
    batches, tx, last = [], -1, 0
    while batch := events.after(tx, last, limit=BATCH, kinds=["trade.order_paid"]):
        tx, last = batch[-1].tx, batch[-1].id
        batches.append(batch)
    shutil.rmtree(lake.root())
    lake.forget()
    began = time.perf_counter()
    for batch in batches:
        lake.relay(batch)
    return {
        "relay, events/s from the log": round(count / whole),
        "relay, events per CPU s from the log": round(count / working),
        "relay, rows/s from the log": round(count * (1 + LINES_AN_ORDER) / whole),
        "relay, events/s columns only": round(count / (time.perf_counter() - began)),
    }


def rebuild() -> dict[str, Any]:
    """The lake anew from the log, history's nested baskets included."""
    from linli.insight import lake

    began = time.perf_counter()
    rows = lake.rebuild()
    seconds = time.perf_counter() - began
    return {"rebuild, s": round(seconds, 1), "rebuild, rows/s": round(rows / seconds)}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", type=Path)
    asked.add_argument("--days", type=int, default=7)
    asked.add_argument("--events", type=int, default=100_000)
    asked.add_argument("--import-into", type=Path, help=argparse.SUPPRESS)
    told = asked.parse_args()
    if told.import_into:
        print(json.dumps(import_all(told.import_into)))
        return
    home = Path(tempfile.mkdtemp(prefix="linli-bench-"))
    try:
        began = time.perf_counter()
        child = subprocess.run(
            [sys.executable, __file__, "--import-into", str(home)], check=True, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        imported = json.loads(child.stdout.splitlines()[-1])
        figures: dict[str, Any] = {"import with start-up, s": round(time.perf_counter() - began, 1), **imported}
        ready(home)
        figures |= sizes(home) | rebuild() | reveal(told.days) | relay(told.events)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for name, value in figures.items():
        print(f"{name:36} {value:>12,}")
    if told.json:
        told.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
