"""Refresh and touch: the same knowledge by both roads, told once, as of a moment."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.town import NOW, REGION, habits, paid, people, refunded, tell
from linli.insight import lake, queries, refresh, rules, scores
from linli.insight.models import MemberState, MetricValue, Refresh, SegmentChange, SegmentStay
from linli.kernel import clocks, events, work
from linli.kernel.models import Event, WorkRow
from linli.science import churn

pytestmark = pytest.mark.django_db
KEPT = [f.name for f in MemberState._meta.concrete_fields if f.name not in ("id", "as_of", "value_rank")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    with clocks.fixed(business=NOW):
        yield


def states() -> dict[int, dict[str, Any]]:
    return {s["member_id"]: s for s in MemberState.objects.values(*KEPT)}


def told() -> list[tuple[int, str, bool]]:
    rows = Event.objects.filter(kind="insight.segment_changed").order_by("id")
    return [(e.payload["member_id"], e.payload["segment"], e.payload["entered"]) for e in rows]


def test_the_first_refresh_tells_only_what_changed_since_yesterday() -> None:
    ids = people(6, joined_days_ago=100, unprofiled=[5])
    alice, bob, charlie, dave, _, erin = ids
    hour = timedelta(hours=1)
    tell([
        *(paid(f"a{n}", alice, NOW - timedelta(days=3 * n + 1), 2000) for n in range(20)),
        paid("b", bob, NOW - timedelta(days=30), 1500),  # silent since today
        paid("c", charlie, NOW - timedelta(days=95), 1500),
        paid("c2", charlie, NOW - 2 * hour, 1500),  # came back this morning
        paid("d", dave, NOW - timedelta(days=10), 1500),
        paid("e", erin, NOW - timedelta(days=3), 9000),
    ])  # fmt: skip
    kept = refresh.refresh(REGION, NOW)
    by_id = {s.member_id: s for s in MemberState.objects.all()}
    stages = [by_id[m].lifecycle for m in ids]
    assert stages == ["active", "silent", "active", "new", "unconverted", "new"]
    changed = told()
    assert (bob, "silent", True) in changed and (bob, "silent_30d", True) in changed
    assert (charlie, "lapsed", False) in changed and (charlie, "active", True) in changed
    assert not [c for c in changed if c[0] in (alice, dave, erin)]
    reason = Event.objects.filter(kind="insight.segment_changed", subject=f"member:{bob}").first().payload["reason"]  # type: ignore[union-attr]
    assert reason["recency_days"] == 30
    assert kept.counts["entered"] and Refresh.objects.count() == 2
    # Who does not want to be profiled is counted, and nothing more.
    assert (by_id[erin].profiled, by_id[erin].segments, by_id[erin].features, by_id[erin].value_rank) == (False, [], {}, None)
    assert not SegmentStay.objects.filter(member_id=erin).exists()


def test_a_touched_member_is_known_as_the_full_refresh_knows() -> None:
    """Orders and a refund at noon: only their members are recomputed, and all equals the full refresh on the same scale."""
    ids = people(24)
    tell(habits(ids, days=80))
    first = refresh.refresh(REGION, NOW)
    noon = NOW + timedelta(hours=3)
    buyers = [ids[3], ids[4], ids[9]]
    tell([paid(f"noon-{m}", m, noon - timedelta(minutes=9), 7000, 1) for m in buyers] + [refunded(f"{ids[9]}-x", ids[9], noon, 10)])
    untouched = {m: s for m, s in states().items() if m not in buyers}
    with clocks.fixed(business=noon):
        batch = list(Event.objects.filter(kind="trade.order_paid").order_by("-id")[:3])
        refresh.on_purchase(batch)
        refresh.on_purchase(batch)  # heard twice, due once
        assert WorkRow.objects.filter(kind="insight.touch").count() == 1
        work.run_due({"insight.touch": work.Long(refresh.touch_due)})
        assert WorkRow.objects.get(kind="insight.touch").state == "done"
    touched = states()
    assert {m: s for m, s in touched.items() if m not in buyers} == untouched
    assert all(touched[m]["recency_days"] == 0 for m in buyers)
    known = refresh._knowledge(REGION, noon, scale=refresh._scale(first.scale))
    again = {s.member_id: {name: getattr(s, name) for name in KEPT} for s in known.states}
    assert {m: again[m] for m in buyers} == {m: touched[m] for m in buyers}


def test_a_touch_waits_for_nothing_but_the_log() -> None:
    """The lake may be behind, or gone: a member's own facts are in the log from the moment they are told."""
    ids = people(3)
    tell([paid("a", ids[1], NOW - timedelta(days=40), 2500)])
    Refresh.objects.create(region=REGION, as_of=NOW - timedelta(days=1), finished_at=NOW, seconds=1, members=3)
    shutil.rmtree(lake.root())
    lake.forget()
    (late,) = events.append_many([paid("b", ids[1], NOW)])
    refresh.on_purchase([late])
    with clocks.fixed(business=NOW):
        work.run_due({"insight.touch": work.Long(refresh.touch_due)})
    row = WorkRow.objects.get(kind="insight.touch")
    assert (row.state, row.attempts) == ("done", 1)
    known = MemberState.objects.get(member_id=ids[1])
    assert (known.orders_90d, known.orders_30d, known.spend_365d_minor) == (2, 1, 3500)


