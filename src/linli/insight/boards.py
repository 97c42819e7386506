"""Boards: the figures of a region or a community, from what refreshes have written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Sum, TextField
from django.db.models.functions import Cast

from linli.insight import metrics, movement, segments, targets
from linli.insight.models import MemberState, MetricValue, Refresh, SegmentChange, SegmentStay
from linli.insight.shapes import (
    Alert,
    Band,
    CameTrue,
    CommunityRow,
    MetricCard,
    ModelInfo,
    SegmentCount,
    Standing,
    Today,
    TrendPoint,
)
from linli.kernel import clocks
from linli.people import queries as people

STALE_AFTER = timedelta(hours=36)
LEVELS = ("red", "orange", "yellow")
BIG_COMMUNITY = 20
"""Communities with fewer members than this are too small for a share to be told as news."""


def last_refresh(region: str) -> Refresh | None:
    """The newest finished refresh."""
    return Refresh.objects.filter(region=region).order_by("-as_of").first()


def _refresh_before(region: str, last: Refresh) -> Refresh | None:
    return Refresh.objects.filter(region=region, as_of__lt=last.as_of).order_by("-as_of").first()


def model_info(kept: dict[str, Any]) -> ModelInfo | None:
    """The model a refresh used, or the baseline that served in its place; None when nothing did."""
    if not kept or not kept.get("serves"):
        return None
    judged = kept.get("judged") or {}
    rivals = {"recency": judged.get("recency_roc", 0.0), "BG/NBD": judged.get("baseline_roc", 0.0)}
    best = max(rivals, key=lambda name: rivals[name])
    return ModelInfo(
        version=kept["version"],
        trained_as_of=datetime.fromisoformat(kept["trained_as_of"]),
        members=int(judged.get("members", 0)),
        base_rate=judged.get("base_rate", 0.0),
        roc=judged.get("roc", 0.0),
        average_precision=judged.get("average_precision", 0.0),
        calibration_error=judged.get("calibration_error", 0.0),
        baseline=best,
        baseline_roc=rivals[best],
        judged=bool(judged),
        note=kept["note"],
        serves=kept["serves"],
    )


def standing(region: str) -> Standing | None:
    """The last finished refresh, or None before the first."""
    last = last_refresh(region)
    return _standing(last) if last else None


def _standing(last: Refresh) -> Standing:
    return Standing(last.region, last.as_of, last.finished_at, last.seconds, last.members, model_info(last.model))


# ---- metrics


def metric_cards(region: str, community_id: int | None = None, *, days: int = 28) -> list[MetricCard]:
    """Every metric, the dashboard's twelve first, with the trend of the last `days` days."""
    last = last_refresh(region)
    return _cards(last, metrics.REGISTRY, community_id, days) if last else []


def metric_card(region: str, key: str, community_id: int | None = None, *, days: int = 90) -> MetricCard | None:
    """One metric with a longer trend; None when there is no such metric."""
    last = last_refresh(region)
    return _cards(last, [key], community_id, days)[0] if last and key in metrics.REGISTRY else None


def _cards(last: Refresh, keys: Iterable[str], community_id: int | None, days: int) -> list[MetricCard]:
    region = last.region
    found = MetricValue.objects.filter(region=region, community_id=community_id or 0, metric__in=list(keys))
    newest = MetricValue.objects.filter(region=region).order_by("-day").values_list("day", "as_of").first()
    if newest:
        found = found.filter(day__gt=newest[0] - timedelta(days=days))
    as_of = newest[1] if newest else last.as_of
    points: dict[str, list[TrendPoint]] = {}
    told: dict[str, tuple[float | None, str]] = {}
    # The detail as text: only the newest one's is shown, and each would be decoded by itself.
    for metric, day, value, at, detail in found.order_by("day").values_list("metric", "day", "value", "as_of", Cast("detail", TextField())):
        points.setdefault(metric, []).append(TrendPoint(day, value))
        if at == as_of:
            told[metric] = (value, detail)
    aimed = targets.aimed(region)
    return [_card(aimed[key], tuple(points.get(key, ())), told.get(key), as_of) for key in keys]


