"""The API's reference, read from its schema: docs/api.md, and the page at /api/v1/docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from linli.web import words
from linli.web.access import allow

EXAMPLES: dict[str, Any] = {
    "return_url": "https://shop.example/back",
    "url": "https://hooks.example/linli",
    "kinds": ["trade.order_paid"],
    "rule": "orders_90d >= 3",
    "code": "A1B2",
    "category": "fruit",
    "layer": "hit",
    "deadline_at": "2030-01-01T12:00:00+08:00",
    "pickup_from": "2030-01-02T16:00:00+08:00",
}
"""Values of examples, where a type alone would say nothing."""


@dataclass(frozen=True)
class Field:
    """A field of a body, a parameter or an answer."""

    name: str
    type: str
    needed: bool
    about: str


@dataclass(frozen=True)
class Described:
    """An operation as a reader wants it."""

    name: str
    method: str
    path: str
    summary: str
    about: str
    roles: tuple[str, ...]
    scope: str
    keyed: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: str
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True)
class Section:
    """The operations on one subject."""

    title: str
    anchor: str
    operations: tuple[Described, ...]


def sections() -> list[Section]:
    """Every operation, by subject, in the schema's order."""
    from linli.web.api import v1

    found: dict[str, list[Described]] = {}
    for path, methods in v1.schema()["paths"].items():
        for method, told in methods.items():
            found.setdefault(told["tags"][0], []).append(_described(method.upper(), path, told))
    return [Section(title, title.lower().replace(" ", "-"), tuple(ops)) for title, ops in found.items()]


def _described(method: str, path: str, told: dict[str, Any]) -> Described:
    parameters = [p for p in told.get("parameters", ()) if p["in"] != "header"]
    content = told.get("requestBody", {}).get("content", {})
    form = content.get("multipart/form-data", {}).get("schema")
    body = form or content.get("application/json", {}).get("schema")
    good: dict[str, Any] = next((answer for status, answer in told["responses"].items() if str(status).startswith("2")), {})
    shape = good.get("content", {}).get("application/json", {}).get("schema", {})
    return Described(
        told["operationId"],
        method,
        path,
        told["summary"],
        told.get("description", ""),
        tuple(told["x-roles"]),
        told["x-scope"],
        any(p["in"] == "header" and p["required"] for p in told.get("parameters", ())),
        tuple(
            Field(
                p["name"],
                _type(p["schema"]),
                bool(p.get("required")),
                p["schema"].get("description", "") + (" (path)" if p["in"] == "path" else ""),
            )
            for p in parameters
        ),
        tuple(_fields(body)) if body else (),
        _type(shape) if shape else "",
        tuple(_fields(shape)),
        _example(method, path, told, body, form=form is not None),
    )


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference means; of a list, its rows."""
    from linli.web.api import v1

    if "$ref" in schema:
        return _shape(v1.schema()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return _shape(schema["items"]) if schema.get("type") == "array" and "items" in schema else schema


def _fields(schema: dict[str, Any]) -> Iterator[Field]:
    shape = _shape(schema)
    for name, one in shape.get("properties", {}).items():
        yield Field(name, _type(one), name in shape.get("required", ()), one.get("description", ""))


def _type(schema: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}" if "items" in schema else "list"
    if schema.get("format") == "binary":
        return "file"
    return str(schema.get("format") or schema.get("type", "anything"))


def _example(method: str, path: str, told: dict[str, Any], body: dict[str, Any] | None, *, form: bool) -> str:
    """A call for the shell; ids are variables."""
    address = path.replace("{", "$").replace("}", "")
    for parameter in told.get("parameters", ()):
        if parameter["in"] == "path":
            address = address.replace(f"${parameter['name']}", f"${parameter['name'].upper()}")
    lines = ["curl" + ("" if method == "GET" else f" -X {method}") + f' "$LINLI{address}"', '-H "Authorization: Bearer $TOKEN"']
    if any(p["in"] == "header" and p["required"] for p in told.get("parameters", ())):
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if body is None:
        return " \\\n  ".join(lines)
    if form:
        lines += [
            f'-F "{name}={_part(one, name)}"'
            for name, one in _shape(body).get("properties", {}).items()
            if name in _shape(body)["required"]
        ]
        return " \\\n  ".join(lines)
    lines += ['-H "Content-Type: application/json"', "-d @- <<JSON"]
    sent = json.dumps(_value(body, ""), ensure_ascii=False)
    for name in ("group_id", "community_id", "coupon_id", "reserve_of"):
        sent = sent.replace(f'"{name}": 1', f'"{name}": ${name.upper()}')
    return " \\\n  ".join(lines) + f"\n{sent}\nJSON"


def _part(schema: dict[str, Any], name: str) -> str:
    """A field of a form; a file is one that lies beside."""
    return {"file": "@catalog.csv", "photos": "@crab.jpg"}.get(name) or str(_value(schema, name))


def _value(schema: dict[str, Any], name: str) -> Any:
    """An example of a shape: what is needed, and no more."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    if "$ref" in schema:
        return _value(_shape(schema), name)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], name)
    match schema.get("type"):
        case "object":
            return {field: _value(schema["properties"][field], field) for field in schema.get("required", ())}
        case "array":
            return [_value(schema["items"], name)] if schema.get("minItems") else []
        case "integer":
            return {"price_minor": 400, "solo_price_minor": 500, "list_price_minor": 600, "cost_minor": 300, "quota_pieces": 10}.get(
                name, 1
            )
        case "boolean":
            return True
    return "cherries" if name == "sku" else name.replace("_", " ") or "text"


