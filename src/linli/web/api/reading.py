"""Bodies are read strictly: JSON only (a form where files are taken), not too large, not too deep, no key twice, nothing unstorable."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError

from linli.kernel.refusals import Refusal

LARGEST = 2**63 - 1


def body(request: HttpRequest) -> bytes:
    """The body's bytes. Raises Refusal: api.too_large(most_bytes)."""
    most = settings.API_MOST_BYTES
    try:
        announced = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        announced = 0
    if announced > most:
        raise Refusal("api.too_large", most_bytes=most)
    try:
        found = request.body
    except RequestDataTooBig:
        raise Refusal("api.too_large", most_bytes=most) from None
    except UnreadablePostError:
        raise Refusal("api.bad_json") from None
    if len(found) > most:
        raise Refusal("api.too_large", most_bytes=most)
    return found


def form(request: HttpRequest, most: int) -> bytes:
    """A form's fields and files, as bytes that tell one form from another whatever boundary it was written with.

    Raises Refusal: api.not_form, api.too_large(most_bytes), api.bad_form, api.bad_text.
    """
    if request.content_type != "multipart/form-data":
        raise Refusal("api.not_form")
    try:
        announced = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        announced = 0
    if announced > most:
        raise Refusal("api.too_large", most_bytes=most)
    try:
        fields, files = request.POST, request.FILES
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        raise Refusal("api.bad_form") from None
    told: list[list[Any]] = [[text(name), [text(value) for value in values]] for name, values in sorted(fields.lists())]
    for name, sent in sorted(files.lists()):
        told.append([text(name), [[text(file.name or ""), _digest(file)] for file in sent]])
    return json.dumps(told).encode()


def _digest(file: UploadedFile[Any]) -> str:
    found = hashlib.blake2b(digest_size=32)
    for chunk in file.chunks():
        found.update(chunk)
    file.seek(0)
    return found.hexdigest()


def parsed(text: bytes) -> Any:
    """The value that the JSON text says. Raises Refusal: api.bad_json, api.bad_text (a zero byte or half a character)."""
    if _depth(text) > settings.API_DEEPEST:
        raise Refusal("api.bad_json")
    try:
        value = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_never, parse_int=_whole, parse_float=_fraction)
    except (ValueError, RecursionError):
        raise Refusal("api.bad_json") from None
    _check(value)
    return value


def _depth(text: bytes) -> int:
    """How deep brackets are nested at most; those inside strings don't count. Before parsing: a parser may recurse."""
    depth = deepest = 0
    inside = escaped = False
    for byte in text:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _never(name: str) -> NoReturn:
    raise ValueError(name)


def _whole(text: str) -> int:
    if len(text) > 20 or abs(number := int(text)) > LARGEST:
        raise ValueError("too large a number")
    return number


def _fraction(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("too large a number")
    return number


def _check(value: Any) -> None:
    if isinstance(value, str):
        text(value)
    elif isinstance(value, list):
        for one in value:
            _check(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            text(name)
            _check(one)


def text(value: str) -> str:
    """A text that a database can hold. Raises Refusal: api.bad_text."""
    if "\0" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise Refusal("api.bad_text")
    return value
