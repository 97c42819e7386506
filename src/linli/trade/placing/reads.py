"""What a batch of orders reads: each of it in one statement, whatever the batch's size.

The functions send their statement; what they return tells what it found, so that several can be under way at once.
"""

# ruff: noqa: S608  the statements are made of this file's own constants

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery, TextField
from django.db.models.functions import Cast

from linli.goods import queries as goods
from linli.kernel import bulk, clocks
from linli.kernel.ledger import AccountRef
from linli.trade import capacity, models, offers
from linli.trade.models import GroupBuy, OrderLine, Pickup, Team
from linli.trade.rules import MOST_UNPAID, Offer, Voucher
from linli.trade.rules.policies import Policy

KEPT = timedelta(seconds=10)
"""How long a group-buy's words from the catalogue (category, product type) are believed; its price and state never are."""

MOST_KEPT, MOST_AT_ONCE = 20_000, 500


@dataclass(frozen=True, slots=True)
class Before:
    """An order that is there: of a key that is asked for again, or unpaid and in a slot."""

    order_id: uuid.UUID
    member_id: int
    key: str
    digest: str
    slot: int
    unpaid: bool
    payable_minor: int
    pay_by: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A coupon as an order takes it: how pricing sees it, and where its unit lies."""

    voucher: Voucher
    region: str
    member_id: int
    issue: str


@dataclass(frozen=True, slots=True)
class Known:
    """A group-buy as it stands, with what its goods were then."""

    offer: Offer
    product_type: str
    team_size: int
    team_hours: int
    wave_on: date
    capacity: AccountRef | None = None


_BEFORE = "SELECT id, member_id, key, digest, slot, state = 'placed', payable_minor, pay_by FROM trade_order"

# Row by row through unique keys, whatever the planner believes of a table that was small when it made the plan.
_BEFORE_POSTGRES = f"""
SELECT o.* FROM unnest(%s::text[], %s::bigint[]) AS a (r, m) CROSS JOIN generate_series(1, {MOST_UNPAID}) AS s
CROSS JOIN LATERAL ({_BEFORE} WHERE region = a.r AND member_id = a.m AND slot = s AND state = 'placed' OFFSET 0) AS o
UNION
SELECT o.* FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS a (r, m, k)
CROSS JOIN LATERAL ({_BEFORE} WHERE region = a.r AND member_id = a.m AND key = a.k OFFSET 0) AS o
"""

_OF = "region IN (SELECT value FROM json_each(%s)) AND member_id IN (SELECT value FROM json_each(%s))"
_BEFORE_SQLITE = f"""
{_BEFORE} WHERE {_OF} AND state = 'placed' UNION {_BEFORE} WHERE {_OF} AND key IN (SELECT value FROM json_each(%s))
"""


def before(wanted: Collection[tuple[str, int, str]]) -> Callable[[], list[Before]]:
    """The orders under these (region, member, key), and the members' unpaid ones."""
    regions, members, keys = [r for r, _, _ in wanted], [m for _, m, _ in wanted], [k for _, _, k in wanted]
    if connection.vendor == "postgresql":
        who = [bulk.quoted(regions), bulk.array(members)]
        rows = bulk.later(_BEFORE_POSTGRES, [*who, *who, bulk.quoted(keys)])
    else:
        who = [json.dumps(sorted(set(regions))), json.dumps(members)]
        rows = bulk.later(_BEFORE_SQLITE, [*who, *who, json.dumps(keys)])
    return lambda: [Before(_uuid(r[0]), r[1], r[2], r[3], r[4], bool(r[5]), r[6], bulk.aware(r[7])) for r in rows()]


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


_COUPONS = """
SELECT c.id, i.face_minor, i.minimum_minor, i.category, c.state, c.expires_on, c.region, c.member_id, i.code
FROM trade_coupon c JOIN trade_couponissue i ON i.id = c.issue_id WHERE c.id {}
"""


def coupons(ids: Collection[int]) -> Callable[[], dict[int, Held]]:
    """Coupon id -> coupon, for those that exist."""
    if not ids:
        return dict
    rows = bulk.later(*bulk.bound(_COUPONS, sorted(set(ids)), "bigint"))

    def told() -> dict[int, Held]:
        found = {}
        for id_, face, minimum, category, state, until, region, member_id, issue in rows():
            expires_on = until if isinstance(until, date) else date.fromisoformat(until)
            found[id_] = Held(Voucher(id_, face, minimum, category, state, expires_on), region, member_id, issue)
        return found

    return told


_VERSIONS = """
SELECT g.id, g.xmin::text, g.ctid::text, g.region, p.slug, p.unit, p.arms::text FROM trade_groupbuy g
LEFT JOIN LATERAL (
    SELECT slug, unit, arms FROM trade_policy
    WHERE region = g.region AND kind = 'shipping' AND starts_at <= %s AND ends_at > %s ORDER BY slug LIMIT 1
) p ON true WHERE g.id = ANY(%s)
"""


Groups = tuple[dict[int, Known], dict[str, Policy]]


