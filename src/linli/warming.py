"""What a web process loads once its first page is answered: the other surfaces, templates, and what knowledge needs.

A start that loaded everything would keep the operator waiting for libraries that the first page never asks; a process that
loaded nothing would keep the next person waiting instead. So it is done in a thread, between requests.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long a step waits for a quiet moment; a busy process is warmed all the same."""


def begin(busy: Callable[[], bool]) -> threading.Thread:
    """Load the rest in a thread of its own, each step when no request is under way (`busy`)."""
    thread = threading.Thread(target=_run, args=(busy,), name="warming", daemon=True)
    thread.start()
    return thread


def _run(busy: Callable[[], bool]) -> None:
    for step in steps():
        until = time.monotonic() + PATIENCE_S
        while busy() and time.monotonic() < until:
            time.sleep(0.01)
        try:
            step()
        except Exception:  # whoever asks for that page will be told why
            log.exception("warming up")
    # What is loaded by now stays: collecting it again and again would show in the slowest pages.
    gc.collect()
    gc.freeze()


def steps() -> Iterator[Callable[[], object]]:
    """Addresses surface by surface, the console first; its templates; readers, with the lake and the models behind them."""
    from django.urls import URLResolver, get_resolver

    surfaces = [one for one in get_resolver().url_patterns if isinstance(one, URLResolver)]
    while surfaces:
        surface = surfaces.pop(0)
        yield partial(getattr, surface, "url_patterns")
        surfaces += [one for one in surface.url_patterns if isinstance(one, URLResolver)]
    yield from _templates()
    yield _readers


def _templates() -> Iterator[Callable[[], object]]:
    from django.template import engines
    from django.template.loader import get_template

    for folder in (Path(place) for engine in engines.all() for place in engine.template_dirs):
        if folder.match("linli/*/templates"):
            names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.html"))]
            yield from (partial(get_template, name) for name in names)


def _readers() -> object:
    from linli.kernel import events

    return events.readers()
