"""The API, version 1: its areas, its addresses, its schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from linli.kernel.refusals import Refusal
from linli.web.access import allow
from linli.web.api import errors, reading
from linli.web.api.areas import AREAS
from linli.web.api.gate import gate
from linli.web.api.operations import Area, Operation

PREFIX = "/api/v1"
ABOUT = """Everything that Linli sells through, for programs.

**Who asks.** `Authorization: Bearer lin_…`; tokens are made on the console's API page or with `linli token`. A browser's
session is accepted too, with its form token in `X-CSRFToken` for writes. Each operation names the roles it is open to and
the scope a token needs; whose object it is decides between an answer and 404.

**Twice is once.** Send an `Idempotency-Key` with a write: the first answer is kept for 24 hours and given again byte for
byte (`Idempotent-Replayed: true`); the key with another request is refused (422), while the first is under way 409 asks you
to come back. 409, 429 and 5xx are not kept.

**Money** is whole minor units of the region's currency (`*_minor`); times are RFC 3339.

**Lists** come in pages: pass `next` back as `cursor`. Rows that arrive meanwhile shift nothing.

**Errors** have one shape (RFC 9457): go by `code`; `title` and `detail` are words for people, in the language of
`Accept-Language`.

**Limits.** Calls a minute by token, person and address; 429 says in `Retry-After` when to come back.
"""


class StrictParser(Parser):
    """Bodies by `reading`."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type not in ("application/json", "text/json"):
            raise Refusal("api.not_json")
        return reading.parsed(reading.body(request))


def _built() -> NinjaAPI:
    api = NinjaAPI(
        title="Linli",
        version="1.0.0",
        description=ABOUT,
        docs_url=None,
        openapi_url=None,
        urls_namespace="api-v1",
        parser=StrictParser(),
    )
    api.add_exception_handler(Refusal, _refused)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _not_here)
    api.add_exception_handler(Exception, _raise)
    for area in AREAS:
        api.add_router("", area.router)
    return api


def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    return errors.answer(error)


def _not_here(request: HttpRequest, error: Any) -> HttpResponse:
    return errors.answer(Refusal("api.not_here"))


def _raise(request: HttpRequest, error: Any) -> HttpResponse:
    """What nobody expected goes to the gate, which logs it and says no more than that it broke."""
    raise error


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    fields = [{"where": ".".join(str(part) for part in one["loc"])[:200], "says": str(one["msg"])[:300]} for one in error.errors[:20]]
    return errors.answer(Refusal("api.bad_request"), fields=fields)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    """Ninja's own word for a body it could not parse hides ours behind it."""
    refusal = error.__context__ if isinstance(error.__context__, Refusal) else error.__cause__
    return errors.answer(refusal if isinstance(refusal, Refusal) else Refusal("api.bad_json"))


API = _built()


def operations() -> list[Operation]:
    """Every operation, in the order of the areas."""
    return [operation for area in AREAS for operation in area.operations]


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    found = dict(API.get_openapi_schema(path_prefix=PREFIX + "/"))
    found["servers"] = [{"url": "/"}]
    found["components"]["schemas"]["Problem"] = errors.PROBLEM
    found["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
    }
    return found


@allow("anyone")
def openapi(request: HttpRequest) -> JsonResponse:
    """The schema, for programs that make clients of it."""
    return JsonResponse(schema(), json_dumps_params={"ensure_ascii": False})


@allow("anyone")
def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """An address that is none."""
    return errors.answer(Refusal("api.not_here"))


def _gated() -> list[URLPattern]:
    by_path: dict[str, dict[str, Operation]] = {}
    owners: dict[str, Area] = {}
    for area, operation in ((one, operation) for one in AREAS for operation in one.operations):
        if owners.setdefault(operation.path, area) is not area:  # Django would answer by the first of them alone
            raise ValueError(f"operations of two areas share the address {operation.path}")
        by_path.setdefault(_route(operation.path), {})[operation.method] = operation
    found = []
    for pattern in API.urls[0]:
        route = str(pattern.pattern)
        if isinstance(pattern, URLPattern) and route in by_path:  # ninja's root page is none of ours
            known = by_path.pop(route)
            asked = {method: _query_names(operation) for method, operation in known.items()}
            found.append(path(route, gate(pattern.callback, known, asked), name=pattern.name))
    if by_path:
        raise ValueError(f"operations without an address of their own: {sorted(by_path)}")
    return found


def _query_names(operation: Operation) -> frozenset[str]:
    told = schema()["paths"][PREFIX + operation.path][operation.method.lower()].get("parameters", ())
    return frozenset(one["name"] for one in told if one["in"] == "query")


def _route(template: str) -> str:
    return template.lstrip("/").replace("{", "<").replace("}", ">")


urlpatterns = [
    path("openapi.json", openapi, name="openapi"),
    *_gated(),
    path("", nothing, name="nothing"),
    path("<path:rest>", nothing, name="nothing-there"),
]
