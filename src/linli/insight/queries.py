"""What web and engage read of knowledge. Every value carries the moment it is as of; names of members are people's.

Rows come from the last refresh (MemberState and its like), so a page costs a few indexed reads, whatever the lake holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import date
from statistics import median
from typing import Any

from django.db.models import F, QuerySet, Sum, TextField
from django.db.models.functions import Cast

from linli.insight import boards, details, rules
from linli.insight.boards import came_true, communities, metric_card, metric_cards, segment_counts, standing, today
from linli.insight.features import REGISTRY, zone_of
from linli.insight.models import MemberState, SegmentChange, SegmentStay
from linli.insight.segments import REGISTRY as SEGMENTS
from linli.insight.segments import labels, why
from linli.insight.shapes import (
    Alert,
    Band,
    CameTrue,
    Columns,
    CommunityRow,
    Favourite,
    FeatureInfo,
    FeatureValue,
    Label,
    MemberDetail,
    MemberRow,
    MetricCard,
    ModelInfo,
    Page,
    Reason,
    Rhythm,
    SegmentCount,
    Standing,
    Today,
    TrendPoint,
    Want,
    Wants,
    WeekSpend,
    Worth,
)
from linli.insight.shapes import (
    SegmentStay as Stay,
)
from linli.insight.wanted import of_basket, wanted, worth_of
from linli.insight.wanted import of_members as wants_of
from linli.people import queries as people

__all__ = [
    "ORDERS",
    "Alert",
    "Band",
    "CameTrue",
    "Columns",
    "CommunityRow",
    "Favourite",
    "FeatureInfo",
    "FeatureValue",
    "Label",
    "MemberDetail",
    "MemberRow",
    "MetricCard",
    "ModelInfo",
    "Page",
    "Reason",
    "Rhythm",
    "SegmentCount",
    "Standing",
    "Stay",
    "Today",
    "TrendPoint",
    "Want",
    "Wants",
    "WeekSpend",
    "Worth",
    "came_true",
    "columns",
    "communities",
    "export_members",
    "features_of",
    "member",
    "members",
    "metric_card",
    "metric_cards",
    "risk_list",
    "rows_of",
    "segment_counts",
    "standing",
    "today",
    "variables",
    "wanted",
    "wants_of",
]  # fmt: skip

_ORDERED = {
    "risk": "risk", "spend_365d": "spend_365d_minor", "recency": "recency_days", "orders_90d": "orders_90d", "value_rank": "value_rank",
    "loss": "expected_loss_minor", "member": "member_id", "worth": "value_90d_minor",
}  # fmt: skip
ORDERS = tuple(sign + name for name in _ORDERED for sign in ("-", ""))
"""How `members` may be ordered; "-" is the largest first; members without the value come last."""


# ---- lists


def members(
    region: str,
    *,
    search: str = "",
    segment: str = "",
    community_id: int | None = None,
    order: str = "-risk",
    page: int = 1,
    per_page: int = 50,
) -> Page:
    """Members filtered and ordered. `search` is a name, phone, building or number at the source; `segment` a key of segment_counts.

    An unknown `order` is the default; a page beyond the last is the last.
    """
    found = _filtered(region, search, segment, community_id)
    total = found.count()
    pages = max(1, math.ceil(total / per_page))
    page = min(max(1, page), pages)
    rows = _in_order(found, order)[(page - 1) * per_page : page * per_page]
    return Page(tuple(_row(s) for s in rows), total, page, pages, per_page)


def _filtered(region: str, search: str, segment: str, community_id: int | None) -> QuerySet[MemberState]:
    found = MemberState.objects.filter(region=region)
    if community_id is not None:
        found = found.filter(community_id=community_id)
    if segment:
        found = found.filter(member_id__in=SegmentStay.objects.filter(region=region, segment=segment).values("member_id"))
    if search.strip():
        found = found.filter(member_id__in=people.search_ids(region, search, community_id=community_id))
    return found


def _in_order(found: QuerySet[MemberState], order: str) -> QuerySet[MemberState]:
    if order not in ORDERS:
        order = "-risk"
    column = F(_ORDERED[order.removeprefix("-")])
    return found.order_by(column.desc(nulls_last=True) if order.startswith("-") else column.asc(nulls_last=True), "member_id")


def risk_list(region: str, *, limit: int = 20, community_id: int | None = None, valuable_only: bool = False) -> list[MemberRow]:
    """Members at risk by expected loss (risk x spend of 365 days), largest first."""
    segment = "at_risk_valuable" if valuable_only else "at_risk"
    return [_row(s) for s in _in_order(_filtered(region, "", segment, community_id), "-loss")[:limit]]


def export_members(region: str, *, search: str = "", segment: str = "", community_id: int | None = None) -> Iterator[dict[str, Any]]:
    """Plain rows of the filtered members: state and all features, for CSV."""
    names = variables()
    for state in _filtered(region, search, segment, community_id).order_by("member_id").iterator():
        known = _known(state)
        flat = {n: ";".join(v) if isinstance(v := known.get(n), list | tuple) else v for n in names}
        yield {"as_of": state.as_of.isoformat(), **flat}


def rows_of(member_ids: Sequence[int]) -> dict[int, MemberRow]:
    """MemberRow by member id; members nobody has refreshed yet are missing."""
    return {s.member_id: _row(s) for s in MemberState.objects.filter(member_id__in=list(member_ids))}


def _row(s: MemberState) -> MemberRow:
    known = _known(s)
    return MemberRow(
        member_id=s.member_id,
        community_id=s.community_id,
        external_id=s.external_id,
        as_of=s.as_of,
        lifecycle=s.lifecycle,
        rfm=f"{s.recency_grade}-{s.orders_grade}-{s.spend_grade}" if s.recency_grade else "",
        segments=tuple(s.segments),
        labels=_labels(s, known),
        recency_days=s.recency_days,
        gap_median_days=s.features.get("gap_median_days"),
        orders_90d=s.orders_90d,
        spend_90d_minor=s.features.get("spend_90d_minor") or 0,
        spend_365d_minor=s.spend_365d_minor,
        value_rank=s.value_rank,
        risk=s.risk,
        response_level=s.response_level,
        reasons=tuple(Reason(code, points, facts) for code, points, facts in s.risk_reasons),
        profiled=s.profiled,
    )


def _labels(s: MemberState, known: dict[str, Any]) -> tuple[Label, ...]:
    """Why-able labels; who does not want to be profiled has one that says so."""
    if not s.profiled:
        return (Label("not_profiled", "info", {}),)
    return tuple(Label(code, tone, facts) for code, tone, facts in labels(known, tuple(s.segments)))


# ---- one member


def member(member_id: int) -> MemberDetail | None:
    """Everything about one member as of the last refresh or touch; None when nothing is known of them."""
    s = MemberState.objects.filter(member_id=member_id).first()
    if s is None:
        return None
    zone = zone_of(s.region)
    weeks = tuple(WeekSpend(start, orders, spend) for start, orders, spend in details.filled(s.weeks, s.as_of, zone))
    since = next((i for i, w in enumerate(weeks) if w.orders), len(weeks) - 1)
    lived = weeks if (s.features.get("tenure_days") or 0) >= 7 * details.WEEKS else weeks[since:]
    total = MemberState.objects.filter(region=s.region).aggregate(t=Sum("spend_365d_minor"))["t"] or 0
    changes = SegmentChange.objects.filter(region=s.region, member_id=member_id).order_by("-as_of", "-id")[:50]
    last = standing(s.region)
    return MemberDetail(
        row=_row(s),
        features=tuple(
            FeatureValue(f.name, f.unit, f.zh, f.en, f.definition_zh, f.definition_en, _as_typed(f.type, s.features.get(f.name)))
            for f in REGISTRY.values()
        )
        if s.profiled
        else (),
        weeks=weeks,
        week_average_minor=sum(w.spend_minor for w in lived) // len(lived),
        favourites=tuple(Favourite(product, baskets) for product, baskets in s.favourites) if s.profiled else (),
        changes=tuple(Stay(c.segment, c.entered, c.as_of, c.reason) for c in changes),
        peers_median_risk=_peers_risk(s),
        model=last.model if last else None,
        spend_share=s.spend_365d_minor / total if total else None,
        profiled=s.profiled,
        worth=worth_of(s) if s.profiled else None,
        wants=tuple(of_basket(s.next_basket)) if s.profiled else (),
        rhythm=details.rhythm(s.order_days, s.as_of, zone),
        stays=_stays(s),
    )


def _stays(s: MemberState) -> tuple[Stay, ...]:
    """The segments that hold, in the registry's order, each with why and since when."""
    since = dict(SegmentStay.objects.filter(region=s.region, member_id=s.member_id).values_list("segment", "since"))
    known = _known(s) if s.profiled else {}
    return tuple(Stay(name, True, since.get(name, s.as_of), why(name, known)) for name in s.segments)


