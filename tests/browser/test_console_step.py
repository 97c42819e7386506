"""The next day from the bar: one tap asks once and shows how far it is. (Last: the day stays under way here.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_next_day_is_asked_for_once_and_shows_progress(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as("operator")
    page.goto("/console/system/")
    page.get_by_role("button", name="下一天").click()
    page.locator(".daystep progress").wait_for()
    assert "正在排队" in page.locator(".daystep").inner_text()
    page.goto("/console/system/?work=due")
    assert page.get_by_role("button", name="下一天").count() == 0
    assert page.get_by_text("day.step").count() == 1
