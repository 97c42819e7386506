"""Value and next basket of a small town: sensible after two weeks, judged on days not seen, nothing personal for who said no."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insight_support.town import NOW, REGION, habits, paid, people, tell
from linli.insight import artefacts, baskets, queries, refresh, scores, values, verdicts
from linli.insight.models import MemberState, Popular, Refresh
from linli.kernel import clocks, work
from linli.kernel.models import WorkRow

pytestmark = pytest.mark.django_db
MILK, BANANAS = "FLUID MILK WHITE ONLY", "BANANAS"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Any:
    settings.HOME = tmp_path
    with clocks.fixed(business=NOW):
        yield


def test_a_shop_of_two_weeks_has_values_and_lists_that_make_sense() -> None:
    """No verdict is possible: the prior fills in, who buys often and much is worth more, and nobody is worth nonsense."""
    ids = people(30, joined_days_ago=14)
    tell([paid(f"{n}-{day}", ids[n], NOW - timedelta(days=day), 3000 + n, n % 2) for n in range(20) for day in (0, 3, 6, 9, 12)])
    tell([paid(f"{n}-once", ids[n], NOW - timedelta(days=13), 3000 + n, 1) for n in range(20, 30)])
    kept, listed = values.train(REGION, NOW), baskets.train(REGION, NOW)
    assert (kept.note, kept.serves, kept.judged) == ("value.unjudged", "baseline", None)
    assert (listed.note, listed.serves, listed.judged) == ("basket.unjudged", "frequency", None)
    worth = values.score(REGION, NOW)
    often, once = [worth[m] for m in ids[:20]], [worth[m] for m in ids[20:]]
    # Five days with an order in 13: about 30 in 90 days, of 30.00 each; the prior may halve it, not more.
    assert all(15 <= w.purchases_expected <= 40 and 45_000 <= w.expected_minor <= 130_000 for w in often)
    assert max(w.expected_minor for w in once) < min(w.expected_minor for w in often) and min(w.expected_minor for w in once) > 0
    assert all(w.low_minor <= w.median_minor <= w.high_minor and w.low_minor < w.high_minor for w in worth.values())
    wanted, _ = baskets.score(REGION, NOW)
    assert wanted[ids[0]].repeat[0][0] == BANANAS and wanted[ids[1]].repeat[0][0] == MILK
    assert wanted[ids[1]].repeat[0][2:] == [5, 0, 3.0]  # bought five times, today, every three days
    assert [row[0] for row in wanted[ids[0]].explore] == [MILK] and not set(wanted[ids[0]].explore[0][2:]) - {
        "beside",
        "near",
        "popular",
        "",
    }
    assert values.score(REGION, NOW - timedelta(days=1)) == {}, "no model of the future"


def test_nothing_is_believed_where_nobody_bought() -> None:
    people(2)
    assert values.train(REGION, NOW).note == "value.no_history" and baskets.train(REGION, NOW).note == "basket.no_history"
    assert values.score(REGION, NOW) == {} and baskets.score(REGION, NOW) == ({}, None) and baskets.popular(REGION, NOW) == {}


def test_the_verdict_decides_who_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of rhythms: judged on later days; the other verdict serves the other way; an old model says so."""
    monkeypatch.setattr(values, "LEAST_MEMBERS", 20)
    monkeypatch.setattr(baskets, "LEAST_JUDGED", 10)
    ids = people(60, joined_days_ago=330)
    tell(habits(ids, days=330))
    kept = values.train(REGION, NOW)
    assert kept.judged is not None and kept.judged["cutoff"] <= (NOW - timedelta(days=89)).isoformat()
    beats = kept.judged["rmse_minor"] < min(kept.judged["baseline_rmse_minor"], kept.judged["rate_rmse_minor"])
    assert (kept.serves, kept.note) == (("model", "value.good") if beats else ("baseline", "value.below_baseline"))
    listed = baskets.train(REGION, NOW)
    assert listed.judged is not None and listed.judged["members"] >= 10
    assert (listed.serves == "model") == (listed.judged["gain_low"] > 0)
    assert {v.kind: v.serves for v in verdicts.of(REGION, NOW)} == {"value": kept.serves, "basket": listed.serves}
    late = NOW + timedelta(days=61)
    assert verdicts.note_of(replace(kept, note="value.good"), late) == "value.old" and artefacts.is_due("value", REGION, late)
    lists = {}
    for serves in ("model", "tifu", "frequency"):
        artefacts.keep("basket", replace(listed, serves=serves).to_dict())
        lists[serves] = baskets.score(REGION, NOW)[0]
    assert len({str(found) for found in lists.values()}) == 3, "what serves is what ranks"
    few = sorted(lists["frequency"])[:3]
    baskets.keep_around(REGION, baskets.score(REGION, NOW)[1])
    assert baskets.score(REGION, NOW, few)[0] == {m: lists["frequency"][m] for m in few}, "a member alone is known as among all"


