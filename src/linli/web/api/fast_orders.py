"""POST /api/v1/orders by the batch: what waits in this process is judged and placed together.

One queue, one thread, one connection: a batch begins when the one before it ends, so a lonely order waits for nobody
and a crowd shares its statements. Only what is plainly in order is taken here: a member's session with its form token
or a member's token with the scope, a well-formed basket, a key. Whatever else comes is Django's, which answers as it
answers any request; so both doors refuse alike, and a door that is wrongly shut is merely slower.
"""

from __future__ import annotations

import hmac
import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.middleware.csrf import CSRF_TOKEN_LENGTH, _does_token_match  # type: ignore[attr-defined]
from django.utils import translation

from linli.kernel import busy, clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import orders
from linli.trade.rules import Wanted
from linli.web import access, sessions
from linli.web.api import answers, errors, limits, tokens
from linli.web.models import ApiToken

log = logging.getLogger(__name__)

MOST_IN_BATCH = 128
KEPT = 50_000
_LINE = {"group_id", "quantity", "solo", "tolerance_pieces", "team"}
_BASKET = {"lines", "coupon_id"}


@dataclass(frozen=True, slots=True)
class Came:
    """A request as it came: header names in small letters."""

    headers: Mapping[str, str]
    body: bytes
    scheme: str
    client: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Settle = Callable[[Answer | None], None]
"""How a waiting request is told: its answer, or None for "ask Django"."""


@dataclass(slots=True)
class _Asked:
    """A well-formed request, and what is known of who asks."""

    came: Came
    asking: tuple[list[Wanted], int | None]
    key: str
    session: str = ""
    token: str = ""
    secret: str = ""
    caller: str = ""
    member_id: int = 0
    region: str = ""
    own_key: str = ""

    @property
    def claim(self) -> tuple[str, str, str]:
        return self.region, self.caller, self.key


