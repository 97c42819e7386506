"""Web, worker and sandbox gateway as processes of one command, started and stopped together."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from linli import settings

GRACE_SECONDS = 15
FIRST_PAGE = "/signin/"


LINLI = [sys.executable, "-m", "linli.cli"]


def init() -> int:
    """`linli init` as a process; its status."""
    return subprocess.run([*LINLI, "init"], check=False).returncode  # noqa: S603 (our own command)


SANDBOXED = """
This is the SANDBOX: payments are play money, anybody may read the sign-in codes at /sandbox/inbox/ and sign in as anybody.
Before real customers: LINLI_SANDBOX=0 and `linli pay doctor` (operators' guide, 收款)."""


def up(*, host: str, port: int, web_workers: int, say: Callable[[str], None]) -> int:
    """Run them until Ctrl-C (status 0) or until one ends by itself (status 1: the others are stopped too)."""
    if not _free(host, port):
        say(f"Port {port} is taken: something else listens there. Choose another with --port.")
        return 1
    gateway_port = port + 1
    environment = {**os.environ, "LINLI_GATEWAY": os.environ.get("LINLI_GATEWAY", f"http://{host}:{gateway_port}")}
    environment.setdefault("LINLI_PUBLIC_URL", f"http://{host}:{port}")
    web = {
        "web": [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", host, "--port", str(port), "--workers", str(web_workers),
                "--no-ws", "--log-level", "warning", "linli.rsgi:app"],
    }  # fmt: skip
    others = {"worker": [*LINLI, "worker"]}
    if settings.SANDBOX:
        others["gateway"] = [*LINLI, "gateway", "--port", str(gateway_port)]
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(wanted: dict[str, list[str]]) -> None:
        for name, command in wanted.items():
            # Own process groups: Ctrl-C reaches this process only, which then ends the others in order.
            running[name] = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 (our own three commands)

    begin(web)
    # Each start is a second of a core: whoever waits for the first page waits for the web process alone.
    if _answers(host, port, lambda: not stopping and all(p.poll() is None for p in running.values())):
        say(f"\nLinli is up: http://{host}:{port}/\nCtrl-C stops it.")
        begin(others)
        if settings.SANDBOX:
            say(SANDBOXED)
    while not stopping and all(p.poll() is None for p in running.values()):
        time.sleep(0.2)
    fallen = [name for name, p in running.items() if p.poll() is not None]
    if fallen and not stopping:
        say(f"{', '.join(fallen)} ended by itself; stopping the rest.")
    _end(running)
    say("Linli has stopped.")
    return 0 if stopping else 1


def _end(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in running.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((host, port)) != 0


def _answers(host: str, port: int, going: Callable[[], bool]) -> bool:
    """Wait until a page is answered: the port is open before there is anybody behind it."""
    while going():
        line = http.client.HTTPConnection(host, port, timeout=1)
        try:
            line.request("GET", FIRST_PAGE)
            line.getresponse().read()
            return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        finally:
            line.close()
    return False
