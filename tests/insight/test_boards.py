"""What lies beneath a figure: its parts, its rows, its target; and cohorts and hours, each against plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pytest

from insight_support import town
from linli.insight import behind, boards, cohorts, keeping, local_days, metrics, parts, targets, wakeups
from linli.insight.models import MetricPart, MetricValue, PlaceHour, Refresh
from linli.kernel import clocks
from linli.kernel.models import Event, WorkRow
from linli.kernel.refusals import Refusal
from linli.people import groups
from linli.people import queries as people

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo(town.ZONE)
DAY = local_days.day_number(town.NOW, town.ZONE) - 1


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    with clocks.fixed(business=town.NOW):
        yield


@pytest.fixture
def bought() -> list[tuple[int, datetime, int, str, int]]:
    """(member, at, paid, product, community) of a small town, told and relayed; a refresh of its figures."""
    ids = town.people(12)
    told = town.habits(ids, days=100, places=places())
    town.tell(told)
    values = metrics.compute(town.REGION, [DAY])
    at = local_days.end_of(DAY, town.ZONE)
    MetricValue.objects.bulk_create(
        MetricValue(region=town.REGION, metric=v.metric, community_id=v.community_id, day=local_days.day_of(DAY), as_of=at, value=v.value,
                    detail=v.detail)
        for v in values if v.value is not None
    )  # fmt: skip
    Refresh.objects.create(region=town.REGION, as_of=town.NOW, finished_at=town.NOW, seconds=1, members=12)
    return [(t.fact.member_id, t.happened_at, t.fact.paid_minor, t.fact.lines[0].product_type, t.fact.community_id) for t in told]  # type: ignore[attr-defined, misc]


def places() -> list[int]:
    """The town's two communities, by id."""
    return sorted(c.community_id for c in people.communities(town.REGION))


def back(at: datetime) -> int:
    return DAY - local_days.day_number(at, town.ZONE)


def test_parts_count_as_the_whole_does(bought: list[tuple[int, datetime, int, str, int]]) -> None:
    keeping.keep(town.REGION, town.NOW)
    whole = MetricValue.objects.get(region=town.REGION, metric="repurchase_next_week", community_id=0)
    for level in ("community", "group", "leader"):
        held = parts.parts(town.REGION, "repurchase_next_week", level)
        if level == "leader":
            assert held == []  # nobody leads yet
            continue
        assert sum(p.numerator or 0 for p in held) == whole.detail["numerator"], level
        assert sum(p.denominator or 0 for p in held) == whole.detail["denominator"], level
    for community in (0, places()[0]):
        week_before, again = defaultdict(set), defaultdict(set)
        for member, at, _paid, product, place in bought:
            if community in (0, place):
                (week_before if 7 <= back(at) <= 13 else again if 0 <= back(at) <= 6 else defaultdict(set))[product].add(member)
        products = {p.part: p for p in parts.parts(town.REGION, "repurchase_next_week", "sku", community or None)}
        assert {n: p.numerator for n, p in products.items()} == {n: len(week_before[n] & again[n]) for n in products}
        assert set(products) == {n for n, who in week_before.items() if who}
    assert parts.parts(town.REGION, "silent_share", "sku") == []
    before = set(MetricPart.objects.values_list("level", "part", "metric", "value"))
    parts.keep(town.REGION, DAY)
    assert before and set(MetricPart.objects.values_list("level", "part", "metric", "value")) == before


def test_a_leaders_figure_is_the_sum_of_their_communities(bought: list[tuple[int, datetime, int, str, int]]) -> None:
    for community in places():
        groups.appoint(phone="+15559990000", display_name="L", kind="leader", region=town.REGION, community_id=community)
    held = parts.parts(town.REGION, "average_order", "leader")
    whole = MetricValue.objects.get(region=town.REGION, metric="average_order", community_id=0)
    assert [p.value for p in held] == [whole.value]


def test_the_boards_are_counted_once_and_only_of_the_newest_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[datetime] = []
    monkeypatch.setattr(keeping, "keep", lambda region, as_of: counted.append(as_of))
    for at in (town.NOW, town.NOW, town.NOW + timedelta(days=1)):
        Refresh.objects.update_or_create(region=town.REGION, as_of=at, defaults={"finished_at": at, "seconds": 1, "members": 1})
        keeping.ask(town.REGION, at)
    for row in WorkRow.objects.filter(kind=keeping.KIND):
        keeping.due(row)
    assert counted == [town.NOW + timedelta(days=1)]


AMOUNTS = ("sales", "lifetime_spend", "leader_capacity", "order_value_growth", "coupon_cost_rate", "average_order", "orders_per_group_day")
"""Made of their rows' amounts or days, not of how many rows there are."""