def groups(ids: Collection[int], now: datetime) -> Callable[[], Groups]:
    """Group id -> group-buy as it stands now, for those that exist; and region -> the rule about shipping that holds there.

    PostgreSQL names every version of a row: one that was read before and is still the same version isn't read again.
    """
    if not ids:
        return lambda: ({}, {})
    if connection.vendor != "postgresql":
        return lambda: _groups_sqlite(ids, now)
    rows = bulk.later(_VERSIONS, [now, now, bulk.array(sorted(ids))])
    return lambda: _groups(rows())


def _groups_sqlite(ids: Collection[int], now: datetime) -> Groups:
    rows = list(GroupBuy.objects.filter(pk__in=list(ids)).annotate(**_rules_there(now)))
    there = [(g.region, *(vars(g)[name] for name in ("rule_slug", "rule_unit", "rule_arms"))) for g in rows]
    return _known(rows), {region: _rule(slug, unit, arms) for region, slug, unit, arms in there if slug is not None}


def _groups(versions: Sequence[tuple[Any, ...]]) -> Groups:
    machine = clocks.machine_now()
    found: dict[int, Known] = {}
    changed: dict[int, tuple[str, str]] = {}
    stale: list[_Kept] = []
    for id_, row, at, *_ in versions:
        kept = _kept.get(id_)
        if kept is None or kept.version != (row, at):
            changed[id_] = row, at
        elif kept.until <= machine:
            stale.append(kept)
        else:
            found[id_] = kept.known
    if changed or stale:
        found |= _refreshed(changed, stale, machine)
    return found, {region: _rule(slug, unit, arms) for *_, region, slug, unit, arms in versions if slug is not None}


def _refreshed(changed: dict[int, tuple[str, str]], stale: Sequence[_Kept], machine: datetime) -> dict[int, Known]:
    """Read the changed ones, and the catalogue's words of all whose words are old: one statement for many, not one for each."""
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    rows = list(GroupBuy.objects.filter(pk__in=list(changed))) if changed else []
    versions = dict(changed)
    if stale:
        others = [kept for kept in list(_kept.values()) if kept.until <= machine and kept.row.pk not in changed]
        old = {kept.row.pk: kept for kept in [*others[:MOST_AT_ONCE], *stale]}  # listed first: other threads read and keep, too
        versions |= {id_: kept.version for id_, kept in old.items()}
        rows += [kept.row for kept in old.values()]
    known = _known(rows)
    for g in rows:
        if g.pk in known:
            _kept[g.pk] = _Kept(versions[g.pk], machine + KEPT, g, known[g.pk])
        else:
            _kept.pop(g.pk, None)
    return known


def _rules_there(now: datetime) -> dict[str, Subquery]:
    """The rule about shipping of a group-buy's region, read with its row so that it costs no statement of its own."""
    live = models.Policy.objects.filter(region=OuterRef("region"), kind="shipping", starts_at__lte=now, ends_at__gt=now).order_by("slug")
    arms = live.annotate(told=Cast("arms", TextField())).values("told")[:1]
    return {"rule_slug": Subquery(live.values("slug")[:1]), "rule_unit": Subquery(live.values("unit")[:1]), "rule_arms": Subquery(arms)}


def _rule(slug: str, unit: str, arms: str) -> Policy:
    return Policy(slug, "shipping", unit, tuple((name, value) for name, value in json.loads(arms)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A group-buy's row as it was read, of which version, and until when (machine time) the catalogue's words are believed."""

    version: tuple[str, str]
    until: datetime
    row: GroupBuy
    known: Known


_kept: dict[int, _Kept] = {}


def _known(rows: Sequence[GroupBuy]) -> dict[int, Known]:
    """What is to be known of each; one whose goods are no longer there (it was kept from before) is left out."""
    found: dict[int, Known] = {}
    for region in {g.region for g in rows}:
        here = [g for g in rows if g.region == region]
        skus = goods.skus(region, {g.sku_code for g in here})
        services = capacity.of(region, bundles) if (bundles := [s.code for s in skus.values() if s.kind in ("bundle", "service")]) else {}
        for g in (g for g in here if g.sku_code in skus):
            sku = skus[g.sku_code]
            offer, service = offers.of(g, sku.category), services.get(g.sku_code)
            found[g.pk] = Known(offer, sku.history_type, g.team_size or 0, g.team_hours or 0, g.wave_on, service)
    return found


def add_ons(member_ids: Collection[int]) -> set[tuple[int, date]]:
    """(member, wave) of what these members have paid for and not fetched: what is ordered beside it travels with it."""
    if not member_ids:
        return set()
    waiting = OrderLine.objects.filter(state__in=[OrderLine.State.OPEN, OrderLine.State.READY], pickup__state=Pickup.State.OPEN)
    return set(waiting.filter(pickup__member_id__in=list(member_ids)).values_list("pickup__member_id", "pickup__wave_on").distinct())


def teams(ids: Collection[str]) -> dict[str, Team]:
    """Team id (as text) -> team."""
    return {str(team.pk): team for team in Team.objects.filter(pk__in=list(ids))} if ids else {}
