"""The leader's groups with words to share, and the leader's own page."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from linli.kernel import clocks
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import queries as trade
from linli.trade.rules.sharing import Shared, share_text
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, leader_page
from linli.web.templatetags.linli import local_name


@dataclass(frozen=True)
class Posted:
    """A group-buy with the words a leader posts about it."""

    group: shelf.Group
    post: str


def post_of(group: shelf.Group, community: CommunityInfo, currency: str, link: str) -> str:
    """The post: what, how much, what is still missing, when and where. Only what is so."""
    card, zone = group.card, timezone.get_current_timezone()
    following = card.next_rung
    told = Shared(
        name=local_name(card.sku),
        unit=local_name(card.sku, "unit"),
        pickup=local_name(community, "pickup"),
        currency=currency,
        kind=card.kind,
        price_minor=card.price_now_minor,
        list_price_minor=card.list_price_minor,
        threshold_by=card.threshold_by,
        threshold=card.threshold,
        missing=card.missing,
        on_miss=card.on_miss,
        next_rung=(following.missing_pieces, following.price_minor) if following else None,
        case_missing_pieces=card.case_missing_pieces,
        team_size=card.team_size or 0,
        per_member_pieces=card.per_member_pieces,
        deadline=card.deadline_at.astimezone(zone),
        pickup_from=card.pickup_from.astimezone(zone),
        now=clocks.business_now().astimezone(zone),
        url=link,
    )
    return share_text(told, get_language() or "zh-hans")


@allow("leader")
@require_GET
def groups(request: HttpRequest) -> HttpResponse:
    """Open group-buys of the leader's communities, what lacks least first."""
    actor = actor_of(request)
    info = region_info(actor.region)
    boards = []
    for community_id in actor.community_ids:
        community = people.community(community_id)
        if community is None:
            continue
        found = [shelf.group(c) for c in trade.open_groups(community_id)]
        found.sort(key=lambda g: (g.reached, g.goal.near, g.card.deadline_at))
        shared = [
            Posted(
                g,
                post_of(
                    g,
                    community,
                    info.currency if info else "USD",
                    request.build_absolute_uri(reverse("shop:product", args=[g.card.group_id])),
                ),
            )
            for g in found
        ]
        boards.append({"community": community, "groups": shared, "reached": sum(g.reached for g in found)})
    return leader_page(request, "phone/leader/groups.html", "groups", {"boards": boards})


@allow("leader")
@require_GET
def me(request: HttpRequest) -> HttpResponse:
    """Who the leader is here, language, signing out."""
    actor = actor_of(request)
    person = people.person(actor.person_id or 0)
    communities = [c for community_id in actor.community_ids if (c := people.community(community_id))]
    page = {
        "person": person,
        "communities": [(c, people.member_count(actor.region, community_id=c.community_id)) for c in communities],
    }
    return leader_page(request, "phone/leader/me.html", "me", page)
