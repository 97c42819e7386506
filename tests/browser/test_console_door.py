"""The door: wrong code by the field, the inbox, the language, signing out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_pages_are_accessible(scheme: str, open_as: Callable[..., Any], site: Any, axe: Callable[[Any], list[str]]) -> None:
    page = open_as(None, width=320, height=640, scheme=scheme)
    page.context.add_cookies([{"name": "signin_phone", "value": "+15550000001", "url": f"{site.url}/signin/"}])
    for path in ("/signin/", "/signin/code/", "/sandbox/inbox/", "/nowhere/"):
        page.goto(path) if path != "/nowhere/" else None
        assert not axe(page), path
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path


def test_a_wrong_code_is_told_beside_the_field_and_kept(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as(None)
    page.context.add_cookies([{"name": "signin_phone", "value": "+15550000077", "url": f"{site.url}/signin/"}])
    page.goto("/signin/code/")
    page.fill("#code", "000000")
    page.on("console", lambda m: None)
    with page.expect_response(lambda r: r.request.method == "POST") as answer:
        page.click(".door-card .door-btn")
    assert answer.value.status == 200
    assert page.locator("#code-error").is_visible()
    assert page.locator("#code").get_attribute("aria-invalid") is not None


def test_strangers_are_sent_to_the_door_and_back(open_as: Callable[..., Any], site: Any) -> None:
    page = open_as(None)
    page.goto("/console/members/")
    assert "/signin/?next=%2Fconsole%2Fmembers%2F" in page.url
