"""How a run ends, and how a launch does: what still lies open for members is taken back, the money goes home."""

from __future__ import annotations

from django.db.models import Q

from linli.engage import delivery, models, purse, tasks
from linli.engage import events as told
from linli.kernel import clocks, events

State = models.Run.State


def finish(run: models.Run, reason: str, launch: models.Launch) -> None:
    """End a run with its reason; what still lies open for the member is taken back."""
    changed = models.Run.objects.filter(pk=run.pk).exclude(state=State.FINISHED)
    if not changed.update(state=State.FINISHED, reason=reason, due_at=None, wait_kind="", finished_at=clocks.business_now()):
        return
    if reason in ("stopped", "member_gone", "consent_withdrawn"):
        tasks.withdraw(run)
    delivery.drop_held(run, launch, "stopped" if reason == "stopped" else "run_ended")
    fact = told.RunFinished(launch.pk, launch.slug, run.member_id, run.community_id, run.arm, reason)
    events.append(fact, region=run.region, subject=f"member:{run.member_id}")


def end(launch: models.Launch, state: str, reason: str, by: int | None) -> None:
    """End a locked, running launch."""
    launch.state, launch.stopped_at, launch.stopped_by, launch.stop_reason = state, clocks.business_now(), by, reason
    launch.save(update_fields=["state", "stopped_at", "stopped_by", "stop_reason"])
    active = models.Run.objects.select_for_update().filter(~Q(state__in=["finished", "failed"]), region=launch.region, launch=launch)
    for run in active.order_by("pk"):
        finish(run, "stopped", launch)
    events.append(told.LaunchStopped(launch.pk, launch.slug, reason, by), region=launch.region, subject=f"launch:{launch.pk}")
    purse.give_back(launch)
