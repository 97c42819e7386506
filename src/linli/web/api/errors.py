"""Every error of the API in one shape: RFC 9457 problem details, with the refusal's code, words and facts.

`title` says what happened and `detail` what to do, in the caller's language; programs go by `code`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.http import HttpResponse

from linli.kernel.refusals import Refusal
from linli.web import words

CONTENT_TYPE = "application/problem+json"

STATUS = {
    "api.sign_in": 401,
    "api.bad_token": 401,
    "api.role_needed": 403,
    "api.scope_needed": 403,
    "api.form_token": 403,
    "api.not_here": 404,
    "api.no_such_method": 405,
    "api.too_large": 413,
    "api.not_json": 415,
    "api.not_form": 415,
    "api.bad_form": 400,
    "api.too_many": 429,
    "api.broken": 500,
    "api.busy": 503,
    "api.key_needed": 400,
    "api.bad_json": 400,
    "api.bad_text": 400,
    "api.bad_key": 400,
    "api.key_reused": 422,
    "trade.key_reused": 422,
    "people.not_a_member": 404,
    "engage.no_playbook": 404,
    "engage.no_launch": 404,
    "engage.no_task": 404,
    "trade.empty_basket": 422,
    "trade.too_many_lines": 422,
    "trade.unknown_attempt": 404,
}
"""Status of a code; without a line here its last word decides, and what is left is a conflict with how things stand."""

_BY_WORD = (("no_such_", 404), ("bad_", 422))
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "The page that explains the code."},
        "title": {"type": "string", "description": "What happened, in the caller's language."},
        "detail": {"type": "string", "description": "What to do about it."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; docs/refusals.md lists every one."},
        "facts": {"type": "object", "description": "What the words were filled with."},
        "fields": {
            "type": "array",
            "description": "Fields that can't be, where the code is api.bad_request.",
            "items": {
                "type": "object",
                "required": ["where", "says"],
                "properties": {"where": {"type": "string"}, "says": {"type": "string"}},
            },
        },
    },
}


def status_of(code: str) -> int:
    """The HTTP status of a refusal."""
    if code in STATUS:
        return STATUS[code]
    last = code.rpartition(".")[2]
    return next((status for word, status in _BY_WORD if last.startswith(word)), 409)


def told(facts: Mapping[str, object]) -> dict[str, Any]:
    """Facts that may leave the house: plain values. Anything else is the machine's own."""
    return {name: plain(value) for name, value in facts.items() if isinstance(value, str | int | float | date | datetime | uuid.UUID)}


def plain(value: object) -> Any:
    """A value as JSON writes it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def answer(refusal: Refusal, *, fields: Sequence[Mapping[str, str]] = ()) -> HttpResponse:
    """A refusal as a response."""
    says, do = words.refusal(refusal)
    status = status_of(refusal.code)
    problem: dict[str, Any] = {
        "type": f"/api/v1/docs/refusals#{refusal.code}",
        "title": says,
        "detail": do,
        "status": status,
        "code": refusal.code,
        "facts": told(refusal.facts),
    }
    if fields:
        problem["fields"] = list(fields)
    response = HttpResponse(json.dumps(problem, ensure_ascii=False), status=status, content_type=CONTENT_TYPE)
    response.refused = refusal.code  # type: ignore[attr-defined]  # for the gate
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="linli"'
    if "wait_seconds" in refusal.facts:
        response["Retry-After"] = str(refusal.facts["wait_seconds"])
    elif status == 503:
        response["Retry-After"] = "1"
    return response
