"""A member was erased: what was written to them or about them goes, what was done and what it cost stays."""

from __future__ import annotations

from linli.engage import models
from linli.kernel import effects


def forget(region: str, member_id: int) -> None:
    """Empty messages, tasks and runs of one member. Again changes nothing."""
    mine = {"region": region, "member_id": member_id}
    models.InboxMessage.objects.filter(**mine).delete()
    models.LeaderTask.objects.filter(**mine).update(words="", said="", reasons=[])
    models.Run.objects.filter(**mine).update(facts={}, error="")
    effects.redact(region=region, subject=f"member:{member_id}")
