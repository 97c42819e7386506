"""Every code that engage can say has its words, in both languages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import linli
from linli.engage import models, playbook, rules, tasks

ROOT = Path(linli.__file__).parent


def flat(tree: dict[str, object], prefix: str = "") -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            path = f"{prefix}.{name}".lstrip(".")
            own = {k: v for k, v in value.items() if isinstance(v, str)}
            if own:
                found[path] = own
            found |= flat(value, path)
    return found


def table(language: str) -> dict[str, dict[str, str]]:
    return flat(tomllib.loads((ROOT / "web" / "words" / f"engage.{language}.toml").read_text()))


def spoken() -> set[str]:
    sources = "".join(p.read_text() for p in (ROOT / "engage").glob("*.py"))
    codes = set(re.findall(r'Refusal\(\s*"(engage\.[a-z_.]+)"', sources)) | set(re.findall(r'Reason\("(engage\.[a-z_.]+)"', sources))
    gates = re.findall(r'Answer\("(?:drop|withhold)", "([a-z_]+)"', sources) + re.findall(r'held_until\([^"]*"([a-z_]+)"', sources)
    codes |= {f"engage.gate.{g}" for g in [*gates, "stopped", "run_ended"]}
    codes |= {f"engage.skip.{s}" for s in tasks.SKIP_REASONS} | {f"engage.task_state.{s}" for s in models.LeaderTask.State.values}
    codes |= {f"engage.channel.{c}" for c in playbook.CHANNELS} | {f"engage.wait.{w}" for w in playbook.WAITS}
    codes |= {f"engage.metric.{m}" for m in playbook.METRICS} | {f"engage.arm.{a}" for a in (rules.TREATED, rules.HOLDOUT)}
    return codes


def test_both_languages_say_the_same_codes() -> None:
    assert table("zh").keys() == table("en").keys()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_words(language: str) -> None:
    assert not spoken() - table(language).keys()


def test_both_languages_fill_the_same_facts() -> None:
    zh, en = table("zh"), table("en")
    for code, says in zh.items():
        for part, text in says.items():
            assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", en[code][part])), (code, part)
