"""Fill a home of its own with a small town that sells: run as a process, so that no test database is touched.

`python seed.py` reads LINLI_HOME and prints a JSON line with the phones and ids that the browser tests use.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linli.settings")

OPERATOR, LEADER, ROLELESS = "+15550900001", "+15550800000", "+15550999999"


def main() -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command

    from insight_support import town
    from linli.insight import refresh
    from linli.kernel import clocks
    from linli.people import consent, groups
    from linli.people import queries as people

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    clocks.set_business(town.NOW - timedelta(days=3))
    ids = town.people(40)
    first, second = (c.community_id for c in people.communities(town.REGION))
    groups.appoint(phone=OPERATOR, display_name="沈越", surname="沈", kind="operator", region=town.REGION)
    groups.appoint(phone=LEADER, display_name="周晓梅", surname="周", kind="leader", region=town.REGION, community_id=first)
    groups.appoint(phone="+15550800001", display_name="郭建华", surname="郭", kind="leader", region=town.REGION, community_id=second)
    for member_id in ids:
        consent.give(member_id=member_id, scope="messages")
        consent.give(member_id=member_id, scope="neighbours")
    town.tell(town.habits(ids, days=260))
    clocks.set_business(town.NOW)
    sold = _sell(first, ids)
    refresh.refresh(town.REGION, town.NOW)  # trains its model, looks back a day by itself
    launched = _launch()
    from linli.insight import queries as insight

    risky = insight.members(town.REGION, order="-risk", per_page=1).rows[0].member_id
    phones = {m.member_id: m.phone for m in people.members(ids).values()}
    return {"operator": OPERATOR, "leader": LEADER, "member": phones[ids[0]], "member_id": ids[0], "risky_id": risky, **sold, **launched}


def _sell(community: int, ids: list[int]) -> dict[str, Any]:
    """Three group-buys: one succeeded, one under way, one nobody wants; an order paid, one waiting, one cancelled."""
    from insight_support import town
    from linli.goods import catalog
    from linli.trade import channels, groups, orders
    from support import shop

    named = {
        "bananas": ("香蕉", "Bananas", "fruit", "banana", 69),
        "milk": ("牧场鲜牛奶", "Fresh milk", "dairy_egg", "milk", 349),
        "shrimp": ("冻白虾", "Raw shrimp", "meat_seafood", "shrimp", 899),
    }
    catalog.put_many(
        region=town.REGION,
        skus=[
            catalog.NewSku(
                code, zh, en, kind, "hit", "1 份", "1 piece", price, price // 2, picture, 5, "当天到", "Arrives the same day", code.upper()
            )
            for code, (zh, en, kind, picture, price) in named.items()
        ],
    )
    times: dict[str, Any] = {"deadline_at": town.NOW + timedelta(hours=13), "pickup_from": town.NOW + timedelta(hours=31)}
    opened = groups.open_many(
        region=town.REGION, groups=[shop.new_group(community, code, threshold=3, quota_pieces=12, **times) for code in named]
    )
    till = shop.Till()
    channels.of = lambda name: till  # type: ignore[assignment,return-value]  # no gateway process while seeding
    mine = [i for n, i in enumerate(ids) if n % 2 == 0]
    placed = [shop.buy(till, mine[n], [(opened[0], 1 + n % 2)], key=f"seed{n}") for n in range(3)]
    waiting = orders.place(member_id=mine[0], lines=[(opened[1], 1)], key="waiting")
    gone = orders.place(member_id=mine[1], lines=[(opened[1], 1)], key="gone")
    orders.cancel(order_id=gone.order_id, member_id=mine[1], key="gone-cancel")
    return {
        "group_id": opened[0],
        "short_group_id": opened[1],
        "order_id": str(placed[0].order_id),
        "waiting_order_id": str(waiting.order_id),
    }


def _launch() -> dict[str, Any]:
    """The shipped playbook, started, when this town has somebody for it."""
    from insight_support import town
    from linli.engage import queries as engage
    from linli.engage import runs
    from linli.kernel.refusals import Refusal
    from linli.people import queries as people

    slug = engage.playbooks(town.REGION)[0].slug
    by = people.person_by_phone(OPERATOR)
    try:
        launched = runs.launch(region=town.REGION, slug=slug, by=by.person_id if by else 0, key="seed")
    except Refusal as refused:
        return {"playbook": slug, "launch_id": None, "why": str(refused)}
    runs.advance(town.REGION, town.NOW)
    return {"playbook": slug, "launch_id": launched.launch_id}


if __name__ == "__main__":
    print(json.dumps(main()))
