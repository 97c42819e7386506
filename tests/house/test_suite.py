"""The suite itself: nothing in it may pass by not running."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
MAY = {
    "browser/conftest.py": "a desk without Chromium or axe-core is told so; under CI the tests run and fail there",
}
SKIPS = re.compile(r"pytest\.(skip|importorskip|xfail)\b|mark\.(skip|skipif|xfail)\b")


def test_nothing_is_skipped() -> None:
    """A test that belongs to one engine says so with `engine`, and isn't collected for the other."""
    found = [str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if SKIPS.search(path.read_text())]
    assert sorted(found) == sorted(MAY)


def test_no_two_files_have_one_name() -> None:
    """In folders that are no packages pytest knows a file by its name alone: of two, the second is not collected."""
    loose = [path.name for path in TESTS.rglob("test_*.py") if not (path.parent / "__init__.py").exists()]
    assert {name for name in loose if loose.count(name) > 1} == set()
