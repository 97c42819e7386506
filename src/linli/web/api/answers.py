"""The first answer to an Idempotency-Key, given again byte for byte (draft-ietf-httpapi-idempotency-key-header).

The row is the claim: its unique constraint lets one of many twins act, the others are told to come back. An answer that
says "not now" (409, 429, 5xx) is not kept, so that the same key may be tried again. A process killed between the effect
and the answer leaves a claim that runs out; whoever asks then acts again with the same `key`, which the verbs below
know, and gets what was done.
"""

from __future__ import annotations

# ruff: noqa: S608  the statements are made of this file's own constants
import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpResponse

from linli.kernel import bulk, clocks
from linli.kernel.refusals import Refusal
from linli.web.models import ApiAnswer

CLAIM = timedelta(seconds=60)
"""How long an act may take before a twin may take it over."""

KEPT = timedelta(hours=24)
NOT_NOW = frozenset({409, 429, *range(500, 600)})


@dataclass(frozen=True)
class Claim:
    """The right to write the answer."""

    row_id: int
    mark: str


def check(key: str) -> str:
    """A key as a client may choose it: 1 to 255 visible ASCII characters. Raises Refusal: api.bad_key."""
    key = key.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':  # the draft writes keys as quoted strings
        key = key[1:-1]
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Refusal("api.bad_key")
    return key


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What was asked, so that another request under the same key is told apart."""
    return hashlib.blake2b(f"{method} {path}\n".encode() + body, digest_size=32).hexdigest()


def own_key(caller: str, key: str) -> str:
    """The key that the verbs get: the same for the same caller and key for ever, also after the answer was swept."""
    return "api-" + hashlib.blake2b(f"{caller}\n{key}".encode(), digest_size=20).hexdigest()


# In plain SQL: every write of the API passes here twice, and building the queries would take longer than running them.
_CLAIM = """
INSERT INTO web_apianswer (region, caller, key, asked, claim, claimed_until, made_at, status, content_type, body)
SELECT %s, %s, %s, %s, %s, %s, %s, NULL, '', %s {} WHERE true ON CONFLICT DO NOTHING RETURNING id
"""
_KEEP = """
UPDATE web_apianswer SET status = %s, content_type = %s, body = %s {} WHERE id = %s AND claim = %s AND status IS NULL RETURNING id
"""
_LET_GO = "DELETE FROM web_apianswer WHERE id = %s AND claim = %s AND status IS NULL RETURNING id"

# A claim or an answer that a crash of the database takes back is like one of a process that died in between: the verbs
# know the key. So nobody waits until it is on the disk.
_SOON = {"postgresql": "FROM (SELECT set_config('synchronous_commit', 'off', true)) AS soon", "sqlite": ""}


def _run(statement: str, *values: Any) -> int | None:
    """Run one of these statements by itself; the id of the row that it wrote."""
    with bulk.cursor() as c:
        c.execute(statement.format(_SOON[connection.vendor]), values)
        row = c.fetchone()
        return None if row is None else int(row[0])


def claim(*, region: str, caller: str, key: str, asked: str) -> Claim | HttpResponse:
    """The right to act on the key, or the answer that was given before.

    Raises Refusal: api.key_reused (another request used the key), api.in_progress(wait_seconds) (a twin acts this moment).
    """
    now = clocks.machine_now()
    mark = secrets.token_hex(16)
    made = _run(_CLAIM, region, caller, key, asked, mark, bulk.stored(now + CLAIM), bulk.stored(now), b"")
    if made is not None:
        return Claim(made, mark)
    row = ApiAnswer.objects.filter(region=region, caller=caller, key=key).first()
    if row is None:  # it was let go this moment
        raise Refusal("api.in_progress", wait_seconds=1)
    if row.asked != asked:
        raise Refusal("api.key_reused")
    if row.status is not None:
        return _again(row)
    taken = ApiAnswer.objects.filter(pk=row.pk, status=None, claim=row.claim, claimed_until__lt=now)
    if taken.update(claim=mark, claimed_until=now + CLAIM):
        return Claim(row.pk, mark)
    raise Refusal("api.in_progress", wait_seconds=1)


_ONE_OF = "IN (SELECT value FROM json_each(%s))"
_KEPT_POSTGRES = """
SELECT a.region, a.caller, a.key FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (r, c, k)
CROSS JOIN LATERAL (SELECT region, caller, key FROM web_apianswer WHERE region = w.r AND caller = w.c AND key = w.k OFFSET 0) AS a
"""
_KEPT_SQLITE = (
    f"SELECT region, caller, key FROM web_apianswer WHERE {' AND '.join(f'{name} {_ONE_OF}' for name in ('region', 'caller', 'key'))}"
)


def known(wanted: Collection[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Those (region, caller, key) that have an answer, or somebody who acts on them now; one statement, however many."""
    if not wanted:
        return set()
    columns = list(zip(*wanted, strict=True))
    with bulk.cursor() as c:
        if connection.vendor == "postgresql":
            c.execute(_KEPT_POSTGRES, [bulk.quoted(column) for column in columns])
        else:
            c.execute(_KEPT_SQLITE, [json.dumps(column) for column in columns])
        return {(region, caller, key) for region, caller, key in c.fetchall()}


def _again(row: ApiAnswer) -> HttpResponse:
    answer = HttpResponse(bytes(row.body), status=row.status, content_type=row.content_type)
    answer["Idempotent-Replayed"] = "true"
    return answer


def keep(claimed: Claim, answer: HttpResponse) -> None:
    """Keep the answer, or let go of the key when it says "not now". A claim that was taken over writes nothing."""
    if answer.status_code in NOT_NOW:
        let_go(claimed)
        return
    _run(_KEEP, answer.status_code, answer.headers.get("Content-Type", "")[:64], answer.content, claimed.row_id, claimed.mark)


def let_go(claimed: Claim) -> None:
    """Nothing was answered: the key is free again."""
    _run(_LET_GO, claimed.row_id, claimed.mark)


def sweep() -> int:
    """Forget answers older than a day."""
    return ApiAnswer.objects.filter(made_at__lt=clocks.machine_now() - KEPT).delete()[0]
