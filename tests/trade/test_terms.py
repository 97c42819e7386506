"""The terms of a group-buy: judged one with another before anybody can join."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.goods import quota
from linli.kernel import ledger
from linli.trade import groups
from linli.trade.models import GroupBuy
from support.refusing import refused
from support.shop import MONDAY, REGION, Shop, new_group

TEAM = {"kind": "team", "team_size": 3, "team_hours": 2, "threshold": 3, "threshold_by": "people"}
FLASH = {"kind": "flash", "threshold": 1, "per_member_pieces": 2}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"kind": "auction"}, "kind"),
        ({"threshold_by": "mood"}, "threshold_by"),
        ({"threshold_by": "people", "threshold": 11}, "quota_pieces"),
        ({"threshold_by": "amount", "threshold": 4001}, "quota_pieces"),  # 10 pieces at 400 come to 4000
        ({"per_member_pieces": 11}, "per_member_pieces"),
        ({"per_member_pieces": 0}, "per_member_pieces"),
        ({"case_size": 3}, "case_size"),  # 10 pieces are no whole cases of 3
        ({"ladder": ((5, 350), (5, 300))}, "ladder"),
        ({"ladder": ((5, 350), (8, 350))}, "ladder"),
        ({"ladder": ((5, 400),)}, "ladder"),
        ({"ladder": ((5, 0),)}, "ladder"),
        ({"ladder": ((11, 300),)}, "ladder"),  # can never be reached
        ({"ladder": ((5, 300, 1),)}, "ladder"),
        ({"on_miss": "shrug"}, "on_miss"),
        ({"on_miss": "extend"}, "extend_hours"),
        ({"extend_hours": 2}, "extend_hours"),
        ({"on_miss": "extend", "extend_hours": 30}, "pickup_from"),  # it would be picked up before it is decided
        ({"team_size": 3}, "team_size"),
        (TEAM | {"team_size": 1}, "team_size, team_hours"),
        (TEAM | {"threshold": 2}, "threshold"),
        (TEAM | {"ladder": ((5, 300),)}, "ladder"),
        (FLASH | {"per_member_pieces": None}, "per_member_pieces"),
        (FLASH | {"deadline_at": MONDAY + timedelta(hours=25), "pickup_from": MONDAY + timedelta(days=3)}, "deadline_at"),
        ({"kind": "presale"}, "reserve_of"),
        ({"opened_by": ""}, "opened_by"),
        ({"threshold": "50,00"}, "threshold"),  # foodsoft #1166, #1054: an amount read wrong sent orders under the minimum
        ({"threshold": 3.0}, "threshold"),
        ({"price_minor": True}, "price_minor"),
        ({"per_member_pieces": "2"}, "per_member_pieces"),
    ],
)
def test_terms_that_contradict_each_other_are_refused(shop: Shop, changes: dict[str, object], fields: str) -> None:
    with refused("trade.bad_group", fields=fields):
        groups.open(region=REGION, group=new_group(shop.maple, "milk", key="new", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"ladder": [[5, 350], [10, 300]], "policy_arms": {"ladder": "steep"}},
        {"threshold_by": "amount", "threshold": 4000},
        {"case_size": 5, "on_miss": "ship_short"},
        {"on_miss": "extend", "extend_hours": 3},
        TEAM,
        FLASH,
    ],
)
def test_terms_that_fit_are_stored_as_given(shop: Shop, changes: dict[str, object]) -> None:
    asked = new_group(shop.maple, "milk", key="new", **changes)
    made = GroupBuy.objects.get(pk=groups.open(region=REGION, group=asked))
    assert {name: getattr(made, name) for name in changes} == changes | ({"ladder": [[5, 350], [10, 300]]} if "ladder" in changes else {})
    assert groups.open(region=REGION, group=asked) == made.pk
    with refused("trade.key_reused"):
        groups.open(region=REGION, group=new_group(shop.maple, "milk", key="new", **changes | {"per_member_pieces": 3}))


def test_pieces_of_an_allotment_are_no_new_supply(shop: Shop) -> None:
    quota.open(region=REGION, sku="milk", place="station:maple", quantity=12, key="a")
    asked = new_group(shop.maple, "milk", key="own", quota_from="station:maple")
    opened = groups.open(region=REGION, group=asked)
    assert quota.stocks(REGION, [("milk", "station:maple")])["milk", "station:maple"].free == 2
    assert quota.stocks(REGION, [("milk", groups.place(opened))])["milk", groups.place(opened)].free == 10
    with refused("trade.not_enough_left", sku="milk", left=2):
        groups.open(region=REGION, group=new_group(shop.maple, "milk", key="more", quota_from="station:maple"))
    assert ledger.audit().ok
