"""Webhooks: addresses that hear of events, and what they were sent."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Cursor, Done, Flag, In, Out, Page, Size
from linli.web.api.webhooks import hooks, sending

area = Area("webhooks", "Webhooks")

Kinds = Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Url = Annotated[str, Field(min_length=8, max_length=500)]


class NewWebhook(In):
    """An address (https, public) and the kinds of events it wants."""

    name: Name
    url: Url
    kinds: Kinds


class WebhookFields(In):
    """What can be changed; what is left out stays."""

    name: Name | None = None
    url: Url | None = None
    kinds: Kinds | None = None


class Secret(Out):
    """A secret, told this once: keep it where the receiver checks signatures."""

    webhook_id: uuid.UUID
    secret: str


class Webhook(Out):
    """A webhook. `state` failed: switched off since every try failed for five days."""

    webhook_id: uuid.UUID
    name: str
    url: str
    kinds: list[str]
    state: str
    made_at: datetime
    failing_since: datetime | None
    succeeded_at: datetime | None
    secret_no: int
    rotated_until: datetime | None
    waiting_count: int


class Delivery(Out):
    """One event for one webhook; `said` is what came back when it was no success."""

    delivery_id: uuid.UUID
    kind: str
    state: str
    tries: int
    made_at: datetime
    tried_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    said: str


class Sent(Out):
    """A delivery was written and goes out at once."""

    delivery_id: uuid.UUID


class Switch(In):
    """On, or off."""

    on: Flag


class Rotation(In):
    """The number of the secret that is to be replaced."""

    secret_no: Annotated[int, Field(strict=True, ge=1, le=10**6)]


@area.get("/webhook-kinds", who=("operator",), response=list[str])
def list_webhook_kinds(request: Call) -> Any:
    """Every kind of event that can be subscribed to; docs/events.md tells their fields."""
    return hooks.kinds()


@area.get("/webhooks", who=("operator",), response=list[Webhook])
def list_webhooks(request: Call) -> Any:
    """The region's webhooks."""
    return hooks.of_region(request.actor.region)


@area.post("/webhooks", who=("operator",), response=Secret, status=201, secret=True)
def make_webhook(request: Call, body: NewWebhook) -> Any:
    """Subscribe an address; its secret is told this once."""
    return hooks.make(region=request.actor.region, name=body.name, url=body.url, wanted=body.kinds, by=request.by, key=request.key)


@area.get("/webhooks/{webhook_id}", who=("operator",), response=Webhook)
def get_webhook(request: Call, webhook_id: uuid.UUID) -> Any:
    """One webhook."""
    return hooks.one(request.actor.region, webhook_id)


@area.patch("/webhooks/{webhook_id}", who=("operator",), response=Done)
def change_webhook(request: Call, webhook_id: uuid.UUID, body: WebhookFields) -> Any:
    """Change a webhook's name, address or kinds."""
    hooks.change(region=request.actor.region, webhook_id=webhook_id, by=request.by, name=body.name, url=body.url, wanted=body.kinds)
    return {}


@area.delete("/webhooks/{webhook_id}", who=("operator",), response=Done)
def remove_webhook(request: Call, webhook_id: uuid.UUID) -> Any:
    """Remove a webhook."""
    hooks.remove(region=request.actor.region, webhook_id=webhook_id, by=request.by)
    return {}


@area.put("/webhooks/{webhook_id}/state", who=("operator",), response=Done)
def switch_webhook(request: Call, webhook_id: uuid.UUID, body: Switch) -> Any:
    """Switch a webhook on or off; off, it hears nothing and nothing is kept for it."""
    hooks.switch(region=request.actor.region, webhook_id=webhook_id, on=body.on, by=request.by)
    return {}


@area.post("/webhooks/{webhook_id}/rotate", who=("operator",), response=Secret, secret=True)
def rotate_webhook(request: Call, webhook_id: uuid.UUID, body: Rotation) -> Any:
    """Give a webhook a new secret; for a day the one before signs as well."""
    return hooks.rotate(region=request.actor.region, webhook_id=webhook_id, secret_no=body.secret_no, by=request.by)


@area.post("/webhooks/{webhook_id}/test", who=("operator",), response=Sent, status=201)
def test_webhook(request: Call, webhook_id: uuid.UUID) -> Any:
    """Send a made-up event (`linli.test`) to try the receiver."""
    return {"delivery_id": sending.send_test(region=request.actor.region, webhook_id=webhook_id)}


@area.get("/webhooks/{webhook_id}/deliveries", who=("operator",), response=Page[Delivery])
def list_deliveries(
    request: Call,
    webhook_id: uuid.UUID,
    state: Literal["waiting", "delivered", "given_up"] | None = None,
    cursor: Cursor = "",
    size: Size = 50,
) -> Any:
    """What a webhook was sent, newest first."""
    part = hooks.deliveries(request.actor.region, webhook_id, state=state or "", after=cursor, size=size)
    return {"items": part.rows, "next": part.after}


@area.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/again", who=("operator",), response=Done)
def redeliver(request: Call, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Any:
    """Send a delivery once more, now, with its id and body as they were."""
    sending.again(region=request.actor.region, webhook_id=webhook_id, delivery_id=delivery_id)
    return {}