def _card(metric: metrics.Metric, trend: tuple[TrendPoint, ...], newest: tuple[float | None, str] | None, as_of: datetime) -> MetricCard:
    value, detail = newest or (None, "{}")
    status, missed_by = metrics.status(metric, value)
    return MetricCard(
        key=metric.key,
        zh=metric.zh,
        en=metric.en,
        definition_zh=metric.definition_zh,
        definition_en=metric.definition_en,
        unit=metric.unit,
        direction=metric.direction,
        target=metric.target,
        value=value,
        status=status,
        missed_by=missed_by,
        waits_for="" if newest else metric.waits_for or metric.sources[-1],
        detail=json.loads(detail),
        trend=trend,
        as_of=as_of,
        source_events=metric.sources,
        causal=metric.causal,
        levels=metric.levels if metric.numerator else (),
        has_rows=bool(metric.behind[0]),
        aimed=metric.target != metrics.REGISTRY[metric.key].target,
    )


# ---- what a refresh keeps of everybody, so that a page reads a row and not a region of members

_COUNTED = ("at_risk", "at_risk_valuable", "vip")


def kept(region: str, states: Iterable[MemberState]) -> dict[str, Any]:
    """The sums of a refresh, for `Refresh.counts["board"]`: by segment and by community, of all its members.

    `change` is the last segment change that they hold: what members' own orders moved since is added to them.
    """
    sizes: dict[str, list[int]] = {}
    places: dict[int, dict[str, int]] = {}
    members = spend = 0
    spends: list[int] = []
    for s in states:
        spends.append(s.spend_365d_minor)
        members, spend = members + 1, spend + s.spend_365d_minor
        for segment in s.segments:
            size = sizes.setdefault(segment, [0, 0])
            size[0], size[1] = size[0] + 1, size[1] + s.spend_365d_minor
        place = places.setdefault(s.community_id, dict.fromkeys(("members", "active", "ever", "sales", "orders", *_COUNTED), 0))
        place["members"] += 1
        place["ever"] += s.recency_days is not None
        place["active"] += s.recency_days is not None and s.recency_days < 30
        place["sales"], place["orders"] = place["sales"] + s.spend_30d_minor, place["orders"] + s.orders_30d
        for segment in _COUNTED:
            place[segment] += segment in s.segments
    change = SegmentChange.objects.filter(region=region).aggregate(n=Max("id"))["n"] or 0
    return {
        "members": members, "spend": spend, "segments": sizes, "places": [[k, v] for k, v in places.items()], "change": change,
        "ladder": movement.ladder(spends),
    }  # fmt: skip


def _sizes(last: Refresh) -> tuple[dict[str, list[int]], int, int]:
    """Segment -> [members, their spend], with all members and their spend: as of the refresh, moves since it counted in."""
    board = last.counts.get("board")
    if board is None:  # a refresh of before these sums were kept
        board = kept(last.region, _light(MemberState.objects.filter(region=last.region)))
    sizes = {segment: list(size) for segment, size in board["segments"].items()}
    since = SegmentChange.objects.filter(region=last.region, id__gt=board["change"])
    for segment, entered, n in since.values_list("segment", "entered").annotate(n=Count("id")):
        sizes.setdefault(segment, [0, 0])[0] += n if entered else -n
    return sizes, board["members"], board["spend"]


def _light(states: Any) -> Any:
    return states.only("region", "community_id", "recency_days", "spend_30d_minor", "orders_30d", "spend_365d_minor", "segments").iterator(
        chunk_size=5000
    )


def _sizes_at(region: str, community_id: int) -> tuple[dict[str, list[int]], int, int]:
    """The same of one community, counted from its members."""
    spend = dict(MemberState.objects.filter(region=region, community_id=community_id).values_list("member_id", "spend_365d_minor"))
    sizes: dict[str, list[int]] = {}
    here = MemberState.objects.filter(region=region, community_id=community_id).values("member_id")
    for segment, member in SegmentStay.objects.filter(region=region, member_id__in=here).values_list("segment", "member_id"):
        size = sizes.setdefault(segment, [0, 0])
        size[0], size[1] = size[0] + 1, size[1] + spend.get(member, 0)
    return sizes, len(spend), sum(spend.values())


# ---- segments


