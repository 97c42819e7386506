"""Whose objects a caller may see: an operator their region's, a leader their communities', a member their own.

The widest role that the caller comes in decides. Somebody else's object is as missing as one that never was.
"""

from __future__ import annotations

from typing import NoReturn

from linli.kernel.refusals import Refusal
from linli.web.api.operations import Call

EVERYBODY = ("operator", "leader", "member")


def missing() -> NoReturn:
    """Refuse as if there were nothing. Raises Refusal: api.not_here."""
    raise Refusal("api.not_here")


def is_operator(request: Call) -> bool:
    """Whether the caller looks after a whole region."""
    return "operator" in request.actor.roles


def communities(request: Call) -> frozenset[int] | None:
    """The communities whose things the caller sees; None: the region's."""
    actor = request.actor
    if is_operator(request):
        return None
    own = set(actor.community_ids)
    if actor.member_community_id is not None:
        own.add(actor.member_community_id)
    return frozenset(own)


def led(request: Call) -> frozenset[int] | None:
    """The communities that the caller looks after; None: the region's."""
    return None if is_operator(request) else frozenset(request.actor.community_ids)


def of(request: Call, region: str, community_id: int, among: frozenset[int] | None) -> None:
    """Let pass what lies in the caller's region and `among` the communities. Raises Refusal: api.not_here."""
    if region != request.actor.region or (among is not None and community_id not in among):
        missing()


def member_id(request: Call) -> int:
    """The member that the caller is. Raises Refusal: api.role_needed."""
    found = request.actor.member_id
    if found is None:
        raise Refusal("api.role_needed", roles="member")
    return found