def api_page() -> str:
    """docs/api.md: how to call it, every operation, every error."""
    from linli.web.api import errors, v1

    lines = [
        "# API",
        "",
        v1.ABOUT.strip(),
        "",
        "The schema (OpenAPI 3.1) is at `/api/v1/openapi.json`, a page of it at `/api/v1/docs`.",
        "",
    ]
    lines += ["In the examples `$LINLI` is the shop's address (`http://127.0.0.1:8000`) and `$TOKEN` a token."]
    for section in sections():
        lines += ["", f"## {section.title}"]
        for op in section.operations:
            lines += ["", f"### `{op.method} {op.path}`", "", op.about, ""]
            lines += [f"For {', '.join(op.roles)}; scope `{op.scope}`." + (" Needs an `Idempotency-Key`." if op.keyed else "")]
            for title, fields in (("Parameters", op.parameters), ("Body", op.body), (f"Answer: {op.answer}", op.fields)):
                lines += _table(title, fields)
            lines += ["", "```sh", op.example, "```"]
    lines += ["", "## Errors", "", "| status | codes |", "| --- | --- |"]
    by_status: dict[int, list[str]] = {}
    for code in sorted(words.refusal_table("en")):
        by_status.setdefault(errors.status_of(code), []).append(f"`{code}`")
    lines += [f"| {status} | {', '.join(codes)} |" for status, codes in sorted(by_status.items())]
    lines += ["", "What each says and what to do about it: [refusals.md](refusals.md)."]
    return "\n".join(lines) + "\n"


def _table(title: str, fields: tuple[Field, ...]) -> list[str]:
    if not fields:
        return []
    rows = [
        f"| `{f.name}`{'' if f.needed else ' (may be left out)'} | {f.type.replace('|', 'or')} | {f.about.replace('|', 'or')} |"
        for f in fields
    ]
    return ["", f"**{title}**", "", "| field | type | |", "| --- | --- | --- |", *rows]


@allow("anyone")
@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The reference for people: one page, nothing from elsewhere."""
    from linli.web.api import v1

    return render(request, "api/docs.html", {"sections": sections(), "about": v1.ABOUT.strip().split("\n\n")})


@allow("anyone")
@require_GET
def refusals(request: HttpRequest) -> HttpResponse:
    """Every code with its status and words: where `type` of an error leads."""
    from linli.web.api import errors

    table = words.refusal_table(words.language_of())
    rows = [(code, errors.status_of(code), said["says"], said.get("do", "")) for code, said in sorted(table.items())]
    return render(request, "api/refusals.html", {"rows": rows})
