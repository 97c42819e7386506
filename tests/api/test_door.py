"""The way in: tokens, roles, scopes, sessions, limits, bodies, and one shape of errors."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from linli.kernel import clocks, events
from linli.people.models import Role
from linli.web.access import CAST, SESSION_KEY
from linli.web.api import limits, tokens, v1
from linli.web.api.operations import Operation
from linli.web.models import ApiToken
from support.calling import OPERATOR_PHONE, Caller, Cast, token
from support.phone import PHONES, signed_in
from support.refusing import refused
from support.shop import REGION, Shop

pytestmark = pytest.mark.django_db
OPERATIONS = v1.operations()
UUIDS = ("order_id", "webhook_id", "delivery_id", "aftersale_id", "withdrawal_id", "box_id", "trade_in_id", "statement_id", "photo_id")
UUID = "6a5f3c1e-0000-4000-8000-000000000000"


def address(operation: Operation) -> str:
    """The operation's address with ids that nothing has."""
    filled = operation.path
    for name in UUIDS:
        filled = filled.replace(f"{{{name}}}", UUID)
    while "{" in filled:
        name = filled[filled.index("{") + 1 : filled.index("}")]
        filled = filled.replace(f"{{{name}}}", "999999" if name.endswith("_id") else "nothing")
    return filled


def test_every_operation_for_every_role(callers: Cast) -> None:
    """Default deny: a role that the operation does not name gets 401 or 403, whatever it sends; one that it names gets past the door."""
    who = {"stranger": callers.stranger, "member": callers.alice, "leader": callers.leader, "operator": callers.operator}
    for operation in OPERATIONS:
        for role, caller in who.items():
            answer = caller.call(operation.method, address(operation), {}, key=f"{operation.name}1"[:200])
            code = answer.json().get("code", "") if not answer.streaming and answer.content[:1] == b"{" else ""
            if CAST[role].is_one_of(operation.allowed):
                assert answer.status_code not in (401, 403) or code.startswith("trade."), (operation.name, role, answer.content)
            else:
                denied = (401, "api.sign_in") if role == "stranger" else (403, "api.role_needed")
                assert (answer.status_code, code) == denied, (operation.name, role)


def test_a_token_without_the_scope_is_refused(shop: Shop, callers: Cast) -> None:
    phones = {"operator": OPERATOR_PHONE, "leader": PHONES["leader"], "member": PHONES["alice"], "signed_in": PHONES["alice"]}
    without: dict[tuple[str, str], Caller] = {}
    for operation in OPERATIONS:
        role = sorted(operation.allowed)[0]
        if (role, operation.scope) not in without:
            scopes = tuple(scope for scope in tokens.SCOPES if scope != operation.scope)
            without[role, operation.scope] = token(phones[role], "member" if role == "signed_in" else role, scopes)
        answer = without[role, operation.scope].call(operation.method, address(operation), {}, key="k1")
        assert (answer.status_code, answer.json()["code"]) == (403, "api.scope_needed"), operation.name
        assert answer.json()["facts"] == {"scope": operation.scope}


def test_what_is_no_operation_is_refused(callers: Cast) -> None:
    for path in ("/", "/nothing", "/orders/x/y/z", "/docs/../orders/zz"):
        answer = callers.operator.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "api.not_here"), path
    answer = callers.operator.call("TRACE", "/orders")
    assert (answer.status_code, answer["Allow"], answer.json()["code"]) == (405, "GET, POST", "api.no_such_method")


def test_the_schema_names_every_operation_and_who_may_ask() -> None:
    schema = Client().get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    told = {(m.upper(), p): o for p, methods in schema["paths"].items() for m, o in methods.items()}
    assert {(op.method, v1.PREFIX + op.path) for op in OPERATIONS} == told.keys()
    for op in OPERATIONS:
        shown = told[op.method, v1.PREFIX + op.path]
        assert (shown["x-roles"], shown["x-scope"]) == (sorted(op.allowed), op.scope)


