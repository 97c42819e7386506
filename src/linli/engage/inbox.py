"""The shop's inbox: seen, once."""

from __future__ import annotations

from django.db import transaction

from linli.engage import events as told
from linli.engage import models
from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal


@transaction.atomic
def see(*, region: str, message_id: int, member_id: int) -> None:
    """The member opened it. Again changes nothing. Raises Refusal engage.no_message, also for another member's."""
    message = models.InboxMessage.objects.filter(region=region, pk=message_id, member_id=member_id).first()
    if message is None:
        raise Refusal("engage.no_message")
    _see(region, member_id, [message])


@transaction.atomic
def see_all(*, region: str, member_id: int) -> int:
    """The member opened the inbox. Returns how many were new."""
    return _see(
        region, member_id, list(models.InboxMessage.objects.filter(region=region, member_id=member_id, seen_at=None).order_by("pk"))
    )


def _see(region: str, member_id: int, messages: list[models.InboxMessage]) -> int:
    seen = 0
    for message in messages:
        if models.InboxMessage.objects.filter(pk=message.pk, region=region, seen_at=None).update(seen_at=clocks.business_now()):
            events.append(told.MessageSeen(message.pk, member_id, message.origin), region=region, subject=f"member:{member_id}")
            seen += 1
    return seen
