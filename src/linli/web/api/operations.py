"""What the API can do: each operation names in one place who may ask for it and which scope a token needs.

    area = Area("orders")

    @area.get("/orders", who=("operator", "member"), response=OrderList)
    def list_orders(request: Call, ...) -> ...:

An operation that names nobody can't be defined; an address that is no operation is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router

from linli.web.access import OPEN_TO
from linli.web.actor import Actor
from linli.web.api import errors
from linli.web.api.tokens import SCOPES

View = Callable[..., Any]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Call(HttpRequest):
    """A request that the gate let in. `key` is what verbs take for idempotency; `by` is how they write who it was."""

    actor: Actor
    key: str
    by: str
    caller: str


@dataclass(frozen=True)
class Operation:
    """Who may ask, with which scope; `keyed`: an Idempotency-Key is needed, since asking twice would do it twice.

    `secret`: the answer tells one, and is not kept for a second asking; its verb gives the same one again by itself.
    """

    method: str
    path: str
    name: str
    allowed: frozenset[str]
    scope: str
    keyed: bool
    summary: str
    secret: bool = False
    form_bytes: int = 0
    """The largest form with files that it takes; 0: it takes JSON."""


class Area:
    """Operations on one subject: a ninja router, and whom each of its operations lets in."""

    def __init__(self, area: str, tag: str) -> None:
        self.area = area
        self.router = Router(tags=[tag])
        self.operations: list[Operation] = []

    def get(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A read."""
        return self._operation("GET", path, who, f"{self.area}:read", response, keyed=False, **more)

    def ask(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A POST that works something out and changes nothing: it needs no key."""
        return self._operation("POST", path, who, f"{self.area}:read", response, keyed=False, **more)

    def post(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A POST that changes something."""
        return self._operation("POST", path, who, f"{self.area}:write", response, keyed=True, **more)

    def put(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A PUT: it says how something shall be, so that asking twice comes to the same."""
        return self._operation("PUT", path, who, f"{self.area}:write", response, keyed=False, **more)

    def patch(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A PATCH: it says how some of it shall be."""
        return self._operation("PATCH", path, who, f"{self.area}:write", response, keyed=False, **more)

    def delete(self, path: str, *, who: tuple[str, ...], response: Any, **more: Any) -> Callable[[View], View]:
        """A DELETE: twice comes to the same."""
        return self._operation("DELETE", path, who, f"{self.area}:write", response, keyed=False, **more)

    def _operation(
        self,
        method: Method,
        path: str,
        who: tuple[str, ...],
        scope: str,
        response: Any,
        *,
        keyed: bool,
        status: int = 200,
        secret: bool = False,
        form_bytes: int = 0,
    ) -> Callable[[View], View]:
        if not who or set(who) - set(OPEN_TO):
            raise ValueError(f"{method} {path}: who must be some of {OPEN_TO}, not {who}")
        if scope not in SCOPES:
            raise ValueError(f"{method} {path}: no such scope {scope}")

        def define(view: View) -> View:
            name = view.__name__
            summary = (view.__doc__ or "").strip().split("\n")[0].rstrip(".")
            if not summary:
                raise ValueError(f"{name} says nothing of what it does")
            self.operations.append(Operation(method, path, name, frozenset(who), scope, keyed, summary, secret, form_bytes))
            extra = _documented(who, scope, keyed, writes=scope.endswith("write"))
            # None leaves the body to the view: a file, not JSON.
            shape: dict[str, Any] = {} if response is None else {"response": {status: response}}
            route: Callable[[View], View] = self.router.api_operation(
                [method], path, operation_id=name, summary=summary, openapi_extra=extra, exclude_none=False, **shape
            )
            return route(view)

        return define


def _documented(who: tuple[str, ...], scope: str, keyed: bool, *, writes: bool) -> dict[str, Any]:
    """What the schema says beside the shapes: roles, scope, the key, the one shape of errors."""
    problem = {"content": {errors.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    extra: dict[str, Any] = {
        "x-roles": sorted(who),
        "x-scope": scope,
        "security": [] if "anyone" in who else [{"token": []}, {"session": []}],
        "responses": {"default": {"description": "A refusal", **problem}},
    }
    if writes:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": keyed,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                "description": "The same key with the same request gives the same answer for 24 hours; with another request it is refused.",
            }
        ]
    return extra
