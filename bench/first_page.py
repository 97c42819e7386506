"""How heavy the shop's pages are and how soon they can be used on a phone: Chromium throttled to 3G, nothing cached.

    python bench/first_page.py [--visits 5] [--cpu 1] [--json FILE]

Builds a lively market in a home of its own, serves it as in production, and visits each page anew each time.
Aims: the first page under 150 kB in all (html, css, js and the pictures above the fold), usable within 2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]
AIM_BYTES, AIM_MS = 150_000, 2000
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(p).exists()), None)


def seed() -> dict[str, Any]:
    """Fill LINLI_HOME; returns a signed-in session and where the pages are."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linli.settings")
    import django

    django.setup()
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from linli.people import queries as people
    from linli.trade import carts
    from linli.trade.rules import Wanted
    from linli.web.access import SESSION_KEY
    from support import market as fair

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    market = fair.build()
    fair.wallet(market.member)
    for code in ("strawberry", "milk", "tomato"):
        carts.put(member_id=market.member, line=Wanted(market.groups[code], 1))
    person = people.person_by_phone(fair.MEMBER_PHONE)
    assert person is not None
    session = SessionStore()
    session[SESSION_KEY] = person.person_id
    session.save()
    return {
        "session": session.session_key,
        "pages": {
            "front page": "/shop/",
            "categories": "/shop/goods/",
            "group-buy with ladder": f"/shop/g/{market.groups['strawberry']}/",
            "search": "/shop/search/?q=cm",
            "cart, 3 lines": "/shop/cart/",
            "checkout": "/shop/checkout/",
            "orders": "/shop/orders/",
        },
    }


def serve(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A web process of its own on `home`; returns it with its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--blocking-threads", "4", "--no-ws", "--log-level", "error", "linli.wsgi:application"]  # fmt: skip
    server = subprocess.Popen(command, env={**os.environ, "LINLI_HOME": str(home), "LINLI_SANDBOX": "1"}, cwd=ROOT)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/signin/", timeout=2).close()
            return server, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise SystemExit("the server did not answer")


def visits(base: str, facts: dict[str, Any], count: int, cpu: float) -> dict[str, list[dict[str, Any]]]:
    """Every page visited `count` times, cold."""
    from playwright.sync_api import sync_playwright

    from support.weighing import weigh

    cookies = [{"name": "sessionid", "value": facts["session"], "url": base}]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        try:
            return {
                name: [asdict(weigh(browser, base, path, cookies, cpu=cpu)) for _ in range(count)] for name, path in facts["pages"].items()
            }
        finally:
            browser.close()


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """The figures as a table: medians, and the slowest visit."""
    lines = ["| page | kB in all | html | css | js | pictures | requests | painted ms | usable ms | slowest |", "|---|" + "---:|" * 9]
    for name, rows in found.items():
        mid = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        kb = [f"{mid[key] / 1000:.1f}" for key in ("bytes", "html", "css", "js", "pictures")]
        slowest = max(row["usable_ms"] for row in rows)
        lines.append(f"| {name} | {' | '.join(kb)} | {mid['requests']:.0f} | {mid['paint_ms']:.0f} | {mid['usable_ms']:.0f} | {slowest} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--cpu", type=float, default=1, help="slow the processor down by so much")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.seed:
        print(json.dumps(seed()))
        return
    if CHROMIUM is None:
        raise SystemExit("needs Chromium (Debian: apt install chromium)")
    home = Path(tempfile.mkdtemp(prefix="linli-first-page-"))
    server = None
    try:
        environment = {**os.environ, "LINLI_HOME": str(home), "LINLI_SANDBOX": "1"}
        told = subprocess.run([sys.executable, __file__, "--seed"], env=environment, capture_output=True, text=True, check=False)
        if told.returncode:
            raise SystemExit(told.stderr[-3000:])
        server, base = serve(home)
        found = visits(base, json.loads(told.stdout.splitlines()[-1]), asked.visits, asked.cpu)
    finally:
        if server is not None:
            server.terminate()
            server.wait(20)
        shutil.rmtree(home, ignore_errors=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"3G (1.6 Mbit/s, 300 ms), processor x1/{asked.cpu:g}, {asked.visits} cold visits each, medians; {machine}\n")
    print(table(found))
    if asked.json:
        asked.json.write_text(json.dumps({"visits": found, "cpu": asked.cpu}, indent=1))
    first = found["front page"]
    heavy, slow = max(row["bytes"] for row in first), statistics.median(row["usable_ms"] for row in first)
    print(f"\nfront page: {heavy / 1000:.1f} kB (aim {AIM_BYTES / 1000:.0f}), usable after {slow:.0f} ms (aim {AIM_MS})")


if __name__ == "__main__":
    main()
