"""How long until the first page: `make run` in a fresh clone, then stopped and started again.

    python bench/first_run.py [--warm 3] [--json FILE]

Clones this repository's last commit into a temporary folder. Cold is the first `make run` there (packages from the package
manager's cache, when it has them), warm each one after it. Measured from the command to the first 200 of the operator's
first page: cold through the sign-in page, warm with the session of before. CPU is that of every process of the start by
then, the worker included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
AIMS = {"cold": 120, "warm": 5}
PATIENCE_S = 1800


def free_port() -> int:
    """A port whose successor is free as well: the sandbox's gateway takes it."""
    while True:
        with socket.socket() as one, socket.socket() as other, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            other.bind(("127.0.0.1", port + 1))
            return port


@contextlib.contextmanager
def making_run(clone: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`make run` in the clone, ended as Ctrl-C ends it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LINLI_") and k not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS")}
    with log.open("ab") as told:
        process = subprocess.Popen(["make", "run", f"PORT={port}"], cwd=clone, env=clean, stdout=told, stderr=told, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def first_page(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the operator's page answers, signing in where that is asked for."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"make run ended by itself:\n{log.read_text()[-2000:]}")
        try:
            page = client.get("/console/")
        except httpx.TransportError:
            time.sleep(0.02)
            continue
        if page.status_code == 200 and page.url.path == "/console/":
            return
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        phone = re.search(r'name="phone" value="([^"]+)"', page.text)
        if not token or not phone:
            raise SystemExit(f"no sandbox faces on the page that answered with {page.status_code}")
        client.post("/signin/as/", data={"csrfmiddlewaretoken": token[1], "phone": phone[1]}, headers={"Referer": str(client.base_url)})
    raise SystemExit("no page was answered")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, of its living descendants and of those it has seen end."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return own + sum(cpu_s(int(child)) for child in children)


def start(clone: Path, client: httpx.Client, port: int, log: Path) -> dict[str, float]:
    """One start: seconds, CPU seconds and the load (one minute) when it began."""
    load = os.getloadavg()[0]
    began = time.perf_counter()
    with making_run(clone, port, log) as process:
        first_page(client, process, log)
        took = time.perf_counter() - began
        return {"seconds": round(took, 1), "cpu_seconds": round(cpu_s(process.pid), 1), "load": round(load, 1)}


def main() -> None:
    """Cold once, warm some times; the table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--warm", type=int, default=3, help="warm starts")
    ask.add_argument("--json", type=Path)
    asked = ask.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="linli-first-run-") as folder:
        clone, log = Path(folder) / "linli", Path(folder) / "log"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=60) as client:
            cold = start(clone, client, port, log)
            warm = [start(clone, client, port, log) for _ in range(asked.warm)]
    print(f"{'start':<8}{'seconds':>10}{'CPU s':>10}{'load':>8}{'aim':>8}")
    for name, row in [("cold", cold), *(("warm", row) for row in warm)]:
        print(f"{name:<8}{row['seconds']:>10}{row['cpu_seconds']:>10}{row['load']:>8}{AIMS[name]:>8}")
    print(f"warm, median: {statistics.median(row['seconds'] for row in warm):.1f} s" if warm else "")
    if asked.json:
        told = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cpus": os.cpu_count(),
            "aims_s": AIMS,
            "cold": cold,
            "warm": warm,
        }
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
