"""A small neighbourhood: two communities with a leader each, members with and without consent, and what insight would know.

Alice leads Maple; Bob is a member of Maple; Charlie leads Cedar: a stranger to Maple.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from linli.engage import launching, library, models, runs
from linli.insight import queries as insight
from linli.kernel import clocks, events
from linli.kernel.models import Event
from linli.people import consent, groups, members

REGION = "us-test"
ZONE = ZoneInfo("America/New_York")
NINE = datetime(2017, 10, 2, 9, tzinfo=ZONE)

TYPES = {
    "recency_days": "int",
    "gap_median_days": "float",
    "orders_365d": "int",
    "spend_365d_minor": "int",
    "risk": "float",
    "lifecycle": "text",
    "segments": "list",
    "favourite_products": "list",
    "top_category": "text",
    "community_id": "int",
}
SEGMENTS = ("vip", "high_value", "at_risk", "at_risk_valuable", "high_value_silent", "silent_30d", "active")


@dataclass
class Known:
    """What insight would answer; tests change it."""

    as_of: datetime | None = NINE
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)

    def columns(self, region: str, names: Any = None) -> insight.Columns:
        ids = tuple(sorted(self.facts))
        return insight.Columns(self.as_of, ids, {n: [self.facts[i].get(n) for i in ids] for n in names or TYPES})

    def standing(self, region: str) -> insight.Standing | None:
        return None if self.as_of is None else insight.Standing(region, self.as_of, self.as_of, 0.1, len(self.facts), None)

    def variables(self) -> dict[str, insight.FeatureInfo]:
        choices = {"segments": SEGMENTS}
        return {n: insight.FeatureInfo(n, t, "", n, n, n, n, choices.get(n, ())) for n, t in TYPES.items()}

    def features_of(self, member_ids: Any) -> dict[int, dict[str, Any]]:
        return {i: self.facts[i] for i in member_ids if i in self.facts}

    def rows_of(self, member_ids: Any) -> dict[int, Any]:
        return {}


@dataclass
class Town:
    """Ids of the neighbourhood."""

    maple: int
    cedar: int
    alice: int
    charlie: int
    members: list[int]
    known: Known

    def launch(self, slug: str = "test-wake", key: str = "k1") -> models.Launch:
        found = launching.launch(region=REGION, slug=slug, by=self.alice, key=key)
        return models.Launch.objects.get(pk=found.launch_id)

    def start(self, slug: str = "test-wake", key: str = "k1") -> models.Launch:
        """Launch and do the first steps."""
        launch = self.launch(slug, key)
        runs.step_launch(REGION, launch.pk, clocks.business_now())
        return launch


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known()
    for name in ("columns", "standing", "variables", "features_of", "rows_of"):
        monkeypatch.setattr(insight, name, getattr(known, name))
    library._stored.cache_clear()
    return known


def facts(community_id: int, *, recency: int = 40, spend: int = 100_000, risk: float | None = 0.6) -> dict[str, Any]:
    """A valued member who drifts away."""
    return {
        "recency_days": recency,
        "gap_median_days": 9.0,
        "orders_365d": 20,
        "spend_365d_minor": spend,
        "risk": risk,
        "lifecycle": "silent",
        "segments": ["high_value", "at_risk", "high_value_silent"],
        "favourite_products": ["BANANAS"],
        "top_category": "fruit",
        "community_id": community_id,
    }


@pytest.fixture
def at_nine() -> Iterator[datetime]:
    with clocks.fixed(business=NINE):
        yield NINE


@pytest.fixture
def town(transactional_db: None, known: Known, at_nine: datetime) -> Town:
    """Committed, since readers see nothing else: on PostgreSQL a test's own open transaction holds their horizon back."""
    return build(known, count=12)


@pytest.fixture
def crowd(transactional_db: None, known: Known, at_nine: datetime) -> Town:
    """Enough members that both arms of a launch have somebody, whatever their ids hash to."""
    return build(known, count=40)


def build(known: Known, count: int) -> Town:
    groups.put_region(slug=REGION, name_zh="测试", name_en="Test", currency="USD", time_zone="America/New_York")
    names = [("maple", "枫园", "Maple"), ("cedar", "雪松", "Cedar")]
    maple, cedar = groups.open_many(region=REGION, communities=[groups.NewCommunity(c, zh, en, zh, en) for c, zh, en in names])
    alice = groups.appoint(phone="13800000001", display_name="Alice", kind="leader", region=REGION, community_id=maple)
    charlie = groups.appoint(phone="13800000002", display_name="Charlie", kind="leader", region=REGION, community_id=cedar)
    newcomers = [
        members.Newcomer(maple, f"1390000{n:04d}", f"Member {n}", surname="林" if n == 0 else "", consents=("messages", "profiling"))
        for n in range(count)
    ]
    ids = members.join_many(region=REGION, newcomers=newcomers)
    known.facts = {member_id: facts(maple, spend=100_000 + 1000 * n) for n, member_id in enumerate(ids)}
    return Town(maple, cedar, alice, charlie, ids, known)


TEST_WAKE = """
format: linli.playbook/1
slug: test-wake
name: {zh: 试, en: Test}
hypothesis: {zh: 试, en: Test}
audience: segments has "high_value" and recency_days > gap_median_days * 2
trigger: daily
enter_days: 28
holdout: 0.3
budget_minor: {USD: 100_000}
coupons:
  hello: {face_minor: {USD: 300}, minimum_minor: {USD: 2_500}, valid_days: 7}
  basket: {face_minor: {USD: 700}, minimum_minor: {USD: 6_000}, valid_days: 14}
steps:
  - name: ask
    effect: leader_task
    coupons: [hello, basket]
    expires_days: 3
    failover: message
    words:
      zh: {title: 给您的券, say: ["{hello}，{recency_days} 天没见您。{pack}", "{hello}，给您放了券：{pack}"]}
      en: {title: Coupons, say: "{hello}, coupons: {pack}"}
  - name: back
    wait: {days: 7, until: purchase}
    goes: {met: bought, timeout: quiet}
  - name: bought
    exit: bought
  - name: quiet
    exit: no_purchase
metric: {name: amount, window_days: 28}
guardrails: [orders]
"""


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """The shipped playbooks of these tests: a folder of their own."""
    from linli.engage import reading

    (tmp_path / "test-wake.yaml").write_text(TEST_WAKE, encoding="utf-8")
    monkeypatch.setattr(reading, "SHIPPED", tmp_path)
    return tmp_path


def edit(shelf: Any, *changes: tuple[str, str], slug: str = "test-wake", source: str = TEST_WAKE) -> None:
    """Change the playbook's text."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    (shelf / f"{slug}.yaml").write_text(source, encoding="utf-8")


def later(days: float) -> Any:
    """The clock some days after nine."""
    return clocks.fixed(business=NINE + timedelta(days=days))


def kinds() -> list[str]:
    """Every fact told so far, oldest first."""
    return [e.kind for e in events.after(0, 0, limit=10_000)]


def withdraw(member_id: int, scope: str) -> None:
    """The member says no, and engage hears it."""
    consent.withdraw(member_id=member_id, scope=scope)
    read([e for e in events.after(0, 0, limit=10_000) if e.kind == "people.consent_changed" and not e.payload["granted"]])


def read(batch: list[Event]) -> None:
    """Hand events over as a reader gets them: in one transaction."""
    with transaction.atomic():
        runs.on_event(batch)