class Batcher:
    """The queue and its thread, started with the first request of the process."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Came, Settle]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, came: Came, settle: Settle) -> None:
        """Let the request wait for the next batch; `settle` is called from the batch's thread."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="orders", daemon=True)
                    self._thread.start()
        self._waiting.put((came, settle))

    def _run(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < MOST_IN_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            try:
                close_old_connections()
                told: Sequence[Answer | None] = answer_many([came for came, _ in batch])
            except Exception as error:
                log.log(logging.WARNING if busy.is_busy(error) else logging.ERROR, "a batch of orders broke", exc_info=error)
                close_old_connections()
                told = [None] * len(batch)  # each is asked once more, by itself, by Django
            for (_, settle), answer in zip(batch, told, strict=True):
                settle(answer)


def answer_many(came: Sequence[Came]) -> list[Answer | None]:
    """Answer each request, or None for what Django shall answer."""
    found: list[Answer | None] = [None] * len(came)
    most_bytes = settings.API_MOST_BYTES
    asked = {n: one for n, request in enumerate(came) if (one := _read(request, most_bytes)) is not None}
    _sign_in(asked)
    limits_on = bool(settings.API_ADDRESS_PER_MINUTE or settings.API_PER_MINUTE)
    asked = {n: one for n, one in asked.items() if one.member_id and (not limits_on or _within_limits(one))}
    before = _told_before(asked)
    asked = {n: one for n, one in asked.items() if n not in before}
    twins, acting = _twins(asked)
    requests = [orders.Asking(one.member_id, one.asking[0], one.own_key, one.asking[1]) for one in acting.values()]
    for (n, one), outcome in zip(acting.items(), orders.place_many(requests), strict=True):
        found[n] = _refused(one, outcome) if isinstance(outcome, Refusal) else _placed(outcome)
    for n, one in twins.items():
        found[n] = _refused(one, Refusal("api.in_progress", wait_seconds=1))
    return found


def _told_before(asked: Mapping[int, _Asked]) -> set[int]:
    """Those whose key has an answer, or somebody who acts on it: Django tells that answer, byte for byte."""
    known = answers.known({one.claim for one in asked.values()})
    return {n for n, one in asked.items() if one.claim in known}


def _twins(asked: Mapping[int, _Asked]) -> tuple[dict[int, _Asked], dict[int, _Asked]]:
    """Requests that a twin of the same batch acts for, and the others. Under the same key something else is Django's to refuse."""
    first: dict[str, _Asked] = {}
    twins, acting = {}, {}
    for n, one in asked.items():
        if (other := first.setdefault(one.own_key, one)) is one:
            acting[n] = one
        elif other.came.body == one.came.body:
            twins[n] = one
    return twins, acting


def _read(came: Came, most_bytes: int) -> _Asked | None:
    """The request, when everything about it is as it should be."""
    headers = came.headers
    key = headers.get("idempotency-key", "")
    if (
        came.query
        or not _is_ours(headers.get("host", ""), came.scheme)
        or headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json"
        or len(came.body) > most_bytes
        or not (0 < len(key) <= 255 and key.isascii() and key.isprintable())
        or (wanted := _basket(came.body)) is None
    ):
        return None
    one = _Asked(came, wanted, answers.check(key))
    if authorization := headers.get("authorization", ""):
        scheme, _, secret = authorization.partition(" ")
        one.secret = secret.strip()
        mark, _, rest = one.secret.partition("_")
        one.token = rest.partition("_")[0]
        plain = scheme.lower() == "bearer" and secret.isascii() and mark == tokens.MARK and one.token.isalnum()
        return one if plain else None
    cookies = parse_cookie(headers.get("cookie", ""))
    one.session = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return one if one.session and _form_token(headers, cookies, came.scheme) else None


_hosts: dict[str, bool] = {}


def _is_ours(host: str, scheme: str) -> bool:
    if settings.SECURE_SSL_REDIRECT and scheme != "https":
        return False
    if host not in _hosts:
        if len(_hosts) > 1000:
            _hosts.clear()
        domain, _ = split_domain_port(host)
        _hosts[host] = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    return _hosts[host]


def _form_token(headers: Mapping[str, str], cookies: Mapping[str, str], scheme: str) -> bool:
    """Whether the session's form token came with the request, from a page of ours. Where it isn't plain, Django looks closer."""
    origin, sent, kept = headers.get("origin"), headers.get("x-csrftoken", ""), cookies.get(settings.CSRF_COOKIE_NAME, "")
    if origin is None and scheme == "https":  # then the referrer counts
        return False
    if origin is not None and origin != f"{scheme}://{headers.get('host', '')}":
        return False
    whole = all(len(token) in (CSRF_TOKEN_LENGTH, CSRF_TOKEN_LENGTH // 2) and token.isalnum() and token.isascii() for token in (sent, kept))
    return whole and len(kept) == CSRF_TOKEN_LENGTH // 2 and bool(_does_token_match(sent, kept))


def _basket(body: bytes) -> tuple[list[Wanted], int | None] | None:
    """The basket as web.api.areas.orders.Basket knows it; None for whatever that wouldn't take."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if type(told) is not dict or not told.keys() <= _BASKET or type(told.get("lines")) is not list or not 1 <= len(told["lines"]) <= 20:
        return None
    coupon = told.get("coupon_id")
    if coupon is not None and not _whole(coupon, 1, 2**63 - 1):
        return None
    lines = [_line(one) for one in told["lines"]]
    # A key that comes twice leaves a colon too many; a text with a colon in it is Django's to understand.
    if None in lines or body.count(b":") != len(told) + sum(map(len, told["lines"])):
        return None
    return [line for line in lines if line is not None], coupon


def _whole(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _line(one: Any) -> Wanted | None:
    if type(one) is not dict or not one.keys() <= _LINE:
        return None
    solo, tolerance, team = one.get("solo", False), one.get("tolerance_pieces", 0), one.get("team")
    fits = (
        _whole(one.get("group_id"), 1, 2**63 - 1)
        and _whole(one.get("quantity"), 1, 99)
        and type(solo) is bool
        and _whole(tolerance, 0, 98)
        and (team is None or (type(team) is str and len(team) <= 36 and team.isascii() and team.isprintable()))
    )
    return Wanted(one["group_id"], one["quantity"], solo, tolerance, team) if fits else None


_decoded: dict[str, tuple[str, int | None]] = {}


def _sign_in(asked: Mapping[int, _Asked]) -> None:
    """Find out who asks, for all at once; whoever isn't plainly a member is left without a member's id."""
    keys = {one.session for one in asked.values() if one.session}
    persons_of = {key: _person(key, text) for key, text in sessions.texts(keys).items()}
    held = _tokens(asked.values())
    persons = {p for p in persons_of.values() if p is not None} | {row.person_id for row in held.values()}
    buyers = people.buyers(persons)
    for one in asked.values():
        row = held.get(one.token)
        person_id = row.person_id if row is not None else persons_of.get(one.session)
        buyer = buyers.get(person_id) if person_id is not None else None
        if buyer is None or (row is not None and (buyer.has_role or buyer.region != row.region)):
            continue
        one.member_id, one.region = buyer.member_id, buyer.region
        one.caller = f"token:{row.prefix}" if row is not None else f"person:{person_id}"
        one.own_key = answers.own_key(one.caller, one.key)


@lru_cache(maxsize=1)
def _signer(secret: str) -> tuple[signing.TimestampSigner, type[Any]]:
    store = SessionStore()
    return signing.TimestampSigner(salt=store.key_salt), store.serializer


def _person(key: str, data: str) -> int | None:
    """The person of a session. What a session says doesn't change without its text: it is read once."""
    kept = _decoded.get(key)
    if kept is None or kept[0] != data:
        signer, serializer = _signer(settings.SECRET_KEY)
        try:  # as SessionStore.decode does, without making a signer each time
            told = signer.unsign_object(data, serializer=serializer).get(access.SESSION_KEY)
        except Exception:  # whatever is wrong with it: then nobody is signed in
            told = None
        if len(_decoded) > KEPT:
            _decoded.clear()
        kept = _decoded[key] = data, told if type(told) is int else None
    return kept[1]


def _tokens(asked: Any) -> dict[str, ApiToken]:
    """The tokens that are good for placing orders as a member, as `tokens.held` judges them."""
    secrets = {one.token: one.secret for one in asked if one.token}
    if not secrets:
        return {}
    now = clocks.machine_now()
    return {
        row.prefix: row
        for row in ApiToken.objects.filter(pk__in=list(secrets))
        if hmac.compare_digest(tokens._digest(secrets[row.prefix]), row.digest)
        and row.acts_as == ApiToken.Acts.MEMBER
        and "orders:write" in row.scopes
        and row.revoked_at is None
        and (row.expires_at is None or row.expires_at > now)
        and row.used_at is not None
        and row.used_at >= now - tokens.USED_EVERY  # else Django writes it down
    }


def _within_limits(one: _Asked) -> bool:
    try:
        limits.LIMITER.take("", f"ip:{limits.address(_request(one.came))}", settings.API_ADDRESS_PER_MINUTE)
        limits.LIMITER.take(one.region, one.caller, settings.API_PER_MINUTE)
    except Refusal:
        return False  # Django says so
    return True


def _request(came: Came) -> HttpRequest:
    """As much of a request of Django's as languages and addresses are told by."""
    request = HttpRequest()
    request.META = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in came.headers.items()}
    request.META["REMOTE_ADDR"] = came.client.rpartition(":")[0].strip("[]")
    request.COOKIES = parse_cookie(came.headers.get("cookie", ""))
    return request


_HEADERS = [
    ("cache-control", "private, no-cache"),
    ("vary", "Authorization, Cookie, Accept-Language"),
    ("x-content-type-options", "nosniff"),
]
_JSON = [("content-type", "application/json; charset=utf-8"), *_HEADERS]
_ENCODER = DjangoJSONEncoder()


def _placed(placed: orders.Placed) -> Answer:
    """The same bytes as web.api.areas.orders.Placed."""
    body = f'{{"order_id": "{placed.order_id}", "payable_minor": {placed.payable_minor}, "pay_by": "{_ENCODER.default(placed.pay_by)}"}}'
    again = [("idempotent-replayed", "true")] if placed.again else []
    return Answer(201, [*_JSON, *again], body.encode())


def _refused(one: _Asked, refusal: Refusal) -> Answer | None:
    if refusal.code == "trade.busy" or errors.status_of(refusal.code) not in answers.NOT_NOW:
        return None  # Django tries once more; and it keeps every answer that doesn't say "not now" with its key
    if "accept-language" not in one.came.headers and one.token:
        return None  # then the person's own language is spoken
    with translation.override(translation.get_language_from_request(_request(one.came))):
        told = errors.answer(refusal)
    return Answer(told.status_code, [(name.lower(), value) for name, value in told.items()] + _HEADERS, told.content)


BATCHER = Batcher()