def test_tomorrow_changes_nothing_of_today() -> None:
    """The future absent, then there: what was known as of today is the same to the last digit."""
    ids = people(20)
    tell(habits(ids, days=75))
    first = refresh._knowledge(REGION, NOW)
    values = refresh._metrics(REGION, NOW, again=True)
    later = NOW + timedelta(days=20)
    tell(habits(ids, days=20, seed=9, until=later))
    tell([refunded(f"{ids[0]}-{n}", ids[0], later, 1) for n in range(3)])
    second = refresh._knowledge(REGION, NOW)

    def plain(rows: list[Any]) -> list[dict[str, Any]]:
        return [{f.name: getattr(r, f.name) for f in r._meta.concrete_fields} for r in rows]

    assert plain(second.states) == plain(first.states) and second.scale == first.scale
    assert plain(refresh._metrics(REGION, NOW, again=True)) == plain(values)
    assert plain(refresh._knowledge(REGION, later).states) != plain(first.states)


def test_a_model_is_trained_judged_and_serves_whom_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of rhythms: scored are those with an order in 90 days; one member alone is scored as among all."""
    monkeypatch.setattr(churn, "VIEWS", tuple((params, 12) for params, _ in churn.VIEWS))  # the road, not the skill
    monkeypatch.setattr(scores, "MOST_CUTOFFS", 4)  # two of them old enough for the twin
    ids = people(45, joined_days_ago=330)
    tell(habits(ids, days=330))
    artefact = scores.train(REGION, NOW)
    assert artefact.judged is not None and len(artefact.cutoffs) >= 2
    assert max(artefact.cutoffs) <= (NOW - timedelta(days=45)).isoformat()
    assert sum(b["members"] for b in artefact.judged.bands) == artefact.judged.members
    scored = scores.score(REGION, NOW)
    recent = {s.member_id for s in refresh._knowledge(REGION, NOW).states if s.recency_days is not None and s.recency_days < 89}
    assert artefact.judged.beats == (artefact.serves == "model") == (artefact.note == "model.good")
    assert 0 < artefact.judged.baseline_roc <= 1 and artefact.baseline is not None
    assert recent <= scored.keys()
    assert all(0 <= s.risk <= 1 for s in scored.values())
    few = scores.score(REGION, NOW, sorted(scored)[:3])
    assert few == {m: scored[m] for m in sorted(scored)[:3]}
    assert scores.newest(REGION, NOW - timedelta(days=1)) is None  # no model of the future
    late = NOW + timedelta(days=61)
    assert scores.note_of(artefact, late) == ("model.old" if artefact.serves == "model" else artefact.note)
    assert scores.is_due(REGION, late)
    # The other of the two serves the same members when the verdict is the other one.
    other = "baseline" if artefact.serves == "model" else "model"
    scores._keep(replace(artefact, serves=other))
    turned = scores.score(REGION, NOW)
    assert turned.keys() == scored.keys() and turned != scored


def test_a_shop_of_two_weeks_has_risks_that_make_sense() -> None:
    """No model can be trained, the prior fills in: whoever ordered often and lately is safe, whoever came once is not."""
    ids = people(30, joined_days_ago=14)
    tell([paid(f"{n}-{day}", ids[n], NOW - timedelta(days=day)) for n in range(20) for day in (0, 3, 6, 9, 12)])
    tell([paid(f"{n}-once", ids[n], NOW - timedelta(days=13)) for n in range(20, 30)])
    artefact = scores.train(REGION, NOW)
    assert (artefact.note, artefact.serves, artefact.judged) == ("model.no_history", "baseline", None)
    scored = scores.score(REGION, NOW)
    risk = {m: s.risk for m, s in scored.items()}
    assert risk.keys() == set(ids) and all(scored[m].pushes for m in ids[20:])
    often, once = [risk[m] for m in ids[:20]], [risk[m] for m in ids[20:]]
    assert max(often) < 0.05 and min(once) > 0.1 and max(once) < 0.9
    scores._keep(replace(artefact, serves=""))
    assert scores.score(REGION, NOW) == {}


def test_what_pages_read_and_refreshing_again_changes_nothing() -> None:
    ids = people(30, unprofiled=[7])
    tell(habits(ids, days=80))
    refresh.refresh(REGION, NOW)
    before = states(), told(), list(MetricValue.objects.order_by("id").values()), SegmentChange.objects.count()
    refresh.refresh(REGION, NOW)
    assert (states(), told(), list(MetricValue.objects.order_by("id").values()), SegmentChange.objects.count()) == before
    assert Refresh.objects.count() == 2
    page = queries.members(REGION, order="-spend_365d", per_page=10)
    assert (page.total, page.pages, len(page.rows)) == (30, 3, 10)
    assert [r.value_rank for r in page.rows if r.profiled] == sorted(r.value_rank for r in page.rows if r.profiled and r.value_rank)
    assert queries.members(REGION, page=99).page == 1 and queries.members(REGION, order="nonsense").total == 30
    assert [r.member_id for r in queries.members(REGION, search="1003").rows] == [ids[3]]
    silent = queries.members(REGION, segment="silent_30d")
    counts = {c.key: c for c in queries.segment_counts(REGION)}
    assert silent.total == counts["silent_30d"].members and all("silent_30d" in r.segments for r in silent.rows)
    assert sum(counts[s].members for s in rules.LIFECYCLE) == 29  # the unprofiled one is in no segment
    detail = queries.member(ids[0])
    assert detail is not None and len(detail.weeks) == 26 and detail.week_average_minor > 0
    state = MemberState.objects.get(member_id=ids[0])
    assert sum(w.spend_minor for w in detail.weeks) == state.features["spend_180d_minor"]
    columns = queries.columns(REGION, ["risk", "segments", "orders_90d"])
    assert len(columns.member_ids) == 29 and columns.as_of == NOW
    known = queries.features_of([ids[0]])[ids[0]]
    assert known["orders_90d"] == columns.values["orders_90d"][columns.member_ids.index(ids[0])]
    assert queries.variables().keys() == known.keys()
    with pytest.raises(KeyError, match="nonsense"):
        queries.columns(REGION, ["nonsense"])
    places = queries.communities(REGION)
    assert sum(p.members for p in places) == 30 and places[0].sales_30d_minor >= places[1].sales_30d_minor
    cards = {c.key: c for c in queries.metric_cards(REGION)}
    assert cards["nps"].value is None and cards["nps"].waits_for == "care.nps_answered"
    assert len(cards["sales"].trend) == 28 and cards["sales"].value == cards["sales"].trend[-1].value
    today = queries.today(REGION)
    assert today.members == 30 and {a.code for a in today.alerts} >= {"metric_missed", "model_no_history"}
    assert len(list(queries.export_members(REGION))) == 30
    assert queries.member(10**9) is None and queries.today("nowhere").standing is None


def test_the_sums_a_refresh_keeps_are_those_of_its_members() -> None:
    """Sizes and communities as kept equal those counted from the rows; an order at noon moves the sizes, not the refresh's sums."""
    ids = people(24)
    tell(habits(ids, days=80))
    kept = refresh.refresh(REGION, NOW)
    sizes, places = queries.segment_counts(REGION), queries.communities(REGION)
    assert sum(s.members for s in sizes) > 24 and sum(p.members for p in places) == 24
    board = kept.counts.pop("board")
    kept.save()
    assert (queries.segment_counts(REGION), queries.communities(REGION)) == (sizes, places), "counted from the members' rows"
    kept.counts["board"] = board
    kept.save()
    silent = next(s.member_id for s in MemberState.objects.order_by("-recency_days") if "silent_30d" in s.segments)
    before = {s.key: s.members for s in sizes}
    tell([paid("back", silent, NOW + timedelta(minutes=5), 4000)])
    refresh.touch(REGION, [silent], NOW + timedelta(minutes=6))
    now = {s.key: s.members for s in queries.segment_counts(REGION)}
    assert now["silent_30d"] == before["silent_30d"] - 1
    assert now == {key: SegmentStay.objects.filter(region=REGION, segment=key).count() for key in before}
