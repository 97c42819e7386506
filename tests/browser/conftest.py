"""A real browser against a real server: its own home, its own process, a small town inside.

Fixtures: `site` (address, phones, ids), `open_as("operator", width=390, scheme="dark")` -> a signed-in page that fails
its test on console errors and on anything the Content-Security-Policy refuses, `axe(page)` -> violations.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(p).exists()), None)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests here need a browser and the assets; where they are missing the reason is told, except under CI."""
    missing = [
        what
        for what, there in (("Chromium (Debian: apt install chromium)", CHROMIUM), ("axe-core (linli assets)", AXE.exists()))
        if not there
    ]
    for item in items:
        if Path(__file__).parent in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.browser)
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="needs " + " and ".join(missing)))


@dataclass(frozen=True)
class Site:
    """The server and who lives in it."""

    url: str
    home: Path
    facts: dict[str, Any]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LINLI_", "DJANGO_"))}
    environment |= {"LINLI_HOME": str(home), "LINLI_SANDBOX": "1"}
    seeded = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "seed.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert seeded.returncode == 0, seeded.stderr[-3000:]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--blocking-threads", "2", "--no-ws", "--log-level", "warning", "linli.wsgi:application"]  # fmt: skip
    log = (home / "web.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        _wait(f"http://127.0.0.1:{port}/signin/", server)
        yield Site(f"http://127.0.0.1:{port}", home, json.loads(seeded.stdout.splitlines()[-1]))
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def _wait(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Watched:
    """Pages opened in a test and what they complained about."""

    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Signed-in cookies by role, so that the door is passed once."""
    return {}


@pytest.fixture
def open_as(site: Site, chromium: Any, sessions: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    contexts: list[Any] = []
    watched = Watched()

    def open_(role: str | None, *, width: int = 1440, height: int = 900, scheme: str = "light", locale: str = "zh-CN") -> Any:
        if role and role not in sessions:
            sessions[role] = _sign_in(site, chromium, site.facts[role])
        context = chromium.new_context(
            base_url=site.url,
            locale=locale,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            storage_state=sessions[role] if role else None,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda m: (
                watched.complaints.append(f"{m.text} {m.location.get('url', '')}")
                if m.type == "error" and "favicon" not in m.text
                else None
            ),
        )
        page.on("pageerror", lambda e: watched.complaints.append(str(e)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not watched.complaints, watched.complaints


def _sign_in(site: Site, chromium: Any, phone: str) -> Any:
    """Through the door as people do: phone, code from the sandbox inbox, in."""
    context = chromium.new_context(base_url=site.url, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto("/signin/")
    page.fill("#phone", phone)
    page.click(".door-card .door-btn")
    inbox = context.new_page()
    inbox.goto(f"/sandbox/inbox/?phone={phone.replace('+', '%2B')}")
    code = inbox.locator(".sms .on b").first.inner_text()
    page.fill("#code", code)
    page.click(".door-card .door-btn")
    page.wait_for_url(lambda url: "/signin" not in url)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """Run axe in a page: "rule: selector" for each violation."""
    source = AXE.read_text() if AXE.exists() else ""

    def run(page: Any) -> list[str]:
        # Evaluated by the debugger, not by the page: the Content-Security-Policy stays in force for everything else.
        page.evaluate(source)
        found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        return [f"{v['id']} ({v['impact']}): {node['target'][0]}: {node['html'][:120]}" for v in found for node in v["nodes"]]

    return run


def sideways(page: Any) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