def test_a_secret_is_kept_as_a_digest_only(callers: Cast) -> None:
    row = ApiToken.objects.get(acts_as="operator")
    stored = json.dumps([str(value) for value in ApiToken.objects.filter(pk=row.pk).values_list()[0]])
    assert callers.operator.secret not in stored
    assert callers.operator.secret.rpartition("_")[2] not in stored
    assert row.prefix in callers.operator.secret


@pytest.mark.parametrize("secret", ["", "x", "lin_", "lin_000000000000_x", "lin_\u00e4_x", "lin_abcdef012345", "Basic x", "a" * 5000])
def test_a_wrong_token_opens_nothing(secret: str, callers: Cast) -> None:
    answer = callers.stranger.get("/me", authorization=f"Bearer {secret}")
    assert (answer.status_code, answer.json()["code"]) == (401, "api.bad_token")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_one_letter_off_opens_nothing(callers: Cast) -> None:
    secret = callers.alice.secret
    assert Caller(secret[:-1] + ("a" if secret[-1] != "a" else "b")).get("/me").status_code == 401


def test_another_scheme_is_no_token(callers: Cast) -> None:
    assert callers.stranger.get("/me", authorization=f"Basic {callers.alice.secret}").status_code == 401


def test_a_revoked_token_opens_nothing(callers: Cast) -> None:
    prefix = callers.alice.secret.split("_")[1]
    assert tokens.revoke(region=REGION, prefix=prefix, by="person:1")
    assert not tokens.revoke(region=REGION, prefix=prefix, by="person:1")
    assert callers.alice.get("/me").status_code == 401
    told = [e.kind for e in events.about(f"token:{prefix}", region=REGION)]
    assert sorted(told) == ["web.token_made", "web.token_revoked"]


def test_another_regions_token_is_not_there_to_revoke(callers: Cast) -> None:
    with refused("api.no_such_token"):
        tokens.revoke(region="elsewhere", prefix=callers.alice.secret.split("_")[1], by="person:1")


def test_an_expired_token_opens_nothing(shop: Shop) -> None:
    now = clocks.machine_now()
    person = {"region": REGION, "name": "x", "acts_as": "member", "person_id": _person("alice"), "scopes": ["orders:read"], "by": "test"}
    made = tokens.make(**person, expires_at=now + timedelta(hours=1))
    assert Caller(made.secret).get("/me").status_code != 401
    with clocks.fixed(machine=now + timedelta(hours=1)):
        assert Caller(made.secret).get("/me").status_code == 401
    with refused("api.bad_expiry"):
        tokens.make(**person, expires_at=now)


def _person(name: str) -> int:
    from linli.people import queries as people

    found = people.person_by_phone(PHONES[name])
    assert found is not None
    return found.person_id


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("api.bad_token_name", {"name": "  "}),
        ("api.bad_token_name", {"name": "a" * 65}),
        ("api.bad_token_name", {"name": "a\0b"}),
        ("api.bad_scope", {"scopes": []}),
        ("api.bad_scope", {"scopes": ["orders:read", "orders:admin"]}),
        ("api.no_such_identity", {"acts_as": "operator"}),
        ("api.no_such_identity", {"person_id": 999_999}),
        ("api.no_such_identity", {"region": "elsewhere"}),
        ("api.no_such_identity", {"acts_as": "king"}),
    ],
)
def test_a_token_that_can_not_be(code: str, changes: dict[str, Any], shop: Shop) -> None:
    asked = {"region": REGION, "name": "x", "acts_as": "member", "person_id": _person("alice"), "scopes": ["orders:read"], "by": "test"}
    with refused(code):
        tokens.make(**(asked | changes))


def test_a_role_taken_away_is_gone_with_the_next_call(callers: Cast) -> None:
    assert callers.operator.get("/me").json()["roles"] == ["operator"]
    Role.objects.filter(kind="operator").delete()
    assert callers.operator.get("/me").status_code == 401


