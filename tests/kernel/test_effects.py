"""Effects: one answer for a key for ever; what may or may not have happened is unknown, and never repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.kernel import clocks, effects, ids
from linli.kernel.models import Effect
from linli.kernel.refusals import Refusal

pytestmark = pytest.mark.django_db

State = Effect.State


def _decide(state: Effect.State = State.HELD, key: str = "run:1/hello") -> tuple[Effect, bool]:
    return effects.decide(key=key, kind="wecom", subject="member:17", origin="playbook:hello", region="us-demo", state=state)


def test_a_key_is_answered_once() -> None:
    effect, fresh = _decide()
    again, fresh_again = _decide(State.DROPPED)
    assert (fresh, fresh_again, again.pk, again.state) == (True, False, effect.pk, State.HELD)
    assert effect.pk == ids.named("us-demo/run:1/hello")


def test_a_delivery_outside_happens_once() -> None:
    sent: list[str] = []
    effect, _ = _decide()
    assert effects.deliver_outside(effect, lambda e: sent.append(e.key)) == State.DELIVERED
    assert effects.deliver_outside(effect, lambda e: sent.append(e.key)) == State.DELIVERED
    assert sent == ["run:1/hello"]


def test_a_providers_refusal_drops_it() -> None:
    effect, _ = _decide()

    def refuse(_: Effect) -> None:
        raise Refusal("wecom.blocked")

    assert effects.deliver_outside(effect, refuse) == State.DROPPED
    assert Effect.objects.get().reason == "wecom.blocked"


def test_a_timeout_is_unknown_and_not_repeated() -> None:
    effect, _ = _decide()

    def timeout(_: Effect) -> None:
        raise TimeoutError

    assert effects.deliver_outside(effect, timeout) == State.UNKNOWN
    assert effects.deliver_outside(effect, lambda e: pytest.fail("it may have arrived")) == State.UNKNOWN


def test_a_crash_between_claim_and_answer_is_unknown_until_reconciled() -> None:
    effect, _ = _decide()

    def crash(_: Effect) -> None:
        raise KeyboardInterrupt  # ends the process: nothing is recorded

    with pytest.raises(KeyboardInterrupt):
        effects.deliver_outside(effect, crash)
    assert Effect.objects.get().state == State.DELIVERING
    assert effects.lost() == 0
    with clocks.fixed(machine=clocks.machine_now() + timedelta(minutes=3)):
        assert effects.lost() == 1
    assert Effect.objects.get().state == State.UNKNOWN
    effects.reconcile(effect.pk, happened=False)
    sent: list[str] = []
    assert effects.deliver_outside(effect, lambda e: sent.append(e.key)) == State.DELIVERED
    effects.reconcile(effect.pk, happened=False)  # it is known by now
    assert (Effect.objects.get().state, len(sent)) == (State.DELIVERED, 1)


def test_reconciled_as_delivered_is_never_sent_again() -> None:
    effect, _ = _decide()
    Effect.objects.update(state=State.UNKNOWN)
    effects.reconcile(effect.pk, happened=True)
    assert effects.deliver_outside(effect, lambda e: pytest.fail("it arrived")) == State.DELIVERED


def test_a_delivery_here_stands_or_falls_with_its_record() -> None:
    effect, _ = _decide()

    def half(_: Effect) -> None:
        _decide(key="inside")
        raise ValueError

    with pytest.raises(ValueError):
        effects.deliver_here(effect, half)
    assert [e.state for e in Effect.objects.all()] == [State.HELD]
    effects.deliver_here(effect, lambda e: _decide(key="inside"))
    assert Effect.objects.get(key="run:1/hello").state == State.DELIVERED
    assert Effect.objects.filter(key="inside").exists()


def test_a_delivery_here_happens_once() -> None:
    effect, _ = _decide()
    sent: list[str] = []
    effects.deliver_here(effect, lambda e: sent.append(e.key))
    effects.deliver_here(effect, lambda e: sent.append(e.key))
    assert sent == ["run:1/hello"]


def test_a_withheld_effect_is_never_delivered() -> None:
    effect, _ = _decide(State.WITHHELD)
    effects.deliver_here(effect, lambda e: pytest.fail("the holdout gets nothing"))
    assert effects.deliver_outside(effect, lambda e: pytest.fail("the holdout gets nothing")) == State.WITHHELD
