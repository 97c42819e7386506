"""Orders by the batch: the fast door and the ordinary one answer alike, whoever knocks and whatever they bring."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client, override_settings

from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import groups, orders
from linli.trade.models import Order
from linli.web import access
from linli.web.api import ORDERS_PATH, answers, fast_orders, tokens
from linli.web.api.fast_orders import Answer, Came
from linli.web.models import ApiToken
from support.shop import REGION, Shop, new_group

pytestmark = pytest.mark.django_db(transaction=True)
CSRF = "a" * 32


def session_of(member_id: int) -> str:
    member = people.member(member_id)
    store = SessionStore()
    if member is not None:
        store[access.SESSION_KEY] = member.person_id
    store.save()
    return str(store.session_key)


def token_of(member_id: int, *scopes: str, acts_as: str = "member") -> str:
    member = people.member(member_id)
    assert member is not None
    made = tokens.make(region=member.region, name="t", acts_as=acts_as, person_id=member.person_id, scopes=scopes, by="person:1")
    ApiToken.objects.filter(pk=made.prefix).update(used_at=clocks.machine_now())
    return made.secret


def signed_in(member_id: int, **more: str) -> dict[str, str]:
    return {"cookie": f"sessionid={session_of(member_id)}; csrftoken={CSRF}", "x-csrftoken": CSRF} | more


def came(headers: dict[str, str], body: Any, *, key: str = "k", query: str = "") -> Came:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    basic = {"host": "testserver", "content-type": "application/json", "idempotency-key": key}
    return Came(basic | headers, raw, "http", "127.0.0.1:5", query)


def by_django(request: Came) -> HttpResponse:
    client = Client(enforce_csrf_checks=True)
    for part in request.headers.get("cookie", "").split("; "):
        name, _, value = part.partition("=")
        if name:
            client.cookies[name] = value
    rest = {k: v for k, v in request.headers.items() if k not in ("cookie", "content-type", "host")}
    path = ORDERS_PATH + (f"?{request.query}" if request.query else "")
    return client.post(path, data=request.body, content_type=request.headers["content-type"], headers=rest)


def fast(*requests: Came) -> list[Answer | None]:
    return fast_orders.answer_many(requests)


def basket(*group_ids: int, **more: Any) -> dict[str, Any]:
    return {"lines": [{"group_id": g, "quantity": 1} for g in group_ids], **more}


@pytest.mark.parametrize("by", ["session", "token"])
def test_both_doors_give_the_same_order_the_same_bytes(shop: Shop, by: str) -> None:
    who = signed_in(shop.alice) if by == "session" else {"authorization": f"Bearer {token_of(shop.alice, 'orders:write')}"}
    request = came(who, basket(shop.cherries, shop.milk), key="fast first")
    (answer,) = fast(request)
    told = by_django(request)
    assert answer is not None and answer.status == told.status_code == 201, told.content
    assert answer.body == told.content
    assert dict(answer.headers)["content-type"] == told["Content-Type"]
    request = came(who, basket(shop.cherries, shop.milk), key="Django first")
    told = by_django(request)
    assert fast(request) == [None], "an answer that was kept is Django's to give again"
    assert (by_django(request).content, told.status_code) == (told.content, 201)
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (basket(987654), "trade.no_such_group"),
        ({"lines": [{"group_id": 1, "quantity": 1, "team": "no team"}]}, "trade.no_such_team"),
        (basket(1, coupon_id=999), "trade."),
    ],
)
def test_refusals_have_the_same_words_at_both_doors(shop: Shop, body: dict[str, Any], code: str) -> None:
    if body["lines"][0]["group_id"] == 1:
        body["lines"][0]["group_id"] = shop.cherries
    for language in ("zh-hans", "en"):
        request = came(signed_in(shop.alice, **{"accept-language": language}), body, key=language)  # an answer is kept as it was said
        (answer,) = fast(request)
        told = by_django(request)
        assert told.json()["code"].startswith(code)
        if told.status_code not in answers.NOT_NOW:
            assert answer is None  # kept with its key, and that is Django's to do
            continue
        assert answer is not None and (answer.status, answer.body) == (told.status_code, told.content)
        assert dict(answer.headers)["content-type"] == told["Content-Type"]
    assert not Order.objects.exists()


def test_sold_out_has_the_same_words_at_both_doors(shop: Shop) -> None:
    group = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="one", threshold=1, quota_pieces=1))
    orders.place(member_id=shop.bob, lines=[(group, 1)], key="b")
    request = came(signed_in(shop.alice), basket(group))
    (answer,) = fast(request)
    told = by_django(request)
    assert answer is not None and (answer.status, answer.body) == (told.status_code, told.content)
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "trade.sold_out")


NOT_PLAIN = [
    ("a stranger", {}, b'{"lines": []}'),
    ("no form token", {"x-csrftoken": ""}, None),
    ("a wrong form token", {"x-csrftoken": "b" * 32}, None),
    ("another site's page", {"origin": "https://evil.example"}, None),
    ("another host", {"host": "evil.example"}, None),
    ("a bad token", {"authorization": "Bearer lin_000000000000_x"}, None),
    ("another scheme", {"authorization": "Basic eDp5"}, None),
    ("no key", {"idempotency-key": ""}, None),
    ("not JSON", {"content-type": "text/plain"}, None),
    ("broken JSON", {}, b"{"),
    ("a key twice", {}, b'{"lines": [], "lines": [{"group_id": 1, "quantity": 1}]}'),
    ("an unknown field", {}, b'{"lines": [{"group_id": 1, "quantity": 1}], "price": 1}'),
    ("a truth for a number", {}, b'{"lines": [{"group_id": 1, "quantity": true}]}'),
    ("a fraction", {}, b'{"lines": [{"group_id": 1, "quantity": 1.0}]}'),
    ("too many", {}, b'{"lines": [{"group_id": 1, "quantity": 100}]}'),
    ("no lines", {}, b'{"lines": []}'),
    ("a number as solo", {}, b'{"lines": [{"group_id": 1, "quantity": 1, "solo": 1}]}'),
    ("too deep", {}, b"[" * 2000),
]


@pytest.mark.parametrize(("changes", "body"), [c[1:] for c in NOT_PLAIN], ids=[c[0] for c in NOT_PLAIN])
def test_what_is_not_plain_is_djangos_to_answer(shop: Shop, changes: dict[str, str], body: bytes | None) -> None:
    who = {} if body == b'{"lines": []}' and not changes else signed_in(shop.alice)
    assert fast(came(who | changes, basket(shop.cherries) if body is None else body)) == [None]
    assert not Order.objects.exists()


@pytest.mark.parametrize("who", ["stranger", "signed out", "leader", "read only", "revoked", "leader's token"])
def test_who_may_not_order_is_let_in_by_neither_door(shop: Shop, who: str) -> None:
    if who == "stranger":
        headers: dict[str, str] = {}
    elif who == "signed out":
        headers = signed_in(shop.alice)
        SessionStore(session_key=headers["cookie"].partition("=")[2].partition(";")[0]).delete()
    elif who == "leader":
        store = SessionStore()
        store[access.SESSION_KEY] = shop.leader
        store.save()
        headers = {"cookie": f"sessionid={store.session_key}; csrftoken={CSRF}", "x-csrftoken": CSRF}
    else:
        secret = token_of(shop.alice, "orders:read" if who == "read only" else "orders:write")
        if who == "revoked":
            tokens.revoke(region=REGION, prefix=secret.split("_")[1], by="person:1")
        if who == "leader's token":
            ApiToken.objects.update(acts_as="leader")
        headers = {"authorization": f"Bearer {secret}"}
    request = came(headers, basket(shop.cherries))
    assert fast(request) == [None]
    assert by_django(request).status_code in (401, 403)
    assert not Order.objects.exists()


def test_a_session_that_ended_a_moment_ago_opens_nothing(shop: Shop) -> None:
    headers = signed_in(shop.alice)
    assert fast(came(headers, basket(shop.cherries), key="a"))[0] is not None
    SessionStore(session_key=headers["cookie"].partition("=")[2].partition(";")[0]).delete()
    assert fast(came(headers, basket(shop.cherries), key="b")) == [None]


def test_a_batch_is_answered_each_for_itself(shop: Shop) -> None:
    alice, bob = signed_in(shop.alice), signed_in(shop.bob)
    told = fast(
        came(alice, basket(shop.cherries), key="a"),
        came({}, basket(shop.cherries), key="b"),
        came(bob, basket(shop.far_milk), key="c"),
        came(bob, basket(shop.milk), key="d"),
        came(alice, basket(shop.cherries), key="a"),
    )
    assert [a.status if a else None for a in told] == [201, None, None, 201, 409]
    (again,) = fast(came(alice, basket(shop.cherries), key="a"))
    assert told[0] is not None and again is not None and told[0].body == again.body
    assert ("idempotent-replayed", "true") in again.headers
    assert Order.objects.count() == 2


def test_the_key_for_another_basket_is_djangos_to_refuse(shop: Shop) -> None:
    who = signed_in(shop.alice)
    fast(came(who, basket(shop.cherries)))
    other = came(who, basket(shop.milk))
    assert fast(other) == [None]
    assert by_django(other).status_code == 422


def through(door: str, request: Came) -> tuple[int, bytes, str | None]:
    """The answer's status, body and Retry-After: from the fast door, which may leave it to Django, or from Django alone."""
    answer = fast(request)[0] if door == "fast" else None
    if answer is not None:
        return answer.status, answer.body, dict(answer.headers).get("retry-after")
    told = by_django(request)
    return told.status_code, told.content, told.headers.get("Retry-After")


