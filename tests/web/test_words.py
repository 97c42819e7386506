"""Words for codes: both languages have them, every refusal raised is worded, facts fill the sentences."""

from __future__ import annotations

import ast
import string
from functools import cache
from pathlib import Path

import pytest

from linli.kernel import events
from linli.kernel.refusals import Refusal
from linli.web import words

SOURCE = Path(words.__file__).parents[1]


@cache
def raised() -> dict[str, set[str]]:
    """Code -> names of the facts it is raised with, read from the syntax tree of every module."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Refusal" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    found.setdefault(code.value, set()).update(k.arg for k in node.keywords if k.arg)
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_is_worded(language: str) -> None:
    missing = sorted(set(raised()) - set(words.table(language)))
    assert not missing, f"add them to words/<room>.{language}.toml"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refusal_says_what_to_do(language: str) -> None:
    silent = [code for code in raised() if not words.table(language).get(code, {}).get("says")]
    assert not silent


def test_both_languages_word_the_same_codes() -> None:
    zh, en = words.table("zh"), words.table("en")
    assert zh.keys() ^ en.keys() == set()
    assert not [code for code in zh if zh[code].keys() != en[code].keys()]


def test_sentences_name_the_same_facts_in_both_languages() -> None:
    def facts(sentence: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}

    zh, en = words.table("zh"), words.table("en")
    apart = [c for c in zh if c in raised() and facts(" ".join(zh[c].values())) ^ facts(" ".join(en.get(c, {}).values()))]
    assert not apart


def test_english_words_are_english() -> None:
    assert not [c for c, w in words.table("en").items() if any("\u4e00" <= ch <= "\u9fff" for ch in " ".join(w.values()))]


def test_facts_fill_the_words() -> None:
    says, _do = words.refusal(Refusal("web.refused"), "en")
    assert says == "Could not be done"
    assert words.code("event.trade.order_paid", "en", paid_minor=4990, currency="USD") == "Paid $49.90"
    assert words.code("event.trade.order_paid", "zh", paid_minor=4990, currency="CNY") == "付款 ¥49.90"


def test_a_fact_that_was_not_told_leaves_a_gap_and_no_error() -> None:
    assert words.code("event.trade.order_paid", "en") == "Paid …"


def test_an_unknown_refusal_still_says_something() -> None:
    assert words.refusal(Refusal("nobody.knows"), "en") == ("Could not be done", "Refresh and try again")


def test_an_unknown_code_shows_itself() -> None:
    assert words.code("nobody.knows", "zh") == "nobody.knows"


def test_nothing_left_is_not_only_zero_left() -> None:
    some, none = (words.refusal(Refusal("trade.sold_out", left=left), "zh") for left in (2, 0))
    assert some[0] == "来晚一步，只剩 2 份"
    assert "0" not in "".join(none) and none != some


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_member_s_story_has_words_for_whatever_may_be_told_of_them(language: str) -> None:
    kinds = [kind for kind, fact in events.KINDS.items() if "member_id" in fact.__dataclass_fields__ and not kind.startswith("engage.")]
    assert len(kinds) > 25
    assert not [kind for kind in kinds if words.code(f"event.{kind}", language) in (f"event.{kind}", kind)]
