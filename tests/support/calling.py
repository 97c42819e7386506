"""Calling the API as somebody of the cast, with a token of theirs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from linli.people import groups as people_groups
from linli.people import queries as people
from linli.web.api import tokens
from support.clients import fresh_client
from support.phone import PHONES
from support.shop import REGION, Shop

OPERATOR_PHONE = "+15550000010"


@dataclass
class Caller:
    """Somebody with a token ("" for a stranger)."""

    secret: str = ""

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        raw: bytes | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        told = {"authorization": f"Bearer {self.secret}"} if self.secret else {}
        told |= {"idempotency-key": key} if key else {}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer: HttpResponse = fresh_client().generic(method, f"/api/v1{path}", sent, content_type=content_type, headers=told)
        return answer

    def send(self, path: str, form: dict[str, Any], *, key: str = "", **headers: str) -> HttpResponse:
        """A form with files, as a browser or curl -F writes it."""
        return self.call("POST", path, raw=encode_multipart(BOUNDARY, form), key=key, content_type=MULTIPART_CONTENT, **headers)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> HttpResponse:
        return self.call("POST", path, body, key=key, **headers)


@dataclass
class Cast:
    """A caller for everybody."""

    stranger: Caller
    alice: Caller
    bob: Caller
    charlie: Caller
    leader: Caller
    other: Caller
    operator: Caller


def token(phone: str, acts_as: str, scopes: tuple[str, ...] = tokens.SCOPES) -> Caller:
    person = people.person_by_phone(phone)
    assert person is not None
    made = tokens.make(region=REGION, name=f"{acts_as}'s", acts_as=acts_as, person_id=person.person_id, scopes=scopes, by="test")
    return Caller(made.secret)


def cast(shop: Shop) -> Cast:
    """Tokens for the small shop's people, and an operator."""
    people_groups.appoint(phone=OPERATOR_PHONE, display_name="Op", kind="operator", region=REGION)
    return Cast(
        stranger=Caller(),
        alice=token(PHONES["alice"], "member"),
        bob=token(PHONES["bob"], "member"),
        charlie=token(PHONES["charlie"], "member"),
        leader=token(PHONES["leader"], "leader"),
        other=token(PHONES["other"], "leader"),
        operator=token(OPERATOR_PHONE, "operator"),
    )
