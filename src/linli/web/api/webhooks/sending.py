"""Sending: a reader of the log writes a delivery and its due row with the cursor; the worker posts it until it is understood.

A receiver that answers 2xx has understood. Anything else is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
20 h, 24 h (the specification's schedule, on the machine's clock), then given up. A receiver that knows `webhook-id` may
be told twice: an answer lost on the way can't be told from one that never was.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from linli.kernel import clocks, events, ids, work
from linli.kernel.models import Event, WorkRow
from linli.kernel.refusals import Refusal
from linli.web.api.webhooks import addresses, hooks, signing
from linli.web.events import WebhookFailed
from linli.web.models import Webhook, WebhookDelivery

if TYPE_CHECKING:
    import httpx

SEND = "web.send_webhook"
LATER = tuple(timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
TIMEOUT_S = 10.0
FAILED_AFTER = timedelta(days=5)
"""How long every try of a webhook may fail before it is switched off."""

KEPT = timedelta(days=30)
MOST_SAID = 300


def on_events(batch: list[Event]) -> None:
    """Write what the subscribed webhooks are to be sent; once a webhook and event, whoever reads it again."""
    live = list(Webhook.objects.filter(state=Webhook.State.ON, removed_at=None, region__in={e.region for e in batch}))
    if not live:
        return
    now = clocks.machine_now()
    rows = [
        WebhookDelivery(
            id=ids.named(f"delivery/{hook.pk}/{event.uid}"),
            region=event.region,
            webhook=hook,
            event_uid=event.uid,
            kind=event.kind,
            body=_body(event),
            made_at=now,
        )
        for event in batch
        for hook in live
        if hook.region == event.region and event.kind in hook.kinds and event.kind.startswith(hooks.TOLD_ROOMS)
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    for row in rows:
        _due(row, now)


def on_erased(batch: list[Event]) -> None:
    """Members were erased: what was sent of the facts that named them is kept no longer."""
    for gone in batch:
        named = [e.uid for e in events.about(gone.subject, region=gone.region, limit=None) if events.KINDS[e.kind].personal]
        WebhookDelivery.objects.filter(region=gone.region, event_uid__in=named).delete()


def _due(row: WebhookDelivery, at: datetime) -> None:
    """One due row a try: its own attempts are for a worker that died, not for a receiver that is down."""
    work.schedule(
        SEND, key=f"{row.pk}/{row.round}/{row.tries}", due_at=at, region=row.region, payload={"delivery": str(row.pk)}, clock="machine"
    )


def _body(event: Event) -> str:
    told = {
        "type": event.kind,
        "timestamp": event.happened_at.isoformat(),
        "data": {"region": event.region, "subject": event.subject, "version": event.version, **event.payload},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def send_due(row: WorkRow) -> None:
    """Try one delivery (long work: no transaction is held while somebody else's machine thinks)."""
    delivery = WebhookDelivery.objects.select_related("webhook").filter(pk=row.payload["delivery"], region=row.region).first()
    if delivery is None or delivery.state != WebhookDelivery.State.WAITING or row.key != _key(delivery):
        return
    hook = delivery.webhook
    if hook.state != Webhook.State.ON:
        _end(delivery, "off")
        return
    status, said = _post(hook, delivery)
    _settle(delivery, hook, status, said)


def _key(delivery: WebhookDelivery) -> str:
    return f"{delivery.pk}/{delivery.round}/{delivery.tries}"


def _post(hook: Webhook, delivery: WebhookDelivery) -> tuple[int | None, str]:
    """What the receiver answered: its status, and what it said when that was no success."""
    import httpx

    now = clocks.machine_now()
    numbers = [hook.secret_no]
    if hook.rotated_until is not None and now < hook.rotated_until and hook.secret_no > 1:
        numbers.append(hook.secret_no - 1)
    body = delivery.body.encode()
    told = signing.headers([signing.secret(hook.pk, n) for n in numbers], str(delivery.pk), now, body)
    try:
        there = addresses.target(hook.url)
    except Refusal as refusal:
        return None, refusal.code
    told |= {"Host": there.host_header, "Content-Type": "application/json", "User-Agent": "Linli-Webhooks/1"}
    try:
        # trust_env off: a proxy of the environment would be asked to fetch what we have just judged by address.
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", there.address, content=body, headers=told, extensions={"sni_hostname": there.host}) as answer,
        ):
            said = b"" if answer.is_success else _beginning(answer)
            return answer.status_code, said.decode(errors="replace").replace("\0", "")
    except httpx.HTTPError as error:
        return None, type(error).__name__
    except ValueError as error:  # a certificate or a header that can't be
        return None, str(error)


