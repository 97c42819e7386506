"""One daily loop on Complete Journey: the clock steps a day, history is revealed, members are known anew, playbooks act.

    python bench/loop.py [--days 3] [--home FOLDER] [--json FILE]

Uses a home that has been set up (`linli init`), copied aside so that the demo is not stepped. Prints seconds by part.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

TARGET_SECONDS = 30


def main() -> None:
    """Step the copied home `--days` days and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--home", type=Path, default=Path(__file__).parents[1] / "var")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linli-loop-") as folder:
        home = Path(folder) / "home"
        shutil.copytree(asked.home, home)
        os.environ["LINLI_HOME"] = str(home)
        os.environ["DJANGO_SETTINGS_MODULE"] = "linli.settings"
        rows = run(asked.days)
    show(rows)
    if asked.json:
        asked.json.write_text(json.dumps({"loop": rows, "target_seconds": TARGET_SECONDS}, indent=1))


def run(days: int) -> list[dict[str, float | str]]:
    """[{day, members, total, and seconds by part}], one a day stepped."""
    import django

    django.setup()
    from linli import day
    from linli.insight import queries
    from linli.kernel import clocks
    from linli.people import queries as people

    rows: list[dict[str, float | str]] = []
    for _ in range(days):
        to = clocks.business_now() + timedelta(days=1)
        marks: list[tuple[str, float]] = []
        day.step_to(to, tell=lambda done, total, label, marks=marks: marks.append((label, time.perf_counter())))
        parts = {label: later - at for (label, at), (_, later) in itertools.pairwise(marks)}
        standing = queries.standing(people.regions()[0].slug)
        members = standing.members if standing else 0
        rows.append({"day": f"{to:%Y-%m-%d}", "members": members, "total": marks[-1][1] - marks[0][1], **parts})
    return rows


def show(rows: list[dict[str, float | str]]) -> None:
    """The table, parts as columns."""
    names = list(rows[0])
    print(" | ".join(f"{n:>14}" for n in names))
    for row in rows:
        print(" | ".join(f"{v:14.2f}" if isinstance(v, float) else f"{v:>14}" for v in row.values()))
    totals = [float(r["total"]) for r in rows]
    print(f"one daily loop: median {statistics.median(totals):.1f} s, most {max(totals):.1f} s (target < {TARGET_SECONDS} s)")


if __name__ == "__main__":
    main()
