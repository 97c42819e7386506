"""Every code that knowledge tells has words in both languages, and the words ask only for facts that come."""

from __future__ import annotations

import string

import pytest

from linli.insight import reasons, reference, rules, segments
from linli.web import words

CODES = [
    *(f"reason.{c}" for c in reasons.CODES), *(f"label.{c}" for c in (*segments.LABELS, "not_profiled")),
    *(f"segment.{c}" for c in segments.REGISTRY), *(f"lifecycle.{c}" for c in rules.LIFECYCLE), *(f"response.{n}" for n in range(4)),
    *(f"want.{brief}{n}" for brief in ("", "brief.") for n in ("repeat.due", "repeat.rhythm", "repeat.times", "repeat.once")),
    *(f"want.{brief}{n}" for brief in ("", "brief.") for n in ("explore.beside", "explore.near", "explore.popular", "here", "region")),
    *(f"{kind}.{n}" for kind in ("model", "value", "basket") for n in ("good", "old", "unjudged", "below_baseline", "no_history")),
    *(f"alert.{c}" for c in ("stale", "at_risk_valuable", "went_silent", "metric_missed", "community_silent", "model_old", "model_unjudged",
                             "model_below_baseline", "model_no_history")),
]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_words(language: str) -> None:
    table = words.table(language)
    assert not [c for c in CODES if "says" not in table.get(c, {})]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_labels_and_reasons_ask_only_for_facts_that_come(language: str) -> None:
    table = words.table(language)

    def wanted(code: str) -> set[str]:
        sentences = " ".join(table[code].get(part, "") for part in ("says", "why"))
        return {name for _, name, _, _ in string.Formatter().parse(sentences) if name}

    known = dict.fromkeys(("risk", *(n for s in segments.REGISTRY.values() for n in s.facts)), 1)
    for s in segments.REGISTRY.values():
        if f"label.{s.key}" in table:
            assert wanted(f"label.{s.key}") <= segments.why(s.key, known).keys(), s.key
    for family, names in reasons.REASON_FACTS.items():
        facts = reasons.plain(dict.fromkeys(names, 1), names).keys()
        assert wanted(f"reason.{family}.up") | wanted(f"reason.{family}.down") <= facts, family


def test_the_sign_of_a_reason_is_in_its_code() -> None:
    known = {"recency_days": 26, "gap_median_days": 9.0}
    assert reasons.reason("recency", 31.2, known) == ("recency.up", 31.2, known)
    assert reasons.reason("recency", -3.0, {"recency_days": 26})[0] == "recency_only.down"
    assert reasons.reason("strange", 3.0, {})[0] == "other.up"


def test_the_pages_name_every_metric_feature_and_segment() -> None:
    from linli.insight import features, metrics

    page = reference.metrics_page()
    assert all(f"`{key}`" in page for key in metrics.REGISTRY)
    page = reference.features_page()
    assert all(f"`{key}`" in page for key in [*features.REGISTRY, *segments.REGISTRY])
