"""Every route x every role: deny by default, and each role opens what it was given and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from linli.web import access
from linli.web.access import CAST, AccessMiddleware, Actor, allow, leads, routes

ROUTES = routes()


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say who asks, without a database: `somebody("leader")`."""

    def be(role: str) -> None:
        monkeypatch.setattr(access, "load", lambda person_id: CAST[role])

    return be


class Session(dict[str, Any]):
    pass


def _ask(allowed: frozenset[str] | None) -> HttpResponse | None:
    """What the middleware answers before the view; None: the view may run."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")

    if allowed is not None:
        view.allowed = allowed  # type: ignore[attr-defined]
    request = RequestFactory().get("/x/")
    request.session = Session()  # type: ignore[assignment]
    return AccessMiddleware(lambda r: HttpResponse()).process_view(request, view, (), {})


@pytest.fixture(autouse=True)
def _no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "region_info", lambda slug: None)
    monkeypatch.setattr(access, "refused", lambda request: HttpResponse(status=403))


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.path)
def test_every_route_names_its_roles(route: access.Route) -> None:
    assert route.allowed, f"{route.view} has no @allow: it would be closed to everybody"


@pytest.mark.parametrize("role", CAST)
@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.path)
def test_every_route_for_every_role(route: access.Route, role: str, somebody: Any) -> None:
    somebody(role)
    answer = _ask(route.allowed)
    expected = "anyone" in route.allowed or role in route.allowed or ("signed_in" in route.allowed and role != "stranger")  # type: ignore[operator]
    if expected:
        assert answer is None
    elif role == "stranger":
        assert answer is not None and answer.status_code == 302 and answer["Location"].startswith("/signin/?next=")
    else:
        assert answer is not None and answer.status_code == 403


@pytest.mark.parametrize("role", CAST)
def test_a_view_without_allow_is_closed_to_everybody(role: str, somebody: Any) -> None:
    """The control: were the default open, this view would answer."""
    somebody(role)
    answer = _ask(None)
    assert answer is not None and answer.status_code == 403


def test_the_console_is_the_operators_alone() -> None:
    console = [r for r in ROUTES if r.path.startswith("/console/")]
    assert len(console) > 20
    assert {r.allowed for r in console} == {frozenset({"operator"})}


def test_phone_surfaces_are_not_open_to_the_other_role() -> None:
    for route in ROUTES:
        if route.path.startswith("/leader/"):
            assert route.allowed is not None and not route.allowed & {"member", "signed_in", "anyone"}, route.path


def test_htmx_is_told_to_move_the_whole_page(somebody: Any) -> None:
    somebody("stranger")
    request = RequestFactory().get("/x/")
    request.session = Session()  # type: ignore[assignment]
    request.htmx = True  # type: ignore[attr-defined]

    @allow("operator")
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    answer = AccessMiddleware(lambda r: HttpResponse()).process_view(request, view, (), {})
    assert answer is not None and answer.status_code == 401 and answer["HX-Redirect"] == "/signin/"


def test_allow_refuses_a_role_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="oprator"):
        allow("oprator")
    with pytest.raises(ValueError):
        allow()


def test_a_leader_reaches_only_their_own_community() -> None:
    from django.http import Http404

    alice = Actor(person_id=1, roles=frozenset({"leader"}), community_ids=(7,))
    assert leads(alice, 7) == 7
    with pytest.raises(Http404):
        leads(alice, 8)
    assert leads(Actor(person_id=2, roles=frozenset({"operator"})), 8) == 8


def test_an_operator_sees_one_region() -> None:
    from django.http import Http404

    assert access.in_region(Actor(person_id=1, region="us-demo"), "us-demo") == "us-demo"
    with pytest.raises(Http404):
        access.in_region(Actor(person_id=1, region="us-demo"), "elsewhere")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route",
    [
        r
        for r in ROUTES
        if not r.path.startswith("/api/")
        and (r.name == "signout" or r.name.endswith(("start", "stop", "again", "retry", "audit", "signin-as")))
    ],
    ids=lambda r: r.path,
)
def test_changes_need_a_csrf_token(route: access.Route) -> None:
    """A form of another site that posts here is refused before anybody is asked who they are."""
    import re

    like = {"int": "1", "slug": "x", "str": "x", "uuid": "00000000-0000-0000-0000-000000000001"}
    filled = re.sub(r"<(\w+):\w+>", lambda part: like[part[1]], route.path)
    assert Client(enforce_csrf_checks=True).post(filled).status_code == 403
