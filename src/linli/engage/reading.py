"""Reading a playbook: YAML -> checked values. Every problem is listed with its path; one wrong key is a problem, not a guess."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from linli.engage import audience, words
from linli.engage import playbook as p
from linli.engage.audience import suggest
from linli.kernel.money import CURRENCIES
from linli.kernel.refusals import Refusal

MOST_BYTES = 64_000
SHIPPED = Path(__file__).parent / "playbooks"
CATEGORIES = ("fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Problem:
    """What is wrong and where: a code `engage.playbook.<code>` of web/words and its facts."""

    path: str
    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ", ".join(f"{k}={v!r}" for k, v in self.facts.items() if v != "")
        return f"{self.path}: {self.code}" + (f" ({told})" if told else "")


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key twice is an error, and so are anchors (a file of 1 kB could unfold to gigabytes)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("anchors are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [k for i, k in enumerate(keys) if k in keys[:i]]:
            raise yaml.YAMLError(f"the key {twice[0]} is there twice")
        return super().construct_mapping(node, deep=deep)


def version_of(text: str) -> str:
    """The version of a text: 12 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(text: str, names: audience.Schema) -> p.Playbook:
    """A playbook from its text. Raises Refusal engage.bad_playbook(slug, problems: list[Problem])."""
    if len(text.encode()) > MOST_BYTES:
        raise Refusal("engage.bad_playbook", slug="", problems=[Problem("", "too_big", {"most": MOST_BYTES})])
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, made stricter
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refusal("engage.bad_playbook", slug="", problems=[Problem("", "not_yaml", {"error": str(error)[:300]})]) from error
    reader = _Reader(names)
    book = reader.playbook(data, text)
    if reader.problems or book is None:
        slug = data.get("slug", "") if isinstance(data, dict) else ""
        raise Refusal("engage.bad_playbook", slug=str(slug), problems=reader.problems)
    return book