def _peers_risk(s: MemberState) -> float | None:
    """The median risk of members in the same fifth of spend."""
    if s.risk is None:
        return None
    peers = MemberState.objects.filter(region=s.region, spend_grade=s.spend_grade, risk__isnull=False)
    return median(risk for risk in peers.values_list("risk", flat=True) if risk is not None)


def _as_typed(kind: str, value: Any) -> Any:
    return date.fromisoformat(value) if kind == "date" and value is not None else value


# ---- for audience rules

_STATE: tuple[FeatureInfo, ...] = (
    FeatureInfo("member_id", "int", "id", "会员", "Member", "会员编号", "The member's number"),
    FeatureInfo("external_id", "text", "text", "来源编号", "Number at the source", "会员在来源系统里的编号",
       "The member's number at the source"),
    FeatureInfo("lifecycle", "text", "text", "生命周期", "Lifecycle", "会员所处的阶段", "The stage the member is in", rules.LIFECYCLE),
    FeatureInfo("segments", "list", "list", "人群", "Segments", "会员所在的全部人群", "Every segment the member is in", tuple(SEGMENTS)),
    FeatureInfo("risk", "float", "share", "45 天流失概率", "45-day churn risk", "未来 45 天没有下单的概率；近 90 天没下过单的不打分",
                "Probability of no order in the next 45 days; members without an order in 90 days are not scored"),
    FeatureInfo("response_level", "int", "count", "应对级别", "Response level", "0 不打扰，1 引导，2 优惠，3 团长联系",
                "0 none, 1 guide, 2 offer, 3 personal call"),
    FeatureInfo("rfm_r", "int", "count", "R 分", "R grade", "最近一次下单的五分位，5 最近", "Fifth by recency, 5 is the most recent"),
    FeatureInfo("rfm_f", "int", "count", "F 分", "F grade", "近 365 天订单数的五分位，5 最多", "Fifth by orders of 365 days, 5 is most"),
    FeatureInfo("rfm_m", "int", "count", "M 分", "M grade", "近 365 天消费的五分位，5 最多", "Fifth by spend of 365 days, 5 is most"),
    FeatureInfo("value_90d_minor", "int", "minor", "90 天价值", "Value, 90 days", "未来 90 天预计实付（期望值）",
                "What is expected to be paid in the coming 90 days (the mean)"),
    FeatureInfo("value_rank", "int", "count", "价值名次", "Value rank", "近 365 天消费的名次，1 最多",
       "Place by spend of 365 days, 1 is most"),
)  # fmt: skip