def segment_counts(region: str, community_id: int | None = None) -> list[SegmentCount]:
    """Every segment with its size, value and movement, in the registry's order."""
    last = last_refresh(region)
    return _segment_counts(last, _refresh_before(region, last), community_id) if last else []


def _segment_counts(last: Refresh, before: Refresh | None, community_id: int | None = None) -> list[SegmentCount]:
    changes = SegmentChange.objects.filter(region=last.region)
    if community_id is None:
        sizes, members, spend = _sizes(last)
    else:
        sizes, members, spend = _sizes_at(last.region, community_id)
        here = MemberState.objects.filter(region=last.region, community_id=community_id)
        changes = changes.filter(member_id__in=here.values("member_id"))
    moved = _movement(changes, before.as_of if before else last.as_of)
    moved_7d = _movement(changes, last.as_of - timedelta(days=7))
    return [
        SegmentCount(
            key=s.key,
            kind=s.kind,
            zh=s.zh,
            en=s.en,
            definition_zh=s.definition_zh,
            definition_en=s.definition_en,
            members=(size := sizes.get(s.key, [0, 0]))[0],
            share=size[0] / members if members else 0.0,
            spend_365d_minor=size[1],
            spend_share=size[1] / spend if spend else 0.0,
            entered=moved.get((s.key, True), 0),
            left=moved.get((s.key, False), 0),
            entered_7d=moved_7d.get((s.key, True), 0),
            left_7d=moved_7d.get((s.key, False), 0),
            waits_for=s.waits_for,
            as_of=last.as_of,
        )
        for s in segments.REGISTRY.values()
    ]


def _movement(changes: Any, since: datetime) -> dict[tuple[str, bool], int]:
    rows = changes.filter(as_of__gt=since).values_list("segment", "entered").annotate(n=Count("id"))
    return {(segment, entered): n for segment, entered, n in rows}


def communities(region: str) -> list[CommunityRow]:
    """Every community of the region, by sales of 30 days."""
    last = last_refresh(region)
    return _communities(last) if last else []


def _communities(last: Refresh) -> list[CommunityRow]:
    board = last.counts.get("board")
    if board is None:
        board = kept(last.region, _light(MemberState.objects.filter(region=last.region)))
    found = [
        CommunityRow(
            community_id=community_id,
            members=r["members"],
            active_30d=r["active"],
            silent_share=1 - r["active"] / r["ever"] if r["ever"] else None,
            sales_30d_minor=r["sales"],
            orders_30d=r["orders"],
            at_risk=r["at_risk"],
            at_risk_valuable=r["at_risk_valuable"],
            vips=r["vip"],
            as_of=last.as_of,
        )
        for community_id, r in board["places"]
    ]
    return sorted(found, key=lambda c: (-c.sales_30d_minor, c.community_id))


# ---- today


def today(region: str) -> Today:
    """The first page, of one refresh that is read once: alerts, what changed since the one before, figures, what came true."""
    last = last_refresh(region)
    if last is None:
        return Today(None, (), (), 0, 0, 0, 0, None)
    before = _refresh_before(region, last)
    counts = _segment_counts(last, before)
    cards = _cards(last, metrics.FIRST_PAGE, None, 28)
    sizes = {c.key: c for c in counts}
    moved = sorted((c for c in counts if c.entered or c.left), key=lambda c: -(c.entered + c.left))
    return Today(
        standing=_standing(last),
        alerts=tuple(sorted(_alerts(last, sizes, cards), key=lambda a: LEVELS.index(a.level))),
        changes=tuple(moved),
        at_risk=sizes["at_risk"].members,
        at_risk_valuable=sizes["at_risk_valuable"].members,
        silent=sizes["silent_30d"].members,
        members=last.members,
        since=before.as_of if before else None,
        cards=tuple(cards),
        came=_came_true(last),
    )


