"""Docs that fail the build: what exists is documented, and the generated pages are fresh."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linli import cli, reference
from linli.kernel import events

ROOT = Path(__file__).parents[2]
PAGES = ["commands.md", "events.md", "refusals.md", "metrics.md", "features.md", "playbooks.md", "roles.md", "api.md"]


@pytest.mark.parametrize("name", PAGES)
def test_generated_page_is_fresh(name: str) -> None:
    """`linli docs` writes them; a page that differs was forgotten."""
    assert (ROOT / "docs" / name).read_text() == reference.pages(cli.main)[name]


def test_every_event_says_what_happened() -> None:
    assert not [kind for kind, cls in events.KINDS.items() if not cls.__doc__ or cls.__doc__.startswith(cls.__name__ + "(")]


def test_every_command_has_help() -> None:
    assert not [name for name, command in cli.main.commands.items() if not command.help]


def test_every_room_has_a_page() -> None:
    rooms = {p.parent.name for p in (ROOT / "src" / "linli").glob("*/apps.py")}
    assert not [room for room in rooms if not list((ROOT / "docs" / "rooms").glob(f"{room}*.md"))]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "#", "mailto"))]
    assert not [t for t in targets if t and not ((ROOT / page).parent / t).exists()]
