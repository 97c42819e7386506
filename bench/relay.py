"""How many events a second go from the log into the lake's Parquet files, beside reading the log row by row.

    python bench/relay.py [--events 40000] [--rounds 3] [--json FILE]

A home of its own, thrown away. Half of the events are paid orders with three lines, half are consents. Each round lets
both ways read the same log into a lake of their own, in turn, so that what else the machine does hits both alike. The
rival is the reader without `raw`: one model object an event, its payload decoded by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

AIM = 50_000
AT = datetime(2017, 10, 2, 12, tzinfo=UTC)


def tell(count: int) -> None:
    """Write the log."""
    from linli.kernel import events
    from linli.people.events import ConsentChanged
    from linli.trade.events import OrderPaid, SoldLine

    told = []
    for n in range(count // 2):
        member, at = n % 2000, AT + timedelta(seconds=n)
        lines = [SoldLine(f"sku-{k}", "fruit", "BANANAS", k, 2, 300, 0) for k in range(3)]
        paid = OrderPaid(f"o{n}", member, 7, 900, 0, "sandbox", "", lines, f"member:{member}")
        told += [events.Told(fact, "us-demo", f"member:{member}", at, at) for fact in (paid, ConsentChanged(member, "messages", True))]
    events.append_many(told)


def once(raw: bool, count: int) -> tuple[float, float]:
    """(seconds, seconds of CPU) until the whole log lies in an empty lake."""
    from linli.insight import lake
    from linli.kernel import events

    shutil.rmtree(lake.root(), ignore_errors=True)
    lake.forget()
    events.rewind("lake")
    wall, cpu = time.perf_counter(), time.process_time()
    read = events.drain({"lake": events.Subscription(lake.relay, batch=20_000, raw=raw)})
    told = time.perf_counter() - wall, time.process_time() - cpu
    if read != count:
        raise SystemExit(f"{read} of {count} events were read")
    return told


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--events", type=int, default=40_000)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--json", type=Path)
    asked = ask.parse_args()
    home = tempfile.mkdtemp(prefix="linli-relay-")
    os.environ |= {"LINLI_HOME": home, "LINLI_SANDBOX": "1", "DJANGO_SETTINGS_MODULE": "linli.settings"}
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    count = asked.events // 2 * 2
    tell(count)
    for raw in (True, False):  # imports and caches are not what is measured
        once(raw, count)
    took: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(asked.rounds):
        for raw in (True, False) if number % 2 else (False, True):
            took[raw].append(once(raw, count))
    rows = [
        {
            "reader": "columns at once" if raw else "row by row",
            "events_per_second": round(count / statistics.median(w for w, _ in took[raw])),
            "events_per_cpu_second": round(count / statistics.median(c for _, c in took[raw])),
        }
        for raw in (True, False)
    ]
    for row in rows:
        print(f"{row['reader']:<18}{row['events_per_second']:>10,} events/s {row['events_per_cpu_second']:>10,} events per second of CPU")
    print(f"aim {AIM:,} events/s; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if asked.json:
        told = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpus": os.cpu_count(), "machine": platform.machine(),
                "load": os.getloadavg()[0], "events": count, "rounds": asked.rounds, "aim": AIM, "rows": rows}  # fmt: skip
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