def _alerts(last: Refresh, sizes: dict[str, SegmentCount], cards: Sequence[MetricCard]) -> list[Alert]:
    region, found = last.region, []
    if clocks.business_now() - last.as_of > STALE_AFTER:
        found.append(
            Alert("stale", "red", {"hours": int((clocks.business_now() - last.as_of).total_seconds() // 3600)}, ("system", ""), last.as_of)
        )
    if valuable := sizes["at_risk_valuable"]:
        rows = MemberState.objects.filter(
            region=region, member_id__in=SegmentStay.objects.filter(region=region, segment="at_risk_valuable").values("member_id")
        )
        loss = rows.aggregate(t=Sum("expected_loss_minor"))["t"] or 0
        if valuable.members:
            facts = {"members": valuable.members, "entered": valuable.entered, "loss_minor": loss}
            found.append(Alert("at_risk_valuable", "orange", facts, ("members", "at_risk_valuable"), last.as_of))
    if went := sizes["silent_30d"].entered:
        found.append(
            Alert("went_silent", "yellow", {"members": went, "back": sizes["silent_30d"].left}, ("members", "silent_30d"), last.as_of)
        )
    found += [_missed(card) for card in cards if card.status == "missed" and card.key in metrics.DASHBOARD]
    found += [_missed(card) for card in _aimed(last) if card.status == "missed" and card.key not in metrics.DASHBOARD]
    found += _silent_communities(_communities(last), last.as_of)
    note = (last.model or {}).get("note", "model.no_history")
    if note != "model.good":
        found.append(Alert(note.replace(".", "_"), "yellow", {}, ("system", ""), last.as_of))
    return found


def _aimed(last: Refresh) -> list[MetricCard]:
    """Cards of metrics that the operator aims at: a target somebody set is worth an alert wherever the metric stands."""
    own = [key for key, m in targets.aimed(last.region).items() if m.target != metrics.REGISTRY[key].target]
    return _cards(last, own, None, 1) if own else []


def _missed(card: MetricCard) -> Alert:
    """A missed target: red when the value is off by the target itself or more, orange by a fifth."""
    assert card.target and card.missed_by is not None and card.value is not None  # only cards that missed come here
    off = card.missed_by / card.target
    level = "red" if off >= 1 else "orange" if off >= 0.2 else "yellow"
    shown = {
        name: f"{value * 100:.1f}%" if card.unit == "share" else f"{value:.1f}"
        for name, value in (("value", card.value), ("target", card.target))
    }
    return Alert(
        "metric_missed", level, {"metric": card.key, "name_zh": card.zh, "name_en": card.en, **shown}, ("metric", card.key), card.as_of
    )


def _silent_communities(found: list[CommunityRow], as_of: datetime) -> list[Alert]:
    """The community with the most silent members beyond the region's own share, if it is half as many again."""
    rows = [c for c in found if c.members >= BIG_COMMUNITY and c.silent_share is not None]
    members = sum(c.members for c in rows)
    if not members:
        return []
    usual = sum((c.silent_share or 0) * c.members for c in rows) / members
    worst = max(rows, key=lambda c: ((c.silent_share or 0) - usual) * c.members)
    if (worst.silent_share or 0) < 1.5 * usual:
        return []
    place = people.community(worst.community_id)
    facts = {
        "percent": round(100 * (worst.silent_share or 0)), "usual_percent": round(100 * usual), "community_id": worst.community_id,
        "name_zh": place.name_zh if place else "", "name_en": place.name_en if place else "",
    }  # fmt: skip
    return [Alert("community_silent", "yellow", facts, ("community", str(worst.community_id)), as_of)]


def came_true(region: str) -> CameTrue | None:
    """What the scores said before, and what happened since; None before there are two refreshes."""
    last = last_refresh(region)
    return _came_true(last) if last else None


def _came_true(last: Refresh) -> CameTrue | None:
    if not last.truth:
        return None
    told = last.truth
    return CameTrue(
        since=datetime.fromisoformat(told["since"]),
        as_of=last.as_of,
        ordered=_bands(told["ordered"]),
        matured=_bands(told["matured"]),
        matured_cutoff=datetime.fromisoformat(told["matured_cutoff"]) if told["matured_cutoff"] else None,
        matured_kind=told["matured_kind"],
    )


def _bands(rows: list[dict[str, float]]) -> tuple[Band, ...]:
    return tuple(
        Band(b["low"], b["high"], int(b["members"]), b["predicted_share"], b["happened_share"], int(b["happened_count"])) for b in rows
    )
