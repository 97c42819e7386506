"""Effects: what reaches a person, or is withheld from one, once per key for ever.

An effect is decided (delivered at once, held until a time, withheld, dropped with a reason) in the transaction
of the step that wants it. Deliveries inside the database run in that transaction; a delivery that leaves it is
claimed first, and a crash between claim and answer leaves it "unknown", to be reconciled and never repeated.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from linli.kernel import clocks, ids
from linli.kernel.models import Effect

Deliver = Callable[[Effect], None]
State = Effect.State
LEASE = timedelta(minutes=2)


def decide(
    *,
    key: str,
    kind: str,
    subject: str,
    origin: str,
    region: str,
    state: Effect.State,
    reason: str = "",
    due_at: datetime | None = None,
    payload: dict[str, Any] | None = None,
) -> tuple[Effect, bool]:
    """Record the answer for `key`. Returns (effect, True) the first time, (the recorded one, False) ever after."""
    return Effect.objects.get_or_create(
        region=region,
        key=key,
        defaults={
            "id": ids.named(f"{region}/{key}"),
            "kind": kind,
            "subject": subject,
            "origin": origin,
            "payload": payload or {},
            "state": state,
            "reason": reason,
            "due_at": due_at,
            "decided_at": clocks.business_now(),
        },
    )


def settle(effect_id: uuid.UUID, *, state: Effect.State, reason: str = "", due_at: datetime | None = None) -> bool:
    """Give a held effect its next answer (held again, withheld, dropped, delivering here). False when another worker did."""
    return bool(
        Effect.objects.filter(pk=effect_id, state=State.HELD).update(
            state=state, reason=reason, due_at=due_at, decided_at=clocks.business_now()
        )
    )


def deliver_here(effect: Effect, deliver: Deliver) -> bool:
    """Deliver a held effect inside this transaction: the delivery and its record commit together, or neither.

    The record is the claim and comes first: of two workers one delivers, and what is withheld or dropped never is.
    Returns whether this call delivered.
    """
    with transaction.atomic():
        held = Effect.objects.filter(pk=effect.pk, state=State.HELD)
        if not held.update(state=State.DELIVERED, delivered_at=clocks.business_now()):
            return False
        deliver(effect)
        return True


def deliver_outside(effect: Effect, deliver: Deliver) -> Effect.State:
    """Deliver through a provider: claim (committed), call, record. Must not run inside a transaction.

    The provider's refusal (any exception of `deliver` that is a Refusal) drops it; any other end is unknown.
    """
    from linli.kernel.refusals import Refusal

    now = clocks.machine_now()
    with transaction.atomic(durable=True):  # a claim that could still be rolled back is none
        won = Effect.objects.filter(pk=effect.pk, state=State.HELD).update(state=State.DELIVERING, lease_until=now + LEASE)
    if not won:
        return Effect.State(Effect.objects.values_list("state", flat=True).get(pk=effect.pk))
    try:
        deliver(effect)
        state, reason = State.DELIVERED, ""
    except Refusal as refusal:
        state, reason = State.DROPPED, refusal.code
    except Exception as error:
        state, reason = State.UNKNOWN, type(error).__name__
    recorded = Effect.objects.filter(pk=effect.pk, state=State.DELIVERING).update(
        state=state, reason=reason, delivered_at=clocks.business_now() if state == State.DELIVERED else None
    )
    return state if recorded else State.UNKNOWN  # it took longer than its lease and was given up


def lost() -> int:
    """Deliveries whose process died in between become unknown. Returns how many."""
    found = Effect.objects.filter(state=State.DELIVERING, lease_until__lt=clocks.machine_now())
    return found.update(state=State.UNKNOWN, reason="crashed") if found.exists() else 0  # asked four times a second: no write for nothing


def reconcile(effect_id: uuid.UUID, *, happened: bool) -> None:
    """Settle an unknown one with what the provider says: delivered, or free to be delivered again."""
    Effect.objects.filter(pk=effect_id, state=State.UNKNOWN).update(
        state=State.DELIVERED if happened else State.HELD,
        reason="reconciled",
        delivered_at=clocks.business_now() if happened else None,
        due_at=None if happened else clocks.business_now(),
    )


def redact(*, region: str, subject: str) -> int:
    """Empty what was said to one subject; that and why something was said stays. Returns how many effects had something."""
    return Effect.objects.filter(region=region, subject=subject).exclude(payload={}).update(payload={})