def test_a_token_acts_in_one_role_only(shop: Shop, callers: Cast) -> None:
    from linli.people import groups as people_groups

    people_groups.appoint(phone=PHONES["alice"], display_name="Alice", kind="operator", region=REGION)
    assert callers.alice.get("/members").status_code == 403
    assert callers.alice.get("/me").json()["roles"] == ["member"]


def test_last_use_is_kept_about_once_a_minute(callers: Cast) -> None:
    now = clocks.machine_now()
    row = ApiToken.objects.filter(acts_as="operator")
    for seconds, expected in ((0, 0), (30, 0), (90, 90)):
        with clocks.fixed(machine=now + timedelta(seconds=seconds)):
            callers.operator.get("/me")
            assert row.get().used_at == now + timedelta(seconds=expected)


def test_a_session_reads_and_writes_with_its_form_token(shop: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    session = client.session
    session[SESSION_KEY] = _person("alice")
    session.save()
    body = json.dumps({"lines": [{"group_id": shop.cherries, "quantity": 1}]})
    assert client.get("/api/v1/me").json()["member_id"] == shop.alice
    without = client.post("/api/v1/orders", body, content_type="application/json", headers={"idempotency-key": "a"})
    assert (without.status_code, without.json()["code"]) == (403, "api.form_token")
    client.get("/shop/")  # gives the cookie
    client.cookies["csrftoken"] = "a" * 32
    done = client.post("/api/v1/orders", body, content_type="application/json", headers={"idempotency-key": "a", "x-csrftoken": "a" * 32})
    assert done.status_code == 201, done.content


def test_a_signed_in_operator_needs_no_token(shop: Shop, callers: Cast) -> None:
    assert signed_in("leader").get("/api/v1/me").json()["roles"] == ["leader"]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 422, "api.bad_request"),
        (b"{", 400, "api.bad_json"),
        (b"\xff", 400, "api.bad_json"),
        (b'{"lines": NaN}', 400, "api.bad_json"),
        (b'{"lines": 1e999}', 400, "api.bad_json"),
        (b'{"lines": [], "lines": []}', 400, "api.bad_json"),
        (b"[" * 100_000, 400, "api.bad_json"),
        (b'{"lines": ' + b"[" * 12 + b"]" * 12 + b"}", 400, "api.bad_json"),
        (b'{"lines": ' + b"9" * 5000 + b"}", 400, "api.bad_json"),
        (b'{"lines": 9223372036854775808}', 400, "api.bad_json"),
        (b'{"lines": "a\\u0000b"}', 400, "api.bad_text"),
        (b'{"lines": "\\ud800"}', 400, "api.bad_text"),
        (b'{"lines": [], "a\\u0000": 1}', 400, "api.bad_text"),
        (b'"lines"', 422, "api.bad_request"),
        (b"null", 422, "api.bad_request"),
        (b'{"lines": [{"group_id": "1", "quantity": 1}]}', 422, "api.bad_request"),
        (b'{"lines": [{"group_id": true, "quantity": 1}]}', 422, "api.bad_request"),
        (b'{"lines": [{"group_id": 1, "quantity": 1.0}]}', 422, "api.bad_request"),
        (b'{"lines": [{"group_id": 1, "quantity": 1, "solo": 1}]}', 422, "api.bad_request"),
        (b'{"lines": [{"group_id": 1, "quantity": 1, "price_minor": 1}]}', 422, "api.bad_request"),
        (b'{"lines": [{"group_id": 1, "quantity": 1}], "x": 1}', 422, "api.bad_request"),
        (b" " * 1_000_001, 413, "api.too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies_are_read_strictly(raw: bytes, status: int, code: str, callers: Cast) -> None:
    answer = callers.alice.call("POST", "/baskets/quote", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_brackets_in_a_text_are_no_depth(callers: Cast) -> None:
    answer = callers.alice.call("POST", "/baskets/quote", raw=b'{"lines": "' + b"[{" * 500 + b'\\"["}')
    assert answer.json()["code"] == "api.bad_request"


def test_only_json_is_taken(callers: Cast) -> None:
    answer = Client().post(
        "/api/v1/baskets/quote", "lines=1", content_type="text/plain", headers={"authorization": f"Bearer {callers.alice.secret}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "api.not_json")


def test_a_misspelt_filter_is_an_error(callers: Cast) -> None:
    answer = callers.operator.get("/orders?stat=paid")
    assert answer.status_code == 422
    assert answer.json()["fields"] == [{"where": "query.stat", "says": "unknown"}]


def test_a_zero_byte_in_an_address_is_an_error(callers: Cast) -> None:
    assert callers.operator.get("/orders?search=%00").json()["code"] == "api.bad_text"
    assert callers.operator.get("/skus/%00").json()["code"] == "api.bad_text"


def test_errors_speak_the_callers_language(callers: Cast) -> None:
    assert callers.alice.get("/orders/" + UUID, accept_language="en").json()["title"].startswith("There is no such thing")
    assert callers.alice.get("/orders/" + UUID, accept_language="zh-CN").json()["title"].startswith("没有这样东西")
    told = callers.alice.get("/orders/" + UUID)  # nothing said: as the person speaks
    assert told.json()["title"].startswith("没有这样东西")
    assert told.json()["status"] == told.status_code == 404
    assert {"type", "title", "detail", "status", "code", "facts"} <= told.json().keys()


@override_settings(API_PER_MINUTE=5)
def test_a_token_has_its_limit_and_another_its_own(callers: Cast) -> None:
    now = clocks.machine_now().replace(second=20, microsecond=0)
    with clocks.fixed(machine=now):
        assert [callers.alice.get("/me").status_code for _ in range(7)] == [200] * 5 + [429] * 2
        over = callers.alice.get("/me")
        assert (over.json()["code"], over["Retry-After"], over.json()["facts"]["limit"]) == ("api.too_many", "40", 5)
        assert callers.bob.get("/me").status_code == 200
    with clocks.fixed(machine=now + timedelta(seconds=40)):
        assert callers.alice.get("/me").status_code == 200


@override_settings(API_ADDRESS_PER_MINUTE=3)
def test_an_address_has_its_limit_whoever_asks(callers: Cast) -> None:
    with clocks.fixed(machine=clocks.machine_now().replace(second=0)):
        got = [caller.get("/me").status_code for caller in (callers.alice, callers.bob, callers.stranger, callers.charlie)]
        assert got == [200, 200, 401, 429]


def test_several_processes_never_allow_more_than_the_limit(shop: Shop) -> None:
    """Each takes a tenth at a time; what one took and did not spend is lost to the others, never doubled."""
    processes = [limits.Limiter() for _ in range(4)]
    passed = 0
    with clocks.fixed(machine=clocks.machine_now().replace(second=0)):
        for n in range(400):
            try:
                processes[n % 4].take(REGION, "token:x", 95)
                passed += 1
            except Exception:
                continue
    assert 95 - 9 * 4 <= passed <= 95


def test_the_address_is_what_the_trusted_proxy_saw(rf: Any) -> None:
    request = rf.get("/", headers={"x-forwarded-for": "6.6.6.6, 203.0.113.9"})
    assert limits.address(request) == "127.0.0.1"
    with override_settings(API_PROXIES=1):
        assert limits.address(request) == "203.0.113.9"
    with override_settings(API_PROXIES=3):
        assert limits.address(request) == "127.0.0.1"


def test_an_unchanged_answer_is_not_sent_again(callers: Cast) -> None:
    first = callers.alice.get("/groups")
    again = callers.alice.get("/groups", if_none_match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert "Authorization" in first["Vary"]
    assert first["Cache-Control"] == "private, no-cache"
