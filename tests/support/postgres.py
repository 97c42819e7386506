"""A throw-away PostgreSQL cluster on a loopback port, gone when the process ends. fsync stays on: races are real."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "256MB",
    "log_min_messages": "fatal",
}


class Missing(RuntimeError):
    """PostgreSQL is not installed here."""


def program(name: str) -> Path:
    """`initdb`, `pgbench` and so on: from PATH, or from the newest version Debian keeps out of PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else 0, reverse=True
    )
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    raise Missing(f"{name} is not installed (Debian: apt-get install postgresql)")


@dataclass(frozen=True)
class Cluster:
    """A running server. Its superuser is `postgres`, without a password, on loopback only."""

    folder: Path
    port: int

    def url(self, name: str) -> str:
        """The address of the database `name`, as LINLI_DATABASE takes it (made by the caller or by `create`)."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, *, template: str = "template1") -> str:
        """Make the database `name` afresh and return its address."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop the database, connections and all."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, statement: str, name: str = "postgres") -> None:
        """Run one statement outside a transaction."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        _run(program("pg_ctl"), "-D", self.folder / "data", "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def start(settings: dict[str, str] | None = None) -> Cluster:
    """Start a server of its own. The caller stops it."""
    # /tmp is passable by everybody; TMPDIR may not be, and the server can't run as root.
    folder = Path(tempfile.mkdtemp(prefix="linli-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    _run(program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    port = _free_port()
    options = " ".join(f"-c {name}={value!r}" for name, value in {**SETTINGS, **(settings or {}), "port": str(port)}.items())
    try:
        _run(program("pg_ctl"), "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", "60", "start")
    except subprocess.CalledProcessError:
        log = (folder / "log").read_text() if (folder / "log").exists() else ""
        shutil.rmtree(folder, ignore_errors=True)
        raise RuntimeError(f"PostgreSQL did not start:\n{log}") from None
    return Cluster(folder, port)


@functools.cache
def cluster() -> Cluster:
    """This process's server, stopped when the process ends."""
    made = start()
    pid = os.getpid()
    atexit.register(lambda: made.stop() if os.getpid() == pid else None)  # a forked child must not stop its parent's
    signal.signal(signal.SIGTERM, lambda *_: raise_exit())
    made.create("linli")
    return made


def raise_exit() -> None:
    """Let a terminated process still run its exit handlers."""
    raise SystemExit(143)


def _run(*command: object, check: bool = True) -> None:
    """Run a server program, as the user `postgres` when we are root (it refuses root)."""
    demote: dict[str, object] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        demote = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    argv: Sequence[str] = [str(part) for part in command]
    subprocess.run(argv, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **demote)  # type: ignore[call-overload]


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
