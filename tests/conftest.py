"""The suite runs on SQLite or PostgreSQL: LINLI_TEST_DB=sqlite|postgres. Its home is a throw-away folder."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import django
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Before Django reads its settings: each test process keeps its files to itself.
_home = tempfile.mkdtemp(prefix="linli-test-")
os.environ["LINLI_HOME"] = _home
os.environ["LINLI_SANDBOX"] = "1"
if os.environ.get("LINLI_TEST_DB", "sqlite") == "postgres":
    from support import postgres

    os.environ["LINLI_DATABASE"] = postgres.cluster().url("linli")
else:
    os.environ["LINLI_DATABASE"] = f"sqlite:///{_home}/linli.sqlite3"
os.environ["DJANGO_SETTINGS_MODULE"] = "linli.settings"
django.setup()


def pytest_configure(config: pytest.Config) -> None:
    """Parallel workers choose home and cluster themselves: with the settings named in the environment, the plugin would
    read ours before they can, and workers on one cluster hold each other's readers back (its horizon is shared)."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        for name in ("DJANGO_SETTINGS_MODULE", "LINLI_HOME", "LINLI_DATABASE"):
            os.environ.pop(name, None)


PAGES = ("test_door.py", "test_fuzz.py", "test_reference.py", "test_webhooks.py")
"""The API's pages; its idempotency and its fast door are tested on both databases."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What belongs to the other engine is not part of the run, and nothing is ever skipped: a skip looks like a pass.

    On PostgreSQL only what touches a database runs, and of the pages none: the rest has run on SQLite and can't come out
    differently, and what pages ask the rooms is tested with the rooms, on both.
    """
    engine = os.environ.get("LINLI_TEST_DB", "sqlite")
    foreign = [item for item in items if any(engine not in mark.args for mark in item.iter_markers("engine"))]
    config.hook.pytest_deselected(items=foreign)
    items[:] = [item for item in items if item not in foreign]
    if engine != "postgres":
        return
    databases = {"db", "transactional_db", "django_db_setup", "live_server"}
    keep, drop = [], []
    for item in items:
        touches = any(item.get_closest_marker(mark) for mark in ("django_db", "race")) or databases & set(getattr(item, "fixturenames", ()))
        page = item.path.parent.name == "web" or item.path.name in PAGES
        (keep if touches and not page else drop).append(item)
    config.hook.pytest_deselected(items=drop)
    items[:] = keep


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    shutil.rmtree(_home, ignore_errors=True)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped: in CI that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A database a worker. SQLite's tests run on a file as the product does: threads on a database in memory lock each other at once."""
    from django.db import connections

    default = connections.settings["default"]
    if default["ENGINE"].endswith("sqlite3"):
        default["TEST"]["NAME"] = f"{_home}/test.sqlite3"


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """The tables are emptied between tests, under the same database session."""
    from linli.kernel.ledger import tables

    tables.forget()


@pytest.fixture
def on_postgres() -> bool:
    return os.environ.get("LINLI_TEST_DB") == "postgres"


@pytest.fixture
def monday_nine() -> Iterator[datetime]:
    """The business clock stands at Monday 2017-10-02 09:00 in New York."""
    from linli.kernel import clocks

    at = datetime(2017, 10, 2, 9, tzinfo=ZoneInfo("America/New_York"))
    with clocks.fixed(business=at):
        yield at
