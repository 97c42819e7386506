"""Every console page, light and dark: axe finds nothing, nothing scrolls sideways at 320, the console stays silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PAGES = (
    "/console/",
    "/console/members/",
    "/console/members/{risky_id}/",
    "/console/playbooks/",
    "/console/playbooks/{playbook}/",
    "/console/playbooks/launches/{launch_id}/",
    "/console/playbooks/decisions/",
    "/console/communities/",
    "/console/groups/",
    "/console/groups/{group_id}/",
    "/console/orders/",
    "/console/orders/{order_id}/",
    "/console/movement/",
    "/console/movement/grading/",
    "/console/forecasts/",
    "/console/models/",
    "/console/metrics/",
    "/console/metrics/silent_share/",
    "/console/metrics/silent_share/parts/",
    "/console/metrics/silent_share/rows/",
    "/console/cohorts/",
    "/console/reports/",
    "/console/places/",
    "/console/system/",
)


def _open(page: Any, path: str, site: Any) -> None:
    answer = page.goto(path.format(**site.facts))
    assert answer.status == 200, path
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, open_as: Callable[..., Any], site: Any, axe: Callable[[Any], list[str]]) -> None:
    page = open_as("operator", scheme=scheme)
    found = {}
    for path in PAGES:
        _open(page, path, site)
        if violations := axe(page):
            found[path] = violations
    assert not found


def test_nothing_scrolls_sideways_at_320(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator", width=320, height=640)
    wide = {}
    for path in PAGES:
        _open(page, path, site)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[path] = over
    assert not wide


def test_phone_width_has_no_violations_and_a_drawer(open_as: Callable[..., Any], site: Any, axe: Callable[[Any], list[str]]) -> None:
    page = open_as("operator", width=390, height=844)
    _open(page, "/console/", site)
    assert not axe(page)
    assert not page.locator("#nav").is_visible()
    page.get_by_role("button", name="打开导航").click()
    assert page.locator("#nav").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#nav").is_visible()


def test_english_pages_hold_no_chinese(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/", site)
    page.get_by_role("button", name="English").click()
    page.wait_for_load_state("networkidle")
    left = {}
    for path in (
        "/console/",
        "/console/members/",
        "/console/members/{risky_id}/",
        "/console/playbooks/",
        "/console/metrics/",
        "/console/system/",
        "/console/orders/",
    ):
        _open(page, path, site)
        text = page.locator("body").inner_text()
        # The language switch names itself, people keep their names.
        for name in ("中文", "沈越", "周晓梅", "郭建华", "邻"):
            text = text.replace(name, "")
        if chinese := [c for c in text if "\u4e00" <= c <= "\u9fff"]:
            left[path] = "".join(chinese[:30])
    assert not left


def test_a_figure_shows_its_definition(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/", site)
    page.locator(".kpi .cover").first.click()
    shown = page.locator(".def:popover-open")
    assert "数据截至" in shown.inner_text()
    page.keyboard.press("Escape")
    assert page.locator(".def:popover-open").count() == 0


def test_the_chart_is_drawn_and_has_a_table(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/", site)
    assert page.locator("[data-chart] svg path").count() > 5
    page.get_by_text("看成表格").first.click()
    assert page.locator(".dl[open] tbody tr").count() == 28


def test_search_by_keyboard(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/", site)
    page.keyboard.press("Control+k")
    page.keyboard.type("香蕉")
    page.locator("#hits a").first.wait_for()
    assert "香蕉" in page.locator("#hits").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#hits a").count() == 0


def test_members_are_filtered_in_the_address(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/members/", site)
    page.locator("nav .chip").first.click()
    page.wait_for_load_state("networkidle")
    assert "segment=" in page.url
    assert page.locator("nav .chip.on").count() == 1


def test_a_launch_asks_first_and_says_whom(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/playbooks/launches/{launch_id}/", site)
    page.get_by_role("button", name="停止").click()
    dialog = page.locator("dialog[open]")
    assert "停止这次活动" in dialog.inner_text()
    dialog.get_by_role("button", name="先不").click()
    assert page.locator("dialog[open]").count() == 0


def test_the_books_are_audited_on_the_page(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    _open(page, "/console/system/", site)
    page.get_by_role("button", name="现在查账").click()
    page.get_by_text("账是平的").wait_for()


def test_a_leader_is_kept_out(open_as: Callable[..., Any], site: Any, axe: Callable[[Any], list[str]]) -> None:
    context = open_as("leader")
    answer = context.request.get("/console/")
    assert answer.status == 403
    assert "这一页不归你看" in answer.text()
