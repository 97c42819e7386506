"""One member: who they are, what they do, why they may leave, what was said to them, and what to do next."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from linli.engage import queries as engage
from linli.insight import queries as insight
from linli.kernel import events, money
from linli.people import consent
from linli.people import queries as people
from linli.trade import queries as trade
from linli.web import words
from linli.web.access import allow, in_region
from linli.web.console import beliefs, erasing, figures, frame, timeline
from linli.web.console.people_of import currency_of, label, reason
from linli.web.console.playbooks import decided

STORY = 40
"""Lines of the story before "see earlier"."""
SCOPES = ("messages", "profiling", "neighbours")
HEADLINE = ("spend_365d_minor", "orders_365d", "recency_days", "gap_median_days", "average_order_minor", "coupon_share_90d")


def weeks_chart(detail: insight.MemberDetail, currency: str) -> figures.Columns:
    """26 weeks of spending as bars with the member's own mean."""
    symbol = money.CURRENCIES[currency].symbol
    values = [w.spend_minor / 100 for w in detail.weeks]
    mean = detail.week_average_minor / 100
    top = figures.nice_top(max([*values, mean]) if values else 1)
    return figures.columns(
        values,
        [f"{w.start:%m-%d}" if i % 4 == 1 else "" for i, w in enumerate(detail.weeks)],
        [f"{w.start:%m-%d} {money.plain(w.spend_minor, currency)}" for w in detail.weeks],
        (f"{symbol}0", f"{symbol}{top / 2:g}", f"{symbol}{top:g}"),
        mean=mean,
    )


def _risk(detail: insight.MemberDetail, currency: str) -> dict[str, Any] | None:
    """The risk with its reasons; None when this member is not scored."""
    row = detail.row
    if row.risk is None:
        return None
    most = max([abs(r.points) for r in row.reasons], default=1.0)
    return {
        "percent": round(row.risk * 100),
        "tone": figures.risk_tone(row.risk),
        "peers": detail.peers_median_risk,
        "pushes": [figures.push(r.points, most, reason(r, currency).says) for r in row.reasons],
        "model": detail.model,
        "note": words.code(detail.model.note) if detail.model else "",
        "level": row.response_level,
    }


@allow("operator")
@require_GET
def one(request: HttpRequest, member_id: int) -> HttpResponse:
    """The page of one member."""
    region = request.actor.region  # type: ignore[attr-defined]
    info = people.member(member_id)
    if info is None:
        raise Http404
    in_region(request.actor, info.region)  # type: ignore[attr-defined]
    currency = currency_of(region)
    detail = insight.member(member_id)
    tab = frame.chosen(request, "show", timeline.TABS, "all")
    limit = frame.number(request, "limit", STORY, least=STORY, most=1000) or STORY
    told = timeline.entries(events.about(f"member:{member_id}", region=region, limit=limit), currency)
    coupons = trade.coupons_of(member_id, usable_only=True)
    return frame.page(
        request,
        "console/member.html",
        "members",
        {
            "info": info,
            "detail": detail,
            "b": beliefs.beliefs(detail, region, info.community_id, currency),
            "labels": [label(one, currency) for one in detail.row.labels] if detail else [],
            "headline": _headline(detail),
            "features": detail.features if detail else (),
            "risk": _risk(detail, currency) if detail else None,
            "weeks": weeks_chart(detail, currency) if detail else None,
            "groups": [g for g in people.groups_of(info.community_id) if g.group_id in set(people.groups_of_member(member_id))],
            "leader": people.leader_of(info.community_id),
            "tab": tab,
            "tabs": timeline.tabs(told),
            "timeline": timeline.by_time(told, tab),
            "earlier": limit * 4 if len(told) == limit else None,
            "consents": [(scope, consent.has(member_id, scope)) for scope in SCOPES],
            "coupons": coupons,
            "decisions": [decided(row, info, currency) for row in engage.member_decisions(region, member_id, limit=20)],
            "playbooks": [card for card in engage.playbooks(region) if not card.problem],
            "orders": trade.orders_of(member_id, limit=5),
            "crumb": frame.up("console:members", _("会员")),
            **erasing.standing(member_id),
        },
    )


def _headline(detail: insight.MemberDetail | None) -> list[insight.FeatureValue]:
    """The six numbers under the name, each with its definition."""
    if detail is None:
        return []
    by_name = {f.name: f for f in detail.features}
    return [by_name[name] for name in HEADLINE if name in by_name]
