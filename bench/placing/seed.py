"""A town to order in: one community, so many group-buys, members who are signed in and have coupons."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

REGION = "bench"


def town(*, groups: int, members: int, coupons_each: int, out: str) -> dict[str, Any]:
    """Build it in the database of this process; writes what a load needs (sessions, coupons, group ids) to `out`, as JSON."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _people(members)
    group_ids = _groups(groups)
    who = _members()
    coupons = _coupons(who, coupons_each)
    sessions = _sessions(who)
    wanted = {
        "groups": group_ids,
        "buyers": [{"member": m, "session": s, "coupons": c} for (m, _), s, c in zip(who, sessions, coupons, strict=True)],
    }
    Path(out).write_text(json.dumps(wanted))
    return {"groups": len(group_ids), "members": len(who), "coupons": sum(map(len, coupons))}


def _people(members: int) -> None:
    from linli.people import groups as places
    from linli.people import members as people

    places.put_region(slug=REGION, name_zh="测", name_en="Bench", currency="CNY", time_zone="Asia/Shanghai")
    (community,) = places.open_many(region=REGION, communities=[places.NewCommunity("c", "小区", "Court", "门", "Gate")])
    for first in range(0, members, 2000):
        newcomers = [
            people.Newcomer(community, f"+86139{n:08d}", f"n{n}", "王", "1", external_id=f"x{n}")
            for n in range(first, min(first + 2000, members))
        ]
        people.join_many(region=REGION, newcomers=newcomers)


def _members() -> list[tuple[int, int]]:
    from linli.people.models import Member

    return list(Member.objects.filter(region=REGION).order_by("pk").values_list("pk", "person_id"))


def _groups(count: int) -> list[int]:
    from linli.goods import catalog
    from linli.kernel import clocks
    from linli.people import queries as people
    from linli.trade import groups

    (community,) = people.communities(REGION)
    now = clocks.business_now()
    skus = [
        catalog.NewSku(f"s{n}", f"货{n}", f"good {n}", "fruit", "hit", "1 份", "1 piece", 900, 300, "p", 5, history_type="FRUIT")
        for n in range(count)
    ]
    catalog.put_many(region=REGION, skus=skus)
    wanted = [
        groups.NewGroup(
            key=f"g{n}",
            community_id=community.community_id,
            sku=f"s{n}",
            threshold=5,
            quota_pieces=10**8,
            price_minor=700 + n % 50,
            solo_price_minor=800,
            deadline_at=now + timedelta(days=2),
            pickup_from=now + timedelta(days=3),
        )
        for n in range(count)
    ]
    return groups.open_many(region=REGION, groups=wanted)


def _coupons(who: list[tuple[int, int]], each: int) -> list[list[int]]:
    """As `coupons.issue` gives them, a thousand at a time."""
    from django.db import transaction

    from linli.kernel import clocks, ledger
    from linli.trade import accounts, coupons
    from linli.trade.models import Coupon, CouponIssue

    if not each:
        return [[] for _ in who]
    coupons.put_issue(
        region=REGION,
        code="five",
        name_zh="券",
        name_en="five",
        face_minor=500,
        minimum_minor=1000,
        valid_days=30,
        budget_owner="playbook:b",
    )
    coupons.fund(region=REGION, owner="playbook:b", amount_minor=10**12, key="f")
    issue = CouponIssue.objects.get(region=REGION, code="five")
    now = clocks.business_now()
    until = (now + timedelta(days=30)).date()
    found = []
    for first in range(0, len(who), 500):
        some = who[first : first + 500]
        with transaction.atomic():
            rows = [
                Coupon(region=REGION, issue=issue, member_id=m, key=f"{m}/{n}", issued_at=now, expires_on=until)
                for m, _ in some
                for n in range(each)
            ]
            made = Coupon.objects.bulk_create(rows)
            moves = []
            for c in made:
                wallet = accounts.wallet(REGION, "five", c.member_id, until)
                moves.append(ledger.Move(f"coupon/{c.pk}/issue", accounts.issuer(REGION, "five"), wallet, 1, "trade.coupon_issued"))
                moves.append(coupons._reserve(c))
            ledger.commit(*moves)
        found += [[c.pk for c in made[n * each : (n + 1) * each]] for n in range(len(some))]
    return found


def _sessions(who: list[tuple[int, int]]) -> list[str]:
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session

    from linli.kernel import clocks

    store = SessionStore()
    later = clocks.machine_now() + timedelta(days=14)
    rows = [
        Session(session_key=f"bench{n:027d}", session_data=store.encode({"person_id": person}), expire_date=later)
        for n, (_, person) in enumerate(who)
    ]
    Session.objects.bulk_create(rows, batch_size=2000)
    return [row.session_key for row in rows]
