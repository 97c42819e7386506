"""Runs: each member's way through a launch. Steps are done once, whoever does them and however often it is tried.

A run stands at a step until `due_at`, or until an event it waits for. Doing a step writes the passage (unique per
run and step), the gate's answer (unique effect key per run and step) and the run's next stand in one transaction:
a worker that dies in between leaves nothing, two workers find the second one's rows taken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction

from linli.engage import delivery, ending, erasing, knowledge, launching, library, models, notices, plan, tasks
from linli.engage import playbook as p
from linli.engage.delivery import Scene
from linli.kernel import clocks
from linli.kernel.models import Event, WorkRow

log = logging.getLogger(__name__)

launch, stop = launching.launch, launching.stop

State = models.Run.State
CHUNK = 50

_WAITED = {kind: name for name, kinds in p.WAITS.items() for kind in kinds}
NOTICES = ("trade.order_ready", "trade.order_cancelled", "trade.order_extended", "trade.order_refunded", "trade.aftersale_answered")
KINDS = (*sorted(_WAITED), "people.consent_changed", "people.member_erased", *NOTICES)
"""What the reader "engage.runs" hears."""


# --- the day's step ---------------------------------------------------------------------------------------


def advance(region: str, as_of: datetime | None = None) -> int:
    """Do all that is due in a region: members enter, steps are done, waits time out, tasks expire, launches end.

    Returns how many runs moved. Safe at any moment, any number of times, by several workers.
    """
    now = as_of or clocks.business_now()
    moved = 0
    for launch_id in list(models.Launch.objects.filter(region=region, state="running").order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            launch = _locked(region, launch_id)
            if launch is not None:
                launching.enter(launch, library.of(launch), now)
        moved += step_launch(region, launch_id, now)
    tasks.expire_all(region, now)
    for launch_id in list(models.Launch.objects.filter(region=region, state="running").order_by("pk").values_list("pk", flat=True)):
        _end_if_empty(region, launch_id, now)
    return moved


def step_due(row: WorkRow) -> None:
    """Work handler of "engage.step": the due runs of one launch."""
    step_launch(row.region, int(row.payload["launch_id"]), clocks.business_now())


def step_launch(region: str, launch_id: int, now: datetime) -> int:
    """Do the due steps of one launch, in chunks that commit by themselves. Returns how many runs moved."""
    moved = 0
    while True:
        with transaction.atomic():
            runs = _due(region, launch_id, now)
            if not runs:
                return moved
            scene = delivery.scene(runs[0].launch, runs, now)
            for run in runs:
                guarded(run, partial(_move, run, scene))
            moved += len(runs)


def _due(region: str, launch_id: int, now: datetime) -> list[models.Run]:
    found = models.Run.objects.select_related("launch__version").filter(
        region=region, launch_id=launch_id, launch__state="running", state__in=[State.MOVING, State.WAITING], due_at__lte=now
    )
    # Most to lose first: the leader's day and the budget go to whom they matter most.
    skip = connection.features.has_select_for_update_skip_locked
    return list(found.select_for_update(skip_locked=skip, of=("self",)).order_by("-priority", "pk")[:CHUNK])


def _locked(region: str, launch_id: int) -> models.Launch | None:
    found = models.Launch.objects.select_for_update(of=("self",)).select_related("version")
    return found.filter(region=region, pk=launch_id, state="running").first()


def _end_if_empty(region: str, launch_id: int, now: datetime) -> None:
    with transaction.atomic():
        launch = _locked(region, launch_id)
        if launch is None or now <= launch.enter_until or launch.entered_as_of is None:
            return
        busy = launch.runs.filter(state__in=[State.MOVING, State.WAITING]).exists()
        if not busy and not models.LeaderTask.objects.filter(region=region, launch=launch, state="open").exists():
            ending.end(launch, models.Launch.State.FINISHED, "done", None)


def guarded(run: models.Run, step: Callable[[], None]) -> None:
    """A defect in one run is written on that run; the others go on."""
    try:
        with transaction.atomic():
            step()
    except Exception as error:
        log.exception("run %s failed at %s", run.pk, run.step)
        told_error = f"{type(error).__name__}: {error}"[:1000]
        models.Run.objects.filter(pk=run.pk).update(state=State.FAILED, reason="defect", error=told_error, due_at=None)


# --- one run ----------------------------------------------------------------------------------------------


def _move(run: models.Run, scene: Scene) -> None:
    """Do what is due for a locked run: its effect, or the end of its wait, then on to the next stop."""
    step = scene.book.step(run.step)
    if isinstance(step, p.Wait) and run.state == State.WAITING:
        end_wait(run, scene, "met" if _happened(run, step, scene.now) else "timeout")
    elif isinstance(step, p.Effect) and run.state == State.MOVING:
        _do(run, step, scene)
    else:
        _go_on(run, step, scene)


def _do(run: models.Run, step: p.Effect, scene: Scene) -> None:
    answer = delivery.decide(run, step, scene)
    if answer.kind == "hold" and answer.until is not None:
        run.since = run.since or scene.now
        run.due_at = answer.until
        run.save(update_fields=["since", "due_at"])
        launching.step_at(scene.launch, answer.until)
        return
    _pass(run, [plan.Passed(step.name, answer.kind)], scene)
    if answer.reason == "member_gone":
        ending.finish(run, "member_gone", scene.launch)
        return
    _go_on(run, plan.after_effect(scene.book, step), scene)


def _go_on(run: models.Run, step: p.Step | None, scene: Scene) -> None:
    """Walk until something is to be done or waited for. An effect is done at once."""
    stop = plan.walk(
        scene.book,
        step,
        member_id=run.member_id,
        salt=scene.launch.salt,
        facts=lambda: knowledge.facts_now(run.member_id),
        names=scene.names,
    )
    _pass(run, stop.passed, scene)
    if stop.step is None:
        ending.finish(run, stop.reason, scene.launch)
        return
    run.step, run.since = stop.step.name, scene.now
    if isinstance(stop.step, p.Wait):
        run.state, run.wait_kind = State.WAITING, stop.step.until
        run.due_at = scene.now + timedelta(days=stop.step.days)
        launching.step_at(scene.launch, run.due_at)
        run.save(update_fields=["step", "since", "state", "wait_kind", "due_at"])
        return
    run.state, run.wait_kind, run.since, run.due_at = State.MOVING, "", None, scene.now
    run.save(update_fields=["step", "since", "state", "wait_kind", "due_at"])
    _do(run, stop.step, scene)


def _pass(run: models.Run, passed: Sequence[plan.Passed], scene: Scene) -> None:
    models.Passage.objects.bulk_create(
        models.Passage(region=run.region, launch=scene.launch, run=run, step=s.step, arm=run.arm, outcome=s.outcome[:48], at=scene.now)
        for s in passed
    )


def end_wait(run: models.Run, scene: Scene, outcome: str) -> None:
    """A wait is over: by what it waited for (met), or by time."""
    step = scene.book.step(run.step)
    if not isinstance(step, p.Wait):
        return
    _pass(run, [plan.Passed(step.name, outcome)], scene)
    if outcome == "met" and step.until == "purchase":
        tasks.withdraw(run)  # who came back by themselves isn't chased
    _go_on(run, plan.after_wait(scene.book, step, outcome), scene)


def _happened(run: models.Run, step: p.Wait, now: datetime) -> bool:
    """Whether the log holds what was waited for. A time-out asks the log and not only the reader: the row that says
    "time's up" may be looked at before the reader has brought the purchase of the hour before."""
    if not step.until or run.since is None or run.due_at is None:
        return False
    found = Event.objects.filter(
        region=run.region,
        subject=f"member:{run.member_id}",
        kind__in=p.WAITS[step.until],
        happened_at__gt=run.since,
        happened_at__lte=run.due_at,
        recorded_at__lte=now,
    )
    own = step.until.startswith("task_")
    return any(not own or e.payload.get("launch_id") == run.launch_id for e in found[:50])


# --- what is heard ----------------------------------------------------------------------------------------


def on_event(batch: list[Event]) -> None:
    """Reader "engage.runs": ends waits, obeys a withdrawn consent, brings transactional notices into the inbox."""
    for event in batch:
        member_id = event.payload.get("member_id")
        if member_id is None:
            continue
        if event.kind in NOTICES:
            notices.notify(event)
        if event.kind == "people.member_erased":
            erasing.forget(event.region, int(member_id))
            continue
        if event.kind == "people.consent_changed":
            if not event.payload["granted"]:
                _consent_withdrawn(event.region, int(member_id), event.payload["scope"])
            continue
        if event.kind in _WAITED:
            _meet(event, int(member_id), _WAITED[event.kind])


def _meet(event: Event, member_id: int, waited: str) -> None:
    found = (
        models.Run.objects.select_for_update(of=("self",))
        .select_related("launch__version")
        .filter(region=event.region, member_id=member_id, state=State.WAITING, wait_kind=waited, launch__state="running")
        .filter(since__lt=event.happened_at, due_at__gte=event.happened_at)
    )
    if waited.startswith("task_"):
        found = found.filter(launch_id=event.payload["launch_id"])
    for run in found.order_by("pk"):
        scene = delivery.scene(run.launch, [run], clocks.business_now())
        guarded(run, partial(end_wait, run, scene, "met"))


def _consent_withdrawn(region: str, member_id: int, scope: str) -> None:
    """Who says no is left alone at once: profiling ends the runs, messages takes the open tasks back."""
    mine = models.Run.objects.select_for_update(of=("self",)).select_related("launch__version")
    for run in mine.filter(region=region, member_id=member_id, state__in=[State.MOVING, State.WAITING]).order_by("pk"):
        if scope == "profiling":
            ending.finish(run, "consent_withdrawn", run.launch)
        elif scope == "messages":
            tasks.withdraw(run)
