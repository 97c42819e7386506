"""Walking through a playbook: pure, so that the preview, a launch and the twin take the very same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from linli.engage import audience, expression, rules
from linli.engage import playbook as p


@dataclass(frozen=True)
class Passed:
    """A step left behind, with its outcome."""

    step: str
    outcome: str


@dataclass(frozen=True)
class Stop:
    """Where a walk has to stop: before an effect, at a wait, or at the end with its reason."""

    passed: tuple[Passed, ...]
    step: p.Effect | p.Wait | None
    reason: str = ""


Facts = Callable[[], Mapping[str, Any]]


def walk(book: p.Playbook, start: p.Step | None, *, member_id: int, salt: str, facts: Facts, names: audience.Schema) -> Stop:
    """Go from `start` through branches until something has to be done or waited for. `facts` is asked only when needed."""
    passed: list[Passed] = []
    step = start
    while step is not None:
        match step:
            case p.Effect() | p.Wait():
                return Stop(tuple(passed), step)
            case p.Exit(name, reason):
                return Stop((*passed, Passed(name, "exit")), None, reason)
            case p.Branch(name):
                outcome, target = _branch(step, member_id, salt, facts, names)
                passed.append(Passed(name, outcome))
                step = book.step(target) if target else book.after(name)
    return Stop(tuple(passed), None, "end")


def _branch(step: p.Branch, member_id: int, salt: str, facts: Facts, names: audience.Schema) -> tuple[str, str]:
    if step.shares:
        target = rules.split(salt, step.name, member_id, step.shares)
        return target, target
    outcome = "yes" if audience.compile(step.test, names).check(facts()) else "no"
    return outcome, step.goes.get(outcome, "")


def after_effect(book: p.Playbook, step: p.Effect) -> p.Step | None:
    """An effect that was decided, whatever the answer, leads to the step below: both arms walk the same way."""
    return book.after(step.name)


def after_wait(book: p.Playbook, step: p.Wait, outcome: str) -> p.Step | None:
    """Where a wait leads by its outcome (met, timeout)."""
    target = step.goes.get(outcome, "")
    return book.step(target) if target else book.after(step.name)


def names_read(book: p.Playbook) -> set[str]:
    """Every name the branches read."""
    tests = [s.test for s in book.steps if isinstance(s, p.Branch) and s.test]
    return set().union(*(expression.names(expression.parse(t)) for t in tests)) if tests else set()
