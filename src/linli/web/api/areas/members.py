"""Members: who they are, and what is known of them as of the last refresh."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from linli.insight import queries as insight
from linli.insight.queries import MemberRow
from linli.people import lists
from linli.people import queries as people
from linli.people.queries import MemberInfo
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Cursor, Id, Out, Page, PathId, Search, Size

area = Area("members", "Members")


class Known(Out):
    """What is known of a member, all of it as of `as_of`. `risk` null: not scored."""

    as_of: datetime
    lifecycle: str
    rfm: str
    segments: list[str]
    recency_days: int | None
    orders_90d: int
    spend_90d_minor: int
    spend_365d_minor: int
    risk: float | None


class Member(Out):
    """A member. Personal: `phone` is told to operators and to the member."""

    member_id: int
    community_id: int
    display_name: str
    surname: str
    phone: str | None
    building: str
    language: str
    external_id: str
    joined_at: datetime
    known: Known | None = None


class Me(Out):
    """Who the caller is, and in which roles."""

    person_id: int
    name: str
    region: str
    roles: list[str]
    member_id: int | None
    community_ids: list[int]


def _shown(member: MemberInfo, row: MemberRow | None, *, phone: bool) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(member, name, None) for name in Member.model_fields}
    told["phone"] = member.phone if phone else None
    told["known"] = {name: getattr(row, name) for name in Known.model_fields} if row else None
    return told


@area.get("/me", who=("signed_in",), response=Me)
def get_me(request: Call) -> Any:
    """Who the caller is."""
    actor = request.actor
    return {
        "person_id": actor.person_id,
        "name": actor.name,
        "region": actor.region,
        "roles": sorted(actor.roles),
        "member_id": actor.member_id,
        "community_ids": list(actor.community_ids),
    }


@area.get("/members", who=("operator",), response=Page[Member])
def list_members(
    request: Call,
    search: Search = "",
    community_id: Id | None = None,
    sort: Literal["id", "joined", "-joined"] = "id",
    cursor: Cursor = "",
    size: Size = 50,
) -> Any:
    """The region's members."""
    among = None if community_id is None else {community_id}
    part = lists.member_page(request.actor.region, communities=among, search=search, sort=sort, after=cursor, size=size)
    rows = insight.rows_of([m.member_id for m in part.rows])
    return {"items": [_shown(m, rows.get(m.member_id), phone=True) for m in part.rows], "next": part.after}


@area.get("/members/{member_id}", who=("operator", "member"), response=Member)
def get_member(request: Call, member_id: PathId) -> Any:
    """One member: an operator's region's, or oneself."""
    found = people.member(member_id)
    if found is None or found.region != request.actor.region:
        own.missing()
    if not own.is_operator(request):
        if found.member_id != request.actor.member_id:
            own.missing()
        return _shown(found, None, phone=True)
    return _shown(found, insight.rows_of([member_id]).get(member_id), phone=True)
