"""What a start must know before it opens the port, asked without Django: are the tables there, is the first run done?

Setting Django up to learn that there is nothing to do would cost a warm start more than everything else together.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from linli import settings

STAMP = "first-run"
_RECORDED = "SELECT app, name FROM django_migrations"


def done() -> bool:
    """Whether `linli init` would find nothing to do."""
    return migrated() and first_run_done()


def first_run_done() -> bool:
    """Whether the first run has ended well on this home."""
    return (settings.HOME / STAMP).exists()


def migrated() -> bool:
    """Whether the database has recorded every migration that this code ships. When it can't be told, it hasn't.

    Asked of the database itself: a stamp beside it would outlive a database that was put back from a copy.
    """
    return shipped() <= _recorded(settings.DATABASE_URL)


def shipped() -> set[tuple[str, str]]:
    """(app, name) of every migration of the installed apps, read from their folders as Django's own loader does."""
    found = set()
    for app in settings.INSTALLED_APPS:
        spec = find_spec(app)
        for place in (spec and spec.submodule_search_locations) or ():
            names = (path.stem for path in (Path(place) / "migrations").glob("*.py"))
            found |= {(app.rpartition(".")[2], name) for name in names if name[0] not in "_~"}
    return found


def _recorded(url: str) -> set[tuple[str, str]]:
    if url.startswith("sqlite:"):
        path = Path(str(settings.database(url)["NAME"]))
        if not path.exists():
            return set()
        try:
            with closing(sqlite3.connect(path)) as database:
                return set(database.execute(_RECORDED))
        except sqlite3.Error:  # no tables in it
            return set()
    import psycopg

    try:
        with psycopg.connect(url) as server:
            return {(str(app), str(name)) for app, name in server.execute(_RECORDED)}
    except psycopg.Error:
        return set()
