"""What the leader is told a member may want: what is due comes first, and nothing bought once is called usual."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from linli.engage import knowledge
from linli.insight.models import MemberState

pytestmark = pytest.mark.django_db
AS_OF = datetime(2017, 10, 2, 13, tzinfo=UTC)
BASKET = {
    "repeat": [["YOGURT", 3.0, 4, 9, 7.0], ["RICE", 2.0, 1, 30, None], ["MILK", 1.0, 12, 1, 6.0]],
    "explore": [["BREAD", 0.5, "beside", "MILK"]],
}


def test_the_likely_come_in_order_and_the_opted_out_not_at_all() -> None:
    for member, profiled in ((1, True), (2, False)):
        MemberState.objects.create(
            region="r", member_id=member, community_id=1, as_of=AS_OF, lifecycle="active", profiled=profiled, next_basket=BASKET
        )
    assert knowledge.likely([1, 2, 3]) == {1: ("YOGURT", "RICE", "MILK", "BREAD")}
    assert knowledge.likely([1], often=True) == {1: ("YOGURT", "MILK")}
    here = knowledge.Shelf({1: {"MILK": ("牛奶", "Milk"), "YOGURT": ("酸奶", "Yogurt"), "BREAD": ("面包", "Bread")}})
    assert here.usual(1, knowledge.likely([1], often=True)[1], "zh") == ("酸奶", "牛奶")
    assert here.usual(2, ("MILK",), "zh") == (), "nothing is on sale there"
