"""Subscriptions: which address hears of which facts; made, changed, switched off, given a new secret, removed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from linli.kernel import clocks, events, ids
from linli.kernel.paging import Slice, keyset
from linli.kernel.refusals import Refusal
from linli.web.api.webhooks import addresses, signing
from linli.web.events import WebhookChanged
from linli.web.models import Webhook, WebhookDelivery

MOST_HOOKS = 20
BOTH_SIGN = timedelta(days=1)
"""How long the secret before still signs after a new one was made."""

TOLD_ROOMS = ("trade.", "goods.", "fulfil.", "people.member_joined")
"""Facts that may leave the house; what is known of people, and what engage decides, stays."""


@dataclass(frozen=True)
class HookInfo:
    """A webhook as lists show it; its secret is told once, when it is made."""

    webhook_id: uuid.UUID
    region: str
    name: str
    url: str
    kinds: tuple[str, ...]
    state: str
    made_at: datetime
    failing_since: datetime | None
    succeeded_at: datetime | None
    secret_no: int
    rotated_until: datetime | None
    waiting_count: int


@dataclass(frozen=True)
class DeliveryInfo:
    """One event for one webhook; `said` is what came back when it failed."""

    delivery_id: uuid.UUID
    kind: str
    state: str
    tries: int
    made_at: datetime
    tried_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    said: str
    body: str


@dataclass(frozen=True)
class Made:
    """A webhook, and its secret, told this once."""

    webhook_id: uuid.UUID
    secret: str


def kinds() -> list[str]:
    """Every kind of fact that can be subscribed to."""
    return sorted(kind for kind in events.KINDS if kind.startswith(TOLD_ROOMS))


def _live(region: str) -> QuerySet[Webhook]:
    return Webhook.objects.filter(region=region, removed_at=None)


def find(region: str, webhook_id: uuid.UUID) -> Webhook:
    """A webhook of the region. Raises Refusal: api.no_such_webhook."""
    found = _live(region).filter(pk=webhook_id).first()
    if found is None:
        raise Refusal("api.no_such_webhook")
    return found


def _check(name: str, kinds_wanted: Sequence[str]) -> list[str]:
    wrong = []
    if not 0 < len(name) <= 64 or not name.isprintable():
        wrong.append("name")
    if not kinds_wanted or set(kinds_wanted) - set(kinds()):
        wrong.append("kinds")
    return wrong


@transaction.atomic
def make(*, region: str, name: str, url: str, wanted: Sequence[str], by: str, key: str) -> Made:
    """Subscribe an address to kinds of facts, from now on. The same key gives the same webhook.

    Raises Refusal: api.bad_webhook(fields), api.bad_webhook_address.
    """
    name = name.strip()
    if wrong := _check(name, wanted):
        raise Refusal("api.bad_webhook", fields=", ".join(wrong))
    addresses.target(url)
    webhook_id = ids.named(f"webhook/{region}/{key}")
    there = Webhook.objects.filter(pk=webhook_id).first()
    if there is not None:
        return Made(webhook_id, signing.secret(webhook_id, there.secret_no))
    if _live(region).count() >= MOST_HOOKS:
        raise Refusal("api.bad_webhook", fields=f"> {MOST_HOOKS}")
    Webhook.objects.create(
        id=webhook_id, region=region, name=name, url=url, kinds=sorted(set(wanted)), made_by=by, made_at=clocks.machine_now()
    )
    _tell(region, webhook_id, "made", by)
    return Made(webhook_id, signing.secret(webhook_id, 1))


def _tell(region: str, webhook_id: uuid.UUID, change: str, by: str) -> None:
    events.append(WebhookChanged(str(webhook_id), change, by), region=region, subject=f"webhook:{webhook_id}")


@transaction.atomic
def change(
    *, region: str, webhook_id: uuid.UUID, by: str, name: str | None = None, url: str | None = None, wanted: Sequence[str] | None = None
) -> None:
    """Change what is told. Raises Refusal: api.no_such_webhook, api.bad_webhook(fields), api.bad_webhook_address."""
    hook = find(region, webhook_id)
    hook.name = hook.name if name is None else name.strip()
    hook.kinds = hook.kinds if wanted is None else sorted(set(wanted))
    if wrong := _check(hook.name, hook.kinds):
        raise Refusal("api.bad_webhook", fields=", ".join(wrong))
    if url is not None:
        addresses.target(url)
        hook.url = url
    hook.save(update_fields=["name", "kinds", "url"])
    _tell(region, webhook_id, "changed", by)


@transaction.atomic
def switch(*, region: str, webhook_id: uuid.UUID, on: bool, by: str) -> None:
    """Switch a webhook on (also one that had failed for too long) or off; off, it hears nothing and nothing is kept for it.

    Raises Refusal: api.no_such_webhook.
    """
    hook = find(region, webhook_id)
    state = Webhook.State.ON if on else Webhook.State.OFF
    if hook.state == state:
        return
    hook.state, hook.failing_since = state, None
    hook.save(update_fields=["state", "failing_since"])
    _tell(region, webhook_id, "on" if on else "off", by)


@transaction.atomic
def rotate(*, region: str, webhook_id: uuid.UUID, secret_no: int, by: str) -> Made:
    """Give the webhook the secret after `secret_no`, told this once; for a day the one before signs as well.

    Asked again it is the same one. Raises Refusal: api.no_such_webhook, api.other_secret(secret_no).
    """
    find(region, webhook_id)
    hook = Webhook.objects.select_for_update().get(pk=webhook_id)
    if hook.secret_no == secret_no:
        hook.secret_no += 1
        hook.rotated_until = clocks.machine_now() + BOTH_SIGN
        hook.save(update_fields=["secret_no", "rotated_until"])
        _tell(region, webhook_id, "rotated", by)
    elif hook.secret_no != secret_no + 1:
        raise Refusal("api.other_secret", secret_no=hook.secret_no)
    return Made(webhook_id, signing.secret(webhook_id, hook.secret_no))


@transaction.atomic
def remove(*, region: str, webhook_id: uuid.UUID, by: str) -> None:
    """Forget a webhook; what it was sent stays to be looked up until it is swept. Raises Refusal: api.no_such_webhook."""
    find(region, webhook_id)
    _live(region).filter(pk=webhook_id).update(removed_at=clocks.machine_now(), state=Webhook.State.OFF)
    _tell(region, webhook_id, "removed", by)


def of_region(region: str) -> list[HookInfo]:
    """The region's webhooks, newest first."""
    waiting = Count("deliveries", filter=Q(deliveries__state=WebhookDelivery.State.WAITING))
    return [_info(hook, hook.waiting) for hook in _live(region).annotate(waiting=waiting).order_by("-made_at", "pk")]


