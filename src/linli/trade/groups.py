"""Group-buys: opened in bulk, with quota of their own. `closing` decides them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from linli.goods import queries as goods
from linli.goods import quota
from linli.kernel import clocks, events, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import limits, orders, policies, presale, rules, templates
from linli.trade.closing import CLOSE, close, close_due
from linli.trade.events import GroupOpened
from linli.trade.models import GroupBuy
from linli.trade.rules import NewGroup
from linli.trade.rules.templates import Choice

__all__ = ["CLOSE", "NewGroup", "close", "close_due", "open", "open_from_template", "open_many", "place"]


def open(*, region: str, group: NewGroup) -> int:
    """Open one group-buy; returns its id."""
    return open_many(region=region, groups=[group])[0]


def open_from_template(template: str, community_id: int, by: str, times: Choice | None = None, *, region: str, key: str) -> int:
    """A leader opens a group-buy from a template, once a key; returns its id. What they may choose, the template says.

    Raises Refusal: trade.no_such_template, trade.beyond_template(field, least, most), trade.pickup_too_early(earliest),
    trade.bad_key, and those of `open_many`.
    """
    rules.check_key(key)
    found = templates.find(region, template)
    full_key = f"template/{template}/{community_id}/{key}"
    there = GroupBuy.objects.filter(region=region, key=full_key).first()
    if there is not None:  # asked again later, the times would be others
        return there.pk
    made = templates.group_of(
        found, times or Choice(), key=full_key, community_id=community_id, by=by, now=clocks.business_now(), zone=orders.zone(region)
    )
    return open(region=region, group=policies.applied(region, [made])[0])


@transaction.atomic
def open_many(*, region: str, groups: Sequence[NewGroup]) -> list[int]:
    """Open group-buys with their quota; returns ids in order. A key that is there gives the group that is there.

    Raises Refusal: trade.bad_group(key, fields), trade.no_such_sku(sku), people.no_such_community, trade.key_reused, and
    trade.not_enough_left(sku, left) when the reserve or the allotment they come from hasn't so much.
    """
    now = clocks.business_now()
    zone = orders.zone(region)
    there = {g.key: g for g in GroupBuy.objects.filter(region=region, key__in=[g.key for g in groups])}
    skus = goods.skus(region, {g.sku for g in groups})
    communities = {c.community_id for c in people.communities(region)}
    fresh = []
    for g in groups:
        if g.key in there:
            if not _same(there[g.key], g):
                raise Refusal("trade.key_reused")
            continue
        if g.sku not in skus:
            raise Refusal("trade.no_such_sku", sku=g.sku)
        if g.community_id not in communities:
            raise Refusal("people.no_such_community", community_id=g.community_id)
        if wrong := rules.group_faults(g, g.opens_at or now):
            raise Refusal("trade.bad_group", key=g.key, fields=", ".join(wrong))
        if g.reserve_of is not None:
            presale.check(region, g)
        fresh.append(_row(region, g, g.opens_at or now, skus[g.sku].list_price_minor, zone))
    limits.check_open(region, [g for g in groups if g.key not in there], skus)
    made = GroupBuy.objects.bulk_create(fresh, batch_size=2000)
    _fill(region, made)
    presale.reserved(made)
    events.append_many([events.Told(_opened(g), region, f"group:{g.pk}") for g in made])
    for deadline in sorted({g.deadline_at for g in made}):
        work.schedule(CLOSE, key=deadline.isoformat(), due_at=deadline, region=region)
    there |= {g.key: g for g in made}
    return [there[g.key].pk for g in groups]


def _fill(region: str, made: Sequence[GroupBuy]) -> None:
    """Put the pieces at the groups' places: new supply, or what another place has (an allotment, a group's reserve)."""
    fresh = [g for g in made if not g.quota_from]
    quota.open_many(region=region, quotas=[quota.NewQuota(g.sku_code, place(g.pk), g.quota_pieces, f"group/{g.pk}") for g in fresh])
    taken = [
        ledger.Move(
            key=f"quota/group/{g.pk}",
            source=quota.account(region, g.sku_code, g.quota_from),
            target=quota.account(region, g.sku_code, place(g.pk)),
            amount=g.quota_pieces,
            reason="trade.quota_taken",
        )
        for g in made
        if g.quota_from
    ]
    if not taken:
        return
    try:
        ledger.commit(*taken)
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        account = refusal.facts["account"]
        sku = account.asset.removeprefix("sku:") if isinstance(account, ledger.AccountRef) else ""
        raise Refusal("trade.not_enough_left", sku=sku, left=refusal.facts.get("free", 0)) from refusal


def place(group_id: int) -> str:
    """Where a group-buy's quota lies on the ledger."""
    return f"wave:{group_id}"


def _row(region: str, g: NewGroup, opens_at: datetime, list_price_minor: int, zone: ZoneInfo) -> GroupBuy:
    return GroupBuy(
        region=region,
        key=g.key,
        community_id=g.community_id,
        sku_code=g.sku,
        kind=g.kind,
        threshold_by=g.threshold_by,
        threshold=g.threshold,
        quota_pieces=g.quota_pieces,
        opened_pieces=g.quota_pieces,
        quota_from=place(g.reserve_of) if g.reserve_of else g.quota_from,
        per_member_pieces=g.per_member_pieces,
        case_size=g.case_size,
        price_minor=g.price_minor,
        ladder=[list(rung) for rung in g.ladder],
        solo_price_minor=g.solo_price_minor,
        list_price_minor=list_price_minor,
        team_size=g.team_size,
        team_hours=g.team_hours,
        on_miss=g.on_miss,
        extend_hours=g.extend_hours,
        reserve_of_id=g.reserve_of,
        policy_arms=dict(g.policy_arms),
        opens_at=opens_at,
        deadline_at=g.deadline_at,
        opened_deadline_at=g.deadline_at,
        pickup_from=g.pickup_from,
        wave_on=g.pickup_from.astimezone(zone).date(),
        opened_by=g.opened_by,
    )


def _same(row: GroupBuy, g: NewGroup) -> bool:
    """Whether what is there was opened by the same request; what its life changes since (times, pieces reserved) isn't compared."""
    asked = {
        "community_id": g.community_id,
        "sku_code": g.sku,
        "kind": g.kind,
        "threshold_by": g.threshold_by,
        "threshold": g.threshold,
        "per_member_pieces": g.per_member_pieces,
        "case_size": g.case_size,
        "price_minor": g.price_minor,
        "ladder": [list(rung) for rung in g.ladder],
        "solo_price_minor": g.solo_price_minor,
        "team_size": g.team_size,
        "team_hours": g.team_hours,
        "on_miss": g.on_miss,
        "extend_hours": g.extend_hours,
        "reserve_of_id": g.reserve_of,
        "quota_from": place(g.reserve_of) if g.reserve_of else g.quota_from,
        "opened_deadline_at": g.deadline_at,
        "opened_pieces": g.quota_pieces,
    }
    return all(getattr(row, name) == value for name, value in asked.items())


def _opened(g: GroupBuy) -> GroupOpened:
    return GroupOpened(
        g.pk,
        g.community_id,
        g.sku_code,
        g.kind,
        g.threshold,
        g.threshold_by,
        g.quota_pieces,
        g.price_minor,
        g.deadline_at.isoformat(),
        [f"{name}={arm}" for name, arm in sorted(g.policy_arms.items())],
        g.opened_by,
    )
