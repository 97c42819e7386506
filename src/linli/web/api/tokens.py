"""Tokens: what a program signs in with instead of a person's session.

A token is one person's, acts in one of that person's roles, and opens only the areas that its scopes name. What the
person may no longer do, the token may no longer do either. The secret is shown once and kept as its digest: 32 random
bytes need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import access
from linli.web.actor import Actor
from linli.web.events import TokenMade, TokenRevoked
from linli.web.models import ApiToken

AREAS = (
    "catalog",
    "communities",
    "members",
    "groups",
    "orders",
    "pickups",
    "aftersale",
    "money",
    "payments",
    "promotions",
    "partners",
    "playbooks",
    "metrics",
    "webhooks",
)
SCOPES = tuple(f"{area}:{way}" for area in AREAS for way in ("read", "write"))
MARK = "lin"
USED_EVERY = timedelta(minutes=1)
"""How exact `used_at` is: a write for each call would cost more than most calls."""


@dataclass(frozen=True)
class TokenInfo:
    """A token as lists show it. `state`: live, expired or revoked."""

    prefix: str
    name: str
    acts_as: str
    person_id: int
    person: str
    scopes: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    state: str


@dataclass(frozen=True)
class Made:
    """A new token; `secret` is told this once."""

    prefix: str
    secret: str


@dataclass(frozen=True)
class Held:
    """A token somebody came with: who it is, and what it opens."""

    prefix: str
    actor: Actor
    scopes: frozenset[str]
    language: str


@transaction.atomic
def make(
    *, region: str, name: str, acts_as: str, person_id: int, scopes: Sequence[str], by: str, expires_at: datetime | None = None
) -> Made:
    """Make a token of a person of the region, in a role that the person has there.

    Raises Refusal: api.bad_token_name, api.bad_scope(scope), api.bad_expiry, api.no_such_identity.
    """
    name = name.strip()
    if not 0 < len(name) <= 64 or not name.isprintable():
        raise Refusal("api.bad_token_name")
    wanted = sorted(set(scopes))
    if not wanted:
        raise Refusal("api.bad_scope", scope="")
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise Refusal("api.bad_scope", scope=unknown[0][:40])
    if expires_at is not None and expires_at <= clocks.machine_now():
        raise Refusal("api.bad_expiry")
    if _actor(person_id, acts_as, region) is None:
        raise Refusal("api.no_such_identity")
    prefix, rest = secrets.token_hex(6), secrets.token_urlsafe(32)
    secret = f"{MARK}_{prefix}_{rest}"
    ApiToken.objects.create(
        prefix=prefix,
        region=region,
        digest=_digest(secret),
        name=name,
        acts_as=acts_as,
        person_id=person_id,
        scopes=wanted,
        made_by=by,
        made_at=clocks.machine_now(),
        expires_at=expires_at,
    )
    events.append(TokenMade(prefix, name, acts_as, person_id, wanted, by), region=region, subject=f"token:{prefix}")
    return Made(prefix, secret)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _actor(person_id: int, acts_as: str, region: str) -> Actor | None:
    """The person in that one role, or None when they haven't it in the region (any more)."""
    actor = access.load(person_id)
    if acts_as not in actor.roles or actor.region != region:
        return None
    member = acts_as == "member"
    return replace(
        actor,
        roles=frozenset({acts_as}),
        member_id=actor.member_id if member else None,
        member_community_id=actor.member_community_id if member else None,
        community_ids=actor.community_ids if acts_as == "leader" else (),
    )


def held(secret: str) -> Held:
    """Who comes with this secret. Raises Refusal: api.bad_token, the same for unknown, revoked, expired and no longer in the role."""
    mark, _, rest = secret.partition("_")
    prefix = rest.partition("_")[0]
    row = ApiToken.objects.filter(pk=prefix).first() if mark == MARK and prefix.isalnum() and len(prefix) == 12 else None
    now = clocks.machine_now()
    genuine = hmac.compare_digest(_digest(secret), row.digest if row else "0" * 64)
    if row is None or not genuine or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise Refusal("api.bad_token")
    actor = _actor(row.person_id, row.acts_as, row.region)
    if actor is None:
        raise Refusal("api.bad_token")
    if row.used_at is None or row.used_at < now - USED_EVERY:
        stale = Q(used_at=None) | Q(used_at__lt=now - USED_EVERY)
        ApiToken.objects.filter(stale, pk=prefix).update(used_at=now)
    person = people.person(row.person_id)
    return Held(prefix, actor, frozenset(row.scopes), person.language if person else "")


@transaction.atomic
def revoke(*, region: str, prefix: str, by: str) -> bool:
    """Let a token open nothing from now on; whether it had been live. Raises Refusal: api.no_such_token."""
    known = ApiToken.objects.filter(region=region, pk=prefix)
    if "\0" in prefix or not known.exists():
        raise Refusal("api.no_such_token")
    if not known.filter(revoked_at=None).update(revoked_at=clocks.machine_now()):
        return False
    events.append(TokenRevoked(prefix, by), region=region, subject=f"token:{prefix}")
    return True


def of_region(region: str) -> list[TokenInfo]:
    """Every token of the region, live ones first, newest first."""
    now = clocks.machine_now()
    rows = [_info(row, now) for row in ApiToken.objects.filter(region=region).order_by("-made_at", "prefix")]
    return sorted(rows, key=lambda row: row.state != "live")


def _info(row: ApiToken, now: datetime) -> TokenInfo:
    state = "revoked" if row.revoked_at else "expired" if row.expires_at and row.expires_at <= now else "live"
    person = people.person(row.person_id)
    return TokenInfo(
        row.prefix,
        row.name,
        row.acts_as,
        row.person_id,
        person.display_name if person else "",
        tuple(row.scopes),
        row.made_by,
        row.made_at,
        row.expires_at,
        row.used_at,
        state,
    )