def variables() -> dict[str, FeatureInfo]:
    """Every name an audience rule may use: the features, and the state (lifecycle, segments, risk, ...)."""
    found = {
        f.name: FeatureInfo(f.name, f.type, f.unit, f.zh, f.en, f.definition_zh, f.definition_en, f.choices) for f in REGISTRY.values()
    }
    return found | {v.name: v for v in _STATE}


def _known(s: MemberState) -> dict[str, Any]:
    """Features and state of one member by name; an unprofiled member has only who and where they are."""
    if not s.profiled:
        return {
            "member_id": s.member_id,
            "external_id": s.external_id,
            "community_id": s.community_id,
            "lifecycle": s.lifecycle,
            "segments": [],
        }
    return {
        **s.features,
        "member_id": s.member_id,
        "external_id": s.external_id,
        "community_id": s.community_id,
        "lifecycle": s.lifecycle,
        "segments": s.segments,
        "risk": s.risk,
        "response_level": s.response_level,
        "rfm_r": s.recency_grade or None,
        "rfm_f": s.orders_grade or None,
        "rfm_m": s.spend_grade or None,
        "value_90d_minor": s.value_90d_minor,
        "value_rank": s.value_rank,
    }


def features_of(member_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Feature values and state by member id: everything `columns` knows, for the few. Dates are ISO text."""
    return {s.member_id: _known(s) for s in MemberState.objects.filter(member_id__in=list(member_ids))}


_COLUMNS = {
    "member_id": "member_id", "external_id": "external_id", "community_id": "community_id", "lifecycle": "lifecycle",
    "segments": "segments", "risk": "risk", "response_level": "response_level", "rfm_r": "recency_grade", "rfm_f": "orders_grade",
    "rfm_m": "spend_grade", "value_rank": "value_rank",
    "value_90d_minor": "value_90d_minor",
}  # fmt: skip
"""What `_known` takes from columns of their own; everything else lies in `features`."""
_GRADES = {"rfm_r", "rfm_f", "rfm_m"}


def columns(region: str, names: Sequence[str] | None = None) -> Columns:
    """Columns of every profiled member of the region for audience rules. `names` None: all of `variables()`.

    Who does not want to be profiled is in no audience. Raises KeyError for a name that is not in `variables()`.
    """
    allowed = variables()
    wanted = list(allowed) if names is None else list(names)
    if unknown := [n for n in wanted if n not in allowed]:
        raise KeyError(unknown[0])
    own = [n for n in wanted if n in _COLUMNS]
    read = MemberState.objects.filter(region=region, profiled=True).order_by("member_id")
    # Whole rows carry four columns of JSON that most rules never ask for, and each is decoded by itself.
    fields = ["member_id", *(_COLUMNS[n] for n in own if n != "segments")]
    texts = [n for n in ("segments", "features") if n in own or (n == "features" and len(own) < len(wanted))]
    rows = list(read.values_list(*fields, *(Cast(n, TextField()) for n in texts)))
    columns = list(map(list, zip(*rows, strict=True))) or [[] for _ in [*fields, *texts]]
    ids = columns[0]
    values = dict(zip((n for n in own if n != "segments"), columns[1:], strict=False))
    decoded = {n: json.loads(f"[{','.join(column)}]") for n, column in zip(texts, columns[len(fields) :], strict=True)}
    if "segments" in decoded:
        values["segments"] = decoded["segments"]
    values |= {n: [f.get(n) for f in decoded["features"]] for n in wanted if n not in _COLUMNS}
    for grade in _GRADES & values.keys():
        values[grade] = [v or None for v in values[grade]]
    last = boards.last_refresh(region)
    return Columns(
        as_of=last.as_of if last else None,
        member_ids=tuple(ids),
        values={name: values[name] for name in wanted},
    )
