"""The rule language: what it reads, what it refuses, and that both engines mean the same."""

from __future__ import annotations

import contextlib

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linli.engage import audience, expression
from linli.engage.audience import Name
from linli.kernel.refusals import Refusal

SCHEMA = audience.schema(
    [
        Name("recency_days", "number"),
        Name("gap_median_days", "number"),
        Name("spend_365d_minor", "number"),
        Name("churn_risk", "number"),
        Name("stage", "text"),
        Name("segment", "labels", frozenset({"at_risk", "vip", "new"})),
        Name("private_label_fan", "bool"),
    ]
)
ALICE = {
    "recency_days": 40,
    "gap_median_days": 9.0,
    "spend_365d_minor": 120_000,
    "churn_risk": 0.7,
    "stage": "lapsed",
    "segment": ["at_risk", "vip"],
    "private_label_fan": True,
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('segment has "at_risk" and churn_risk >= 0.4 and spend_365d_minor >= 50_000 and recency_days > gap_median_days * 2', True),
        ('segment has "new"', False),
        ("recency_days between 40 and 60", True),
        ("recency_days between 41 and 60", False),
        ('stage in ["lapsed", "asleep"] and not (churn_risk < 0.5)', True),
        ('stage not in ["lapsed"]', False),
        ("recency_days / gap_median_days > 4", True),
        ("-recency_days < -39", True),
        ("1 + 2 * 3 == 7", True),
        ("private_label_fan", True),
        ("not private_label_fan == true", False),
        ("recency_days / (gap_median_days - 9) > 0 or stage == 'lapsed'", True),
        ("recency_days / (gap_median_days - 9) > 0 or stage == 'new'", False),
        ("recency_days in [-1, 40]", True),
    ],
)
def test_it_reads(text: str, fits: bool) -> None:
    assert audience.compile(text, SCHEMA).check(ALICE) is fits


def test_unknown_is_neither_true_nor_false() -> None:
    nobody = {**ALICE, "churn_risk": None}
    for text in ("churn_risk > 0.4", "not (churn_risk > 0.4)", "churn_risk in [0.7]", "churn_risk + 1 > 0"):
        rule = audience.compile(text, SCHEMA)
        assert rule.truth(nobody) is None, text
        assert rule.check(nobody) is False
    assert audience.compile("churn_risk > 0.4 or stage == 'lapsed'", SCHEMA).check(nobody)
    assert audience.compile("not (churn_risk > 0.4 and stage == 'new')", SCHEMA).check(nobody)
    assert audience.compile("churn_risk is not known", SCHEMA).check(nobody)
    assert audience.compile("churn_risk is known", SCHEMA).check({"churn_risk": float("nan")}) is False