def test_the_rows_behind_add_up_to_the_figure(bought: object) -> None:
    day = local_days.day_of(DAY)
    told = {v.metric: v for v in metrics.compute(town.REGION, [DAY]) if v.community_id == 0}
    for key in (k for k, m in metrics.REGISTRY.items() if m.behind[0] and k not in AMOUNTS):
        page = behind.page(town.REGION, key, day)
        assert page is not None and page.counted == told[key].detail.get("numerator", told[key].value), key
        assert page.total == told[key].detail.get("denominator", page.total), key
        assert "SELECT" in page.sql and "lake_" not in page.sql
    head, rows = behind.each(town.REGION, "average_order", day, places()[0])
    paid = head.index("amount_minor")
    here = MetricValue.objects.get(region=town.REGION, metric="average_order", community_id=places()[0])
    assert sum(r[paid] for r in rows) == here.detail["numerator"]
    assert behind.page(town.REGION, "nps", day) is None


def test_cohorts_are_what_a_calendar_says(bought: list[tuple[int, datetime, int, str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "SMALL", 1)
    cohorts.keep(town.REGION, town.NOW)
    seen = defaultdict(set)
    for member, at, *_ in bought:
        local = at.astimezone(ZONE)
        seen[member].add(local.year * 12 + local.month)
    wanted = Counter((min(months), month - min(months)) for months in seen.values() for month in months)
    found, as_of = cohorts.retention(town.REGION)
    assert as_of == town.NOW
    assert {(c.month.year * 12 + c.month.month, cell.age): cell.bought for c in found for cell in c.cells if cell.bought} == dict(wanted)
    assert all(c.cells[0].share == 1 for c in found) and not found[-1].cells[-1].whole


def test_hours_and_small_counts(bought: list[tuple[int, datetime, int, str, int]]) -> None:
    cohorts.keep(town.REGION, town.NOW)
    wanted: Counter[tuple[int, int]] = Counter()
    for _member, at, _paid, _product, place in bought:
        if 0 <= back(at) < cohorts.PLACE_DAYS:
            wanted[place, at.astimezone(ZONE).hour] += 1
    found, _ = cohorts.places(town.REGION)
    for row in found:
        for h in row.hours:
            n = wanted[row.community_id, h.hour]
            assert h.orders == (None if 0 < n < cohorts.SMALL else n)
    weekday = Counter((at.astimezone(ZONE).weekday()) for _m, at, *_ in bought if 0 <= back(at) < cohorts.PLACE_DAYS)
    assert {d: sum(PlaceHour.objects.filter(weekday=d).values_list("orders", flat=True)) for d in weekday} == dict(weekday)
    assert cohorts.retention("elsewhere") == ([], None) and cohorts.places("elsewhere") == ([], None)


# ---- targets


def test_a_target_is_set_once_and_judges_from_then_on(bought: object) -> None:
    with clocks.fixed(business=town.NOW):
        for _ in range(2):
            targets.put(region=town.REGION, metric="daily_buyers", value=1000, by=7, key="k")
    assert [(a.value, a.set_by) for a in targets.history(town.REGION, "daily_buyers")] == [(1000, 7)]
    assert Event.objects.filter(kind="insight.target_set").count() == 1
    card = boards.metric_card(town.REGION, "daily_buyers")
    assert card is not None and (card.target, card.status) == (1000, "missed")
    assert [a.facts["metric"] for a in boards.today(town.REGION).alerts if a.code == "metric_missed"].count("daily_buyers") == 1
    targets.put(region=town.REGION, metric="daily_buyers", value=None, by=7, key="k2")
    assert boards.metric_card(town.REGION, "daily_buyers").status == "none"  # type: ignore[union-attr]
    assert targets.aimed("elsewhere")["daily_buyers"].target is None


@pytest.mark.parametrize(
    ("metric", "value", "code"),
    [("nope", 1, "insight.no_such_metric"), ("silent_share", 1.5, "insight.target_out_of_range"),
     ("silent_share", -0.1, "insight.target_out_of_range"), ("nps", -101, "insight.target_out_of_range"),
     ("orders", float("nan"), "insight.target_out_of_range"), ("orders", float("inf"), "insight.target_out_of_range")],
)  # fmt: skip
def test_a_target_that_cannot_be(metric: str, value: float, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        targets.put(region=town.REGION, metric=metric, value=value, by=1, key="x")


# ---- the causal one


def test_waking_up_is_counted_against_the_holdout() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def table(rows: list[dict[str, object]]) -> ibis.Table:
        return ibis.memtable(rows)

    def at(day: float) -> datetime:
        return start + timedelta(days=day)

    entered = table([{"launch_id": 1, "member_id": m, "arm": "treated" if m < 4 else "holdout", "happened_at": start} for m in range(7)])
    purchases = table(
        [{"member_id": m, "at": at(d)} for m, d in
         [(0, -40), (0, 3), (1, -40), (1, 20), (2, -5), (2, 2), (4, -31), (4, 14), (5, -90), (6, -31), (6, 1), (6, -29)]]
    )  # fmt: skip
    # 2 and 6 were not silent, 3 never bought, 1 came too late: one of two treated came back, one of two held out.
    assert wakeups.arms(entered, purchases) == {"treated": (2, 1), "holdout": (2, 1)}