def one(region: str, webhook_id: uuid.UUID) -> HookInfo:
    """One webhook. Raises Refusal: api.no_such_webhook."""
    hook = find(region, webhook_id)
    return _info(hook, hook.deliveries.filter(state=WebhookDelivery.State.WAITING).count())


def _info(hook: Webhook, waiting: int) -> HookInfo:
    return HookInfo(
        hook.pk,
        hook.region,
        hook.name,
        hook.url,
        tuple(hook.kinds),
        hook.state,
        hook.made_at,
        hook.failing_since,
        hook.succeeded_at,
        hook.secret_no,
        hook.rotated_until,
        waiting,
    )


def deliveries(region: str, webhook_id: uuid.UUID, *, state: str = "", after: str = "", size: int = 50) -> Slice[DeliveryInfo]:
    """What a webhook was sent, newest first. Raises Refusal: api.no_such_webhook, kernel.bad_cursor."""
    found = WebhookDelivery.objects.filter(region=region, webhook=find(region, webhook_id))
    if state:
        found = found.filter(state=state)
    part = keyset(found, ("-made_at", "-pk"), after=after, size=size)
    return Slice([_delivery(row) for row in part.rows], part.after)


def _delivery(row: WebhookDelivery) -> DeliveryInfo:
    return DeliveryInfo(row.pk, row.kind, row.state, row.tries, row.made_at, row.tried_at, row.delivered_at, row.status, row.said, row.body)
