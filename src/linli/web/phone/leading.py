"""The leader's groups with words to share, and the leader's own page."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from linli.kernel import money
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import queries as trade
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, leader_page
from linli.web.templatetags.linli import local_name


@dataclass(frozen=True)
class Shared:
    """A group-buy with the words a leader posts about it."""

    group: shelf.Group
    post: str


def post_of(group: shelf.Group, community: CommunityInfo, currency: str, link: str) -> str:
    """The post: what, how much, what is still missing, when and where. Only what is so."""
    card = group.card
    facts = {
        "name": local_name(card.sku),
        "unit": local_name(card.sku, "unit"),
        "price": money.price(card.price_minor, currency),
        "lacks": group.goal.lacks,
        "miss": group.miss,
        "count": card.joined_pieces,
        "deadline": group.deadline,
        "pickup": group.pickup,
        "place": local_name(community, "pickup"),
    }
    if group.reached:
        head = _("%(name)s（%(unit)s）%(price)s，已经成团，%(count)s 份在团里。") % facts
    else:
        head = _("%(name)s（%(unit)s）%(price)s，%(lacks)s。%(miss)s。") % facts
    return head + _("%(deadline)s截单，%(pickup)s起到%(place)s取。") % facts + "\n" + link


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
            Shared(
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
