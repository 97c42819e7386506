"""What engage reads of insight, in one place: the names for rules, and members with the facts that rules and words need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linli.engage import audience
from linli.engage.shapes import Reason
from linli.goods import queries as goods
from linli.insight import queries as insight
from linli.kernel.refusals import Refusal
from linli.trade import queries as trade

_KINDS: dict[str, audience.Kind] = {"int": "number", "float": "number", "text": "text", "list": "labels", "bool": "bool"}

KEPT = (
    "recency_days",
    "gap_median_days",
    "orders_365d",
    "spend_365d_minor",
    "risk",
    "lifecycle",
    "segments",
    "favourite_products",
    "top_category",
)
"""What a run keeps of a member from the moment it entered: reasons and words speak of these."""


@dataclass(frozen=True)
class Candidate:
    """A member who fits. `priority`: expected yearly loss in the minor unit, who is served first when something is scarce."""

    member_id: int
    community_id: int
    priority: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Fitting:
    """Who fits a rule as of a moment; `as_of` None: insight has not looked yet."""

    as_of: datetime | None
    members: tuple[Candidate, ...]


def names() -> audience.Schema:
    """The names that rules may use: insight's features and states; dates are asked for through their day counts."""
    return audience.schema(
        audience.Name(n.name, _KINDS[n.type], frozenset(n.choices) or None) for n in insight.variables().values() if n.type in _KINDS
    )


def fitting(region: str, rule: audience.Rule, also: Iterable[str] = ()) -> Fitting:
    """The members who fit, most to lose first. `also`: names that the playbook's branches read."""
    there = rule.schema.keys()
    wanted = sorted({n for n in {*rule.names, *KEPT, "community_id", *also} if n in there})
    columns = insight.columns(region, wanted)
    if columns.as_of is None:
        return Fitting(None, ())
    found = []
    for i, member_id in enumerate(columns.member_ids):
        facts = {name: values[i] for name, values in columns.values.items()}
        if rule.check(facts):
            kept = {k: _plain(facts.get(k)) for k in wanted if k in KEPT or k in also}
            found.append(Candidate(member_id, int(facts.get("community_id") or 0), _loss(facts), kept))
    return Fitting(columns.as_of, tuple(sorted(found, key=lambda c: (-c.priority, c.member_id))))


def facts_now(member_id: int) -> dict[str, Any]:
    """One member's facts as of the last refresh: what a branch is asked about when a run reaches it."""
    return insight.features_of([member_id]).get(member_id, {})


def _plain(value: Any) -> Any:
    """As JSON keeps it: no numpy, no NaN."""
    if value is None or value != value:
        return None
    if isinstance(value, list | tuple):
        return [str(v) for v in value]
    return value.item() if hasattr(value, "item") else value


def _loss(facts: dict[str, Any]) -> int:
    """Risk x a year's spending; without a score the spending alone, so that an unscored member isn't last."""
    spend, risk = _plain(facts.get("spend_365d_minor")), _plain(facts.get("risk"))
    return round((spend or 0) * (1 if risk is None else risk))


def require_knowledge(region: str) -> datetime:
    """The moment of the last refresh. Raises Refusal engage.no_knowledge before the first."""
    standing = insight.standing(region)
    if standing is None:
        raise Refusal("engage.no_knowledge")
    return standing.as_of


def reasons(facts: dict[str, Any], model: Sequence[Reason] = ()) -> list[Reason]:
    """Why this member, from the facts kept: the silence against their own rhythm, the risk and what drives it, the value."""
    found: list[Reason] = []
    recency, gap, risk = facts.get("recency_days"), facts.get("gap_median_days"), facts.get("risk")
    if recency is not None and gap:
        found.append(Reason("engage.reason.silent", {"recency_days": int(recency), "gap_days": max(1, round(gap))}))
    elif recency is not None:
        found.append(Reason("engage.reason.recency", {"recency_days": int(recency)}))
    if risk is not None:
        found.append(Reason("engage.reason.risk", {"risk_share": round(float(risk), 3)}))
    if facts.get("spend_365d_minor"):
        spent = {"spend_365d_minor": int(facts["spend_365d_minor"]), "orders_365d": int(facts.get("orders_365d") or 0)}
        found.append(Reason("engage.reason.value", spent))
    return [*found, *model]


def model_reasons(member_ids: Sequence[int], most: int = 2) -> dict[int, list[Reason]]:
    """What pushes each member's risk up, by the model's own contributions, as reasons in words."""
    return {
        member_id: [Reason(f"reason.{r.code}", dict(r.facts)) for r in row.reasons if r.points > 0][:most]
        for member_id, row in insight.rows_of(member_ids).items()
    }


def likely(member_ids: Sequence[int], *, often: bool = False) -> dict[int, tuple[str, ...]]:
    """Items each member will likely want next, best first. `often`: only what they bought twice and more, so that words may say so."""
    found = insight.wants_of(member_ids)
    return {m: tuple(w.item for w in wants if not often or w.facts.get("times", 0) > 1) for m, wants in found.items()}


def badge(facts: dict[str, Any]) -> str:
    """The one label that says most."""
    segments = facts.get("segments") or []
    return next((s for s in ("at_risk", "high_value_silent", "silent_30d") if s in segments), facts.get("lifecycle") or "")


@dataclass(frozen=True)
class Shelf:
    """What can be joined where, in the shop's names: community id -> item (product type, else code) -> (zh, en)."""

    offered: dict[int, dict[str, tuple[str, str]]]

    def usual(self, community_id: int, items: Sequence[str], language: str) -> tuple[str, ...]:
        """Of these items the first two that can be bought there now: goods without an open group-buy aren't spoken of."""
        names = self.offered.get(community_id, {})
        return tuple(names[t][0 if language == "zh" else 1] for t in items if t in names)[:2]


def shelf(region: str) -> Shelf:
    """The shelves of a region; two statements."""
    skus = goods.skus(region)
    return Shelf(
        {
            community_id: {skus[c].item: (skus[c].name_zh, skus[c].name_en) for c in sorted(codes) if c in skus}
            for community_id, codes in trade.on_offer(region).items()
        }
    )
