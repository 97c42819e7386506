"""Who belongs to 100 audiences after some members bought: their own facts read and judged again, beside everybody judged again.

    python bench/audiences.py --members 1000000 --lines 20000000 [--home FOLDER] [--touched 100 1000 10000] [--json FILE]

On a home of `bench/bighome.py`, whose lake holds everybody; the orders of the members touched are told to its log as the living
shop tells them. "Touched" reads those members' facts from the log (`insight.member_facts`), computes every feature and asks
100 rules; the rival computes every feature of all members from the lake and asks the same rules of all. Both are the
expressions that ship; whatever either says of a touched member must be the same, or the run fails. Writing is part of neither.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import bighome

AIM_S = 2
THRESHOLDS = (
    (("recency_days >= {}", "orders_90d > {} and recency_days < 30", "joined_days < {} and orders_total == 0"), range(5, 75, 4)),
    (("spend_365d_minor > {}000", "spend_90d_minor > {}00 and coupon_share_90d >= 0.2"), range(10, 98, 4)),
)
RULES = [
    *(text.format(n) for texts, numbers in THRESHOLDS for text in texts for n in numbers),
    'top_category == "fruit" and top_category_share > 0.5',
    'favourite_products has "fruit-0" or not (gap_ratio > 1.5)',
]


def tell(members: Sequence[int]) -> int:
    """What the lake holds of these members, into the log. Returns how many facts were new."""
    from linli.insight import lake
    from linli.kernel import events

    def of(name: str) -> pa.Table:
        table = lake.table(name)
        return table.filter(table.member_id.isin([int(m) for m in members])).to_pyarrow()

    lines: dict[str, list[dict[str, Any]]] = {}
    for row in of("trade.order_paid__lines").sort_by("position").to_pylist():
        names = ("sku", "category", "product_type", "group_id", "quantity", "amount_minor", "discount_minor")
        lines.setdefault(row["uid"], []).append({name: row[name] for name in names})
    told = 0
    for kind, keys in (
        ("people.member_joined", ("member_id", "community_id", "channel", "external_id")),
        ("trade.order_paid", ("order_id", "member_id", "community_id", "paid_minor", "discount_minor", "channel", "coupon_issue", "by")),
    ):
        rows = [
            events.Column(
                row["uid"].replace("-", ""),
                row["subject"],
                row["happened_at"],
                row["recorded_at"],
                json.dumps({name: row[name] for name in keys} | ({"lines": lines[row["uid"]]} if kind == "trade.order_paid" else {})),
            )
            for row in of(kind).to_pylist()
        ]
        told += events.append_bulk(kind, rows, region=bighome.REGION, source="live")
    return told


def judged(members: Sequence[int] | None) -> pa.Table:
    """member_id and whether each rule holds: of these members from the log, of all (None) from the lake."""
    import ibis

    from linli.engage import audience, knowledge
    from linli.insight import features, member_facts

    tables = None if members is None else member_facts.tables(bighome.REGION, members)
    known = features.features(bighome.NOW, members, region=bighome.REGION, tables=tables).to_pyarrow()
    names, table = knowledge.names(), ibis.memtable(known)
    return table.select("member_id", **{f"a{n}": audience.compile(rule, names).ibis(table) for n, rule in enumerate(RULES)}).to_pyarrow()


def timed(who: str, members: Sequence[int] | None, rounds: int) -> tuple[dict[str, Any], pa.Table]:
    best: dict[str, Any] = {}
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        found = judged(members).sort_by("member_id")
        row = {"who": who, "seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}
        best = min(best or row, row, key=lambda r: r["cpu_seconds"])
    return best, found


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--members", type=int, default=100_000)
    ask.add_argument("--lines", type=int, default=2_000_000)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--home", type=Path)
    ask.add_argument("--touched", type=int, nargs="+", default=[100, 1_000, 10_000])
    ask.add_argument("--rounds", type=int, default=2)
    ask.add_argument("--json", type=Path)
    asked = ask.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="linli-audiences-"))
    try:
        made = bighome.make(home.resolve(), members=asked.members, lines=asked.lines, seed=asked.seed)
        chosen = np.random.default_rng(asked.seed).permutation(asked.members)[: max(asked.touched)] + 1
        told = tell(chosen.tolist())
        rows, found = [], {}
        for n in asked.touched:
            row, found[n] = timed(f"touched: {n:,}", sorted(chosen[:n].tolist()), asked.rounds)
            rows.append(row)
        row, everybody = timed(f"everybody: {asked.members:,}", None, 1)
        rows.append(row)
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    for n, table in found.items():
        if not table.equals(everybody.filter(pc.is_in(everybody["member_id"], table["member_id"].combine_chunks()))):
            raise SystemExit(f"of {n} members touched the full evaluation says something else")
    load = os.getloadavg()[0]
    print(f"{made['members']:,} members, {made['order_lines']:,} lines in the lake, {told:,} facts told to the log; load {load:.1f}")
    print(f"{len(RULES)} audiences{'':<20}{'seconds':>9}{'CPU s':>9}   (aim: 10,000 touched in < {AIM_S} s; all equal)")
    for row in rows:
        print(f"{row['who']:<33}{row['seconds']:>9}{row['cpu_seconds']:>9}")
    if asked.json:
        told_json = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpus": os.cpu_count(), "machine": platform.machine(),
                     "load": load, "home": made, "rows": rows}  # fmt: skip
        asked.json.write_text(json.dumps(told_json, indent=1) + "\n")


if __name__ == "__main__":
    main()
