"""Databases of their own, and processes of their own on them, for tests that race or kill.

A process that has imported Django once forks one for each request (`serve`), so that a race of eight processes
doesn't start the interpreter eight times.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import postgres

ROOT = Path(__file__).parents[2]
_numbers = itertools.count()


def setup(url: str) -> None:
    """Let Django in this process know the kernel alone, on the database at `url`: it starts in a fifth of the time."""
    import django
    from django.conf import settings

    entry = _settings().database(url)
    settings.configure(INSTALLED_APPS=["linli.kernel"], DATABASES={"default": entry}, USE_TZ=True, TIME_ZONE="Asia/Shanghai")
    django.setup()


def _settings() -> Any:
    """The product's settings as a module: how it speaks to its database."""
    os.environ.setdefault("LINLI_HOME", tempfile.mkdtemp(prefix="linli-scratch-home-"))
    return importlib.import_module("linli.settings")


def make_tables() -> None:
    """Create the kernel's tables in the database of this process."""
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in apps.get_app_config("kernel").get_models():
            editor.create_model(model)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The url of an empty database with the kernel's tables: `sqlite` or `postgres`."""
    if kind == "postgres":
        cluster, name = postgres.cluster(), f"scratch_{os.getpid()}_{next(_numbers)}"
        cluster.create(name)
        url = cluster.url(name)
    else:
        folder = Path(tempfile.mkdtemp(prefix="linli-scratch-"))
        url = f"sqlite:///{folder}/scratch.sqlite3"
    try:
        run("support.scratch", "make_tables", url=url)
        yield url
    finally:
        if kind == "postgres":
            cluster.drop(name)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run(module: str, function: str, *, url: str, **arguments: Any) -> Any:
    """Run `module.function(**arguments)` in a process of its own on the database `url` and return its (JSON) result."""
    return at_once(module, function, url=url, each=[arguments])[0]


def at_once(module: str, function: str, *, url: str, each: list[dict[str, Any]]) -> list[Any]:
    """Run the function in as many processes as `each` has arguments; they begin together, at `line_up()`."""
    server = _server()
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps({"module": module, "function": function, "url": url, "each": each}) + "\n")
    server.stdin.flush()
    answers = json.loads(server.stdout.readline())
    for answer in answers:
        if "error" in answer:
            raise RuntimeError(answer["error"])
    return [answer["result"] for answer in answers]


@functools.cache
def _server() -> subprocess.Popen[str]:
    code = "import sys; sys.path[:0] = sys.argv[1].split(':'); from support import scratch; scratch.serve()"
    argv = [sys.executable, "-c", code, f"{ROOT}/tests:{ROOT}/bench"]
    server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    atexit.register(server.kill)
    return server


LONGEST_S = 280
"""A process that takes longer has hung, and ends itself."""

_ready, _go = -1, -1


def line_up() -> None:
    """In a process of `at_once`: say that everything is imported and connected, and wait for the others."""
    global _ready
    os.write(_ready, b".")
    _ready = -1
    os.read(_go, 1)


def serve() -> None:
    """Fork a process for each request on stdin. The forks set Django up; what is imported here needs no settings."""
    _settings()
    import django.db.models  # noqa: F401  imported once, for all of them
    import psycopg  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the functions print goes to stderr
    for line in sys.stdin:
        request = json.loads(line)
        (ready, say_ready), (wait_go, go) = os.pipe(), os.pipe()
        pipes = []
        for arguments in request["each"]:
            result, say = os.pipe()
            if os.fork() == 0:
                os.close(ready), os.close(go)
                _perform(request, arguments, say_ready, wait_go, say)
            os.close(say)
            pipes.append(result)
        os.close(say_ready), os.close(wait_go)
        waiting = len(pipes)
        while waiting and (came := os.read(ready, waiting)):
            waiting -= len(came)
        os.close(go)  # the end of this pipe is the start
        found = [os.fdopen(result).read() or json.dumps({"error": "the process died"}) for result in pipes]
        for _ in pipes:
            os.wait()
        os.close(ready)
        answers.write(f"[{', '.join(found)}]\n")
        answers.flush()


def _perform(request: dict[str, Any], arguments: dict[str, Any], say_ready: int, wait_go: int, say: int) -> None:
    global _ready, _go
    _ready, _go = say_ready, wait_go
    signal.alarm(LONGEST_S)
    try:
        setup(request["url"])
        answer = {"result": getattr(importlib.import_module(request["module"]), request["function"])(**arguments)}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    if _ready >= 0:
        os.write(_ready, b".")
    os.write(say, json.dumps(answer).encode())
    os._exit(0)
