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
