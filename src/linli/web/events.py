"""What the API tells: who was let in, and which address no longer hears."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("web.token_made")
@dataclass(frozen=True)
class TokenMade(Fact):
    """A token was made. `acts_as` is the role it acts in for `person_id`; the secret is nowhere."""

    prefix: str
    name: str
    acts_as: str
    person_id: int
    scopes: list[str]
    by: str


@fact("web.token_revoked")
@dataclass(frozen=True)
class TokenRevoked(Fact):
    """A token opens nothing any more."""

    prefix: str
    by: str


@fact("web.webhook_changed")
@dataclass(frozen=True)
class WebhookChanged(Fact):
    """A webhook was added, changed, switched on or off, given a new secret, or removed. `change` says which."""

    webhook_id: str
    change: str
    by: str


@fact("web.webhook_failed")
@dataclass(frozen=True)
class WebhookFailed(Fact):
    """A webhook was switched off because every try since `failing_since` failed."""

    webhook_id: str
    failing_since: str
