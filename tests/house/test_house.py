"""The house rules: sizes, names, traps. Exceptions carry a reason and the list only shrinks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for p in (ROOT / "src").rglob("*.py") if "migrations" not in p.parts)

LONG_FILES: dict[str, str] = {}
"""Files over 500 lines, each with the reason why it is still one."""

LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over 70 lines, as "file:function", each with its reason."""

BARE_NAMES = {"utils", "helpers", "misc", "common", "manager", "tools"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_over_500_lines() -> None:
    over = {_name(p): n for p in SOURCES if (n := p.read_text().count("\n")) > 500}
    assert over.keys() == LONG_FILES.keys(), over


def test_no_function_is_over_70_lines() -> None:
    over = {
        f"{_name(p)}:{f.name}"
        for p in SOURCES
        for f in ast.walk(ast.parse(p.read_text()))
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and (f.end_lineno or 0) - f.lineno >= 70
    }
    assert over == LONG_FUNCTIONS.keys()


def test_no_dump_modules() -> None:
    assert not [_name(p) for p in SOURCES if p.stem in BARE_NAMES]


def test_nobody_imports_another_rooms_tables() -> None:
    """A room's models are private: other rooms call its verbs and queries."""
    wrong = []
    for path in SOURCES:
        room = path.relative_to(ROOT / "src" / "linli").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("linli.") and node.level == 0:
                parts = node.module.split(".")
                names = [a.name for a in node.names]
                its_models = (len(parts) > 2 and parts[2] == "models") or (len(parts) == 2 and "models" in names)
                if (
                    its_models
                    and parts[1] != room
                    and not (parts[1] == "kernel" and set(names) <= {"WorkRow", "Effect", "Event", "Account"})
                ):
                    wrong.append(f"{_name(path)}:{node.lineno} imports {node.module} {names}")
    assert not wrong, "\n".join(wrong)


def test_select_for_update_is_evaluated() -> None:
    """`.select_for_update(...).exists()` or `.count()` locks nothing (saleor #19615, pretix on SQLite)."""
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("exists", "count")
            if asks and any(isinstance(n, ast.Attribute) and n.attr == "select_for_update" for n in ast.walk(node)):
                wrong.append(f"{_name(path)}:{node.lineno}")
    assert not wrong


@pytest.mark.parametrize("word", ["pythonhosted", "registry.npm", "extra-index"])
def test_no_package_host_is_named(word: str) -> None:
    texts = [p for pattern in ("*.py", "*.md", "*.toml", "*.html", "*.js", "*.json") for p in ROOT.rglob(pattern) if not _skipped(p)]
    assert not [_name(p) for p in texts if p != Path(__file__) and word in p.read_text(errors="ignore")]


def _skipped(path: Path) -> bool:
    return bool({"node_modules", ".venv", ".tools", "vendor", "var"} & set(path.relative_to(ROOT).parts))


def test_no_template_needs_eval() -> None:
    """A trigger's [filter] and hx-on are evaluated, which the Content-Security-Policy refuses in the middle of the page."""
    templates = (ROOT / "src" / "linli" / "web" / "templates").rglob("*.html")
    assert not [_name(p) for p in templates if re.search(r'hx-on|hx-trigger="[^"]*\[|hx-vals="js:', p.read_text())]
