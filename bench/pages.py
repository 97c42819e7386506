"""How fast console pages answer over HTTP on the real history: p50, p95 and the slowest, beside the aim of 200 ms.

    python bench/pages.py [--home FOLDER] [--requests 40] [--json FILE]

Starts its own web process, the one of `linli up`, on a free port against LINLI_HOME (default: var), signs in as the operator
through the sandbox's door, lets the process finish loading, asks every page three times unmeasured, and then all pages
in rounds, one request at a time, so that a busy minute of the machine falls on every page alike. CPU is the web process's
own, a request: on a busy machine it says what the page costs, where the clock says what the machine was doing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
AIM_MS = 200
PAGES = (
    "/console/",
    "/console/members/",
    "/console/members/?segment=at_risk_valuable",
    "/console/members/?q=12&order=-spend_365d",
    "/console/members/{member}/",
    "/console/playbooks/",
    "/console/playbooks/{playbook}/",
    "/console/playbooks/{playbook}/preview/",
    "/console/communities/",
    "/console/groups/",
    "/console/orders/",
    "/console/metrics/",
    "/console/system/",
    "/console/search/?q=12",
)


def serve(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A web process of its own on `home`; returns it with its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--no-ws", "--log-level", "error", "linli.rsgi:app"]  # fmt: skip
    server = subprocess.Popen(command, env={**os.environ, "LINLI_HOME": str(home), "LINLI_SANDBOX": "1"}, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            httpx.get(f"{address}/signin/", timeout=5)
            return server, address
        except httpx.HTTPError:
            time.sleep(0.1)
    server.kill()
    raise SystemExit("the web process did not answer")


def sign_in(client: httpx.Client) -> None:
    """Through the sandbox's door, as the first face: the operator."""
    page = client.get("/signin/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    phone = re.search(r'name="phone" value="([^"]+)"', page)
    if not token or not phone:
        raise SystemExit("no demo faces on the sign-in page: bring the history in first (`linli init`)")
    client.post("/signin/as/", data={"csrfmiddlewaretoken": token[1], "phone": phone[1]}, headers={"Referer": str(client.base_url)})


def found(client: httpx.Client) -> dict[str, str]:
    """A member at risk and a playbook, as the pages themselves name them."""
    members = re.search(r"/console/members/(\d+)/", client.get("/console/members/").text)
    playbook = re.search(r"/console/playbooks/([\w-]+)/", client.get("/console/playbooks/").text)
    return {"member": members[1] if members else "1", "playbook": playbook[1] if playbook else "none"}


def cpu_ms(pid: int) -> float:
    """CPU of a process and its children so far, in milliseconds."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK") + sum(cpu_ms(int(child)) for child in children)


def settle(pid: int, most_s: float = 120) -> None:
    """Wait until the web process has loaded what it loads behind its first page: a second without work."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        before = cpu_ms(pid)
        time.sleep(1)
        if cpu_ms(pid) - before < 20:
            return


def ask(client: httpx.Client, path: str) -> tuple[float, int]:
    """(milliseconds, bytes) of one answer."""
    start = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - start) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return took, len(answer.content)


def measure(client: httpx.Client, paths: list[str], requests: int, pid: int) -> list[dict[str, object]]:
    """Every page `requests` times, in rounds; p50, p95, the slowest, and the web process's CPU a request."""
    for path in paths * 3:
        ask(client, path)
    took: dict[str, list[float]] = {path: [] for path in paths}
    cpu, sizes = dict.fromkeys(paths, 0.0), {}
    for _ in range(requests):
        for path in paths:
            before = cpu_ms(pid)
            ms, sizes[path] = ask(client, path)
            took[path].append(ms)
            cpu[path] += cpu_ms(pid) - before
    return [
        {
            "page": path,
            "p50_ms": round(statistics.median(took[path]), 1),
            "p95_ms": round(sorted(took[path])[min(requests - 1, int(requests * 0.95))], 1),
            "max_ms": round(max(took[path]), 1),
            "cpu_ms": round(cpu[path] / requests, 1),
            "kb": round(sizes[path] / 1024, 1),
            "requests": requests,
        }
        for path in paths
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("LINLI_HOME", ROOT / "var")))
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    server, address = serve(asked.home.resolve())
    try:
        with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
            sign_in(client)
            facts = found(client)
            settle(server.pid)
            load = os.getloadavg()[0]
            rows = measure(client, [path.format(**facts) for path in PAGES], asked.requests, server.pid)
    finally:
        server.terminate()
        server.wait(20)
    print(f"{'page':<58}{'p50':>8}{'p95':>8}{'max':>8}{'CPU':>8}{'kB':>8}   (ms, aim p95 < {AIM_MS}; load {load:.1f})")
    for row in rows:
        print(f"{row['page']:<58}{row['p50_ms']:>8}{row['p95_ms']:>8}{row['max_ms']:>8}{row['cpu_ms']:>8}{row['kb']:>8}")
    if asked.json:
        told = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "aim_ms": AIM_MS,
            "load": round(load, 1),
            "pages": rows,
        }
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
