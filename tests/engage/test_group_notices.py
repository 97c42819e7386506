"""What a member is told when a group-buy came out otherwise than expected, in their language and as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.engage import notices, queries
from linli.kernel import clocks, events
from linli.kernel.events import Fact
from linli.trade.events import OrderCancelled, OrderExtended, OrderRefunded

from .conftest import NINE, REGION, Town


@pytest.mark.parametrize(
    ("fact", "title", "words"),
    [
        (
            lambda m, c: OrderExtended("o", m, c, 1, (NINE + timedelta(hours=3)).isoformat(), "system"),
            "再等一会儿",
            "12:00；在那之前随时可以退",
        ),
        (lambda m, c: OrderRefunded("o", m, c, "r", 250, 0, "ladder", False, [], "system"), "降价了，差价退回", "差价 $2.50 已经原路退回"),
        (lambda m, c: OrderRefunded("o", m, c, "r", 250, 0, "cases", False, [], "system"), "退款到账", "$2.50 已经原路退回"),
        (lambda m, c: OrderCancelled("o", m, c, 250, "team_missed", "system"), "小队没凑齐", "没有扣款"),
        (lambda m, c: OrderCancelled("o", m, c, 250, "group_closed", "system"), "截单前没付款", "没有扣款"),
    ],
)
def test_members_are_told_what_became_of_their_group(town: Town, fact: object, title: str, words: str) -> None:
    member_id = town.members[0]
    with clocks.fixed(business=NINE):
        made: Fact = fact(member_id, town.maple)  # type: ignore[operator]
        told = events.append(made, region=REGION, subject=f"member:{member_id}")
        assert notices.notify(told) and not notices.notify(told)
    [message] = queries.inbox(REGION, member_id)
    assert message.title == title and words in message.words
