"""All features of all members beside the plain RFM group-by in DuckDB, and beside other libraries' RFM summary.

    python bench/features.py --members 1000000 --lines 20000000 [--home FOLDER] [--rounds 2] [--rivals PYTHON] [--json FILE]

All on the same facts in one run: a home of `bench/bighome.py` (made when missing; removed unless --home names it). "Plain" reads
the lake's order lines and groups them by member: last moment, sum, and either the orders (each counted once) or, cheaper, the
lines. Each contender is a process of its own, asked in rounds, and a fresh process is part of no figure. The rivals' functions,
`lifetimes.utils.summary_data_from_transaction_data` and `pymc_marketing.clv.utils.rfm_summary`, come from the Python that
`--rivals` names (`pip install lifetimes pymc-marketing duckdb pyarrow` in an environment of its own); they get the orders as a
frame that is ready in memory, and reading it is no part of their figure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

AIM_PLAIN, AIM_RIVALS = 10, 20
PLAIN = """SELECT member_id, max(happened_at), {count}, sum(amount_minor) FROM read_parquet('{lake}/trade_order_paid__lines/**/*.parquet')
GROUP BY member_id"""
COUNTS = {"plain, orders counted": "count(DISTINCT order_id)", "plain, lines counted": "count(*)"}


def timed(does: Callable[[], Any], rounds: int) -> list[dict[str, float]]:
    """Seconds and seconds of CPU of each round, with the members it found."""
    told = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        found = does()
        told.append({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "members": float(len(found))})
    return told


def contender(name: str, home: Path, rounds: int) -> list[dict[str, float]]:
    """One way to the table, in this process."""
    if name in COUNTS:
        import duckdb

        database = duckdb.connect()
        statement = PLAIN.format(count=COUNTS[name], lake=home / "lake")
        return timed(lambda: database.execute(statement).to_arrow_table(), rounds)
    if name == "Linli, all features":
        import bighome

        bighome.ready(home)
        from linli.insight import features

        return timed(lambda: features.features(bighome.NOW, region=bighome.REGION).to_pyarrow(), rounds)
    import duckdb

    orders = duckdb.execute(
        "SELECT member_id, happened_at::TIMESTAMP AS at, paid_minor / 100 AS amount"
        f" FROM read_parquet('{home}/lake/trade_order_paid/**/*.parquet')"
    ).df()
    if name == "lifetimes":
        from lifetimes.utils import summary_data_from_transaction_data as lifetimes_rfm

        return timed(lambda: lifetimes_rfm(orders, "member_id", "at", "amount", observation_period_end=orders["at"].max()), 1)
    from pymc_marketing.clv.utils import rfm_summary

    return timed(lambda: rfm_summary(orders, "member_id", "at", "amount", observation_period_end=orders["at"].max()), 1)


def asked_of(name: str, python: str, home: Path, rounds: int) -> dict[str, Any]:
    """The figures of one contender, from a process of its own: the best round, and the peak of its memory."""
    command = [python, "-W", "ignore", __file__, "--home", str(home), "--rounds", str(rounds), "--contender", name]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    best = min(told["rounds"], key=lambda r: r["cpu"])
    return {"who": name, "seconds": round(best["seconds"], 2), "cpu_seconds": round(best["cpu"], 2), "members": int(best["members"]),
            "peak_gb": round(told["peak_gb"], 2)}  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--members", type=int, default=100_000)
    ask.add_argument("--lines", type=int, default=2_000_000)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--home", type=Path)
    ask.add_argument("--rounds", type=int, default=2)
    ask.add_argument("--rivals", help="a Python that has lifetimes and pymc-marketing")
    ask.add_argument("--json", type=Path)
    ask.add_argument("--contender", help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.contender:
        import resource

        rounds = contender(asked.contender, asked.home, asked.rounds)
        print(json.dumps({"rounds": rounds, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))
        return
    home = asked.home or Path(tempfile.mkdtemp(prefix="linli-features-"))
    try:
        here = [sys.executable, str(Path(__file__).with_name("bighome.py")), "--home", str(home), "--members", str(asked.members)]
        subprocess.run([*here, "--lines", str(asked.lines), "--seed", str(asked.seed)], check=True, stdout=subprocess.DEVNULL)
        made = json.loads((home / "bighome.json").read_text())
        rows = [asked_of(name, sys.executable, home, asked.rounds) for name in (*COUNTS, "Linli, all features")]
        rows += [asked_of(name, asked.rivals, home, 1) for name in ("lifetimes", "pymc-marketing") if asked.rivals]
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    linli = next(r for r in rows if r["who"].startswith("Linli"))
    load = os.getloadavg()[0]
    print(f"{made['members']:,} members, {made['order_lines']:,} lines, {made['orders']:,} orders; load {load:.1f} on {os.cpu_count()}")
    print(f"{'':<26}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}   CPU, Linli / this (aims: plain <= {AIM_PLAIN}, rivals <= 1/{AIM_RIVALS})")
    for row in rows:
        row["linli_to_this"] = round(linli["cpu_seconds"] / max(row["cpu_seconds"], 0.01), 3)
        print(f"{row['who']:<26}{row['seconds']:>9}{row['cpu_seconds']:>9}{row['peak_gb']:>9}   {row['linli_to_this']}")
    if asked.json:
        told = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpus": os.cpu_count(), "machine": platform.machine(),
                "load": load, "home": made, "rows": rows}  # fmt: skip
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
