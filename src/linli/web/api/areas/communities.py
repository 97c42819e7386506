"""Communities: where neighbours order together, and who looks after them."""

from __future__ import annotations

from typing import Any

from linli.people import queries as people
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Out, PathId

area = Area("communities", "Communities")


class Community(Out):
    """A community and its pickup place. `leader` and the counts are told to its leader and to operators."""

    community_id: int
    code: str
    name_zh: str
    name_en: str
    pickup_zh: str
    pickup_en: str
    lat: float | None
    lng: float | None
    leader: str | None = None
    member_count: int | None = None


class ChatGroup(Out):
    """A chat group of a community."""

    group_id: int
    kind: str
    name_zh: str
    name_en: str
    capacity: int
    member_count: int


def _shown(request: Call, c: people.CommunityInfo) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(c, name, None) for name in Community.model_fields}
    among = own.led(request)
    if among is None or c.community_id in among:
        leader = people.leader_of(c.community_id)
        told["leader"] = leader.display_name if leader else None
        told["member_count"] = people.member_count(c.region, community_id=c.community_id)
    return told


@area.get("/communities", who=own.EVERYBODY, response=list[Community])
def list_communities(request: Call) -> Any:
    """The communities that the caller sees: an operator the region's, a leader those led, a member their own."""
    among = own.communities(request)
    found = [c for c in people.communities(request.actor.region) if among is None or c.community_id in among]
    if among is not None:
        return [_shown(request, c) for c in found]
    leaders, counts = people.leaders(request.actor.region), people.member_counts(request.actor.region)
    return [
        {
            **{name: getattr(c, name, None) for name in Community.model_fields},
            "leader": leaders[c.community_id].display_name if c.community_id in leaders else None,
            "member_count": counts.get(c.community_id, 0),
        }
        for c in found
    ]


@area.get("/communities/{community_id}", who=own.EVERYBODY, response=Community)
def get_community(request: Call, community_id: PathId) -> Any:
    """One community."""
    found = people.community(community_id)
    if found is None:
        own.missing()
    own.of(request, found.region, found.community_id, own.communities(request))
    return _shown(request, found)


@area.get("/communities/{community_id}/chat-groups", who=("operator", "leader"), response=list[ChatGroup])
def list_chat_groups(request: Call, community_id: PathId) -> Any:
    """The community's chat groups, main ones first."""
    found = people.community(community_id)
    if found is None:
        own.missing()
    own.of(request, found.region, found.community_id, own.led(request))
    return people.groups_of(community_id)