def _beginning(answer: httpx.Response) -> bytes:
    """What fits the row of it: a receiver can't fill our memory."""
    said = b""
    for part in answer.iter_raw(chunk_size=1024):
        said += part
        if len(said) >= MOST_SAID:
            break
    return said[:MOST_SAID]


@transaction.atomic
def _settle(delivery: WebhookDelivery, hook: Webhook, status: int | None, said: str) -> None:
    """Write what came of a try, and when the next one is due."""
    hook = Webhook.objects.select_for_update().get(pk=hook.pk)
    delivery = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
    if delivery.state != WebhookDelivery.State.WAITING:
        return
    now = clocks.machine_now()
    delivery.tries += 1
    delivery.tried_at, delivery.status, delivery.said = now, status, said[:MOST_SAID]
    if status is not None and 200 <= status < 300:
        delivery.state, delivery.delivered_at = WebhookDelivery.State.DELIVERED, now
        hook.succeeded_at, hook.failing_since = now, None
    elif delivery.tries > len(LATER) or status == 410:
        delivery.state = WebhookDelivery.State.GIVEN_UP
    else:
        _due(delivery, now + LATER[delivery.tries - 1])
    if delivery.state != WebhookDelivery.State.DELIVERED:
        hook.failing_since = hook.failing_since or now
        if status == 410 or now - hook.failing_since >= FAILED_AFTER:
            _fail(hook)
    delivery.save(update_fields=["tries", "tried_at", "status", "said", "state", "delivered_at"])
    hook.save(update_fields=["succeeded_at", "failing_since", "state"])


def _fail(hook: Webhook) -> None:
    """Switch off an address that no longer hears (410 says so itself)."""
    if hook.state != Webhook.State.ON or hook.failing_since is None:
        return
    hook.state = Webhook.State.FAILED
    fact = WebhookFailed(str(hook.pk), hook.failing_since.isoformat())
    events.append(fact, region=hook.region, subject=f"webhook:{hook.pk}")


def _end(delivery: WebhookDelivery, said: str) -> None:
    waiting = WebhookDelivery.objects.filter(pk=delivery.pk, state=WebhookDelivery.State.WAITING)
    waiting.update(state=WebhookDelivery.State.GIVEN_UP, said=said, tried_at=clocks.machine_now())


@transaction.atomic
def again(*, region: str, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> None:
    """Send a delivery once more, now, with its id and body as they were. Raises Refusal: api.no_such_webhook, api.no_such_delivery."""
    hook = hooks.find(region, webhook_id)
    found = WebhookDelivery.objects.select_for_update().filter(region=region, webhook=hook, pk=delivery_id).first()
    if found is None:
        raise Refusal("api.no_such_delivery")
    found.state, found.tries, found.round = WebhookDelivery.State.WAITING, 0, min(found.round + 1, 32_000)
    found.save(update_fields=["state", "tries", "round"])
    _due(found, clocks.machine_now())


def send_test(*, region: str, webhook_id: uuid.UUID) -> uuid.UUID:
    """Send a made-up fact (`linli.test`), so that the receiver can be tried. Raises Refusal: api.no_such_webhook."""
    hook = hooks.find(region, webhook_id)
    now = clocks.machine_now()
    told = {"type": "linli.test", "timestamp": now.isoformat(), "data": {"region": region, "webhook_id": str(hook.pk)}}
    with transaction.atomic():
        uid = ids.new()
        row = WebhookDelivery.objects.create(
            id=ids.named(f"delivery/{hook.pk}/{uid}"),
            region=region,
            webhook=hook,
            event_uid=uid,
            kind="linli.test",
            body=json.dumps(told),
            made_at=now,
        )
        _due(row, now)
    return row.pk


def sweep() -> int:
    """Forget deliveries older than a month that are settled, and webhooks removed before."""
    old = clocks.machine_now() - KEPT
    gone = WebhookDelivery.objects.filter(made_at__lt=old).exclude(state=WebhookDelivery.State.WAITING).delete()[0]
    return gone + Webhook.objects.filter(removed_at__lt=old).delete()[0]