class _Reader:
    """Collects problems while it reads, so that a person mends all of them at once."""

    def __init__(self, names: audience.Schema) -> None:
        self.names = names
        self.problems: list[Problem] = []

    def wrong(self, path: str, code: str, **facts: Any) -> None:
        self.problems.append(Problem(path, code, facts))

    def mapping(self, data: Any, path: str, known: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Any]:
        """A mapping with these keys; strangers get a suggestion."""
        if not isinstance(data, dict):
            self.wrong(path, "not_a_mapping")
            return {}
        for key in data:
            if key not in known:
                self.wrong(f"{path}.{key}".lstrip("."), "unknown_key", suggestion=suggest(str(key), known))
        for key in needed:
            if key not in data:
                self.wrong(f"{path}.{key}".lstrip("."), "missing")
        return {str(k): v for k, v in data.items()}

    def text(self, data: Any, path: str) -> str:
        if not isinstance(data, str) or not data.strip():
            self.wrong(path, "not_text")
            return ""
        return data.strip()

    def number(self, data: Any, path: str, low: float, high: float, *, whole: bool = False) -> float:
        if isinstance(data, int | float) and not isinstance(data, bool) and low <= data <= high and (not whole or data == int(data)):
            return data
        self.wrong(path, "not_in_range", low=low, high=high, found=str(data))
        return low

    def choice(self, data: Any, path: str, options: Iterable[str]) -> str:
        if data not in options:
            self.wrong(path, "unknown_choice", found=str(data), suggestion=suggest(str(data), options), options=", ".join(options))
            return ""
        return str(data)

    def both(self, data: Any, path: str) -> tuple[str, str]:
        found = self.mapping(data, path, ("zh", "en"), ("zh", "en"))
        return tuple(self.text(found.get(k, "-"), f"{path}.{k}") for k in ("zh", "en"))  # type: ignore[return-value]

    def amounts(self, data: Any, path: str, low: int) -> dict[str, int]:
        found = self.mapping(data, path, tuple(CURRENCIES))
        if not found:
            self.wrong(path, "missing")
        return {k: int(self.number(v, f"{path}.{k}", low, 10**12, whole=True)) for k, v in found.items() if k in CURRENCIES}

    def rule(self, data: Any, path: str) -> str:
        text = self.text(data, path)
        if text:
            try:
                audience.compile(text, self.names)
            except Refusal as refusal:
                self.wrong(path, "bad_rule", because=refusal.code, **refusal.facts)
        return " ".join(text.split())

    def playbook(self, data: Any, text: str) -> p.Playbook | None:
        needed = ("format", "slug", "name", "hypothesis", "audience", "trigger", "holdout", "budget_minor", "steps", "metric")
        top = self.mapping(data, "", (*needed, "coupons", "guardrails", "enter_days"), needed)
        if not top or self.problems:
            return None
        if top["format"] != p.FORMAT:
            self.wrong("format", "unknown_choice", found=str(top["format"]), suggestion=p.FORMAT, options=p.FORMAT)
        if not isinstance(top["slug"], str) or not _SLUG.match(top["slug"]) or len(top["slug"]) > 48:
            self.wrong("slug", "bad_name", found=str(top["slug"]))
        name, hypothesis = self.both(top["name"], "name"), self.both(top["hypothesis"], "hypothesis")
        coupons = self.coupons(top.get("coupons", {}))
        metric = self.mapping(top["metric"], "metric", ("name", "window_days"), ("name", "window_days"))
        guardrails = top.get("guardrails", [])
        if not isinstance(guardrails, list):
            self.wrong("guardrails", "not_a_list")
            guardrails = []
        return p.Playbook(
            slug=str(top["slug"]),
            version=version_of(text),
            name_zh=name[0],
            name_en=name[1],
            hypothesis_zh=hypothesis[0],
            hypothesis_en=hypothesis[1],
            audience=self.rule(top["audience"], "audience"),
            trigger=self.choice(top["trigger"], "trigger", ("daily", "entering")),  # type: ignore[arg-type]
            enter_days=int(self.number(top.get("enter_days", 0), "enter_days", 0, 366, whole=True)),
            holdout_share=self.number(top["holdout"], "holdout", 0, 0.9),
            budget_minor=self.amounts(top["budget_minor"], "budget_minor", 0),
            coupons=coupons,
            steps=self.steps(top["steps"], coupons),
            metric=self.choice(metric.get("name"), "metric.name", p.METRICS),
            window_days=int(self.number(metric.get("window_days"), "metric.window_days", 1, 366, whole=True)),
            guardrails=tuple(self.choice(g, f"guardrails[{i}]", p.GUARDRAILS) for i, g in enumerate(guardrails)),
            text=text,
        )

    def coupons(self, data: Any) -> tuple[p.Coupon, ...]:
        found = []
        for name, spec in self.mapping(data, "coupons", data if isinstance(data, dict) else ()).items():
            path = f"coupons.{name}"
            if not _NAME.match(name):
                self.wrong(path, "bad_name", found=name)
            keys = ("face_minor", "minimum_minor", "valid_days", "category")
            spec = self.mapping(spec, path, keys, keys[:3])
            face = self.amounts(spec.get("face_minor", {}), f"{path}.face_minor", 1)
            minimum = self.amounts(spec.get("minimum_minor", {}), f"{path}.minimum_minor", 0)
            for currency in face:
                if currency not in minimum:
                    self.wrong(f"{path}.minimum_minor.{currency}", "missing")
                elif minimum[currency] <= face[currency]:  # trade's rule: something is always left to pay
                    self.wrong(f"{path}.minimum_minor.{currency}", "below_face", face=face[currency])
            category = self.choice(spec["category"], f"{path}.category", CATEGORIES) if "category" in spec else ""
            days = int(self.number(spec.get("valid_days"), f"{path}.valid_days", 1, 366, whole=True))
            found.append(p.Coupon(name, face, minimum, days, category))
        return tuple(found)

    def steps(self, data: Any, coupons: tuple[p.Coupon, ...]) -> tuple[p.Step, ...]:
        if not isinstance(data, list) or not data:
            self.wrong("steps", "not_a_list")
            return ()
        names = [s.get("name") if isinstance(s, dict) else None for s in data]
        steps: list[p.Step] = []
        for i, spec in enumerate(data):
            path = f"steps[{i}]"
            if not isinstance(names[i], str) or not _NAME.match(str(names[i])) or len(str(names[i])) > 40:
                self.wrong(f"{path}.name", "bad_name", found=str(names[i]))
            elif names[i] in names[:i]:
                self.wrong(f"{path}.name", "twice", found=names[i])
            below = [str(n) for n in names[i + 1 :]]
            kinds = [k for k in ("effect", "wait", "branch", "exit") if isinstance(spec, dict) and k in spec]
            if len(kinds) != 1:
                self.wrong(path, "not_one_kind", options="effect, wait, branch, exit")
                continue
            read: dict[str, Callable[..., p.Step]] = {"effect": self.effect, "wait": self.wait, "branch": self.branch, "exit": self.exit}
            steps.append(read[kinds[0]](spec, str(names[i]), path, below if kinds[0] != "effect" else [c.name for c in coupons]))
        return tuple(steps)

    def effect(self, spec: dict[str, Any], name: str, path: str, coupons: list[str]) -> p.Effect:
        spec = self.mapping(spec, path, ("name", "effect", "words", "coupons", "expires_days", "hold_days", "failover"))
        channel = self.choice(spec["effect"], f"{path}.effect", p.CHANNELS)
        used = spec.get("coupons", [])
        if not isinstance(used, list):
            self.wrong(f"{path}.coupons", "not_a_list")
            used = []
        used = [self.choice(c, f"{path}.coupons[{i}]", coupons) for i, c in enumerate(used)]
        if channel == "coupon" and not used:
            self.wrong(f"{path}.coupons", "missing")
        said = self.words(spec.get("words"), f"{path}.words", channel, used) if channel in ("leader_task", "message") else {}
        failover = self.choice(spec["failover"], f"{path}.failover", ("message",)) if "failover" in spec else ""
        if failover and not all(say.title for say in said.values()):
            self.wrong(f"{path}.words", "failover_needs_title")
        return p.Effect(
            name=name,
            channel=channel,
            words=said,
            coupons=tuple(used),
            expires_days=self.number(spec.get("expires_days", 3), f"{path}.expires_days", 0.25, 60),
            hold_days=self.number(spec.get("hold_days", 7), f"{path}.hold_days", 0, 60),
            failover=failover,
        )

    def words(self, data: Any, path: str, channel: str, coupons: list[str]) -> dict[str, p.Say]:
        allowed = {*words.FACTS, *(f"coupon.{c}" for c in coupons), *(["pack"] if coupons else [])}
        always = allowed - set(words.FACTS) | {"hello"}
        found = {}
        for language, spec in self.mapping(data, path, ("zh", "en"), ("zh", "en")).items():
            at = f"{path}.{language}"
            spec = self.mapping(spec, at, ("title", "say"), ("say",) if channel == "leader_task" else ("title", "say"))
            choices = spec.get("say")
            choices = [choices] if isinstance(choices, str) else choices
            if not isinstance(choices, list) or not choices:
                self.wrong(f"{at}.say", "not_text")
                continue
            texts = [" ".join(self.text(t, f"{at}.say[{i}]").split()) for i, t in enumerate(choices)]
            last = [self.claims(t, f"{at}.say[{i}]", allowed) for i, t in enumerate(texts)][-1]
            if unsure := sorted(set(last) & allowed - always):
                self.wrong(f"{at}.say[{len(texts) - 1}]", "may_be_unknown", placeholders=", ".join(unsure))
            title = self.text(spec["title"], f"{at}.title") if "title" in spec else ""
            self.claims(title, f"{at}.title", allowed & always)
            found[language] = p.Say(title, tuple(texts))
        return found

    def claims(self, text: str, path: str, allowed: set[str]) -> list[str]:
        """Words may name only what is held: placeholders that exist, and no figure of their own."""
        try:
            used = words.placeholders(text)
            typed = words.typed_claims(text)
        except ValueError as error:
            self.wrong(path, "bad_placeholder", found=str(error))
            return []
        for name in used:
            if name not in allowed:
                self.wrong(path, "unknown_placeholder", found=name, suggestion=suggest(name, allowed), options=", ".join(sorted(allowed)))
        for claim in typed:
            self.wrong(path, "claim_typed", found=claim)
        if len(text) > words.MOST_CHARACTERS:
            self.wrong(path, "too_long", most=words.MOST_CHARACTERS)
        return used

    def goes(self, data: Any, path: str, outcomes: tuple[str, ...], below: list[str]) -> dict[str, str]:
        """Where outcomes lead: only forward, so that every run ends."""
        found = self.mapping(data, path, outcomes)
        return {k: self.choice(v, f"{path}.{k}", below) for k, v in found.items() if k in outcomes}

    def wait(self, spec: dict[str, Any], name: str, path: str, below: list[str]) -> p.Wait:
        spec = self.mapping(spec, path, ("name", "wait", "goes"))
        wait = self.mapping(spec["wait"], f"{path}.wait", ("days", "until"), ("days",))
        days = self.number(wait.get("days"), f"{path}.wait.days", 0.01, 366)
        until = self.choice(wait["until"], f"{path}.wait.until", tuple(p.WAITS)) if "until" in wait else ""
        return p.Wait(
            name, days, until, self.goes(spec.get("goes", {}), f"{path}.goes", ("met", "timeout") if until else ("timeout",), below)
        )

    def branch(self, spec: dict[str, Any], name: str, path: str, below: list[str]) -> p.Branch:
        spec = self.mapping(spec, path, ("name", "branch", "goes"))
        if isinstance(spec.get("goes"), dict):  # YAML 1.1 reads a plain yes as true
            spec["goes"] = {{True: "yes", False: "no"}.get(k, k): v for k, v in spec["goes"].items()}
        branch = self.mapping(spec["branch"], f"{path}.branch", ("if", "split"))
        if ("if" in branch) == ("split" in branch):
            self.wrong(f"{path}.branch", "not_one_kind", options="if, split")
        if "if" in branch:
            goes = self.goes(spec.get("goes", {}), f"{path}.goes", ("yes", "no"), below)
            return p.Branch(name, test=self.rule(branch["if"], f"{path}.branch.if"), goes=goes)
        split = branch.get("split")
        shares = {k: self.number(v, f"{path}.branch.split.{k}", 0, 1) for k, v in (split if isinstance(split, dict) else {}).items()}
        for target in shares:
            self.choice(target, f"{path}.branch.split.{target}", below)
        if abs(sum(shares.values()) - 1) > 1e-9:
            self.wrong(f"{path}.branch.split", "not_whole", found=sum(shares.values()))
        return p.Branch(name, shares=tuple(shares.items()))

    def exit(self, spec: dict[str, Any], name: str, path: str, below: list[str]) -> p.Exit:
        spec = self.mapping(spec, path, ("name", "exit"))
        reason = self.text(spec["exit"], f"{path}.exit")
        if not _NAME.match(reason):
            self.wrong(f"{path}.exit", "bad_name", found=reason)
        return p.Exit(name, reason)
