"""Every operation, fuzzed from its own schema and with what nobody should send: never a 5xx, never another shape of error.

A bounded run is part of the suite; `LINLI_FUZZ_SECONDS=600` lets it go on for longer.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from django.test.client import MULTIPART_CONTENT
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from linli.kernel import clocks
from linli.web.api import v1
from linli.web.api.operations import Operation
from support.calling import Caller, Cast
from support.shop import Shop, Till
from support.stocked import NOW, Known, stock

pytestmark = pytest.mark.django_db
SECONDS = float(os.environ.get("LINLI_FUZZ_SECONDS", "0"))
EXAMPLES = 4
"""Requests drawn for an operation in a round, each asked by two callers."""
OPERATIONS = v1.operations()
SCHEMA = json.loads(json.dumps(v1.schema()))

HOSTILE: list[Any] = [
    None, True, -1, 0, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1.5, 1e308, "", " ", "\0", "a\0b", "\ud800", "'; DROP TABLE x; --",
    "%s%n", "../../etc/passwd", "{{7*7}}", "\u202e", "\U0001f352" * 50, "9" * 500, "NaN", [], {}, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]],
    "2017-02-30T25:61:61Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "2017-10-02T09:00:00",
]  # fmt: skip
JSON = "application/json"
RAW = [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":' * 2000, b"null", b"0", b'"\\ud800"', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"NaN"]


@pytest.fixture
def world(shop: Shop, till: Till, callers: Cast) -> Iterator[Known]:
    """One of everything, some of it in another region."""
    known = stock(shop, till, callers)
    with override_settings(API_PER_MINUTE=0, API_ADDRESS_PER_MINUTE=0), clocks.fixed(business=NOW):
        yield known


def existing(world: Known, operation: Operation, name: str) -> list[Any]:
    """What exists under a name, for this operation's kind of thing."""
    parts = [part for part in operation.path.split("/") if not part.startswith("{")]
    return next((world[key] for key in (*(f"{part}.{name}" for part in reversed(parts)), name) if key in world), [])


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a shape allows, for as much of JSON Schema as our shapes use; anything else in one is an error here."""
    if "$ref" in schema:
        return from_schema(SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return st.one_of(*(from_schema(one) for one in schema["anyOf"]))
    match schema.get("type"):
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "string" if schema.get("format") == "binary":
            return st.sampled_from(["编号,标价\ncherries,6.50\n", "PK\x03\x04", "", "\0"])
        case "string":
            return _texts(schema)
        case "array" if "prefixItems" in schema:
            return st.tuples(*(from_schema(one) for one in schema["prefixItems"])).map(list)
        case "array":
            return st.lists(from_schema(schema["items"]), min_size=schema.get("minItems", 0), max_size=min(schema.get("maxItems", 5), 5))
        case "object" if schema.get("additionalProperties") and not schema.get("properties"):
            return st.dictionaries(
                st.sampled_from(["milk", "cherries", "a\0b", ""]), from_schema(schema["additionalProperties"]), max_size=3
            )
        case "object":
            known = {name: from_schema(one) for name, one in schema.get("properties", {}).items()}
            needed = set(schema.get("required", ()))
            return st.fixed_dictionaries(
                {name: one for name, one in known.items() if name in needed},
                optional={name: one for name, one in known.items() if name not in needed},
            )
    raise ValueError(f"a shape that nobody fuzzes: {schema}")


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    most = min(schema.get("maxLength", 40), 600)
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.isoformat() + "Z")
    if schema.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True).map(lambda text: text[:most])
    return st.text(min_size=schema.get("minLength", 0), max_size=most)


def described(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["paths"][v1.PREFIX + operation.path][operation.method.lower()]
    return found


def bodies(operation: Operation) -> st.SearchStrategy[Any]:
    content = content_of(operation)
    if content is None:
        return st.just(None)
    return mostly(from_schema(content["schema"]), st.sampled_from(HOSTILE))


def mostly(good: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Three of four are `good`, the simplest first: what is refused at the first look tells little of what lies behind it."""
    return st.integers(0, 3).flatmap(lambda n: good if n < 3 else other)


def content_of(operation: Operation) -> dict[str, Any] | None:
    """Its body's shape, of JSON or of a form."""
    found: dict[str, dict[str, Any]] = described(operation).get("requestBody", {}).get("content", {})
    assert set(found) <= {"multipart/form-data" if operation.form_bytes else "application/json"}, operation.name
    return next(iter(found.values()), None)


def values(parameter: dict[str, Any]) -> st.SearchStrategy[Any]:
    return from_schema(parameter["schema"]) | st.sampled_from(HOSTILE)


