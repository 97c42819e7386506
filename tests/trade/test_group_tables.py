"""Group-buys from a table: every row is judged, and all open or none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.trade import imports, queries
from support import shop as built
from support.shop import MONDAY, NEW_YORK, REGION, Shop

pytestmark = pytest.mark.django_db
HEAD = "小区,编号,种类,成团按,成团数,可售份数,团价,单买价,阶梯,没成团,延长小时,几人团,拼团小时,截单,取货\n"
PLAIN = 'Maple Court,milk,,,3,20,4.00,5.00,"10:3.80, 20:3.50",,,,,2017-10-02 20:00,2017/10/03 16:00\n'


@pytest.fixture
def shop() -> Shop:
    return built.build()


def open_now(shop: Shop) -> int:
    with clocks.fixed(business=MONDAY + timedelta(minutes=1)):
        return len(queries.open_groups(shop.maple))


def planned(*rows: str) -> imports.Plan:
    with clocks.fixed(business=MONDAY):
        return imports.plan(region=REGION, content=(HEAD + "".join(rows)).encode(), filename="a.csv", by="person:1")


def applied(*rows: str) -> int:
    with clocks.fixed(business=MONDAY):
        return imports.apply(region=REGION, content=(HEAD + "".join(rows)).encode(), filename="a.csv", by="person:1")


def test_rows_become_groups_with_their_terms(shop: Shop) -> None:
    found = planned(PLAIN, "maple,cherries,拼团,户,3,30,4.00,5.00,,,,3,24,2017-10-02 20:00,2017-10-03 16:00\n")
    assert found.problems == []
    pooled, team = found.groups
    assert (pooled.community_id, pooled.threshold, pooled.ladder, pooled.opened_by) == (shop.maple, 3, ((10, 380), (20, 350)), "person:1")
    assert pooled.deadline_at == MONDAY.replace(hour=20) and pooled.deadline_at.tzinfo == NEW_YORK
    assert (team.kind, team.team_size, team.threshold_by) == ("team", 3, "people")
    before = open_now(shop)
    assert applied(PLAIN) == applied(PLAIN) == 1  # the same table twice opens once
    assert open_now(shop) == before + 1


def test_every_problem_is_named_and_nothing_opens(shop: Shop) -> None:
    rows = [
        "Nowhere,milk,,,3,20,4.00,5.00,,,,,,2017-10-02 20:00,2017-10-03 16:00\n",
        "maple,caviar,,,3,20,4.00,5.00,,,,,,2017-10-02 20:00,2017-10-03 16:00\n",
        'maple,milk,,,3,20,4.00,5.00,"10-3.80",,,,,tomorrow,2017-10-03 16:00\n',
        "maple,milk,,,30,20,4.00,5.00,,,,,,2017-10-02 20:00,2017-10-03 16:00\n",
        "maple,milk,,金额,1e3,20,4.00,5.00,,,,,,2017-10-02 20:00,2017-10-03 16:00\n",
    ]
    found = planned(PLAIN, *rows)
    assert [(p.row, p.column, p.code) for p in found.problems] == [
        (3, "小区", "trade.cell_community"),
        (4, "编号", "trade.no_such_sku"),
        (5, "阶梯", "trade.cell_ladder"),
        (5, "截单", "trade.cell_moment"),
        (6, "可售份数", "trade.cell_term"),
        (7, "成团数", "kernel.cell_amount"),
    ]
    before = open_now(shop)
    with pytest.raises(Refusal, match=r"trade.table_problems"):
        applied(PLAIN, *rows)
    assert open_now(shop) == before


def test_a_threshold_in_money_is_read_as_money(shop: Shop) -> None:
    (group,) = planned("maple,milk,,金额,50.00,20,4.00,5.00,,,,,,2017-10-02 20:00,2017-10-03 16:00\n").groups
    assert (group.threshold_by, group.threshold) == ("amount", 5000)
