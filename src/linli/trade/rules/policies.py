"""Selling rules as values: a threshold, a ladder or a shipping fee that is tried in arms, by community or by week, never by person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from linli.trade.rules.groups import NewGroup, group_faults
from linli.trade.rules.prices import Shipping

KINDS = ("threshold", "ladder", "shipping")


@dataclass(frozen=True)
class Policy:
    """A rule under trial; with one arm (shipping alone) it is simply the region's rule.

    `arms` are (name, value): a threshold; a ladder ((from pieces, price), ...); a fee (fee, free from or None).
    """

    slug: str
    kind: str
    unit: str
    arms: tuple[tuple[str, Any], ...]
    sku: str = ""


def policy_faults(p: Policy) -> list[str]:
    """The names of the fields that can't be right."""
    names = [arm[0] for arm in p.arms if len(arm) == 2]
    good = {
        "slug": 0 < len(p.slug) <= 48,
        "kind": p.kind in KINDS,
        "unit": p.unit in ("community", "week"),
        "arms": (1 if p.kind == "shipping" else 2) <= len(p.arms) <= 8
        and len(names) == len(p.arms) == len(set(names))
        and all(0 < len(n) <= 32 for n in names),
        "sku": not (p.kind == "shipping" and p.sku),
    }
    wrong = [name for name, fine in good.items() if not fine]
    return wrong or ([] if all(_fits(p.kind, value) for _, value in p.arms) else ["arms"])


def _fits(kind: str, value: Any) -> bool:
    if kind == "threshold":
        return type(value) is int and value >= 1
    if kind == "ladder":
        return isinstance(value, list | tuple) and all(len(r) == 2 and all(type(n) is int and n >= 1 for n in r) for r in value)
    fee, free_from = value if isinstance(value, list | tuple) and len(value) == 2 else (-1, None)
    return type(fee) is int and fee >= 0 and (free_from is None or (type(free_from) is int and free_from >= 0))


def arm_of(p: Policy, community_id: int, day: date) -> tuple[str, Any]:
    """The arm that applies there, then: a hash of the policy and its unit, so that it is the same for everybody who asks."""
    year, week, _ = day.isocalendar()
    unit = f"{community_id}" if p.unit == "community" else f"{year}-{week}"
    number = int.from_bytes(hashlib.blake2b(f"{p.slug}/{unit}".encode(), digest_size=8).digest(), "big")
    name, value = p.arms[number % len(p.arms)]
    return name, value


def apply(group: NewGroup, policies: Sequence[Policy], day: date, opens_at: datetime) -> NewGroup:
    """The group-buy as the policies about it would have it, with the arms that gave its terms.

    An arm that doesn't fit a group's other terms (a ladder above its price) leaves it as it is: trying a rule must not keep
    anybody from opening.
    """
    for p in policies:
        if p.kind == "shipping" or p.sku not in ("", group.sku) or group.kind in ("team", "flash", "presale"):
            continue
        name, value = arm_of(p, group.community_id, day)
        term = {"threshold": value} if p.kind == "threshold" else {"ladder": tuple((pieces, price) for pieces, price in value)}
        tried = replace(group, policy_arms=dict(group.policy_arms) | {p.kind: f"{p.slug}:{name}"}, **term)
        if not group_faults(tried, opens_at):
            group = tried
    return group


def shipping(policies: Sequence[Policy], community_id: int, day: date) -> Shipping | None:
    """What bringing an order costs there, then; None without a policy about it."""
    for p in policies:
        if p.kind == "shipping":
            name, (fee, free_from) = arm_of(p, community_id, day)
            return Shipping(fee, free_from, f"{p.slug}:{name}")
    return None
