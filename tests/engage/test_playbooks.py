"""Reading playbooks: what is good is read, and every problem is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from linli.engage import audience, library, plan, playbook, reading, reference, rules, words
from linli.engage.audience import Name
from linli.kernel.refusals import Refusal

from .conftest import TEST_WAKE

NAMES = audience.schema(
    [
        Name("segments", "labels", frozenset({"high_value", "at_risk", "high_value_silent"})),
        Name("recency_days", "number"),
        Name("gap_median_days", "number"),
        Name("risk", "number"),
    ]
)
SHIPPED = Path(reading.__file__).parent / "playbooks"


def problems(text: str) -> dict[str, str]:
    with pytest.raises(Refusal, match=r"engage\.bad_playbook") as refused:
        reading.read(text, NAMES)
    return {p.path: p.code for p in refused.value.facts["problems"]}  # type: ignore[attr-defined]


def told(text: str) -> str:
    with pytest.raises(Refusal) as refused:
        reading.read(text, NAMES)
    return " | ".join(map(str, refused.value.facts["problems"]))  # type: ignore[call-overload]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda p: p.stem)
def test_what_ships_is_good(path: Path) -> None:
    book = reading.read(path.read_text(encoding="utf-8"), NAMES)
    assert book.slug == path.stem
    assert book.holdout_share >= 0.05
    for currency in book.budget_minor:
        assert book.worst_cost(currency) < book.budget(currency)


def test_the_version_is_the_text() -> None:
    one = reading.read(TEST_WAKE, NAMES)
    assert one.version == reading.read(TEST_WAKE, NAMES).version == reading.version_of(TEST_WAKE)
    assert one.version != reading.read(TEST_WAKE.replace("days: 7,", "days: 8,"), NAMES).version


@pytest.mark.parametrize(
    ("old", "new", "where", "code"),
    [
        ("format: linli.playbook/1", "format: linli.playbook/9", "format", "unknown_choice"),
        ("slug: test-wake", "slug: Test Wake", "slug", "bad_name"),
        ("name: {zh: 试, en: Test}", "name: {zh: 试}", "name.en", "missing"),
        ("trigger: daily", "trigger: dayly", "trigger", "unknown_choice"),
        ("holdout: 0.3", "holdout: 1.3", "holdout", "not_in_range"),
        ("holdout: 0.3", "holdout: yes", "holdout", "not_in_range"),
        ("budget_minor: {USD: 100_000}", "budget_minor: {USD: -1}", "budget_minor.USD", "not_in_range"),
        ("budget_minor: {USD: 100_000}", "budget_minor: {XXX: 1}", "budget_minor.XXX", "unknown_key"),
        ("minimum_minor: {USD: 2_500}", "minimum_minor: {USD: 300}", "coupons.hello.minimum_minor.USD", "below_face"),
        ("minimum_minor: {USD: 2_500}", "minimum_minor: {CNY: 2_500}", "coupons.hello.minimum_minor.USD", "missing"),
        ("valid_days: 7}", "valid_days: 0}", "coupons.hello.valid_days", "not_in_range"),
        ("coupons: [hello, basket]", "coupons: [hello, baskett]", "steps[0].coupons[1]", "unknown_choice"),
        ("effect: leader_task", "effect: leader_tsk", "steps[0].effect", "unknown_choice"),
        ("name: back", "name: ask", "steps[1].name", "twice"),
        ("until: purchase", "until: purchas", "steps[1].wait.until", "unknown_choice"),
        ("timeout: quiet", "timeout: ask", "steps[1].goes.timeout", "unknown_choice"),  # only forward: every run ends
        ("{hello}，{recency_days} 天没见您。{pack}", "{hello}，{recncy_days} 天", "steps[0].words.zh.say[0]", "unknown_placeholder"),
        ("{hello}，{recency_days} 天没见您。{pack}", "满 25 减 3", "steps[0].words.zh.say[0]", "claim_typed"),
        ("{hello}，给您放了券：{pack}", "{hello}，免费送", "steps[0].words.zh.say[1]", "claim_typed"),
        ("{hello}，给您放了券：{pack}", "{hello}，您常买的{usual}", "steps[0].words.zh.say[1]", "may_be_unknown"),
        ("{hello}，给您放了券：{pack}", "{hello!r}", "steps[0].words.zh.say[1]", "bad_placeholder"),
        ("{hello}，给您放了券：{pack}", "{hello.__class__}", "steps[0].words.zh.say[1]", "unknown_placeholder"),
        ("{title: 给您的券, ", "{", "steps[0].words", "failover_needs_title"),
        ("metric: {name: amount,", "metric: {name: amunt,", "metric.name", "unknown_choice"),
        ("recency_days > gap", "recency_day > gap", "audience", "bad_rule"),
        ("guardrails: [orders]", "guardrails: [ordrs]", "guardrails[0]", "unknown_choice"),
        ("expires_days: 3", "expire_days: 3", "steps[0].expire_days", "unknown_key"),
    ],
)
def test_every_problem_has_its_place(old: str, new: str, where: str, code: str) -> None:
    assert old in TEST_WAKE
    assert problems(TEST_WAKE.replace(old, new)).get(where) == code


def test_problems_suggest_and_come_all_at_once() -> None:
    text = TEST_WAKE.replace("recency_days > gap", "recency_day > gap").replace("effect: leader_task", "effect: leader_tsk")
    said = told(text)
    assert "recency_days" in said and "leader_task" in said


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a: [", "a: 1\na: 2", "a: &x [1]\nb: *x", "x" * 70_000, "!!python/object:os.system {}", "- 1", "null", "steps: {}"],
)
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(Refusal, match=r"engage\.bad_playbook"):
        reading.read(text, NAMES)


def test_no_shape_breaks_it() -> None:
    """Whatever stands in a key's place, it is a problem with a path and no crash."""
    good = yaml.safe_load(TEST_WAKE)
    for key in good:
        for odd in (None, 1, "x", [], {}, [[]], {"a": {}}, True):
            text = yaml.safe_dump(good | {key: odd}, allow_unicode=True)
            try:
                reading.read(text, NAMES)
            except Refusal as refusal:
                assert refusal.code == "engage.bad_playbook" and refusal.facts["problems"]