def test_the_measure_of_a_list_is_by_hand() -> None:
    recall, ndcg = baskets._measures(["a", "b", "c"], {"a", "c", "x"})
    assert recall == pytest.approx(2 / 3)
    assert ndcg == pytest.approx((1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3) + 1 / np.log2(4)))


def test_who_said_no_gets_what_everybody_buys_and_few_are_not_told_of() -> None:
    ids = people(12, unprofiled=[0])
    tell([paid(f"m{n}", ids[n], NOW - timedelta(days=2), goods=1, community=7) for n in range(6)])
    tell([paid(f"b{n}", ids[n], NOW - timedelta(days=1), goods=0, community=7) for n in range(3)])
    tell([paid(f"c{n}", ids[n], NOW - timedelta(days=1), goods=2, community=7) for n in range(2)])
    refresh.refresh(REGION, NOW)
    shut, open_ = MemberState.objects.get(member_id=ids[0]), MemberState.objects.get(member_id=ids[1])
    assert (shut.value_90d_minor, shut.value, shut.next_basket) == (None, {}, {})
    assert open_.value_90d_minor and open_.value["low"] <= open_.value["median"] <= open_.value["high"] and open_.next_basket["repeat"]
    here = Popular.objects.get(region=REGION, community_id=7)
    assert here.items == [[MILK, 6], [BANANAS, 3]], "two households' drinks are theirs alone"
    assert Popular.objects.get(region=REGION, community_id=0).items == here.items and here.as_of == NOW
    mine, others = queries.wanted(REGION, ids[1], 7, personal=True), queries.wanted(REGION, ids[0], 7, personal=False)
    assert mine.personal and {w.item for w in mine.items} >= {MILK} and mine.items[0].code.startswith("repeat")
    assert not others.personal and [(w.item, w.code, w.facts["households"]) for w in others.items] == [
        (MILK, "here", 6),
        (BANANAS, "here", 3),
    ]
    # Profiling was agreed to at noon, or the member is new: nothing is known yet, and the list says whose it is.
    assert not queries.wanted(REGION, ids[0], 7, personal=True).personal
    assert [w.code for w in queries.wanted(REGION, 10**9, 999, personal=True).items] == ["region", "region"]
    assert Refresh.objects.filter(region=REGION).count() == 2 and scores.newest(REGION, NOW) is not None


def test_what_a_first_refresh_left_to_be_learnt_is_learnt_behind_it() -> None:
    ids = people(30, joined_days_ago=14)
    tell([paid(f"{n}-{day}", ids[n], NOW - timedelta(days=day), 3000 + n, n % 2) for n in range(30) for day in (0, 3, 6, 9, 12)])
    refresh.learn_due(WorkRow())  # a region that nobody has looked at yet is left alone
    assert not Refresh.objects.exists()
    refresh.refresh(REGION, NOW, learns=("churn",))
    assert refresh.due(REGION, NOW) == ["value", "basket"]
    assert all(state.value_90d_minor is None for state in MemberState.objects.all())
    work.schedule("insight.learn", key="1", due_at=NOW, region="", clock="machine")
    work.run_due({"insight.learn": work.Long(refresh.learn_due)})
    assert refresh.due(REGION, NOW) == [] and all(state.value_90d_minor for state in MemberState.objects.all())
    before = list(Refresh.objects.values_list("pk", "finished_at"))
    refresh.learn_due(WorkRow())
    assert list(Refresh.objects.values_list("pk", "finished_at")) == before  # nothing is due: nothing is done