@pytest.mark.parametrize(
    ("text", "code", "facts"),
    [
        ("recency_day > 3", "engage.unknown_name", {"name": "recency_day", "suggestion": "recency_days", "position": 0}),
        ("churn_risk > 0.1 and xyzzy > 1", "engage.unknown_name", {"suggestion": "", "position": 21}),
        ('segment has "at_rsk"', "engage.unknown_label", {"suggestion": "at_risk", "position": 8}),
        ("stage > 3", "engage.wrong_kind", {"found": "text", "expected": "number", "position": 0}),
        ("stage == 3", "engage.wrong_kind", {"found": "number", "expected": "text", "position": 9}),
        ('churn_risk has "vip"', "engage.wrong_kind", {"found": "number", "expected": "labels"}),
        ("churn_risk + 1", "engage.wrong_kind", {"found": "number", "expected": "bool"}),
        ("churn_risk > ", "engage.unreadable", {"position": 13, "found": ""}),
        ("1 < recency_days < 5", "engage.unreadable", {"position": 17, "found": "<"}),
        ("recency_days > 3 churn_risk", "engage.unreadable", {"position": 17, "found": "churn_risk"}),
        ("recency_days.__class__ > 3", "engage.unreadable", {"position": 12, "found": "."}),
        ("__import__('os')", "engage.unreadable", {"position": 10, "found": "("}),
        ("recency_days == 1; drop table", "engage.unreadable", {"position": 17, "found": ";"}),
        ("recency_days in [gap_median_days]", "engage.unreadable", {"found": "gap_median_days"}),
        ("recency_days > 3days", "engage.unreadable", {"position": 15}),
        ("recency_days > 9999999999999", "engage.number_too_big", {"position": 15}),
        ("", "engage.empty_rule", {}),
        ("(" * 60 + "true" + ")" * 60, "engage.too_deep", {}),
        ("not " * 60 + "true", "engage.too_deep", {}),
        ("-" * 60 + "1 > 0", "engage.too_deep", {}),
        ("true or " * 400 + "true", "engage.too_long", {}),
    ],
)
def test_it_refuses_and_says_where(text: str, code: str, facts: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        audience.compile(text, SCHEMA)
    assert refused.value.code == code
    assert {k: refused.value.facts[k] for k in facts} == facts


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(Refusal):
        audience.compile(text, SCHEMA)


# --- both engines mean the same ---------------------------------------------------------------------------

numbers = st.sampled_from(["recency_days", "gap_median_days", "spend_365d_minor", "churn_risk", "0", "1", "0.5", "40", "50000"])
arithmetic = st.recursive(
    numbers, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | inner.map("-{}".format), max_leaves=4
)
tests = (
    st.builds("{} {} {}".format, arithmetic, st.sampled_from(sorted(expression.COMPARISONS)), arithmetic)
    | st.builds("{} between {} and {}".format, arithmetic, arithmetic, arithmetic)
    | st.builds("{} in [0, 1, 40]".format, arithmetic)
    | st.builds("{} is known".format, arithmetic)
    | st.sampled_from(
        [
            'segment has "vip"',
            'segment has "at_risk"',
            "segment is not known",
            'stage == "lapsed"',
            'stage != "new"',
            'stage not in ["lapsed", "new"]',
            "private_label_fan",
            "private_label_fan != false",
            "true",
        ]
    )
)
rules = st.recursive(
    tests,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner) | inner.map("not ({})".format),
    max_leaves=5,
)
figures = st.none() | st.sampled_from([0.0, 1.0, -1.0, 0.5, 40.0, 9.0, 1e12]) | st.floats(-1e6, 1e6, width=32)
members = st.fixed_dictionaries(
    {
        "recency_days": st.none() | st.integers(0, 400),
        "gap_median_days": figures,
        "spend_365d_minor": st.none() | st.integers(-(2**40), 2**40),
        "churn_risk": figures | st.just(float("nan")),
        "stage": st.none() | st.sampled_from(["lapsed", "new", "asleep", ""]),
        "segment": st.none() | st.lists(st.sampled_from(["at_risk", "vip", "new"]), max_size=3),
        "private_label_fan": st.none() | st.booleans(),
    }
)
COLUMNS = {
    "recency_days": "int64",
    "gap_median_days": "float64",
    "spend_365d_minor": "int64",
    "churn_risk": "float64",
    "stage": "string",
    "segment": "array<string>",
    "private_label_fan": "boolean",
}


@settings(max_examples=25, deadline=None)
@given(st.lists(rules, min_size=1, max_size=8), st.lists(members, min_size=1, max_size=12))
def test_one_member_and_many_members_agree(texts: list[str], people: list[dict[str, object]]) -> None:
    compiled = [audience.compile(text, SCHEMA) for text in texts]
    table = ibis.memtable(_frame(people), schema={"n": "int64", **COLUMNS})
    found = table.select("n", **{f"r{i}": rule.ibis(table) for i, rule in enumerate(compiled)}).order_by("n").to_pyarrow().to_pydict()
    for i, rule in enumerate(compiled):
        for n, person in enumerate(people):
            assert bool(found[f"r{i}"][n]) is rule.check(person), (rule.text, person)


def _frame(people: list[dict[str, object]]) -> pa.Table:
    kinds = {"n": pa.int64(), "recency_days": pa.int64(), "gap_median_days": pa.float64(), "spend_365d_minor": pa.int64()}
    kinds |= {"churn_risk": pa.float64(), "stage": pa.string(), "segment": pa.list_(pa.string()), "private_label_fan": pa.bool_()}
    rows = [{"n": n, **person} for n, person in enumerate(people)]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))


def test_an_empty_table_is_an_empty_audience() -> None:
    table = ibis.memtable(_frame([]), schema={"n": "int64", **COLUMNS})
    assert table.filter(audience.compile("recency_days > 1", SCHEMA).ibis(table)).count().to_pyarrow().as_py() == 0
