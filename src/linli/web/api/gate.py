"""The way into the API: who asks, may they, how often, and was it asked before. Then the operation itself, and one shape of errors.

Every operation passes here and nowhere else. In order: the address's limit; a token or the browser's session (with its
form token, for writes); the caller's limit; the role; the token's scope; the body's size; the key. What is not an
operation is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from ninja.utils import check_csrf

from linli.kernel import busy
from linli.kernel.refusals import Refusal
from linli.web import access
from linli.web.api import answers, errors, limits, reading, tokens
from linli.web.api.operations import Call, Operation

log = logging.getLogger(__name__)
Inner = Callable[..., HttpResponseBase]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def gate(inner: Inner, operations: Mapping[str, Operation], asked: Mapping[str, frozenset[str]]) -> Inner:
    """Put `inner` (ninja's view of one address) behind the gate; `operations` and the query names each knows, by method."""

    @csrf_exempt  # a token needs none, a session's is checked in _caller
    def gated(request: Call, **kwargs: Any) -> HttpResponseBase:
        try:
            answer = _pass(request, operations, asked, lambda: inner(request, **kwargs))
        except Refusal as refusal:
            answer = errors.answer(refusal)
            if refusal.code == "api.no_such_method":
                answer["Allow"] = ", ".join(sorted(operations))
        except (MultiPartParserError, SuspiciousOperation):
            answer = errors.answer(Refusal("api.bad_form"))
        except Http404:
            answer = errors.answer(Refusal("api.not_here"))
        except Exception as error:
            answer = errors.answer(_broken(error, request))
        return _headed(request, answer)

    gated.operations = operations  # type: ignore[attr-defined]
    return gated


def _broken(error: Exception, request: HttpRequest) -> Refusal:
    if busy.is_busy(error):
        return Refusal("api.busy")
    log.error("the API broke at %s %s", request.method, request.path, exc_info=error)
    return Refusal("api.broken")


def _pass(
    request: Call, operations: Mapping[str, Operation], asked: Mapping[str, frozenset[str]], inner: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    operation = operations.get(request.method or "")
    if operation is None:
        raise Refusal("api.no_such_method")
    limits.LIMITER.take("", f"ip:{limits.address(request)}", settings.API_ADDRESS_PER_MINUTE)
    language, scopes = _caller(request)
    told = nullcontext() if "Accept-Language" in request.headers or not language else translation.override(language)
    with told:
        try:
            _admit(request, operation, scopes)
            if strange := sorted(set(request.GET) - asked[operation.method]):
                # A filter misspelt and passed over in silence would answer with everything.
                fields = [{"where": f"query.{name[:64]}", "says": "unknown"} for name in strange[:20]]
                return errors.answer(Refusal("api.bad_request"), fields=fields)
            if request.method not in WRITES or operation.scope.endswith(":read"):
                _body(request, operation)
                return inner()
            return _once(request, operation, inner)
        except Refusal as refusal:
            return errors.answer(refusal)  # here, where the caller's language is spoken


def _caller(request: Call) -> tuple[str, frozenset[str] | None]:
    """Find out who asks; returns their language and, for a token, its scopes. Raises Refusal: api.bad_token, api.form_token."""
    request.key = ""
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.isascii():
            raise Refusal("api.bad_token")
        held = tokens.held(secret.strip())
        request.actor, request.caller = held.actor, f"token:{held.prefix}"
        request.by = f"person:{held.actor.person_id}"
        limits.LIMITER.take(held.actor.region, request.caller, settings.API_PER_MINUTE)
        return held.language, held.scopes
    request.actor = access.load(request.session.get(access.SESSION_KEY))
    request.by = request.caller = f"person:{request.actor.person_id}"
    if request.actor.signed_in:
        limits.LIMITER.take(request.actor.region, request.caller, settings.API_PER_MINUTE)
        if request.method in WRITES and check_csrf(request) is not None:
            raise Refusal("api.form_token")
    return "", None


def _admit(request: Call, operation: Operation, scopes: frozenset[str] | None) -> None:
    """Raises Refusal: api.sign_in, api.role_needed(roles), api.scope_needed(scope), api.bad_text."""
    actor = request.actor
    if not actor.is_one_of(operation.allowed):
        if not actor.signed_in:
            raise Refusal("api.sign_in")
        raise Refusal("api.role_needed", roles=", ".join(sorted(operation.allowed)))
    if scopes is not None and operation.scope not in scopes:
        raise Refusal("api.scope_needed", scope=operation.scope)
    reading.text(request.path_info)
    for name, values in request.GET.lists():
        for value in (name, *values):
            reading.text(value)


def _once(request: Call, operation: Operation, inner: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Act once for a key, and give the same answer to whoever asks again with it. Raises Refusal: api.key_needed and those of answers."""
    body = _body(request, operation)
    header = request.headers.get("Idempotency-Key", "")
    if not header:
        if operation.keyed:
            raise Refusal("api.key_needed")
        return inner()
    key = answers.check(header)
    request.key = answers.own_key(request.caller, key)
    asked = answers.fingerprint(operation.method, request.get_full_path(), body)
    claimed = answers.claim(region=request.actor.region, caller=request.caller, key=key, asked=asked)
    if isinstance(claimed, HttpResponse):
        return claimed
    try:
        answer = inner()
    except BaseException:
        answers.let_go(claimed)
        raise
    # A key that the verb knows from another request: what is kept under it must be that one's answer, not this refusal.
    others = getattr(answer, "refused", "") == "api.key_reused"
    if isinstance(answer, HttpResponse) and not operation.secret and not others:
        answers.keep(claimed, answer)
    else:
        answers.let_go(claimed)
    return answer


def _body(request: Call, operation: Operation) -> bytes:
    return reading.form(request, operation.form_bytes) if operation.form_bytes else reading.body(request)


def _headed(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    answer.headers.setdefault("Cache-Control", "private, no-cache")
    patch_vary_headers(answer, ("Authorization", "Cookie", "Accept-Language"))
    if request.method == "GET" and answer.status_code == 200 and isinstance(answer, HttpResponse):
        etag = f'"{blake2b(answer.content, digest_size=12).hexdigest()}"'
        answer["ETag"] = etag
        return get_conditional_response(request, etag=etag, response=answer) or answer
    return answer
