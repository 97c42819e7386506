"""A copy of everything the shop keeps about one member (PIPL, article 45)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, JsonResponse

from linli.engage import queries as engage
from linli.insight import queries as insight
from linli.kernel import clocks
from linli.people import consent
from linli.people import queries as people
from linli.trade import queries as trade

ALL = 100_000


def copy_of(member_id: int, region: str) -> dict[str, Any]:
    """Everything the shop keeps that is about one member, what it concludes included."""
    member, known = people.member(member_id), insight.member(member_id)
    orders = trade.orders_of(member_id, limit=ALL)
    return {
        "as_of": clocks.business_now(),
        "member": asdict(member) if member else None,
        "consents": {scope: consent.has(member_id, scope) for scope in consent.SCOPES},
        "orders": [asdict(order) for order in orders],
        "after_sales": [asdict(one) for order in orders for one in trade.after_sales_of_order(order.order_id)],
        "coupons": [asdict(one) for one in trade.coupons_of(member_id)],
        "messages": [asdict(one) for one in engage.inbox(region, member_id)],
        "conclusions": asdict(known) if known else None,
    }


def as_file(member_id: int, region: str) -> HttpResponse:
    """The copy as a JSON file to keep."""
    answer = JsonResponse(copy_of(member_id, region), json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = 'attachment; filename="linli-my-data.json"'
    return answer
