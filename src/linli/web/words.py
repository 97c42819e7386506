"""Words for codes: lower rooms speak in codes, every surface says the same words for them.

`words/<room>.zh.toml` and `words/<room>.en.toml` hold tables named by code:

    [trade.sold_out]
    says = "只剩 {left} 份"
    do = "改成 {left} 份再下单"

`says` is the sentence, `do` what to do next; `says_none` and `do_none` take their place when nothing is `left`. A
code that is only a name (a segment, a state) has `says` alone.
Facts named `*_minor` are written as money of `currency`, `*_share` as percent, the rest as they are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language

from linli.kernel import money
from linli.kernel.refusals import Refusal

FOLDER = Path(__file__).parent / "words"
_RAISED = re.compile(r"""Refusal\(\s*["']([a-z_]+\.[a-z_.]+)["']""")


class _Facts(dict[str, str]):
    """Facts for a sentence; one that was not told stays visible as a gap, and never breaks the page."""

    def __missing__(self, name: str) -> str:
        return "…"


@lru_cache(maxsize=4)
def table(language: str) -> dict[str, dict[str, str]]:
    """Every code's words in "zh" or "en". Raises ValueError when two files word one code."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.glob(f"*.{language}.toml")):
        for code, words in _flat(tomllib.loads(path.read_text()), ""):
            if code in found:
                raise ValueError(f"{code} is worded twice; the second time in {path.name}")
            found[code] = words
    return found


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, dict[str, str]]]:
    rows: list[tuple[str, dict[str, str]]] = []
    own = {k: v for k, v in tree.items() if isinstance(v, str)}
    if own:
        rows.append((prefix, own))
    for name, branch in tree.items():
        if isinstance(branch, dict):
            rows += _flat(branch, f"{prefix}.{name}" if prefix else name)
    return rows


def language_of(code: str | None = None) -> str:
    """ "zh" or "en" for a Django language code (default: the active one)."""
    return "en" if (code or get_language() or "").startswith("en") else "zh"


def _filled(sentence: str, facts: Mapping[str, object]) -> str:
    currency = str(facts.get("currency", "USD"))
    return sentence.format_map(_Facts({name: _told(name, value, currency) for name, value in facts.items()}))


def _told(name: str, value: object, currency: str) -> str:
    if name.endswith("_minor") and isinstance(value, int | float):
        return money.plain(round(value), currency)
    if name.endswith("_share") and isinstance(value, int | float):
        return f"{value * 100:.0f}%"
    return f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def refusal(refused: Refusal, language: str | None = None) -> tuple[str, str]:
    """What to say of a refusal, and what the person can do about it."""
    words = table(language_of(language)).get(refused.code) or table(language_of(language))["web.refused"]
    if refused.facts.get("left") == 0:
        words = {**words, "says": words.get("says_none", words["says"]), "do": words.get("do_none", words.get("do", ""))}
    return _filled(words["says"], refused.facts), _filled(words.get("do", ""), refused.facts)


def code(name: str, language: str | None = None, **facts: object) -> str:
    """The words of a code: code("segment.vip") -> "贵客". An unknown code shows itself, so that it is found."""
    words = table(language_of(language)).get(name)
    return _filled(words["says"], facts) if words else name


def refusal_codes() -> set[str]:
    """Every code that a verb of this package raises, read from its source."""
    source = FOLDER.parent.parent
    return {c for path in source.rglob("*.py") for c in _RAISED.findall(path.read_text())}


def refusal_table(language: str) -> dict[str, dict[str, str]]:
    """The words of the codes that are raised, for docs/refusals.md."""
    raised = refusal_codes() | {"web.refused"}
    return {c: w for c, w in table(language).items() if c in raised}


def why(name: str, language: str | None = None, **facts: object) -> str:
    """Why a label or segment is there: the words of "<name>.why"; "" when there are none."""
    return _beside(name, "why", language, facts)


def do(name: str, language: str | None = None, **facts: object) -> str:
    """What to do about it: the words of "<name>.do", or the `do` beside its `says`; "" when there are none."""
    return _beside(name, "do", language, facts)


def _beside(name: str, field: str, language: str | None, facts: Mapping[str, object]) -> str:
    known = table(language_of(language))
    sentence = known.get(f"{name}.{field}", {}).get("says") or known.get(name, {}).get(field, "")
    return _filled(sentence, facts)
