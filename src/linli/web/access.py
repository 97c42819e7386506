"""Deny, then allow: a view without @allow is closed to everybody, and who asks is read once per request.

    @allow("operator")                 # the console
    @allow("operator", "leader")       # either
    @allow("signed_in")                # any person, also one without a role
    @allow("anyone")                   # also strangers

Roles answer "may this kind of person open this page"; whose object it is, `leads` and `in_region` answer, with
a 404, so that a stranger cannot learn what exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from linli.kernel import clocks
from linli.web.actor import STRANGER, Actor
from linli.web.context import region_info

ROLES = ("operator", "leader", "member")
OPEN_TO = (*ROLES, "signed_in", "anyone")
SESSION_KEY = "person_id"

View = Callable[..., Any]


def allow(*roles: str) -> Callable[[View], View]:
    """Open a view to these roles. The outermost decorator, so that nothing wraps its mark away."""
    unknown = set(roles) - set(OPEN_TO)
    if unknown or not roles:
        raise ValueError(f"@allow takes some of {OPEN_TO}, not {sorted(unknown)}")

    def mark(view: View) -> View:
        view.allowed = frozenset(roles)  # type: ignore[attr-defined]
        return view

    return mark


def load(person_id: int | None) -> Actor:
    """The actor of a person, from people's own rows: a role taken away is gone with the next request."""
    from linli.people import queries

    if person_id is None:
        return STRANGER
    standing = queries.standing(person_id)
    if standing is None:
        return STRANGER
    roles = {role.kind for role in standing.roles}
    led = tuple(role.community_id for role in standing.roles if role.kind == "leader" and role.community_id is not None)
    by_kind = sorted(standing.roles, key=lambda role: ("operator", "leader").index(role.kind) if role.kind in ("operator", "leader") else 2)
    regions = [role.region for role in by_kind]  # sorting is stable: within a kind the earliest appointment leads
    member = standing.member
    if member is not None:
        roles.add("member")
        regions.append(member.region)
    return Actor(
        person_id=person_id,
        name=standing.display_name,
        roles=frozenset(roles),
        member_id=member.member_id if member else None,
        member_community_id=member.community_id if member else None,
        region=regions[0] if regions else "",
        community_ids=led,
    )


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class AccessMiddleware:
    """Puts the actor on the request, refuses what the view does not allow, and keeps the region's time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(timezone.get_default_timezone()):
            if request.method not in ("GET", "HEAD"):
                return self.get_response(request)
            # A page is of one moment: the business clock is read once, and a day that steps meanwhile can't split it.
            with clocks.fixed(business=clocks.business_now()):
                return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        if hasattr(view, "operations"):
            return None  # the API's gate judges its own operations (web.api.gate)
        allowed: frozenset[str] | None = getattr(view, "allowed", None)
        if allowed is None:
            return refused(request)
        actor = load(request.session.get(SESSION_KEY))
        request.actor = actor  # type: ignore[attr-defined]
        if not actor.is_one_of(allowed):
            return refused(request) if actor.signed_in else to_signin(request)
        if (info := region_info(actor.region)) is not None:
            timezone.activate(_zone(info.time_zone))
        elif actor.region and "anyone" not in allowed:
            # Money, days and words of every page hang on the region's row: better one clear page than an error on some.
            return render(request, "errors/no_region.html", {"missing": actor.region}, status=409)
        return None


def to_signin(request: HttpRequest) -> HttpResponse:
    """Send a stranger to sign in and back; htmx is told to move the whole page."""
    there = reverse("signin")
    if request.method == "GET" and not getattr(request, "htmx", False):
        there += "?" + urlencode({"next": request.get_full_path()})
    if getattr(request, "htmx", False):
        answer = HttpResponse(status=401)
        answer["HX-Redirect"] = there
        return answer
    return HttpResponseRedirect(there)


def refused(request: HttpRequest) -> HttpResponse:
    """The page that says no, and where to go instead."""
    if not hasattr(request, "actor"):
        request.actor = load(request.session.get(SESSION_KEY))  # type: ignore[attr-defined]
    return render(request, "errors/403.html", status=403)


def leads(actor: Actor, community_id: int) -> int:
    """`community_id` back, when the actor leads it or is an operator; else Http404."""
    if "operator" in actor.roles or community_id in actor.community_ids:
        return community_id
    raise Http404


def in_region(actor: Actor, region: str) -> str:
    """`region` back, when it is the actor's; else Http404: an operator sees one region."""
    if region == actor.region:
        return region
    raise Http404


