"""A real standalone Spark cluster on loopback for as long as a test module needs it: one master, two workers."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORKERS = 2
STARTS_WITHIN_S = 90


def java() -> str:
    """A Java that Spark runs on. Raises AssertionError, with what to install, where there is none."""
    asked = os.environ.get("JAVA_HOME")
    for found in [f"{asked}/bin/java"] if asked else [*map(str, Path("/usr/lib/jvm").glob("*17*/bin/java")), shutil.which("java") or ""]:
        if found and Path(found).exists():
            return found
    raise AssertionError("no Java for the Spark cluster: apt-get install openjdk-17-jre-headless")


def ends_with_us() -> None:
    """Linux: when the test process dies, however it dies, its daemons are told to end."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a master with two registered workers; all three end with the block."""
    import pyspark

    jars = Path(pyspark.__file__).parent / "jars"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"spark://127.0.0.1:{port}"
    home = {"SPARK_HOME": str(jars.parent), "SPARK_SCALA_VERSION": "2.13", "JAVA_HOME": str(Path(java()).parents[1])}
    env = {**os.environ, **home, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(folder / "work"), "PYSPARK_PYTHON": sys.executable}
    run = [java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
    started: list[subprocess.Popen[bytes]] = []
    logs: list[Path] = []

    def start(name: str, *arguments: str) -> Path:
        logs.append(folder / f"{name}.log")
        with logs[-1].open("wb") as out:
            started.append(subprocess.Popen([*run, *arguments], env=env, stdout=out, stderr=subprocess.STDOUT, preexec_fn=ends_with_us))
        return logs[-1]

    def wait(log: Path, told: str) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while not re.search(told, log.read_text(errors="replace")):
            if time.monotonic() > until or any(one.poll() is not None for one in started):
                raise AssertionError(
                    "the Spark cluster did not start:\n" + "\n".join(one.read_text(errors="replace")[-3000:] for one in logs)
                )
            time.sleep(0.1)

    try:
        master = start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
        wait(master, "I have been elected leader")
        for n in range(WORKERS):
            one = ("--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g")
            start(f"worker{n}", "org.apache.spark.deploy.worker.Worker", *one, address)
        for log in logs[1:]:
            wait(log, "Successfully registered with master")
        yield address
    finally:
        for one in reversed(started):
            one.terminate()
        for one in started:
            one.wait(20)
