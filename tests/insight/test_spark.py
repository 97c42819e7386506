"""The same knowledge from DuckDB and from a real standalone Spark cluster (one master, two workers): every table, every number."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from insight_support.town import NOW, REGION, ZONE, habits, paid, people, refunded, tell
from linli.engage import audience, knowledge
from linli.insight import details, engine, experiments, features, lake, metric_counts, scores
from linli.insight.events import HistoryLine, HistoryPurchase, ImportedLine, ImportWithdrawn, OrderImported
from linli.insight.features import facts_of
from linli.insight.local_days import day_number
from linli.kernel.events import Fact, Told
from linli.science import churn
from support import spark

pytestmark = [pytest.mark.django_db, pytest.mark.engine("sqlite"), pytest.mark.spark]

RULES = (
    "recency_days > 20 and spend_365d_minor >= 20000",
    'not (gap_ratio > 1.5) or top_category == "fruit"',
    "orders_45d / orders_before_45d < 1 and preferred_hour between 8 and 20",
    'favourite_products has "BANANAS" and coupon_share_90d is known',
    "share_fruit in [0, 1] or discount_share_90d * 2 - 0.1 > 0",
)
SMALL = """spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1
spark.sql.shuffle.partitions 2
spark.default.parallelism 2
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
spark.sql.files.openCostInBytes 0
spark.sql.sources.parallelPartitionDiscovery.threshold 1000
spark.ui.showConsoleProgress false
"""
"""What such a cluster's `spark-defaults.conf` says: a few hundred rows are not worth compiling for, nor many tasks."""


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text(SMALL)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "conf"))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("JAVA_HOME", str(Path(spark.java()).parents[1]))
    with spark.cluster(tmp_path) as address:
        yield address


def imported(fact: Fact, member: int, at: datetime) -> Told:
    return Told(fact, REGION, f"member:{member}", at, at)


def a_world() -> list[int]:
    """Living orders with coupons and refunds, history, and imports of which one was revised and one withdrawn."""
    ids = people(40, joined_days_ago=330, unprofiled=(3,))
    told = habits(ids[:36], days=320)
    for n, member in enumerate(ids[:12]):
        at = NOW - timedelta(days=3 * n, hours=n)
        told.append(paid(f"c{n}", member, at, 4000 + n, n % 3, coupon=300))
        told.append(refunded(f"c{n}", member, at + timedelta(hours=3), 4000 + n if n % 3 else 1500, n % 3))
        line = HistoryLine(n, ("BANANAS", None)[n % 2], "TROPICAL FRUIT", "PRODUCE", 2, 501, 20)
        told.append(imported(HistoryPurchase(7000 + n, member, 1, 1, 501, 20, 10 * (n % 2), (line,)), member, at - timedelta(days=100)))
        for revision in range(1, 2 + n % 2):
            goods = ImportedLine("番茄", "tomato", "vegetable", revision, 700 * revision)
            fact = OrderImported(f"kuai:{n}", 1 + n % 3, revision, str(n), member, 1, 700 * revision, revision, (goods,))
            told.append(imported(fact, member, at - timedelta(days=30, minutes=revision)))
    tell([*told, imported(ImportWithdrawn(3), ids[0], NOW - timedelta(days=200))])
    return ids


def rows(table: Any) -> list[dict[str, Any]]:
    return list(table.to_pyarrow().to_pylist())


def knowledge_now(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """Every table that knowledge is made of, by name, as the engine of the moment computes it."""
    # Spark keeps the facts it has read: they are compared themselves, and everything below is made of them.
    kept = (lambda t: t.cache().cast(t.schema())) if engine.name() != "duckdb" else (lambda t: t)
    facts = features.Facts(*map(kept, vars(facts_of(NOW, REGION)).values()))
    for room in (features, experiments, scores):
        monkeypatch.setattr(room, "facts_of", lambda as_of, region=None, tables=None: facts)
    known = kept(features.features(NOW, region=REGION))
    found = {name: rows(getattr(facts, name)) for name in ("purchases", "lines", "members")}
    found["features"] = rows(known)
    chosen = known.select("member_id", **{f"rule {n}": audience.compile(r, knowledge.names()).ibis(known) for n, r in enumerate(RULES)})
    found["audiences"] = rows(chosen)
    found["a few members"] = rows(features.features(NOW, ids[:5], region=REGION))
    found["details"] = [{"member_id": m, "weeks": d.weeks, "best": d.favourites} for m, d in details.details(facts, NOW, ZONE).items()]
    yesterday = day_number(NOW, ZONE) - 1
    counts = metric_counts.count(facts, [yesterday - 1, yesterday], ZONE, newest=yesterday)
    found["metrics"] = [{"day": day, "place": place, **told} for (day, place), told in counts.items()]
    arms = {"treated": ids[:20], "holdout": ids[20:]}
    outcome = experiments.outcome(region=REGION, **arms, start=NOW - timedelta(days=20), as_of=NOW, metric="amount")
    found["outcome"] = [{"effect": outcome.effect, "low": outcome.low, "high": outcome.high}]
    return found | risks()


def risks() -> dict[str, list[dict[str, Any]]]:
    """What both kinds of scorer say, scored where the engine keeps the members."""
    facts, found = features.facts_of(NOW), {}
    artefact = scores.newest(REGION, NOW)
    assert artefact is not None and artefact.baseline is not None
    for name, scorer in (("risk by model", scores._by_model), ("risk by baseline", scores._by_baseline)):
        found[name] = list(scorer(artefact, facts, NOW).to_pylist())
    return found


def same(one: Any, other: Any) -> bool:
    """Integers, texts, dates and moments to the last digit, floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and bool(one == other)


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    exact = [name for name, value in (found[0] if found else {}).items() if not isinstance(value, float)]
    return sorted(found, key=lambda row: [str(row[name]) for name in exact])


def test_a_spark_cluster_knows_the_same(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, master: str) -> None:
    settings.HOME = tmp_path / "home"
    monkeypatch.setattr(churn, "VIEWS", tuple((params, 12) for params, _ in churn.VIEWS))  # the road, not the skill
    monkeypatch.setattr(scores, "MOST_CUTOFFS", 4)
    lake.forget()
    ids = a_world()
    scores.train(REGION, NOW)
    here = knowledge_now(ids, monkeypatch)
    monkeypatch.setenv("LINLI_ENGINE", master)
    session = engine.spark()
    try:
        there = knowledge_now(ids, monkeypatch)
    finally:
        at_work = len(session._jsc.sc().statusTracker().getExecutorInfos()) - 1  # the driver is one of them
        session.stop()
        lake.forget()
    assert at_work == spark.WORKERS
    assert there.keys() == here.keys() and all(here.values())
    assert {name: len(found) for name, found in there.items()} == {name: len(found) for name, found in here.items()}
    wrong = {
        (name, column): (one[column], other.get(column))
        for name, expected in here.items()
        for one, other in zip(in_order(expected), in_order(there[name]), strict=True)
        for column in one
        if not same(one[column], other.get(column))
    }
    assert not wrong


def test_an_engine_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_ENGINE", "sparkle")
    with pytest.raises(ValueError, match="sparkle"):
        engine.connection()


def test_a_missing_java_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", os.devnull)
    with pytest.raises(AssertionError, match="openjdk-17"):
        spark.java()
