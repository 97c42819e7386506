"""What people tell the others."""

from __future__ import annotations

from dataclasses import dataclass

from linli.kernel.events import Fact, fact


@fact("people.member_joined")
@dataclass(frozen=True)
class MemberJoined(Fact):
    """Somebody became a member of a community. `channel` is how ("shop", "leader", "import", "history")."""

    member_id: int
    community_id: int
    channel: str
    external_id: str


@fact("people.consent_changed")
@dataclass(frozen=True)
class ConsentChanged(Fact):
    """A member allowed or withdrew one use of what is known of them."""

    member_id: int
    scope: str
    granted: bool


@fact("people.signed_in")
@dataclass(frozen=True)
class SignedIn(Fact):
    """A member proved the phone number with a one-time code."""

    member_id: int
