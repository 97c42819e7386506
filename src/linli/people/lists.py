"""Lists of people that are read page by page behind a cursor."""

from __future__ import annotations

from collections.abc import Collection

from linli.kernel.paging import Slice, keyset
from linli.people import queries
from linli.people.models import Member
from linli.people.queries import MemberInfo

ORDERS = {"joined": ("joined_at", "pk"), "-joined": ("-joined_at", "-pk"), "id": ("pk",)}


def member_page(
    region: str, *, communities: Collection[int] | None = None, search: str = "", sort: str = "id", after: str = "", size: int = 50
) -> Slice[MemberInfo]:
    """Members of the region (of `communities`); `search` in name, phone, building, outside id. Raises Refusal: kernel.bad_cursor."""
    found = Member.objects.filter(region=region, person__is_active=True).select_related("person", "community")
    if communities is not None:
        found = found.filter(community_id__in=communities)
    if search.strip():
        found = found.filter(pk__in=queries.search_ids(region, search))
    part = keyset(found, ORDERS[sort], after=after, size=size)
    infos = queries.members([m.pk for m in part.rows])
    return Slice([infos[m.pk] for m in part.rows], part.after)