def sign_in(request: HttpRequest, person_id: int) -> None:
    """Start a session of its own for this person: what an earlier one held, and the form token it knew, are gone."""
    request.session.flush()
    rotate_token(request)
    request.session[SESSION_KEY] = person_id


def sign_out(request: HttpRequest) -> None:
    """End the session."""
    request.session.flush()


def sandbox_only() -> None:
    """Http404 where real channels are attached."""
    if not settings.SANDBOX:
        raise Http404


@dataclass(frozen=True)
class Route:
    """An address and whom it is open to; `allowed` None: to nobody, since its view names no role.

    An operation of the API is a route of its own, with its method and the scope a token needs.
    """

    path: str
    name: str
    allowed: frozenset[str] | None
    view: str
    method: str = ""
    scope: str = ""


def routes() -> list[Route]:
    """Every address there is, in the order in which Django tries them."""
    from django.urls import URLResolver, get_resolver

    found: list[Route] = []

    def walk(patterns: Any, prefix: str, space: str) -> None:
        for one in patterns:
            path = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, path, f"{space}{one.namespace}:" if one.namespace else space)
            elif operations := getattr(one.callback, "operations", None):
                found.extend(
                    Route("/" + path, space + op.name, op.allowed, "linli.web.api", op.method, op.scope) for op in operations.values()
                )
            else:
                view = one.callback
                found.append(
                    Route("/" + path, space + (one.name or ""), getattr(view, "allowed", None), f"{view.__module__}.{view.__name__}")
                )

    walk(get_resolver().url_patterns, "", "")
    return found


CAST: dict[str, Actor] = {
    "stranger": STRANGER,
    "no role": Actor(person_id=-1),
    "member": Actor(person_id=-1, roles=frozenset({"member"})),
    "leader": Actor(person_id=-1, roles=frozenset({"leader"})),
    "operator": Actor(person_id=-1, roles=frozenset({"operator"})),
}
"""Who tries every route in docs/roles.md and in the test."""


def roles_page() -> str:
    """docs/roles.md: every route and every operation of the API, and who may open it."""
    lines = [
        "# Roles",
        "",
        "A view opens to the roles its `@allow` names and to nobody else; a view without it answers 403. A stranger is"
        " sent to sign in, somebody signed in without the role sees 403. Whose object it is (a leader's community, a"
        " member's order, an operator's region) is judged inside the view and answered with 404. Source: `src/linli/web/`.",
        "",
        "| route | name | " + " | ".join(CAST) + " |",
        "| --- | --- |" + " :---: |" * len(CAST),
    ]
    found = routes()
    lines += [f"| `{route.path}` | {route.name} | {_marks(route)} |" for route in found if not route.method]
    lines += [
        "",
        "## Operations of the API",
        "",
        "Each is defined with its roles and its scope (`src/linli/web/api/operations.py`); an address that is no operation is"
        " refused. A stranger gets 401, somebody without the role 403, as does a token without the scope; somebody else's"
        " object is 404. A token acts in one role of its person.",
        "",
        "| operation | scope | " + " | ".join(CAST) + " |",
        "| --- | --- |" + " :---: |" * len(CAST),
    ]
    lines += [f"| `{route.method} {route.path}` | `{route.scope}` | {_marks(route)} |" for route in found if route.method]
    return "\n".join(lines) + "\n"


def _marks(route: Route) -> str:
    return " | ".join("yes" if route.allowed is not None and actor.is_one_of(route.allowed) else "" for actor in CAST.values())
