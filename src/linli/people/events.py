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
    personal = ("external_id",)


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


@fact("people.erasure_requested")
@dataclass(frozen=True)
class ErasureRequested(Fact):
    """A member, or an operator for them, asked that what is known of them be erased at `due_at` (ISO time)."""

    member_id: int
    due_at: str
    by: str


@fact("people.erasure_withdrawn")
@dataclass(frozen=True)
class ErasureWithdrawn(Fact):
    """The member stays after all."""

    member_id: int
    by: str


@fact("people.member_erased")
@dataclass(frozen=True)
class MemberErased(Fact):
    """Who this member was is known no more: every reader that keeps something of them lets it go."""

    member_id: int
    community_id: int
    by: str
