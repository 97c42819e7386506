"""A leader opens a group-buy from a template: which, where, until when, how much; then the words and the poster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import CommunityInfo
from linli.trade import groups, orders, templates
from linli.trade import queries as trade
from linli.trade.templates import Choice, Template, TemplateInfo
from linli.web.access import allow
from linli.web.context import region_info
from linli.web.phone import shelf
from linli.web.phone.asking import actor_of, key_of, leader_page, new_key, number, told

EVENINGS = (20, 21, 22)
DAYS_AHEAD = 3


@dataclass(frozen=True)
class Until:
    """A deadline that may be chosen: its value in the form, and its words."""

    value: str
    says: str


def deadlines(template: Template, now: datetime, region: str) -> list[Until]:
    """The evenings at which the group may close within what the template allows; none where it allows no choice."""
    least, most = template.limits.get("open_hours", (template.open_hours, template.open_hours))
    if least == most:
        return []
    local = now.astimezone(orders.zone(region))
    found = []
    for day in range(DAYS_AHEAD):
        for hour in EVENINGS:
            at = (local + timedelta(days=day)).replace(hour=hour, minute=0, second=0, microsecond=0)
            if least <= (at - local) / timedelta(hours=1) <= most:
                found.append(Until(at.isoformat(), shelf.moment_words(at)))
    return found


def _communities(request: HttpRequest) -> list[CommunityInfo]:
    return [c for community_id in actor_of(request).community_ids if (c := people.community(community_id))]


@allow("leader")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """What can be opened, what isn't running yet first."""
    actor = actor_of(request)
    running = {card.sku.code for c in actor.community_ids for card in trade.open_groups(c)}
    found = sorted(templates.listed(actor.region), key=lambda t: (t.sku.code in running, t.template.slug))
    page = {"templates": [(t, t.sku.code in running) for t in found], "communities": _communities(request)}
    return leader_page(request, "phone/leader/open.html", "groups", page)


def _template(request: HttpRequest, slug: str) -> TemplateInfo:
    found = next((t for t in templates.listed(actor_of(request).region) if t.template.slug == slug), None)
    if found is None:
        raise Http404
    return found


def _choice(request: HttpRequest) -> Choice:
    text = request.POST.get("until", "")
    try:
        deadline = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refusal("web.bad_form") from None
    if deadline is not None and deadline.tzinfo is None:
        raise Refusal("web.bad_form")
    return Choice(deadline_at=deadline, quota_pieces=number(request.POST.get("quota")))


@allow("leader")
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, slug: str) -> HttpResponse:
    """One template: what the neighbours will see, what the leader may choose, and the button."""
    actor, found, communities = actor_of(request), _template(request, slug), _communities(request)
    if not communities:
        raise Http404
    error: dict[str, str] | None = None
    if request.method == "POST":
        community_id = number(request.POST.get("community"), communities[0].community_id)
        if community_id not in actor.community_ids:
            raise Http404
        by = f"person:{actor.person_id}"
        try:
            made = groups.open_from_template(slug, community_id, by, _choice(request), region=actor.region, key=key_of(request))
        except Refusal as refused:
            error = told(refused, actor.region)
        else:
            messages.success(request, _("开团了，把话和海报发到群里"))
            return HttpResponseRedirect(reverse("leader:group", args=[made]))
    info = region_info(actor.region)
    terms = found.template.terms
    page = {
        "t": found.template,
        "sku": found.sku,
        "terms": terms,
        "ladder": [(0, terms["price_minor"]), *terms.get("ladder", ())] if terms.get("ladder") else [],
        "limits": found.template.limits.get("quota_pieces"),
        "quota": number(request.POST.get("quota"), terms["quota_pieces"]),
        "until": deadlines(found.template, clocks.business_now(), actor.region),
        "chosen": request.POST.get("until", ""),
        "communities": communities,
        "currency": info.currency if info else "CNY",
        "key": request.POST.get("key") or new_key(),
        "error": error,
    }
    return leader_page(request, "phone/leader/open_one.html", "groups", page, status=422 if error else 200)
