"""The value pyramid: each layer's share against the plan, and moves that one tap adopts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.goods import rules as goods_rules
from linli.goods.queries import SkuInfo
from linli.insight import queries as insight
from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.plan import pyramid, rules
from linli.web import words
from linli.web.access import allow
from linli.web.console import catalog, frame
from linli.web.console.catalog import region_of
from linli.web.console.people_of import currency_of

TONES = {"traffic": "in", "profit": "ok", "hit": "hot", "experience": "ye"}
WEEKS = range(9)
BAR_PX = 200


@dataclass(frozen=True)
class Layer:
    """A layer's row: shares, and their bars in pixels of 200."""

    mix: rules.Mix
    tone: str
    gap: str
    off: bool
    count: float | None
    sales: float | None
    margin: float | None

    @property
    def count_px(self) -> int:
        return _px(self.count)

    @property
    def sales_px(self) -> int:
        return _px(self.sales)

    @property
    def margin_px(self) -> int:
        return _px(self.margin)

    @property
    def aim_px(self) -> int:
        return min(_px(self.mix.target), BAR_PX - 2)


def _px(share: float | None) -> int:
    return round(min(max(share or 0.0, 0.0), 1.0) * BAR_PX)


@dataclass(frozen=True)
class Move:
    """A proposal with its SKU, told."""

    code: str
    sku: SkuInfo
    source: str
    target: str
    tone: str
    why: str


@allow("operator")
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """The board of the region or one community, of this week or one before."""
    region = region_of(request)
    communities = people.communities(region)
    asked = frame.number(request, "community")
    community_id = asked if asked in {c.community_id for c in communities} else None
    back = frame.number(request, "back", 0, most=WEEKS[-1]) or 0
    standing = insight.standing(region)
    as_of = (standing.as_of if standing else clocks.business_now()) - timedelta(days=7 * back)
    found = pyramid.board(region, as_of, community_id=community_id)
    context: dict[str, Any] = {
        "board": found,
        "rows": [_layer(m) for m in found.layers],
        "moves": [_move(p, found.skus[p.code], region) for p in found.proposals if p.code],
        "adds": [_("%(layer)s还缺 %(n)d 个，目录里没有合适的，要进新品") % _facts(p) for p in found.proposals if not p.code],
        "communities": communities,
        "community_id": community_id,
        "weeks": WEEKS,
        "back": back,
    }
    return frame.page(request, "console/pyramid.html", "pyramid", context)


def _facts(proposal: rules.Proposal) -> dict[str, object]:
    return {"layer": words.code(f"layer.{proposal.target}"), "n": proposal.count}


def _layer(m: rules.Mix) -> Layer:
    gap, share = round(m.gap * 100), m.shares
    return Layer(m, TONES[m.layer], f"{gap:+d}" if gap else "0", abs(m.gap) > rules.NEAR, share["count"], share["sales"], share["margin"])


def _move(p: rules.Proposal, sku: SkuInfo, region: str) -> Move:
    why = words.code(p.why, None, currency=currency_of(region), **p.facts)
    return Move(p.code, sku, p.source, p.target, TONES[p.target], why)


@allow("operator")
@require_POST
def move(request: HttpRequest) -> HttpResponse:
    """Adopt the chosen moves, all or none; the catalogue offers to take them back."""
    wanted: dict[str, dict[str, object]] = {}
    for text in request.POST.getlist("move")[:5000]:
        code, _sep, layer = text.rpartition(":")
        if layer in goods_rules.LAYERS:
            wanted[code] = {"layer": layer}
    try:
        if not wanted:
            raise Refusal("web.bad_form")
        catalog.edit(request, wanted)
    except Refusal as refused:
        catalog.say_refused(request, refused)
    return redirect("console:pyramid")
