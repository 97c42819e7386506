"""`linli up`: web, worker and gateway come up together, and Ctrl-C stops them all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

LINLI = [sys.executable, "-m", "linli.cli"]


def _free_port() -> int:
    """A port whose successor is free too (the gateway takes it)."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            port = int(a.getsockname()[1])
            try:
                b.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _children(pid: int) -> list[int]:
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


def _all_three(process: subprocess.Popen[bytes], seconds: float = 30) -> list[int]:
    """Worker and gateway begin once a page is answered."""
    until = time.monotonic() + seconds
    while len(found := _children(process.pid)) < 3:
        assert time.monotonic() < until, "worker and gateway did not start"
        time.sleep(0.05)
    return found


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("LINLI_DATABASE", "LINLI_GATEWAY")} | {"LINLI_HOME": str(tmp_path)}
    subprocess.run([*LINLI, "migrate"], env=environment, check=True)
    return environment


def _answer(url: str, process: subprocess.Popen[bytes], seconds: float = 30) -> httpx.Response:
    until = time.monotonic() + seconds
    while True:
        try:
            return httpx.get(url, timeout=5)
        except httpx.TransportError:
            assert process.poll() is None, "it ended while starting"
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.1)


def test_comes_up_and_ctrl_c_stops_everything(home: dict[str, str]) -> None:
    port = _free_port()
    process = subprocess.Popen([*LINLI, "up", "--port", str(port)], env=home)
    try:
        assert _answer(f"http://127.0.0.1:{port}/signin/", process).status_code == 200
        children = _all_three(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    finally:
        process.kill()


def test_a_taken_port_is_told(home: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run([*LINLI, "up", "--port", str(port)], env=home, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert f"Port {port} is taken" in ended.stdout


def test_one_that_falls_takes_the_others_along(home: dict[str, str]) -> None:
    """Half a Linli is worse than none: a web process without its worker would promise what nobody does."""
    port = _free_port()
    process = subprocess.Popen([*LINLI, "up", "--port", str(port)], env=home)
    try:
        _answer(f"http://127.0.0.1:{port}/signin/", process)
        children = _all_three(process)
        os.kill(children[1], signal.SIGKILL)
        assert process.wait(25) == 1
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    finally:
        process.kill()