BRANCHES = (
    TEST_WAKE.split("steps:")[0]
    + """steps:
  - name: risky
    branch: {if: risk >= 0.5}
    goes: {yes: give, no: nap}
  - name: nap
    wait: {days: 2}
  - name: draw
    branch: {split: {give: 0.5, done: 0.5}}
  - name: give
    effect: coupon
    coupons: [hello]
  - name: done
    exit: done
metric: {name: orders, window_days: 14}
"""
)


def test_branches_lead_by_rule_and_by_draw() -> None:
    book = reading.read(BRANCHES.replace("yes:", '"yes":').replace("no:", '"no":'), NAMES)

    def walk(start: str, member_id: int = 1, **facts: Any) -> plan.Stop:
        return plan.walk(book, book.step(start), member_id=member_id, salt="s", facts=lambda: facts, names=NAMES)

    assert walk("risky", risk=0.6).step == book.step("give")
    assert walk("risky", risk=0.4).step == book.step("nap")
    assert walk("risky", risk=None).passed == (plan.Passed("risky", "no"),)  # unknown is no
    ends = [walk("draw", m) for m in range(400)]
    assert 150 < sum(e.reason == "done" for e in ends) < 250
    assert ends == [walk("draw", m) for m in range(400)]
    assert plan.names_read(book) == {"risk"}
    assert rules.split("s", "draw", 1, (("a", 1.0),)) == "a"


def test_plain_yes_and_no_are_understood_as_keys() -> None:
    """YAML 1.1 reads `yes:` as true; an author shouldn't have to know."""
    assert reading.read(BRANCHES, NAMES).step("risky").goes == {"yes": "give", "no": "nap"}  # type: ignore[union-attr]


def test_words_fall_back_to_what_is_known() -> None:
    choices = ("{hello}，您常买的{usual}", "{hello}，{recency_days} 天", "{hello}")

    def say(surname: str = "", usual: tuple[str, ...] = (), recency: int | None = None) -> str:
        values = words.values(language="zh", surname=surname, usual=usual, recency_days=recency, gap_days=None, coupons=(), currency="USD")
        return words.fill(choices, values)

    assert say("林", ("香蕉", "牛奶"), 5) == "林邻居，您常买的香蕉、牛奶"
    assert say("", (), 5) == "邻居您好，5 天"
    assert say() == "邻居您好"
    with pytest.raises(Refusal, match=r"engage\.no_words"):
        words.fill(("{usual}",), {"usual": ""})


def test_a_name_with_braces_stays_a_name() -> None:
    assert words.fill(("{hello}",), {"hello": "{pack}", "pack": "secret"}) == "{pack}"


def test_an_unknown_playbook_suggests_the_right_one() -> None:
    with pytest.raises(Refusal) as refused:
        library.text("test-wak")
    assert refused.value.facts["suggestion"] == "test-wake"


def test_amounts_of_another_currency_are_not_invented() -> None:
    with pytest.raises(Refusal, match=r"engage\.no_amount"):
        playbook.amount({"USD": 1}, "CNY", "budget_minor")


def test_every_shipped_playbook_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHIPPED", SHIPPED)
    page = reference.playbooks_page()
    for path in SHIPPED.glob("*.yaml"):
        assert f"`{path.stem}`" in page
