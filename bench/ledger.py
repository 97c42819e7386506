"""How many holds a second the ledger takes, beside `pgbench -N` on the same cluster in the same run.

    python bench/ledger.py [--json FILE] [--seconds 2] [--rounds 3]

A hold is a pending move. "batched" is one process and one connection writing what 64 clients ask: each flush
takes what has gathered, as the order endpoint does. "single" is one client with one commit a transaction. fsync is
on; SQLite runs as the settings have it (WAL, synchronous NORMAL). CPU is client + database server; on a machine that
does other work it says more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

CLIENTS = 64
CASES = [
    # name, accounts, groups a batch, moves a group
    ("batched, 200 accounts", 200, CLIENTS, 1),
    ("batched, one hot account", 1, CLIENTS, 1),
    ("batched orders of 3 lines, 200 accounts", 200, CLIENTS, 3),
    ("single, 200 accounts", 200, 1, 1),
    ("single, one hot account", 1, 1, 1),
]


def fill(accounts: int) -> None:
    """Open and fill the accounts that `hold` takes from."""
    from linli.kernel import ledger
    from linli.kernel.ledger import AccountRef, Move

    worlds = [AccountRef("bench", f"sku:{n}", "outside", "quota") for n in range(accounts)]
    ledger.open_many(dict.fromkeys(worlds))
    here = [AccountRef("bench", f"sku:{n}", "wave:1", "quota") for n in range(accounts)]
    ledger.commit(*(Move(f"fill-{n}", *ends, 10**12, "fill") for n, ends in enumerate(zip(worlds, here, strict=True))))


def hold(accounts: int, groups: int, moves: int, seconds: float, seed: str) -> dict[str, float]:
    """Hold for `seconds`. Returns groups and moves written a second and the p99 of a flush in ms."""
    from linli.kernel import ledger
    from linli.kernel.ledger import AccountRef, Move

    quota = [AccountRef("bench", f"sku:{n}", "wave:1", "quota") for n in range(accounts)]
    sold = [AccountRef("bench", f"sku:{n}", "channel:shop", "sold") for n in range(accounts)]

    def order(n: int) -> list[Move]:
        lines = [(n * 7 + line * 61) % accounts for line in range(moves)]
        return [Move(f"{seed}-{n}-{line}", quota[a], sold[a], 1, "order", pending=True) for line, a in enumerate(lines)]

    done, took = 0, []
    ledger.batch([order(-1)])  # connected, plans made
    begin, spent = time.perf_counter(), (time.process_time(), _server_cpu_s())
    while (started := time.perf_counter()) - begin < seconds:
        outcomes = ledger.batch([order(done + n) for n in range(groups)])
        took.append(time.perf_counter() - started)
        done += sum(outcome.ok for outcome in outcomes)
    elapsed = time.perf_counter() - begin
    took.sort()
    return {
        "groups_s": done / elapsed,
        "moves_s": done * moves / elapsed,
        "flush_p99_ms": 1000 * took[int(len(took) * 0.99)],
        "client_cpu_us": 1e6 * (time.process_time() - spent[0]) / (done * moves),
        "server_cpu_us": 1e6 * (_server_cpu_s() - spent[1]) / (done * moves),
    }


def _server_cpu_s() -> float:
    """What this connection's server process has spent (Linux; 0 elsewhere and on SQLite, which is in the client)."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    try:
        fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check() -> bool:
    """The books after the run."""
    from linli.kernel import ledger

    return ledger.audit().ok


_began = time.monotonic()


def say(words: str) -> None:
    """How far the run is, to stderr: a table that takes minutes must not look dead."""
    print(f"{time.monotonic() - _began:5.0f} s  {words}", file=sys.stderr, flush=True)


def pgbench(cluster: Any, seconds: float) -> float:
    """Transactions a second of `pgbench -N` with 16 clients."""
    from support import postgres

    name = "pgbench"
    argv = [str(postgres.program("pgbench")), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres"]
    if not getattr(pgbench, "ready", False):
        cluster.create(name)
        subprocess.run([*argv, "-i", "-q", "-s", "10", name], check=True, capture_output=True)
        pgbench.ready = True  # type: ignore[attr-defined]
    out = subprocess.run(
        [*argv, "-N", "-n", "-c", "16", "-j", "2", "-T", str(max(1, round(seconds))), name], check=True, capture_output=True, text=True
    )
    return float(re.search(r"tps = ([\d.]+)", out.stdout)[1])  # type: ignore[index]


def measure(kinds: list[str], seconds: float, rounds: int) -> dict[str, Any]:
    """Every case on every database, round by round, `pgbench` in each round."""
    from contextlib import ExitStack

    from support import postgres, scratch

    figures: dict[str, list[dict[str, float]]] = {}
    tps: list[float] = []
    clean = True
    with ExitStack() as stack:
        urls = {kind: stack.enter_context(scratch.database(kind)) for kind in kinds}
        for url in urls.values():
            scratch.run("ledger", "fill", url=url, accounts=200)
        say("the accounts are filled")
        for turn in range(rounds):
            if "postgres" in kinds:
                tps.append(pgbench(postgres.cluster(), seconds))
                say(f"round {turn + 1} of {rounds}: pgbench -N {tps[-1]:,.0f} tps")
            for kind, url in urls.items():
                for number, (name, accounts, groups, moves) in enumerate(CASES):
                    asked = {"accounts": accounts, "groups": groups, "moves": moves, "seconds": seconds, "seed": f"{turn}-{number}"}
                    run = scratch.run("ledger", "hold", url=url, **asked)
                    figures.setdefault(f"{kind}: {name}", []).append(run)
                    say(f"round {turn + 1} of {rounds}: {kind}: {name}: {run['groups_s']:,.0f}/s")
        say("the books are audited")
        for url in urls.values():
            clean &= scratch.run("ledger", "check", url=url)
    median = {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in figures.items()}
    about = {"cores": os.cpu_count(), "load_average": os.getloadavg(), "clients": CLIENTS}
    return about | {"audit_clean": clean, "pgbench_tps": tps, "cases": median, "runs": figures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    from support import postgres

    kinds = ["postgres", "sqlite"]
    try:
        postgres.program("initdb"), postgres.program("pgbench")
    except postgres.Missing as missing:
        print(f"PostgreSQL NOT MEASURED: {missing}")
        kinds = ["sqlite"]
    figures = measure(kinds, asked.seconds, asked.rounds)
    base = statistics.median(figures["pgbench_tps"]) if figures["pgbench_tps"] else None
    print(f"{'holds':52} {'groups/s':>10} {'moves/s':>10} {'flush p99 ms':>13} {'CPU us a move':>14} {'x pgbench -N':>13}")
    for name, row in figures["cases"].items():
        ratio = f"{row['groups_s'] / base:13.2f}" if base and name.startswith("postgres") else " " * 13
        cpu = f"{row['client_cpu_us']:.0f} + {row['server_cpu_us']:.0f}"
        print(f"{name:52} {row['groups_s']:10,.0f} {row['moves_s']:10,.0f} {row['flush_p99_ms']:13.1f} {cpu:>14} {ratio}")
    if base:
        print(f"{'pgbench -N, 16 clients':52} {base:10,.0f}   ({min(figures['pgbench_tps']):,.0f} to {max(figures['pgbench_tps']):,.0f})")
    print(f"audit after the run: {'clean' if figures['audit_clean'] else 'NOT CLEAN'}; load {figures['load_average'][0]:.1f}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    return 0 if figures["audit_clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