@st.composite
def requests(draw: st.DrawFn, operation: Operation, world: Known) -> tuple[str, Any, bytes | None, str]:
    """Path, body, raw body, key: from the schema, with ids that exist put in, and now and then something nobody should send."""
    told = described(operation)
    path, query = operation.path, {}
    for parameter in told.get("parameters", ()):
        if parameter["in"] == "header":
            continue
        name = parameter["name"]
        there = existing(world, operation, name)
        value = draw(mostly(st.sampled_from(there) if there else from_schema(parameter["schema"]), values(parameter)))
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(_text(value), safe="") or "x")
        elif parameter.get("required") or draw(st.booleans()):
            query[name] = _text(value)
    body = _with_ids(draw(bodies(operation)), lambda name: existing(world, operation, name), draw(st.randoms(use_true_random=False)))
    raw = draw(st.sampled_from(RAW)) if draw(st.integers(0, 9)) == 9 else None
    key = draw(mostly(st.uuids().map(lambda one: f"{operation.name}-{one}"), st.sampled_from(["k", "~" * 255, "a" * 256, ""])))
    return path + ("?" + urlencode(query) if query else ""), body, raw, key


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()


def _with_ids(body: Any, there: Callable[[str], list[Any]], chance: random.Random) -> Any:
    """Put in what exists where a shape names it, most of the time: invented ids never get past the first look."""
    if isinstance(body, dict):
        return {
            name: chance.choice(there(name)) if there(name) and chance.random() < 0.9 else _with_ids(value, there, chance)
            for name, value in body.items()
        }
    return [_with_ids(one, there, chance) for one in body] if isinstance(body, list) else body


def ask(caller: Caller, operation: Operation, request: tuple[str, Any, bytes | None, str]) -> int:
    """Ask, and look at the answer: no 5xx, and errors have the one shape."""
    path, body, raw, key = request
    if operation.form_bytes and raw is None and isinstance(body, dict):
        answer = caller.send(path, {name: _written(value) for name, value in body.items()}, key=key)
    else:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        answer = caller.call(operation.method, path, raw=sent, key=key, content_type=MULTIPART_CONTENT if operation.form_bytes else JSON)
    assert answer.status_code < 500, (operation.name, request, answer.content[:500])
    if answer.status_code >= 400:
        told = json.loads(answer.content)
        assert answer["Content-Type"] == "application/problem+json", (operation.name, request)
        assert told["code"] and told["title"] and told["status"] == answer.status_code, (operation.name, told)
        assert "…" not in told["title"], (operation.name, told)
    return int(answer.status_code)


def _written(value: Any) -> Any:
    """A value as a field of a form, a text that stands for a file as a file."""
    if isinstance(value, list):
        return [_written(one) for one in value]
    text = value if isinstance(value, str) else json.dumps(value)
    data = text.encode("utf-8", "surrogatepass")
    return SimpleUploadedFile("x.csv", data) if len(data) % 2 else data


def test_no_request_breaks_an_operation(world: Known, callers: Cast) -> None:
    """Requests from each schema, by each role; longer with fresh seeds when told so."""
    end, rounds = time.monotonic() + SECONDS, 0
    seen: dict[str, Counter[int]] = {operation.name: Counter() for operation in OPERATIONS}
    while not rounds or time.monotonic() < end:
        rounds += 1
        for operation in OPERATIONS:
            _fuzz(operation, rounds, world, callers, seen[operation.name])
    assert all(sum(counted.values()) >= EXAMPLES for counted in seen.values())
    # The fuzzer knows its trade: a good part of what it sends is good, also in its shortest run.
    good = sum(1 for counted in seen.values() if any(status < 300 for status in counted))
    assert good > len(OPERATIONS) * 0.65, seen


def _fuzz(operation: Operation, number: int, world: Known, callers: Cast, seen: Counter[int]) -> None:
    @seed(number)
    @settings(max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(request=requests(operation, world))
    def fuzzed(request: tuple[str, Any, bytes | None, str]) -> None:
        who = [callers.operator, callers.leader, callers.alice, callers.stranger]
        mine = next(
            who[n]
            for n, role in enumerate(("operator", "leader", "member"))
            if role in operation.allowed or "signed_in" in operation.allowed
        )
        for caller in (mine, who[(number + sum(seen.values())) % 4]):
            seen[ask(caller, operation, request)] += 1

    fuzzed()


def test_each_field_with_what_nobody_should_send(world: Known, callers: Cast) -> None:
    """A body with one field replaced by each hostile value, by a role that may ask."""
    asked = 0
    for operation in (op for op in OPERATIONS if described(op).get("requestBody")):
        content = (content_of(operation) or {})["schema"]
        shape = SCHEMA["components"]["schemas"].get(content.get("$ref", "").rpartition("/")[2], content)
        path = operation.path
        for name in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{name}}}", str((existing(world, operation, name) or ["x"])[0]))
        who = {"operator": callers.operator, "leader": callers.leader, "member": callers.alice, "signed_in": callers.alice}
        caller = next(who[role] for role in who if role in operation.allowed)
        for name in shape.get("properties", {}):
            good = {known: there[0] for known in shape.get("required", ()) if (there := existing(world, operation, known))}
            some = HOSTILE if SECONDS else random.Random(f"{operation.name}/{name}").sample(HOSTILE, 8)
            for n, value in enumerate(some):
                ask(caller, operation, (path, {**good, name: value}, None, f"{operation.name}-{name}-{n}"))
                asked += 1
    assert asked > 200
