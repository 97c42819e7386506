"""Pictures that members sent, of every surface that shows them."""

from __future__ import annotations

import uuid

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from linli.trade import photos
from linli.trade import queries as trade
from linli.web.access import allow


@allow("member", "leader", "operator")
@cache_control(private=True, max_age=86400)
@require_GET
def photo(request: HttpRequest, photo_id: uuid.UUID) -> FileResponse:
    """A picture, for the member who sent it, their leader and their region's operators; anybody else finds nothing."""
    actor, owner = request.actor, trade.photo_owner(photo_id)  # type: ignore[attr-defined]
    if owner is None:
        raise Http404
    region, member_id, community_id = owner
    operator = "operator" in actor.roles and actor.region == region
    if not (operator or actor.member_id == member_id or community_id in actor.community_ids):
        raise Http404
    there = photos.path(region, photo_id)
    if not there.exists():
        raise Http404
    answer = FileResponse(there.open("rb"), content_type="image/jpeg")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