def shape(told: tuple[int, bytes, str | None]) -> tuple[int, str, list[str]]:
    body = json.loads(told[1])
    return told[0], body.get("code", ""), sorted(body)


def story(door: str, shop: Shop, who: int, other: int) -> list[tuple[int, str, list[str]]]:
    """What happens to keys at a door: placed, asked again, another basket, refused for good, refused for now."""
    last = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key=door, threshold=1, quota_pieces=1))
    held = orders.place(member_id=other, lines=[(last, 1)], key=f"{door} holds")
    headers = signed_in(who)
    good, bad, scarce = basket(shop.cherries), basket(987654), basket(last)
    asked = [("a", good), ("a", good), ("a", bad), ("a", good), ("b", bad), ("b", bad), ("b", good), ("b", bad), ("c", scarce)]
    told = [through(door, came(headers, body, key=key)) for key, body in asked]
    assert told[0] == told[1] == told[3], "the answer that was given stays the answer"
    assert told[4] == told[5] == told[7], "so does a refusal"
    orders.cancel(order_id=held.order_id, member_id=other, key="let go")
    told.append(through(door, came(headers, scarce, key="c")))
    return [shape(one) for one in told]


def test_both_doors_tell_the_same_story(shop: Shop) -> None:
    by_batch, ordinary = story("fast", shop, shop.alice, shop.bob), story("ordinary", shop, shop.bob, shop.alice)
    assert by_batch == ordinary
    assert [(status, code) for status, code, _ in ordinary] == [
        *[(201, ""), (201, ""), (422, "api.key_reused"), (201, "")],
        *[(404, "trade.no_such_group"), (404, "trade.no_such_group"), (422, "api.key_reused"), (404, "trade.no_such_group")],
        *[(409, "trade.sold_out"), (201, "")],
    ]


