"""Selling rules that are tried by community or week: written here, applied when a group-buy opens or a basket is priced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.trade import models, orders
from linli.trade.events import PolicyPut
from linli.trade.rules import NewGroup, Shipping, policies
from linli.trade.rules.policies import Policy

__all__ = ["Policy", "Tried", "applied", "listed", "live", "put", "shipping", "stop"]


@transaction.atomic
def put(*, region: str, policy: Policy, starts_at: datetime, ends_at: datetime, by: str) -> None:
    """Try a rule from `starts_at` until `ends_at` (business time). Again under its slug only the end may change: arms that
    have been seen stay what they were.

    Raises Refusal: trade.bad_policy(slug, fields), trade.policy_overlaps(slug, other): an order has one fee; trade.key_reused.
    """
    wrong = policies.policy_faults(policy)
    if not wrong and starts_at >= ends_at:
        wrong = ["ends_at"]
    if wrong:
        raise Refusal("trade.bad_policy", slug=policy.slug, fields=", ".join(wrong))
    if policy.kind == "shipping":
        beside = models.Policy.objects.filter(region=region, kind="shipping", starts_at__lt=ends_at, ends_at__gt=starts_at)
        if (other := beside.exclude(slug=policy.slug).first()) is not None:
            raise Refusal("trade.policy_overlaps", slug=policy.slug, other=other.slug)
    arms = [[name, _plain(value)] for name, value in policy.arms]
    asked = {"kind": policy.kind, "sku_code": policy.sku, "unit": policy.unit, "arms": arms, "starts_at": starts_at}
    row, created = models.Policy.objects.get_or_create(region=region, slug=policy.slug, defaults=asked | {"ends_at": ends_at, "by": by})
    if not created:
        if any(getattr(row, name) != value for name, value in asked.items()):
            raise Refusal("trade.key_reused")
        if row.ends_at == ends_at:
            return
        models.Policy.objects.filter(pk=row.pk).update(ends_at=ends_at)
    fact = PolicyPut(policy.slug, policy.kind, policy.unit, [name for name, _ in policy.arms], ends_at.isoformat(), by)
    events.append(fact, region=region, subject=f"policy:{policy.slug}")


def _plain(value: object) -> object:
    """A value as JSON keeps it."""
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def live(region: str) -> list[Policy]:
    """The rules that are tried now, by slug; one statement."""
    now = clocks.business_now()
    found = models.Policy.objects.filter(region=region, starts_at__lte=now, ends_at__gt=now).order_by("slug")
    return [Policy(p.slug, p.kind, p.unit, tuple((name, value) for name, value in p.arms), p.sku_code) for p in found]


@dataclass(frozen=True)
class Tried:
    """A rule with when it holds and who wrote it. `state`: coming, live, over."""

    policy: Policy
    starts_at: datetime
    ends_at: datetime
    by: str
    state: str


def listed(region: str) -> list[Tried]:
    """Every rule of the region, the newest first."""
    now = clocks.business_now()
    return [
        Tried(
            Policy(p.slug, p.kind, p.unit, tuple((name, value) for name, value in p.arms), p.sku_code),
            p.starts_at,
            p.ends_at,
            p.by,
            "coming" if now < p.starts_at else "live" if now < p.ends_at else "over",
        )
        for p in models.Policy.objects.filter(region=region).order_by("-starts_at", "-pk")
    ]


@transaction.atomic
def stop(*, region: str, slug: str, by: str) -> Tried:
    """End a rule now; one that nobody has seen yet is taken away. Returns it as it was. Again changes nothing.

    Raises Refusal: trade.no_such_policy.
    """
    was = next((t for t in listed(region) if t.policy.slug == slug), None)
    if was is None:
        raise Refusal("trade.no_such_policy")
    now = clocks.business_now()
    rows = models.Policy.objects.filter(region=region, slug=slug)
    if was.state == "coming":
        rows.delete()
    elif was.state == "live":
        rows.update(ends_at=now)
    if was.state != "over":
        fact = PolicyPut(slug, was.policy.kind, was.policy.unit, [name for name, _ in was.policy.arms], now.isoformat(), by)
        events.append(fact, region=region, subject=f"policy:{slug}")
    return was


def applied(region: str, groups: list[NewGroup]) -> list[NewGroup]:
    """Group-buys about to be opened, as the rules that are tried would have them."""
    found = live(region)
    if not found:
        return groups
    today, now = orders.today(region), clocks.business_now()
    return [policies.apply(g, found, today, g.opens_at or now) for g in groups]


def shipping(region: str, community_id: int) -> Shipping | None:
    """What bringing an order costs in a community now, as quoting and placing have it, for a page to tell."""
    return policies.shipping(live(region), community_id, orders.today(region))
