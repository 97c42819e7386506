"""A warm start: nothing is done twice, everything new is done, and the first page waits for no library that it doesn't use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.loader import MigrationLoader

from linli import ready, warming
from linli import settings as own

MODELS = {"ibis", "duckdb", "pyarrow", "deltalake", "scipy", "sklearn", "lightgbm", "pandas", "numpy"}
PROGRAMS = {"pydantic", "ninja", "httpx", "wechatpayv3", "alipay"}
FILES = {"openpyxl", "PIL", "pypinyin", "segno", "rich"}


def _python(code: str, home: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "LINLI_DATABASE"} | {"LINLI_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout.strip()


def _database(path: Path, rows: set[tuple[str, str]]) -> str:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE django_migrations (app, name)")
        database.executemany("INSERT INTO django_migrations VALUES (?, ?)", rows)
    return f"sqlite:///{path}"


def test_the_migrations_on_disk_are_those_that_django_would_run(settings: Any) -> None:
    settings.MIGRATION_MODULES = {}  # the suite runs without migrations
    assert ready.shipped() == set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def test_a_database_without_tables_is_not_migrated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").touch()
    for name in ("nowhere", "empty"):
        monkeypatch.setattr(own, "DATABASE_URL", f"sqlite:///{tmp_path}/{name}.sqlite3")
        assert not ready.migrated()
    assert not (tmp_path / "nowhere.sqlite3").exists(), "asking makes nothing"


def test_a_migration_that_came_with_an_update_is_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    everything = ready.shipped()
    monkeypatch.setattr(own, "DATABASE_URL", _database(tmp_path / "whole.sqlite3", everything))
    assert ready.migrated()
    monkeypatch.setattr(own, "DATABASE_URL", _database(tmp_path / "older.sqlite3", everything - {max(everything)}))
    assert not ready.migrated()


@pytest.mark.engine("postgres")
@pytest.mark.django_db
def test_a_server_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not ready.migrated(), "the suite's database has tables, but no migrations"
    monkeypatch.setattr(own, "DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert not ready.migrated()


def test_a_first_page_loads_no_library_that_it_does_not_use(tmp_path: Path) -> None:
    """The console's addresses and the sign-in page are there; the lake, the models, the API and the spreadsheets are not."""
    code = """
import sys
import linli.rsgi
from django.urls import resolve, reverse
assert resolve("/console/").view_name == "console:today" and reverse("signin") == "/signin/"
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    loaded = set(_python(code, tmp_path).split())
    assert "django" in loaded
    assert not loaded & (MODELS | PROGRAMS | FILES)


def test_a_start_that_finds_everything_done_sets_nothing_up(tmp_path: Path) -> None:
    """`linli init` on a home that is ready asks the database and ends: without Django's models, without rich."""
    _database(tmp_path / "linli.sqlite3", ready.shipped())
    (tmp_path / ready.STAMP).touch()
    code = """
import sys
from linli.cli import main
main(["init"], standalone_mode=False)
print(" ".join(sorted({"django.db", "linli.wiring", "linli.kernel.models", "rich"} & set(sys.modules))))
"""
    assert _python(code, tmp_path) == ""


def test_warming_loads_the_rest(tmp_path: Path) -> None:
    code = """
import sys
import linli.rsgi
from linli import warming
for step in warming.steps():
    step()
print(all(name in sys.modules for name in ("linli.wiring", "linli.web.api.v1", "linli.web.phone.shop_urls")))
"""
    assert _python(code, tmp_path) == "True"


def test_warming_waits_for_a_quiet_moment_and_survives_a_broken_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, quiet = threading.Event(), threading.Event()
    done: list[str] = []

    def broken() -> None:
        raise ValueError("a template with a mistake")

    def busy() -> bool:
        asked.set()
        return not quiet.is_set()

    monkeypatch.setattr(warming, "PATIENCE_S", 60.0)
    monkeypatch.setattr(warming, "steps", lambda: iter([broken, lambda: done.append("step")]))
    monkeypatch.setattr(warming.gc, "freeze", lambda: done.append("frozen"))
    thread = warming.begin(busy)
    assert asked.wait(10)
    assert not done
    quiet.set()
    thread.join(10)
    assert done == ["step", "frozen"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder in which scripts/setup finds its packages, and a `linli assets` that counts how often it was called."""
    root = Path(__file__).parents[2]
    for folder in ("templates/console", "pictures", "locale", "static/vendor"):
        (tmp_path / "src/linli/web" / folder).mkdir(parents=True)
    for name in ("scripts/setup", "pyproject.toml", "uv.lock", ".python-version", "package-lock.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(root / name, tmp_path / name)
    made = "echo made >> calls; touch src/linli/web/static/vendor/built src/linli/web/locale/new.mo"
    for name, does in ((".tools/bin/uv", "true"), (".venv/bin/linli", made)):
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    return tmp_path


def _set_up(checkout: Path) -> int:
    """Run scripts/setup; how often assets were made by then."""
    subprocess.run(["bash", "scripts/setup"], cwd=checkout, check=True, capture_output=True)
    return (checkout / "calls").read_text().count("made")


@pytest.mark.parametrize("changed", ["templates/console/new.html", "pictures/new.py", "locale/new.po"])
def test_assets_are_made_anew_when_a_source_changes(checkout: Path, changed: str) -> None:
    assert [_set_up(checkout), _set_up(checkout)] == [1, 1]
    (checkout / "src/linli/web" / changed).write_text("new")
    assert [_set_up(checkout), _set_up(checkout)] == [2, 2]


def test_assets_that_are_gone_are_made_anew(checkout: Path) -> None:
    assert _set_up(checkout) == 1
    (checkout / "src/linli/web/static/vendor/built").unlink()
    assert _set_up(checkout) == 2