def test_a_key_moves_between_the_doors(shop: Shop) -> None:
    headers = signed_in(shop.alice)
    good, bad = came(headers, basket(shop.cherries)), came(headers, basket(shop.milk))
    steps = [("fast", good), ("ordinary", bad), ("fast", good), ("ordinary", good), ("fast", bad), ("fast", good)]
    told = [through(door, request) for door, request in steps]
    assert [status for status, _, _ in told] == [201, 422, 201, 201, 422, 201]
    assert len({body for status, body, _ in told if status == 201}) == 1
    assert Order.objects.count() == 1


def test_a_twin_of_this_moment_is_told_to_come_back_at_both_doors(shop: Shop) -> None:
    request = came(signed_in(shop.alice), basket(shop.cherries))
    member = people.member(shop.alice)
    assert member is not None
    asked = answers.fingerprint("POST", ORDERS_PATH, request.body)
    claimed = answers.claim(region=REGION, caller=f"person:{member.person_id}", key="k", asked=asked)
    assert isinstance(claimed, answers.Claim)
    waits = [through(door, request) for door in ("ordinary", "fast")]
    answers.let_go(claimed)
    first, twin = fast(request, request)
    assert first is not None and first.status == 201
    assert twin is not None
    waits.append((twin.status, twin.body, dict(twin.headers).get("retry-after")))
    assert waits[0] == waits[1] == waits[2]
    assert waits[0][0] == 409 and waits[0][2] == "1"
    assert through("fast", request)[1] == first.body


def test_limits_hold_at_this_door_too(shop: Shop) -> None:
    who = signed_in(shop.alice)
    with override_settings(API_PER_MINUTE=2):
        told = fast(*(came(who, basket(shop.cherries), key=f"k{n}") for n in range(4)))
    assert [a is None for a in told].count(True) == 2
